package mine

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Window is a range of ranks, 0-based and half open: "2-200" is ranks 2 to 199, which counted from one are 3 to 200. It
// is the range_for_sampling of FlagEmbedding's hn_mine.
type Window struct {
	From, To int
}

// ParseWindow reads "2-200".
func ParseWindow(text string) (Window, error) {
	from, to, ok := strings.Cut(strings.TrimSpace(text), "-")
	a, errA := strconv.ParseUint(from, 10, 31)
	b, errB := strconv.ParseUint(to, 10, 31)
	if ok && (errors.Is(errA, strconv.ErrRange) || errors.Is(errB, strconv.ErrRange)) {
		return Window{}, fmt.Errorf("window %q: a rank is too large", text)
	}
	if !ok || errA != nil || errB != nil {
		return Window{}, fmt.Errorf("window %q is not two ranks, such as \"2-200\"", text)
	}
	w := Window{From: int(a), To: int(b)}
	return w, w.validate()
}

// String is the form that ParseWindow reads.
func (w Window) String() string { return fmt.Sprintf("%d-%d", w.From, w.To) }

// Len is the number of ranks in the window.
func (w Window) Len() int { return w.To - w.From }

// Contains reports whether a rank is in the window.
func (w Window) Contains(rank int) bool { return w.From <= rank && rank < w.To }

// MarshalText writes the form that ParseWindow reads.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what ParseWindow reads.
func (w *Window) UnmarshalText(text []byte) error {
	parsed, err := ParseWindow(string(text))
	if err != nil {
		return err
	}
	*w = parsed
	return nil
}

func (w Window) validate() error {
	if w.From < 0 || w.To <= w.From {
		return fmt.Errorf("window %q is empty: its end must be greater than its start", w)
	}
	return nil
}
