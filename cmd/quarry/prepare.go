package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/prepare"
)

// PrepareEediOptions are the flags of quarry prepare eedi.
type PrepareEediOptions struct {
	Train, Misconceptions, Test string
	Out                         string
	Split                       prepare.Options
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
		f, openErr := h.open(in.path)
		if openErr != nil {
			return badInputf("--%s: %w", in.flag, openErr)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		inputs = append(inputs, prepare.Input{Name: in.path, Reader: f})
	}
	sink := func(name string, write func(io.Writer) error) error {
		return asFailure(fileSink(o.Out)(name, write))
	}
	report, err := prepare.Eedi(ctx, inputs[0], inputs[1], o.Split, sink)
	if err != nil {
		return inputUnlessFailure(err)
	}
	if len(inputs) == 3 {
		n, err := prepare.EediUnjudged(ctx, inputs[2], sink)
		if err != nil {
			return inputUnlessFailure(err)
		}
		h.note("unjudged.jsonl: %d queries", n)
	}
	return h.printf("%s", report)
}
