package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/lexical"
)

// TestSearchBySources: whatever ranks, the run is what quarry mine of the same sources and depth keeps to mine from.
func TestSearchBySources(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.search(t, SearchOptions{Rank: p.rank("train.jsonl"), Depth: 12, Output: p.path("run.trec")})
	weighted := fuse.DefaultOptions()
	weighted.Method, weighted.Weights = fuse.Weighted, []float64{1, 0.5}
	steep := lexical.DefaultOptions()
	steep.K1, steep.B = 0.9, 0.4
	for _, tc := range []struct {
		name  string
		model bool
		SourceOptions
	}{
		{"the model by its name", true, SourceOptions{Names: []string{"dense"}}},
		{"bm25", false, SourceOptions{Names: []string{"bm25"}, BM25: steep}},
		{"a run", false, SourceOptions{Names: []string{"run:" + p.path("run.trec")}}},
		{"a further model", false, SourceOptions{Names: []string{"model:" + p.path("model")}}},
		{"fused by reciprocal ranks", true, SourceOptions{Names: []string{"dense", "bm25", "run:" + p.path("run.trec")}, Fuse: fuse.DefaultOptions(), BM25: lexical.DefaultOptions()}},
		{"fused by weighted scores", true, SourceOptions{Names: []string{"dense", "bm25"}, Fuse: weighted, BM25: lexical.DefaultOptions()}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := p.mineOptions()
			m.Sources, m.Save = tc.SourceOptions, p.path("train.cand")
			o := SearchOptions{Rank: p.rank("train.jsonl"), Sources: tc.SourceOptions, Depth: 12, Output: p.path("searched.trec")}
			if !tc.model {
				m.Rank.Model, o.Rank.Model = ModelOptions{}, ModelOptions{}
			}
			p.mine(t, m)
			_, want, err := candidates.ReadAll(strings.NewReader(p.read(t, "train.cand")), "train.cand")
			mustBe(t, err)
			temporary := t.TempDir()
			t.Setenv("TMPDIR", temporary)
			o.shard = 7
			p.search(t, o)
			if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
				t.Errorf("%v is left of a search: %v", left, err)
			}
			run, err := trec.ReadRun(strings.NewReader(p.read(t, "searched.trec")), "searched.trec")
			mustBe(t, err)
			if len(run.Queries) != 30 {
				t.Fatalf("%d queries", len(run.Queries))
			}
			for i, q := range run.Queries {
				mined, searched := "", ""
				for _, hit := range want[i].Hits {
					mined += fmt.Sprintf("p%02d %v\n", hit.Passage, hit.Score)
				}
				for _, hit := range q.Hits {
					searched += fmt.Sprintf("%s %v\n", hit.Document, hit.Score)
				}
				if diff := cmp.Diff(mined, searched); q.Query != want[i].Query || diff != "" {
					t.Errorf("query %s, mined from those of %s: -mined +searched\n%s", q.Query, want[i].Query, diff)
				}
			}
		})
	}
	if p.search(t, SearchOptions{Rank: p.rank("train.jsonl"), Depth: 12}) != p.read(t, "run.trec") {
		t.Fatal("another run of the same search")
	}
	again := SearchOptions{Rank: RankOptions{Data: p.rank("train.jsonl").Data}, Sources: SourceOptions{Names: []string{"run:" + p.path("run.trec")}}, Depth: 12}
	if p.search(t, again) != p.read(t, "run.trec") {
		t.Error("the run of a run is another one")
	}
}

// TestARunThatLacksQueriesIsTold, fused ones too, which have what the other sources find.
func TestARunThatLacksQueriesIsTold(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	run := "run:" + p.write(t, "short.trec", "t0 Q0 p01 1 0.5 x\nt1 Q0 p02 1 0.5 x\n")
	for _, sources := range [][]string{{run}, {"bm25", run}} {
		o := SearchOptions{Rank: RankOptions{Data: p.rank("train.jsonl").Data}, Sources: SourceOptions{Names: sources, Fuse: fuse.DefaultOptions(), BM25: lexical.DefaultOptions()}, Depth: 1, Output: p.path("found.trec"), Tag: "x"}
		h := newTestHost()
		err := runSearch(t.Context(), o, h.host)
		if want := "short.trec: 28 of the 30 queries of " + p.path("train.jsonl") + " are not in it"; err != nil || !strings.Contains(h.err.String(), want) {
			t.Errorf("%v: %v\n%s\nwant %q", sources, err, h.err.String(), want)
		}
	}
}

// TestSearchBySourcesOnTheCommandLine: the flags are those of quarry mine, for typed queries too.
func TestSearchBySourcesOnTheCommandLine(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	files := []string{"search", "--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl"), "--depth", "4"}
	typed := []string{"search", "--corpus", p.path("corpus.jsonl"), "--query", "one plus two", "--depth", "4"}
	run := func(base []string, words ...string) (*testHost, int) {
		h := newTestHost()
		return h, h.run(t, append(append([]string{}, base...), words...)...)
	}
	h, code := run(files, "--source", "dense", "--source", "bm25", "--model", p.path("model"), "--fuse-constant", "0", "--fuse-weights", "1,0")
	if code != exitDone || !strings.Contains(h.out.String(), " p") || len(lines(h.out.String())) != 40 {
		t.Fatalf("exit code %d: %s%s", code, h.out.String(), h.err.String())
	}
	for i, want := range []string{"1", "0.5", "0.33333334", "0.25"} { // the first source's ranks alone
		if score := strings.Fields(lines(h.out.String())[i])[4]; score != want {
			t.Errorf("rank %d has the fused score %s, want %s", i+1, score, want)
		}
	}
	if h, code = run(typed, "--source", "bm25"); code != exitDone || len(lines(h.out.String())) < 2 || !strings.Contains(lines(h.out.String())[1], "   1  ") {
		t.Errorf("typed: exit code %d: %s%s", code, h.out.String(), h.err.String())
	}
	none := []string{"search", "--corpus", p.path("corpus.jsonl"), "--query", "zzzqqq"}
	if h, code = run(none, "--source", "bm25"); code != exitDone || h.out.String() != "zzzqqq\nno passage shares a word with it\n" {
		t.Errorf("no hit: exit code %d: %s%s", code, h.out.String(), h.err.String())
	}
	p.write(t, "others.trec", "zz Q0 p01 1 0.5 x\n")
	for _, tc := range []struct {
		name  string
		base  []string
		words []string
		want  string
	}{
		{"a model for nothing", files, []string{"--source", "bm25", "--model", p.path("model")}, "--model has no part without --source dense"},
		{"fusion of one", files, []string{"--source", "bm25", "--fuse", "weighted"}, "--fuse has no part without several sources"},
		{"bm25's for nothing", files, []string{"--model", p.path("model"), "--bm25-b", "1"}, "--bm25-b has no part without --source bm25"},
		{"weights of nothing", files, []string{"--source", "dense", "--source", "bm25", "--model", p.path("model"), "--fuse-weights", "0,0"}, "weights [0 0]: want one above 0"},
		{"a further model that is not there", files, []string{"--source", "bm25", "--source", "model:" + p.path("nope")}, "quarry search: --source model:" + p.path("nope") + ": "},
		{"a model that is not there", append(slices.Clone(files), "--output", p.path("new.trec")), []string{"--model", p.path("nope")}, "quarry search: --model: "},
		{"no model", files, []string{"--source", "dense", "--source", "bm25"}, "--model is needed"},
		{"no texts", []string{"search", "--source", "bm25"}, nil, "--corpus is needed"},
		{"a run of other queries", files, []string{"--source", "run:" + p.path("others.trec")}, "others.trec: none of its 1 queries is among those of"},
		{"a run of typed ones", typed, []string{"--source", "run:" + p.path("others.trec")}, "has no part beside --query"},
		{"an output that is read", files, []string{"--source", "run:" + p.path("others.trec"), "--output", p.path("others.trec")}, "others.trec"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if h, code := run(tc.base, tc.words...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d: %s", code, h.err.String())
			}
		})
	}
}
