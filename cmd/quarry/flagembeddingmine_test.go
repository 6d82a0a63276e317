package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// hnProject is a project with rows as hn_mine.py reads them; the corpus is its pool.
func hnProject(t *testing.T) project {
	t.Helper()
	p := newProject(t, tinymodel.Options{})
	texts := map[string]string{}
	for _, line := range lines(p.read(t, "corpus.jsonl")) {
		var row struct{ ID, Text string }
		mustBe(t, json.Unmarshal([]byte(line), &row))
		texts[row.ID] = row.Text
	}
	var rows strings.Builder
	for _, line := range lines(p.read(t, "train.jsonl")) {
		var row struct {
			ID, Query string
			Positives []string `json:"positive_ids"`
		}
		mustBe(t, json.Unmarshal([]byte(line), &row))
		fmt.Fprintf(&rows, "{\"id\": %q, \"query\": %q, \"pos\": [%q], \"type\": \"normal\"}\n", row.ID, row.Query, texts[row.Positives[0]])
	}
	p.write(t, "rows.jsonl", rows.String())
	return p
}

// hnMineWords is a command line of hn_mine.py; more follow it.
func (p project) hnMineWords(more ...string) []string {
	return append([]string{"mine", "--embedder_name_or_path", p.path("model"), "--input_file", p.path("rows.jsonl"), "--output_file", p.path("out.jsonl"),
		"--candidate_pool", p.path("corpus.jsonl"), "--embedder_query_max_length", "32", "--embedder_passage_max_length=32"}, more...)
}

func (p project) hnMine(t *testing.T, more ...string) (*testHost, []*flagembedding.Row) {
	t.Helper()
	h := newTestHost()
	if code := h.run(t, p.hnMineWords(more...)...); code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	f, err := os.Open(p.path("out.jsonl"))
	mustBe(t, err)
	defer f.Close()
	rows, err := flagembedding.ReadAll(f, "out.jsonl")
	mustBe(t, err)
	return h, rows
}

// TestTheReferencesMining runs the reference pipeline's command line, with a small encoder in place of its model.
func TestTheReferencesMining(t *testing.T) {
	p := hnProject(t)
	h, rows := p.hnMine(t, "--embedder_model_class", "encoder-only-base", "--pooling_method", "mean", "--range_for_sampling", "2-20", "--negative_number", "5",
		"--devices", "cuda:0", "cuda:1", "--query_instruction_for_retrieval", "one two", "--query_instruction_format", `{}\n{}`, "--batch_size", "1024",
		"--add_examples_for_task", "False", "--use_fp16", "yes")
	before := lines(p.read(t, "rows.jsonl"))
	if len(rows) != len(before) {
		t.Fatalf("%d rows, want %d", len(rows), len(before))
	}
	for i, row := range rows {
		if len(row.Neg()) != 5 || slices.Contains(row.Neg(), row.Pos()[0]) || slices.Contains(row.Neg(), row.Query()) {
			t.Errorf("row %d: %v", i, row.Neg())
		}
		if id, _ := row.Get("id"); !strings.Contains(before[i], string(id)) || row.Type() != "normal" {
			t.Errorf("row %d is %s of type %q: order and other keys are kept", i, id, row.Type())
		}
	}
	for _, want := range []string{"--devices: everything runs on the processor\n", "--use_fp16: products are", "--batch_size: the memory decides", "30 rows, 0 negatives of them"} {
		if !strings.Contains(h.err.String(), want) {
			t.Errorf("no %q in %q", want, h.err.String())
		}
	}
	again, same := p.hnMine(t, "--embedder_model_class", "encoder-only-base", "--pooling_method", "mean", "--range_for_sampling", "2-20", "--negative_number", "5",
		"--query_instruction_for_retrieval", "one two", "--query_instruction_format_for_retrieval", "{}\n{}")
	if diff := cmp.Diff(negativesOf(rows), negativesOf(same)); diff != "" {
		t.Errorf("the same command mined others: %s", diff)
	}
	if strings.Contains(again.err.String(), "--devices") {
		t.Errorf("a flag that was not given is told of: %s", again.err.String())
	}
}

func negativesOf(rows []*flagembedding.Row) [][]string {
	var all [][]string
	for _, row := range rows {
		all = append(all, row.Neg())
	}
	return all
}

func TestHnMineFillsAndShuffles(t *testing.T) {
	p := hnProject(t)
	class := []string{"--embedder_model_class", "encoder-only-m3", "--range_for_sampling", "0-4", "--negative_number", "8"}
	h, rows := p.hnMine(t, class...)
	for i, row := range rows {
		if len(row.Neg()) != 8 || slices.Contains(row.Neg(), row.Pos()[0]) {
			t.Errorf("row %d: %v", i, row.Neg())
		}
	}
	if !strings.Contains(h.err.String(), "drawn to fill up") || strings.Contains(h.err.String(), " 0 negatives") {
		t.Errorf("told: %s", h.err.String())
	}
	_, shuffled := p.hnMine(t, append(class, "--shuffle_data", "True")...)
	queries := func(rows []*flagembedding.Row) (q []string) {
		for _, row := range rows {
			q = append(q, row.Query()+strings.Join(row.Neg(), "|"))
		}
		return q
	}
	a, b := queries(rows), queries(shuffled)
	if slices.Equal(a, b) {
		t.Error("nothing was shuffled")
	}
	slices.Sort(a)
	slices.Sort(b)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("shuffling changed rows: %s", diff)
	}
}

// Without a pool, the rows' own texts are it.
func TestHnMineWithoutAPool(t *testing.T) {
	p := hnProject(t)
	h := newTestHost()
	words := slices.DeleteFunc(p.hnMineWords("--embedder_model_class", "encoder-only-base", "--range", "0-9", "--negative_number", "3"), func(w string) bool {
		return w == "--candidate_pool" || w == p.path("corpus.jsonl")
	})
	if code := h.run(t, words...); code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
}

func TestClassByName(t *testing.T) {
	for name, want := range map[string]string{
		"BAAI/bge-en-icl": classICL, "BAAI/bge-m3": classM3, "BAAI/bge-code-v1": classDecoder, "BAAI/bge-small-en-v1.5": classEncoder, "Qwen/Qwen3-Embedding-0.6B": classDecoder,
		"intfloat/e5-mistral-7b-instruct": classDecoder, "intfloat/multilingual-e5-large": classEncoder, "Alibaba-NLP/gte-Qwen2-1.5B-instruct": classDecoder,
		"Alibaba-NLP/gte-multilingual-base": classEncoder, "Salesforce/SFR-Embedding-Mistral": classDecoder, "Linq-AI-Research/Linq-Embed-Mistral": classDecoder,
		"maidalun1020/bce-embedding-base_v1": classEncoder, "tuned/e5-base/checkpoint-200": classEncoder, "models/mine": "",
	} {
		if got := classOf(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestTheForksExample: --add_examples_for_task shows the example that is given beside it.
func TestTheForksExample(t *testing.T) {
	words := strings.Fields("--input_file i --output_file o --embedder_name_or_path m --pooling_method last_token --embedder_model_class decoder-only-icl --add_examples_for_task True --examples_for_task")
	o, err := readHnMine(newTestHost().host, append(words, `[{"query":"q","response":"r"}]`))
	if err != nil || len(o.examples) != 1 || o.examples[0].Response != "r" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestHnMineErrors(t *testing.T) {
	p := hnProject(t)
	encoder := []string{"--embedder_model_class", "encoder-only-base"}
	for _, tc := range []struct {
		name string
		more []string
		want string
	}{
		{"no class", nil, "--embedder_model_class: FlagEmbedding knows no model called \"model\""},
		{"a class that is none", []string{"--embedder_model_class", "decoder"}, `--embedder_model_class "decoder": want one of encoder-only-base`},
		{"a decoder's pooling", []string{"--embedder_model_class", "decoder-only-icl"}, "--pooling_method cls: a model of class decoder-only-icl takes last_token alone"},
		{"a number", append(encoder, "--negative_number", "many"), `--negative_number "many": want a whole number`},
		{"a number of nothing", append(encoder, "--batch_size", "0"), "--batch_size 0: at least 1"},
		{"a truth", append(encoder, "--shuffle_data", "maybe"), `--shuffle_data "maybe": want True or False`},
		{"a window", append(encoder, "--range_for_sampling", "20"), "--range_for_sampling: "},
		{"no such flag", append(encoder, "--negative_count", "3"), "unknown flag --negative_count"},
		{"two flags may be meant", append(encoder, "--embedder_", "3"), "--embedder_ may be --embedder_name_or_path or"},
		{"both families", append(encoder, "--window", "2-20"), "--embedder_name_or_path is FlagEmbedding's and --window is not"},
		{"the fork's example", append(encoder, "--add_examples_for_task", "True"), "give it by --examples_for_task"},
		{"examples of an encoder", append(encoder, "--examples_for_task", "[]"), "is shown no examples"},
		{"more than there are", append(encoder, "--negative_number", "200", "--range_for_sampling", "0-4"), "the pool has"},
		{"a word", append(encoder, "--shuffle_data", "True", "False"), `unexpected word "False"`},
		{"no value", append(encoder, "--range_for_sampling"), "--range_for_sampling needs a value"},
		{"an example that leaks", []string{"--embedder_model_class", "decoder-only-icl", "--pooling_method", "last_token", "--examples_for_task",
			`[{"query":"new","response":` + answer(t, p) + `}]`}, "rows.jsonl:1: an in-context example is the query or has an answer of it"},
		{"an example that leaks but for white space", []string{"--embedder_model_class", "decoder-only-icl", "--pooling_method", "last_token", "--examples_for_task",
			`[{"query":"new","response":` + strings.Replace(answer(t, p), `"`, `"\t `, 1) + `}]`}, "rows.jsonl:1: an in-context example is the query or has an answer of it"},
		{"examples that are no JSON", []string{"--embedder_model_class", "decoder-only-icl", "--pooling_method", "last_token", "--examples_for_task", "x.json"},
			`--examples_for_task: want a JSON list of {"query", "response"}, optionally with "instruct", not a file name: `},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			if code := h.run(t, p.hnMineWords(tc.more...)...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d: %s, want %q", code, h.err.String(), tc.want)
			}
		})
	}
}

// answer is the first row's positive as JSON.
func answer(t *testing.T, p project) string {
	t.Helper()
	var row struct{ Pos []string }
	mustBe(t, json.Unmarshal([]byte(lines(p.read(t, "rows.jsonl"))[0]), &row))
	raw, err := json.Marshal(row.Pos[0])
	mustBe(t, err)
	return string(raw)
}

func TestFlagEmbeddingSides(t *testing.T) {
	for _, tc := range []struct {
		name         string
		words        []string
		want, suffix string
	}{
		{"the reference", []string{"--embedder_model_class", "decoder-only-icl", "--query_instruction_for_retrieval", `Find \nabla`, "--query_instruction_format", `<instruct>{}\n<query>{}`},
			"<instruct>Find \\nabla\n<query>q", "\n<response>"},
		{"without an instruction", []string{"--embedder_model_class", "decoder-only-icl"}, "q", "\n<response>"},
		{"a plain decoder", []string{"--embedder_model_class", "decoder-only-base", "--query_instruction_for_retrieval", "Find: "}, "Find: q", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, err := readHnMine(newTestHost().host, append([]string{"--input_file", "i", "--output_file", "o", "--embedder_name_or_path", "m", "--pooling_method", "last_token"}, tc.words...))
			mustBe(t, err)
			query, passage, err := o.sides()
			mustBe(t, err)
			if got := query.prompt.Template.Apply("q"); got != tc.want || query.prompt.Suffix != tc.suffix || query.maxLength != 512 {
				t.Errorf("got %q, suffix %q, %d tokens", got, query.prompt.Suffix, query.maxLength)
			}
			if passage.prompt.Template != "" || passage.prompt.Suffix != "" || passage.maxLength != 512 {
				t.Errorf("passages: %+v", passage)
			}
		})
	}
}
