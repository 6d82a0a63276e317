package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// Outcomes of a run, as on_finish gets them in QUARRY_OUTCOME.
const (
	OutcomeDone        = "done"    // every round of the recipe
	OutcomeStopped     = "stopped" // at the stage that was asked for, without a fault
	OutcomeFailed      = "failed"
	OutcomeInterrupted = "interrupted"
	OutcomeChoice      = "choice wanted"
)

// Finish runs the recipe's on_finish command with the outcome of a run, after success and after failure. It uses a
// context of its own, for that of an interrupted run has ended. Without a command it does nothing.
func (p *Run) Finish(ctx context.Context, outcome error) error {
	if len(p.recipe.OnFinish) == 0 {
		return nil
	}
	word, text := OutcomeDone, ""
	switch {
	case errors.Is(outcome, ErrChoiceWanted):
		word = OutcomeChoice
	case errors.Is(outcome, context.Canceled):
		word = OutcomeInterrupted
	case outcome != nil:
		word, text = OutcomeFailed, outcome.Error()
	case p.stopped:
		word = OutcomeStopped
	}
	p.note("on_finish: %s", word)
	err := p.command(ctx, p.recipe.OnFinish, map[string]string{"QUARRY_RUN": p.options.Dir, "QUARRY_RECIPE": p.recipe.File()}, map[string]string{"QUARRY_OUTCOME": word, "QUARRY_ERROR": text})
	if err != nil {
		return fmt.Errorf("%s: on_finish: %w", p.recipe.At("on_finish"), err)
	}
	return nil
}

// FinishUnopened does what Finish does for a run that Open refused: who waits for the end of a run is told of that too.
// There is no run directory to log in. A run that was kept out because another is under way ends nothing: it is the other
// one's end that is waited for.
func FinishUnopened(ctx context.Context, r *recipe.Recipe, o Options, refused error) error {
	if errors.Is(refused, rundir.ErrInUse) {
		return nil
	}
	return newRun(r, o).Finish(ctx, refused)
}

// FinishFolds does what Finish does once for all runs of a recipe with folds: QUARRY_RUN is the directory of the folds.
func FinishFolds(ctx context.Context, r *recipe.Recipe, o Options, outcome error) error {
	if errors.Is(outcome, rundir.ErrInUse) {
		return nil // as in FinishUnopened
	}
	o.Dir = r.FoldsDir()
	p := newRun(r, o)
	p.stopped = o.Until != ""
	return p.Finish(ctx, outcome)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
