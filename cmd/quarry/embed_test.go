package main

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
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
		{"more ids than positions", `{"ids":[` + strings.Repeat("1,", 64) + `1]}`, "65 tokens, and the model has 64 positions", nil},
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

func TestEmbedWarnsOfEmptyTexts(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	h := newTestHost()
	o := EmbedOptions{Input: p.write(t, "input.jsonl", "{\"text\":\"\"}\n{\"text\":\"a\"}\n"), Output: p.path("v.npy"), Model: ModelOptions{Model: p.path("model")}}
	mustBe(t, runEmbed(t.Context(), o, h.host))
	if !strings.Contains(h.err.String(), "warning: "+o.Input+": 1 empty texts") {
		t.Errorf("no warning in %q", h.err.String())
	}
}
