package pipeline

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prompt"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/vectors"
)

// embed makes the vectors of the corpus and of the train and dev queries with the miner, and with the further models of
// mine.sources. A round without mining needs none.
func (r *round) embed(ctx context.Context) error {
	if r.stages.Mine.Embeds() {
		if err := r.embedByMiner(ctx); err != nil {
			return err
		}
	}
	return r.embedSources(ctx)
}

func (r *round) embedByMiner(ctx context.Context) error {
	m, err := r.openModel(r.miner.path)
	if err != nil {
		return err
	}
	defer m.Close()
	t := r.mineTexts(m)
	options := struct {
		texts
		OfRun bool `json:"passage_vectors_of_run,omitempty"` // those of a set, which then has none of its own
	}{t, r.sharesVectors()}
	stage := r.stage(StageEmbed, embedding.Algorithm, options, append(r.minedInputs(), r.miner.input("miner"))...)
	var outputs []string
	if !r.sharesVectors() {
		outputs = append(outputs, r.files.PassageVectors())
	}
	for _, s := range r.mined() {
		outputs = append(outputs, r.files.QueryVectors(s))
	}
	return r.do(ctx, work{Stage: stage, outputs: outputs, run: func(ctx context.Context) (err error) {
		x, err := newEncoder(r, m, t)
		if err != nil {
			return err
		}
		// None gets its name before all are whole: the stage has one stamp, and what is stopped goes on behind each.
		var files []*rundir.Partial
		defer func() {
			for _, file := range files {
				err = errors.Join(err, file.Close())
			}
		}()
		grow := func(path, label string, rows int, embed embedFunc) error {
			file, err := x.grow(ctx, stage, path, r.label(label), rows, embed)
			if err != nil {
				return err
			}
			files = append(files, file)
			return file.Mark()
		}
		if !r.sharesVectors() {
			if err := grow(r.files.PassageVectors(), "embed corpus", r.data.corpus.Len(), x.passagesOf(x.data.corpus)); err != nil {
				return err
			}
		}
		for _, s := range r.mined() {
			queries := r.data.queries[s]
			if err := grow(r.files.QueryVectors(s), "embed "+string(s), len(queries), x.queriesOf(queries)); err != nil {
				return err
			}
		}
		for _, file := range files {
			if err := file.Finish(); err != nil {
				return err
			}
		}
		return nil
	}})
}

// vectorSink takes rows of vectors in order.
type vectorSink func(first int, rows []float32) error

// encoder embeds a round's texts with one model.
type encoder struct {
	*round
	embedder *embedding.Embedder
	texts    texts
	limit    func(key string) string // what says how many tokens of a text are kept, which a recipe calls key
}

func newEncoder(r *round, m *model.Model, t texts) (*encoder, error) {
	e, err := embedding.New(m, r.engine)
	if err != nil {
		return nil, err
	}
	return &encoder{r, e, t, r.limit}, nil
}

// embedFunc hands the vectors of texts to a sink, but for so many at their start.
type embedFunc func(ctx context.Context, label string, skip int, sink vectorSink) error

// passagesOf hands on the vectors of a corpus.
func (x *encoder) passagesOf(c *corpus.Corpus) embedFunc {
	return func(ctx context.Context, label string, skip int, sink vectorSink) error {
		texts := func(yield func(embedding.Text, error) bool) {
			for _, p := range c.Passages {
				if !yield(embedding.Text{Text: p.Full()}, nil) {
					return
				}
			}
		}
		from := textSource{lengthOfPassages, c.Len(), texts, func(i int) string { return c.Place(int32(i)) }}
		return x.embedTexts(ctx, label, from, embedding.Options{Prompt: x.texts.Passage, MaxLength: x.texts.PassageLength, Skip: skip}, sink)
	}
}

// queriesOf hands on the vectors of queries.
func (x *encoder) queriesOf(queries []corpus.Query) embedFunc {
	return func(ctx context.Context, label string, skip int, sink vectorSink) error {
		texts := func(yield func(embedding.Text, error) bool) {
			for _, q := range queries {
				if !yield(embedding.Text{Text: q.Text, Prompt: x.texts.prompt(q)}, nil) {
					return
				}
			}
		}
		from := textSource{lengthOfQueries, len(queries), texts, func(i int) string { return queries[i].Place() }}
		return x.embedTexts(ctx, label, from, embedding.Options{Prompt: x.texts.Query, MaxLength: x.texts.QueryLength, Skip: skip}, sink)
	}
}

// prompt is what stands around a query: the prompt of all, or of its own row where the recipe asks for that, and behind its
// in-context examples. nil is the prompt of all alone.
func (t texts) prompt(q corpus.Query) *model.Prompt {
	p := t.Query
	if t.FromRow && q.Prompt != "" {
		// A row's prompt is data: what looks like an escape in it is none, and a placeholder was refused when it was read.
		p = model.Prompt{Name: "row", Template: prompt.Template(q.Prompt), Suffix: t.Query.Suffix}
	}
	p.Examples = t.Examples.before(q, t.Query)
	if p == t.Query {
		return nil
	}
	return &p
}

// The keys that say how many tokens of a text are kept.
const (
	lengthOfQueries  = "lengths.query"
	lengthOfPassages = "lengths.passage"
)

// textSource is texts of one kind.
type textSource struct {
	length string // lengthOfQueries or lengthOfPassages
	total  int
	texts  iter.Seq2[embedding.Text, error]
	place  func(i int) string // where the text at a position stands
}

func (x *encoder) embedTexts(ctx context.Context, label string, from textSource, o embedding.Options, sink vectorSink) error {
	o.Taken = x.resting + x.embedder.Attached()
	o.Progress = func(done int) {
		x.progress(Progress{Round: x.index, Stage: label, Done: int64(done), Total: int64(from.total), Unit: "texts"})
	}
	stats, err := x.embedder.Embed(ctx, from.texts, o, sink)
	if err != nil {
		return x.explainMemory(err)
	}
	if stats.Truncated > 0 {
		x.note("round %d: %s: %d of %d texts are longer than %d tokens (%s) and were cut, the first at %s",
			x.index, label, stats.Truncated, stats.Texts, o.MaxLength, x.limit(from.length), from.place(stats.FirstTruncated))
	}
	return nil
}

// limit is what says how many tokens of the round's texts are kept: a key of the recipe and its line, or the model.
func (r *round) limit(key string) string {
	of := r.stages.Lengths
	if length := map[string]int{lengthOfQueries: of.Query, lengthOfPassages: of.Passage}[key]; length > 0 {
		return key + ", " + r.atRound(key)
	}
	return ownLimit(key)
}

// ownLimit is the limit of a text whose length no key gives.
func ownLimit(string) string { return "the model's own limit" }

// write embeds texts into an .npy file of a stage, and goes on with the one that an earlier run has begun.
func (x *encoder) write(ctx context.Context, of rundir.Stage, path, label string, rows int, embed embedFunc) error {
	file, err := x.grow(ctx, of, path, label, rows, embed)
	if err != nil {
		return err
	}
	return errors.Join(file.Finish(), file.Close())
}

// grow is write but for the file's name, which Finish gives it.
func (x *encoder) grow(ctx context.Context, of rundir.Stage, path, label string, rows int, embed embedFunc) (_ *rundir.Partial, err error) {
	file, err := x.dir.OpenPartial(path, of)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	out, ready, err := vectors.ContinueNPY(file, file.Size(), rows, x.embedder.Dimension())
	if err != nil {
		return nil, err
	}
	if ready > 0 {
		x.note("round %d: %s: goes on behind the first %d of %d texts, which are embedded already", x.index, label, ready, rows)
	}
	every := cmp.Or(x.options.MarkEvery, rundir.MarkEvery)
	err = embed(ctx, label, ready, func(_ int, v []float32) error {
		if err := out.Write(v); err != nil {
			return err
		}
		return file.MarkDue(every)
	})
	if err != nil {
		if ctx.Err() != nil {
			_, failed := file.MarkLast()
			err = errors.Join(err, failed)
		}
		return nil, err
	}
	return file, out.Close()
}

func (x *encoder) writer(ctx context.Context, label string, rows int, embed embedFunc) func(io.Writer) error {
	return func(w io.Writer) error {
		out, err := vectors.NewNPYWriter(w, rows, x.embedder.Dimension())
		if err != nil {
			return err
		}
		if err := embed(ctx, label, 0, func(_ int, v []float32) error { return out.Write(v) }); err != nil {
			return err
		}
		return out.Close()
	}
}

// keep embeds texts into a temporary file beside a path and maps it; done gives both up.
func (x *encoder) keep(ctx context.Context, path, label string, rows int, embed embedFunc) (m *vectors.Mapped, done func() error, err error) {
	name, err := rundir.WriteTemporary(x.dir.FS, path, x.writer(ctx, label, rows, embed))
	if err != nil {
		return nil, nil, err
	}
	if m, err = vectors.OpenNPY(name); err != nil {
		return nil, nil, errors.Join(err, x.dir.FS.Remove(name))
	}
	return m, func() error { return errors.Join(m.Close(), x.dir.FS.Remove(name)) }, nil
}
