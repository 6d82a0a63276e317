package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// algorithmSelect is raised when the same scores and rule give another choice.
const algorithmSelect = 1

// algorithmTested is algorithmSelect of rules that test gains: 2 corrects for the number of epochs.
const algorithmTested = 2

// Who made a choice.
const (
	byRule    = "rule"
	byRecipe  = "recipe"
	byCommand = "command"
)

// selectEpoch chooses the epoch that the round goes on with, by the rule or as a person said, and scores it on test.
func (r *round) selectEpoch(ctx context.Context) error {
	choice, err := r.choose()
	if err != nil {
		return err
	}
	options := struct {
		Rule   eval.SelectRule `json:"rule"`
		By     string          `json:"by"`
		Choice *rundir.Choice  `json:"choice,omitempty"`
	}{Rule: r.stages.Select, By: choice.By}
	if choice.By == byCommand {
		options.Choice = choice
	}
	inputs := []rundir.Input{r.made(r.files.Scores())}
	algorithm := algorithmSelect
	if r.stages.Select.MaxP > 0 { // which asks for more than the means
		algorithm = algorithmTested
		for epoch := range r.stamped() {
			inputs = append(inputs, r.made(r.files.EpochQueries(rundir.Dev, epoch)))
		}
	}
	stage := r.stage(StageSelect, algorithm, options, inputs...)
	err = r.do(ctx, work{Stage: stage, outputs: []string{r.files.Choice()}, run: func(context.Context) error {
		r.note("round %d: select: epoch %d, by %s: %s", r.index, choice.Epoch, choice.By, choice.Because)
		return rundir.WriteJSON(r.dir.FS, r.files.Choice(), choice)
	}})
	if err != nil {
		return err
	}
	if err := r.showTable(&choice.Epoch); err != nil {
		return err
	}
	return r.test(ctx, choice.Epoch)
}

// choose returns a person's choice while the scores that it was made on stand, else the rule's.
func (r *round) choose() (*rundir.Choice, error) {
	scores, err := r.dir.ReadScores(r.index)
	if err != nil {
		return nil, err
	}
	made, err := r.dir.ReadChoice(r.index)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		// It may have been a person's: only a person takes it away.
		return nil, inputErrorf("%w: the choice cannot be read: remove the file, and choose again if it was yours", err)
	}
	if err == nil && made.By == byCommand {
		if made.Epoch < len(scores.Epochs) && made.Scores == scores.Digest() {
			return made, nil
		}
		r.note("round %d: select: the choice of epoch %d was made on other scores and does not count any more", r.index, made.Epoch)
	}
	rule := r.stages.Select
	values, err := ruleScores(rule, scores)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.recipe.At("select"), err)
	}
	epoch, because, err := rule.Choose(values, r.pairedTest(rule.Metric))
	if errors.Is(err, eval.ErrAsk) {
		return nil, fmt.Errorf("%w: %d epochs are scored; look at `quarry report`, then `quarry select %s --round %d --epoch N --because TEXT`, and run again", ErrChoiceWanted, len(scores.Epochs), r.options.Dir, r.index)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.recipe.At("select"), err)
	}
	by := byRule
	if rule.Epoch != nil {
		by = byRecipe
	}
	return &rundir.Choice{Version: rundir.ScoresVersion, Epoch: epoch, By: by, Because: because, Scores: scores.Digest()}, nil
}

// pairedTest tests epochs by a measure on dev: the randomisation test, rows of a group exchanged together, its draws keyed
// by the recipe's seed and, through it, the same for any two epochs.
func (r *round) pairedTest(metric string) eval.PairedTest {
	values := func(epoch int) ([]float64, []string, error) {
		path := r.files.EpochQueries(rundir.Dev, epoch)
		s, err := r.dir.ReadQueryScores(path)
		if err != nil {
			return nil, nil, err
		}
		column := slices.Index(s.Measures, metric)
		if column < 0 {
			return nil, nil, fmt.Errorf("%s has no %s", path, metric)
		}
		var found []float64
		var groups []string
		for _, q := range s.Queries {
			found, groups = append(found, q.Values[column]), append(groups, q.Group)
		}
		return found, groups, nil
	}
	return func(first, second int) (float64, error) {
		before, groups, err := values(first)
		if err != nil {
			return 0, err
		}
		after, _, err := values(second)
		if err != nil {
			return 0, err
		}
		o := stats.DefaultOptions()
		o.Seed = r.recipe.Seed
		c, err := stats.Compare(before, after, groups, o)
		return c.Randomisation, err
	}
}

// ruleScores are the rule's metric epoch by epoch.
func ruleScores(rule eval.SelectRule, s *rundir.Scores) ([]eval.EpochScore, error) {
	column := -1
	for i, m := range s.Measures {
		if m == rule.Metric {
			column = i
		}
	}
	var values []eval.EpochScore
	for _, e := range s.Epochs {
		v := eval.EpochScore{Epoch: e.Epoch}
		switch {
		case rule.Metric == eval.EvalLoss && e.EvalLoss != nil:
			v.Value = *e.EvalLoss
		case rule.Metric == eval.EvalLoss:
			return nil, fmt.Errorf("epoch %d has no eval_loss", e.Epoch)
		case column >= 0:
			v.Value = e.Dev.All[column]
		case rule.Epoch == nil && !rule.Ask:
			return nil, fmt.Errorf("metric %q is not among eval.metrics", rule.Metric)
		}
		values = append(values, v)
	}
	return values, nil
}

// Select records a person's choice of an epoch of a round: `quarry select`. The next run goes on with it and redoes what depends on it.
func Select(dir *rundir.Dir, round, epoch int, because string) error {
	if strings.TrimSpace(because) == "" {
		return errors.New("a choice needs its reason: --because TEXT")
	}
	if err := checkRound(dir, round); err != nil {
		return err
	}
	scores, err := dir.ReadScores(round)
	if err != nil {
		return fmt.Errorf("round %d has no whole table yet; `quarry report` says how far it is: %w", round, err)
	}
	if epoch < 0 || epoch >= len(scores.Epochs) {
		return fmt.Errorf("round %d has epochs 0 to %d, not %d", round, len(scores.Epochs)-1, epoch)
	}
	return rundir.WriteJSON(dir.FS, dir.Round(round).Choice(), &rundir.Choice{Version: rundir.ScoresVersion, Epoch: epoch, By: byCommand, Because: because, Scores: scores.Digest()})
}

// checkRound refuses a round that the recipe, as the run last followed it, has not.
func checkRound(dir *rundir.Dir, round int) error {
	n, known, err := dir.Rounds()
	if err != nil || !known { // where nothing has run, reading the scores tells
		return err
	}
	switch {
	case round < n:
		return nil
	case n == 1:
		return fmt.Errorf("round %d: the recipe has round 0 alone", round)
	default:
		return fmt.Errorf("round %d: the recipe has rounds 0 to %d", round, n-1)
	}
}

// stageTest is the stamp of the test scores.
const stageTest = "test"

// test scores the base and the chosen epoch on the test split, which nothing else ever sees.
func (r *round) test(ctx context.Context, chosen int) error {
	if r.data.queries[rundir.Test] == nil {
		return nil
	}
	m, err := r.openModel(r.base.path)
	if err != nil {
		return err
	}
	t := r.texts(m)
	if err := m.Close(); err != nil {
		return err
	}
	options := struct {
		Eval   recipe.Eval `json:"eval"`
		Texts  texts       `json:"texts"`
		Chosen int         `json:"chosen"`
	}{r.recipe.Eval, t, chosen}
	// Not the scores alone: two checkpoints may score alike on dev and apart on test.
	digest, err := rundir.TreeDigest(ctx, r.dir.FS, r.files.Epoch(chosen))
	if err != nil {
		return err
	}
	checkpoint := rundir.Input{Name: "checkpoint", Digest: digest}
	inputs := []rundir.Input{r.base.input("base"), checkpoint, r.made(r.files.Scores()), r.made(r.files.Choice()), r.data.input("corpus"), r.data.input("train"), r.data.input("test")}
	stage := r.stage(stageTest, algorithmScores, options, append(append(inputs, r.promotionsOver(r.data.corpus)...), r.trainInputs()...)...)
	epochs := []int{0, chosen}
	if chosen == 0 {
		epochs = epochs[:1]
	}
	outputs := []string{r.files.TestScores()}
	for _, epoch := range epochs {
		outputs = append(outputs, r.files.EpochQueries(rundir.Test, epoch), r.files.EpochRanking(rundir.Test, epoch))
	}
	err = r.do(ctx, work{Stage: stage, outputs: outputs, run: func(ctx context.Context) error {
		scores := rundir.TestScores{Version: rundir.ScoresVersion}
		for _, epoch := range epochs {
			s, set := &scorer{round: r, epoch: epoch}, r.data.set(rundir.Test)
			found, err := s.rank(ctx, set, t, fmt.Sprintf("test epoch %d", epoch))
			if err := errors.Join(err, s.close()); err != nil {
				return err
			}
			means, err := r.measureEpoch(set, epoch, found)
			if err != nil {
				return err
			}
			if err := r.keepRanking(set, epoch, checkpoint, found); err != nil {
				return err
			}
			scores.Epochs = append(scores.Epochs, rundir.EpochTest{Epoch: epoch, Test: means})
		}
		return rundir.WriteJSON(r.dir.FS, r.files.TestScores(), scores)
	}})
	if err != nil || r.events.Epoch == nil {
		return err
	}
	table, err := r.dir.ReadScores(r.index)
	if err == nil {
		r.events.Epoch(r.index, table, &chosen)
	}
	return err
}
