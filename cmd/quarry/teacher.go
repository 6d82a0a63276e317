package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/format/teacherscores"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rerank"
	"github.com/quarry-ml/quarry/rundir"
)

// The kinds of teachers.
const (
	crossEncoderKind = string(rerank.CrossEncoderKind)
	embedderKind     = string(rerank.EmbedderKind)
	autoKind         = recipe.AutoTeacher // as the directory says
)

// TeacherOptions are the flags that name a teacher and say how it reads.
type TeacherOptions struct {
	Model  ModelOptions
	Kind   string
	Logits bool
	Cache  string
	Texts  TextOptions
	Engine EngineOptions

	flag   string // that names it; empty is teacher
	prefix string // of the flags --kind and --logits
	digest string // of a cross-encoder whose files were digested; empty where they have to be
}

// AddFlags adds the flags to a command.
func (o *TeacherOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Model.Model, "teacher", "", "model `directory` in Hugging Face's layout, or a Hugging Face name")
	f.StringVar(&o.Kind, "kind", autoKind, "auto, as the teacher's directory says; cross-encoder or embedder")
	f.BoolVar(&o.Logits, "logits", false, "score by a cross-encoder's logits, whatever activation it names")
	f.StringVar(&o.Cache, "cache", "", "`file` of the teacher's scores (one of its own in Quarry's cache)")
	o.Model.addAbove(f)
	o.Texts.AddFlags(f)
	o.Engine.AddFlags(f)
}

// named is the name of the flag that names the teacher.
func (o TeacherOptions) named() string { return cmp.Or(o.flag, "teacher") }

// validate refuses flags that have no part with the teacher's kind.
func (o TeacherOptions) validate() error {
	switch o.Kind {
	case autoKind:
		if err := o.Texts.set.needs("--"+o.prefix+"kind embedder", "weights"); err != nil {
			return err
		}
	case crossEncoderKind:
		err := o.Texts.set.needs("--"+o.prefix+"kind embedder", "query-prompt", "query-suffix", "passage-prompt", "query-max-length", "passage-max-length",
			"pooling", "normalize", "truncate-dim", "additional-special-tokens", "weights")
		if err != nil {
			return err
		}
	case embedderKind:
		if o.Logits {
			return badInputf("--%slogits has no part without --%skind cross-encoder", o.prefix, o.prefix)
		}
	default:
		return badInputf("--%skind %q: use %s, %s or %s", o.prefix, o.Kind, autoKind, crossEncoderKind, embedderKind)
	}
	return o.Texts.validate()
}

// identify finds out what a teacher of kind auto is, and refuses one that cannot be asked before anything is done for it.
func (o *TeacherOptions) identify(ctx context.Context, h *host) error {
	found, err := o.Model.locate(ctx, h, o.Model.Model)
	if err != nil {
		return fmt.Errorf("--%s: %w", o.named(), err)
	}
	folds, err := rundir.ReadFoldModels(rundir.OS{}, found.dir)
	if err != nil {
		return badInputf("--%s: %w", o.named(), err)
	}
	if folds != nil {
		if o.Kind == autoKind {
			o.Kind = crossEncoderKind
		}
		return errors.Join(o.validate(), o.checkOutOfFold(found.dir))
	}
	if o.Kind != embedderKind {
		c, err := model.OpenCrossEncoder(found.dir)
		switch {
		case err == nil:
			o.Kind = crossEncoderKind
			return errors.Join(o.validate(), c.Close())
		case o.Kind == autoKind && errors.Is(err, model.ErrNoCrossEncoder):
			o.Kind = embedderKind
		default:
			return o.noCrossEncoder(err)
		}
	}
	if err := o.validate(); err != nil {
		return err
	}
	above, err := o.Model.options()
	if err != nil {
		return err
	}
	m, err := model.Open(found.dir, above)
	if err != nil {
		return badInputf("--%s: %w", o.named(), wantPooling(err))
	}
	return m.Close()
}

// noCrossEncoder is the error of a directory that does not open as one.
func (o TeacherOptions) noCrossEncoder(err error) error {
	if errors.Is(err, model.ErrNoCrossEncoder) && o.flag == "" {
		return badInputf("--teacher: %w; an embedder teaches with --%skind embedder", err, o.prefix)
	}
	return badInputf("--%s: %w", o.named(), err)
}

// said is what a teacher said of pairs.
type said struct {
	scores [][]float32          // by query, in the order of the pairs
	header teacherscores.Header // whose they are; the model of out-of-fold teachers is all of theirs
	counts rerank.Counts
	models []string // of out-of-fold teachers, by fold; nil of one teacher
	by     []int    // the fold whose teacher scored each query's pairs
}

// score returns the scores of so many pairs by a teacher that is identified. Those that its file has are not asked for again.
func (o TeacherOptions) score(ctx context.Context, h *host, asked rerank.Asked, pairs int) (s said, err error) {
	found, err := o.Model.locate(ctx, h, o.Model.Model)
	if err != nil {
		return said{}, fmt.Errorf("--%s: %w", o.named(), err)
	}
	folds, err := rundir.ReadFoldModels(rundir.OS{}, found.dir)
	if err != nil {
		return said{}, badInputf("--%s: %w", o.named(), err)
	}
	if folds != nil {
		return o.scoreOutOfFold(ctx, h, found.dir, folds, asked, pairs)
	}
	s.header, s.counts, err = o.scoreByOne(ctx, h, asked, pairs, func(scores []float32) error {
		s.scores = append(s.scores, scores)
		return nil
	})
	return s, err
}

// scoreByOne hands on the scores of a teacher that is one model.
func (o TeacherOptions) scoreByOne(ctx context.Context, h *host, asked rerank.Asked, pairs int, sink func([]float32) error) (header teacherscores.Header, counts rerank.Counts, err error) {
	t, err := o.open(ctx, h, pairs)
	if err != nil {
		return header, counts, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	path := o.Cache
	if path == "" {
		cache, err := h.quarryCache()
		if err != nil {
			return header, counts, err
		}
		path = filepath.Join(teacherScoresIn(cache), rundir.TeacherScoresName(t.header))
	}
	waiting := func() { h.note("waiting: another quarry asks this teacher (%s)", path) }
	err = rundir.InTurn(ctx, path+".lock", waiting, func() error {
		store, err := rundir.OpenTeacherScores(rundir.OS{}, path, t.header)
		if err != nil {
			return inputUnlessWriting(err)
		}
		progress := func(label string, done, total int, unit string) {
			h.progress(progress{Label: label, Done: int64(done), Total: int64(total), Unit: unit})
		}
		counts, err = rerank.Scores(ctx, t.teacher, asked, keptScores{store}, rerank.Options{Progress: progress}, sink)
		return errors.Join(err, store.Close())
	})
	if as[*rerank.TrainedError](err) {
		return header, counts, badInputf("--%s %s: %w; train one for each fold of the queries (quarry finetune --kind cross-encoder --folds) and name their directory", o.named(), o.Model.Model, err)
	}
	if err != nil {
		return header, counts, h.raise(err, "--max-length")
	}
	return t.header, counts, nil
}

// keptScores are a teacher's scores in a file, whose faults are the user's.
type keptScores struct{ *rundir.TeacherScores }

// Find implements rerank.Store.
func (k keptScores) Find(wanted func(rerank.Digest) bool) (teacherscores.Scores, error) {
	scores, err := k.TeacherScores.Find(wanted)
	return scores, inputUnlessWriting(err)
}

// teacherScoresIn is the folder of teachers' scores in Quarry's cache.
func teacherScoresIn(cache string) string { return filepath.Join(cache, "teacher-scores") }

// untoldTraining is noted of a cross-encoder that Quarry cannot keep from what it was trained on.
const untoldTraining = "no " + model.TrainedQueriesName + " tells which queries it was trained on, so that it is asked of all of them: if it was fine-tuned on any, it repeats their labels"

// openTeacher is a teacher at work.
type openTeacher struct {
	teacher rerank.Teacher
	header  teacherscores.Header // whose scores they are
	model   *model.Model
	engine  *compute.Engine
}

func (t *openTeacher) close() error {
	var kept error
	if e, ok := t.teacher.(*rerank.Embedder); ok {
		kept = e.Close()
	}
	t.engine.Close()
	return errors.Join(kept, t.model.Close())
}

// open finds the teacher and opens it on an engine, beside what so many pairs take.
func (o TeacherOptions) open(ctx context.Context, h *host, pairs int) (*openTeacher, error) {
	above, err := o.Model.options()
	if err != nil {
		return nil, err
	}
	found, err := o.Model.locate(ctx, h, o.Model.Model)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", o.named(), err)
	}
	const perPair = 8 // a position or a place, and a score
	taken := perPair*int64(pairs) + rerank.BlockBytes(pairs)
	if o.Kind == embedderKind {
		return o.openEmbedder(ctx, h, found.dir, above, taken)
	}
	return o.openCrossEncoder(ctx, h, found.dir, taken)
}

// withTaken adds bytes of memory to what weights take.
func withTaken(weights model.Footprint, taken int64) model.Footprint {
	weights.Held += taken
	return weights
}

func (o TeacherOptions) openCrossEncoder(ctx context.Context, h *host, dir string, taken int64) (_ *openTeacher, err error) {
	c, err := model.OpenCrossEncoder(dir)
	if err != nil {
		return nil, o.noCrossEncoder(err)
	}
	t := &openTeacher{model: c.Network}
	if t.engine, err = o.Engine.open(h, withTaken(c.Network.Footprint(), taken)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	teacher, err := rerank.NewCrossEncoder(c, t.engine, rerank.CrossEncoderOptions{MaxLength: o.Texts.MaxLength, Logits: o.Logits})
	if err != nil {
		return nil, errors.Join(badInputf("--%s: %w", o.named(), err), t.close())
	}
	if !teacher.KnowsOf() {
		h.note("%s: "+untoldTraining, o.Model.Model)
	}
	digest := o.digest
	if digest == "" {
		if digest, err = rundir.CrossEncoderDigest(ctx, rundir.OS{}, dir); err != nil {
			return nil, errors.Join(err, t.close())
		}
	}
	t.teacher = teacher
	t.header = teacher.Header()
	t.header.Model, t.header.Identity = digest, t.engine.Identity()
	return t, nil
}

func (o TeacherOptions) openEmbedder(ctx context.Context, h *host, dir string, above model.Options, taken int64) (_ *openTeacher, err error) {
	m, err := model.Open(dir, above)
	if err != nil {
		return nil, badInputf("--%s: %w", o.named(), wantPooling(err))
	}
	t := &openTeacher{model: m}
	o.Engine.weights = o.Model.Weights
	if t.engine, err = o.Engine.open(h, withTaken(m.Footprint(), taken)); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	query, passage, err := o.Texts.sides(m)
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	x, err := embedding.New(m, t.engine)
	if err != nil {
		return nil, errors.Join(badInputf("--%s: %w", o.named(), err), t.close())
	}
	digest, err := rundir.ModelDigest(ctx, rundir.OS{}, dir)
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	teacher := rerank.NewEmbedder(x, rerank.EmbedderOptions{
		Query: rerank.Side{Prompt: query.prompt, MaxLength: query.maxLength}, Passage: rerank.Side{Prompt: passage.prompt, MaxLength: passage.maxLength},
		Score: m.Contract.Score,
		Keep: func(rows, dim int, fill func(write func([]float32) error) error) (rerank.Kept, error) {
			return keep(rows, dim, fill)
		},
	})
	t.teacher, t.header = teacher, teacher.Header(m.Contract)
	t.header.Model, t.header.Identity = digest, t.engine.Identity()
	return t, nil
}
