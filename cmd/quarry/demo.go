package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/demo"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// DemoOptions are the flags of quarry demo.
type DemoOptions struct {
	Dir string
	CPU string

	// No flags: a demo is the same everywhere.
	Data    demo.Options
	Encoder demo.Encoder
}

func newDemoCommand(h *host) *cobra.Command {
	o := DemoOptions{Data: demo.DefaultOptions(), Encoder: demo.DefaultEncoder()}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See the whole loop on data that a person understands, with nothing to download",
		Long: `Make questions whose wrong answers come from named misconceptions, build a tiny encoder with random weights, and run
the loop: a round that learns from its own batches, then two rounds on mined hard negatives. The folder keeps data, model
and recipe, so that ` + "`quarry run`" + ` repeats it byte for byte; a second demo resumes or says what is there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), h, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Dir, "dir", "", "`directory` of the demo (quarry/demo in the user's cache)")
	f.StringVar(&o.CPU, "cpu", "", "processor path: "+cpuPaths+" (QUARRY_CPU, else the best there is)")
	return cmd
}

// runDemo writes the demo's data, model and recipe where they are missing, and runs the recipe.
func runDemo(ctx context.Context, h *host, o DemoOptions) error {
	if o.Dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return badInputf("no cache folder for the demo: %w; use --dir", err)
		}
		o.Dir = filepath.Join(cache, "quarry", "demo")
	}
	data, err := demo.Generate(o.Data)
	if err != nil {
		return err
	}
	if err := writeDemo(o.Dir, data, o.Encoder); err != nil {
		return err
	}
	r, err := recipe.Load(filepath.Join(o.Dir, demoRecipe))
	if err != nil {
		return badInput(err)
	}
	if err := introduce(h, o.Dir, data); err != nil {
		return err
	}
	shown := showcase{show: func(round int, samples []pipeline.Sample) {
		_ = h.printf("\nmined for round %d, three questions of many:\n\n%s", round, samplesText(samples)) // shown, not kept
	}}
	for _, q := range data.Showcase() {
		shown.queries = append(shown.queries, q.ID)
	}
	if err := drive(ctx, h, r, RunOptions{CPU: o.CPU}, shown); err != nil {
		return err
	}
	return h.printf("\nThe demo is in %s. Next:\n  quarry report %s\n  quarry run %s    # does nothing more: all is stamped\n  quarry plan %s\n", o.Dir, r.Dir(), r.File(), r.File())
}

const demoRecipe = "recipe.yaml"

// writeDemo writes what is missing of the demo. What is there already is left alone: the run directory holds the files
// to their digests.
func writeDemo(dir string, data *demo.Dataset, encoder demo.Encoder) error {
	fsys := rundir.OS{}
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"corpus.jsonl", func(w io.Writer) error { return demo.WriteCorpus(w, data.Passages) }},
		{"train.jsonl", func(w io.Writer) error { return demo.WriteQueries(w, data.Train) }},
		{"dev.jsonl", func(w io.Writer) error { return demo.WriteQueries(w, data.Dev) }},
		{demoRecipe, func(w io.Writer) error { _, err := io.WriteString(w, demo.Recipe()); return err }},
	} {
		if err := ifMissing(filepath.Join(dir, file.name), func(path string) error { return rundir.WriteFile(fsys, path, file.write) }); err != nil {
			return err
		}
	}
	return ifMissing(filepath.Join(dir, "base"), func(path string) error {
		return rundir.WriteDir(fsys, path, func(dir string) error {
			return data.WriteModel(func(name string, write func(io.Writer) error) error {
				return rundir.WriteFile(fsys, filepath.Join(dir, filepath.FromSlash(name)), write)
			}, encoder)
		})
	})
}

func ifMissing(path string, write func(path string) error) error {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return write(path)
	}
	return err
}

func introduce(h *host, dir string, data *demo.Dataset) error {
	q := data.Showcase()[0]
	m, _ := data.Find(q.CorrectID)
	var question strings.Builder
	for line := range strings.Lines(q.Text) {
		question.WriteString("  " + strings.TrimSuffix(line, "\n") + "\n")
	}
	return h.printf(`Quarry's demo: which misconception led to a wrong answer?

%s  → %s

%d misconceptions to search, %d wrong answers to learn from, %d held out to score.
A tiny encoder starts with random weights. Round 0 learns from its own batches; rounds 1 and 2 mine
what the last model confuses and learn to tell it apart.
`, question.String(), m.Text, len(data.Passages), len(data.Train), len(data.Dev))
}

// samplesText prints each query, then its positive and its negatives by rank.
func samplesText(samples []pipeline.Sample) string {
	type row struct {
		pipeline.SamplePassage
		role string
	}
	var b strings.Builder
	for _, s := range samples {
		for line := range strings.Lines(s.Query) {
			fmt.Fprintf(&b, "  %s\n", strings.TrimSuffix(line, "\n"))
		}
		rows := []row{{s.Positive, "right"}}
		for _, n := range s.Negatives {
			rows = append(rows, row{n, "mined"})
		}
		slices.SortStableFunc(rows, func(a, b row) int { return a.Rank - b.Rank })
		for _, r := range rows {
			fmt.Fprintf(&b, "    %s  rank %3d  score %6.3f  %s\n", r.role, r.Rank, r.Score, r.Text)
		}
		b.WriteString("\n")
	}
	return b.String()
}
