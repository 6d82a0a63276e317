package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/mine"
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
		raw, _ := row.Get(provenanceKey)
		var from provenance
		mustBe(t, json.Unmarshal(raw, &from))
		if len(row.Neg()) != 4 || len(from.Negatives) != 4 || from.Eligible < 4 || len(row.Pos()) != 1 {
			t.Errorf("row %d: %d negatives, provenance %+v", i, len(row.Neg()), from)
		}
		for j, n := range from.Negatives {
			if n.Rank < 1 || n.Rank >= 12 || row.Neg()[j] == row.Pos()[0] {
				t.Errorf("row %d: negative %d at rank %d: %q", i, j, n.Rank, row.Neg()[j])
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
		holds  func(from provenance) bool
	}{
		{"margin 0", func(o *MineOptions) { o.Mine.Margin = &zero }, func(from provenance) bool {
			return !slices.ContainsFunc(from.Negatives, func(n negativeProvenance) bool { return n.Score > *from.PositiveScore })
		}},
		{"max score", func(o *MineOptions) { o.Mine.MaxScore = &high }, func(from provenance) bool {
			return !slices.ContainsFunc(from.Negatives, func(n negativeProvenance) bool { return n.Score > float32(high) })
		}},
		{"min score", func(o *MineOptions) { o.Mine.MinScore = &high }, func(from provenance) bool {
			return !slices.ContainsFunc(from.Negatives, func(n negativeProvenance) bool { return n.Score < float32(high) })
		}},
		{"top", func(o *MineOptions) { o.Mine.Sampling = mine.Top }, func(from provenance) bool {
			return from.Negatives[0].Rank <= 2 && from.Negatives[3].Rank <= 5
		}},
		{"whole corpus", func(o *MineOptions) { o.Depth = 30; o.Window = "0-30" }, func(from provenance) bool { return from.Eligible == 29 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.mineOptions()
			tc.change(&o)
			_, rows := p.mine(t, o)
			for i, row := range rows {
				raw, _ := row.Get(provenanceKey)
				var from provenance
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
