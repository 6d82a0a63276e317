package finetune

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// drawEpochs is enough epochs that a draw which can come has come.
const drawEpochs = 60

func TestGroupDrawsEveryPositiveAndNegativeOverEpochs(t *testing.T) {
	o := Options{GroupSize: 4, Seed: 7}
	d := Data{Examples: []Example{{Key: "q", Positives: []int32{1, 2, 3}, Negatives: []int32{10, 11, 12, 13, 14, 15, 16}}}}
	firsts, rests := map[int32]bool{}, map[int32]bool{}
	groups := map[string]bool{}
	for epoch := range drawEpochs {
		r := d.group(o, 0, epoch)
		if len(r.passages) != o.GroupSize {
			t.Fatalf("epoch %d: %d passages, want %d", epoch, len(r.passages), o.GroupSize)
		}
		firsts[r.passages[0]] = true
		negatives := slices.Clone(r.passages[1:])
		for _, p := range negatives {
			rests[p] = true
		}
		slices.Sort(negatives)
		if len(slices.Compact(negatives)) != o.GroupSize-1 {
			t.Errorf("epoch %d: a negative is drawn twice of seven: %v", epoch, r.passages)
		}
		groups[fmt.Sprint(negatives)] = true
	}
	for _, p := range d.Examples[0].Positives {
		if !firsts[p] {
			t.Errorf("positive %d was never drawn", p)
		}
	}
	for _, p := range d.Examples[0].Negatives {
		if !rests[p] {
			t.Errorf("negative %d was never drawn", p)
		}
	}
	if len(firsts) != 3 || len(rests) != 7 {
		t.Errorf("drawn as positives: %v; as negatives: %v", firsts, rests)
	}
	if len(groups) < drawEpochs/4 { // of 35 sets
		t.Errorf("%d sets of negatives in %d epochs: they are not drawn anew", len(groups), drawEpochs)
	}
}

// TestGroupRepeatsNegativesOnlyWhenTooFew counts how often each negative stands in a group.
func TestGroupRepeatsNegativesOnlyWhenTooFew(t *testing.T) {
	for _, tc := range []struct {
		name             string
		negatives, group int
		fewest, most     int
	}{
		{"more than wanted", 6, 4, 0, 1},
		{"as many as wanted", 3, 4, 1, 1},
		{"one too few", 3, 5, 1, 2},
		{"twice round and one more", 3, 8, 2, 3},
		{"one negative", 1, 5, 4, 4},
		{"no negatives", 0, 5, 0, 0},
		{"a group of one", 3, 1, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := Example{Key: "q", Positives: []int32{99}}
			for p := range tc.negatives {
				e.Negatives = append(e.Negatives, int32(p))
			}
			for epoch := range drawEpochs {
				r := Data{Examples: []Example{e}}.group(Options{GroupSize: tc.group, Seed: 7}, 0, epoch)
				want := tc.group
				if tc.negatives == 0 {
					want = 1
				}
				if len(r.passages) != want || r.passages[0] != 99 {
					t.Fatalf("epoch %d: got %v, want %d passages, the positive first", epoch, r.passages, want)
				}
				count := make([]int, tc.negatives)
				for _, p := range r.passages[1:] {
					count[p]++
				}
				for p, n := range count {
					if n < tc.fewest || n > tc.most {
						t.Errorf("epoch %d: negative %d stands %d times in %v, want %d to %d", epoch, p, n, r.passages, tc.fewest, tc.most)
					}
				}
			}
		})
	}
}

// TestDrawsDependOnTheirKeyAlone moves a query to another place among others.
func TestDrawsDependOnTheirKeyAlone(t *testing.T) {
	o := Options{GroupSize: 3, Seed: 7}
	example := func(key string) Example {
		return Example{Key: key, Positives: []int32{1, 2, 3}, Negatives: []int32{10, 11, 12, 13, 14}}
	}
	var d, turned Data
	for i := range 12 {
		d.Examples = append(d.Examples, example(fmt.Sprintf("q%02d", i)))
	}
	turned.Examples = slices.Clone(d.Examples[1:]) // without the first
	slices.Reverse(turned.Examples)
	for i, e := range turned.Examples {
		if a, b := d.group(o, 11-i, 3), turned.group(o, i, 3); !slices.Equal(a.passages, b.passages) {
			t.Errorf("%s: %v in the file, %v turned round", e.Key, a.passages, b.passages)
		}
	}
	keys := func(d Data, o Options, epoch int) []string {
		var keys []string
		for _, i := range d.order(o, epoch) {
			keys = append(keys, d.Examples[i].Key)
		}
		return keys
	}
	want := slices.DeleteFunc(keys(d, o, 1), func(key string) bool { return key == "q00" })
	if got := keys(turned, o, 1); !slices.Equal(got, want) {
		t.Errorf("order %v, turned round %v", want, got)
	}
	if first := keys(d, o, 1); slices.IsSorted(first) {
		t.Errorf("the order is that of the file: %v", first)
	} else {
		for what, other := range map[string][]string{
			"epoch": keys(d, o, 2), "round": keys(d, Options{Seed: 7, Round: 1}, 1), "seed": keys(d, Options{Seed: 8}, 1),
		} {
			if slices.Equal(first, other) {
				t.Errorf("another %s has the same order: %v", what, other)
			}
			slices.Sort(other)
			if len(slices.Compact(other)) != len(d.Examples) {
				t.Errorf("another %s: not every query once: %v", what, other)
			}
		}
	}
	for what, other := range map[string]Options{"round": {GroupSize: 3, Seed: 7, Round: 1}, "seed": {GroupSize: 3, Seed: 8}} {
		same := 0
		for i := range d.Examples {
			if slices.Equal(d.group(o, i, 1).passages, d.group(other, i, 1).passages) {
				same++
			}
		}
		if same > 2 {
			t.Errorf("another %s draws the same groups for %d of %d queries", what, same, len(d.Examples))
		}
	}
}

// TestTheOrderOfPositivesDecidesNothing turns an example's positives and a teacher's scores of them round, as another order of the corpus does.
func TestTheOrderOfPositivesDecidesNothing(t *testing.T) {
	o := Options{GroupSize: 2, Seed: 7, Distill: KLDiv}
	keys := []string{"b", "a", "c"}
	data := func(keys []string, scores ...float64) Data {
		return Data{
			Examples:   []Example{{Key: "q", Positives: []int32{0, 1, 2}, Negatives: []int32{9}, PositiveScores: scores, NegativeScores: []float64{0}}},
			PassageKey: func(p int32) string { return keys[p] },
		}
	}
	d, turned := data(keys, 2, 1, 3), data([]string{"c", "a", "b"}, 3, 1, 2)
	for epoch := range drawEpochs {
		a, b := d.group(o, 0, epoch), turned.group(o, 0, epoch)
		if d.PassageKey(a.passages[0]) != turned.PassageKey(b.passages[0]) || !slices.Equal(a.teacher, b.teacher) {
			t.Errorf("epoch %d: positive %v of %v, turned round %v of %v", epoch, d.PassageKey(a.passages[0]), a.teacher, turned.PassageKey(b.passages[0]), b.teacher)
		}
		if want := float64(strings.Index("abc", d.PassageKey(a.passages[0])) + 1); a.teacher[0] != want {
			t.Errorf("epoch %d: the score of another positive", epoch)
		}
	}
}

// TestDecayLeavesOutBiasesAndNorms takes the tiny BERT's parameters: biases and norms are its vectors.
func TestDecayLeavesOutBiasesAndNorms(t *testing.T) {
	f, err := safetensors.Open("../model/testdata/tiny-bert/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o := DefaultOptions()
	o.Batch = 4
	counts := map[bool]int{}
	for _, p := range stepsTrainer(t, o).parameters {
		tensor, err := f.Tensor(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		if want := len(tensor.Shape) == 2; p.decays != want {
			t.Errorf("%s decays: %v, want %v", p.Name, p.decays, want)
		}
		counts[p.decays]++
	}
	if counts[true] != 3+2*6 || counts[false] != 2+2*10 {
		t.Errorf("%d parameters decay and %d do not, want 15 and 22", counts[true], counts[false])
	}
}
