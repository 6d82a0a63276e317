package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/prepare"
	"github.com/quarry-ml/quarry/rundir"
)

// PrepareEediOptions are the flags of quarry prepare eedi.
type PrepareEediOptions struct {
	Train, Misconceptions, Test string
	Out                         string
	Split                       prepare.Options
	Force                       bool
}

func newPrepareCommand(h *host) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prepare",
		Short: "Turn published data into Quarry's files",
		Long:  "Turn data as its publishers give it into Quarry's files: a corpus, and queries split so that no question lies in two splits.",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPrepareEediCommand(h))
	return cmd
}

func newPrepareEediCommand(h *host) *cobra.Command {
	o := PrepareEediOptions{Split: prepare.DefaultOptions()}
	cmd := &cobra.Command{
		Use:   "eedi --train FILE --misconceptions FILE --out DIR",
		Short: "Kaggle's Eedi: wrong answers and the misconceptions behind them",
		Long: `Turn the CSV files of Kaggle's "Eedi - Mining Misconceptions in Mathematics" into corpus.jsonl, train.jsonl, dev.jsonl,
test.jsonl where it has a share, and examples.jsonl. Whole questions are split; a stated share of dev and test asks for
misconceptions that no train query has. docs/prepare.md describes the files.`,
		Example: "  quarry prepare eedi --train train.csv --misconceptions misconception_mapping.csv --out data --test-share 0.1",
		Args:    noWords,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runPrepareEedi(cmd.Context(), o, h) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Train, "train", "", "the competition's train.csv `file`")
	f.StringVar(&o.Misconceptions, "misconceptions", "", "its misconception_mapping.csv `file`")
	f.StringVar(&o.Test, "test", "", "its test.csv `file`, which becomes unjudged.jsonl; may be left out")
	f.StringVar(&o.Out, "out", "", "`directory` to write")
	f.Float64Var(&o.Split.DevShare, "dev-share", o.Split.DevShare, "share of the queries held out for dev")
	f.Float64Var(&o.Split.TestShare, "test-share", o.Split.TestShare, "share of the queries held out for test")
	f.Float64Var(&o.Split.UnseenShare, "unseen-share", o.Split.UnseenShare, "share of dev and test whose misconception no train query has")
	seedFlag(f, &o.Split.Seed, o.Split.Seed, "seed of the split")
	f.BoolVar(&o.Force, "force", false, "replace files that are there with other content")
	return cmd
}

// runPrepareEedi converts the files and prints what the splits hold.
func runPrepareEedi(ctx context.Context, o PrepareEediOptions, h *host) (err error) {
	if err := need("train", o.Train, "misconceptions", o.Misconceptions, "out", o.Out); err != nil {
		return err
	}
	if stale := filepath.Join(o.Out, "test.jsonl"); o.Split.TestShare == 0 {
		if _, err := os.Stat(stale); err == nil {
			return badInputf("%s is there from another split, and its queries may become training queries: remove it, choose another --out, or give --test-share", stale)
		}
	}
	var inputs []prepare.Input
	for _, in := range []struct{ flag, path string }{{"train", o.Train}, {"misconceptions", o.Misconceptions}, {"test", o.Test}} {
		if in.path == "" {
			continue
		}
		f, openErr := h.open(in.flag, in.path)
		if openErr != nil {
			return badInputf("--%s: %w", in.flag, openErr)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		inputs = append(inputs, prepare.Input{Name: in.path, Reader: f})
	}
	made := preparedFiles{dir: o.Out}
	sink := made.add
	report, err := prepare.Eedi(ctx, inputs[0], inputs[1], o.Split, sink)
	if err != nil {
		return badInput(err)
	}
	if len(inputs) == 3 {
		n, err := prepare.EediUnjudged(ctx, inputs[2], sink)
		if err != nil {
			return badInput(err)
		}
		h.note("unjudged.jsonl: %d queries", n)
	}
	if err := made.write(o.Force); err != nil {
		return err
	}
	return h.printf("%s", report)
}

// preparedFiles are files made in memory: none is written before it is known that all may be.
type preparedFiles struct {
	dir   string
	names []string
	texts []bytes.Buffer
}

// add is a prepare.Sink.
func (p *preparedFiles) add(name string, write func(io.Writer) error) error {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	p.names, p.texts = append(p.names, name), append(p.texts, text)
	return nil
}

// write writes all files. One that is there with other content is of another split, which something may be trained on.
func (p *preparedFiles) write(force bool) error {
	for i, name := range p.names {
		path := filepath.Join(p.dir, name)
		old, err := os.ReadFile(path)
		if err == nil && !bytes.Equal(old, p.texts[i].Bytes()) && !force {
			return badInputf("%s is there already with other content: choose another --out, or replace it with --force", path)
		}
	}
	for i, name := range p.names {
		err := rundir.Sink(rundir.OS{}, p.dir)(name, func(w io.Writer) error {
			_, err := w.Write(p.texts[i].Bytes())
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
