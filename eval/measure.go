// Package eval scores rankings against judgments: MAP, Recall, MRR, nDCG and their kin, under the conventions of the
// library that a number is to be compared with, and chooses an epoch by such scores.
//
// It knows judgments and rankings alone; how a ranking was made is not its affair.
package eval

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Measure is one measure of a ranking: a kind, and how many of the best ranks it looks at.
type Measure struct {
	Kind string // MAP, Recall, …
	K    int    // cutoff; 0 is the whole ranking
}

// The kinds of measures.
const (
	MAP        = "map"         // mean average precision
	Recall     = "recall"      // share of the positives among the first k
	Hit        = "hit"         // 1 where the first k hold a positive (accuracy@k, success_k, hit rate)
	MRR        = "mrr"         // one over the rank of the first positive
	NDCG       = "ndcg"        // normalised discounted cumulative gain
	Precision  = "precision"   // share of the first k that are positive
	RPrecision = "r-precision" // precision at R, the number of positives
)

// form says how a kind may be written: with a cutoff, without, or both; example is a cutoff to suggest.
type form struct {
	kind          string
	with, without bool
	example       int
}

// forms are all kinds, in the order of help texts.
var forms = []form{
	{MAP, true, true, 25},
	{Recall, true, false, 100},
	{Hit, true, false, 1},
	{MRR, true, true, 10},
	{NDCG, true, true, 10},
	{Precision, true, false, 10},
	{RPrecision, false, true, 0},
}

// aliases are names of the same measures elsewhere; they are not accepted, only suggested from.
var aliases = []struct{ name, kind string }{
	{"accuracy", Hit}, {"success", Hit}, {"hit_rate", Hit}, {"hits", Hit}, {"hitrate", Hit},
	{"recip_rank", MRR}, {"map_cut", MAP}, {"ndcg_cut", NDCG}, {"ap", MAP}, {"p", Precision}, {"r", Recall},
	{"rprec", RPrecision}, {"r_precision", RPrecision}, {"rprecision", RPrecision},
}

// ParseMeasure reads a measure as people write it: "map@25", "map", "recall@100", "r-precision". Letter case is free.
// An unknown name is an error that gives the nearest known one.
func ParseMeasure(text string) (Measure, error) {
	spec := strings.ToLower(strings.TrimSpace(text))
	kind, cut, hasCutoff := strings.Cut(spec, "@")
	i := slices.IndexFunc(forms, func(f form) bool { return f.kind == kind })
	if spec == "" {
		return Measure{}, fmt.Errorf("a measure without a name (known: %s)", known())
	}
	if i < 0 {
		return Measure{}, fmt.Errorf("unknown measure %q: did you mean %q? (known: %s)", text, nearest(spec), known())
	}
	switch rule := forms[i]; {
	case hasCutoff && !rule.with:
		return Measure{}, fmt.Errorf("measure %q: %s takes no cutoff; write %q", text, kind, kind)
	case !hasCutoff && !rule.without:
		return Measure{}, fmt.Errorf("measure %q: %s needs a cutoff, such as \"%s@%d\"", text, kind, kind, rule.example)
	case !hasCutoff:
		return Measure{Kind: kind}, nil
	}
	k, err := strconv.ParseUint(cut, 10, 31)
	if errors.Is(err, strconv.ErrRange) {
		return Measure{}, fmt.Errorf("measure %q: the cutoff %s is too large", text, cut)
	}
	if err != nil || k == 0 || cut[0] == '0' {
		return Measure{}, fmt.Errorf("measure %q: the cutoff %q is not a whole number from 1", text, cut)
	}
	return Measure{Kind: kind, K: int(k)}, nil
}

// ParseMeasures reads a comma-separated list; a measure named twice is an error.
func ParseMeasures(list string) ([]Measure, error) {
	var measures []Measure
	for text := range strings.SplitSeq(list, ",") {
		m, err := ParseMeasure(text)
		if err != nil {
			return nil, err
		}
		if slices.Contains(measures, m) {
			return nil, fmt.Errorf("measure %q is named twice", m)
		}
		measures = append(measures, m)
	}
	return measures, nil
}

// String is the form that ParseMeasure reads.
func (m Measure) String() string {
	if m.K == 0 {
		return m.Kind
	}
	return m.Kind + "@" + strconv.Itoa(m.K)
}

// MarshalText lets a measure stand in YAML and JSON as its name.
func (m Measure) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what ParseMeasure reads.
func (m *Measure) UnmarshalText(text []byte) error {
	parsed, err := ParseMeasure(string(text))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}

// nearest guesses which measure a misspelt one was meant to be, keeping its cutoff.
func nearest(spec string) string {
	name, cut, _ := strings.Cut(spec, "@")
	if cut == "" { // "map25", "recall_100", "p5"
		name = strings.TrimRight(spec, "0123456789")
		cut = spec[len(name):]
		name = strings.TrimRight(name, "_-")
	}
	best, distance := forms[0].kind, 1<<30
	consider := func(spelling, kind string) {
		if d := levenshtein.ComputeDistance(name, spelling); d < distance {
			best, distance = kind, d
		}
	}
	for _, f := range forms {
		consider(f.kind, f.kind)
	}
	for _, a := range aliases {
		consider(a.name, a.kind)
	}
	for _, f := range forms {
		if f.kind != best {
			continue
		}
		if k, err := strconv.ParseUint(cut, 10, 31); err == nil && k > 0 && f.with {
			return Measure{Kind: best, K: int(k)}.String()
		}
		if !f.without {
			return Measure{Kind: best, K: f.example}.String()
		}
	}
	return best
}

// known lists the forms of all measures.
func known() string {
	var written []string
	for _, f := range forms {
		if f.with {
			written = append(written, f.kind+"@k")
		}
		if f.without {
			written = append(written, f.kind)
		}
	}
	return strings.Join(written, ", ")
}
