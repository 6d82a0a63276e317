package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// RunOptions are the flags of quarry run and quarry plan, and of the commands of stages with a recipe.
type RunOptions struct {
	Dir                 string
	Until               string
	Round               int  // with Exactly
	Exactly             bool // end at Until in Round, not in the first round that has work left
	CPU                 string
	AllowIdentityChange bool
	JSON                bool   // plan only
	Resolved            bool   // plan only
	MetricsListen       string // run only

	metrics *runMetrics // nil where nobody listens
}

func (o *RunOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.Dir, "dir", "", "run `directory` (runs/NAME beside the recipe)")
	f.StringVar(&o.CPU, "cpu", "", "processor path, such as avx512 or portable; quarry doctor lists those there are (QUARRY_CPU, else the best there is)")
	f.BoolVar(&o.AllowIdentityChange, "allow-identity-change", false, "go on with a run directory that another processor path, precision or make of processor began; bits may differ from there on")
}

func newRunCommand(h *host) *cobra.Command {
	var o RunOptions
	cmd := &cobra.Command{
		Use:   "run RECIPE",
		Short: "Do every round of a recipe, or what is left of them",
		Long: `Do every round of a recipe: embed, search, mine, finetune, eval, select, merge. What is done and unchanged is
skipped; an interrupted run goes on where it stopped and ends with the same bytes. In the end it says where the last model
and the charts are, what was gained over the base, and whether an earlier round was better.

A recipe with folds is cross-validated: each fold is a run in a directory of its own, runs/NAME.fold-0 and on, and in the end
stands the summary over all of them, by which one of folds.settings is chosen.`,
		Example: `  quarry run recipe.yaml
  quarry run recipe.yaml --until mine    # look at the negatives before training`,
		Args: one("RECIPE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRun(cmd.Context(), h, o, args[0])
		},
	}
	o.addFlags(cmd)
	cmd.Flags().StringVar(&o.MetricsListen, "metrics-listen", "", "serve the run's metrics to Prometheus at this `host:port`, such as 127.0.0.1:9464, while it goes on (off)")
	cmd.Flags().StringVar(&o.Until, "until", "", "stop after this `stage` of the first round that is not done: "+strings.Join(pipeline.Stages(), ", "))
	return cmd
}

// runRun drives a recipe to its end, or to where it must stop.
func runRun(ctx context.Context, h *host, o RunOptions, path string) (err error) {
	if o.Until != "" && !slices.Contains(pipeline.Stages(), o.Until) {
		return badInputf("--until %q: stages are %s", o.Until, strings.Join(pipeline.Stages(), ", "))
	}
	r, err := h.loadRecipe(ctx, path)
	if err != nil {
		return err
	}
	metrics, stop, err := serveMetrics(ctx, h, o.MetricsListen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	o.metrics = metrics
	if r.Folds.Count > 0 {
		return runFolds(ctx, h, r, o)
	}
	if err := drive(ctx, h, r, o, showcase{}); err != nil || o.Until != "" {
		return err
	}
	return tellResult(h, cmp.Or(o.Dir, r.Dir()))
}

// showcase is which queries' negatives are shown as they are mined, and how. The zero value shows none.
type showcase struct {
	queries []string
	show    func(round int, samples []pipeline.Sample)
}

// drive runs a loaded recipe and tells of it: the growing table on out, everything else on err.
func drive(ctx context.Context, h *host, r *recipe.Recipe, o RunOptions, shown showcase) error {
	if err := h.machine.checkPath(o.CPU); err != nil {
		return err
	}
	var table report.Live
	options := pipelineOptions(h, r, o)
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
	options.Events = o.metrics.watch(r, options.Events, h.now)
	p, err := pipeline.Open(ctx, r, options)
	// The run's own context may have ended; what the recipe wants done afterwards is done all the same.
	afterwards := context.WithoutCancel(ctx)
	goOn := fmt.Sprintf("everything done so far is kept; `%s` goes on from there", o.command(r.File()))
	if err != nil {
		err = errors.Join(err, pipeline.FinishUnopened(afterwards, r, options, err))
		return ifInterrupted(inputUnlessWriting(err), goOn)
	}
	outcome := p.Run(ctx)
	drawn := writeRunPage(h, p.Dir()) // before on_finish, which may send it somewhere
	ended := errors.Join(drawn, p.Finish(afterwards, outcome), p.Close())
	if errors.Is(outcome, pipeline.ErrChoiceWanted) { // a good end, unless what follows it fails
		h.note("the run is not finished: %v", outcome)
		return ended
	}
	err = errors.Join(outcome, ended)
	if as[pipeline.InputError](outcome) {
		return badInput(err)
	}
	return ifInterrupted(err, goOn)
}

// inputUnlessWriting marks what is wrong at the start of a run as the input's, but for a disk that is full or cannot be
// written. Advice from below gets the names of the flags that follow it.
func inputUnlessWriting(err error) error {
	if as[*rundir.WriteError](err) {
		return err
	}
	if as[*rundir.IdentityError](err) {
		err = fmt.Errorf("%w (--cpu, --dir, or --allow-identity-change of quarry run)", err)
	}
	return badInput(err)
}

// command is the command line that goes on with a run. What else decides where and how it computes is in the recipe.
func (o RunOptions) command(file string) string {
	words := []string{"quarry", "run", shellWord(file)}
	if o.Exactly {
		words = []string{"quarry", o.Until, shellWord(file), "--round", strconv.Itoa(o.Round)}
	}
	if o.Dir != "" {
		words = append(words, "--dir", shellWord(o.Dir))
	}
	if o.CPU != "" {
		words = append(words, "--cpu", shellWord(o.CPU))
	}
	if o.AllowIdentityChange {
		words = append(words, "--allow-identity-change")
	}
	if o.MetricsListen != "" {
		words = append(words, "--metrics-listen", shellWord(o.MetricsListen))
	}
	if o.Until != "" && !o.Exactly {
		words = append(words, "--until", o.Until)
	}
	return strings.Join(words, " ")
}

// shellWord is a word as a shell reads it back.
func shellWord(word string) string {
	special := func(r rune) bool {
		return r < 0x80 && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./=:@%+,", r)
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// pipelineOptions are a run's of a recipe, whose memory limit begins here.
func pipelineOptions(h *host, r *recipe.Recipe, o RunOptions) pipeline.Options {
	h.process.hold(cmp.Or(int64(r.Memory), h.machine.memory()))
	cpu := o.CPU
	if cpu == "" {
		cpu = h.machine.CPU
	}
	p := pipeline.Options{
		Dir: o.Dir, Path: kernel.Path(cpu), Workers: h.machine.workers(), Memory: h.machine.memory(), Until: o.Until, UntilRound: o.untilRound(),
		AllowIdentityChange: o.AllowIdentityChange, Environment: h.environ, MemoryNow: h.memoryNow, Calibration: h.calibration,
	}
	if cache, err := h.quarryCache(); err == nil { // a system without one keeps them in the run directory
		p.TeacherScores = teacherScoresIn(cache)
	}
	if h.process != nil {
		p.Rest = func(weights model.Footprint) int64 {
			return h.process.rest(cmp.Or(int64(r.Memory), h.machine.memoryBeside(weights.Mapped)), weights.Held)
		}
		p.Raised = h.process.raised
	}
	return p
}

func (o RunOptions) untilRound() *int {
	if !o.Exactly {
		return nil
	}
	return &o.Round
}
