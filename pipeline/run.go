// Package pipeline is the loop: it drives the stages of every round from a recipe, in a run directory, and redoes only
// what has changed.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/prompt"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// Options say where and how a recipe is run.
type Options struct {
	Dir                 string                      // run directory; empty is the recipe's own
	FS                  rundir.FS                   // nil is the operating system's
	Path                kernel.Path                 // processor path; empty is the best there is
	Workers             int                         // where the recipe says nothing; 0 is all processors
	Memory              int64                       // where the recipe says nothing; 0 is no limit
	Rest                func(model.Footprint) int64 // what the limit leaves for an engine, now and when such weights are in use; nil is all of it
	Raised              func(engine int64) int64    // the limit that leaves an engine so many bytes, for advice, once Rest was asked; nil is so many
	Until               string                      // the last stage to run, of the first round that has work left; empty runs all rounds
	UntilRound          *int                        // the round that Until is of, whether or not it has work left; nil is the first that has
	TeacherScores       string                      // folder of what teachers said of pairs, a file each, for all runs; empty is one in the run directory
	AllowIdentityChange bool
	Calibration         time.Duration // that a plan measures each rate for, at least; 0 is 300 ms
	MarkEvery           time.Duration // that long embedding and searching keep what is ready for a run that goes on, at most; 0 is rundir.MarkEvery
	SpanQueries         int           // queries that are ranked before they are kept, at most; 0 is 4,096. No result depends on it
	Environment         []string      // of the programs that a recipe names: "KEY=value"
	MemoryNow           func() int64  // bytes that the process holds, mapped files apart, for times.jsonl; from several goroutines; nil leaves them out
	Events              Events

	named bool // the run directory is not there yet and is not made: a plan of a first run
}

// The stages of a round, in order.
const (
	StageEmbed    = "embed"
	StageSearch   = "search"
	StageMine     = "mine"
	StageFinetune = "finetune"
	StageEval     = "eval"
	StageSelect   = "select"
	StageMerge    = "merge"
)

// Stages lists the stages of a round in order.
func Stages() []string {
	return []string{StageEmbed, StageSearch, StageMine, StageFinetune, StageEval, StageSelect, StageMerge}
}

// ErrChoiceWanted says that a round waits for a person to choose its epoch.
var ErrChoiceWanted = errors.New("a choice is wanted")

// errUntil ends a run at the stage that the caller named.
var errUntil = errors.New("the last stage asked for is done")

// Run is one recipe at work in its run directory.
type Run struct {
	recipe  *recipe.Recipe
	options Options
	dir     *rundir.Dir
	data    *data
	engine  *compute.Engine
	events  Events
	log     *journal
	model   string          // digest of the recipe's model
	stamps  []*rundir.Stamp // of the round at work, in order
	foreign []rundir.Input  // what else the recipe gives to its stages, in the order they ask
	worked  bool            // a stage of the round at work was done anew
	told    bool            // of the round at work some stage is told to be unchanged
	stopped bool            // ended at the stage that Options.Until names
	plan    *Plan           // where only a plan is made

	modelPrompt prompt.Template // around queries, by the recipe's model itself

	unchanged []string // lines about stages of the round at work that were done before, not told yet
}

// Open reads the data of a recipe, checks it, and opens the run directory for writing. Close it after use.
func Open(ctx context.Context, r *recipe.Recipe, o Options) (*Run, error) {
	return open(ctx, r, o, false)
}

func open(ctx context.Context, r *recipe.Recipe, o Options, readOnly bool) (*Run, error) {
	if o.Until != "" && !slices.Contains(Stages(), o.Until) {
		return nil, fmt.Errorf("stage %q is unknown; stages are %v", o.Until, Stages())
	}
	if n := o.UntilRound; n != nil && (*n < 0 || *n >= len(r.Rounds)) {
		return nil, fmt.Errorf("%s has no round %d: its rounds are 0 to %d", r.File(), *n, len(r.Rounds)-1)
	}
	p := newRun(r, o)
	if err := p.open(ctx, readOnly); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// newRun is a run with nothing opened.
func newRun(r *recipe.Recipe, o Options) *Run {
	if o.FS == nil {
		o.FS = rundir.OS{}
	}
	if o.Dir == "" {
		o.Dir = r.Dir()
	}
	return &Run{recipe: r, options: o, events: o.Events}
}

// rounded is what the weights of the recipe's models are rounded to; empty is nothing.
func (p *Run) rounded() string {
	if p.recipe.Weights == recipe.BF16Weights {
		return p.recipe.Weights
	}
	return ""
}

// modelName is what the run directory knows the recipe's model by. Rounded it is another one.
func (p *Run) modelName() string {
	if r := p.rounded(); r != "" {
		return p.recipe.Model.Written + " in " + r
	}
	return p.recipe.Model.Written
}

// checkRounded refuses weights that are not what the recipe says: rounding is left to whoever finds the models.
func (p *Run) checkRounded() error {
	if p.rounded() == "" {
		return nil
	}
	d, err := model.ReadDirectory(p.recipe.Model.File, p.modelOptions())
	if err != nil {
		return err
	}
	types, err := d.WeightTypes()
	if err == nil && slices.Contains(types, safetensors.F32) {
		err = fmt.Errorf("%s: has weights in F32, which the recipe wants in %s", d.Path, p.rounded())
	}
	return err
}

// openEngine makes the engine, with the memory that texts and weights leave of the limit.
func (p *Run) openEngine() error {
	o := compute.Options{Path: p.options.Path, Precision: compute.Precision(p.recipe.Precision), Workers: p.recipe.Workers, Memory: int64(p.recipe.Memory), Weights: p.rounded()}
	if o.Workers == 0 {
		o.Workers = p.options.Workers
	}
	if o.Memory == 0 {
		o.Memory = p.options.Memory
	}
	if o.Memory != 0 && p.options.Rest != nil {
		m, err := p.openModel(p.recipe.Model.File)
		if err != nil {
			return fmt.Errorf("%s: model: %w", p.recipe.At("model"), err)
		}
		own := m.Footprint()
		guide, err := p.guidesFootprint()
		teacher, taughtErr := p.teachersFootprint()
		source, sourceErr := p.sourcesFootprint()
		if err := errors.Join(err, taughtErr, sourceErr, m.Close()); err != nil {
			return err
		}
		// An epoch's model is scored beside the one that is trained; one is at work at a time.
		o.Memory = p.options.Rest(model.Footprint{Held: own.Held + max(own.Held, guide.Held, teacher.Held, source.Held), Mapped: max(own.Mapped, guide.Mapped, teacher.Mapped, source.Mapped)})
	}
	var err error
	p.engine, err = compute.New(o)
	return err
}

func (p *Run) open(ctx context.Context, readOnly bool) error {
	var err error
	if p.data, err = readData(ctx, p.recipe, p.options.FS); err != nil {
		return err
	}
	if p.model, err = rundir.ModelDigest(ctx, p.options.FS, p.recipe.Model.File); err != nil {
		return fmt.Errorf("%s: model: %w", p.recipe.At("model"), err)
	}
	if err := p.checkRounded(); err != nil {
		return fmt.Errorf("%s: weights: %w", p.recipe.At("weights"), err)
	}
	if err := p.openEngine(); err != nil {
		return err
	}
	if err := p.preflight(ctx); err != nil {
		return err
	}
	if p.options.named {
		return nil
	}
	sources := append(slices.Clone(p.data.sources), rundir.Source{Name: p.modelName(), Digest: p.model})
	open := rundir.OpenOptions{FS: p.options.FS, Create: !readOnly, ReadOnly: readOnly, Recipe: p.recipe.Name, Data: sources, Identity: p.engine.Identity(), AllowIdentityChange: p.options.AllowIdentityChange}
	if p.dir, err = rundir.Open(p.options.Dir, open); err != nil {
		return err
	}
	if readOnly {
		return nil
	}
	if p.log, err = openJournal(p.dir); err != nil {
		return err
	}
	for _, w := range p.data.warnings {
		p.note("warning: %s", w)
	}
	return p.writeRecipe()
}

// Close ends the engine and gives up the run directory.
func (p *Run) Close() error {
	var failed error
	if p.log != nil {
		failed = p.log.close()
	}
	if p.dir != nil {
		failed = errors.Join(failed, p.dir.Close())
	}
	if p.engine != nil {
		p.engine.Close()
	}
	return failed
}

// Dir is the run directory's path.
func (p *Run) Dir() string { return p.options.Dir }

// Identity is the numeric identity of the run's engine.
func (p *Run) Identity() string { return p.engine.Identity() }

func (p *Run) writeRecipe() error {
	resolved, err := p.recipe.Resolved()
	if err != nil {
		return err
	}
	return writeIfChanged(p.dir.FS, p.dir.Recipe(), resolved)
}

// Run does every round of the recipe, skipping what is done and unchanged. It returns ErrChoiceWanted where a round's rule asks a person.
func (p *Run) Run(ctx context.Context) error {
	p.note("run of %s in %s on %s", p.recipe.Name, p.options.Dir, p.engine.Identity())
	if warning := p.unusedVerdicts(); warning != "" {
		p.note("warning: %s", warning)
	}
	for i := range p.recipe.Rounds {
		err := p.round(ctx, i)
		if errors.Is(err, errUntil) {
			p.stopped = true
			p.note("stopped after %s, as asked", p.options.Until)
			return nil
		}
		if err != nil {
			p.log.line(err.Error()) // who called Run is told by the error
			return err
		}
	}
	p.note("done")
	return nil
}

// round turns one embedder into the next: mine with it, finetune, score every epoch, choose one, merge. Its errors begin with the
// round and the stage, so that those of stages name neither.
func (p *Run) round(ctx context.Context, i int) error {
	p.stamps, p.foreign, p.worked, p.told = nil, nil, false, false
	defer p.tellUnchanged()
	r, err := p.newRound(ctx, i)
	if err != nil {
		return fmt.Errorf("round %d: %w", i, err)
	}
	_, err = p.dir.FS.Stat(r.files.Manifest())
	finished := err == nil
	for _, stage := range []struct {
		name string
		run  func(context.Context) error
	}{
		{StageEmbed, r.each((*round).embed)},
		{StageSearch, r.each((*round).search)},
		{StageMine, r.mineAll},
		{StageFinetune, r.finetune},
		{StageEval, r.eval},
		{StageSelect, r.selectEpoch},
		{StageMerge, r.merge},
	} {
		if err := stage.run(ctx); err != nil {
			return fmt.Errorf("round %d, %s: %w", i, stage.name, err)
		}
		if stage.name == p.options.Until && stage.name != StageMerge && p.endsIn(i, !finished || p.worked) {
			return errUntil
		}
	}
	if err := r.card(ctx); err != nil {
		return fmt.Errorf("round %d, model card: %w", i, err)
	}
	if p.plan != nil {
		return nil
	}
	if err := r.writeManifest(ctx); err != nil {
		return fmt.Errorf("round %d, manifest: %w", i, err)
	}
	if !p.worked && !p.told {
		p.unchanged = []string{fmt.Sprintf("round %d: every stage done before, unchanged", i)}
	}
	if p.options.Until == StageMerge && p.endsIn(i, p.worked) {
		return errUntil
	}
	return nil
}

// endsIn says whether the stage to end at is this round's, which has work left or has not.
func (p *Run) endsIn(round int, work bool) bool {
	if p.options.UntilRound != nil {
		return round == *p.options.UntilRound
	}
	return work
}
