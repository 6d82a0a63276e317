package view

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/rundir"
)

// Two runs of one round begin with the same model, so their miners rank alike; what they made of it is in what their epochs rank.
func TestRunsThatMinedAlikeAreComparedByWhatTheyTrained(t *testing.T) {
	folder := t.TempDir()
	a, err := tinyrun.Write(folder, tinyrun.Options{Dev: 70, Rounds: 1, Ranked: true})
	must(t, err)
	b, err := tinyrun.Write(folder, tinyrun.Options{Dev: 70, Rounds: 1, Ranked: true, Rise: 0.02, Name: "other"})
	must(t, err)
	v := open(t, a, b)
	about := get[about](t, v, "about")
	want := []rankerInfo{
		{"0", "round 0, its miner", true, false, []rundir.Split{"train", "dev"}}, {"0/0", "before training", false, false, []rundir.Split{"dev"}}, {"0/1", "round 0 epoch 1", false, false, []rundir.Split{"dev"}},
		{"0/2", "round 0 epoch 2", false, false, []rundir.Split{"dev"}}, {"0/3", "round 0 epoch 3 (chosen)", false, true, []rundir.Split{"dev"}},
	}
	if diff := cmp.Diff([][]rankerInfo{want, want}, [][]rankerInfo{about.Rankers, about.AgainstRankers}); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if mined := get[comparison](t, v, "compare", "split", "dev", "a", "0", "b", "0", "order", "change"); mined.Same != 70 {
		t.Errorf("the miners differ: %+v", mined)
	}
	// The same draws, lifted less.
	trained := get[comparison](t, v, "compare", "split", "dev", "a", "0/3", "b", "0/3", "order", "losses")
	if trained.A != "tiny, round 0, epoch 3" || trained.B != "other, round 0, epoch 3" || trained.Better != 0 || trained.Worse < 10 || trained.Better+trained.Worse+trained.Same != 70 {
		t.Errorf("what was trained: %+v", trained)
	}
	for target, want := range map[string]string{
		"a=0/9&b=0":   "tiny, round 0, epoch 9 has not ranked dev, or it is not kept",
		"a=0/x&b=0":   `a \"0/x\" is neither a round nor ROUND/EPOCH`,
		"a=0/0/0&b=0": "is neither a round nor ROUND/EPOCH",
		"a=0&b=-1":    "is neither a round nor ROUND/EPOCH",
	} {
		if w := request(v, "GET", "/api/compare?split=dev&order=change&"+target, "", nil); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if w := request(v, "GET", "/api/compare?split=train&order=change&a=0/3&b=0/3", "", nil); w.Code != 400 {
		t.Errorf("an epoch's ranking of train: %d %s", w.Code, w.Body)
	}
	for who, found := range v.run.byEpoch {
		if found.file.file != nil {
			t.Errorf("the ranking of %s is open after the request", who.id())
		}
	}
}

// A query stands with what each round's miner, base and chosen epoch rank, and in the list with its rank in each.
func TestAQueryBeforeAndAfterTraining(t *testing.T) {
	_, v := opened(t, tinyrun.Options{Dev: 60, Ranked: true, Epochs: 2})
	q := get[queryView](t, v, "query", "split", "dev", "index", "5")
	rank := func(hits []hit) int32 {
		i := slices.IndexFunc(hits, func(h hit) bool { return h.Positive })
		if i < 0 {
			t.Fatalf("no positive in %+v", hits)
		}
		return hits[i].Rank
	}
	var names []string
	var ranks []int32
	for _, round := range q.Rounds {
		names, ranks = append(names, fmt.Sprintf("miner %d", round.Round)), append(ranks, rank(round.Hits))
		for _, e := range round.Epochs {
			names, ranks = append(names, e.Name), append(ranks, rank(e.Hits))
			if !slices.ContainsFunc(e.Hits, func(h hit) bool { return h.Negative }) {
				t.Errorf("%s: no mined negative is marked", e.Name)
			}
		}
	}
	want := []string{"miner 0", "before training", "round 0 epoch 2 (chosen)", "miner 1", "before training in round 1", "round 1 epoch 2 (chosen)"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	// tinyrun: the base is the miner of round 0 and what both rounds train from, and round 0's result the miner of round 1.
	if ranks[0] != ranks[1] || ranks[4] != ranks[1] || ranks[3] != ranks[2] {
		t.Errorf("ranks %v", ranks)
	}
	l := get[queryList](t, v, "queries", "split", "dev", "order", "rise")
	if diff := cmp.Diff([]string{"before training", "miner of round 0", "round 0 epoch 2 (chosen)", "miner of round 1", "round 1 epoch 2 (chosen)"}, l.Columns); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.IsSortedFunc(l.Rows, func(a, b queryRow) int { return int((b.Ranks[0] - b.Ranks[4]) - (a.Ranks[0] - a.Ranks[4])) }) || l.Total != 60 {
		t.Errorf("risen most first: %+v", l.Rows)
	}
	if i := slices.IndexFunc(l.Rows, func(r queryRow) bool { return r.Index == 5 }); i >= 0 && l.Rows[i].Ranks[4] != ranks[5] {
		t.Errorf("the list has %v, the query %v", l.Rows[i].Ranks, ranks)
	}
	if train := get[queryView](t, v, "query", "split", "train", "index", "0"); len(train.Rounds[0].Epochs) != 0 {
		t.Errorf("train is not ranked by epochs: %+v", train.Rounds[0].Epochs)
	}
}

// A run that an earlier quarry scored has no rankings of epochs, and a query says so; a round that nothing is scored of yet lacks none.
func TestWhatAnEarlierQuarryDidNotKeepIsSaid(t *testing.T) {
	run, err := tinyrun.Begin(t.TempDir(), tinyrun.Options{Rounds: 2})
	must(t, err)
	must(t, run.Round(0))
	must(t, run.Mine(1))
	v := open(t, run, nil)
	q := get[queryView](t, v, "query", "split", "dev", "index", "0")
	if !q.Rounds[0].Unkept || q.Rounds[1].Unkept || len(q.Rounds[0].Epochs) != 0 {
		t.Errorf("%+v", q.Rounds)
	}
	if train := get[queryView](t, v, "query", "split", "train", "index", "0"); train.Rounds[0].Unkept {
		t.Error("train is never ranked by epochs")
	}
	if l := get[queryList](t, v, "queries", "split", "dev", "order", "fall"); len(l.Columns) != 2 || l.Rows[0].Ranks[0] < 1 {
		t.Errorf("the list of a run without rankings of epochs: %+v", l)
	}
	if a := get[about](t, v, "about"); len(a.Rankers) != 2 || !a.Rankers[0].Miner {
		t.Errorf("rankers %+v", a.Rankers)
	}
}

// While nothing is chosen the last epoch that is scored is shown. What no stamp names does not count, nor do files of others.
func TestWhichEpochsAreShown(t *testing.T) {
	run, v := opened(t, tinyrun.Options{Ranked: true, Rounds: 1})
	shown := func() (names []string) {
		for _, e := range get[queryView](t, v, "query", "split", "dev", "index", "0").Rounds[0].Epochs {
			names = append(names, e.Name)
		}
		return names
	}
	d := rundir.Layout(run.Dir)
	must(t, os.Remove(d.Round(0).Choice()))
	if got := shown(); !slices.Equal(got, []string{"before training", "round 0 epoch 3"}) {
		t.Errorf("without a choice: %q", got)
	}
	must(t, os.Remove(d.Stamp(0, "eval-epoch-3")))
	if got := shown(); !slices.Equal(got, []string{"before training", "round 0 epoch 2"}) {
		t.Errorf("without a stamp: %q", got)
	}
	content, err := os.ReadFile(d.Round(0).EpochRanking(rundir.Dev, 1))
	must(t, err)
	must(t, os.WriteFile(d.Round(0).EpochRanking(rundir.Dev, 0), content, 0o600))
	if w := request(v, "GET", "/api/query?split=dev&index=0", "", nil); w.Code != 500 || !strings.Contains(w.Body.String(), "epoch-0.dev.cand: not what epoch 0 of round 0 ranks") {
		t.Errorf("another epoch's file: %d %s", w.Code, w.Body)
	}
}

// The sets of data.sets are ranked by miners alone, in a run whose epochs' rankings of dev are kept too.
func TestSetsAreRankedByMinersAlone(t *testing.T) {
	_, v := withSets(t, tinyrun.Options{Ranked: true})
	if a := get[about](t, v, "about"); len(a.Sets) != 4 || len(a.Corpora) != 2 || len(a.Rankers) != 10 || a.Unused == "" {
		t.Errorf("about %+v", a)
	}
	miners := []string{"miner of round 0", "miner of round 1"}
	for split, columns := range map[string][]string{
		"dev":     {"before training", miners[0], "round 0 epoch 3 (chosen)", miners[1], "round 1 epoch 3 (chosen)"},
		"train":   miners,
		"set-faq": miners,
		"set-law": miners,
	} {
		l := get[queryList](t, v, "queries", "split", split, "order", "worst")
		if diff := cmp.Diff(columns, l.Columns); diff != "" || slices.Contains(l.Rows[0].Ranks, 0) {
			t.Errorf("%s: %v (-want +got):\n%s", split, l.Rows[0].Ranks, diff)
		}
		for _, round := range get[queryView](t, v, "query", "split", split, "index", "3").Rounds {
			if shown := len(round.Epochs); (shown > 0) != (split == "dev") || round.Unkept {
				t.Errorf("%s: round %d shows %d epochs", split, round.Round, shown)
			}
		}
		w := request(v, "GET", "/api/compare?order=change&a=0/0&b=1/3&split="+split, "", nil)
		if want := map[bool]int{true: 200, false: 400}[split == "dev"]; w.Code != want {
			t.Errorf("%s: epochs compared: %d %s", split, w.Code, w.Body)
		}
	}
}

// Test and the sets of data.also are browsed by what epochs rank: of test the base and what is chosen, of the others every epoch.
func TestHeldOutSetsAreBrowsed(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Test: 20, Also: []string{"near", "far"}, Ranked: true, Rounds: 2})
	must(t, err)
	o := Options{Dir: readOnly(t, run.Dir), Files: files(run.Folder), Host: testHost, Token: testToken}
	at := func(name string) string { return filepath.Join(run.Folder, name) }
	o.Files.Held = []HeldFiles{{Split: rundir.Test, Queries: at("test.jsonl")}, {Split: "also-near", Queries: at("near.jsonl")}, {Split: "also-far", Corpus: at("far-corpus.jsonl"), Queries: at("far.jsonl")}}
	v, err := Open(t.Context(), o)
	must(t, err)
	a := get[about](t, v, "about")
	if diff := cmp.Diff([]aboutSet{{"train", 12, "train", true, false}, {"dev", 8, "train", false, false}, {"test", 20, "train", false, true}, {"also-near", 12, "train", false, true}, {"also-far", 12, "also-far", false, true}}, a.Sets); diff != "" {
		t.Errorf("sets (-want +got):\n%s", diff)
	}
	for _, r := range a.Rankers {
		want := []rundir.Split{"train", "dev"}
		switch {
		case !r.Miner && (strings.HasSuffix(r.ID, "/0") || r.Chosen):
			want = []rundir.Split{"dev", "test", "also-near", "also-far"}
		case !r.Miner:
			want = []rundir.Split{"dev", "also-near", "also-far"}
		}
		if !slices.Equal(r.Sets, want) {
			t.Errorf("%s has ranked %v, want %v", r.ID, r.Sets, want)
		}
	}
	for split, want := range map[string]struct{ text, positive string }{"test": {"What is 5 + 6? (test)", "p5"}, "also-near": {"What is 5 + 6? (also-near)", "p5"}, "also-far": {"What is 5 + 6? (also-far)", "far p5"}} {
		l := get[queryList](t, v, "queries", "split", split, "order", "rise")
		if diff := cmp.Diff([]string{"before training", "round 0 epoch 3 (chosen)", "round 1 epoch 3 (chosen)"}, l.Columns); diff != "" || slices.Contains(l.Rows[0].Ranks, 0) || l.Rows[0].Ranks[0] <= l.Rows[0].Ranks[2] {
			t.Errorf("%s: %v (-want +got):\n%s", split, l.Rows[0].Ranks, diff)
		}
		q := get[queryView](t, v, "query", "split", split, "index", "5")
		if q.Text != want.text || q.Positives[0].ID != want.positive || q.Rounds[0].Searched || len(q.Rounds[0].Epochs) != 2 || !slices.ContainsFunc(q.Rounds[1].Epochs[1].Hits, func(h hit) bool { return h.Positive }) {
			t.Errorf("%s: %+v", split, q)
		}
		if c := get[comparison](t, v, "compare", "split", split, "a", "0/0", "b", "1/3", "order", "wins"); c.Better+c.Worse+c.Same != l.Total || c.Better == 0 {
			t.Errorf("%s: %+v", split, c)
		}
		for target, want := range map[string]int{"compare?order=change&a=0&b=1&split=": 400, "queue?filter=open&split=": 400} { // neither mined nor trained on
			if w := request(v, "GET", "/api/"+target+split, "", nil); w.Code != want {
				t.Errorf("%s%s: %d %s", target, split, w.Code, w.Body)
			}
		}
	}
	if w := request(v, "GET", "/api/compare?order=change&a=0/0&b=0/2&split=test", "", nil); w.Code != 400 || !strings.Contains(w.Body.String(), "tiny, round 0, epoch 2 has not ranked test") {
		t.Errorf("an epoch that nobody chose: %d %s", w.Code, w.Body)
	}
	if w := request(v, "POST", "/api/verdict", `{"set":"test","query":"test-1","passage":"p9","verdict":"keep"}`, nil); w.Code != 400 || !strings.Contains(w.Body.String(), "no set that is trained on") {
		t.Errorf("a verdict on test: %d %s", w.Code, w.Body)
	}
	// Runs of an earlier quarry kept none of them: that is said, set by set.
	for _, split := range []rundir.Split{rundir.Test, "also-far"} {
		for epoch := range 4 {
			if err := os.Remove(rundir.Layout(run.Dir).Round(1).EpochRanking(split, epoch)); err != nil && split != rundir.Test {
				t.Error(err)
			}
		}
	}
	for split, want := range map[string]bool{"test": true, "also-far": true, "also-near": false, "dev": false} {
		if q := get[queryView](t, v, "query", "split", split, "index", "0"); q.Rounds[1].Unkept != want || q.Rounds[0].Unkept {
			t.Errorf("%s: not kept in round 1 is %v, want %v", split, q.Rounds[1].Unkept, want)
		}
	}
}
