package rerank

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/model"
)

// Embedder is a teacher that compares vectors of a second model. Each text is embedded once, in however many pairs it is, and passages once
// in however many calls: their vectors are kept until Close. It belongs to one goroutine.
type Embedder struct {
	embedder *embedding.Embedder
	options  EmbedderOptions
	passages shelf // of all calls so far
}

// shelf is texts that are embedded, and where their vectors are.
type shelf struct {
	kept  []Kept
	place map[string]onShelf
}

type onShelf struct{ kept, row int }

func (s *shelf) row(text string) []float32 {
	at := s.place[text]
	return s.kept[at.kept].Row(at.row)
}

// addNew lists a text that is not on the shelf.
func (s *shelf) addNew(to *distinct, text string) {
	if _, known := s.place[text]; !known {
		to.add(text)
	}
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
func (e *Embedder) Close() error { return e.passages.close() }

// close empties the shelf.
func (s *shelf) close() error {
	var errs []error
	for _, rows := range s.kept {
		errs = append(errs, rows.Close())
	}
	*s = shelf{}
	return errors.Join(errs...)
}

// partTexts is how many texts are embedded before the pairs that wait for them are scored: what an interruption costs. A part of a
// large shelf is larger, so that the vectors lie in few pieces.
func (s *shelf) partTexts() int {
	const least, share = 1024, 32
	return max(least, len(s.place)/share)
}

// Score implements Teacher. A score is the fixed dot product of the two vectors in float64, over their lengths where they are
// compared by cosine, rounded once; that of a vector without length, which a text without a token has, is 0. Texts are embedded in
// parts, and the pairs of each are handed over before the next begins. An error of memory is an *embedding.MemoryError.
func (e *Embedder) Score(ctx context.Context, pairs []Pair, o Options, sink func(first int, scores []float32) error) (stats Stats, err error) {
	p := parts{Embedder: e, options: o, total: e.newTexts(pairs)}
	defer func() { err = errors.Join(err, p.queries.close()) }()
	for len(pairs) > 0 {
		n, queries, passages := p.next(pairs)
		cut, err := p.embed(ctx, "queries", queries, e.options.Query, &p.queries)
		stats.add(cut.of(QueryText))
		if err != nil {
			return stats, err
		}
		cut, err = p.embed(ctx, "passages", passages, e.options.Passage, &e.passages)
		stats.add(cut.of(PassageText))
		if err != nil {
			return stats, err
		}
		if err := p.score(ctx, pairs[:n], &stats.Pairs, sink); err != nil {
			return stats, err
		}
		pairs = pairs[n:]
	}
	return stats, nil
}

// newTexts counts the texts of pairs that are to be embedded.
func (e *Embedder) newTexts(pairs []Pair) int {
	var queries, passages distinct
	for _, p := range pairs {
		queries.add(p.Query)
		e.passages.addNew(&passages, p.Passage)
	}
	return len(queries.texts) + len(passages.texts)
}

// parts is a call of Score.
type parts struct {
	*Embedder
	options     Options
	queries     shelf
	done, total int // texts
}

// next is the pairs of the next part, and those of their texts that are not embedded yet.
func (p *parts) next(pairs []Pair) (n int, queries, passages distinct) {
	most := p.passages.partTexts()
	for n < len(pairs) && len(queries.texts)+len(passages.texts) < most {
		p.queries.addNew(&queries, pairs[n].Query)
		p.passages.addNew(&passages, pairs[n].Passage)
		n++
	}
	return n, queries, passages
}

// score hands the scores of pairs to sink whose texts are embedded, and counts them.
func (p *parts) score(ctx context.Context, pairs []Pair, done *int, sink func(first int, scores []float32) error) error {
	const some = 1024 // pairs between two looks at the context
	for pairs := range slices.Chunk(pairs, some) {
		scores := make([]float32, len(pairs))
		for i, pair := range pairs {
			scores[i] = p.compare(p.queries.row(pair.Query), p.passages.row(pair.Passage))
		}
		if err := errors.Join(ctx.Err(), sink(*done, scores)); err != nil {
			return err
		}
		*done += len(scores)
	}
	return nil
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

// embed puts the vectors of texts on a shelf.
func (p *parts) embed(ctx context.Context, what string, d distinct, side Side, onto *shelf) (cut cutTexts, _ error) {
	if len(d.texts) == 0 {
		return cut, nil
	}
	progress := func(done int) { p.options.progress("embed texts with the teacher", p.done+done, p.total, "texts") }
	progress(0)
	kept, err := p.Embedder.options.Keep(len(d.texts), p.embedder.Dimension(), func(write func(rows []float32) error) error {
		read := embedding.Options{Prompt: side.Prompt, MaxLength: side.MaxLength, Progress: progress}
		done, err := p.embedder.Embed(ctx, d.each, read, func(_ int, rows []float32) error { return write(rows) })
		if cut.n = done.Truncated; cut.n > 0 {
			cut.first = d.texts[done.FirstTruncated]
		}
		if err != nil {
			return fmt.Errorf("embed %s with the teacher: %w", what, err)
		}
		return nil
	})
	if err != nil {
		return cut, err
	}
	p.done += len(d.texts)
	onto.add(d, kept)
	return cut, nil
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
