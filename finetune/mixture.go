package finetune

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/draw"
)

// Set is one of several data sets of a training. Every step is of one set alone: its queries, its passages as columns.
type Set struct {
	Name   string  // in draws, reports and errors; the same set under another name draws otherwise
	Weight float64 // beside those of the other sets; 0 of all sets is a share by size
	Data
}

// MaxWeight is the largest weight of a set; a share is exact to the step far beyond it.
const MaxWeight = 1e9

// Share is what of a set decides how many steps it has.
type Share struct {
	Name    string  `json:"name"`
	Queries int     `json:"queries"`
	Weight  float64 `json:"weight,omitempty"`
}

// Mixture is the sets of a training, as far as they decide whose turn a step is.
type Mixture []Share

// Validate names the first set that cannot be trained on beside the others with the options.
func (m Mixture) Validate(o Options) error {
	if len(m) == 0 {
		return errors.New("no set to train on")
	}
	known := map[string]bool{}
	for _, s := range m {
		switch {
		case known[s.Name]:
			return fmt.Errorf("two sets are named %q", s.Name)
		case !(s.Weight >= 0 && s.Weight <= MaxWeight):
			return fmt.Errorf("set %q: weight %g: a positive number up to %g, or 0 of all sets for shares by size", s.Name, s.Weight, float64(MaxWeight))
		case (s.Weight > 0) != (m[0].Weight > 0):
			if s.Weight > 0 {
				s = m[0]
			}
			return fmt.Errorf("set %q has no weight and others have: want one of each set, or of none", s.Name)
		case s.Queries > 0 && o.StepsPerEpoch(s.Queries) == 0:
			err := fmt.Errorf("%d queries make no whole batch of %d: lower batch or keep the last batch", s.Queries, o.Batch)
			if len(m) > 1 {
				err = fmt.Errorf("set %q: %w", s.Name, err)
			}
			return err
		}
		known[s.Name] = true
	}
	return nil
}

// EpochSteps returns the optimizer steps that each set has in an epoch. Without weights a set has those of one pass over its
// queries. With weights as many steps as that makes of all sets together are shared out: a set has its share, rounded to
// the nearest whole number, halves up, and one step at least.
func (o Options) EpochSteps(m Mixture) []int {
	steps, each := make([]int, len(m)), make([]float64, len(m))
	total, weights := 0, 0.0
	for i, s := range m {
		steps[i], each[i] = o.StepsPerEpoch(s.Queries), s.Weight
		total += steps[i]
	}
	slices.Sort(each) // the order of the sets has no part in the sum
	for _, w := range each {
		weights += w
	}
	if weights == 0 || len(m) == 1 {
		return steps
	}
	for i, s := range m {
		steps[i] = max(1, int(math.Floor(float64(float64(total)*s.Weight)/weights+0.5)))
	}
	return steps
}

// MixedSteps is the optimizer steps of a whole run over several sets.
func (o Options) MixedSteps(m Mixture) int {
	steps := o.Epochs * sum(o.EpochSteps(m))
	if o.MaxSteps > 0 {
		steps = min(steps, o.MaxSteps)
	}
	return steps
}

// FillMaxSteps returns the options with as many epochs over several sets as MaxSteps need, where those are more than Epochs:
// MaxSteps then are the steps of the run, whatever Epochs say, as transformers' max_steps are.
func (o Options) FillMaxSteps(m Mixture) Options {
	if perEpoch := sum(o.EpochSteps(m)); perEpoch > 0 {
		o.Epochs = max(o.Epochs, (o.MaxSteps+perEpoch-1)/perEpoch)
	}
	return o
}

func sum(values []int) int {
	total := 0
	for _, v := range values {
		total += v
	}
	return total
}

// turn is a step of an epoch: the position of its set, and how many steps that has had before in the epoch.
type turn struct{ set, number int }

// turns returns whose turn each step of an epoch is. A set's n-th step has the place of hash(seed, "turns", round, epoch, name
// and n), so that neither the order of the sets matters nor, to the order among the others, a further one.
func (o Options) turns(m Mixture, epoch int) []turn {
	type place struct {
		turn
		hash uint64
	}
	var places []place
	for i, steps := range o.EpochSteps(m) {
		for n := range steps {
			p := place{turn: turn{i, n}}
			if len(m) > 1 {
				p.hash = draw.Hash(o.Seed, draw.Turns, o.Round, epoch, fmt.Sprintf("%s\x00%d", m[i].Name, n))
			}
			places = append(places, p)
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(m[a.set].Name, m[b.set].Name), cmp.Compare(a.number, b.number))
	})
	had, turns := make([]int, len(m)), make([]turn, len(places))
	for i, p := range places {
		turns[i] = turn{p.set, had[p.set]} // its batches come in their own order
		had[p.set]++
	}
	return turns
}

// passBatch says which batch of which pass over its queries, counted from 1, a set's step is: passes follow each other across
// epochs, so that every query is seen equally often, whatever share of the steps the set has.
func passBatch(epoch, stepsAnEpoch, number, batches int) (pass, batch int) {
	n := (epoch-1)*stepsAnEpoch + number
	return n/batches + 1, n % batches
}

// MixtureOf is sets by size.
func MixtureOf(sets []Set) Mixture {
	m := make(Mixture, len(sets))
	for i, s := range sets {
		m[i] = Share{s.Name, len(s.Examples), s.Weight}
	}
	return m
}

func (t *Trainer) mixture() Mixture { return MixtureOf(t.sets) }

// byName is the mixture in an order that is not the caller's.
func (m Mixture) byName() Mixture {
	m = slices.Clone(m)
	slices.SortFunc(m, func(a, b Share) int { return cmp.Compare(a.Name, b.Name) })
	return m
}

// setOrder is the order of a set's examples in a pass.
type setOrder struct {
	pass     int
	examples []int
}

// take makes the set whose turn it is the trainer's data, and returns the pass over it and the examples of the step.
func (t *Trainer) take(now turn, epoch int) (pass int, examples []int) {
	t.set, t.data = now.set, t.sets[now.set].Data
	o := &t.orders[now.set]
	pass, batch := passBatch(epoch, t.epochSteps[now.set], now.number, t.options.StepsPerEpoch(len(t.data.Examples)))
	if o.pass != pass {
		*o = setOrder{pass, t.data.order(t.options, pass)}
	}
	return pass, batchOf(o.examples, batch, t.options.Batch)
}

// key is the identity of an example in draws: queries of two sets may have one key.
func (d Data) key(example int) string {
	if d.set == "" {
		return d.Examples[example].Key
	}
	return d.set + "\x00" + d.Examples[example].Key
}
