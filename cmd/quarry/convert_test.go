package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestConvert goes through all layouts and back: the folder evaluates to the numbers of the rows it came from.
func TestConvert(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.folders(t)
	convert := func(args ...string) string {
		t.Helper()
		h := newTestHost()
		if code := h.run(t, append([]string{"convert"}, args...)...); code != exitDone {
			t.Fatalf("exit code %d: %s", code, h.err.String())
		}
		return h.err.String()
	}
	convert("--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl"), "--to", "mteb", "--out", p.path("a"))
	convert("--data", p.path("a"), "--to", "beir", "--name", "dev", "--out", p.path("b"))
	convert("--data", p.path("b"), "--to", "mteb-parquet", "--out", p.path("f"))
	convert("--data", p.path("f"), "--to", "quarry", "--out", p.path("c"))
	convert("--corpus", p.path("c/corpus.jsonl"), "--queries", p.path("c/queries.jsonl"), "--to", "trec", "--out", p.path("d"))
	scores := func(o EvalOptions) string {
		t.Helper()
		o.Metrics, o.JSON = "map@25,ndcg@10", true
		var got evalJSON
		mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &got))
		text, err := json.Marshal(got.Metrics)
		mustBe(t, err)
		return string(text)
	}
	want := scores(EvalOptions{Rank: p.rank("dev.jsonl")})
	model := p.rank("dev.jsonl").Model
	for name, o := range map[string]EvalOptions{
		"mteb":    {Rank: RankOptions{Model: model}, Judgments: JudgmentOptions{Folder: p.path("a")}},
		"beir":    {Rank: RankOptions{Model: model}, Judgments: JudgmentOptions{Folder: p.path("b"), Split: "dev"}},
		"Parquet": {Rank: RankOptions{Model: model}, Judgments: JudgmentOptions{Folder: p.path("f")}},
		"quarry":  {Rank: RankOptions{Model: model, Data: DataOptions{Corpus: p.path("c/corpus.jsonl"), Queries: p.path("c/queries.jsonl")}}},
		"trec":    {Rank: p.rank("dev.jsonl"), Judgments: JudgmentOptions{Qrels: p.path("d/qrels.txt")}},
	} {
		if got := scores(o); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	p.write(t, "graded.txt", "d0 0 p00 3\nd3 0 p01 0\n")
	said := convert("--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl"), "--qrels", p.path("graded.txt"), "--to", "quarry", "--out", p.path("e"))
	if !strings.Contains(said, "lost: grades of judgments: above 1 they become 1, below 0 they become 0 (1)") || !strings.Contains(said, "lost: queries without a positive: the rows are left out (9)") || strings.Count(p.read(t, "e/queries.jsonl"), "\n") != 1 {
		t.Errorf("said %s\n%s", said, p.read(t, "e/queries.jsonl"))
	}
	for want, args := range map[string][]string{
		"--to is needed": {"--data", p.path("a"), "--out", "x"},
		`--to: the format "parquet" is unknown: use quarry, beir,`: {"--data", p.path("a"), "--to", "parquet", "--out", "x"},
		"is there already":                        {"--data", p.path("a"), "--to", "mteb", "--out", p.path("a")},
		"--from is the format of --input":         {"--data", p.path("a"), "--from", "beir", "--to", "mteb", "--out", p.path("x")},
		"beside --input":                          {"--data", p.path("a"), "--input", p.path("a"), "--to", "mteb", "--out", p.path("x")},
		"name a file":                             {"--input", "-", "--to", "mteb", "--out", p.path("x")},
		"rankings of beir cannot become trec-run": {"--input", p.path("a"), "--from", "beir", "--to", "trec-run", "--out", p.path("x")},
		"--corpus is needed":                      {"--to", "mteb", "--out", p.path("x")},
		"--corpus beside --data":                  {"--data", p.path("a"), "--corpus", "c", "--to", "mteb", "--out", "x"},
		`train.jsonl: a file has no splits: leave the split "train" out`: {"--input", p.path("train.jsonl"), "--split", "train", "--to", "tevatron", "--out", p.path("x.jsonl")},
		"--split has no part with rankings":                              {"--input", p.path("a"), "--from", "trec-run", "--split", "test", "--to", "beir-run", "--out", p.path("x")},
		`split "a/b" cannot name`:                                        {"--data", p.path("a"), "--to", "mteb", "--name", "a/b", "--out", p.path("x")},
	} {
		h := newTestHost()
		if code := h.run(t, append([]string{"convert"}, args...)...); code != exitBadInput || !strings.Contains(h.err.String(), want) {
			t.Errorf("exit code %d, %q; want %q", code, h.err.String(), want)
		}
	}
	convert("--data", p.path("a"), "--to", "mteb", "--force", "--out", p.path("a"))
}

// TestConvertRows: rows of a trainer become another's, packed or not, and what is lost is told or refused.
func TestConvertRows(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	const rows = `{"query": "a", "pos": ["p"], "neg": ["n", "m"], "prompt": "find"}` + "\n" + `{"query": "b", "pos": ["q"], "neg": ["n", "p"]}` + "\n"
	p.write(t, "rows.jsonl", rows)
	convert := func(want int, args ...string) string {
		t.Helper()
		h := newTestHost()
		if code := h.run(t, append([]string{"convert"}, args...)...); code != want {
			t.Fatalf("exit code %d: %s", code, h.err.String())
		}
		return h.err.String()
	}
	said := convert(exitBadInput, "--input", p.path("rows.jsonl"), "--to", "triplet", "--out", p.path("t.csv"), "--lossless")
	if !strings.Contains(said, "--lossless: triplet does not hold all of it: prompts of rows: left out (1)") {
		t.Errorf("said %s", said)
	}
	said = convert(exitDone, "--input", p.path("rows.jsonl"), "--to", "triplet", "--out", p.path("t.csv"))
	if !strings.Contains(said, "rows.jsonl is read as flagembedding") || !strings.Contains(said, "lost: prompts of rows: left out (1)") || p.read(t, "t.csv") != "anchor,positive,negative\na,p,n\na,p,m\nb,q,n\nb,q,p\n" {
		t.Errorf("said %s\n%s", said, p.read(t, "t.csv"))
	}
	convert(exitDone, "--input", p.path("t.csv"), "--to", "n-tuple", "--out", p.path("n.parquet"), "--lossless")
	convert(exitDone, "--input", p.path("n.parquet"), "--from", "n-tuple", "--to", "flagembedding", "--out", p.path("f.jsonl.zst"), "--lossless")
	convert(exitDone, "--input", p.path("f.jsonl.zst"), "--to", "flagembedding", "--out", p.path("f.jsonl"), "--lossless")
	if got := p.read(t, "f.jsonl"); got != strings.Replace(rows, `, "prompt": "find"`, "", 1) {
		t.Errorf("got %s", got)
	}
	p.write(t, "r.json", `{"q": {"d": 0.5, "e": 1}}`)
	convert(exitDone, "--input", p.path("r.json"), "--from", "beir-run", "--to", "trec-run", "--name", "x", "--out", p.path("r.trec"))
	if got := p.read(t, "r.trec"); got != "q Q0 e 1 1 x\nq Q0 d 2 0.5 x\n" {
		t.Errorf("got %s", got)
	}
}

// TestParquetInputs: a recipe's texts may be Parquet, or packed; training rows too.
func TestParquetInputs(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	h := newTestHost()
	if code := h.run(t, "convert", "--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl"), "--to", "mteb-parquet", "--name", "dev", "--out", p.path("m")); code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	passages, queries := p.path("m/corpus/corpus-00000-of-00001.parquet"), p.path("m/queries/queries-00000-of-00001.parquet")
	var vectors []string
	for _, input := range []string{p.path("corpus.jsonl"), passages} {
		h := newTestHost()
		out := input + ".npy"
		if code := h.run(t, "embed", "--model", p.rank("dev.jsonl").Model.Model, "--input", input, "--kind", "passage", "--output", out); code != exitDone {
			t.Fatalf("exit code %d: %s", code, h.err.String())
		}
		content, err := os.ReadFile(out)
		mustBe(t, err)
		vectors = append(vectors, string(content))
	}
	if vectors[0] != vectors[1] {
		t.Error("the vectors of a Parquet file are not those of its JSON lines")
	}
	qrels := p.path("m/data/dev-00000-of-00001.parquet")
	o := EvalOptions{Rank: p.rank("dev.jsonl"), Judgments: JudgmentOptions{Qrels: qrels}}
	o.Rank.Data.Corpus, o.Rank.Data.Queries = passages, queries
	o.Metrics = "map@25"
	want := EvalOptions{Rank: p.rank("dev.jsonl"), Metrics: "map@25"}
	if got, want := p.eval(t, o).out.String(), p.eval(t, want).out.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRowsOfSentenceTransformers: what refuses such rows names a conversion, and what that writes is taken.
func TestRowsOfSentenceTransformers(t *testing.T) {
	for name, rows := range map[string]string{
		"triplet":      `{"anchor":"one two","positive":"three","negative":"four"}` + "\n" + `{"anchor":"two","positive":"six","negative":"nine"}` + "\n",
		"n-tuple":      `{"anchor":"one two","positive":"three","negative_1":"four","negative_2":"five"}` + "\n",
		"pair":         `{"anchor":"one two","positive":"three"}` + "\n",
		"labeled pair": `{"anchor":"one two","document":"three","label":1}` + "\n" + `{"anchor":"one two","document":"four","label":0}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, tinymodel.Options{})
			path := p.write(t, "theirs.jsonl", rows)
			for _, words := range [][]string{
				{"finetune", "--model", p.path("model"), "--train", path, "--output", p.path("out")},
				{"finetune", "--model", p.path("model"), "--train", path, "--corpus", p.path("corpus.jsonl"), "--output", p.path("out")},
				{"mine", "--model", p.path("model"), "--queries", path, "--corpus", p.path("corpus.jsonl"), "--output", p.path("mined.jsonl")},
				{"init", "--model", p.path("model"), "--train", path, "--corpus", p.path("corpus.jsonl"), "--output", p.path("recipe.yaml")},
			} {
				h := newTestHost()
				code := h.run(t, words...)
				_, command, named := strings.Cut(h.err.String(), "convert them with: quarry ")
				if code != exitBadInput || !named {
					t.Fatalf("%s: exit code %d: %s", words[0], code, h.err.String())
				}
				convert := strings.Fields(command)
				convert[len(convert)-1] = p.path("rows.jsonl")
				h = newTestHost()
				if code := h.run(t, append(convert, "--force")...); code != exitDone {
					t.Fatalf("exit code %d: %s", code, h.err.String())
				}
			}
			c, err := textsOf(newTestHost().host, "train", p.path("rows.jsonl"))
			mustBe(t, err)
			queries, err := DataOptions{}.readQueries(newTestHost().host, "train", p.path("rows.jsonl"), c, false)
			if err != nil || queries[0].Text != "one two" || c.Passages[queries[0].Positives[0]].Text != "three" {
				t.Errorf("read %+v, %v", queries, err)
			}
		})
	}
}

// TestConvertEndsBetweenRows: an interrupted conversion writes nothing.
func TestConvertEndsBetweenRows(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := ConvertOptions{Input: p.write(t, "rows.jsonl", `{"query":"q","pos":["a"],"neg":["b"]}`+"\n"), To: "triplet", Out: p.path("t.jsonl")}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := runConvert(ctx, o, newTestHost().host); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(o.Out); err == nil {
		t.Error("something was written")
	}
}
