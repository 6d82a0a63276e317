package finetune_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/model"
)

// mixed makes two sets of a tiny model's texts, the second with a corpus of its own, keys like the first's, and longer texts.
func mixed(x tiny, weights ...float64) []finetune.Set {
	second := x.data
	second.Examples = slices.Clone(x.data.Examples[:8])
	longer := func(s model.Sequence) model.Sequence {
		return model.Sequence{IDs: slices.Concat(s.IDs, []int32{7, 8, 9})}
	}
	second.Query = func(i int) model.Sequence { return longer(x.data.Query(i)) }
	second.Passage = func(p int32) model.Sequence { return longer(x.data.Passage(p)) }
	sets := []finetune.Set{{Data: x.data}, {Name: "second", Data: second}}
	for i, w := range weights {
		sets[i].Weight = w
	}
	return sets
}

func mixedTrainer(t testing.TB, x tiny, sets []finetune.Set, o finetune.Options) *finetune.Trainer {
	t.Helper()
	e, err := compute.New(compute.Options{Path: exactpath.Fastest, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	trainer, err := finetune.NewMixed(x.model, e, sets, o)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

func TestAStepIsOfOneSet(t *testing.T) {
	x := newTiny(t, 20)
	for _, tc := range []struct {
		name    string
		weights []float64
		steps   []int // an epoch
	}{
		{"by size", nil, []int{4, 2}},
		{"second twice as often as by size", []float64{1, 2}, []int{2, 4}},
		{"second less often than by size", []float64{9, 1}, []int{5, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sets := mixed(x, tc.weights...)
			asked := [2]map[int]int{{}, {}} // how often each query is trained on
			read := [2]int{}                // texts of each set since the last step
			for i := range sets {
				query, passage := sets[i].Query, sets[i].Passage
				sets[i].InContext = func(example int, _ []finetune.Shown) (model.Sequence, int, error) { // training alone asks
					read[i]++
					asked[i][example]++
					return query(example), 0, nil
				}
				sets[i].Passage = func(p int32) model.Sequence {
					read[i]++
					return passage(p)
				}
			}
			o := options(finetune.Full)
			o.Epochs = 3
			trainer := mixedTrainer(t, x, sets, o)
			read = [2]int{}
			had := map[string]int{}
			err := trainer.Run(context.Background(), finetune.Hooks{Step: func(r finetune.Report) error {
				own, other := 0, 1
				if r.Set == "second" {
					own, other = 1, 0
				}
				if read[own] != r.Queries+r.Columns || read[other] != 0 {
					t.Errorf("step %d of set %q, with %d queries and %d columns, reads %v texts of both sets", r.Step, r.Set, r.Queries, r.Columns, read)
				}
				read = [2]int{}
				had[fmt.Sprint(r.Epoch, r.Set)]++
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			for epoch := 1; epoch <= o.Epochs; epoch++ {
				for i, s := range sets {
					if got := had[fmt.Sprint(epoch, s.Name)]; got != tc.steps[i] {
						t.Errorf("epoch %d: set %q has %d steps, want %d", epoch, s.Name, got, tc.steps[i])
					}
				}
			}
			for i, counts := range asked {
				fewest, most := math.MaxInt, 0
				for q := range sets[i].Examples {
					fewest, most = min(fewest, counts[q]), max(most, counts[q])
				}
				if most-fewest > 1 {
					t.Errorf("set %q: queries are trained on %d to %d times", sets[i].Name, fewest, most)
				}
			}
		})
	}
}

func TestMixedTrainingGoesOnWhereItWasLeft(t *testing.T) {
	x := newTiny(t, 20)
	o := options(finetune.LoRA)
	whole := mixedTrainer(t, x, mixed(x, 1, 2), o)
	train(t, whole)
	want := outcome(t, whole)
	for stop := 1; stop < whole.Steps(); stop += 3 {
		first := mixedTrainer(t, x, mixed(x, 1, 2), o)
		left := errors.New("left")
		err := first.Run(context.Background(), finetune.Hooks{Step: func(r finetune.Report) error {
			if r.Step == stop {
				return left
			}
			return nil
		}})
		if !errors.Is(err, left) {
			t.Fatal(err)
		}
		second := mixedTrainer(t, x, mixed(x, 1, 2), o)
		if err := second.LoadState(bytes.NewReader(outcome(t, first)), "state"); err != nil {
			t.Fatal(err)
		}
		train(t, second)
		if !bytes.Equal(outcome(t, second), want) {
			t.Errorf("left after step %d: other weights than of an undisturbed training", stop)
		}
	}
	other := mixedTrainer(t, x, mixed(x, 1, 3), o)
	if err := other.LoadState(bytes.NewReader(want), "state"); err == nil {
		t.Error("a state of other weights of the sets is taken")
	}
}

func TestOneSetOfAMixtureIsATraining(t *testing.T) {
	x := newTiny(t, 20)
	o := options(finetune.Full)
	plain, one := x.trainer(t, o, compute.Options{Workers: 2}), mixedTrainer(t, x, []finetune.Set{{Weight: 3, Data: x.data}}, o)
	train(t, plain)
	train(t, one)
	if !bytes.Equal(outcome(t, plain), outcome(t, one)) {
		t.Error("one set alone trains otherwise than without sets")
	}
}

func TestOrderOfSetsDoesNotMatter(t *testing.T) {
	x := newTiny(t, 20)
	o := options(finetune.Full)
	o.Epochs = 1
	sets := mixed(x)
	turned := []finetune.Set{sets[1], sets[0]}
	first, second := mixedTrainer(t, x, sets, o), mixedTrainer(t, x, turned, o)
	a, b := train(t, first), train(t, second)
	if !slices.Equal(a, b) {
		t.Errorf("steps of sets in another order:\n%+v\n%+v", a, b)
	}
	if !bytes.Equal(outcome(t, first), outcome(t, second)) {
		t.Error("the state of sets in another order has other bytes")
	}
	if err := mixedTrainer(t, x, turned, o).LoadState(bytes.NewReader(outcome(t, first)), "state"); err != nil {
		t.Errorf("sets in another order do not go on: %v", err)
	}
}

func TestMixtureRefusals(t *testing.T) {
	x := newTiny(t, 20)
	for _, tc := range []struct {
		name   string
		change func([]finetune.Set, *finetune.Options) []finetune.Set
		want   string
	}{
		{"no set", func([]finetune.Set, *finetune.Options) []finetune.Set { return nil }, "no set"},
		{"one weight", func(s []finetune.Set, _ *finetune.Options) []finetune.Set { s[0].Weight = 2; return s }, `set "second" has no weight and others have`},
		{"a negative weight", func(s []finetune.Set, _ *finetune.Options) []finetune.Set { s[1].Weight = -2; return s }, "weight -2"},
		{"an endless weight", func(s []finetune.Set, _ *finetune.Options) []finetune.Set {
			s[0].Weight, s[1].Weight = 1, math.Inf(1)
			return s
		}, "weight +Inf"},
		{"one name", func(s []finetune.Set, _ *finetune.Options) []finetune.Set { s[1].Name = ""; return s }, `two sets are named ""`},
		{"an empty set", func(s []finetune.Set, _ *finetune.Options) []finetune.Set { s[1].Examples = nil; return s }, `set "second": no queries`},
		{"a set without a batch", func(s []finetune.Set, o *finetune.Options) []finetune.Set {
			o.DropLast, s[1].Examples = true, s[1].Examples[:5]
			return s
		}, `set "second": 5 queries make no whole batch of 6`},
		{"one set without a batch", func(s []finetune.Set, o *finetune.Options) []finetune.Set {
			o.DropLast, s[0].Examples = true, s[0].Examples[:5]
			return s[:1]
		}, `5 queries make no whole batch of 6`},
		{"a query that stands twice", func(s []finetune.Set, _ *finetune.Options) []finetune.Set {
			s[1].Examples[1].Key = s[1].Examples[0].Key
			return s
		}, `set "second": query "q00" stands twice`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, err := compute.New(compute.Options{Path: exactpath.Fastest})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			o := options(finetune.Full)
			sets := tc.change(mixed(x), &o)
			if _, err := finetune.NewMixed(x.model, e, sets, o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
