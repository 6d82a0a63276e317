// Package mine chooses hard negatives: of what a search kept of each query, which passages may become negatives, and
// which of those do. It works on candidates alone and never needs the model again, so any other window, margin or count
// is replayed from the same candidates.
package mine

import (
	"errors"
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/corpus"
)

// Sampling is how negatives are taken from the eligible candidates.
type Sampling string

// The ways of sampling.
const (
	Uniform Sampling = "uniform" // each eligible candidate is as likely as another
	Top     Sampling = "top"     // the best-ranked eligible candidates
	ByRank  Sampling = "rank"    // weighted: in proportion to 1/(1 + rank)
	ByScore Sampling = "score"   // weighted: in proportion to exp(score / SamplingTemperature)
)

// Reference is the positive that margins are held against where a query has several.
type Reference string

// The references. The zero value is Minimum.
const (
	Minimum Reference = "minimum" // the lowest positive: one row a query
	Each    Reference = "each"    // each positive by itself: one row, with negatives of its own, for each
)

// SameGroup is what a candidate's group has to do with the groups of the query's positives.
type SameGroup string

// The rules of groups. The zero value lets every group pass.
const (
	Never SameGroup = "never" // a candidate of a positive's group is dropped
	Only  SameGroup = "only"  // a candidate of another group is dropped
)

// Given says what becomes of negatives that a query's row brings.
type Given string

// The ways with given negatives. The zero value is Replace.
const (
	Replace Given = "replace" // mined negatives take their place
	Keep    Given = "keep"    // they stay and take the first slots
)

// Options say which ranked passages may become negatives, and how many are kept per query. A limit that is absent
// (nil, zero or empty) changes nothing; a margin of 0 is a limit.
type Options struct {
	Window    Window   `yaml:"window" json:"window"`       // ranks that may become negatives; the best are often unlabelled positives
	Survivors bool     `yaml:"survivors" json:"survivors"` // the window counts what the other rules leave, as sentence-transformers does, not raw ranks
	Negatives int      `yaml:"negatives" json:"negatives"` // kept per query
	Seed      uint64   `yaml:"seed" json:"seed"`
	Sampling  Sampling `yaml:"sampling" json:"sampling"`

	// SamplingTemperature divides scores where sampling goes by score.
	SamplingTemperature float64 `yaml:"sampling_temperature,omitempty" json:"sampling_temperature,omitempty"`

	MinScore *float64 `yaml:"min_score,omitempty" json:"min_score,omitempty"` // a lower score is dropped
	MaxScore *float64 `yaml:"max_score,omitempty" json:"max_score,omitempty"` // a higher score is dropped

	// With p the score of the reference positive, a score above p - margin is dropped, and one above
	// p - |p|*relative_margin, whatever p's sign. A margin of 0 drops what scores above p.
	Margin         *float64 `yaml:"margin,omitempty" json:"margin,omitempty"`
	RelativeMargin *float64 `yaml:"relative_margin,omitempty" json:"relative_margin,omitempty"`

	// ShareOfPositive drops a score above this share of p: NV-Retriever's TopK-PercPos, made right for negative p.
	ShareOfPositive *float64 `yaml:"share_of_positive,omitempty" json:"share_of_positive,omitempty"`

	// TeacherMargin drops what a teacher scores above its score of the reference positive less this. It counts in the
	// teacher's scores, which each query brings.
	TeacherMargin *float64 `yaml:"teacher_margin,omitempty" json:"teacher_margin,omitempty"`

	Reference Reference `yaml:"reference,omitempty" json:"reference,omitempty"`   // whose score p is; the zero value is Minimum
	NearText  *float64  `yaml:"near_text,omitempty" json:"near_text,omitempty"`   // least similarity to the text of the query or a positive that is dropped, in (0, 1]
	SameGroup SameGroup `yaml:"same_group,omitempty" json:"same_group,omitempty"` // of the corpus's group field
	HubLimit  int       `yaml:"hub_limit,omitempty" json:"hub_limit,omitempty"`   // a passage is a negative of at most so many queries

	Quotas []Quota `yaml:"quotas,omitempty" json:"quotas,omitempty"` // how many negatives each band of raw ranks gives; empty draws from the whole window
	Kept   float64 `yaml:"kept,omitempty" json:"kept,omitempty"`     // share of the negatives that comes from the last round's
	Random float64 `yaml:"random,omitempty" json:"random,omitempty"` // share of the negatives that is drawn from the whole corpus
	Given  Given   `yaml:"given,omitempty" json:"given,omitempty"`   // negatives of the query's own row; the zero value is Replace

	// Verdicts says that people have looked at negatives: what they struck from a query's (Query.Struck) is a rule.
	Verdicts bool `yaml:"verdicts,omitempty" json:"verdicts,omitempty"`
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
	if o.Negatives < 1 {
		return fmt.Errorf("negatives: %d is not positive", o.Negatives)
	}
	if o.Negatives > o.Window.Len() && o.Kept == 0 && o.Random == 0 && o.Given != Keep {
		return fmt.Errorf("negatives: %d a query do not fit into the window %s, which holds %d", o.Negatives, o.Window, o.Window.Len())
	}
	for _, limit := range []struct {
		name  string
		value *float64
	}{
		{"min_score", o.MinScore}, {"max_score", o.MaxScore}, {"margin", o.Margin}, {"relative_margin", o.RelativeMargin},
		{"share_of_positive", o.ShareOfPositive}, {"near_text", o.NearText}, {"teacher_margin", o.TeacherMargin},
	} {
		if limit.value != nil && (math.IsNaN(*limit.value) || math.IsInf(*limit.value, 0)) {
			return fmt.Errorf("%s: %v is not a number", limit.name, *limit.value)
		}
	}
	if o.MinScore != nil && o.MaxScore != nil && *o.MinScore > *o.MaxScore {
		return fmt.Errorf("min_score %v is above max_score %v: nothing is left", *o.MinScore, *o.MaxScore)
	}
	if o.ShareOfPositive != nil && *o.ShareOfPositive > mostShare {
		return fmt.Errorf("share_of_positive: %v is %v times the positive's score, which hardly a candidate reaches: a share of 95 %% is 0.95", *o.ShareOfPositive, *o.ShareOfPositive)
	}
	if o.NearText != nil && !(*o.NearText > 0 && *o.NearText <= 1) {
		return fmt.Errorf("near_text: %v is not a similarity between 0 and 1", *o.NearText)
	}
	if err := o.validateWords(); err != nil {
		return err
	}
	if err := o.validateTeacher(); err != nil {
		return err
	}
	return o.validateMix()
}

// mostShare is the greatest share of the positive's score: whoever asks for more means percent.
const mostShare = 10

func (o Options) validateWords() error {
	switch {
	case o.Sampling != Uniform && o.Sampling != Top && o.Sampling != ByRank && o.Sampling != ByScore:
		return fmt.Errorf("sampling: %q is none of %q, %q, %q and %q", o.Sampling, Uniform, Top, ByRank, ByScore)
	case o.Sampling == ByScore && !(o.SamplingTemperature > 0 && o.SamplingTemperature <= math.MaxFloat64):
		return fmt.Errorf("sampling by score needs a sampling_temperature above 0, such as 0.05, not %v", o.SamplingTemperature)
	case o.Sampling != ByScore && o.SamplingTemperature != 0:
		return fmt.Errorf("sampling_temperature: it has no part in sampling %q, only in %q", o.Sampling, ByScore)
	case o.Reference != "" && o.Reference != Minimum && o.Reference != Each:
		return fmt.Errorf("reference: %q is neither %q nor %q", o.Reference, Minimum, Each)
	case o.SameGroup != "" && o.SameGroup != Never && o.SameGroup != Only:
		return fmt.Errorf("same_group: %q is neither %q nor %q", o.SameGroup, Never, Only)
	case o.Given != "" && o.Given != Replace && o.Given != Keep:
		return fmt.Errorf("given: %q is neither %q nor %q", o.Given, Replace, Keep)
	case o.HubLimit < 0:
		return fmt.Errorf("hub_limit: %d is negative", o.HubLimit)
	}
	return nil
}

// validateMix sees that the parts of a query's negatives fit into their number.
func (o Options) validateMix() error {
	for _, share := range []struct {
		name  string
		value float64
	}{{"kept", o.Kept}, {"random", o.Random}} {
		if !(share.value >= 0 && share.value <= 1) {
			return fmt.Errorf("%s: %v is not a share between 0 and 1", share.name, share.value)
		}
	}
	parts, bands := o.part(o.Kept)+o.part(o.Random), 0
	if parts > o.Negatives {
		return fmt.Errorf("kept %v and random %v are together more than all %d negatives", o.Kept, o.Random, o.Negatives)
	}
	for i, q := range o.Quotas {
		if err := q.validate(); err != nil {
			return err
		}
		if !o.Survivors && (q.Window.From < o.Window.From || q.Window.To > o.Window.To) {
			return fmt.Errorf("quotas: %s reaches beyond the window %s", q, o.Window)
		}
		for _, other := range o.Quotas[:i] {
			if q.Window.From < other.Window.To && other.Window.From < q.Window.To {
				return fmt.Errorf("quotas: %s and %s overlap", other, q)
			}
		}
		bands += q.Negatives
	}
	if bands+parts > o.Negatives {
		return fmt.Errorf("quotas: they ask for %d negatives, but %d of all %d are left beside those kept and random", bands, o.Negatives-parts, o.Negatives)
	}
	return nil
}

// part is a share of the wanted negatives in whole ones, halves rounded up.
func (o Options) part(share float64) int { return int(math.Floor(share*float64(o.Negatives) + 0.5)) }

// NeedsScores names the first option that compares scores, which the ranks of a fused ranking are not; "" where none does.
func (o Options) NeedsScores() string {
	switch {
	case o.needsReference() != "":
		return o.needsReference()
	case o.MaxScore != nil:
		return "max_score"
	case o.MinScore != nil:
		return "min_score"
	case o.Sampling == ByScore:
		return "sampling"
	}
	return ""
}

// needsReference names the first option that compares with a positive's score.
func (o Options) needsReference() string {
	switch {
	case o.Margin != nil:
		return "margin"
	case o.RelativeMargin != nil:
		return "relative_margin"
	case o.ShareOfPositive != nil:
		return "share_of_positive"
	}
	return ""
}

// Depth is how many hits a query must have been kept for these options: the window's end and, where the window counts
// survivors, as many more as the rules are sure to take out: the positives, excluded and struck passages of the query that
// has most of them (Taken).
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
			return fmt.Errorf("the window %s over survivors needs a depth of %d (%d positives, excluded and struck passages may stand above it), but %d hits a query were kept", o.Window, want, taken, depth)
		}
		return fmt.Errorf("the window %s needs a depth of %d, but %d hits a query were kept", o.Window, want, depth)
	}
	return nil
}

// Taken is how many passages are in one or both of two sorted lists: those that are excluded from a query's negatives, its
// positives among them, and those that are struck.
func Taken(excluded, struck []int32) int {
	n := len(excluded)
	for _, p := range struck {
		if !contains(excluded, p) {
			n++
		}
	}
	return n
}

// MostTaken is Taken of the query that has most of them: what answers, equal texts and verdicts take out of its ranking.
func MostTaken(queries []corpus.Query, excluded, struck func(corpus.Query) []int32) int {
	most := 0
	for _, q := range queries {
		most = max(most, Taken(excluded(q), struck(q)))
	}
	return most
}

// ErrNoPositives marks a query that no passage answers: it has nothing to train on.
var ErrNoPositives = errors.New("no positives")
