package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// copyTolerance is how far apart two evaluations of one copied model may be on dev; a merge has a tolerance of its own.
const copyTolerance = 0.0005

// checkContinuity holds a round that trains from the last one's result to that round's score: its epoch 0 is the same model. A
// merged model may score a little otherwise than its checkpoint, within what the check of the merge allowed, so that epoch 0
// is held to what that check found the merged model to score, and the check to the chosen epoch. Where a round has examples or
// lengths of its own, dev is read otherwise than it was, and there is nothing to hold the score to.
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
	merged, err := r.dir.ReadStamp(r.index-1, StageMerge)
	if err != nil {
		return err
	}
	scored, err := r.dir.ReadStamp(r.index, evalStage(0)) // by this run, or by one that it goes on from
	if err != nil {
		return err
	}
	chosen, err := r.dir.ReadStamp(r.index-1, evalStage(choice.Epoch))
	if err != nil {
		return err
	}
	if other := readOtherwise(scored.Options, chosen.Options); other != "" {
		r.note("round %d: dev is scored with other %s than in round %d: epoch 0 is not held to its score", r.index, other, r.index-1)
		return nil
	}
	column := checkedMeasure(now.Measures)
	dev := now.Epochs[0].Dev
	limit := continuityLimit(scored.Identity, merged.Identity, dev.Queries)
	was, is := last.Epochs[choice.Epoch].Dev.All[column], dev.All[column]
	if math.Abs(merge.Merged-is) > limit || math.Abs(merge.Checkpoint-was) > copyTolerance {
		return fmt.Errorf("epoch 0 scores %s %.4f, but round %d chose epoch %d at %.4f, and merged it at %.4f, further apart than %g: the merged model is not that epoch's%s", now.Measures[column], is, r.index-1, choice.Epoch, was, merge.Merged, limit, roundingHint(limit))
	}
	return nil
}

// readOtherwise names what a round may change of the texts of dev and what differs in the options of two evaluations' stamps; it is
// empty where nothing does. Options that cannot be read (of a stamp of another version) differ in nothing.
func readOtherwise(now, then json.RawMessage) string {
	type evaluation struct {
		Texts struct {
			Examples      json.RawMessage `json:"examples"` // canonical, as stamps are
			QueryLength   int             `json:"query_length"`
			PassageLength int             `json:"passage_length"`
		} `json:"texts"`
	}
	var a, b evaluation
	if json.Unmarshal(now, &a) != nil || json.Unmarshal(then, &b) != nil {
		return ""
	}
	var other []string
	if !bytes.Equal(a.Texts.Examples, b.Texts.Examples) {
		other = append(other, "examples")
	}
	if a.Texts.QueryLength != b.Texts.QueryLength || a.Texts.PassageLength != b.Texts.PassageLength {
		other = append(other, "lengths")
	}
	return strings.Join(other, " and ")
}

// continuityLimit is how far apart the score of one model may be under two numeric identities, a mean over so many queries of
// dev. Under one of them the numbers are the same. A run may go on at another precision, and where one of the two rounds
// products to bf16, the scores differ by that.
func continuityLimit(now, then string, queries int) float64 {
	if now != then && (roundsProducts(now) || roundsProducts(then)) {
		return roundedMetric(queries)
	}
	return copyTolerance
}

// roundsProducts says whether an identity is of precision bf16. One of weights in bf16 alone ends in that.
func roundsProducts(identity string) bool {
	return strings.Contains(identity, "/"+string(compute.BF16)+"/")
}

// roundedMetric is how far the rounding of products to bf16 may move a mean over so many queries: by the tolerance of a
// merge of 16 bits, or by what four queries do that pass from rank 2 to rank 1, which moves the mean of a reciprocal rank
// by half a query each.
func roundedMetric(queries int) float64 { return max(0.002, 2/float64(queries)) }

// roundingHint tells, where a limit allows for rounded products, how to find out whether a difference is a fault or rounding.
func roundingHint(limit float64) string {
	if limit == copyTolerance {
		return ""
	}
	return "; one of the two was scored with products rounded to bf16, the other was not: if that is all, a run with `precision: f32` in a directory of its own (--dir) will not differ"
}

// checkedMeasure is the column that merges are held to: MAP@25, for which the tolerance is stated, else the first.
func checkedMeasure(measures []string) int { return max(0, slices.Index(measures, "map@25")) }
