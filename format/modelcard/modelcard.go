// Package modelcard writes the card of a model that training has made: README.md in its directory, with YAML front matter
// that the Hugging Face hub reads. What is in it, and where it comes from: docs/formats/model-card.md.
package modelcard

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Name is the card's file in a model directory.
const Name = "README.md"

// Card is what is said of a model. Parts that are empty are left out. Equal cards give equal bytes.
type Card struct {
	Title   string // one line
	Base    Model  // what was trained
	Adapter Model  // what was merged into the base; empty of a run's model, whose checkpoint is the run's own
	Miner   Model  // what chose the negatives; empty where it is the base, or where nothing was mined

	Dimension int
	MaxTokens int    // of a text
	Score     string // how vectors are compared, in words
	Query     Prompt
	Passage   Prompt

	Convention string   // whose definitions the measures follow
	Results    []Result // dev, then test and other sets
	Choice     string   // which epoch the model is, and why, in a sentence; empty of a model without epochs

	Settings []byte // YAML
	Data     []Data
	Identity string // numeric identity of the computation
}

// Model is one that the card's model was made of.
type Model struct {
	Name     string // as the user wrote it
	Hub      bool   // Name is one of the Hugging Face hub
	Revision string // of the hub's repository; may be empty
	Digest   string
}

// Prompt is what stands around texts of one kind.
type Prompt struct {
	Template string // with real newlines; empty for nothing
	Suffix   string
	Stored   bool // sentence-transformers finds it in the directory and puts it there itself
}

// Result is what was measured on one set of queries.
type Result struct {
	Set     string // its name in the run: dev, test or another
	Queries int
	Values  []Value
}

// Value is one measure of the base and of the card's model.
type Value struct {
	Measure   string // such as map@25
	Base      float64
	Model     float64
	Low, High *float64 // interval of Model; nil where there is none
	Level     float64  // of the interval
}

// Data is one file of texts.
type Data struct {
	Role   string
	Name   string // as the user wrote it
	Count  int    // passages or queries
	Digest string
}

// Write writes the card.
func (c Card) Write(w io.Writer) error {
	var out bytes.Buffer
	if err := c.frontMatter(&out); err != nil {
		return err
	}
	fmt.Fprintf(&out, "\n# %s\n\n%s\n", text(c.Title), c.about())
	c.use(&out)
	c.intended(&out)
	c.results(&out)
	c.training(&out)
	_, err := out.WriteTo(w)
	return err
}

func (c Card) about() string {
	s := fmt.Sprintf("A text embedder for retrieval, trained from %s with [Quarry](https://github.com/quarry-ml/quarry).", c.Base.link())
	if c.Dimension > 0 {
		s += fmt.Sprintf(" It makes %d numbers of a text.", c.Dimension)
	}
	if c.MaxTokens > 0 {
		s += fmt.Sprintf(" It reads %d tokens of a text, and its vectors are compared by %s.", c.MaxTokens, c.Score)
	}
	return s
}

func (m Model) link() string {
	if m.Hub {
		return fmt.Sprintf("[%s](https://huggingface.co/%s)", m.Name, m.Name)
	}
	return code(m.Name)
}

// use shows how to load the model.
func (c Card) use(w io.Writer) {
	fmt.Fprint(w, `
## How to load it

`+"```python"+`
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/or/name/of/this/model")
queries = model.encode_query(["a query"])
passages = model.encode_document(["a passage", "another passage"])
print(model.similarity(queries, passages))
`+"```"+`

`)
	for _, side := range []struct {
		name   string
		prompt Prompt
	}{{"queries", c.Query}, {"passages", c.Passage}} {
		switch p := side.prompt; {
		case p.Template == "" && p.Suffix == "":
			fmt.Fprintf(w, "- No prompt stands before %s.\n", side.name)
		case p.Stored:
			fmt.Fprintf(w, "- Before %s stands %s; the calls above put it there.\n", side.name, code(strconv.Quote(p.Template)))
		default:
			fmt.Fprintf(w, "- Around %s stands the template %s, with %s behind. It is no plain prefix, so sentence-transformers does not put it there: do so in your own code, or embed with Quarry.\n",
				side.name, code(strconv.Quote(p.Template)), code(strconv.Quote(p.Suffix)))
		}
	}
}

func (c Card) intended(w io.Writer) {
	data := ""
	if len(c.Data) > 0 {
		data = " (see Data below)"
	}
	fmt.Fprintf(w, `
## Intended use

Ranking passages like those of its corpus for queries like those that it was trained on%s. On other subjects, in other languages
and for other tasks, such as clustering, it may do worse than its base. What a model of this kind finds similar follows its
training data, their gaps and their biases.
`, data)
	if len(c.Results) > 0 {
		fmt.Fprint(w, "The epoch was chosen by the dev queries, so figures on dev flatter it; figures on test, where there are some, do not.\n")
	} else {
		fmt.Fprint(w, "How well it ranks was not measured when it was made.\n")
	}
}

// results is a row a set and measure.
func (c Card) results(w io.Writer) {
	if len(c.Results) == 0 {
		return
	}
	fmt.Fprintf(w, "\n## Results\n\nMeasures as %s defines them, over the whole corpus of each set.", text(c.Convention))
	if c.Choice != "" {
		fmt.Fprintf(w, " %s", text(c.Choice))
	}
	fmt.Fprint(w, "\n\n| set | queries | measure | base | this model | interval |\n|---|--:|---|--:|--:|---|\n")
	for _, r := range c.Results {
		for _, v := range r.Values {
			interval := ""
			if v.Low != nil && v.High != nil {
				interval = fmt.Sprintf("%.4f to %.4f (%g %%)", *v.Low, *v.High, 100*v.Level)
			}
			fmt.Fprintf(w, "| %s | %d | %s | %.4f | %.4f | %s |\n", cell(r.Set), r.Queries, cell(v.Measure), v.Base, v.Model, interval)
		}
	}
	for _, r := range c.Results {
		if r.Set != "dev" && r.Set != "test" {
			fmt.Fprint(w, "\nSets other than dev and test show what training cost elsewhere; nothing was chosen by them.\n")
			break
		}
	}
	if c.hasIntervals() {
		fmt.Fprint(w, "\nIntervals are the bootstrap's over queries, or groups of them; the variance between training seeds is not in them.\n")
	}
}

func (c Card) hasIntervals() bool {
	for _, r := range c.Results {
		for _, v := range r.Values {
			if v.Low != nil {
				return true
			}
		}
	}
	return false
}

// training is where the model comes from.
func (c Card) training(w io.Writer) {
	if len(c.Data) > 0 {
		fmt.Fprint(w, "\n## Data\n\n| role | file | rows | SHA-256 |\n|---|---|--:|---|\n")
		for _, d := range c.Data {
			fmt.Fprintf(w, "| %s | %s | %d | %s |\n", cell(d.Role), cell(d.Name), d.Count, code(d.Digest))
		}
	}
	fmt.Fprint(w, "\n## Training\n\n")
	c.Base.origin(w, "base")
	if c.Adapter.Name != "" {
		c.Adapter.origin(w, "adapter")
	}
	if c.Miner.Name != "" {
		c.Miner.origin(w, "negatives mined with")
	}
	if c.Identity != "" {
		fmt.Fprintf(w, "- computed as %s\n", code(c.Identity))
	}
	if len(c.Settings) > 0 {
		fence := "```"
		for bytes.Contains(c.Settings, []byte(fence)) {
			fence += "`"
		}
		fmt.Fprintf(w, "\nSettings, with everything filled in:\n\n%syaml\n%s%s\n", fence, c.Settings, fence)
	}
}

func (m Model) origin(w io.Writer, role string) {
	fmt.Fprintf(w, "- %s: %s", role, m.link())
	if m.Revision != "" {
		fmt.Fprintf(w, ", revision %s", code(m.Revision))
	}
	fmt.Fprintf(w, ", digest %s\n", code(m.Digest))
}

// text is words of the user's within a paragraph: on one line, and nothing of them taken for Markdown or HTML.
func text(s string) string {
	var b strings.Builder
	for _, r := range oneLine(s) {
		if strings.ContainsRune("\\`*_[]<>|#&", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// cell is a name in a table.
func cell(s string) string { return text(s) }

// code is a name as it is, between as many backticks as it takes.
func code(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || s == "" {
		s = " " + s + " "
	}
	return fence + s + fence
}
