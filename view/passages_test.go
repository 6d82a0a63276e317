package view

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/rundir"
)

// withSets is a view of a run with two sets of data.sets: faq over the run's corpus, law over one of its own.
func withSets(t *testing.T, o tinyrun.Options) (*tinyrun.Run, *View) {
	t.Helper()
	o.Sets = []string{"faq", "law"}
	run, err := tinyrun.Write(t.TempDir(), o)
	must(t, err)
	at := func(name string) string { return filepath.Join(run.Folder, name) }
	return run, open(t, run, nil, SetFiles{Name: "faq", Corpus: at("corpus.jsonl"), Train: at("faq.jsonl")}, SetFiles{Name: "law", Corpus: at("law-corpus.jsonl"), Train: at("law.jsonl")})
}

// Each set of data.sets has its own queries, rankings, negatives and doubted negatives, in its own corpus.
func TestSetsAreBrowsed(t *testing.T) {
	_, v := withSets(t, tinyrun.Options{Passages: 60, Depth: 60})
	a := get[about](t, v, "about")
	want := []aboutSet{{"train", 12, "train", true, false}, {"dev", 8, "train", false, false}, {"set-faq", 12, "train", true, false}, {"set-law", 12, "set-law", true, false}}
	if diff := cmp.Diff(want, a.Sets); diff != "" {
		t.Errorf("sets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]aboutCorpus{{"train", 60}, {"set-law", 60}}, a.Corpora); diff != "" {
		t.Errorf("corpora (-want +got):\n%s", diff)
	}
	for _, tc := range []struct{ split, key, positive string }{{"set-faq", "faq-3", "p3"}, {"set-law", "law-3", "law p3"}} {
		l := get[list[queryRow]](t, v, "queries", "split", tc.split, "order", "worst")
		if l.Total != 12 || l.Rows[0].Ranks[0] == 0 {
			t.Errorf("%s: %+v", tc.split, l)
		}
		q := get[queryView](t, v, "query", "split", tc.split, "index", "3")
		if q.Key != tc.key || q.Positives[0].ID != tc.positive || len(q.Rounds) != 2 || !q.Rounds[1].Searched {
			t.Errorf("%s: %+v", tc.split, q)
		}
		negatives := 0
		for _, h := range q.Rounds[1].Hits {
			if h.Negative {
				negatives++
			}
		}
		if negatives != tinyrun.Negatives {
			t.Errorf("%s: %d negatives are marked", tc.split, negatives)
		}
		queue := get[list[suspectRow]](t, v, "queue", "split", tc.split, "filter", "open")
		if queue.Total == 0 || queue.Rows[0].Query.Key[:3] != tc.key[:3] || len(queue.Rows[0].Passage.Text) == 0 {
			t.Errorf("%s: queue %+v", tc.split, queue)
		}
		if c := get[comparison](t, v, "compare", "split", tc.split, "a", "0", "b", "1", "order", "wins"); c.Better+c.Worse+c.Same != 12 {
			t.Errorf("%s: compared %+v", tc.split, c)
		}
	}
	// A verdict is of texts: one on a pair of the same places says nothing of another set.
	row := get[list[suspectRow]](t, v, "queue", "split", "train", "filter", "open").Rows[0]
	if w := request(v, "POST", "/api/verdict", fmt.Sprintf(`{"query":%q,"passage":%q,"verdict":"keep","round":0}`, row.Query.Key, row.Passage.ID), nil); w.Code != 200 {
		t.Fatal(w.Body)
	}
	for split, want := range map[string]int{"train": 1, "set-faq": 0, "set-law": 0} {
		if judged := get[list[suspectRow]](t, v, "queue", "split", split, "filter", "judged"); judged.Total != want {
			t.Errorf("%s has %d judged, want %d", split, judged.Total, want)
		}
	}
	// Queries of a set are named with it, in its own corpus.
	row = get[list[suspectRow]](t, v, "queue", "split", "set-law", "filter", "open").Rows[0]
	if w := request(v, "POST", "/api/verdict", fmt.Sprintf(`{"set":"set-law","query":%q,"passage":%q,"verdict":"drop","round":0}`, row.Query.Key, row.Passage.ID), nil); w.Code != 200 {
		t.Fatal(w.Body)
	}
	for split, want := range map[string]int{"train": 1, "set-faq": 0, "set-law": 1} {
		if judged := get[list[suspectRow]](t, v, "queue", "split", split, "filter", "judged"); judged.Total != want || want > 0 && split == "set-law" && (judged.Rows[0].Verdict != "drop" || judged.Rows[0].Passage != row.Passage) {
			t.Errorf("%s has %+v judged, want %d", split, judged, want)
		}
	}
	for body, want := range map[string]string{
		`{"query":"faq-1","passage":"p3","verdict":"keep","round":0}`:                     `no train query has the key`,
		`{"set":"set-law","query":"faq-1","passage":"law p9","verdict":"keep","round":0}`: `no set-law query has the key`,
		`{"set":"set-law","query":"law-1","passage":"p9","verdict":"keep","round":0}`:     `no passage has the id`,
		`{"set":"set-law","query":"law-1","passage":"law p1","verdict":"drop","round":0}`: `answers the query`,
		`{"set":"set-nowhere","query":"law-1","passage":"p9","verdict":"keep","round":0}`: `no set that is trained on`,
	} {
		if w := request(v, "POST", "/api/verdict", body, nil); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %q", body, w.Code, w.Body, want)
		}
	}
}

// Passages are found by words and by id, counted over all sets in their corpus, and ordered.
func TestPassages(t *testing.T) {
	_, v := withSets(t, tinyrun.Options{Passages: 60, Depth: 60, Hostile: []string{"<b>ÄPFEL</b>"}})
	page := func(split string, parameters ...string) list[passageRow] {
		return get[list[passageRow]](t, v, "passages", append([]string{"split", split, "order", "file"}, parameters...)...)
	}
	for search, want := range map[string]int{"äpfel": 1, "P1": 11, "adds": 59, "adds 7 INSTEAD": 1, "law": 0, "": 60} { // p1, and p10 to p19
		if got := page("dev", "search", search); got.Total != want {
			t.Errorf("%q finds %d, want %d", search, got.Total, want)
		}
	}
	if got := page("set-law", "search", "law adds 7"); got.Total != 1 || got.Rows[0].ID != "law p7" || got.Rows[0].Answers != 1 {
		t.Errorf("%+v", got)
	}
	// p3 answers train-3, faq-3 and dev-1.
	if got := page("train", "search", "adds 3 instead"); got.Rows[0].Answers != 3 {
		t.Errorf("%+v", got.Rows[0])
	}
	if got := page("train", "page", "1"); len(got.Rows) != 10 || got.Rows[0].Index != 50 {
		t.Errorf("the second page is %+v", got)
	}
	var total int32
	for _, split := range []string{"train", "set-law"} {
		all := append(get[list[passageRow]](t, v, "passages", "split", split, "order", "mined").Rows, get[list[passageRow]](t, v, "passages", "split", split, "order", "mined", "page", "1").Rows...)
		if !slices.IsSortedFunc(all, func(a, b passageRow) int { return int(b.Mined - a.Mined) }) || all[0].Mined == 0 {
			t.Errorf("%s: not by mined", split)
		}
		for _, row := range all {
			total += row.Mined
		}
	}
	want := 0 // different negatives of every query of train, faq and law
	for _, split := range []rundir.Split{"train", "set-faq", "set-law"} {
		pairs := map[judgedPair]bool{}
		for round := range 2 {
			mined, err := v.run.negatives(round, split)
			must(t, err)
			for q, negatives := range mined {
				for _, n := range negatives {
					pairs[judgedPair{split, int32(q), n.passage}] = true
				}
			}
		}
		want += len(pairs)
	}
	if int(total) != want {
		t.Errorf("%d negatives are counted, want %d", total, want)
	}
}

// A passage shows the queries that it answers and those that it was mined for, with its rank in each ranking.
func TestPassage(t *testing.T) {
	_, v := withSets(t, tinyrun.Options{Train: 150, Passages: 40, Depth: 10})
	p := get[passageView](t, v, "passage", "split", "train", "index", "3")
	if p.Passage.ID != "p3" || p.Corpus != "train" || p.List.Rows[0].Query.Key != "train-3" || !p.List.Rows[0].Positive || p.List.Rows[3].Query.Key != "train-123" || p.List.Rows[4].Positive {
		t.Fatalf("%+v", p)
	}
	for page := 0; page*pageSize < p.List.Total; page++ {
		for _, row := range get[passageView](t, v, "passage", "split", "train", "index", "3", "page", fmt.Sprint(page)).List.Rows {
			mined := false
			for _, round := range row.Rounds {
				mined = mined || round.Mined
				found, err := v.run.candidates(round.Round, rundir.Train)
				must(t, err)
				c, err := found.index.At(row.Query.Index)
				must(t, err)
				want := int32(0)
				for rank, h := range c.Hits {
					if h.Passage == 3 {
						want = int32(rank) + 1
					}
				}
				if row.Positive {
					want = c.Positives[0].Rank + 1 // however deep
				}
				if round.Rank != want || (round.Score != nil) != (want > 0) {
					t.Errorf("%s, round %d: rank %d, want %d", row.Query.Key, round.Round, round.Rank, want)
				}
			}
			if !row.Positive && !mined {
				t.Errorf("%s neither has it as a positive nor as a negative", row.Query.Key)
			}
		}
	}
	if got := get[passageView](t, v, "passage", "split", "set-law", "index", "3"); got.Passage.ID != "law p3" || got.Corpus != "set-law" || got.List.Rows[0].Query.Key != "law-3" {
		t.Errorf("%+v", got)
	}
	w := request(v, "POST", "/api/verdict", fmt.Sprintf(`{"query":%q,"passage":"p3","verdict":"keep","round":0}`, p.List.Rows[4].Query.Key), nil)
	if again := get[passageView](t, v, "passage", "split", "train", "index", "3"); w.Code != 200 || again.List.Rows[4].Verdict != "keep" {
		t.Errorf("%d %s: %+v", w.Code, w.Body, again.List.Rows[4])
	}
}
