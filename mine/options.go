// Package mine chooses hard negatives: of what a search kept of each query, which passages may become negatives, and
// which of those do. It works on candidates alone and never needs the model again, so any other window, margin or count
// is replayed from the same candidates.
package mine

import (
	"errors"
	"fmt"
	"math"
)

// Sampling is how negatives are taken from the eligible candidates.
type Sampling string

// The ways of sampling.
const (
	Uniform Sampling = "uniform" // each eligible candidate is as likely as another
	Top     Sampling = "top"     // the best-ranked eligible candidates
)

// Options say which ranked passages may become negatives, and how many are kept per query. A limit that is absent
// (nil) changes nothing; a margin of 0 is a limit.
type Options struct {
	Window    Window   `yaml:"window" json:"window"`       // ranks that may become negatives; the best are often unlabelled positives
	Survivors bool     `yaml:"survivors" json:"survivors"` // the window counts what the other rules leave, as sentence-transformers does, not raw ranks
	Negatives int      `yaml:"negatives" json:"negatives"` // kept per query
	Seed      uint64   `yaml:"seed" json:"seed"`
	Sampling  Sampling `yaml:"sampling" json:"sampling"`

	MinScore *float64 `yaml:"min_score,omitempty" json:"min_score,omitempty"` // a lower score is dropped
	MaxScore *float64 `yaml:"max_score,omitempty" json:"max_score,omitempty"` // a higher score is dropped

	// With p the score of the query's lowest positive, a score above p - margin is dropped, and one above
	// p - |p|*relative_margin, whatever p's sign. A margin of 0 drops what scores above p.
	Margin         *float64 `yaml:"margin,omitempty" json:"margin,omitempty"`
	RelativeMargin *float64 `yaml:"relative_margin,omitempty" json:"relative_margin,omitempty"`
}

// DefaultOptions are those of the reference pipeline's first round: 15 negatives out of ranks 3 to 200.
func DefaultOptions() Options {
	return Options{Window: Window{From: 2, To: 200}, Negatives: 15, Seed: 42, Sampling: Uniform}
}

// Validate refuses options that no ranking can satisfy.
func (o Options) Validate() error {
	if err := o.Window.validate(); err != nil {
		return err
	}
	switch {
	case o.Negatives < 1:
		return fmt.Errorf("negatives: %d is not positive", o.Negatives)
	case o.Negatives > o.Window.Len():
		return fmt.Errorf("negatives: %d a query do not fit into the window %s, which holds %d", o.Negatives, o.Window, o.Window.Len())
	case o.Sampling != Uniform && o.Sampling != Top:
		return fmt.Errorf("sampling: %q is neither %q nor %q", o.Sampling, Uniform, Top)
	}
	for _, limit := range []struct {
		name  string
		value *float64
	}{{"min_score", o.MinScore}, {"max_score", o.MaxScore}, {"margin", o.Margin}, {"relative_margin", o.RelativeMargin}} {
		if limit.value != nil && (math.IsNaN(*limit.value) || math.IsInf(*limit.value, 0)) {
			return fmt.Errorf("%s: %v is not a number", limit.name, *limit.value)
		}
	}
	if o.MinScore != nil && o.MaxScore != nil && *o.MinScore > *o.MaxScore {
		return fmt.Errorf("min_score %v is above max_score %v: nothing is left", *o.MinScore, *o.MaxScore)
	}
	return nil
}

// Depth is how many hits a query must have been kept for these options: the window's end and, where the window counts
// survivors, as many more as the rules are sure to take out: the positives and excluded passages of the query that has
// most of them.
func (o Options) Depth(taken int) int {
	if o.Survivors {
		return o.Window.To + taken
	}
	return o.Window.To
}

// ValidateDepth refuses candidates that were searched less deep than Depth(taken).
func (o Options) ValidateDepth(depth, taken int) error {
	if want := o.Depth(taken); depth < want {
		if o.Survivors {
			return fmt.Errorf("the window %s over survivors needs a depth of %d (%d positives and excluded passages may stand above it), but %d hits a query were kept", o.Window, want, taken, depth)
		}
		return fmt.Errorf("the window %s needs a depth of %d, but %d hits a query were kept", o.Window, want, depth)
	}
	return nil
}

// ErrNoPositives marks a query that no passage answers: it has nothing to train on.
var ErrNoPositives = errors.New("no positives")
