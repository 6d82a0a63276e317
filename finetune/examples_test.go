package finetune

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/model"
)

// stepOf is a step of queries that each have a passage of their own.
func stepOf(queries int) (Data, []row) {
	var d Data
	var rows []row
	for i := range queries {
		d.Examples = append(d.Examples, Example{Key: fmt.Sprint("q", i), Positives: []int32{int32(i)}, Known: []int32{int32(i)}})
		rows = append(rows, row{example: i, passages: []int32{int32(i), 99}, training: true})
	}
	return d, rows
}

func TestExamplesAreDrawnOfTheStep(t *testing.T) {
	d, rows := stepOf(8)
	o := Options{Examples: 5, Seed: 7}
	counts, partners := map[int]bool{}, map[int]bool{}
	for epoch := range drawEpochs {
		shown, leaks := d.examples(o, rows, epoch)
		if leaks != 0 {
			t.Fatalf("epoch %d: %d leaks where no two queries share an answer", epoch, leaks)
		}
		for i := range rows {
			seen := map[int]bool{}
			for _, x := range shown[i] {
				if x.Example == i || seen[x.Example] || x.Passage != int32(x.Example) {
					t.Fatalf("epoch %d: query %d is shown %v", epoch, i, shown[i])
				}
				seen[x.Example] = true
			}
		}
		counts[len(shown[3])] = true
		for _, x := range shown[3] {
			partners[x.Example] = true
		}
	}
	if len(counts) != 6 || len(partners) != 7 {
		t.Errorf("numbers of examples %v, want 0 to 5; examples %v, want every other query", counts, partners)
	}
}

// The draw of a query depends on the order of the step's queries alone, and that on their keys.
func TestExamplesAreKeyed(t *testing.T) {
	d, rows := stepOf(6)
	first, _ := d.examples(Options{Examples: 3, Seed: 7}, rows, 2)
	again, _ := d.examples(Options{Examples: 3, Seed: 7}, rows, 2)
	other, _ := d.examples(Options{Examples: 3, Seed: 8}, rows, 2)
	later, _ := d.examples(Options{Examples: 3, Seed: 7}, rows, 3)
	if fmt.Sprint(first) != fmt.Sprint(again) {
		t.Error("the same draw gave other examples")
	}
	if fmt.Sprint(first) == fmt.Sprint(other) || fmt.Sprint(first) == fmt.Sprint(later) {
		t.Error("another seed or epoch gave the same examples")
	}
}

func TestLeakingExamplesAreLeftOutAndCounted(t *testing.T) {
	d, rows := stepOf(5)
	d.Examples[0].Known = []int32{0, 2, 4} // 2 answers the query, too; 4 has its text
	total := 0
	for epoch := range drawEpochs {
		shown, leaks := d.examples(Options{Examples: 4, Seed: 7}, rows, epoch)
		total += leaks
		if slices.ContainsFunc(shown[0], func(x Shown) bool { return x.Example == 2 || x.Example == 4 }) {
			t.Fatalf("epoch %d: query 0 is shown its answer: %v", epoch, shown[0])
		}
		if slices.ContainsFunc(shown[2], func(x Shown) bool { return x.Example == 2 }) {
			t.Fatalf("epoch %d: query 2 is shown itself", epoch)
		}
	}
	if total == 0 {
		t.Error("no leak was counted")
	}
}

// A step of one query has nobody to be shown.
func TestExamplesOfOneQuery(t *testing.T) {
	d, rows := stepOf(1)
	for epoch := range drawEpochs {
		if shown, leaks := d.examples(Options{Examples: 5, Seed: 7}, rows, epoch); len(shown[0]) != 0 || leaks != 0 {
			t.Fatalf("epoch %d: %v, %d leaks", epoch, shown, leaks)
		}
	}
}

func TestOnlyTrainingReadsQueriesInContext(t *testing.T) {
	d, rows := stepOf(2)
	d.Query = func(int) model.Sequence { return model.Sequence{IDs: []int32{1}} }
	d.InContext = func(_ int, shown []Shown) (model.Sequence, int, error) {
		return model.Sequence{IDs: []int32{2}}, len(shown), nil
	}
	rows[0].shown = []Shown{{Example: 1, Passage: 1}}
	for _, tc := range []struct {
		name  string
		row   row
		id    int32
		count int
	}{{"training", rows[0], 2, 1}, {"training without examples", rows[1], 2, 0}, {"eval_loss", row{example: 0}, 1, 0}} {
		t.Run(tc.name, func(t *testing.T) {
			s, count, err := d.query(tc.row)
			if err != nil || s.IDs[0] != tc.id || count != tc.count {
				t.Errorf("got %v, %d, %v", s.IDs, count, err)
			}
		})
	}
}
