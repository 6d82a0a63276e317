package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// Plan is what a run would do, why, and what that costs.
type Plan struct {
	Dir      string       `json:"dir"`
	Identity string       `json:"identity"`
	Stages   []PlanStage  `json:"stages"`
	Rounds   []RoundCosts `json:"rounds"`
	Warnings []string     `json:"warnings,omitempty"` // of windows that end behind the corpus, and of verdicts that no round goes by
	// TokensPerSecond is the rate of embedding measured on a few of the recipe's own texts just now.
	TokensPerSecond float64 `json:"tokens_per_second"`
	// Seconds is the time of all stages that will run, by that rate: training takes three times the embedding of its tokens.
	Seconds float64 `json:"seconds"`
}

// What a stage of a plan will do.
const (
	PlanDone    = "done"    // stamped and unchanged
	PlanRun     = "run"     // for the reasons given
	PlanDepends = "depends" // runs if a stage before it leaves something else than the last time
)

// PlanStage is one stage of a plan.
type PlanStage struct {
	Round   int      `json:"round"`
	Stage   string   `json:"stage"`
	State   string   `json:"state"`
	Reasons []string `json:"reasons,omitempty"`
}

// errPlanned ends the walk of a plan at the first stage that would run.
var errPlanned = errors.New("planned")

// MakePlan says what a run of the recipe would do. It changes nothing and takes no lock.
func MakePlan(ctx context.Context, r *recipe.Recipe, o Options) (*Plan, error) {
	if o.Dir == "" {
		o.Dir = r.Dir()
	}
	if o.FS == nil {
		o.FS = rundir.OS{}
	}
	_, err := o.FS.Stat(rundir.Layout(o.Dir).Format())
	started := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	p, err := openToLook(ctx, r, o, started)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	plan := &Plan{Dir: o.Dir, Identity: p.engine.Identity()}
	if err := p.walk(ctx, plan, started); err != nil {
		return nil, err
	}
	return plan, p.costs(ctx, plan)
}

// openToLook opens a run directory without its lock; one that is not there yet is only named.
func openToLook(ctx context.Context, r *recipe.Recipe, o Options, started bool) (*Run, error) {
	if started {
		return open(ctx, r, o, true)
	}
	o.named = true
	return open(ctx, r, o, true)
}

// walk asks every stage whether it is done. After the first that is not, the others depend on what it leaves.
func (p *Run) walk(ctx context.Context, plan *Plan, started bool) error {
	p.plan = plan
	stopped := !started
	for i := range p.recipe.Rounds {
		before := len(plan.Stages)
		if !stopped {
			err := p.round(ctx, i)
			if err != nil && !errors.Is(err, errPlanned) && !errors.Is(err, ErrChoiceWanted) {
				return err
			}
			stopped = err != nil
		}
		if stopped {
			if err := p.planRest(ctx, i, plan.Stages[before:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// planRest lists the stages of a round that the walk did not reach.
func (p *Run) planRest(ctx context.Context, i int, reached []PlanStage) error {
	seen := map[string]bool{}
	for _, s := range reached {
		seen[s.Stage] = true
	}
	state := PlanDepends
	if _, err := p.options.FS.Stat(string(rundir.Layout(p.options.Dir).Round(i))); err != nil {
		state = PlanRun
	}
	stages := Stages()
	add := func(name string) {
		if seen[name] {
			return
		}
		s := PlanStage{Round: i, Stage: name, State: state}
		if state == PlanRun {
			s.Reasons = []string{"not done yet"}
		}
		p.plan.Stages = append(p.plan.Stages, s)
	}
	for _, name := range stages {
		ofSets := []*round{p.settings(i)}
		if slices.Index(stages, name) <= slices.Index(stages, StageMine) {
			ofSets = ofSets[0].all()
		}
		for _, one := range ofSets {
			mining := one.stages.Mine
			if name == StageSearch { // behind all that embeds
				further, err := one.sourceStages(ctx)
				if err != nil {
					return err
				}
				for _, stage := range further {
					if !slices.ContainsFunc(p.plan.Stages, func(s PlanStage) bool { return s.Stage == stage }) { // one of all rounds
						add(stage)
					}
				}
			}
			if !mining.Embeds() && name == StageEmbed || !mining.Searches() && name == StageSearch {
				continue
			}
			if name == StageMine && mining.Asks() {
				add(one.stageName(stageTeach))
			}
			add(one.stageName(name))
		}
	}
	return nil
}

// planned records a stage in the plan and ends the walk where it would run.
func (p *Run) planned(w work, fresh rundir.Freshness) error {
	s := PlanStage{Round: w.Round, Stage: w.Name, State: PlanDone}
	if !fresh.Fresh() {
		s.State, s.Reasons = PlanRun, fresh.Reasons
	}
	p.plan.Stages = append(p.plan.Stages, s)
	if s.State == PlanRun && w.apart {
		return nil
	}
	if s.State == PlanRun {
		return errPlanned
	}
	p.stamps = append(p.stamps, fresh.Stamp)
	return nil
}

// done says whether a stage of a round is done; one that the walk did not reach is not.
func (p *Plan) done(round int, stage string) bool {
	return slices.ContainsFunc(p.Stages, func(s PlanStage) bool {
		return s.Round == round && s.Stage == stage && s.State == PlanDone
	})
}
