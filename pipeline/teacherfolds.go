package pipeline

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rerank"
	"github.com/quarry-ml/quarry/rundir"
)

// teacherFolds is a directory of cross-encoders that were each trained without a fold of the queries. Each query's pairs are scored by the
// first that does not know it.
type teacherFolds struct {
	list    *rundir.FoldModels
	dir     string
	trained []model.TrainedQueries // on which each was trained; nil before they are digested
}

// openTeacherFolds opens the first cross-encoder of a directory. The others are of its size.
func (r *round) openTeacherFolds(list *rundir.FoldModels) (teacherModel, error) {
	t := r.stages.Mine.Teacher
	if t.Kind == string(rerank.EmbedderKind) {
		return teacherModel{}, r.teacherErrorf("mine.teacher.kind", "mine.teacher.kind %s: %s holds cross-encoders, one for each fold (%s)", t.Kind, t.Model.Written, model.FoldsName)
	}
	if key := t.EmbedderOnly(); key != "" {
		return teacherModel{}, r.teacherErrorf("mine.teacher."+key, "mine.teacher.%s has no part with cross-encoders, which %s holds (%s)", key, t.Model.Written, model.FoldsName)
	}
	folds := &teacherFolds{list: list, dir: t.Model.File}
	c, err := model.OpenCrossEncoder(folds.place(0))
	if err != nil {
		return teacherModel{}, r.teacherErrorf(keyTeacher, "%s: %w", keyTeacher, err)
	}
	return teacherModel{c.Network, c, folds}, nil
}

func (f *teacherFolds) place(fold int) string {
	return filepath.Join(f.dir, filepath.FromSlash(f.list.Folds[fold].Model))
}

// digestCrossEncoder is the digest of a cross-encoder, or of all that a directory of folds holds, each of which has to be as it was
// trained.
func (m *teacherModel) digestCrossEncoder(ctx context.Context, fsys rundir.FS, dir string) (_ string, err error) {
	if m.folds == nil {
		return rundir.CrossEncoderDigest(ctx, fsys, dir)
	}
	m.folds.trained, err = m.folds.list.Trained(ctx, fsys, dir)
	return m.folds.list.Digest(), err
}

// everyFoldError says that no cross-encoder of a directory may judge a query.
type everyFoldError struct{ error }

// Unwrap is the query.
func (e *everyFoldError) Unwrap() error { return e.error }

// mayJudge refuses queries that no fold may be asked of.
func (f *teacherFolds) mayJudge(queries []rerank.Pair) error {
	asked := func(yield func([]rerank.Pair, error) bool) {
		for one := range slices.Chunk(queries, 1) {
			if !yield(one, nil) {
				return
			}
		}
	}
	if _, err := rerank.OutOfFold(asked, f.trained); err != nil {
		return &everyFoldError{err}
	}
	return nil
}

// judged are the pairs that the first fold may be asked of.
func (f *teacherFolds) judged(pairs []rerank.Pair) []rerank.Pair {
	var may []rerank.Pair
	for _, p := range pairs {
		if !f.trained[0].Has(p.Query) {
			may = append(may, p)
		}
	}
	return may
}

// scoreOutOfFold returns the scores of pairs, each by the first cross-encoder that does not know its query. One is open at a time.
func (r *round) scoreOutOfFold(ctx context.Context, t *teacher, asked rerank.Asked) (scores [][]float32, counts rerank.Counts, err error) {
	by, err := rerank.OutOfFold(asked, t.folds.trained)
	if err != nil {
		return nil, counts, &everyFoldError{err}
	}
	scores, err = rerank.ScoresByFold(asked, by, len(t.folds.list.Folds), func(fold int, asked rerank.Asked, sink func([]float32) error) error {
		if err := r.openFold(t, fold); err != nil {
			return err
		}
		header := t.header
		header.Model = t.folds.list.Folds[fold].Digest
		more, err := r.scoredBy(ctx, t.Teacher, header, asked, sink)
		counts.Add(more)
		return err
	})
	return scores, counts, err
}

// openFold opens a fold's cross-encoder in place of the one that is open.
func (r *round) openFold(t *teacher, fold int) error {
	if err := t.close(); err != nil {
		return err
	}
	t.network = nil
	c, err := model.OpenCrossEncoder(t.folds.place(fold))
	if err != nil {
		return r.teacherErrorf(keyTeacher, "%s: %w", keyTeacher, err)
	}
	t.network, t.cross = c.Network, c
	named := r.stages.Mine.Teacher
	asked, err := rerank.NewCrossEncoder(c, r.engine, rerank.CrossEncoderOptions{MaxLength: named.MaxLength, Logits: named.Logits})
	if err != nil {
		return r.teacherErrorf(keyTeacher, "%s: %w", keyTeacher, err)
	}
	t.Teacher = asked
	return nil
}
