package finetune

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/model"
)

// TestChunksAreDrawnByKey: so many of the positives as the ratio says, every order about as often, by query and epoch alone, and
// of none without the option.
func TestChunksAreDrawnByKey(t *testing.T) {
	var d Data
	for i := range 3000 {
		d.Examples = append(d.Examples, Example{Key: fmt.Sprint("q", i), Positives: []int32{0}})
	}
	o := DefaultOptions()
	if d.chunks(o, 1, 1) != nil {
		t.Error("chunks without the option")
	}
	o.ShuffleRatio = 0.4
	orders, shuffled := map[string]int{}, 0
	for i := range d.Examples {
		if order := d.chunks(o, i, 1); order != nil {
			orders[fmt.Sprint(order)]++
			shuffled++
		}
	}
	if shuffled < 1100 || shuffled > 1300 || len(orders) != 6 { // 1200, within four standard deviations
		t.Errorf("%d of 3000 are shuffled, in %v", shuffled, orders)
	}
	for order, n := range orders {
		if n < shuffled/6-60 || n > shuffled/6+60 {
			t.Errorf("order %s comes %d times of %d", order, n, shuffled)
		}
	}
	moved := d.Part([]int{7, 3})
	other := 0
	for epoch := range 20 {
		if !slices.Equal(moved.chunks(o, 1, epoch), d.chunks(o, 3, epoch)) {
			t.Errorf("epoch %d: another place in the file changes the draw", epoch)
		}
		if !slices.Equal(d.chunks(o, 3, epoch), d.chunks(o, 3, 0)) {
			other++
		}
	}
	if other == 0 {
		t.Error("every epoch draws the same")
	}
}

// TestPassagesWithChunks: the positive alone is read shuffled, and so is it where it is shown as an example.
func TestPassagesWithChunks(t *testing.T) {
	d := Data{
		Examples: []Example{{Key: "a", Positives: []int32{4}}, {Key: "b", Positives: []int32{5}}},
		Passage:  func(p int32) model.Sequence { return model.Sequence{IDs: []int32{p}} },
		Shuffled: func(p int32, chunks []int) (model.Sequence, error) {
			return model.Sequence{IDs: []int32{p, int32(chunks[0]), int32(chunks[1]), int32(chunks[2])}}, nil
		},
	}
	r := row{passages: []int32{4, 9}, chunks: []int{2, 0, 1}}
	for k, want := range [][]int32{{4, 2, 0, 1}, {9}} {
		if s, err := d.passage(r, k); err != nil || !slices.Equal(s.IDs, want) {
			t.Errorf("passage %d: %v, %v", k, s.IDs, err)
		}
	}
	o := DefaultOptions()
	o.Examples = 5
	rows := []row{{example: 0, passages: []int32{4}}, {example: 1, passages: []int32{5}, chunks: []int{1, 2, 0}}}
	for epoch := range 10 {
		shown, _ := d.examples(o, rows, epoch)
		if len(shown[0]) == 1 {
			if !slices.Equal(shown[0][0].Chunks, []int{1, 2, 0}) {
				t.Errorf("shown with its chunks as %v", shown[0][0].Chunks)
			}
			return
		}
	}
	t.Error("nothing was shown")
}
