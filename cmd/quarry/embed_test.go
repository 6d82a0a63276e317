package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
	"github.com/quarry-ml/quarry/vectors"
)

func readVectors(t testing.TB, path string) vectors.Matrix {
	t.Helper()
	raw, err := os.ReadFile(path)
	mustBe(t, err)
	m, err := vectors.ReadNPY(bytes.NewReader(raw), path)
	mustBe(t, err)
	return m
}

// embed embeds lines with the project's model and returns the vectors.
func (p project) embed(t testing.TB, input string, change func(*EmbedOptions)) vectors.Matrix {
	t.Helper()
	o := EmbedOptions{Input: p.write(t, "input.jsonl", input), Output: p.path("vectors.npy"), Model: ModelOptions{Model: p.path("model")}}
	if change != nil {
		change(&o)
	}
	mustBe(t, runEmbed(t.Context(), o, newTestHost().host))
	return readVectors(t, o.Output)
}

func same(a, b []float32) bool {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

func TestEmbed(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	text := func(s string) *string { return &s }
	plain := p.embed(t, "{\"text\":\"add one\"}\n{\"text\":\"query: add one\"}\n{\"text\":\"add one to two\"}\n{\"text\":\"title add one\"}\n{\"text\":\"\"}\n", nil)
	if plain.Rows != 5 || plain.Dim != 32 {
		t.Fatalf("%d x %d vectors, want 5 x 32", plain.Rows, plain.Dim)
	}
	for _, tc := range []struct {
		name, input string
		change      func(*EmbedOptions)
		want        int // the plain row it equals
	}{
		{"alone", `{"text":"add one"}`, nil, 0},
		{"query key", `{"query":"add one"}`, nil, 0},
		{"title", `{"title":"title","text":"add one"}`, nil, 3},
		{"query prompt is for queries", `{"text":"add one"}`, func(o *EmbedOptions) { o.Texts.QueryPrompt = text("query: ") }, 1},
		{"template", `{"text":"add"}`, func(o *EmbedOptions) { o.Kind = kindQuery; o.Texts.QueryPrompt = text("query: {} one") }, 1},
		{"newline in a template", `{"text":"one"}`, func(o *EmbedOptions) { o.Texts.PassagePrompt = text(`add\n{}`) }, 0},
		{"no newline in data", `{"text":"add one"}`, func(o *EmbedOptions) { o.Texts.PassagePrompt = text("") }, 0},
		{"cut", `{"text":"add one to two"}`, func(o *EmbedOptions) { o.Texts.MaxLength = 6 }, -1},
		{"workers and memory", `{"text":"add one to two"}`, func(o *EmbedOptions) { o.Engine.Workers = 1; o.Engine.Memory = 1 << 20 }, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := p.embed(t, tc.input, tc.change)
			if tc.want >= 0 && !same(got.Row(0), plain.Row(tc.want)) {
				t.Errorf("the vector is not that of row %d", tc.want)
			}
			if tc.want < 0 && same(got.Row(0), plain.Row(2)) {
				t.Error("the vector is that of the whole text")
			}
		})
	}
}

func TestEmbedOfTokenIDs(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	texts := "{\"text\":\"add one\"}\n{\"text\":\"what is zero\"}\n"
	want := p.embed(t, texts, nil)
	h := newTestHost()
	mustBe(t, runTokenize(t.Context(), TokenizeOptions{Model: p.path("model"), Input: p.write(t, "texts.jsonl", texts)}, h.host))
	var ids strings.Builder
	for _, line := range lines(h.out.String()) {
		ids.WriteString(`{"ids": ` + line + "}\n")
	}
	got := p.embed(t, ids.String(), nil)
	if !same(got.Data, want.Data) {
		t.Error("token ids give other vectors than their texts")
	}
}

func TestEmbedNormalizeAndPooling(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	no := false
	unit := p.embed(t, `{"text":"add one"}`, nil)
	raw := p.embed(t, `{"text":"add one"}`, func(o *EmbedOptions) { o.Model.Normalize = &no })
	cls := p.embed(t, `{"text":"add one"}`, func(o *EmbedOptions) { o.Model.Pooling = "cls" })
	length := func(v []float32) (sum float64) {
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		return math.Sqrt(sum)
	}
	if math.Abs(length(unit.Data)-1) > 1e-6 || math.Abs(length(raw.Data)-1) < 1e-3 {
		t.Errorf("lengths %g and, not normalised, %g", length(unit.Data), length(raw.Data))
	}
	if same(unit.Data, cls.Data) {
		t.Error("--pooling cls changes nothing")
	}
}

func TestEmbedRefuses(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	prefix := "x"
	for _, tc := range []struct {
		name, input, want string
		change            func(*EmbedOptions)
	}{
		{"no texts", "\n", "input.jsonl: no texts", nil},
		{"neither text nor ids", "{\"text\":\"a\"}\n{\"body\":\"b\"}\n", `input.jsonl:2: the row has none of "text", "query" and "ids"`, nil},
		{"cut file", "{\"text\":\"a\"}\n{\"text\":\"b", "input.jsonl:2: ", nil},
		{"not UTF-8", "{\"text\":\"\xff\"}\n", "input.jsonl:1: ", nil},
		{"text of another type", `{"text": 5}`, `input.jsonl:1: "text": want a string, got a number`, nil},
		{"empty query", "{\"query\":\"a\"}\n{\"query\":\" \"}\n", "input.jsonl:2: empty query", nil},
		{"empty text as query", `{"text":""}`, "input.jsonl:1: empty query", func(o *EmbedOptions) { o.Kind = kindQuery }},
		{"ids and text", `{"text":"a","ids":[1]}`, `input.jsonl:1: "ids" beside a text`, nil},
		{"no ids", `{"ids":[]}`, `input.jsonl:1: "ids": no token ids`, nil},
		{"ids of another type", `{"ids":["a"]}`, `input.jsonl:1: "ids"[0]: "a" is no token id`, nil},
		{"id beyond the vocabulary", `{"ids":[2,100000]}`, `input.jsonl:1: "ids"[1]: token 100000`, nil},
		{"negative id", `{"ids":[-1]}`, `input.jsonl:1: "ids"[0]: token -1`, nil},
		{"more ids than positions", `{"ids":[` + strings.Repeat("1,", 64) + `1]}`, `input.jsonl:1: "ids": 65 tokens, and the model has 64 positions`, nil},
		{"prompt around ids", `{"ids":[1]}`, `input.jsonl:1: "ids" are taken as they are, and --query-prompt has no part`, func(o *EmbedOptions) { o.Texts.QueryPrompt = &prefix }},
		{"length of ids", `{"ids":[1]}`, `--max-length has no part`, func(o *EmbedOptions) { o.Texts.MaxLength = 9 }},
		{"id that is no whole number", `{"ids":[7,1.5]}`, `input.jsonl:1: "ids"[1]: 1.5 is no token id: want whole numbers`, nil},
		{"unknown kind", `{"text":"a"}`, `--kind "document"`, func(o *EmbedOptions) { o.Kind = "document" }},
		{"prompt of the other kind", `{"text":"a"}`, "--query-prompt has no part in --kind passage", func(o *EmbedOptions) { o.Kind = kindPassage; o.Texts.QueryPrompt = &prefix }},
		{"both prompts", `{"text":"a"}`, "say with --kind", func(o *EmbedOptions) { o.Texts.QueryPrompt, o.Texts.PassagePrompt = &prefix, &prefix }},
		{"length of a kind alone", `{"text":"a"}`, "need --kind", func(o *EmbedOptions) { o.Texts.QueryMaxLength = 9 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := EmbedOptions{Input: p.write(t, "input.jsonl", tc.input), Output: p.path("refused.npy"), Model: ModelOptions{Model: p.path("model")}}
			if tc.change != nil {
				tc.change(&o)
			}
			refused(t, runEmbed(t.Context(), o, newTestHost().host), tc.want)
			if _, err := os.Stat(o.Output); err == nil {
				t.Error("a refused input left an output")
			}
		})
	}
}

// TestTextsLongerThanTheModel: they are cut, and the note names the limit, what says it, and file and line of the first.
func TestTextsLongerThanTheModel(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	long := strings.Repeat("one ", 80)
	texts := p.write(t, "texts.jsonl", "{\"text\":\"add one\"}\n\n{\"text\":\""+long+"\"}\n{\"text\":\""+long+"\"}\n")
	corpus := p.write(t, "long-corpus.jsonl", "\n"+p.read(t, "corpus.jsonl")+"{\"id\":\"long\",\"text\":\""+long+"\"}\n")
	queries := p.write(t, "long-queries.jsonl", p.read(t, "dev.jsonl")+"{\"id\":\"long\",\"query\":\""+long+"\",\"positive_ids\":[\"long\"]}\n")
	pairs := p.write(t, "pairs.jsonl", "{\"anchor\":\"one two\",\"positive\":\"three\"}\n{\"anchor\":\""+long+"\",\"positive\":\""+long+"four\"}\n"+strings.Repeat("{\"anchor\":\"five\",\"positive\":\"six\"}\n", 3))
	rows := p.write(t, "rows.jsonl", "{\"query\":\"one two\",\"pos\":[\"three\"],\"neg\":[\"five\"]}\n{\"query\":\""+long+"\",\"pos\":[\"four\"],\"neg\":[\""+long+"six\"]}\n")
	embed := []string{"embed", "--model", p.path("model"), "--input", texts, "--output", p.path("v.npy")}
	search := []string{"search", "--model", p.path("model"), "--corpus", corpus, "--queries", queries, "--output", p.path("run.trec"), "--depth", "3"}
	finetune := []string{"finetune", "--model", p.path("model"), "--guide", p.path("model"), "--corpus", corpus, "--train", queries, "--output", p.path("tuned"), "--max-steps", "1", "--epochs", "1", "--batch", "2"}
	for _, tc := range []struct {
		name  string
		words []string
		want  []string
	}{
		{"the model's own", embed, []string{"embed: 2 of 3 texts are longer than 64 tokens (the model's own limit) and were cut, the first at " + texts + ":3\n"}},
		{"a flag", append(embed, "--max-length", "9"), []string{"than 9 tokens (--max-length) and were cut, the first at " + texts + ":3\n"}},
		{"a flag of the kind", append(embed, "--kind", "query", "--query-max-length", "9"), []string{"than 9 tokens (--query-max-length) and were cut, the first at " + texts + ":3\n"}},
		{"corpus and queries", append(search, "--passage-max-length", "40"), []string{
			"embed corpus: 1 of 31 texts are longer than 40 tokens (--passage-max-length) and were cut, the first at " + corpus + ":32\n",
			"embed queries: 1 of 11 texts are longer than 64 tokens (the model's own limit) and were cut, the first at " + queries + ":11\n"}},
		{"training with a guide", finetune, []string{
			"training: 1 of 11 queries are longer than 64 tokens (the model's own limit) and were cut, the first in " + queries + ":11\n",
			"training: 1 of 11 passages are longer than 64 tokens (the model's own limit) and were cut, the first in " + queries + ":11\n",
			"1 of 11 texts are longer than 64 tokens (the model's own limit) and were cut, the first at " + corpus + ":32\n",
			"1 of 11 texts are longer than 64 tokens (the model's own limit) and were cut, the first at " + queries + ":11\n"}},
		{"as FlagEmbedding mines", []string{"mine", "--embedder_name_or_path", p.path("model"), "--embedder_model_class", "encoder-only-base", "--input_file", rows, "--output_file", p.path("out.jsonl"), "--range_for_sampling", "0-2", "--negative_number", "1", "--embedder_query_max_length", "32", "--embedder_passage_max_length", "33"}, []string{
			"embed pool: 1 of 4 texts are longer than 33 tokens (--embedder_passage_max_length) and were cut, the first at " + rows + ":2\n",
			"embed queries: 1 of 2 texts are longer than 32 tokens (--embedder_query_max_length) and were cut, the first at " + rows + ":2\n"}},
		{"as sentence-transformers mines", []string{"mine", "--compat", "sentence-transformers", "--model", p.path("model"), "--dataset", pairs, "--num_negatives", "1", "--output", p.path("out.jsonl")}, []string{
			"embed corpus: 1 of 3 texts are longer than 64 tokens (the model's own limit) and were cut, the first at " + pairs + ":2\n",
			"embed queries: 1 of 3 texts are longer than 64 tokens (the model's own limit) and were cut, the first at " + pairs + ":2\n"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			if code := h.run(t, tc.words...); code != exitDone {
				t.Fatalf("exit code %d\n%s", code, h.err.String())
			}
			for _, want := range tc.want {
				if !strings.Contains(h.err.String(), want) {
					t.Errorf("no %q in\n%s", want, h.err.String())
				}
			}
		})
	}
}

func TestEmbedWarnsOfEmptyTexts(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	h := newTestHost()
	o := EmbedOptions{Input: p.write(t, "input.jsonl", "{\"text\":\"\"}\n{\"text\":\"a\"}\n"), Output: p.path("v.npy"), Model: ModelOptions{Model: p.path("model")}}
	mustBe(t, runEmbed(t.Context(), o, h.host))
	if !strings.Contains(h.err.String(), "warning: "+o.Input+": 1 empty texts") {
		t.Errorf("no warning in %q", h.err.String())
	}
}

// TestEmbedGoesOn: vectors that an interrupted or killed command has made are gone on with, to the same bytes, where all is the
// same that they depend on.
func TestEmbedGoesOn(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	var texts strings.Builder
	for i := range 2100 {
		fmt.Fprintf(&texts, "{\"text\":\"%d plus %d\"}\n", i%10, i/100)
	}
	p.write(t, "texts.jsonl", texts.String())
	embed := func(ctx context.Context, h *testHost, more ...string) int {
		return execute(ctx, h.host, append([]string{"embed", "--model", p.path("model"), "--input", p.path("texts.jsonl"), "--output", p.path("v.npy")}, more...))
	}
	if code := embed(t.Context(), newTestHost()); code != exitDone {
		t.Fatalf("exit code %d", code)
	}
	want, err := os.ReadFile(p.path("v.npy"))
	mustBe(t, err)
	for _, tc := range []struct {
		name  string
		stop  func(t *testing.T)
		more  []string
		ready string // pattern of what is told; empty where the file is begun anew
	}{
		{"interrupted", func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			h := newTestHost()
			h.markEvery = 1 // so that the first texts are written before the last are embedded
			h.files = stopsAtMark{rundir.OS{}, interrupt}
			if code := embed(ctx, h); code != exitInterrupted || !strings.Contains(h.err.String(), "is kept in "+p.path("v.npy.partial")+"; the same command goes on from there") {
				t.Fatalf("exit code %d: %s", code, h.err.String())
			}
		}, nil, `v\.npy\.partial: the first (1024|2048) of 2100 texts are embedded already`}, // the second chunk may be ready when the first is marked
		{"killed", p.killEmbed(embed), nil, `v\.npy\.partial: the first 1024 of 2100 texts are embedded already`},
		{"killed, and goes on otherwise", p.killEmbed(embed), []string{"--max-length", "60"}, ""},
		{"killed, and goes on with another list of tokens", p.killEmbed(embed), []string{"--additional-special-tokens", "[UNK]"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mustBe(t, os.RemoveAll(p.path("v.npy")))
			tc.stop(t)
			if _, err := os.Stat(p.path("v.npy")); err == nil {
				t.Fatal("there is an output already")
			}
			h := newTestHost()
			if code := embed(t.Context(), h, tc.more...); code != exitDone || strings.Contains(h.err.String(), "are embedded already") != (tc.ready != "") || !regexp.MustCompile(tc.ready).MatchString(h.err.String()) {
				t.Errorf("exit code %d, want %q in\n%s", code, tc.ready, h.err.String())
			}
			got, err := os.ReadFile(p.path("v.npy"))
			mustBe(t, err)
			if !bytes.Equal(got, want) {
				t.Error("the vectors differ")
			}
			if left, err := filepath.Glob(p.path("v.npy.*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// killEmbed stops a command behind its first mark, with all that was not synced lost.
func (p project) killEmbed(embed func(context.Context, *testHost, ...string) int) func(t *testing.T) {
	return func(t *testing.T) {
		run := func(fault faultfs.Fault) *faultfs.FS {
			h := newTestHost()
			files := faultfs.New(string(p), fault)
			h.files, h.markEvery = files, 1
			if code := embed(t.Context(), h); (code == exitDone) != (fault.At == 0) {
				t.Fatalf("exit code %d: %s", code, h.err.String())
			}
			return files
		}
		ops := run(faultfs.Fault{}).Ops()
		mustBe(t, os.Remove(p.path("v.npy")))
		marked := slices.IndexFunc(ops, func(op faultfs.Op) bool { return op.Kind == faultfs.Rename && op.Path == "v.npy.partial.json" })
		mustBe(t, run(faultfs.Fault{At: marked + 3, Crash: true}).Settle(faultfs.TearUnsynced)) // behind the directory's sync
	}
}

// stopsAtMark interrupts a command when it first marks what is ready.
type stopsAtMark struct {
	rundir.FS
	interrupt func()
}

// SyncDir implements rundir.FS.
func (s stopsAtMark) SyncDir(path string) error {
	s.interrupt()
	return s.FS.SyncDir(path)
}
