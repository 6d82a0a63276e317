package rerank

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/model"
)

// Embedder is a teacher that compares vectors of a second model. Each text is embedded once, in however many pairs it is, and passages once
// in however many calls: their vectors are kept until Close. It belongs to one goroutine.
type Embedder struct {
	embedder *embedding.Embedder
	options  EmbedderOptions
	passages shelf
}

// shelf is passages of all calls so far, and where their vectors are.
type shelf struct {
	kept  []Kept
	place map[string]onShelf
}

type onShelf struct{ kept, row int }

func (s *shelf) row(text string) []float32 {
	at := s.place[text]
	return s.kept[at.kept].Row(at.row)
}

// add puts vectors of further texts by.
func (s *shelf) add(d distinct, rows Kept) {
	if s.place == nil {
		s.place = map[string]onShelf{}
	}
	for row, text := range d.texts {
		s.place[text] = onShelf{len(s.kept), row}
	}
	s.kept = append(s.kept, rows)
}

// EmbedderOptions say how an embedder reads and compares texts.
type EmbedderOptions struct {
	Query, Passage Side
	Score          model.Score // how vectors compare
	Keep           Keep
}

// Side is how the texts of one kind are read.
type Side struct {
	Prompt    model.Prompt
	MaxLength int // tokens, special ones included; 0 is the model's
}

// Keep puts rows of dim numbers by as fill hands them over, so that they need not lie in memory.
type Keep func(rows, dim int, fill func(write func(rows []float32) error) error) (Kept, error)

// Kept is rows that were put by.
type Kept interface {
	Row(i int) []float32
	Close() error
}

// NewEmbedder makes a teacher of an embedder.
func NewEmbedder(x *embedding.Embedder, o EmbedderOptions) *Embedder {
	return &Embedder{embedder: x, options: o}
}

// Close gives the kept vectors up. The teacher may be asked again, and begins anew.
func (e *Embedder) Close() error {
	var errs []error
	for _, rows := range e.passages.kept {
		errs = append(errs, rows.Close())
	}
	e.passages = shelf{}
	return errors.Join(errs...)
}

// Score implements Teacher. A score is the fixed dot product of the two vectors in float64, over their lengths where they are
// compared by cosine, rounded once; that of a vector without length, which a text without a token has, is 0. An error of
// memory is an *embedding.MemoryError.
func (e *Embedder) Score(ctx context.Context, pairs []Pair, o Options, sink func(first int, scores []float32) error) (stats Stats, err error) {
	var queries, passages distinct
	for _, p := range pairs {
		queries.add(p.Query)
		if _, known := e.passages.place[p.Passage]; !known {
			passages.add(p.Passage)
		}
	}
	q, cut, err := e.embed(ctx, "embed queries with the teacher", queries, e.options.Query, o)
	stats.add(cut.of(QueryText))
	if err != nil {
		return stats, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	if len(passages.texts) > 0 {
		p, cut, err := e.embed(ctx, "embed passages with the teacher", passages, e.options.Passage, o)
		stats.add(cut.of(PassageText))
		if err != nil {
			return stats, err
		}
		e.passages.add(passages, p)
	}
	const some = 1024 // pairs between two looks at the context
	scores := make([]float32, 0, some)
	for i, pair := range pairs {
		score := e.compare(q.Row(queries.place[pair.Query]), e.passages.row(pair.Passage))
		if scores = append(scores, score); len(scores) < some && i+1 < len(pairs) {
			continue
		}
		if err := errors.Join(ctx.Err(), sink(stats.Pairs, scores)); err != nil {
			return stats, err
		}
		stats.Pairs += len(scores)
		scores = scores[:0]
	}
	return stats, nil
}

// cutTexts is how many texts were cut, and the first of them.
type cutTexts struct {
	n     int
	first string
}

func (c cutTexts) of(part Part) Stats {
	if c.n == 0 {
		return Stats{}
	}
	first := Cut{Part: part}
	if part == QueryText {
		first.Pair.Query = c.first
	} else {
		first.Pair.Passage = c.first
	}
	return Stats{Truncated: c.n, First: first}
}

// embed keeps the vectors of texts.
func (e *Embedder) embed(ctx context.Context, label string, d distinct, s Side, o Options) (_ Kept, cut cutTexts, _ error) {
	const unit = "texts"
	o.progress(label, 0, len(d.texts), unit)
	kept, err := e.options.Keep(len(d.texts), e.embedder.Dimension(), func(write func(rows []float32) error) error {
		read := embedding.Options{Prompt: s.Prompt, MaxLength: s.MaxLength, Progress: func(done, _ int) { o.progress(label, done, len(d.texts), unit) }}
		done, err := e.embedder.Embed(ctx, d.each, read, func(_ int, rows []float32) error { return write(rows) })
		if cut.n = done.Truncated; cut.n > 0 {
			cut.first = d.texts[done.FirstTruncated]
		}
		if err != nil {
			return fmt.Errorf("%s: %w", label, err)
		}
		return nil
	})
	return kept, cut, err
}

// compare is the score of two vectors.
func (e *Embedder) compare(query, passage []float32) float32 {
	product := kernel.Dot64(query, passage)
	if e.options.Score == model.Cosine {
		lengths := math.Sqrt(kernel.Dot64(query, query)) * math.Sqrt(kernel.Dot64(passage, passage))
		if lengths == 0 {
			return 0
		}
		product /= lengths
	}
	return float32(product)
}
