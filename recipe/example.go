package recipe

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"

	"github.com/quarry-ml/quarry/eval"
)

//go:embed example.yaml.tmpl
var exampleText string

// ExampleOptions names the files of a new recipe, as they are to be written in it: absolute, or relative to its folder.
type ExampleOptions struct {
	Name  string // of the recipe; empty leaves it to the file's name
	Model string
	// Pooling is named where the model directory says none; empty leaves it to the directory.
	Pooling string
	// Corpus, Train and Dev are needed; Test may be empty.
	Corpus, Train, Dev, Test string
	IDField, GroupField      string // empty for the usual ones
	Passages                 int    // of the corpus, so that the window fits; 0 takes it for large
}

// smallStart is the corpus from which a window leaves out the best ranks; in a smaller one it takes what there is.
const smallStart = 20

// fit is the mining that suits the size of the corpus: a window has to end within it and to hold the negatives.
func (o ExampleOptions) fit(m Mine) (fitted Mine, small bool) {
	if o.Passages == 0 || o.Passages >= m.Window.End {
		return m, false
	}
	m.Window.End = o.Passages
	if o.Passages < smallStart {
		m.Window.Start = 0
	}
	m.Negatives = min(m.Negatives, max(1, m.Window.End-m.Window.Start-1)) // a positive takes a rank
	return m, true
}

// Example writes a commented recipe for a user's own files: what must be given, the settings that people change most,
// each with its default, and two rounds.
func Example(w io.Writer, o ExampleOptions) error {
	if o.Model == "" || o.Corpus == "" || o.Train == "" || o.Dev == "" {
		return errors.New("example recipe: model, corpus, train and dev are all needed")
	}
	t, err := template.New("example").Funcs(template.FuncMap{"yaml": yamlText, "list": measures}).Parse(exampleText)
	if err != nil {
		return fmt.Errorf("example recipe: %w", err)
	}
	d := defaults()
	d.resolve()
	var small bool
	d.Mine, small = o.fit(d.Mine)
	if err := t.Execute(w, struct {
		ExampleOptions
		Default *Recipe
		Small   bool
	}{o, d, small}); err != nil {
		return fmt.Errorf("example recipe: %w", err)
	}
	return nil
}

// yamlText writes a string so that YAML reads the same one.
func yamlText(text string) (string, error) {
	out, err := yaml.Marshal(textNode(text))
	return strings.TrimSuffix(string(out), "\n"), err
}

// measures writes metrics as a YAML list on one line.
func measures(metrics []eval.Measure) string {
	var words []string
	for _, m := range metrics {
		words = append(words, m.String())
	}
	return "[" + strings.Join(words, ", ") + "]"
}
