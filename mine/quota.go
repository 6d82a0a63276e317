package mine

import (
	"fmt"
	"strconv"
	"strings"
)

// Quota is how many negatives come from a band of raw ranks: "2-20:5" is five of the ranks 3 to 20 counted from one. A
// band that has fewer eligible candidates gives those; no other band makes up for it.
type Quota struct {
	Window    Window
	Negatives int
}

// ParseQuota reads "2-20:5".
func ParseQuota(text string) (Quota, error) {
	band, number, ok := strings.Cut(text, ":")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 31)
	if !ok || err != nil {
		return Quota{}, fmt.Errorf("quota %q is not a band of ranks and a number, such as \"2-20:5\"", text)
	}
	w, err := ParseWindow(band)
	if err != nil {
		return Quota{}, fmt.Errorf("quota %q: %w", text, err)
	}
	q := Quota{w, int(n)}
	return q, q.validate()
}

// String is the form that ParseQuota reads.
func (q Quota) String() string { return fmt.Sprintf("%s:%d", q.Window, q.Negatives) }

// MarshalText writes the form that ParseQuota reads.
func (q Quota) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// UnmarshalText reads what ParseQuota reads.
func (q *Quota) UnmarshalText(text []byte) error {
	parsed, err := ParseQuota(string(text))
	if err == nil {
		*q = parsed
	}
	return err
}

func (q Quota) validate() error {
	if err := q.Window.validate(); err != nil {
		return fmt.Errorf("quota %s: %w", q, err)
	}
	if q.Negatives < 1 {
		return fmt.Errorf("quota %s: it asks for no negatives", q)
	}
	return nil
}
