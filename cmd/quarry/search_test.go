package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/beir"
	"github.com/quarry-ml/quarry/format/kaggle"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/prepare"
	"github.com/quarry-ml/quarry/vectors"
)

func (p project) search(t testing.TB, o SearchOptions) string {
	t.Helper()
	h := newTestHost()
	if o.Depth == 0 {
		o.Depth = 3
	}
	if o.Tag == "" {
		o.Tag = "quarry"
	}
	mustBe(t, runSearch(t.Context(), o, h.host))
	return h.out.String()
}

func TestSearch(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	text := p.search(t, SearchOptions{Rank: p.rank("dev.jsonl")})
	run, err := trec.ReadRun(strings.NewReader(text), "run")
	mustBe(t, err)
	if len(run.Queries) != 10 || run.Tag != "quarry" || run.Queries[1].Query != "d3" {
		t.Fatalf("%d queries, tag %q:\n%s", len(run.Queries), run.Tag, text)
	}
	for _, q := range run.Queries {
		if len(q.Hits) != 3 || q.Hits[0].Score < q.Hits[1].Score || q.Hits[1].Score < q.Hits[2].Score {
			t.Errorf("hits of %s: %+v", q.Query, q.Hits)
		}
	}
	o := SearchOptions{Rank: p.rank("dev.jsonl"), Output: p.path("out/run.trec")}
	if out := p.search(t, o); out != "" || p.read(t, "out/run.trec") != text {
		t.Error("the run in a file is another one")
	}
}

// TestSearchFormats: the three formats hold one ranking.
func TestSearchFormats(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	run, err := trec.ReadRun(strings.NewReader(p.search(t, SearchOptions{Rank: p.rank("dev.jsonl")})), "run")
	mustBe(t, err)
	results, err := beir.ReadResults(strings.NewReader(p.search(t, SearchOptions{Rank: p.rank("dev.jsonl"), Format: formatBEIR})), "r.json")
	mustBe(t, err)
	rows, err := kaggle.Read(strings.NewReader(p.search(t, SearchOptions{Rank: p.rank("dev.jsonl"), Format: formatKaggle})), "s.csv")
	mustBe(t, err)
	for i, q := range run.Queries {
		if results[i].Query != q.Query || rows[i].Query != q.Query || len(results[i].Hits) != 3 || len(rows[i].Passages) != 3 {
			t.Fatalf("query %d: %+v, %+v, %+v", i, q, results[i], rows[i])
		}
		for k, h := range q.Hits {
			if results[i].Hits[k] != (beir.Result{Passage: h.Document, Score: h.Score}) || rows[i].Passages[k] != h.Document {
				t.Errorf("query %s, hit %d: %+v, %+v, %+v", q.Query, k, h, results[i].Hits[k], rows[i].Passages[k])
			}
		}
	}
	deep := SearchOptions{Rank: p.rank("dev.jsonl"), Format: formatKaggle, Depth: 100}
	if rows, err = kaggle.Read(strings.NewReader(p.search(t, deep)), "s.csv"); err != nil || len(rows[0].Passages) != 25 {
		t.Errorf("a submission has %d predictions a row, %v", len(rows[0].Passages), err)
	}
	deep.Rank.Texts.set = set{"depth": true}
	refused(t, runSearch(t.Context(), deep, newTestHost().host), "the competition takes 25 predictions")
	deep.Depth, deep.Rank.Texts.set = 3, set{"tag": true}
	refused(t, runSearch(t.Context(), deep, newTestHost().host), "--tag has no part without --format trec")
	deep.Format = "csv"
	refused(t, runSearch(t.Context(), deep, newTestHost().host), `--format "csv" is unknown`)
}

// TestSubmissionOfEedi: a submission made from the competition's test.csv has the rows of its own sample, in its order, each of
// 25 misconceptions of the competition's own, in the sample's form to the byte.
func TestSubmissionOfEedi(t *testing.T) {
	raw := filepath.Join("..", "..", "..", "shared", "data", "eedi", "raw")
	if _, err := os.Stat(raw); err != nil {
		t.Skipf("shared data absent: %v", err)
	}
	p := newProject(t, tinymodel.Options{})
	prepared := PrepareEediOptions{Train: filepath.Join(raw, "train.csv"), Misconceptions: filepath.Join(raw, "misconception_mapping.csv"), Test: filepath.Join(raw, "test.csv"), Out: p.path("data"), Split: prepare.DefaultOptions()}
	mustBe(t, runPrepareEedi(t.Context(), prepared, newTestHost().host))
	o := SearchOptions{Rank: p.rank("data/unjudged.jsonl"), Format: formatKaggle, Depth: 25}
	o.Rank.Data.Corpus, o.Rank.Texts.MaxLength = p.path("data/corpus.jsonl"), 16
	o.Output = p.path("submission.csv")
	p.search(t, o)
	text := p.read(t, "submission.csv")
	got, err := kaggle.Read(strings.NewReader(text), "submission.csv")
	mustBe(t, err)
	f, err := os.Open(filepath.Join(raw, "sample_submission.csv"))
	mustBe(t, err)
	defer f.Close()
	want, err := kaggle.Read(f, "sample_submission.csv")
	mustBe(t, err)
	if len(got) != len(want) {
		t.Fatalf("%d rows, the sample has %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Query != want[i].Query || len(got[i].Passages) != len(want[i].Passages) {
			t.Errorf("row %d: %+v, the sample's is %+v", i, got[i], want[i])
		}
	}
	known := misconceptions(t, filepath.Join(raw, "misconception_mapping.csv"))
	for _, row := range got {
		seen := map[string]bool{}
		for _, id := range row.Passages {
			if !known[id] || seen[id] {
				t.Errorf("%s: %q is no misconception of the competition, or stands twice in %q", row.Query, id, row.Passages)
			}
			seen[id] = true
		}
		if len(seen) != 25 {
			t.Errorf("%s has %d misconceptions", row.Query, len(seen))
		}
	}
	sample, err := os.ReadFile(filepath.Join(raw, "sample_submission.csv"))
	mustBe(t, err)
	ids := regexp.MustCompile(`\d+( \d+)+`) // the predictions; all else is the sample's form
	if found, form := ids.ReplaceAllString(text, "…"), ids.ReplaceAllString(string(sample), "…"); found != form {
		t.Errorf("the file's form is %q, the sample's %q", found, form)
	}
}

// misconceptions are the ids of the competition's mapping, as they are written there.
func misconceptions(t *testing.T, path string) map[string]bool {
	t.Helper()
	f, err := os.Open(path)
	mustBe(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	mustBe(t, err)
	ids := map[string]bool{}
	for _, row := range rows[1:] {
		ids[row[0]] = true
	}
	if rows[0][0] != "MisconceptionId" || len(ids) != 2587 {
		t.Fatalf("%d ids under %q", len(ids), rows[0][0])
	}
	return ids
}

// vectorFiles embeds corpus and dev queries into c.npy and q.npy.
func (p project) vectorFiles(t testing.TB) VectorOptions {
	t.Helper()
	for _, f := range []struct{ in, out, kind string }{{"corpus.jsonl", "c.npy", kindPassage}, {"dev.jsonl", "q.npy", kindQuery}} {
		o := EmbedOptions{Input: p.path(f.in), Output: p.path(f.out), Kind: f.kind, Model: ModelOptions{Model: p.path("model")}}
		mustBe(t, runEmbed(t.Context(), o, newTestHost().host))
	}
	return VectorOptions{CorpusVectors: p.path("c.npy"), QueryVectors: p.path("q.npy")}
}

// reversed writes a matrix upside down, and the ids of its rows.
func (p project) reversed(t testing.TB, from, to, idsTo, prefix string, step int) (string, string) {
	t.Helper()
	m := readVectors(t, p.path(from))
	turned := vectors.Matrix{Rows: m.Rows, Dim: m.Dim}
	ids := ""
	for i := m.Rows - 1; i >= 0; i-- {
		turned.Data = append(turned.Data, m.Row(i)...)
		id := strconv.Itoa(i * step)
		if prefix == "p" && len(id) < 2 {
			id = "0" + id
		}
		ids += prefix + id + "\n"
	}
	var raw bytes.Buffer
	mustBe(t, vectors.WriteNPY(&raw, turned))
	return p.write(t, to, raw.String()), p.write(t, idsTo, ids)
}

func TestSearchOfGivenVectors(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	want := p.search(t, SearchOptions{Rank: p.rank("dev.jsonl")})
	given := p.vectorFiles(t)
	var other VectorOptions
	other.CorpusVectors, other.CorpusIDs = p.reversed(t, "c.npy", "c2.npy", "c.ids", "p", 1)
	other.QueryVectors, other.QueryIDs = p.reversed(t, "q.npy", "q2.npy", "q.ids", "d", 3)
	data := p.rank("dev.jsonl").Data
	for _, tc := range []struct {
		name  string
		rank  RankOptions
		order bool // queries come in the order of the vectors
	}{
		{"rows in file order", RankOptions{Data: data, Given: given}, false},
		{"rows by id", RankOptions{Data: data, Given: other}, false},
		{"rows by id, no files of texts", RankOptions{Given: other}, true},
		{"corpus without queries", RankOptions{Data: DataOptions{Corpus: data.Corpus}, Given: other}, true},
		{"queries without corpus", RankOptions{Data: DataOptions{Queries: data.Queries}, Given: other}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, wanted := p.search(t, SearchOptions{Rank: tc.rank}), want
			if tc.order {
				got, wanted = sortedLines(got), sortedLines(want)
			}
			if got != wanted {
				t.Errorf("run\n%swant\n%s", got, wanted)
			}
		})
	}
	positions := p.search(t, SearchOptions{Rank: RankOptions{Given: given}})
	if !strings.HasPrefix(positions, "0 Q0 ") {
		t.Errorf("rows without names are not named by position:\n%s", positions)
	}
}

func sortedLines(text string) string {
	return strings.Join(slices.Sorted(slices.Values(lines(text))), "\n")
}

// TestSearchByCosine: a model that compares by cosine ranks by it, whether or not its vectors have length 1.
func TestSearchByCosine(t *testing.T) {
	unit := newProject(t, tinymodel.Options{})
	raw := newProject(t, tinymodel.Options{NoNormalize: true})
	ids := func(run string) string {
		text := ""
		for _, line := range lines(run) {
			text += strings.Join(strings.Fields(line)[:4], " ") + "\n"
		}
		return text
	}
	if got, want := ids(raw.search(t, SearchOptions{Rank: raw.rank("dev.jsonl")})), ids(unit.search(t, SearchOptions{Rank: unit.rank("dev.jsonl")})); got != want {
		t.Errorf("ranking\n%swant\n%s", got, want)
	}
}

func TestSearchRefuses(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	given := p.vectorFiles(t)
	data := p.rank("dev.jsonl").Data
	broken := p.write(t, "broken.npy", "no vectors")
	twice := p.write(t, "twice.ids", "p00\np00\n")
	short := p.write(t, "short.ids", "p00\n")
	p.write(t, "spaced.jsonl", `{"id":"a b","query":"x"}`)
	for _, tc := range []struct {
		name, want string
		o          SearchOptions
	}{
		{"depth", "--depth -1", SearchOptions{Rank: p.rank("dev.jsonl"), Depth: -1}},
		{"model and vectors", "contradict", SearchOptions{Rank: RankOptions{Data: data, Model: ModelOptions{Model: p.path("model")}, Given: given}}},
		{"half of the vectors", "go together", SearchOptions{Rank: RankOptions{Data: data, Given: VectorOptions{CorpusVectors: given.CorpusVectors}}}},
		{"ids of nothing", "of no use", SearchOptions{Rank: RankOptions{Data: data, Model: ModelOptions{Model: p.path("model")}, Given: VectorOptions{CorpusIDs: short}}}},
		{"vectors of other texts", "10 vectors for 30 texts", SearchOptions{Rank: RankOptions{Data: data, Given: VectorOptions{CorpusVectors: given.QueryVectors, QueryVectors: given.CorpusVectors}}}},
		{"broken vectors", "broken.npy", SearchOptions{Rank: RankOptions{Data: data, Given: VectorOptions{CorpusVectors: broken, QueryVectors: given.QueryVectors}}}},
		{"no such vectors", "--query-vectors: ", SearchOptions{Rank: RankOptions{Data: data, Given: VectorOptions{CorpusVectors: given.CorpusVectors, QueryVectors: p.path("none.npy")}}}},
		{"ids twice", "twice.ids:2: ", SearchOptions{Rank: RankOptions{Given: VectorOptions{CorpusVectors: given.CorpusVectors, QueryVectors: given.QueryVectors, CorpusIDs: twice}}}},
		{"too few ids", "1 ids for 30 vectors", SearchOptions{Rank: RankOptions{Data: data, Given: VectorOptions{CorpusVectors: given.CorpusVectors, QueryVectors: given.QueryVectors, CorpusIDs: short}}}},
		{"id with a space", `a b`, SearchOptions{Rank: p.rank("spaced.jsonl")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.o.Depth == 0 {
				tc.o.Depth = 3
			}
			tc.o.Tag = "quarry"
			tc.o.Output = p.path("refused.trec")
			refused(t, runSearch(t.Context(), tc.o, newTestHost().host), tc.want)
			if _, err := os.Stat(tc.o.Output); err == nil {
				t.Error("a refused input left an output")
			}
		})
	}
}
