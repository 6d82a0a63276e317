package trec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/ranking"
)

func TestKeep(t *testing.T) {
	const lines = "q2 Q0 b 1 0.5 t\nq2 Q0 a 2 0.5 t\nq2 Q0 c 3 0.9 t\nother Q0 ? 1 1 t\n"
	run, err := trec.ReadRun(strings.NewReader(lines), "run.trec")
	if err != nil {
		t.Fatal(err)
	}
	position := func(document string) (int32, bool) {
		i := strings.Index("abc", document)
		return int32(i), i >= 0
	}
	kept, err := run.Keep(trec.Wanted{Queries: []string{"q1", "q2"}, Positives: [][]int32{{0}, {1, 7}}, Depth: 2, Position: position})
	if err != nil {
		t.Fatal(err)
	}
	want := trec.Kept{Found: 1, Longest: 3, Ranked: []ranking.Ranked{
		{Positives: []ranking.Positive{{Passage: 0, Rank: -1}}},
		// c has the best score; a stands before b, its equal, by the order of passages, whatever the ranks say.
		{Hits: ranking.Ranking{{Passage: 2, Score: 0.9}, {Passage: 0, Score: 0.5}}, Positives: []ranking.Positive{{Passage: 1, Score: 0.5, Rank: 2}, {Passage: 7, Rank: -1}}},
	}}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = run.Keep(trec.Wanted{Queries: []string{"other"}, Positives: [][]int32{nil}, Position: position})
	if err == nil || !strings.Contains(err.Error(), `run.trec:4: query "other": the corpus has no passage "?"`) {
		t.Errorf("an unknown document: %v", err)
	}
}
