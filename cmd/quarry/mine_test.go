package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/lexical"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/rundir"
)

func (p project) mineOptions() MineOptions {
	o := MineOptions{Rank: p.rank("train.jsonl"), Window: "1-12", Mine: mine.DefaultOptions(), Output: p.path("mined.jsonl")}
	o.Mine.Negatives = 4
	return o
}

func (p project) mine(t testing.TB, o MineOptions) (*testHost, []*flagembedding.Row) {
	t.Helper()
	h := newTestHost()
	mustBe(t, runMine(t.Context(), o, h.host))
	f, err := os.Open(o.Output)
	mustBe(t, err)
	defer f.Close()
	rows, err := flagembedding.ReadAll(f, o.Output)
	mustBe(t, err)
	return h, rows
}

func TestMine(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	o.JSON = true
	h, rows := p.mine(t, o)
	if len(rows) != 30 {
		t.Fatalf("%d rows, want 30", len(rows))
	}
	for i, row := range rows {
		raw, _ := row.Get(provenance.Key)
		var from provenance.Row
		mustBe(t, json.Unmarshal(raw, &from))
		if len(row.Neg()) != 4 || len(from.Negatives) != 4 || from.Eligible < 4 || len(row.Pos()) != 1 {
			t.Errorf("row %d: %d negatives, provenance %+v", i, len(row.Neg()), from)
		}
		for j, n := range from.Negatives {
			if *n.Rank < 1 || *n.Rank >= 12 || row.Neg()[j] == row.Pos()[0] {
				t.Errorf("row %d: negative %d at rank %d: %q", i, j, *n.Rank, row.Neg()[j])
			}
		}
	}
	if !strings.Contains(h.err.String(), "120 negatives for 30 queries") {
		t.Errorf("no audit in %q", h.err.String())
	}
	var printed struct {
		Schema int
		Audit  mine.Audit
	}
	mustBe(t, json.Unmarshal(h.out.Bytes(), &printed))
	if printed.Schema != 1 || printed.Audit.Negatives != 120 {
		t.Errorf("audit as JSON: %s", h.out.String())
	}
}

func TestMineDoesNotDependOnTheOrderOfQueriesOrWorkers(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	near := 0.9
	o.Mine.NearText, o.Mine.Random, o.Mine.Sampling, o.Quotas = &near, 0.25, mine.ByRank, []string{"1-5:2", "5-12:1"}
	p.mine(t, o)
	want := lines(p.read(t, "mined.jsonl"))
	turned := lines(p.read(t, "train.jsonl"))
	slices.Reverse(turned)
	o.Rank.Data.Queries = p.write(t, "turned.jsonl", strings.Join(turned[:20], "\n"))
	o.Rank.Engine.Workers = 1
	p.mine(t, o)
	got := lines(p.read(t, "mined.jsonl"))
	slices.Reverse(got)
	if !slices.Equal(got, want[10:]) {
		t.Error("other rows for a part of the queries in another order")
	}
}

func TestMineOfGivenVectors(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	o.Rank = p.rank("dev.jsonl")
	p.mine(t, o)
	want := p.read(t, "mined.jsonl")
	o.Rank = RankOptions{Data: o.Rank.Data, Given: p.vectorFiles(t)}
	p.mine(t, o)
	if p.read(t, "mined.jsonl") != want {
		t.Error("the vectors of the model mine other negatives than the model")
	}
}

func TestMineRules(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	zero, high := 0.0, 0.95
	for _, tc := range []struct {
		name   string
		change func(*MineOptions)
		holds  func(from provenance.Row) bool
	}{
		{"margin 0", func(o *MineOptions) { o.Mine.Margin = &zero }, func(from provenance.Row) bool {
			return !slices.ContainsFunc(from.Negatives, func(n provenance.Negative) bool { return *n.Score > *from.PositiveScore })
		}},
		{"max score", func(o *MineOptions) { o.Mine.MaxScore = &high }, func(from provenance.Row) bool {
			return !slices.ContainsFunc(from.Negatives, func(n provenance.Negative) bool { return *n.Score > float32(high) })
		}},
		{"min score", func(o *MineOptions) { o.Mine.MinScore = &high }, func(from provenance.Row) bool {
			return !slices.ContainsFunc(from.Negatives, func(n provenance.Negative) bool { return *n.Score < float32(high) })
		}},
		{"top", func(o *MineOptions) { o.Mine.Sampling = mine.Top }, func(from provenance.Row) bool {
			return *from.Negatives[0].Rank <= 2 && *from.Negatives[3].Rank <= 5
		}},
		{"whole corpus", func(o *MineOptions) { o.Depth = 30; o.Window = "0-30" }, func(from provenance.Row) bool { return from.Eligible == 29 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.mineOptions()
			tc.change(&o)
			_, rows := p.mine(t, o)
			for i, row := range rows {
				raw, _ := row.Get(provenance.Key)
				var from provenance.Row
				mustBe(t, json.Unmarshal(raw, &from))
				if !tc.holds(from) {
					t.Errorf("row %d: %s", i, raw)
				}
			}
		})
	}
}

// TestMineKnowsTheAnswersOfOtherRows: a question in two rows, each with a positive of its own.
func TestMineKnowsTheAnswersOfOtherRows(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	o.Rank.Data.Corpus = p.write(t, "answers.jsonl", "{\"id\":\"password\",\"text\":\"one\"}\n{\"id\":\"vat\",\"text\":\"two\"}\n{\"id\":\"other\",\"text\":\"zero\"}\n")
	o.Rank.Data.Queries = p.write(t, "asked.jsonl", "{\"query\":\"add\",\"positive_ids\":[\"password\"]}\n{\"query\":\" add\",\"positive_ids\":[\"vat\"]}\n")
	o.Window, o.Mine.Negatives = "0-3", 3
	_, rows := p.mine(t, o)
	for i, row := range rows {
		if !slices.Equal(row.Neg(), []string{"zero"}) {
			t.Errorf("row %d: negatives %q", i, row.Neg())
		}
	}
}

func TestMineRefuses(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.write(t, "unjudged.jsonl", `{"query":"x"}`)
	p.write(t, "template.jsonl", `{"query":"x","prompt":"query: {}","positive_ids":["p01"]}`)
	for _, tc := range []struct {
		name, want string
		change     func(*MineOptions)
	}{
		{"no output", "--output is needed", func(o *MineOptions) { o.Output = "" }},
		{"window", "--window: ", func(o *MineOptions) { o.Window = "12" }},
		{"no negatives", "negatives", func(o *MineOptions) { o.Mine.Negatives = 0 }},
		{"sampling", "sampling", func(o *MineOptions) { o.Mine.Sampling = "worst" }},
		{"depth short of the window", "--depth: ", func(o *MineOptions) { o.Depth = 11 }},
		{"nothing left", "--window: no query has a negative left: the window is 40-50, the corpus has 30 passages", func(o *MineOptions) { o.Window = "40-50" }},
		{"nothing left by a margin", "--margin: no query has a negative left: margin dropped most candidates (window ", func(o *MineOptions) { five := 5.0; o.Mine.Margin = &five }},
		{"nothing left by a score", "--max-score: no query has a negative left: max_score dropped most", func(o *MineOptions) { least := -5.0; o.Mine.MaxScore = &least }},
		{"a row's prompt with a placeholder", "template.jsonl:1: the row's prompt has a placeholder {}", func(o *MineOptions) {
			o.Rank.Data.Queries, o.Rank.Texts.PromptFromRow = p.path("template.jsonl"), true
		}},
		{"no positives", "unjudged.jsonl:1: no positives", func(o *MineOptions) { o.Rank.Data.Queries = p.path("unjudged.jsonl") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.mineOptions()
			tc.change(&o)
			refused(t, runMine(t.Context(), o, newTestHost().host), tc.want)
			if _, err := os.Stat(o.Output); err == nil {
				t.Errorf("%s was written", o.Output)
			}
		})
	}
}

func TestMinedKeysSurviveTraining(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.mine(t, p.mineOptions())
	set, err := FinetuneOptions{Train: p.path("mined.jsonl")}.readTraining(newTestHost().host)
	mustBe(t, err)
	i := slices.IndexFunc(set.train, func(q corpus.Query) bool { return q.Key == "t3" })
	if i != 3 || len(set.train) != 30 {
		t.Errorf("the row of query t3 is row %d of %d", i, len(set.train))
	}
}

// provenanceOf is the key "quarry" of rows.
func provenanceOf(t *testing.T, rows []*flagembedding.Row) []provenance.Row {
	t.Helper()
	all := make([]provenance.Row, len(rows))
	for i, row := range rows {
		raw, _ := row.Get(provenance.Key)
		mustBe(t, json.Unmarshal(raw, &all[i]))
	}
	return all
}

// TestReplay: stored candidates mine the same bytes as the model, and other settings without it.
func TestReplay(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	o.Save, o.Provenance, o.Depth = p.path("train.cand"), p.path("side.jsonl"), 25
	o.Mine.HubLimit = 9
	h, _ := p.mine(t, o)
	want, side := p.read(t, "mined.jsonl"), p.read(t, "side.jsonl")
	if said := h.err.String(); !strings.Contains(said, "rules: window 1-12, positive, excluded, repeated_text, hub_limit 9, sampling uniform") || !strings.Contains(said, "candidates dropped by window ") {
		t.Errorf("the rules are not told: %s", said)
	}
	stored := MineOptions{Rank: RankOptions{Data: o.Rank.Data}, Window: o.Window, Mine: o.Mine, Output: o.Output, Provenance: o.Provenance, Candidates: o.Save}
	const otherQueries = "was ranked for other queries than those of "
	if h, _ := p.mine(t, stored); strings.Contains(h.err.String(), otherQueries) {
		t.Errorf("the same queries: %s", h.err.String())
	}
	if p.read(t, "mined.jsonl") != want || p.read(t, "side.jsonl") != side {
		t.Error("stored candidates mine other bytes than the model")
	}
	turned := lines(p.read(t, "train.jsonl"))
	slices.Reverse(turned)
	stored.Rank.Data.Queries = p.write(t, "turned.jsonl", strings.Join(turned, "\n"))
	if h, _ := p.mine(t, stored); !strings.Contains(h.err.String(), otherQueries) {
		t.Errorf("another file of queries: %s", h.err.String())
	}
	got := lines(p.read(t, "mined.jsonl"))
	slices.Reverse(got)
	if !slices.Equal(got, lines(want)) {
		t.Error("the hub limit draws otherwise for queries in another order")
	}
	header, rows, err := provenance.Read(strings.NewReader(side), "side.jsonl")
	mustBe(t, err)
	if len(rows) != 30 || header.Seed != 42 || rows[3].Miner == "" || len(rows[3].Ranks) != 1 || rows[3].Dropped["window"] != 14 {
		t.Errorf("side file: %+v, row 3 of %d: %+v", header, len(rows), rows[3])
	}
	if n := rows[3].Negatives[0]; n.From != "mined" || *n.PositiveScore != rows[3].Ranks[0].Score || strings.Join(n.Trail, "|") != "window 1-12|positive|excluded|repeated_text|hub_limit 9|sampling uniform" {
		t.Errorf("side file: negative %+v", n)
	}
	stored.Rank.Data.Queries = o.Rank.Data.Queries
	for _, tc := range []struct {
		name, want string
		change     func(*MineOptions)
	}{
		{"deeper", "needs a depth of 26, but 25", func(o *MineOptions) { o.Window = "0-26" }},
		{"another corpus", "they are of another corpus", func(o *MineOptions) {
			o.Rank.Data.Corpus = p.write(t, "other.jsonl", p.read(t, "corpus.jsonl")+"\n")
		}},
		{"other queries", `has no candidates of the query "new" with these positives`, func(o *MineOptions) {
			o.Rank.Data.Queries = p.write(t, "new.jsonl", `{"id":"new","query":"x","positive_ids":["p01"]}`)
		}},
		{"other positives", `has no candidates of the query "t3" with these positives`, func(o *MineOptions) {
			o.Rank.Data.Queries = p.write(t, "judged.jsonl", `{"id":"t3","query":"x","positive_ids":["p01","p02","p03"]}`)
		}},
		{"no candidates", "not a candidates file", func(o *MineOptions) { o.Candidates = p.path("train.jsonl") }},
		{"a source's part", "--bm25-k1 has no part beside --candidates", func(o *MineOptions) { o.Rank.Texts.set = set{"bm25-k1": true} }},
		{"a source that it lacks", `the file holds rankings of dense, not of "bm25"`, func(o *MineOptions) { o.Sources.Names = []string{"bm25"} }},
		{"a fusion of one", "have no part in one source", func(o *MineOptions) { o.Rank.Texts.set = set{"fuse": true} }},
		{"a last round that is not there", "--last: open ", func(o *MineOptions) {
			o.Last, o.Mine.Kept, o.Rank.Data.Corpus = p.path("nolast.jsonl"), 0.5, p.path("nocorpus.jsonl")
		}},
		{"the output", "--output", func(o *MineOptions) { o.Output = o.Candidates }},
		{"one file for two outputs", "is another output too", func(o *MineOptions) { o.Provenance = filepath.Dir(o.Output) + "/./" + filepath.Base(o.Output) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := stored
			o.Output = p.path("refused.jsonl")
			tc.change(&o)
			refused(t, runMine(t.Context(), o, newTestHost().host), tc.want)
		})
	}
}

// TestSourcesOfGivenVectors: named as a source, vectors rank as those of --corpus-vectors do; two sets of them are fused.
func TestSourcesOfGivenVectors(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	flags := p.vectorFiles(t)
	corpusTurned, corpusIDs := p.reversed(t, "c.npy", "c2.npy", "c.ids", "p", 1)
	queriesTurned, queryIDs := p.reversed(t, "q.npy", "q2.npy", "q.ids", "d", 3)
	mined := func(change func(*MineOptions)) (string, []provenance.Row) {
		t.Helper()
		o := p.mineOptions()
		o.Rank = RankOptions{Data: p.rank("dev.jsonl").Data}
		o.Sources.Fuse, o.Sources.BM25, o.Save, o.Shard = fuse.DefaultOptions(), lexical.DefaultOptions(), p.path("mined.cand"), 3
		change(&o)
		_, rows := p.mine(t, o)
		return p.read(t, "mined.cand"), provenanceOf(t, rows)
	}
	first, second := "vectors:"+flags.CorpusVectors, "vectors:"+corpusTurned
	alone := func(o *MineOptions) {
		o.Sources.Names, o.Sources.QueryVectors = []string{first}, []string{flags.QueryVectors}
	}
	_, byFlags := mined(func(o *MineOptions) { o.Rank.Given = flags })
	_, bySource := mined(alone)
	_, byIDs := mined(func(o *MineOptions) {
		o.Sources.Names, o.Sources.QueryVectors, o.Sources.CorpusIDs, o.Sources.QueryIDs = []string{second}, []string{queriesTurned}, []string{corpusIDs}, []string{queryIDs}
	})
	if bySource[0].Source != first || byIDs[0].Source != second {
		t.Errorf("sources %q and %q", bySource[0].Source, byIDs[0].Source)
	}
	for _, rows := range [][]provenance.Row{bySource, byIDs} {
		for i := range rows {
			rows[i].Source = byFlags[i].Source
		}
		if diff := cmp.Diff(byFlags, rows); diff != "" {
			t.Errorf("mined by the flags and by a source:\n%s", diff)
		}
	}
	// Ids of both, those of the first as they lie: two orders of the same vectors fuse to their own ranking.
	p.write(t, "c1.ids", p.turned(t, "c.ids"))
	p.write(t, "q1.ids", p.turned(t, "q.ids"))
	stored, fused := mined(func(o *MineOptions) {
		o.Sources.Names, o.Sources.QueryVectors = []string{first, second, "bm25"}, []string{flags.QueryVectors, queriesTurned}
		o.Sources.CorpusIDs, o.Sources.QueryIDs = []string{p.path("c1.ids"), corpusIDs}, []string{p.path("q1.ids"), queryIDs}
		o.Sources.Fuse.Weights = []float64{1, 1, 0}
	})
	header, _, err := candidates.ReadAll(strings.NewReader(stored), "mined.cand")
	mustBe(t, err)
	if s := header.Sources; len(s) != 3 || s[0].Name != first || s[1].Name != second || s[0].Kind != dense || s[0].ModelDigest == "" || s[0].ModelDigest == s[1].ModelDigest {
		t.Errorf("sources of the candidates: %+v", s)
	}
	for i, row := range fused {
		for j, n := range row.Negatives {
			if n.ID != byFlags[i].Negatives[j].ID || *n.Rank != *byFlags[i].Negatives[j].Rank {
				t.Errorf("row %d, negative %d: vectors fused with themselves rank otherwise", i, j)
			}
		}
	}
	p.write(t, "wide.ids", "p00\n")
	o := p.mineOptions()
	o.Rank = RankOptions{Data: p.rank("dev.jsonl").Data}
	o.Sources.Names, o.Sources.QueryVectors, o.Sources.CorpusIDs, o.Sources.QueryIDs = []string{first}, []string{flags.QueryVectors}, []string{p.path("wide.ids")}, []string{queryIDs}
	refused(t, runMine(t.Context(), o, newTestHost().host), "wide.ids: 1 ids for 30 vectors")
}

// turned is a file's lines upside down.
func (p project) turned(t *testing.T, name string) string {
	t.Helper()
	rows := lines(p.read(t, name))
	slices.Reverse(rows)
	return strings.Join(rows, "\n") + "\n"
}

// TestSources: BM25, a run and the model, alone and fused; every source's rank and score are in the side file.
func TestSources(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	search := SearchOptions{Rank: p.rank("train.jsonl"), Depth: 30, Output: p.path("run.trec"), Tag: "x"}
	mustBe(t, runSearch(t.Context(), search, newTestHost().host))
	var sources []provenance.Source
	mined := func(change func(*MineOptions)) ([]provenance.Row, []provenance.Row) {
		t.Helper()
		o := p.mineOptions()
		o.Sources.Fuse, o.Sources.BM25 = fuse.DefaultOptions(), lexical.DefaultOptions()
		o.Provenance, o.Save = p.path("side.jsonl"), p.path("fused.cand")
		change(&o)
		_, rows := p.mine(t, o)
		header, side, err := provenance.Read(strings.NewReader(p.read(t, "side.jsonl")), "side")
		mustBe(t, err)
		sources = header.Sources
		return provenanceOf(t, rows), side
	}
	// ranked sees who ranked by the side file, and that its rows name the only one, or the model of the command.
	ranked := func(side []provenance.Row, miner string, want ...provenance.Source) {
		t.Helper()
		if diff := cmp.Diff(want, sources); diff != "" || side[0].Miner != miner {
			t.Errorf("miner %q, want %q; sources, -want +got:\n%s", side[0].Miner, miner, diff)
		}
	}
	digest, err := rundir.ModelDigest(t.Context(), rundir.OS{}, p.path("model"))
	mustBe(t, err)
	model, side := mined(func(*MineOptions) {})
	ranked(side, digest, provenance.Source{Source: "dense", Kind: "dense", Digest: digest})
	other := "model:" + p.path("model")
	_, side = mined(func(o *MineOptions) { o.Rank.Model, o.Sources.Names = ModelOptions{}, []string{other} })
	ranked(side, digest, provenance.Source{Source: other, Kind: "dense", Digest: digest})
	byRun, side := mined(func(o *MineOptions) {
		o.Rank.Model, o.Sources.Names = ModelOptions{}, []string{"run:" + p.path("run.trec")}
	})
	ofRun := rundir.DigestBytes([]byte(p.read(t, "run.trec")))
	ranked(side, ofRun, provenance.Source{Source: "run:" + p.path("run.trec"), Kind: "run", Digest: ofRun})
	for i := range model {
		if byRun[i].Source != "run:"+p.path("run.trec") {
			t.Fatalf("source %q", byRun[i].Source)
		}
		byRun[i].Source = model[i].Source
	}
	if diff := cmp.Diff(model, byRun); diff != "" {
		t.Errorf("mined of the model and of its run:\n%s", diff)
	}
	fused, side := mined(func(o *MineOptions) {
		o.Sources.Names = []string{"dense", "bm25", other}
		o.Sources.Fuse.Weights = []float64{1, 0, 1}
	})
	ofAll := []provenance.Source{{Source: "dense", Kind: "dense", Digest: digest}, {Source: "bm25", Kind: "bm25", Parameters: lexical.DefaultOptions().String()}, {Source: other, Kind: "dense", Digest: digest}}
	ranked(side, digest, ofAll...)
	for i := range model {
		if fused[i].Source != "fused" || len(fused[i].Negatives) != len(model[i].Negatives) {
			t.Fatalf("row %d: %+v", i, fused[i])
		}
		for j, n := range fused[i].Negatives {
			if n.ID != model[i].Negatives[j].ID || *n.Rank != *model[i].Negatives[j].Rank {
				t.Errorf("row %d, negative %d: a model fused with itself ranks otherwise", i, j)
			}
		}
	}
	if n := side[0].Negatives[0]; len(n.Sources) < 2 || n.Sources[0].Source != "dense" || n.Sources[0].Score != *model[0].Negatives[0].Score || len(side[0].Ranks) != 4 {
		t.Errorf("side file: %+v with ranks %+v", n, side[0].Ranks)
	}
	want, wantSide := p.read(t, "mined.jsonl"), p.read(t, "side.jsonl")
	stored := MineOptions{Rank: RankOptions{Data: p.rank("train.jsonl").Data}, Window: "1-12", Mine: p.mineOptions().Mine, Output: p.path("mined.jsonl"), Candidates: p.path("fused.cand"), Provenance: p.path("side.jsonl")}
	p.mine(t, stored)
	if p.read(t, "mined.jsonl") != want || p.read(t, "side.jsonl") != wantSide {
		t.Error("stored candidates of several sources mine other bytes")
	}
	zero := 0.0
	stored.Mine.Margin = &zero
	refused(t, runMine(t.Context(), stored, newTestHost().host), "--margin compares scores, and the reciprocal ranks of")
	lexicalOnly, _ := mined(func(o *MineOptions) { o.Rank.Model, o.Sources.Names = ModelOptions{}, []string{"bm25"} })
	if lexicalOnly[0].Source != "bm25" {
		t.Errorf("source %q", lexicalOnly[0].Source)
	}
	for _, tc := range []struct {
		name, want string
		change     func(*MineOptions)
	}{
		{"unknown", "--source tfidf: want dense, bm25, run:FILE, model:DIR or vectors:FILE", func(o *MineOptions) { o.Sources.Names = []string{"tfidf"} }},
		{"no file", "--source run: want dense", func(o *MineOptions) { o.Sources.Names = []string{"run"} }},
		{"vectors of passages alone", "--source-query-vectors is given 0 times, for 1 sources vectors:FILE", func(o *MineOptions) { o.Sources.Names = []string{"vectors:c.npy"} }},
		{"ids of one source of two", "--source-corpus-ids is given 1 times, for 2 sources vectors:FILE", func(o *MineOptions) {
			o.Sources.Names, o.Sources.QueryVectors, o.Sources.CorpusIDs = []string{"vectors:c.npy", "vectors:d.npy"}, []string{"q.npy", "r.npy"}, []string{"c.ids"}
		}},
		{"vectors of queries alone", "--source-query-vectors has no part without --source vectors:FILE", func(o *MineOptions) { o.Sources.QueryVectors = []string{"q.npy"} }},
		{"vectors that are not there", "--source vectors:" + p.path("none.npy") + ": ", func(o *MineOptions) {
			o.Sources.Names, o.Sources.QueryVectors = []string{"dense", "vectors:" + p.path("none.npy")}, []string{p.path("none.npy")}
		}},
		{"twice", "--source bm25 is named twice", func(o *MineOptions) { o.Sources.Names = []string{"bm25", "bm25"} }},
		{"margin on ranks", "--margin compares scores, and reciprocal ranks are none", func(o *MineOptions) {
			o.Sources.Names, o.Mine.Margin = []string{"dense", "bm25"}, &zero
		}},
		{"weights", "--fuse: 1 weights for 2 sources", func(o *MineOptions) {
			o.Sources.Names, o.Sources.Fuse.Weights = []string{"dense", "bm25"}, []float64{1}
		}},
		{"a shallow run", "it keeps at most 1 passages a query, but the window 1-12 needs 12", func(o *MineOptions) {
			o.Rank.Model, o.Sources.Names = ModelOptions{}, []string{"run:" + p.write(t, "short.trec", "t0 Q0 p01 1 0.5 x\n")}
		}},
		{"a run of others", "none of its 1 queries is among those of", func(o *MineOptions) {
			o.Rank.Model, o.Sources.Names = ModelOptions{}, []string{"run:" + p.write(t, "others.trec", "zz Q0 p01 1 0.5 x\n")}
		}},
		{"bm25's b", "--source bm25: b 2", func(o *MineOptions) {
			o.Rank.Model, o.Sources.Names, o.Sources.BM25.B = ModelOptions{}, []string{"bm25"}, 2
		}},
		{"a prompt in vain", "--query-prompt has no part without a --source that embeds", func(o *MineOptions) {
			o.Sources.Names, o.Rank.Texts.set = []string{"bm25"}, set{"query-prompt": true}
		}},
		{"a model in vain", "--model has no part without --source dense", func(o *MineOptions) {
			o.Sources.Names, o.Rank.Texts.set = []string{"bm25"}, set{"model": true}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.mineOptions()
			o.Output, o.Sources.Fuse, o.Sources.BM25 = p.path("refused.jsonl"), fuse.DefaultOptions(), lexical.DefaultOptions()
			tc.change(&o)
			refused(t, runMine(t.Context(), o, newTestHost().host), tc.want)
		})
	}
}

// TestMixOfRounds: kept ones come of the last round's file, given ones of the rows; each positive has its row.
func TestMixOfRounds(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	_, rows := p.mine(t, o)
	last := provenanceOf(t, rows)
	given := []string{}
	for i, line := range lines(p.read(t, "train.jsonl")) {
		neg, err := json.Marshal(rows[i].Neg()[:1])
		mustBe(t, err)
		given = append(given, strings.TrimSuffix(line, "}")+`,"neg":`+string(neg)+"}")
	}
	p.write(t, "last.jsonl", p.read(t, "mined.jsonl"))
	o.Rank.Data.Queries = p.write(t, "given.jsonl", strings.Join(given, "\n"))
	o.Last, o.Round, o.Mine.Kept, o.Mine.Random, o.Mine.Given, o.Mine.Reference = p.path("last.jsonl"), 1, 0.25, 0.25, mine.Keep, mine.Each
	_, rows = p.mine(t, o)
	for i, from := range provenanceOf(t, rows) {
		if want := last[i].Key + "#" + from.Positives[0]; from.Key != want {
			t.Errorf("row %d: key %q, want %q", i, from.Key, want)
		}
		origins := map[string]int{}
		for _, n := range from.Negatives {
			origins[n.From]++
			kept := slices.ContainsFunc(last[i].Negatives, func(old provenance.Negative) bool { return old.ID == n.ID })
			if (n.From == "kept" || n.From == "given") && !kept {
				t.Errorf("row %d: %s %s was no negative before", i, n.From, n.ID)
			}
		}
		if diff := cmp.Diff(map[string]int{"given": 1, "kept": 1, "random": 1, "mined": 1}, origins); diff != "" {
			t.Errorf("row %d, -want +got:\n%s", i, diff)
		}
	}
	o.Rank.Data.Queries = p.write(t, "strange.jsonl", `{"id":"t0","query":"x","positive_ids":["p01"],"neg":["nowhere"]}`)
	refused(t, runMine(t.Context(), o, newTestHost().host), `strange.jsonl:1: the negative "nowhere" is no passage of the corpus`)
	o.Last = p.path("train.jsonl")
	refused(t, runMine(t.Context(), o, newTestHost().host), `train.jsonl:1: the row has no "quarry"`)
	o.Last = ""
	refused(t, runMine(t.Context(), o, newTestHost().host), "--kept needs --last")
}

func TestSameGroupByField(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	var grouped []string
	for i, line := range lines(p.read(t, "corpus.jsonl")) {
		grouped = append(grouped, strings.TrimSuffix(line, "}")+`,"topic":`+string("01"[i%2])+"}")
	}
	o := p.mineOptions()
	o.Rank.Data.Corpus = p.write(t, "grouped.jsonl", strings.Join(grouped, "\n"))
	o.Rank.Data.PassageGroupField, o.Mine.SameGroup = "topic", mine.Never
	h, _ := p.mine(t, o)
	if !strings.Contains(h.err.String(), "same_group ") {
		t.Errorf("no candidate is dropped by its group: %s", h.err.String())
	}
	o.Rank.Data.PassageGroupField = "colour"
	refused(t, runMine(t.Context(), o, newTestHost().host), `grouped.jsonl:1: the row has no "colour"`)
	o.Rank.Data.PassageGroupField = ""
	refused(t, runMine(t.Context(), o, newTestHost().host), "--same-group needs --passage-group-field")
}
