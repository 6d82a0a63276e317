package model

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/model/tokenizer"
	"github.com/quarry-ml/quarry/prompt"
)

// iclCases is what FlagEmbedding makes of queries, passages and examples; parity/icl_fixture.py writes it, and
// parity/icl_live.py compares 200 queries of Eedi under the whole Mistral tokenizer.
type iclCases struct {
	Task               string
	Queries, Responses []string
	Tokenizers         []struct {
		Name      string
		Inference []struct {
			Examples  int
			MaxLength int `json:"max_length"`
			Prefix    string
			IDs       [][]int32
		}
		Passages struct {
			MaxLength int `json:"max_length"`
			IDs       [][]int32
		}
		Training struct {
			Lengths struct {
				Query          int `json:"query_max_len"`
				Passage        int `json:"passage_max_len"`
				ExampleQuery   int `json:"example_query_max_len"`
				ExamplePassage int `json:"example_passage_max_len"`
			}
			Shown             [][]int
			Texts             []string
			Queries, Passages [][]int32
		}
	}
}

func readICL(t *testing.T) iclCases {
	t.Helper()
	raw, err := os.ReadFile("testdata/icl/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var c iclCases
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// iclModel is a model without weights that reads texts as bge-en-icl does.
func iclModel(t *testing.T, name string) *Model {
	t.Helper()
	tok, err := tokenizer.Load(filepath.Join("testdata/icl", name))
	if err != nil {
		t.Fatal(err)
	}
	return &Model{Directory: &Directory{
		Config:   &Config{MaxPositions: 4096},
		Contract: Contract{BOS: "<s>", EOS: "</s>", Pooling: PoolLastToken, IncludePrompt: true, Normalize: true, Score: Cosine, MaxLength: 512},
	}, Tokenizer: tok}
}

// iclPrompt is what the reference pipeline's flags say.
func iclPrompt(t *testing.T, task string) Prompt {
	t.Helper()
	format, err := prompt.ParseFormat(`<instruct>{}\n<query>{}`)
	if err != nil {
		t.Fatal(err)
	}
	template, err := format.With(task)
	if err != nil {
		t.Fatal(err)
	}
	return Prompt{Name: "query", Template: template, Suffix: prompt.ParseSuffix(`\n<response>`)}
}

func TestQueriesAndPassagesAsFlagEmbeddingReadsThem(t *testing.T) {
	c := readICL(t)
	for _, of := range c.Tokenizers {
		m := iclModel(t, of.Name)
		for _, i := range of.Inference {
			p := iclPrompt(t, c.Task)
			var examples []prompt.Example
			for e := range i.Examples {
				examples = append(examples, prompt.Example{Query: c.Queries[e], Response: c.Responses[e]})
			}
			p.Examples = prompt.Examples(p.Template, p.Suffix, examples)
			if p.Examples != i.Prefix {
				t.Errorf("%s: examples\n%q, want\n%q", of.Name, p.Examples, i.Prefix)
			}
			for q, text := range c.Queries {
				compareIDs(t, m, of.Name+" query", text, i.IDs[q], func() (Sequence, error) { return m.Sequence(text, p, i.MaxLength) })
			}
		}
		for i, text := range c.Responses {
			compareIDs(t, m, of.Name+" passage", text, of.Passages.IDs[i], func() (Sequence, error) { return m.Sequence(text, Prompt{}, of.Passages.MaxLength) })
		}
	}
}

func TestTrainingQueriesAsFlagEmbeddingReadsThem(t *testing.T) {
	c := readICL(t)
	for _, of := range c.Tokenizers {
		m, p, tr := iclModel(t, of.Name), iclPrompt(t, c.Task), of.Training
		for q, text := range c.Queries {
			var texts []string
			for _, i := range tr.Shown[q] {
				example, err := m.ExampleText(c.Queries[i], c.Responses[i], p, tr.Lengths.ExampleQuery, tr.Lengths.ExamplePassage)
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, example)
			}
			shown := p
			shown.Examples, _ = m.FitExamples(texts, tr.Lengths.Query-512)
			compareIDs(t, m, of.Name+" training query", text, tr.Queries[q], func() (Sequence, error) {
				return m.TrainingSequence(text, shown, tr.Lengths.Query)
			})
			if !strings.HasPrefix(tr.Texts[q], shown.Examples) {
				t.Errorf("%s: query %d: examples\n%q, want the beginning of\n%q", of.Name, q, shown.Examples, tr.Texts[q])
			}
		}
		for i, text := range c.Responses {
			compareIDs(t, m, of.Name+" training passage", text, tr.Passages[i], func() (Sequence, error) { return m.Sequence(text, Prompt{}, tr.Lengths.Passage) })
		}
	}
}

func compareIDs(t *testing.T, m *Model, what, text string, want []int32, read func() (Sequence, error)) {
	t.Helper()
	got, err := read()
	if err != nil {
		t.Errorf("%s %q: %v", what, text, err)
		return
	}
	if diff := cmp.Diff(want, got.IDs); diff != "" {
		a, _ := m.Tokenizer.Decode(want)
		b, _ := m.Tokenizer.Decode(got.IDs)
		t.Errorf("%s %q:\n got %q\nwant %q\n%s", what, text, b, a, diff)
	}
}

// Whatever the text: the special tokens and the suffix stand where they belong, and examples are whole. A text that is cut
// within characters may become so many tokens on its way back that FlagEmbedding's second limit takes the suffix off.
func TestInContextKeepsWhatIsNotText(t *testing.T) {
	c := readICL(t)
	m, p := iclModel(t, "added"), iclPrompt(t, c.Task)
	p.Examples = prompt.Examples(p.Template, p.Suffix, []prompt.Example{{Query: c.Queries[0], Response: c.Responses[0]}})
	for _, text := range append(c.Queries, strings.Repeat(" long", 3000)) {
		s, err := m.Sequence(text, p, 300)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := m.Tokenizer.Decode(s.IDs)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(whole, "<s> "+p.Examples) && !strings.HasPrefix(whole, "<s>"+p.Examples) || !strings.HasSuffix(whole, "</s>") ||
			!strings.HasSuffix(whole, p.Suffix+"</s>") && !strings.Contains(whole, "\ufffd") {
			t.Errorf("%q: read as %q", text, whole)
		}
	}
}

func TestInContextErrors(t *testing.T) {
	m, p := iclModel(t, "plain"), Prompt{Template: "q: {}", Suffix: "\n<response>"}
	for _, tc := range []struct {
		name string
		read func() (Sequence, error)
		want string
	}{
		{"no room", func() (Sequence, error) { return m.Sequence("text", p, 8) }, "max length 8 leaves no room for text beside"},
		{"no room in training", func() (Sequence, error) { return m.TrainingSequence("text", p, 8) }, "leaves no room"},
		{"beyond the positions", func() (Sequence, error) { return m.Sequence("text", p, 5000) }, "the model has 4096 positions"},
		{"examples beyond the positions", func() (Sequence, error) {
			long := p
			long.Examples = strings.Repeat("a b", 4000)
			return m.Sequence("text", long, 64)
		}, "show fewer or shorter ones"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := tc.read(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
