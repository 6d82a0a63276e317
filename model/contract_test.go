package model

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/prompt"
)

func TestDifferences(t *testing.T) {
	base := Contract{Query: Prompt{Name: "query", Template: "q: "}, BOS: "[CLS]", EOS: "[SEP]", Pooling: PoolMean, IncludePrompt: true, Normalize: true, Score: Cosine, MaxLength: 64}
	for _, tc := range []struct {
		name   string
		change func(*Contract)
		want   []string
	}{
		{"nothing", func(*Contract) {}, nil},
		{"names and lengths do not count", func(c *Contract) { c.Query.Name, c.MaxLength = "other", 32 }, nil},
		{"newline", func(c *Contract) { c.Query.Template = "q:\n" }, []string{`query prompt: "q: ", not "q:\n"`}},
		{"backslash and n are no newline", func(c *Contract) { c.Query.Template = `q:\n` }, []string{`query prompt: "q: ", not "q:\\n"`}},
		{"passage", func(c *Contract) { c.Passage.Template = "p" }, []string{`passage prompt: "", not "p"`}},
		{"default", func(c *Contract) { c.Default.Template = "d" }, []string{`default prompt: "", not "d"`}},
		{"suffix", func(c *Contract) { c.Passage.Suffix = "!" }, []string{`passage suffix: "", not "!"`}},
		{"special tokens", func(c *Contract) { c.BOS, c.EOS = "", "</s>" }, []string{`BOS: "[CLS]", not ""`, `EOS: "[SEP]", not "</s>"`}},
		{"pooling", func(c *Contract) { c.Pooling, c.IncludePrompt = PoolCLS, false }, []string{"pooling: mean, not cls", "include_prompt: true, not false"}},
		{"vectors", func(c *Contract) { c.Normalize, c.Score = false, Dot }, []string{"normalize: true, not false", "score: cosine, not dot"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			other := base
			tc.change(&other)
			if diff := cmp.Diff(tc.want, base.Differences(other)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValidateContract(t *testing.T) {
	good := Contract{Pooling: PoolMean, Score: Cosine, MaxLength: 1}
	for _, tc := range []struct {
		name   string
		change func(*Contract)
		want   string
	}{
		{"pooling", func(c *Contract) { c.Pooling = "median" }, `pooling "median" is not supported; supported are cls`},
		{"score", func(c *Contract) { c.Score = "l2" }, `score function "l2" is not supported; supported are cosine, dot`},
		{"length", func(c *Contract) { c.MaxLength = 0 }, "max_length 0 is not positive"},
		{"template", func(c *Contract) { c.Passage.Template = "{}{}" }, "passage prompt"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := good
			tc.change(&c)
			if err := c.Validate(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestPromptsThroughSentenceTransformers: whatever prompts a contract has and whatever the file said before, the file
// written says the same as the contract to who reads it with quarry.json, and nothing false to who reads it alone.
func TestPromptsThroughSentenceTransformers(t *testing.T) {
	befores := []string{``, `{}`, `{"__version__": {"sentence_transformers": "2.0.0"}}`,
		`{"prompts": {"query": "old q", "passage": "old p", "s2s": "kept"}, "default_prompt_name": "s2s", "similarity_fn_name": "dot"}`,
		`{"prompts": {"query": "", "document": "", "corpus": "c"}, "default_prompt_name": "query"}`}
	prompts := []Prompt{{}, {Template: "p: "}, {Template: "p: {}"}, {Name: "passage", Template: "line\n"}, {Template: "<{}>"}, {Template: "p: ", Suffix: "!"}}
	for i, before := range befores {
		for q, query := range prompts {
			for p, passage := range prompts {
				for d, fallback := range prompts {
					for _, current := range []bool{false, true} {
						t.Run(fmt.Sprint(i, q, p, d, current), func(t *testing.T) {
							c := Contract{Query: query, Passage: passage, Default: fallback, Score: Cosine, Pooling: PoolMean, MaxLength: 1}
							checkPrompts(t, before, c, current)
						})
					}
				}
			}
		}
	}
}

func checkPrompts(t *testing.T, before string, c Contract, current bool) {
	t.Helper()
	var raw []byte
	if before != "" {
		raw = []byte(before)
	}
	source, err := parsePrompts(raw, "before")
	if err != nil {
		t.Fatal(err)
	}
	written := source.encode(c, current)
	read, err := parsePrompts(written, "after")
	if err != nil {
		t.Fatalf("%v\n%s", err, written)
	}
	alone := Contract{Pooling: c.Pooling, MaxLength: c.MaxLength}
	read.fill(&alone)
	if err := c.agree(alone, "quarry.json"); err != nil {
		t.Errorf("%v\n%s", err, written)
	}
	for _, pair := range [][2]Prompt{{c.Query, alone.Query}, {c.Passage, alone.Passage}, {c.Default, alone.Default}} {
		want, expressible := pair[0].Prefix()
		if !expressible {
			want = "" // better no prompt than half of one
		}
		if pair[1].Template != prompt.Template(want) {
			t.Errorf("%+v is read as %+v\n%s", pair[0], pair[1], written)
		}
	}
	if kept, had := source.named["s2s"]; had && read.named["s2s"] != kept {
		t.Errorf("another named prompt was lost:\n%s", written)
	}
}

// TestTruncateDimThroughSentenceTransformers reads what is kept of a vector and writes it, from and into either file.
func TestTruncateDimThroughSentenceTransformers(t *testing.T) {
	for _, before := range []string{``, `{}`, `{"truncate_dim": null}`, `{"truncate_dim": 4, "prompts": {"s2s": "kept"}}`} {
		for _, want := range []int{0, 3, 4} {
			t.Run(fmt.Sprint(before, want), func(t *testing.T) {
				c := Contract{Score: Cosine, Pooling: PoolMean, MaxLength: 1, TruncateDim: want}
				checkPrompts(t, before, c, false)
				stored, err := ParseContract(c.Encode(), ContractName)
				if err != nil || stored.TruncateDim != want {
					t.Errorf("%s holds %d, %v", ContractName, stored.TruncateDim, err)
				}
			})
		}
	}
	c := Contract{TruncateDim: 4}
	if diff := cmp.Diff([]string{"truncate_dim: 4, not 0"}, c.Differences(Contract{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestUnlike compares directories with the contract of a CLS model with a query prompt.
func TestUnlike(t *testing.T) {
	const prompts = `{"prompts": {"query": %q}, "default_prompt_name": null, "similarity_fn_name": "dot"}`
	for _, tc := range []struct {
		name    string
		options tinymodel.Options
		prompt  string // empty leaves the file as it is
		change  func(*Contract)
		want    []string
	}{
		{"says the same", tinymodel.Options{Pooling: "cls"}, "", func(*Contract) {}, nil},
		{"leaves the prompt open", tinymodel.Options{Pooling: "cls"}, "", func(c *Contract) { c.Query.Template = "q: {}" }, nil},
		{"spells the prompt as a prefix", tinymodel.Options{Pooling: "cls"}, "q: ", func(c *Contract) { c.Query.Template, c.Score = "q: {}", Dot }, nil},
		{"leaves everything open", tinymodel.Options{Plain: true}, "", func(c *Contract) { c.Score, c.TruncateDim = Dot, 4 }, nil},
		{"keeps all of a vector", tinymodel.Options{Pooling: "cls"}, "", func(c *Contract) { c.TruncateDim = 4 }, []string{"truncate_dim: 0, not 4"}},
		{"says otherwise", tinymodel.Options{NoNormalize: true}, "ask: ", func(c *Contract) { c.Query.Template = "q: {}" },
			[]string{`query prompt: "ask: ", not "q: "`, "pooling: mean, not cls", "normalize: false, not true", "score: dot, not cosine"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tinymodel.Write(dir, tc.options); err != nil {
				t.Fatal(err)
			}
			if tc.prompt != "" {
				if err := os.WriteFile(filepath.Join(dir, "config_sentence_transformers.json"), fmt.Appendf(nil, prompts, tc.prompt), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			d, err := ReadDirectory(dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			c := Contract{BOS: "[CLS]", EOS: "[SEP]", Pooling: PoolCLS, IncludePrompt: true, Normalize: true, Score: Cosine}
			tc.change(&c)
			got, err := d.Unlike(c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
