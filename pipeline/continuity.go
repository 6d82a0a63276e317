package pipeline

import (
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/merging"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// copyTolerance is how far apart two evaluations of one copied model may be on dev; a merge has a tolerance of its own.
const copyTolerance = 0.0005

// checkContinuity holds a round that trains from the last one's result to that round's score: its epoch 0 is the same model.
func (r *round) checkContinuity(epoch int) error {
	if epoch != 0 || r.index == 0 || r.stages.TrainFrom != recipe.Merged {
		return nil
	}
	choice, err := r.dir.ReadChoice(r.index - 1)
	if err != nil {
		return err
	}
	last, err := r.dir.ReadScores(r.index - 1)
	if err != nil {
		return err
	}
	var merge mergeCheck
	if err := rundir.ReadJSON(r.dir.FS, r.dir.Round(r.index-1).MergeCheck(), &merge); err != nil {
		return err
	}
	now, err := r.table()
	if err != nil {
		return err
	}
	for _, row := range last.Epochs {
		if row.Epoch != choice.Epoch {
			continue
		}
		column := checkedMeasure(now.Measures)
		was, is := row.Dev.All[column], now.Epochs[0].Dev.All[column]
		limit := max(copyTolerance, merge.MetricLimit)
		if r.engine.Precision() == compute.BF16 { // the last round may have been scored at another
			limit = max(limit, merging.RoundedMetric(row.Dev.Queries))
		}
		if math.Abs(was-is) > limit {
			return fmt.Errorf("epoch 0 scores %s %.4f, but round %d chose epoch %d at %.4f, further apart than %g: the merged model is not that epoch's%s", now.Measures[column], is, r.index-1, choice.Epoch, was, limit, r.roundingHint())
		}
	}
	return nil
}

// checkedMeasure is the column that merges are held to: MAP@25, for which the tolerance is stated, else the first.
func checkedMeasure(measures []string) int { return max(0, slices.Index(measures, "map@25")) }
