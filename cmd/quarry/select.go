package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/rundir"
)

// SelectOptions are the flags of quarry select.
type SelectOptions struct {
	Dir     string // of the recipe that is named
	Round   int
	Epoch   int
	Because string
}

func newSelectCommand(h *host) *cobra.Command {
	var o SelectOptions
	cmd := &cobra.Command{
		Use:   "select RUN",
		Short: "Choose the epoch that a round goes on with, and say why",
		Long: `Choose the epoch that a round goes on with. RUN is a run directory, or a recipe whose run directory is meant.
The next ` + "`quarry run`" + ` merges that epoch and redoes what depends on it, nothing else.`,
		Example: `  quarry select runs/eedi --round 0 --epoch 3 --because "the leaderboard agrees with it"`,
		Args:    one("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := setFlags(cmd.Flags())
			for _, flag := range []string{"round", "epoch", "because"} {
				if !given[flag] {
					return badInputf("--%s is needed", flag)
				}
			}
			return runSelect(h, o, args[0])
		},
	}
	f := cmd.Flags()
	addRecipeDir(f, &o.Dir)
	f.IntVar(&o.Round, "round", 0, "the `round`, counted from 0")
	f.IntVar(&o.Epoch, "epoch", 0, "the `epoch`; 0 is the base")
	f.StringVar(&o.Because, "because", "", "the reason, kept beside the choice")
	return cmd
}

func runSelect(h *host, o SelectOptions, run string) (err error) {
	if o.Round < 0 {
		return badInputf("--round %d: rounds are counted from 0", o.Round)
	}
	run, err = inDir(run, o.Dir)
	if err != nil {
		return err
	}
	path, err := reportedDir(run)
	if err != nil {
		return badInput(err)
	}
	d, err := rundir.Open(path, rundir.OpenOptions{})
	if err != nil {
		return badInput(err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := pipeline.Select(d, o.Round, o.Epoch, o.Because); err != nil {
		return badInput(err)
	}
	return h.printf("round %d goes on with epoch %d: %s\n", o.Round, o.Epoch, o.Because)
}
