package modelcard

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/quarry-ml/quarry/internal/golden"
)

func write(t *testing.T, c Card) string {
	t.Helper()
	var out, again bytes.Buffer
	if err := c.Write(&out); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(&again); err != nil || again.String() != out.String() {
		t.Errorf("written twice, two results: %v", err)
	}
	return out.String()
}

func whole() Card {
	low, high := 0.31, 0.4
	return Card{
		Title: "eedi, round 1", Base: Model{Name: "org/minilm", Hub: true, Revision: "c0ffee", Digest: "ba5e"}, Miner: Model{Name: "round-0/merged", Digest: "f00d"},
		Dimension: 384, MaxTokens: 256, Score: "cosine", Query: Prompt{Template: "query: ", Stored: true}, Passage: Prompt{},
		Convention: "sentence-transformers", Choice: "It is epoch 2 of 3, chosen by rule: map@25 0.3500 is the best.",
		Results: []Result{
			{"dev", 408, []Value{{"map@25", 0.17, 0.35, &low, &high, 0.95}, {"recall@25", 0.27, 0.45, nil, nil, 0}}},
			{"test", 300, []Value{{"map@25", 0.18, 0.36, nil, nil, 0}}},
			{"general", 50, []Value{{"map@25", 0.5, 0.41, nil, nil, 0}}},
		},
		Settings: []byte("seed: 42\nfinetune:\n  epochs: 3\n"),
		Data:     []Data{{"corpus", "data/corpus.jsonl", 2587, "c0"}, {"train", "data/train.jsonl", 3506, "74"}},
		Identity: "avx512/f32/amd64/GenuineIntel",
	}
}

func TestWrite(t *testing.T) {
	for _, tc := range []struct {
		name string
		card Card
	}{
		{"whole", whole()},
		{"least", Card{Title: "a merge", Base: Model{Name: "models/base", Digest: "ba5e"}, Adapter: Model{Name: "tuned/epoch-2", Digest: "ada9"}}},
		{"template", Card{Title: "icl", Base: Model{Name: "b"}, Dimension: 8, MaxTokens: 16, Score: "cosine", Query: Prompt{Template: "<instruct>x\n<query>{}", Suffix: "\n<response>"}}},
		{"hostile", Card{
			Title: "# <script>alert(1)</script>\n---\n| `x`", Base: Model{Name: "a`b|c\nd"}, Convention: "<b>", Results: []Result{{"a|b\n---\nc: d", 1, []Value{{Measure: "m: [x"}}}},
			Choice: "it | is\n## better", Data: []Data{{Role: "|", Name: "a\nb|<i>"}}, Settings: []byte("because: |\n  ```\n  </pre>\n"),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := write(t, tc.card)
			golden.Check(t, filepath.Join("testdata", tc.name+".md"), []byte(got))
			checkForm(t, tc.card, got)
		})
	}
}

// checkForm holds what is true of every card: YAML between rules with the results in it, tables with rows of one width,
// and no HTML.
func checkForm(t *testing.T, c Card, got string) {
	t.Helper()
	head, body, found := strings.Cut(strings.TrimPrefix(got, "---\n"), "\n---\n")
	if !found || !strings.HasPrefix(got, "---\n") {
		t.Fatal("no front matter")
	}
	var f front
	if err := yaml.Unmarshal([]byte(head), &f); err != nil {
		t.Fatal(err)
	}
	if len(c.Results) > 0 {
		index := f.Index[0]
		if index.Name != oneLine(c.Title) || len(index.Results) != len(c.Results) {
			t.Errorf("model-index %+v", index)
		}
		for i, r := range c.Results {
			if index.Results[i].Dataset.Name != oneLine(r.Set) || len(index.Results[i].Metrics) != len(r.Values) || index.Results[i].Metrics[0].Value != r.Values[0].Model {
				t.Errorf("model-index of %s: %+v", r.Set, index.Results[i])
			}
		}
	}
	fenced := false
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		if strings.Contains(strings.ReplaceAll(line, `\<`, ""), "<") && !strings.Contains(line, "`") {
			t.Errorf("line %d has HTML: %s", i, line)
		}
		bars := func(s string) int { return strings.Count(strings.ReplaceAll(s, `\|`, ""), "|") }
		if i > 0 && strings.HasPrefix(line, "|") && strings.HasPrefix(lines[i-1], "|") && bars(line) != bars(lines[i-1]) {
			t.Errorf("line %d: the table's rows differ in width: %s", i, line)
		}
	}
}

// A base that is a path of some machine is no name for the hub to link.
func TestOnlyHubNamesAreLinked(t *testing.T) {
	c := whole()
	c.Base.Hub = false
	if got := write(t, c); strings.Contains(got, "base_model") || strings.Contains(got, "huggingface.co") {
		t.Errorf("linked:\n%s", got)
	}
}
