package pipeline

import (
	"math"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/rundir"
)

// TestAGainThatIsNoiseIsRefused asks for a p that so few queries cannot give: the base stays, though an epoch scores higher,
// and the reason says so. What each query scored stands beside every epoch, and has the table's means.
func TestAGainThatIsNoiseIsRefused(t *testing.T) {
	r := tinyProject(t, edit(t, "select: {metric: map@25}", "select: {metric: map@25, max_p: 0.0000001}", "  - mine: {window: 0-6}\n", ""))
	mustRun(t, r)
	d := look(t, r)
	scores, err := d.ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	choice, err := d.ReadChoice(0)
	if err != nil {
		t.Fatal(err)
	}
	higher := false
	for _, e := range scores.Epochs {
		higher = higher || e.Dev.All[0] > scores.Epochs[0].Dev.All[0]
		kept, err := d.ReadQueryScores(d.Round(0).EpochQueries(rundir.Dev, e.Epoch))
		if err != nil {
			t.Fatal(err)
		}
		if kept.Epoch != e.Epoch || kept.Split != rundir.Dev || len(kept.Queries) != e.Dev.Queries || kept.Convention != scores.Convention {
			t.Errorf("epoch %d: %+v", e.Epoch, kept)
		}
		seen := 0
		for m := range scores.Measures {
			sum := 0.0
			for _, q := range kept.Queries {
				sum += q.Values[m]
			}
			if got := sum / float64(len(kept.Queries)); math.Abs(got-e.Dev.All[m]) > 1e-12 {
				t.Errorf("epoch %d: %s is %v by query, %v in the table", e.Epoch, scores.Measures[m], got, e.Dev.All[m])
			}
		}
		for _, q := range kept.Queries {
			if q.Words == 0 || q.Seen != (q.Frequency > 0) {
				t.Errorf("query %+v", q)
			}
			if q.Seen {
				seen++
			}
		}
		if seen != e.Dev.Seen.Queries {
			t.Errorf("epoch %d: %d seen queries, %d in the table", e.Epoch, seen, e.Dev.Seen.Queries)
		}
	}
	if !higher {
		t.Error("no epoch of the tiny training scores higher: the rule had nothing to refuse")
	}
	if choice.Epoch != 0 || !strings.Contains(choice.Because, "no epoch gains on the base's map@25") || !strings.Contains(choice.Because, "is not told from epoch 0's") {
		t.Errorf("choice %+v", choice)
	}
}
