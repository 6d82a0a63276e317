package eval

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// EvalLoss is the name of the one metric of an epoch that is better when lower.
const EvalLoss = "eval_loss"

// ErrAsk is returned by a rule that leaves the choice to a person.
var ErrAsk = errors.New("the recipe asks a person to choose the epoch")

// SelectRule says how the epoch of a round is chosen: by a metric, by number with a reason, or by asking. In YAML it is
// `{metric, min_gain, patience}`, `{epoch, because}` or the word `ask`; a section is taken whole, never merged with another.
type SelectRule struct {
	Metric   string  `yaml:"metric,omitempty"`                  // a measure, or eval_loss
	MinGain  float64 `yaml:"min_gain,omitempty"`                // a later epoch replaces the best so far only if it is better by this much
	MaxP     float64 `yaml:"max_p,omitempty" json:",omitempty"` // and only if a paired randomisation test of the two gives a p of at most this, by Holm corrected over the epochs; 0 asks for no test
	Patience int     `yaml:"patience,omitempty"`                // epochs in a row without such a gain after which later ones are not looked at; 0 looks at all
	Epoch    *int    `yaml:"epoch,omitempty"`                   // this epoch, whatever it scores
	Because  string  `yaml:"because,omitempty"`                 // why; needed with Epoch
	Ask      bool    `yaml:"ask,omitempty"`                     // stop and let a person choose
}

// EpochScore is the metric of one epoch. Epoch 0 is the base, before any training.
type EpochScore struct {
	Epoch int
	Value float64
}

// PairedTest is the p value of a test that two epochs score alike, query by query. It is asked only where a rule has a
// MaxP, and in the order of epochs.
type PairedTest func(first, second int) (p float64, err error)

// DefaultSelectRule takes the epoch with the highest MAP@25, the measure of the reference pipeline.
func DefaultSelectRule() SelectRule { return SelectRule{Metric: "map@25"} }

// UnmarshalYAML reads the word `ask` or a section.
func (r *SelectRule) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		if word != "ask" {
			return fmt.Errorf("select: %q is not a rule: write ask, {metric: map@25} or {epoch: 3, because: \"…\"}", word)
		}
		*r = SelectRule{Ask: true}
		return nil
	}
	type section SelectRule // without this method
	var s section
	if err := unmarshal(&s); err != nil {
		return err
	}
	*r = SelectRule(s)
	if r.Metric == "" && r.Epoch == nil && !r.Ask {
		r.Metric = DefaultSelectRule().Metric
	}
	// Tables of scores are looked up by the measure's one spelling. What is no measure Validate names.
	if m, err := ParseMeasure(r.Metric); err == nil {
		r.Metric = m.String()
	}
	return nil
}

// Validate refuses a rule that says two things, or a number without a reason.
func (r SelectRule) Validate() error {
	byMetric := r.Metric != "" || r.MinGain != 0 || r.MaxP != 0 || r.Patience != 0
	byNumber := r.Epoch != nil || r.Because != ""
	switch {
	case r.Ask && (byMetric || byNumber), byMetric && byNumber:
		return errors.New("select: name a metric, or an epoch, or ask: only one of the three")
	case r.Ask:
		return nil
	case byNumber && r.Epoch == nil:
		return errors.New("select: because needs an epoch")
	case byNumber && *r.Epoch < 0:
		return fmt.Errorf("select: epoch %d is negative", *r.Epoch)
	case byNumber && r.Because == "":
		return fmt.Errorf("select: epoch %d needs a reason: because: \"…\"", *r.Epoch)
	case byNumber:
		return nil
	case !(r.MinGain >= 0) || math.IsInf(r.MinGain, 0):
		return fmt.Errorf("select: min_gain %v is not a number from 0", r.MinGain)
	case !(r.MaxP >= 0 && r.MaxP < 1):
		return fmt.Errorf("select: max_p %v is not from 0 to below 1", r.MaxP)
	case r.MaxP > 0 && r.Metric == EvalLoss:
		return fmt.Errorf("select: max_p tests a measure query by query, and %s is a mean alone: name a measure, or leave max_p out", EvalLoss)
	case r.Patience < 0:
		return fmt.Errorf("select: patience %d is negative", r.Patience)
	case r.Metric == EvalLoss:
		return nil
	}
	m, err := ParseMeasure(r.Metric)
	if err != nil {
		return fmt.Errorf("select: %w", err)
	}
	if m.String() != r.Metric {
		return fmt.Errorf("select: metric %q: write %q", r.Metric, m)
	}
	return nil
}

// Choose picks an epoch and says why. By metric, the epochs are walked in order from the first (the base where epoch 0
// is scored): a later one replaces the best so far if it is better, by MinGain at least, and by more than noise where the
// rule has a MaxP, which test then judges (else it may be nil). MaxP bounds the chance that noise moves the choice at all: a p
// is multiplied by the epochs behind the first, less the gains that were found already. That is Holm's correction, whose proof
// asks for no order: a first false gain follows true ones alone, and is held to MaxP over at least the epochs that have none. So ties go to the earlier epoch, and epoch 0 is chosen only
// when no epoch gains on it. A rule that asks returns ErrAsk.
func (r SelectRule) Choose(scores []EpochScore, test PairedTest) (epoch int, because string, err error) {
	if err := r.Validate(); err != nil {
		return 0, "", err
	}
	if r.Ask {
		return 0, "", ErrAsk
	}
	scores = slices.SortedFunc(slices.Values(scores), func(a, b EpochScore) int { return cmp.Compare(a.Epoch, b.Epoch) })
	if len(scores) == 0 {
		return 0, "", errors.New("select: no epoch has been scored")
	}
	for i, s := range scores {
		if i > 0 && scores[i-1].Epoch == s.Epoch {
			return 0, "", fmt.Errorf("select: epoch %d is scored twice", s.Epoch)
		}
	}
	if r.Epoch != nil {
		if !slices.ContainsFunc(scores, func(s EpochScore) bool { return s.Epoch == *r.Epoch }) {
			return 0, "", fmt.Errorf("select: there is no epoch %d; the epochs are %d to %d", *r.Epoch, scores[0].Epoch, scores[len(scores)-1].Epoch)
		}
		return *r.Epoch, r.Because, nil
	}
	return r.byMetric(scores, test)
}

// byMetric walks epochs in ascending order.
func (r SelectRule) byMetric(scores []EpochScore, test PairedTest) (int, string, error) {
	sign := 1.0
	if r.Metric == EvalLoss {
		sign = -1
	}
	best, waited, looked := 0, 0, 0
	tests := len(scores) - 1 // that there may be; a gain that is found is one less for those behind it
	var noise []string       // gains that the test refused
	for i, s := range scores {
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
			return 0, "", fmt.Errorf("select: %s of epoch %d is %v", r.Metric, s.Epoch, s.Value)
		}
		if r.Patience > 0 && waited == r.Patience {
			break
		}
		looked++
		if i == 0 {
			continue
		}
		gain := sign * (s.Value - scores[best].Value)
		gains := gain > 0 && gain >= r.MinGain
		if gains && r.MaxP > 0 {
			p, err := test(scores[best].Epoch, s.Epoch)
			if err != nil {
				return 0, "", fmt.Errorf("select: test epoch %d against epoch %d: %w", s.Epoch, scores[best].Epoch, err)
			}
			holm := min(1, p*float64(tests))
			if gains = holm <= r.MaxP; gains {
				tests--
			} else {
				noise = append(noise, fmt.Sprintf("epoch %d's %.4f is not told from epoch %d's %.4f (p = %.2g, by Holm %.2g)", s.Epoch, s.Value, scores[best].Epoch, scores[best].Value, p, holm))
			}
		}
		if gains {
			best, waited = i, 0
		} else {
			waited++
		}
	}
	return scores[best].Epoch, r.reason(scores[:looked], best, len(scores)-looked, noise), nil
}

// reason puts a choice by metric into words.
func (r SelectRule) reason(looked []EpochScore, best, ignored int, noise []string) string {
	chosen := looked[best]
	var text string
	switch {
	case len(looked) == 1:
		text = fmt.Sprintf("%s %.4f, the only epoch", r.Metric, chosen.Value)
	case chosen.Epoch == 0:
		text = fmt.Sprintf("no epoch gains on the base's %s %.4f", r.Metric, chosen.Value)
	case len(noise) > 0:
		text = fmt.Sprintf("%s %.4f is the last sure gain of epochs %d to %d", r.Metric, chosen.Value, looked[0].Epoch, looked[len(looked)-1].Epoch)
	default:
		text = fmt.Sprintf("%s %.4f is the best of epochs %d to %d", r.Metric, chosen.Value, looked[0].Epoch, looked[len(looked)-1].Epoch)
	}
	if r.MinGain > 0 {
		text += fmt.Sprintf(", a gain counting from %g", r.MinGain)
	}
	if r.MaxP > 0 {
		text += fmt.Sprintf(", a gain counting where the randomisation test gives p of at most %g, by Holm corrected over the %d epochs after the first", r.MaxP, len(looked)+ignored-1)
	}
	for _, refused := range noise {
		text += "; " + refused
	}
	if ignored > 0 {
		text += fmt.Sprintf(", later ones not looked at (patience %d)", r.Patience)
	}
	return text
}
