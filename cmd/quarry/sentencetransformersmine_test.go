package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/sentencetransformers"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/vectors"
)

// hardNegatives is what sentence-transformers mines (parity/minehard_fixture.py).
type hardNegatives struct {
	Data     map[string][]string
	Corpus   []string
	Queries  []hardText
	Passages []hardText
	Cases    []hardCase
}

type hardCase struct {
	Name    string
	Flags   []string
	Corpus  bool
	Columns []string
	Keys    []string
	Rows    [][]any
	Printed string

	CrossEncoder string `json:"cross_encoder"` // of model/testdata/cross-encoders
}

// words are the flags of the case.
func (c hardCase) words() []string {
	if c.CrossEncoder == "" {
		return c.Flags
	}
	return append(slices.Clone(c.Flags), "--cross_encoder", filepath.Join("../../model/testdata/cross-encoders", c.CrossEncoder))
}

// sameRows compares rows exactly, but for the last digits of a cross-encoder's scores.
func (c hardCase) sameRows() cmp.Option {
	if c.CrossEncoder == "" {
		return cmp.Options{}
	}
	return cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 2e-6 })
}

// format is the output format that the flags ask for, empty where they do not say.
func (c hardCase) format() string {
	if i := slices.Index(c.Flags, "--output_format"); i >= 0 {
		return c.Flags[i+1]
	}
	return ""
}

type hardText struct {
	Text   string
	Vector []float32
}

func readHardNegatives(t *testing.T) hardNegatives {
	t.Helper()
	raw, err := os.ReadFile("testdata/mine_hard_negatives.json")
	mustBe(t, err)
	var f hardNegatives
	mustBe(t, json.Unmarshal(raw, &f))
	return f
}

func jsonLines(t *testing.T, rows *keptRows) string {
	t.Helper()
	var text strings.Builder
	mustBe(t, rows.writeTo(&text))
	return text.String()
}

// write lays out the fixture's data: the data set with columns in their order, the corpus, vectors and a run of all scores,
// for different texts in the order of the library.
func (f hardNegatives) write(t *testing.T, p project, columns []string, withCorpus bool) []string {
	t.Helper()
	var rows, texts keptRows
	for i := range f.Data["question"] {
		var row corpus.Object
		for _, c := range columns {
			row = append(row, corpus.Field{Key: c, Value: table.String(f.Data[c][i])})
		}
		mustBe(t, rows.Write(row))
	}
	words := []string{"--dataset", p.write(t, "data.jsonl", jsonLines(t, &rows)), "--output", p.path("mined.jsonl")}
	order := f.Data["answer"]
	if withCorpus {
		for _, text := range f.Corpus {
			mustBe(t, texts.Write(corpus.Object{{Key: "text", Value: table.String(text)}}))
		}
		words = append(words, "--corpus", p.write(t, "corpus.jsonl", jsonLines(t, &texts)))
		order = slices.Concat(f.Corpus, order)
	}
	passages, queries := f.inOrder(order, f.Passages), f.inOrder(f.Data["question"], f.Queries)
	p.npy(t, "passages.npy", passages)
	p.npy(t, "queries.npy", queries)
	var run strings.Builder
	for i, q := range queries {
		for j, v := range passages {
			var score float32 // exact: so is every product
			for k := range v.Vector {
				score += q.Vector[k] * v.Vector[k]
			}
			fmt.Fprintf(&run, "%d Q0 %d 1 %v theirs\n", i, j, score)
		}
	}
	p.write(t, "run.txt", run.String())
	return words
}

func (f hardNegatives) inOrder(texts []string, known []hardText) []hardText {
	var found []hardText
	seen := map[string]bool{}
	for _, text := range texts {
		i := slices.IndexFunc(known, func(k hardText) bool { return k.Text == text })
		if !seen[text] {
			seen[text] = true
			found = append(found, known[i])
		}
	}
	return found
}

func (p project) npy(t *testing.T, name string, texts []hardText) {
	t.Helper()
	f, err := os.Create(p.path(name))
	mustBe(t, err)
	defer f.Close()
	w, err := vectors.NewNPYWriter(f, len(texts), len(texts[0].Vector))
	mustBe(t, err)
	for _, text := range texts {
		mustBe(t, w.Write(text.Vector))
	}
	mustBe(t, w.Close())
}

// TestMineAsSentenceTransformers: given its vectors, or its scores as a run, every row is the library's, its order and the
// scores in it too, and so is the table that it prints.
func TestMineAsSentenceTransformers(t *testing.T) {
	f := readHardNegatives(t)
	for i, tc := range f.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			p := project(t.TempDir())
			data := f.write(t, p, tc.Columns, tc.Corpus)
			sources := [][]string{{"--corpus-vectors", p.path("passages.npy"), "--query-vectors", p.path("queries.npy")}, {"--run", p.path("run.txt")}}
			if tc.CrossEncoder != "" {
				sources = sources[i%2:][:1] // it takes the longest, and both in turn
			}
			for _, source := range sources {
				h := newTestHost()
				words := slices.Concat([]string{"mine", "--compat", "sentence-transformers"}, data, source, tc.words())
				if code := h.run(t, words...); code != exitDone {
					t.Fatalf("exit code %d: %s", code, h.err.String())
				}
				keys, rows := p.rowsOf(t, "mined.jsonl")
				if diff := cmp.Diff(tc.Keys, keys); diff != "" {
					t.Errorf("%s: columns, -theirs +ours:\n%s", source[0], diff)
				}
				if diff := cmp.Diff(tc.Rows, rows, tc.sameRows()); diff != "" {
					t.Errorf("%s: -theirs +ours:\n%s", source[0], diff)
				}
				sameTable(t, tc.format(), tc.Printed, h.out.String())
			}
		})
	}
}

func (p project) rowsOf(t *testing.T, name string) (keys []string, rows [][]any) {
	t.Helper()
	for _, line := range lines(p.read(t, name)) {
		object, err := corpus.ParseObject([]byte(line))
		mustBe(t, err)
		var values []any
		keys = nil
		for _, field := range object {
			var v any
			mustBe(t, json.Unmarshal(field.Value, &v))
			keys, values = append(keys, field.Key), append(values, v)
		}
		rows = append(rows, values)
	}
	return keys, rows
}

var (
	tableNumber = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?`)
	share       = regexp.MustCompile(` \([^)]*%\)`)
)

// sameTable compares the tables of scores to the last digit but one, and what limits took out. Two counts of the library's are
// not what they say: under min_score it counts all that was out before, and in labelled pairs it misses a pair that is given twice.
func sameTable(t *testing.T, format, theirs, ours string) {
	t.Helper()
	told := func(table string) (rows []string) {
		for _, line := range lines(table) {
			if !strings.Contains(line, "min_score of") && !(format == string(sentencetransformers.LabeledPair) && strings.HasPrefix(line, "Could not")) {
				rows = append(rows, share.ReplaceAllString(line, ""))
			}
		}
		return rows
	}
	want, got := told(theirs), told(ours)
	if len(want) != len(got) {
		t.Errorf("printed\n%s\nwant\n%s", ours, theirs)
		return
	}
	for i, line := range want {
		wanted, found := tableNumber.FindAllString(line, -1), tableNumber.FindAllString(got[i], -1)
		same := line[:6] == got[i][:6] && len(wanted) == len(found)
		for k := 0; same && k < len(wanted); k++ {
			a, errA := strconv.ParseFloat(wanted[k], 64)
			b, errB := strconv.ParseFloat(found[k], 64)
			same = errA == nil && errB == nil && math.Abs(a-b) < 1.1e-4
		}
		if !same {
			t.Errorf("printed %q, want %q", got[i], line)
		}
	}
}

// TestSTMineByAModel: vectors of a model are brought to length 1; prompts are the model's, a named one's or what is given.
func TestSTMineByAModel(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	var rows strings.Builder
	for i, line := range lines(p.read(t, "train.jsonl")) {
		var row struct{ Query string }
		mustBe(t, json.Unmarshal([]byte(line), &row))
		fmt.Fprintf(&rows, "{\"q\": %q, \"a\": %q}\n", row.Query, "one two "+strings.Repeat("three ", i))
	}
	p.write(t, "pairs.jsonl", rows.String())
	mine := func(more ...string) string {
		t.Helper()
		h := newTestHost()
		words := append([]string{"mine", "--compat=sentence-transformers", "--model", p.path("model"), "--dataset", p.path("pairs.jsonl"), "--corpus", p.path("corpus.jsonl"),
			"--output", p.path("mined.jsonl"), "--output_scores", "True", "--verbose", "False"}, more...)
		if code := h.run(t, words...); code != exitDone {
			t.Fatalf("exit code %d: %s", code, h.err.String())
		}
		if h.out.Len() > 0 {
			t.Errorf("--verbose False printed %s", h.out.String())
		}
		return p.read(t, "mined.jsonl")
	}
	plain := mine()
	_, mined := p.rowsOf(t, "mined.jsonl")
	if len(mined) != 90 {
		t.Fatalf("%d rows, want three for each of 30", len(mined))
	}
	for _, row := range mined {
		for _, score := range row[3].([]any) {
			if s := score.(float64); s > 1.00001 || s < -1.00001 {
				t.Errorf("score %v of vectors of length 1", s)
			}
		}
	}
	if mine("--query_prompt", "five six ") == plain || mine("--corpus_prompt", "five six ") == plain {
		t.Error("a prompt changes nothing")
	}
	config := p.path("model/config_sentence_transformers.json")
	var stored map[string]any
	raw, err := os.ReadFile(config)
	if err == nil {
		mustBe(t, json.Unmarshal(raw, &stored))
	} else {
		stored = map[string]any{}
	}
	stored["prompts"] = map[string]string{"other": "five six "}
	raw, err = json.Marshal(stored)
	mustBe(t, err)
	p.write(t, "model/config_sentence_transformers.json", string(raw))
	if mine("--query_prompt_name", "other") != mine("--query_prompt", "five six ", "--query_prompt_name", "other") {
		t.Error("a named prompt is not the prompt of that name")
	}
	h := newTestHost()
	code := h.run(t, "mine", "--compat", "sentence-transformers", "--model", p.path("model"), "--dataset", p.path("pairs.jsonl"), "--output", p.path("mined.jsonl"), "--corpus_prompt_name", "otter")
	if code != exitBadInput || !strings.Contains(h.err.String(), `has no prompt "otter"; it has: other`) {
		t.Errorf("exit code %d: %s", code, h.err.String())
	}
}

func TestSTMineTellsWhatHappensInstead(t *testing.T) {
	f := readHardNegatives(t)
	p := project(t.TempDir())
	data := f.write(t, p, []string{"question", "answer"}, true)
	h := newTestHost()
	words := slices.Concat([]string{"mine", "--compat", "sentence-transformers", "--run", p.path("run.txt")}, data, []string{
		"--use_faiss", "True", "--faiss_batch_size", "100", "--batch_size", "64", "--use_multi_process", "cuda:0", "cuda:1", "--cache_folder", "x", "--as_triplets", "True", "--margin=0.1"})
	if code := h.run(t, words...); code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	for _, want := range []string{"--use_faiss: the search is exact", "--faiss_batch_size: ", "--batch_size: ", "--use_multi_process: ", "--cache_folder: nothing is read", "--as_triplets: deprecated", "--margin: deprecated",
		"9 different queries in 20 rows", "range_max is 33, by the other parameters"} {
		if !strings.Contains(h.err.String(), want) {
			t.Errorf("no %q in %s", want, h.err.String())
		}
	}
	if !strings.HasPrefix(h.out.String(), "Metric ") {
		t.Errorf("printed %s", h.out.String())
	}
}

func TestSTMineRefusals(t *testing.T) {
	f := readHardNegatives(t)
	p := project(t.TempDir())
	data := f.write(t, p, []string{"question", "answer"}, true)
	short := lines(p.read(t, "run.txt"))
	p.write(t, "short.txt", strings.Join(short[:5], "\n")+"\n")
	p.write(t, "stranger.txt", "12 Q0 0 1 0.5 theirs\n")
	mustBe(t, tinymodel.Write(p.path("model"), tinymodel.Options{}))
	p.write(t, "numbers.jsonl", `{"question": "a", "answer": 3}`+"\n")
	byRun := []string{"--run", p.path("run.txt")}
	for _, tc := range []struct {
		name  string
		words []string
		want  string
	}{
		{"no scores", nil, "--model, or --corpus-vectors and --query-vectors, or --run"},
		{"half of the vectors", []string{"--corpus-vectors", p.path("passages.npy")}, "go together"},
		{"two sources", append(byRun, "--model", "x"), "--model, or --corpus-vectors"},
		{"a prompt without a model", append(byRun, "--query_prompt", "x"), "--query_prompt has no part without --model"},
		{"no such cross-encoder", append(byRun, "--margin", "0", "--cross_encoder", "x"), "--cross_encoder: "},
		{"an embedder as cross-encoder", append(byRun, "--margin", "0", "--cross_encoder", p.path("model")), "--cross_encoder: "},
		{"Quarry's own flag", append(byRun, "--window", "2-20"), "unknown flag --window (parameters of mine_hard_negatives"},
		{"a memory that is none", append(byRun, "--memory", "much"), "--memory: "},
		{"no such format", append(byRun, "--output_format", "pairs"), "want one of triplet, n-tuple, labeled-pair, labeled-list"},
		{"no such column", append(byRun, "--anchor_column_name", "query"), `data.jsonl:1: --anchor_column_name: the first row has no "query"`},
		{"one column twice", append(byRun, "--positive_column_name", "question"), "the column of anchors and of positives"},
		{"a column of numbers", append(byRun, "--dataset", p.path("numbers.jsonl")), `numbers.jsonl:1: "answer": want a string, got a number`},
		{"no negatives", append(byRun, "--num_negatives", "0"), "num_negatives 0: at least 1"},
		{"an empty range", append(byRun, "--range_min", "5", "--range_max", "5"), "range_min 5 is not below range_max 5"},
		{"a narrow range", append(byRun, "--range_max", "2"), "num_negatives 3: only 2 ranks are left"},
		{"a batch of nothing", append(byRun, "--faiss_batch_size", "0"), "--faiss_batch_size 0: at least 1"},
		{"nothing left", append(byRun, "--max_score", "-5"), "no row is left"},
		{"a short run", []string{"--run", p.path("short.txt")}, "query 0 has 5 passages, and the range needs the best 9"}, // 3, and 3 positives twice
		{"another run", []string{"--run", p.path("stranger.txt")}, `query "12": want the place of one of the 9 different queries`},
		{"vectors of other texts", []string{"--corpus-vectors", p.path("queries.npy"), "--query-vectors", p.path("queries.npy")}, "queries.npy"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			code := h.run(t, slices.Concat([]string{"mine", "--compat", "sentence-transformers"}, data, tc.words)...)
			if code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d, %q; want %q", code, h.err.String(), tc.want)
			}
		})
	}
	t.Run("another mode", func(t *testing.T) {
		h := newTestHost()
		if code := h.run(t, "mine", "--compat", "tevatron"); code != exitBadInput || !strings.Contains(h.err.String(), "want flagembedding or sentence-transformers") {
			t.Errorf("exit code %d: %s", code, h.err.String())
		}
	})
}

func TestCompatFlagEmbedding(t *testing.T) {
	p := hnProject(t)
	class := []string{"--embedder_model_class", "encoder-only-base", "--range_for_sampling", "0-4", "--negative_number", "3"}
	_, want := p.hnMine(t, class...)
	_, got := p.hnMine(t, append(class, "--compat", "flagembedding")...)
	if diff := cmp.Diff(negativesOf(want), negativesOf(got)); diff != "" {
		t.Errorf("named, the mode mines others: %s", diff)
	}
}
