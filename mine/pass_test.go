package mine

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPassTellsOfEveryRowOnce: drawing and handing on are two steps, and each ends at the number of rows.
func TestPassTellsOfEveryRowOnce(t *testing.T) {
	var queries []Query
	for i := range 3 {
		queries = append(queries, drawnQuery(fmt.Sprint(i)))
	}
	m, err := New(Options{Window: Window{0, 20}, Negatives: 2, Sampling: Top, HubLimit: 2}, 0, numbered())
	if err != nil {
		t.Fatal(err)
	}
	p := m.NewPass(of(queries), func(Query, Result) error { return nil })
	var told []string
	p.Progress = func(step Step, done, total int) { told = append(told, fmt.Sprintf("%s %d of %d", step, done, total)) }
	for _, q := range queries {
		if err := p.Add(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"hub limit 1 of 3", "hub limit 2 of 3", "hub limit 3 of 3", "write rows 1 of 3", "write rows 2 of 3", "write rows 3 of 3"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
