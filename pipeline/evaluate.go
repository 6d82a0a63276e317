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
	"github.com/quarry-ml/quarry/vectors"
)

// algorithmEval is raised when the same checkpoint and data give other scores. 2 keeps them query by query, too.
const algorithmEval = 2

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

// scoreEpoch scores one epoch on dev over the whole corpus, unless that is done, and shows the table so far.
func (r *round) scoreEpoch(ctx context.Context, epoch int) error {
	for _, s := range r.stamps {
		if s.Stage == evalStage(epoch) {
			return nil
		}
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
	options := struct {
		Eval  recipe.Eval `json:"eval"`
		Texts texts       `json:"texts"`
	}{r.recipe.Eval, t}
	name, err := r.dir.Relative(r.files.Epoch(epoch))
	if err != nil {
		return err
	}
	inputs := []rundir.Input{{Name: name, Digest: checkpoint}, r.base.input("base"), r.data.input("corpus"), r.data.input("train"), r.data.input("dev")}
	inputs = append(inputs, r.promotions()...) // training has seen them
	stage := r.stage(evalStage(epoch), algorithmEval, options, inputs...)
	err = r.do(ctx, work{Stage: stage, outputs: []string{r.files.EpochScores(epoch), r.files.EpochQueries(rundir.Dev, epoch)}, run: func(ctx context.Context) error {
		scores, err := r.scoresOf(ctx, epoch, t)
		if err != nil {
			return err
		}
		return rundir.WriteJSON(r.dir.FS, r.files.EpochScores(epoch), scores)
	}})
	if err != nil {
		return err
	}
	if err := r.checkContinuity(epoch); err != nil {
		return err
	}
	return r.showTable(nil)
}

// scoresOf evaluates one epoch on dev.
func (r *round) scoresOf(ctx context.Context, epoch int, t texts) (rundir.EpochScores, error) {
	scores := rundir.EpochScores{Epoch: epoch}
	info, err := r.readEpoch(epoch)
	if err != nil {
		return scores, err
	}
	scores.EvalLoss = info.EvalLoss
	label := fmt.Sprintf("eval epoch %d", epoch)
	found, err := r.minedAlready(epoch)
	if err != nil {
		return scores, err
	}
	if found == nil {
		if found, err = r.rankWith(ctx, epoch, t, rundir.Dev, label); err != nil {
			return scores, err
		}
	}
	scores.Dev, err = r.measureEpoch(rundir.Dev, epoch, found)
	return scores, err
}

// measureEpoch evaluates a split's candidates of an epoch, and keeps what each query scores.
func (r *round) measureEpoch(split rundir.Split, epoch int, found []ranking.Candidates) (rundir.Means, error) {
	s, err := r.evaluate(split, found)
	if err != nil {
		return rundir.Means{}, err
	}
	kept := r.byQuery(split, s)
	kept.Round, kept.Epoch = r.index, epoch
	return meansOf(s), rundir.WriteFile(r.dir.FS, r.files.EpochQueries(split, epoch), kept.Write)
}

// byQuery is the scores of a split query by query, with what they may be told apart by.
func (r *round) byQuery(split rundir.Split, s eval.Scores) *rundir.QueryScores {
	kept := &rundir.QueryScores{Version: rundir.QueriesVersion, Split: split, Convention: string(s.Convention)}
	for _, m := range s.Measures {
		kept.Measures = append(kept.Measures, m.String())
	}
	trained := corpus.Frequencies(r.data.queries[rundir.Train])
	rows := map[string]corpus.Query{}
	for _, q := range r.data.queries[split] {
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
func (r *round) minedAlready(epoch int) ([]ranking.Candidates, error) {
	if epoch != 0 || r.stages.Mine.Source != recipe.Dense || r.miner.digest != r.base.digest || r.toMine != nil || r.toEval != nil || r.depth() < r.evalDepth() {
		return nil, nil
	}
	found, err := r.readCandidates(rundir.Dev)
	for i := range found {
		found[i].Hits = found[i].Hits[:min(r.evalDepth(), len(found[i].Hits))]
	}
	return found, err
}

// evalDepth is the hits kept of each ranking; one more where one of them may be struck.
func (p *Run) evalDepth() int {
	depth := p.recipe.Eval.Depth
	if p.recipe.Eval.Convention == eval.BEIR {
		depth++
	}
	return min(depth, p.data.corpus.Len())
}

// rankWith searches a split's queries with the model of an epoch.
func (r *round) rankWith(ctx context.Context, epoch int, t texts, split rundir.Split, label string) ([]ranking.Candidates, error) {
	m, err := r.openEpoch(epoch)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return r.rankModel(ctx, m, t, split, label)
}

// rankModel searches a split's queries with a model.
func (r *round) rankModel(ctx context.Context, m *model.Model, t texts, split rundir.Split, label string) ([]ranking.Candidates, error) {
	x, err := newEncoder(r, m, t)
	if err != nil {
		return nil, err
	}
	passages, done, err := x.keep(ctx, filepath.Join(r.files.Dir(), "corpus.npy"), label+": corpus", r.data.corpus.Len(), x.passages)
	if err != nil {
		return nil, err
	}
	found, err := r.rankIn(ctx, x, passages.Matrix, split, label)
	return found, errors.Join(err, done())
}

// rankIn searches passages for a split's queries, which are still to be embedded.
func (r *round) rankIn(ctx context.Context, x *encoder, passages vectors.Matrix, split rundir.Split, label string) ([]ranking.Candidates, error) {
	queries := r.data.queries[split]
	asked, done, err := x.keep(ctx, filepath.Join(r.files.Dir(), string(split)+".npy"), label+": "+string(split), len(queries), func(ctx context.Context, label string, sink vectorSink) error {
		return x.queries(ctx, label, queries, sink)
	})
	if err != nil {
		return nil, err
	}
	found := make([]ranking.Candidates, 0, len(queries))
	err = r.rank(ctx, queries, asked.Data, passages, r.evalDepth(), func(_ int, c ranking.Candidates) error {
		found = append(found, c)
		return nil
	})
	return found, errors.Join(err, done())
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
	m, err := r.openModel(r.base.path)
	if err != nil {
		return nil, err
	}
	if err := m.AttachDir(dir); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (p *Run) isAdapter(dir string) (bool, error) {
	_, err := p.dir.FS.Stat(filepath.Join(dir, lora.ConfigName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// measure evaluates a split's candidates and returns their means.
func (r *round) measure(split rundir.Split, found []ranking.Candidates) (rundir.Means, error) {
	s, err := r.evaluate(split, found)
	if err != nil {
		return rundir.Means{}, err
	}
	return meansOf(s), nil
}

// evaluate scores a split's candidates.
func (r *round) evaluate(split rundir.Split, found []ranking.Candidates) (eval.Scores, error) {
	o := eval.Options{Measures: r.recipe.Eval.Metrics, Convention: r.recipe.Eval.Convention, Depth: r.evalDepth(), Order: r.data.corpus.Order()}
	// A corpus smaller than a cutoff is ranked whole: nothing lies beyond it.
	if o.Depth == r.data.corpus.Len() {
		o.Depth = 0
	}
	return eval.Evaluate(r.data.judged(split), found, o)
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
		if !slices.ContainsFunc(r.stamps, func(s *rundir.Stamp) bool { return s.Stage == evalStage(n) }) {
			return n
		}
	}
}

// table collects the scores of the epochs that are scored and unchanged.
func (r *round) table() (*rundir.Scores, error) {
	s := &rundir.Scores{Version: rundir.ScoresVersion, Round: r.index, Convention: string(r.recipe.Eval.Convention)}
	for _, m := range r.recipe.Eval.Metrics {
		s.Measures = append(s.Measures, m.String())
	}
	for epoch := 0; ; epoch++ {
		if !slices.ContainsFunc(r.stamps, func(s *rundir.Stamp) bool { return s.Stage == evalStage(epoch) }) {
			return s, nil
		}
		var row rundir.EpochScores
		if err := rundir.ReadJSON(r.dir.FS, r.files.EpochScores(epoch), &row); err != nil {
			return nil, err
		}
		s.Epochs = append(s.Epochs, row)
	}
}

func (r *round) showTable(chosen *int) error {
	if r.events.Epoch == nil {
		return nil
	}
	s, err := r.table()
	if err == nil {
		r.events.Epoch(r.index, s, chosen)
	}
	return err
}
