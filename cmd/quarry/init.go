package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
)

// InitOptions are the flags of quarry init.
type InitOptions struct {
	Data             DataOptions // its queries are not used
	Train, Dev, Test string
	Model            string
	Name, Output     string
	DevShare         float64
	Seed             uint64
	Force            bool

	set   set
	named bool // --model is a Hugging Face name
}

func newInitCommand(h *host) *cobra.Command {
	var o InitOptions
	cmd := &cobra.Command{
		Use:   "init --corpus FILE --train FILE --model DIR",
		Short: "Write a commented recipe for your own files",
		Long: `Write a commented recipe for your own files, and check it against them: the corpus, the queries and their positives, the
model, and that no held-out query is known from training.

Without --dev, a share of the training queries is split off, beside the recipe: rows of one text, and with --group-field
rows of one group, stay together. The training file itself is left as it is.`,
		Example: `  quarry init --corpus corpus.jsonl --train train.jsonl --dev dev.jsonl --model models/minilm
  quarry init --corpus corpus.jsonl --train all.jsonl --group-field question_id --model models/minilm --output my/recipe.yaml`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.set = setFlags(cmd.Flags())
			return runInit(cmd.Context(), o, h)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Data.Corpus, "corpus", "", "passages: JSONL `file` with text, and optionally id (or _id) and title")
	f.StringVar(&o.Train, "train", "", "training queries: JSONL `file` with query (or text) and positives (pos, correct_id, positive_ids)")
	f.StringVar(&o.Dev, "dev", "", "`file` of held-out queries that epochs are chosen by (split off --train)")
	f.StringVar(&o.Test, "test", "", "`file` of held-out queries that nothing is chosen by; may be left out")
	o.Data.addFields(f)
	f.StringVar(&o.Model, "model", "", "model `directory` to start from, or a Hugging Face name")
	f.StringVar(&o.Name, "name", "", "name of the recipe (the file's)")
	f.StringVar(&o.Output, "output", "recipe.yaml", "recipe `file` to write")
	f.Float64Var(&o.DevShare, "dev-share", 0.2, "share of --train that is split off, without --dev")
	seedFlag(f, &o.Seed, 42, "seed of that split")
	f.BoolVar(&o.Force, "force", false, "replace files that are there")
	return cmd
}

// runInit reads everything that the recipe will name, writes it, and says what it found.
func runInit(ctx context.Context, o InitOptions, h *host) error {
	if err := o.validate(h); err != nil {
		return err
	}
	m, err := o.open(ctx, h)
	if err != nil {
		return err
	}
	facts := fmt.Sprintf("model: %d dimensions, %d tokens a text, pooling %s, normalised %t\n", m.Dimension(), m.Contract.MaxLength, m.Contract.Pooling, m.Contract.Normalize)
	pooling := ""
	if len(m.Assumed) > 0 {
		pooling = string(m.Contract.Pooling)
	}
	for _, a := range m.Assumed {
		h.note("warning: model: assumed %s", a)
	}
	if err := m.Close(); err != nil {
		return err
	}
	d, err := o.readData(h)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	d.pooling = pooling
	if err := o.write(h, d); err != nil {
		return err
	}
	if _, err := recipe.Load(o.Output); err != nil {
		return fmt.Errorf("the new recipe does not load: %w", err)
	}
	return h.printf("%s%swrote %s; next: quarry plan %s\n", facts, d, strings.Join(d.written, ", "), o.Output)
}

// open opens the model. Of one in the Hugging Face cache the recipe gets the name, of another the path.
func (o *InitOptions) open(ctx context.Context, h *host) (*model.Model, error) {
	model := ModelOptions{Model: o.Model, assume: true}
	m, err := model.open(ctx, h)
	o.named = model.found.revision != ""
	return m, err
}

func (o InitOptions) validate(h *host) error {
	if err := need("corpus", o.Data.Corpus, "train", o.Train, "model", o.Model, "output", o.Output); err != nil {
		return err
	}
	if o.Dev == "" && !(o.DevShare > 0 && o.DevShare < 1) {
		return badInputf("--dev-share %g: a share between 0 and 1", o.DevShare)
	}
	if o.Dev != "" && (o.set["dev-share"] || o.set["seed"]) {
		return badInputf("--dev-share and --seed have no part beside --dev: queries are held out in that file, and none are split off")
	}
	for _, path := range o.outputs() {
		info, err := os.Stat(path)
		if path == standard || err == nil && !info.Mode().IsRegular() {
			return badInputf("--output %s: name a file: the paths in a recipe begin at its folder", path)
		}
		if err == nil && !o.Force {
			return badInputf("%s is there already: choose another --output, or replace it with --force", path)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return badInput(err)
		}
		if err := mayNotPack("output", path, "a recipe is read as it is"); err != nil {
			return err
		}
		if err := mayWrite("output", path, "corpus", o.Data.Corpus, "train", o.Train, "dev", o.Dev, "test", o.Test, "model", h.folder(o.Model)); err != nil {
			return err
		}
	}
	return nil
}

// outputs are the files that will be written.
func (o InitOptions) outputs() []string {
	if o.Dev != "" {
		return []string{o.Output}
	}
	return []string{o.Output, o.splitFile("train"), o.splitFile("dev")}
}

// splitFile is a part of a split, beside the recipe: recipe.yaml gives recipe-dev.jsonl.
func (o InitOptions) splitFile(part string) string {
	return strings.TrimSuffix(o.Output, filepath.Ext(o.Output)) + "-" + part + ".jsonl"
}

// initData is the data of a new recipe.
type initData struct {
	corpus           *corpus.Corpus
	train, dev, test []corpus.Query
	pooling          string // that the model's directory leaves open and the recipe therefore names
	written          []string
}

func (o InitOptions) readData(h *host) (*initData, error) {
	d := &initData{}
	var err error
	if d.corpus, err = o.Data.readCorpus(h); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		flag, path string
		into       *[]corpus.Query
	}{{"train", o.Train, &d.train}, {"dev", o.Dev, &d.dev}, {"test", o.Test, &d.test}} {
		if part.path == "" {
			continue
		}
		if *part.into, err = o.Data.readQueries(h, part.flag, part.path, d.corpus, false); err != nil {
			return nil, err
		}
	}
	if o.Dev == "" {
		if d.train, d.dev, err = splitOff(d.train, o.DevShare, o.Seed); err != nil {
			return nil, badInputf("%s: %w", o.Train, err)
		}
	}
	return d, errors.Join(checkLeaks(d.train, d.dev, o.Train, o.Dev), checkLeaks(d.train, d.test, o.Train, o.Test), checkLeaks(d.dev, d.test, cmp.Or(o.Dev, o.Train), o.Test))
}

func checkLeaks(train, held []corpus.Query, trainFile, heldFile string) error {
	leaks := corpus.Leaks(train, held)
	if len(leaks) == 0 {
		return nil
	}
	rows, text := corpus.DescribeLeaks(leaks, trainFile, heldFile)
	return badInputf("%s: %d queries are known from %s: scores on them would flatter; remove them from one of the files%s", heldFile, rows, trainFile, text)
}

// write writes the split, if there is one, and the recipe, once that is known to be one.
func (o InitOptions) write(h *host, d *initData) error {
	train, dev := o.Train, o.Dev
	if o.Dev == "" {
		train, dev = o.splitFile("train"), o.splitFile("dev")
		d.written = append(d.written, train, dev)
	}
	d.written = append(d.written, o.Output)
	text, err := o.recipe(train, dev, d)
	if err != nil {
		return err
	}
	if _, err := recipe.Parse(text, o.Output); err != nil {
		return badInputf("the recipe would not load: %w", err)
	}
	if o.Dev == "" {
		if err := errors.Join(copyRows(h, "train", o.Train, train, d.train), copyRows(h, "train", o.Train, dev, d.dev)); err != nil {
			return err
		}
	}
	return writeOutput(h, o.Output, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// recipe is an example for the files and what is known of them.
func (o InitOptions) recipe(train, dev string, d *initData) ([]byte, error) {
	example := recipe.ExampleOptions{Name: o.Name, Pooling: d.pooling, IDField: o.Data.IDField, GroupField: o.Data.GroupField, Passages: d.corpus.Len()}
	for _, p := range []struct {
		path string
		into *string
	}{{o.Model, &example.Model}, {o.Data.Corpus, &example.Corpus}, {train, &example.Train}, {dev, &example.Dev}, {o.Test, &example.Test}} {
		if p.path == "" {
			continue
		}
		if o.named && p.into == &example.Model {
			*p.into = p.path
			continue
		}
		var err error
		if *p.into, err = beside(o.Output, p.path); err != nil {
			return nil, err
		}
	}
	var text bytes.Buffer
	err := recipe.Example(&text, example)
	return text.Bytes(), err
}

// beside is a path as the file at another path names it: relative to its folder, unless it was given from the root and
// lies elsewhere.
func beside(file, path string) (string, error) {
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return "", err
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	relative, err := filepath.Rel(folder, absolute)
	if err != nil || filepath.IsAbs(path) && !filepath.IsLocal(relative) {
		return absolute, nil
	}
	return filepath.ToSlash(relative), nil
}

// String is what was found, a line a part.
func (d *initData) String() string {
	seen := positivesOf(d.train)
	text := fmt.Sprintf("corpus: %d passages\ntrain: %d queries\n", d.corpus.Len(), len(d.train))
	for _, part := range []struct {
		name    string
		queries []corpus.Query
	}{{"dev", d.dev}, {"test", d.test}} {
		if part.queries == nil {
			continue
		}
		unseen := 0
		for _, q := range part.queries {
			known := false
			for _, p := range q.Positives {
				known = known || seen[p]
			}
			if !known {
				unseen++
			}
		}
		text += fmt.Sprintf("%s: %d queries, %d (%.0f %%) with a positive that no training query has\n", part.name, len(part.queries), unseen, 100*float64(unseen)/float64(len(part.queries)))
	}
	return text
}
