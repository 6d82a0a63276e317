package audit

import (
	"fmt"
	"strconv"
	"strings"
)

// Limit is the most of a kind of finding that rows may have: a count, or a share of what it is counted of.
type Limit struct {
	Kind  Kind
	Most  float64
	Share bool
}

// ParseLimit reads "above_positive<=100" or "above_positive<=2%".
func ParseLimit(text string) (Limit, error) {
	name, value, ok := strings.Cut(text, "<=")
	if !ok {
		return Limit{}, fmt.Errorf("%q: write finding<=number, such as equal_positive<=0 or above_positive<=2%%", text)
	}
	l := Limit{Kind: Kind(strings.TrimSpace(name))}
	var known []string
	found := false
	for _, k := range kinds {
		known = append(known, string(k.kind))
		found = found || k.kind == l.Kind
	}
	if !found {
		return Limit{}, fmt.Errorf("%q: %q is none of %s", text, l.Kind, strings.Join(known, ", "))
	}
	value, l.Share = strings.CutSuffix(strings.TrimSpace(value), "%")
	var err error
	if l.Most, err = strconv.ParseFloat(value, 64); err != nil || !(l.Most >= 0) {
		return Limit{}, fmt.Errorf("%q: %q is no number from 0 on", text, value)
	}
	return l, nil
}

// String is the form that ParseLimit reads.
func (l Limit) String() string {
	text := fmt.Sprintf("%s<=%s", l.Kind, strconv.FormatFloat(l.Most, 'f', -1, 64))
	if l.Share {
		text += "%"
	}
	return text
}

// MarshalText writes the form that ParseLimit reads.
func (l Limit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what ParseLimit reads.
func (l *Limit) UnmarshalText(text []byte) error {
	parsed, err := ParseLimit(string(text))
	if err == nil {
		*l = parsed
	}
	return err
}

// Missed says how a report exceeds the limit, or that it cannot be known, "" where the limit is kept.
func (l Limit) Missed(r Report) string {
	f := r.Get(l.Kind)
	if f.Of == 0 && r.Negatives > 0 {
		return fmt.Sprintf("expected %s, which cannot be told of these rows: no negative %s", l, l.Kind.lacking())
	}
	got := float64(f.Count)
	if l.Share {
		got = 100 * got / float64(max(1, f.Of))
	}
	if got <= l.Most {
		return ""
	}
	text := fmt.Sprintf("expected %s, got %d of %d", l, f.Count, f.Of)
	if len(f.Examples) > 0 {
		text += "; " + f.Examples[0]
	}
	return text
}

// lacking is what rows lack of which a kind cannot be told.
func (k Kind) lacking() string {
	if k == AbovePositive {
		return `has a score, in the key "quarry" or in pos_scores and neg_scores`
	}
	return `says in the key "quarry" where it is from`
}
