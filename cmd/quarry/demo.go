package main

import (
	"bytes"
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
	Recipe  string
}

func defaultDemo() DemoOptions {
	return DemoOptions{Data: demo.DefaultOptions(), Encoder: demo.DefaultEncoder(), Recipe: demo.Recipe()}
}

func newDemoCommand(h *host) *cobra.Command {
	o := defaultDemo()
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See the whole loop on data that a person understands, with nothing to download",
		Long: `Make questions whose wrong answers come from named misconceptions, build a tiny encoder with random weights, and run
the loop: a round that learns from its own batches, then two rounds on mined hard negatives. The folder keeps data, model
and recipe, so that ` + "`quarry run`" + ` repeats it byte for byte; a second demo resumes or says what is there.`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), h, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Dir, "dir", "", "`directory` of the demo (quarry/demo in the user's cache)")
	f.StringVar(&o.CPU, "cpu", "", "processor path, such as avx512 or portable; quarry doctor lists those there are (QUARRY_CPU, else the best there is)")
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
	if err := o.checkDir(data); err != nil {
		return err
	}
	if err := o.write(data); err != nil {
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
	return h.printf("\nThe demo is in %s; %s has its charts. Next:\n  quarry report %s\n  quarry run %s    # does nothing more: all is stamped\n  quarry plan %s\n", o.Dir, rundir.Layout(r.Dir()).Page(), r.Dir(), r.File(), r.File())
}

const demoRecipe = "recipe.yaml"

// demoFile is a file of the demo's folder.
type demoFile struct {
	name  string
	write func(io.Writer) error
}

// files are the demo's data and recipe, in the order in which they are written.
func (o DemoOptions) files(data *demo.Dataset) []demoFile {
	return []demoFile{
		{"corpus.jsonl", func(w io.Writer) error { return demo.WriteCorpus(w, data.Passages) }},
		{"train.jsonl", func(w io.Writer) error { return demo.WriteQueries(w, data.Train) }},
		{"dev.jsonl", func(w io.Writer) error { return demo.WriteQueries(w, data.Dev) }},
		{demoRecipe, func(w io.Writer) error { _, err := io.WriteString(w, o.Recipe); return err }},
	}
}

// checkDir refuses a folder that holds anything else than a demo, begun or done: a user's own files are none, and a
// user's own recipe is not the demo's to run.
func (o DemoOptions) checkDir(data *demo.Dataset) error {
	entries, err := os.ReadDir(o.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return badInputf("--dir: %w", err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".tmp") {
			there[e.Name()] = true
		}
	}
	ours := 0
	for _, file := range o.files(data) {
		if !there[file.name] {
			continue
		}
		var want bytes.Buffer
		if err := file.write(&want); err != nil {
			return err
		}
		path := filepath.Join(o.Dir, file.name)
		got, err := os.ReadFile(path)
		if err != nil {
			return badInputf("--dir: %w", err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			return badInputf("%s is not as the demo writes it: choose another --dir, or remove the folder if it is an older demo; `quarry run` runs a recipe of your own", path)
		}
		ours++
	}
	if len(there) > 0 && ours == 0 {
		return badInputf("--dir %s is not empty and holds no demo: choose another folder", o.Dir)
	}
	return nil
}

// write writes what is missing of the demo. What is there already is left alone: the run directory holds the files
// to their digests.
func (o DemoOptions) write(data *demo.Dataset) error {
	fsys := rundir.OS{}
	for _, file := range o.files(data) {
		if err := ifMissing(filepath.Join(o.Dir, file.name), func(path string) error { return rundir.WriteFile(fsys, path, file.write) }); err != nil {
			return err
		}
	}
	return ifMissing(filepath.Join(o.Dir, "base"), func(path string) error {
		return rundir.WriteDir(fsys, path, func(dir string) error {
			return data.WriteModel(rundir.Sink(fsys, dir), o.Encoder)
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
		slices.SortStableFunc(rows, func(a, b row) int {
			if (a.Rank == 0) != (b.Rank == 0) { // what is not ranked stands behind
				return b.Rank - a.Rank
			}
			return a.Rank - b.Rank
		})
		for _, r := range rows {
			rank := fmt.Sprintf("rank %3d  score %6.3f", r.Rank, r.Score)
			if r.Rank == 0 {
				rank = fmt.Sprintf("%-*s", len(rank), "not ranked")
			}
			fmt.Fprintf(&b, "    %s  %s  %s\n", r.role, rank, r.Text)
		}
		b.WriteString("\n")
	}
	return b.String()
}
