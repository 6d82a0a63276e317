package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// RunOptions are the flags of quarry run and quarry plan.
type RunOptions struct {
	Dir                 string
	Until               string
	CPU                 string
	AllowIdentityChange bool
	JSON                bool // plan only
}

func (o *RunOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.Dir, "dir", "", "run `directory` (runs/NAME beside the recipe)")
	f.StringVar(&o.CPU, "cpu", "", "processor path: "+cpuPaths+" (QUARRY_CPU, else the best there is)")
	f.BoolVar(&o.AllowIdentityChange, "allow-identity-change", false, "go on with a run directory that another processor path, precision or make of processor began; bits may differ from there on")
}

func newRunCommand(h *host) *cobra.Command {
	var o RunOptions
	cmd := &cobra.Command{
		Use:   "run RECIPE",
		Short: "Do every round of a recipe, or what is left of them",
		Long: `Do every round of a recipe: embed, search, mine, finetune, eval, select, merge. What is done and unchanged is
skipped; an interrupted run goes on where it stopped and ends with the same bytes.`,
		Example: `  quarry run recipe.yaml
  quarry run recipe.yaml --until mine    # look at the negatives before training`,
		Args: one("RECIPE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRun(cmd.Context(), h, o, args[0])
		},
	}
	o.addFlags(cmd)
	cmd.Flags().StringVar(&o.Until, "until", "", "stop after this `stage` of the first round that is not done: "+strings.Join(pipeline.Stages(), ", "))
	return cmd
}

// runRun drives a recipe to its end, or to where it must stop.
func runRun(ctx context.Context, h *host, o RunOptions, path string) error {
	if o.Until != "" && !slices.Contains(pipeline.Stages(), o.Until) {
		return badInputf("--until %q: stages are %s", o.Until, strings.Join(pipeline.Stages(), ", "))
	}
	r, err := recipe.Load(path)
	if err != nil {
		return badInput(err)
	}
	return drive(ctx, h, r, o, showcase{})
}

// showcase is which queries' negatives are shown as they are mined, and how. The zero value shows none.
type showcase struct {
	queries []string
	show    func(round int, samples []pipeline.Sample)
}

// drive runs a loaded recipe and tells of it: the growing table on out, everything else on err.
func drive(ctx context.Context, h *host, r *recipe.Recipe, o RunOptions, shown showcase) error {
	var table report.Live
	options := pipelineOptions(h, o)
	options.Events = pipeline.Events{
		Note: func(line string) { h.note("%s", line) },
		Progress: func(p pipeline.Progress) {
			h.progress(progress{Label: fmt.Sprintf("round %d: %s", p.Round, p.Stage), Done: p.Done, Total: p.Total, Unit: p.Unit, Detail: p.Detail})
		},
		Epoch: func(round int, s *rundir.Scores, chosen *int) {
			for _, line := range table.Lines(round, s, chosen) {
				_ = h.printf("%s\n", line) // the same table is in the run directory
			}
		},
		Mined: shown.show, Show: shown.queries,
	}
	p, err := pipeline.Open(ctx, r, options)
	// The run's own context may have ended; what the recipe wants done afterwards is done all the same.
	afterwards := context.WithoutCancel(ctx)
	if err != nil {
		return badInput(errors.Join(err, pipeline.FinishUnopened(afterwards, r, options, err)))
	}
	outcome := p.Run(ctx)
	ended := errors.Join(p.Finish(afterwards, outcome), p.Close())
	if errors.Is(outcome, pipeline.ErrChoiceWanted) { // a good end, unless what follows it fails
		h.note("%v", outcome)
		return ended
	}
	return ifInterrupted(errors.Join(outcome, ended), fmt.Sprintf("everything done so far is kept; `quarry run %s` goes on from there", r.File()))
}

func pipelineOptions(h *host, o RunOptions) pipeline.Options {
	cpu := o.CPU
	if cpu == "" {
		cpu = h.machine.CPU
	}
	return pipeline.Options{
		Dir: o.Dir, Path: kernel.Path(cpu), Workers: h.machine.workers(), Memory: h.machine.memory(), Until: o.Until,
		AllowIdentityChange: o.AllowIdentityChange, Environment: h.environ, PeakMemory: h.peakMemory,
	}
}
