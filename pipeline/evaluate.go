package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// algorithmEval is raised when the same scores of epochs give another table.
const algorithmEval = 2

// algorithmScores is raised when the same checkpoint and data give other scores of a set: 2 keeps them query by query, too, 3
// also what is ranked.
const algorithmScores = 3

// eval scores every epoch that is not scored yet and writes the round's table.
func (r *round) eval(ctx context.Context) error {
	epochs, err := r.epochs()
	if err != nil {
		return err
	}
	var inputs []rundir.Input
	for epoch := range epochs {
		if err := r.scoreEpoch(ctx, epoch); err != nil {
			return err
		}
		inputs = append(inputs, r.made(r.files.EpochScores(epoch)))
	}
	// The table names its measures and their convention; the epochs' scores hold bare numbers, which may come out the same.
	stage := r.stage(StageEval, algorithmEval, struct {
		Eval recipe.Eval `json:"eval"`
	}{r.recipe.Eval}, inputs...)
	return r.do(ctx, work{Stage: stage, outputs: []string{r.files.Scores()}, run: func(context.Context) error {
		table, err := r.table()
		if err != nil {
			return err
		}
		return rundir.WriteJSON(r.dir.FS, r.files.Scores(), table)
	}})
}

// epochs counts the checkpoints of the round, the base included.
func (r *round) epochs() (int, error) {
	for n := 0; ; n++ {
		if _, err := r.dir.FS.Stat(r.files.Epoch(n)); errors.Is(err, fs.ErrNotExist) {
			return n, nil
		} else if err != nil {
			return 0, err
		}
	}
}

// evalStage is the name of the stamp of one epoch's scores.
func evalStage(epoch int) string { return fmt.Sprintf("eval-epoch-%d", epoch) }

// scoreEpoch scores one epoch on dev and the sets of data.also, each over its whole corpus, unless that is done, and shows
// the table so far.
func (r *round) scoreEpoch(ctx context.Context, epoch int) error {
	if r.scored(epoch) {
		return nil
	}
	checkpoint, err := rundir.TreeDigest(ctx, r.dir.FS, r.files.Epoch(epoch))
	if err != nil {
		return err
	}
	m, err := r.openModel(r.base.path)
	if err != nil {
		return err
	}
	t := r.texts(m)
	if err := m.Close(); err != nil {
		return err
	}
	name, err := r.dir.Relative(r.files.Epoch(epoch))
	if err != nil {
		return err
	}
	s, input := &scorer{round: r, epoch: epoch}, rundir.Input{Name: name, Digest: checkpoint}
	err = r.scoreDev(ctx, s, t, input)
	if err == nil {
		err = r.checkContinuity(epoch)
	}
	if err == nil {
		err = r.scoreAlso(ctx, s, t, input)
	}
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	return r.showTable(nil)
}

// scored says whether an epoch was scored on all sets in this run of the round, or found so.
func (r *round) scored(epoch int) bool {
	return r.stampedAs(evalStage(epoch)) && !slices.ContainsFunc(r.data.also, func(set evalSet) bool {
		return !r.stampedAs(alsoStage(set.also.Name, epoch))
	})
}

func (r *round) stampedAs(stage string) bool {
	return slices.ContainsFunc(r.stamps, func(s *rundir.Stamp) bool { return s.Stage == stage })
}

// scoreDev scores one epoch on dev.
func (r *round) scoreDev(ctx context.Context, s *scorer, t texts, checkpoint rundir.Input) error {
	options := struct {
		Eval  recipe.Eval `json:"eval"`
		Texts texts       `json:"texts"`
	}{r.recipe.Eval, t}
	inputs := []rundir.Input{checkpoint, r.base.input("base"), r.data.input("corpus"), r.data.input("train"), r.data.input("dev")}
	inputs = append(append(inputs, r.promotionsOver(r.data.corpus)...), r.trainInputs()...) // training has seen them
	stage := r.stage(evalStage(s.epoch), algorithmScores, options, inputs...)
	outputs := []string{r.files.EpochScores(s.epoch), r.files.EpochQueries(rundir.Dev, s.epoch), r.files.EpochRanking(rundir.Dev, s.epoch)}
	return r.do(ctx, work{Stage: stage, outputs: outputs, run: func(ctx context.Context) error {
		scores, err := r.scoresOf(ctx, s, t, checkpoint)
		if err != nil {
			return err
		}
		return rundir.WriteJSON(r.dir.FS, r.files.EpochScores(s.epoch), scores)
	}})
}

// scoresOf evaluates one epoch on dev and keeps what it ranks.
func (r *round) scoresOf(ctx context.Context, s *scorer, t texts, checkpoint rundir.Input) (rundir.EpochScores, error) {
	scores := rundir.EpochScores{Epoch: s.epoch}
	info, err := r.readEpoch(s.epoch)
	if err != nil {
		return scores, err
	}
	scores.EvalLoss = info.EvalLoss
	found, err := r.minedAlready(ctx, s.epoch)
	if err != nil {
		return scores, err
	}
	dev := r.data.set(rundir.Dev)
	if found == nil {
		if found, err = s.rank(ctx, dev, t, fmt.Sprintf("eval epoch %d", s.epoch)); err != nil {
			return scores, err
		}
	}
	if scores.Dev, err = r.measureEpoch(dev, s.epoch, found); err != nil {
		return scores, err
	}
	return scores, r.keepRanking(dev, s.epoch, checkpoint, found)
}

// measureEpoch evaluates a set's candidates of an epoch, and keeps what each query scores.
func (r *round) measureEpoch(set evalSet, epoch int, found []ranking.Candidates) (rundir.Means, error) {
	s, err := r.evaluate(set, found)
	if err != nil {
		return rundir.Means{}, err
	}
	kept := r.byQuery(set, s)
	kept.Round, kept.Epoch = r.index, epoch
	return meansOf(s), rundir.WriteFile(r.dir.FS, r.files.EpochQueries(set.split, epoch), kept.Write)
}

// byQuery is the scores of a set query by query, with what they may be told apart by.
func (r *round) byQuery(set evalSet, s eval.Scores) *rundir.QueryScores {
	kept := &rundir.QueryScores{Version: rundir.QueriesVersion, Split: set.split, Convention: string(s.Convention)}
	for _, m := range s.Measures {
		kept.Measures = append(kept.Measures, m.String())
	}
	trained := corpus.Frequencies(r.data.trainedIn(set.corpus)) // positions of another corpus are other passages
	rows := map[string]corpus.Query{}
	for _, q := range set.queries {
		rows[q.Key] = q
	}
	for i, key := range s.Queries {
		q := rundir.QueryScore{ID: key, Group: s.Groups[i], Words: rows[key].Words(), Values: s.PerQuery[i]}
		for _, passage := range rows[key].Positives {
			q.Frequency = max(q.Frequency, trained[passage])
		}
		q.Seen = q.Frequency > 0
		kept.Queries = append(kept.Queries, q)
	}
	return kept
}

func (r *round) readEpoch(epoch int) (epochInfo, error) {
	var info epochInfo
	path := filepath.Join(r.files.Epoch(epoch), epochInfoName)
	err := rundir.ReadJSON(r.dir.FS, path, &info)
	if err == nil && info.Version != 1 {
		err = fmt.Errorf("%s: version %d; this program reads 1", path, info.Version)
	}
	return info, err
}

// minedAlready returns the miner's own candidates of dev where the miner is the base under the same texts: epoch 0 needs
// no second search. They are cut to what other epochs are ranked to, for some measures look at all hits there are.
func (r *round) minedAlready(ctx context.Context, epoch int) ([]ranking.Candidates, error) {
	if epoch != 0 || r.stages.Mine.Source != recipe.Dense || r.miner.digest != r.base.digest || r.toMine != nil || r.toEval != nil || r.depth() < r.evalDepth(r.data.corpus) {
		return nil, nil
	}
	found, err := r.readCandidates(ctx, rundir.Dev)
	depth := r.evalDepth(r.data.corpus)
	for i := range found {
		found[i].Hits = found[i].Hits[:min(depth, len(found[i].Hits))]
	}
	return found, err
}

// evalDepth is the hits kept of each ranking of a corpus; one more where one of them may be struck.
func (p *Run) evalDepth(c *corpus.Corpus) int {
	depth := p.recipe.Eval.Depth
	if p.recipe.Eval.Convention == eval.BEIR {
		depth++
	}
	return min(depth, c.Len())
}

// openEpoch opens the model of an epoch.
func (r *round) openEpoch(epoch int) (*model.Model, error) {
	if epoch == 0 {
		return r.openModel(r.base.path)
	}
	return r.openCheckpoint(r.files.Epoch(epoch))
}

// openCheckpoint opens what an epoch left: a full checkpoint, or the base with an adapter.
func (r *round) openCheckpoint(dir string) (*model.Model, error) {
	adapter, err := r.isAdapter(dir)
	if err != nil {
		return nil, err
	}
	if !adapter {
		return r.openModel(dir)
	}
	return r.opened(model.OpenAdapted(r.base.path, dir, r.modelOptions()))
}

func (p *Run) isAdapter(dir string) (bool, error) {
	_, err := p.dir.FS.Stat(filepath.Join(dir, lora.ConfigName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// evaluate scores a set's candidates.
func (r *round) evaluate(set evalSet, found []ranking.Candidates) (eval.Scores, error) {
	o := eval.Options{Measures: r.recipe.Eval.Metrics, Convention: r.recipe.Eval.Convention, Depth: r.evalDepth(set.corpus), Order: set.corpus.Order()}
	// A corpus smaller than a cutoff is ranked whole: nothing lies beyond it.
	if o.Depth == set.corpus.Len() {
		o.Depth = 0
	}
	return eval.Evaluate(r.data.judged(set), found, o)
}

func meansOf(s eval.Scores) rundir.Means {
	m := rundir.Means{Queries: len(s.Queries), All: s.Means}
	for _, slice := range s.Slices {
		into := &m.Seen
		if slice.Name == "unseen" {
			into = &m.Unseen
		}
		*into = rundir.Slice{Queries: slice.Queries, Means: slice.Means}
	}
	return m
}

// stamped counts the epochs that are scored and unchanged.
func (r *round) stamped() int {
	for n := 0; ; n++ {
		if !r.stampedAs(evalStage(n)) {
			return n
		}
	}
}

// table collects the scores of the epochs that are scored and unchanged.
func (r *round) table() (*rundir.Scores, error) {
	s := &rundir.Scores{Version: rundir.ScoresVersion, Round: r.index, Convention: string(r.recipe.Eval.Convention), Measures: r.measureNames()}
	for epoch := 0; ; epoch++ {
		if !r.stampedAs(evalStage(epoch)) {
			return s, nil
		}
		var row rundir.EpochScores
		if err := rundir.ReadJSON(r.dir.FS, r.files.EpochScores(epoch), &row); err != nil {
			return nil, err
		}
		s.Epochs = append(s.Epochs, row)
	}
}

func (p *Run) measureNames() []string {
	var names []string
	for _, m := range p.recipe.Eval.Metrics {
		names = append(names, m.String())
	}
	return names
}

func (r *round) showTable(chosen *int) error {
	if r.events.Epoch == nil {
		return nil
	}
	s, err := r.table()
	if err == nil {
		err = r.addAlso(s)
	}
	if err == nil {
		r.events.Epoch(r.index, s, chosen)
	}
	return err
}
