package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/format/teacherscores"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rerank"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/vectors"
)

const keyTeacher = "mine.teacher.model"

// teacherModel is the model that a round asks, opened.
type teacherModel struct {
	network *model.Model
	cross   *model.CrossEncoder // nil of an embedder
	folds   *teacherFolds       // of a directory that holds a cross-encoder for each fold of the queries, of which the first is opened; else nil
}

// openTeacherModel opens the teacher as what it is, or as what the recipe says that it is.
func (r *round) openTeacherModel() (teacherModel, error) {
	t := r.stages.Mine.Teacher
	folds, err := rundir.ReadFoldModels(r.options.FS, t.Model.File)
	if err != nil {
		return teacherModel{}, r.teacherErrorf(keyTeacher, "%s: %w", keyTeacher, err)
	}
	if folds != nil {
		return r.openTeacherFolds(folds)
	}
	if t.Kind != string(rerank.EmbedderKind) {
		c, err := model.OpenCrossEncoder(t.Model.File)
		switch {
		case err == nil && t.EmbedderOnly() != "":
			key := t.EmbedderOnly()
			return teacherModel{}, errors.Join(r.teacherErrorf("mine.teacher."+key, "mine.teacher.%s has no part with a cross-encoder, which %s is", key, t.Model.Written), c.Close())
		case err == nil:
			return teacherModel{network: c.Network, cross: c}, nil
		case t.Kind == string(rerank.CrossEncoderKind) && errors.Is(err, model.ErrNoCrossEncoder):
			return teacherModel{}, r.teacherErrorf(keyTeacher, "%s: %w; an embedder teaches with mine.teacher.kind embedder", keyTeacher, err)
		case t.Kind == string(rerank.CrossEncoderKind) || !errors.Is(err, model.ErrNoCrossEncoder):
			return teacherModel{}, r.teacherErrorf(keyTeacher, "%s: %w", keyTeacher, err)
		}
	}
	m, err := model.Open(t.Model.File, model.Options{Pooling: model.PoolingMode(t.Pooling), Normalize: t.Normalize, TruncateDim: t.TruncateDim})
	if errors.Is(err, model.ErrNoPooling) {
		err = fmt.Errorf("%w by mine.teacher.pooling (cls, mean, …)", err)
	}
	if err != nil {
		return teacherModel{}, r.teacherErrorf(keyTeacher, "%s: %w", keyTeacher, err)
	}
	if t.Logits {
		return teacherModel{}, errors.Join(r.teacherErrorf("mine.teacher.logits", "mine.teacher.logits has no part with an embedder, which %s is", t.Model.Written), m.Close())
	}
	return teacherModel{network: m}, nil
}

// teacherErrorf is a fault of the teacher that a key names.
func (r *round) teacherErrorf(key, format string, args ...any) error {
	return inputErrorf("%s: %w", r.recipe.AtRound(r.index, key), fmt.Errorf(format, args...))
}

func (m teacherModel) close() error {
	if m.network == nil {
		return nil
	}
	return m.network.Close()
}

// teacher is a round's teacher on the run's engine.
type teacher struct {
	rerank.Teacher
	teacherModel
	header         teacherscores.Header // whose scores they are
	query, passage rerank.Side          // of an embedder
}

// close gives up the model, and the vectors that it has made.
func (t *teacher) close() error {
	var kept error
	if e, ok := t.Teacher.(*rerank.Embedder); ok {
		kept = e.Close()
	}
	return errors.Join(kept, t.teacherModel.close())
}

// sharedTeacher is the teacher of all sets of the round, open until closeTeacher: passages that sets share are embedded once.
func (r *round) sharedTeacher(ctx context.Context) (_ *teacher, err error) {
	whole := r.whole()
	if whole.teacher == nil {
		whole.teacher, err = whole.openTeacher(ctx)
	}
	return whole.teacher, err
}

func (r *round) closeTeacher() error {
	t := r.teacher
	if r.teacher = nil; t == nil {
		return nil
	}
	return t.close()
}

// whole is the round over the run's own data.
func (r *round) whole() *round {
	if r.main != nil {
		return r.main
	}
	return r
}

// openTeacher opens the round's teacher. Its weights are checked here.
func (r *round) openTeacher(ctx context.Context) (_ *teacher, err error) {
	opened, err := r.openTeacherModel()
	if err != nil {
		return nil, err
	}
	t := &teacher{teacherModel: opened}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	named := r.stages.Mine.Teacher
	digest := func() (string, error) { return rundir.ModelDigest(ctx, r.options.FS, named.Model.File) }
	if t.cross != nil {
		digest = func() (string, error) { return t.digestCrossEncoder(ctx, r.options.FS, named.Model.File) }
		c, err := rerank.NewCrossEncoder(t.cross, r.engine, rerank.CrossEncoderOptions{MaxLength: named.MaxLength, Logits: named.Logits})
		if err != nil {
			return nil, r.teacherErrorf(keyTeacher, "%s: %w", keyTeacher, err)
		}
		t.Teacher, t.header = c, c.Header()
	} else {
		if t.query, t.passage, err = r.teacherSides(t.network); err != nil {
			return nil, err
		}
		x, err := embedding.New(t.network, r.engine)
		if err != nil {
			return nil, r.teacherErrorf(keyTeacher, "%s: %w", keyTeacher, err)
		}
		e := rerank.NewEmbedder(x, rerank.EmbedderOptions{Query: t.query, Passage: t.passage, Score: t.network.Contract.Score, Keep: r.keepRows()})
		t.Teacher, t.header = e, e.Header(t.network.Contract)
	}
	if t.header.Model, err = digest(); err != nil {
		return nil, r.teacherErrorf(keyTeacher, "%s: %w", keyTeacher, err)
	}
	t.header.Identity = r.engine.Identity()
	return t, r.explainTeacher(r.mayTeach(t))
}

// mayTeach refuses a teacher that was trained on queries that the run, or any of data.sets, mines by it; one of folds, where all of them
// were. What it would be asked of them is known only behind the search.
func (r *round) mayTeach(t *teacher) error {
	judge, ok := t.Teacher.(rerank.Judge)
	if !ok {
		return nil
	}
	var queries []rerank.Pair
	for _, one := range r.whole().all() {
		if !one.stages.Mine.Asks() {
			continue
		}
		for _, s := range one.mined() {
			for _, q := range one.data.queries[s] {
				queries = append(queries, rerank.Pair{Query: q.Text})
			}
		}
	}
	if t.folds != nil {
		return t.folds.mayJudge(queries)
	}
	return judge.MayJudge(queries)
}

// teacherSides is how an embedder reads texts: as the recipe says, else as is stored with the model.
func (r *round) teacherSides(m *model.Model) (query, passage rerank.Side, err error) {
	t := r.stages.Mine.Teacher
	reads := reading{t.MaxLength, t.QueryMaxLength, t.PassageMaxLength, t.QueryPrompt, t.QuerySuffix, t.PassagePrompt}.texts(m.Contract)
	query, passage = rerank.Side{Prompt: reads.Query, MaxLength: reads.QueryLength}, rerank.Side{Prompt: reads.Passage, MaxLength: reads.PassageLength}
	if key, err := reads.checkRoom(m); err != nil {
		return query, passage, r.teacherErrorf("mine.teacher."+key, "mine.teacher.%s, mine.teacher.max_length: %w", key, err)
	}
	return query, passage, nil
}

// keepRows puts the vectors of a teacher by in temporary files of the round.
func (r *round) keepRows() rerank.Keep {
	files := 0
	return func(rows, dim int, fill func(write func(rows []float32) error) error) (rerank.Kept, error) {
		files++
		kept, err := r.keepAt(filepath.Join(r.files.Dir(), fmt.Sprintf("teacher-%d.npy", files)), rows, dim, fill)
		if err != nil {
			return nil, err
		}
		return kept, nil
	}
}

// keepAt puts rows by in a temporary file beside a path and maps it.
func (r *round) keepAt(path string, rows, dim int, fill func(write func(rows []float32) error) error) (keptRows, error) {
	name, err := rundir.WriteTemporary(r.dir.FS, path, func(w io.Writer) error {
		out, err := vectors.NewNPYWriter(w, rows, dim)
		if err != nil {
			return err
		}
		if err := fill(out.Write); err != nil {
			return err
		}
		return out.Close()
	})
	if err != nil {
		return keptRows{}, err
	}
	m, err := vectors.OpenNPY(name)
	if err != nil {
		return keptRows{}, errors.Join(err, r.dir.FS.Remove(name))
	}
	return keptRows{m, r.dir.FS, name}, nil
}

// keptRows is rows in a temporary file, which goes with Close.
type keptRows struct {
	*vectors.Mapped
	fsys rundir.FS
	name string
}

func (k keptRows) Close() error { return errors.Join(k.Mapped.Close(), k.fsys.Remove(k.name)) }

// teachersFootprint is the most that the weights of a teacher take.
func (p *Run) teachersFootprint() (model.Footprint, error) {
	var most model.Footprint
	for i := range p.recipe.Rounds {
		r := p.settings(i)
		if !r.stages.Mine.Asks() {
			continue
		}
		m, err := r.openTeacherModel()
		if err != nil {
			return most, err
		}
		f := m.network.Footprint()
		most.Held, most.Mapped = max(most.Held, f.Held), max(most.Mapped, f.Mapped)
		if err := m.close(); err != nil {
			return most, err
		}
	}
	return most, nil
}

// checkTeacher refuses before the first stage a teacher that cannot be asked.
func (r *round) checkTeacher(ctx context.Context) error {
	for _, one := range r.all() { // the teacher is that of all
		if !one.stages.Mine.Asks() {
			continue
		}
		t, err := one.openTeacher(ctx)
		if err != nil {
			return err
		}
		return t.close()
	}
	return nil
}

// explainTeacher adds to an error of memory which keys change what a teacher takes, and to that of a teacher which knows the
// queries what scores them instead.
func (r *round) explainTeacher(err error) error {
	if trained := (*rerank.TrainedError)(nil); errors.As(err, &trained) {
		return r.teacherErrorf(keyTeacher, "%s: %w; train one for each fold of the queries (quarry finetune --kind cross-encoder --folds) and name their directory, which scores out of fold", keyTeacher, err)
	}
	if known := (*everyFoldError)(nil); errors.As(err, &known) {
		return r.teacherErrorf(keyTeacher, "%s: %s: %w", keyTeacher, r.stages.Mine.Teacher.Model.Written, err)
	}
	if long := (*embedding.MemoryError)(nil); errors.As(err, &long) {
		return r.raiseMemory(err, "mine.teacher.max_length", "mine.teacher.max_length", memoryWant{long.Least, long.Limit, long.Beside})
	}
	return err
}
