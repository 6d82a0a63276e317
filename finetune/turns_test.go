package finetune

import (
	"fmt"
	"slices"
	"testing"
)

func TestEpochSteps(t *testing.T) {
	for _, tc := range []struct {
		name    string
		mixture Mixture
		drop    bool
		want    []int
	}{
		{"one set", Mixture{{"", 70, 0}}, false, []int{3}},
		{"the weight of one set is of no account", Mixture{{"", 70, 5}}, false, []int{3}},
		{"by size", Mixture{{"", 70, 0}, {"b", 32, 0}, {"c", 1, 0}}, false, []int{3, 1, 1}},
		{"by size, last batches left out", Mixture{{"", 70, 0}, {"b", 32, 0}}, true, []int{2, 1}},
		{"equal weights: 5 of 10 each", Mixture{{"", 288, 1}, {"b", 32, 1}}, false, []int{5, 5}},
		{"halves are rounded up: 2.5 of 5 each", Mixture{{"", 128, 1}, {"b", 32, 1}}, false, []int{3, 3}},
		{"10 · 3/4 and 10 · 1/4", Mixture{{"", 288, 3}, {"b", 32, 1}}, false, []int{8, 3}},
		{"no set goes without a step", Mixture{{"", 288, 1000}, {"b", 32, 1}}, false, []int{10, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := Options{Batch: 32, Epochs: 2, DropLast: tc.drop}
			if got := o.EpochSteps(tc.mixture); !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			if got, want := o.MixedSteps(tc.mixture), 2*sum(tc.want); got != want {
				t.Errorf("%d steps in all, want %d", got, want)
			}
		})
	}
}

// TestFillMaxSteps holds epochs and steps against transformers' Trainer, by its rule: epochs = ceil(max_steps / steps an epoch).
func TestFillMaxSteps(t *testing.T) {
	reference := Mixture{{"", 3506, 0}} // 219 steps an epoch
	for _, tc := range []struct{ epochs, most, wantEpochs, wantSteps int }{
		{1, 2000, 10, 2000},
		{1, 438, 2, 438},
		{5, 300, 5, 300}, // the last three are never begun
		{5, 0, 5, 1095},
	} {
		o := Options{Batch: 16, DropLast: true, Epochs: tc.epochs, MaxSteps: tc.most}.FillMaxSteps(reference)
		if got := o.MixedSteps(reference); o.Epochs != tc.wantEpochs || got != tc.wantSteps {
			t.Errorf("%d epochs and max_steps %d: %d epochs of %d steps in all, want %d of %d", tc.epochs, tc.most, o.Epochs, got, tc.wantEpochs, tc.wantSteps)
		}
	}
	if o := (Options{Batch: 16, DropLast: true, Epochs: 1, MaxSteps: 9}).FillMaxSteps(Mixture{{"", 3, 0}}); o.Epochs != 1 {
		t.Errorf("%d epochs without a whole batch", o.Epochs)
	}
}

// named are the names of the sets whose turn it is.
func named(m Mixture, turns []turn) []string {
	names := make([]string, len(turns))
	for i, t := range turns {
		names[i] = m[t.set].Name
	}
	return names
}

func TestTurns(t *testing.T) {
	o := Options{Batch: 4, Epochs: 3, Seed: 7, Round: 1}
	m := Mixture{{"", 80, 0}, {"b", 40, 0}, {"c", 12, 0}}
	turns := o.turns(m, 2)
	next := make([]int, len(m))
	for i, now := range turns {
		if now.number != next[now.set] {
			t.Fatalf("step %d is number %d of set %d, want %d: a set's batches come in their order", i, now.number, now.set, next[now.set])
		}
		next[now.set]++
	}
	if want := o.EpochSteps(m); !slices.Equal(next, want) {
		t.Errorf("the sets have %v turns, want %v", next, want)
	}
	first := named(m, turns)
	if other := named(m, o.turns(m, 3)); slices.Equal(first, other) {
		t.Error("two epochs have one order of sets")
	}
	turned := Mixture{m[2], m[0], m[1]}
	if got := named(turned, o.turns(turned, 2)); !slices.Equal(got, first) {
		t.Errorf("the order of the sets matters: %v and %v", got, first)
	}
	alone := slices.DeleteFunc(slices.Clone(first), func(name string) bool { return name == "c" })
	if got := named(m, o.turns(m[:2], 2)); !slices.Equal(got, alone) {
		t.Errorf("a further set changes the order among the others: %v and %v", alone, got)
	}
}

// TestPassesFollowEachOther counts how often each batch of a set is taken, whatever its share of the steps.
func TestPassesFollowEachOther(t *testing.T) {
	const batches, epochs = 7, 5
	for _, steps := range []int{1, 3, 7, 10, 30} {
		var taken []string
		for epoch := 1; epoch <= epochs; epoch++ {
			for number := range steps {
				pass, batch := passBatch(epoch, steps, number, batches)
				if steps == batches && pass != epoch {
					t.Fatalf("epoch %d of as many steps as batches takes pass %d", epoch, pass)
				}
				taken = append(taken, fmt.Sprint(pass, "/", batch))
			}
		}
		for i, got := range taken {
			if want := fmt.Sprint(1+i/batches, "/", i%batches); got != want {
				t.Fatalf("%d steps an epoch: step %d takes %s, want %s", steps, i, got, want)
			}
		}
	}
}
