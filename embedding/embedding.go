// Package embedding turns texts into vectors with a model: tokenizing, batching by tokens and the network, in order.
//
// A Go program that only wants vectors needs model.Open, compute.New and this package.
package embedding

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/transformer"
)

// Algorithm is raised when the same texts and model give other vectors: what is kept by the old number is made again.
const Algorithm = 2

// Text is one input: a string, or token ids that are taken as they are.
type Text struct {
	Text   string
	IDs    []int32
	Types  []int32       // of the ids, as many, where the model has types of tokens: of a cross-encoder's pair; nil is type 0
	Prompt *model.Prompt // of this text alone; nil takes that of the options
}

// Options say how texts become vectors. The zero value embeds plain texts at the model's own length.
type Options struct {
	Prompt    model.Prompt    // around each text
	MaxLength int             // tokens, special ones included; 0 is the model's
	Budget    int             // tokens of a batch, fewer where the memory needs it; 0 is a default. It never changes a vector.
	Taken     int64           // bytes of the engine's memory that the caller's own work on it takes
	Skip      int             // texts at the start that are counted alone, for their vectors are there already
	Progress  func(texts int) // how many have their vectors, those to skip among them, before each batch and after each chunk; beside sink, on another goroutine; may be nil
}

// Stats counts what an Embed call did.
type Stats struct {
	Texts, Tokens, Truncated int
	FirstTruncated           int // position of the first text that was cut; without meaning where none was
}

// Embedder embeds texts with one model on one engine. It belongs to one goroutine.
type Embedder struct {
	model   *model.Model
	engine  *compute.Engine
	graph   *tensor.Graph
	weights []*compute.Weight
	run     *compute.Workspace
	plan    *tensor.Plan
	order   []int         // memory for that of a chunk
	packed  compute.Batch // memory for a batch
	types   []int32       // memory for its types of tokens, which it has where a text has some
}

// leastBudget is the tokens of a batch where few compute: few enough for the activations to stay near the caches, enough to
// share the packing. Of many workers each needs rows of its own (compute.Engine.Filling).
const leastBudget = 2048

// A chunk is the texts that are tokenized, sorted by length and embedded together; the next one is tokenized meanwhile, and the
// one before written. Long texts make chunks of fewer, so that four chunks take a few megabytes. So does a network of billions of weights: vectors
// leave by the chunk, and a run that is stopped should not lose hours.
const (
	chunkTexts  = 1024
	chunkTokens = 256 * chunkTexts
	chunkWork   = 1 << 46 // multiplications; 10,000 tokens of Mistral-7B, which took some 26 minutes on two cores without AVX-512
)

// chunkOf is the tokens that fill a chunk where one takes so many multiplications. No chunk is less than a batch of budget.
func chunkOf(multiplications int64, budget int) int {
	return int(min(chunkTokens, max(chunkWork/max(1, multiplications), int64(budget))))
}

// New prepares a model for inference. The weights are checked here.
func New(m *model.Model, e *compute.Engine) (*Embedder, error) {
	g, err := m.Graph(transformer.Mode{})
	if err != nil {
		return nil, err
	}
	weights, err := m.Weights(g)
	if err != nil {
		return nil, err
	}
	return &Embedder{model: m, engine: e, graph: g, weights: weights}, nil
}

// Dimension is the length of a vector; of a cross-encoder's network it is 1.
func (x *Embedder) Dimension() int { return x.graph.Values[x.graph.Output].Columns }

// Attached is the bytes of memory that the model's adapter takes; none without one.
func (x *Embedder) Attached() int64 { return x.model.Attached() }

// Embed embeds texts and hands rows of vectors to sink in input order, a chunk at a time: vectors is [n, Dimension] for
// the texts from position first on, which begin behind those to skip, and belongs to Embed again after the call. A vector depends on its text alone; a text
// without any token, which only a model without special tokens knows, has the zero vector.
//
// Sink runs on the calling goroutine while the next chunk is encoded, and the one after that waits for it. What was encoded
// before an error or the context's end still goes to sink.
func (x *Embedder) Embed(ctx context.Context, texts iter.Seq2[Text, error], o Options, sink func(first int, vectors []float32) error) (Stats, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := x.prepare(&o); err != nil {
		return Stats{}, err
	}
	full := chunkOf(multiplications(x.graph), o.Budget)
	chunks, encoded, gone := make(chan chunk, 1), make(chan chunk), make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		defer close(chunks)
		x.tokenize(ctx, texts, o, full, chunks)
	})
	wait.Go(func() {
		defer close(encoded)
		x.encode(ctx, o, chunks, encoded, gone)
	})
	defer wait.Wait()
	defer close(gone)
	defer cancel()
	var done Stats
	var failed error
	for c := range encoded {
		if failed != nil {
			continue // until the encoding has ended
		}
		if failed = c.err; failed == nil && len(c.vectors) > 0 {
			failed = sink(done.Texts+c.skipped, c.vectors)
		}
		if failed != nil {
			cancel()
			continue
		}
		if done.Truncated == 0 && c.truncated > 0 {
			done.FirstTruncated = done.Texts + slices.IndexFunc(c.sequences, func(s model.Sequence) bool { return s.Truncated })
		}
		done.Texts += len(c.sequences)
		done.Tokens += c.tokens
		done.Truncated += c.truncated
	}
	return done, cmp.Or(failed, ctx.Err())
}

// encode gives chunks their vectors until they end, fail, or the context does. While one is with its receiver, the next is
// encoded, so that two have vectors. A receiver that is gone, as behind a sink that panics, ends it too.
func (x *Embedder) encode(ctx context.Context, o Options, chunks <-chan chunk, encoded chan<- chunk, gone <-chan struct{}) {
	progress := o.Progress
	if progress == nil {
		progress = func(int) {}
	}
	done := 0
	var vectors, other []float32
	for c := range chunks {
		if c.err == nil {
			c.skipped = min(max(o.Skip-done, 0), len(c.sequences))
			sequences := c.sequences[c.skipped:]
			n := len(sequences) * x.Dimension()
			vectors = slices.Grow(vectors[:0], n)[:n]
			c.vectors = vectors
			c.err = x.embed(ctx, sequences, o, vectors, func(n int) { progress(done + c.skipped + n) })
		}
		if c.err == nil {
			done += len(c.sequences)
			progress(done)
		}
		select {
		case encoded <- c:
		case <-gone:
			return
		}
		if c.err != nil {
			return
		}
		vectors, other = other, vectors
	}
}

// multiplications is how many a token takes in the network's products.
func multiplications(g *tensor.Graph) (n int64) {
	for _, op := range g.Ops {
		if op.Kind == tensor.Linear {
			w := g.Params[op.Params[0]]
			n += int64(w.Rows) * int64(w.Columns)
		}
	}
	return n
}

type chunk struct {
	sequences         []model.Sequence
	tokens, truncated int
	skipped           int       // sequences at the start that get no vector
	vectors           []float32 // of the others
	err               error
}

// tokenize sends chunks of sequences until the texts end, fail, or the context does. So many tokens fill a chunk.
func (x *Embedder) tokenize(ctx context.Context, texts iter.Seq2[Text, error], o Options, full int, out chan<- chunk) {
	send := func(c chunk) bool {
		select {
		case out <- c:
			return c.err == nil
		case <-ctx.Done():
			return false
		}
	}
	var c chunk
	at := 0
	for text, err := range texts {
		if err != nil {
			c.err = err
		} else {
			c.add(x.model, text, o, at)
		}
		at++
		if c.err != nil || len(c.sequences) == chunkTexts || c.tokens >= full {
			if !send(c) {
				return
			}
			c = chunk{}
		}
	}
	if len(c.sequences) > 0 {
		send(c)
	}
}

func (c *chunk) add(m *model.Model, text Text, o Options, at int) {
	s, err := sequence(m, text, o)
	if err != nil {
		c.err = fmt.Errorf("text %d: %w", at, err)
		return
	}
	c.sequences = append(c.sequences, s)
	c.tokens += len(s.IDs)
	if s.Truncated {
		c.truncated++
	}
}

func sequence(m *model.Model, text Text, o Options) (model.Sequence, error) {
	if text.IDs == nil {
		p := o.Prompt
		if text.Prompt != nil {
			p = *text.Prompt
		}
		return m.Sequence(text.Text, p, o.MaxLength)
	}
	// Checked here, where the text's number is known; the network sees it in a batch.
	if text.Types != nil && len(text.Types) != len(text.IDs) {
		return model.Sequence{}, fmt.Errorf("%d token types for %d token ids", len(text.Types), len(text.IDs))
	}
	if n := m.Config.MaxPositions; len(text.IDs) > n {
		return model.Sequence{}, fmt.Errorf("%d token ids: the model has %d positions", len(text.IDs), n)
	}
	for i, id := range text.IDs {
		if id < 0 || int(id) >= m.Config.VocabSize {
			return model.Sequence{}, fmt.Errorf("token id %d at %d is outside the vocabulary of %d", id, i, m.Config.VocabSize)
		}
	}
	return model.Sequence{IDs: text.IDs, Types: text.Types}, nil
}

// embed fills vectors [len(sequences), Dimension], taking the longest texts first so that batches are even, and tells before
// each batch how many are filled.
func (x *Embedder) embed(ctx context.Context, sequences []model.Sequence, o Options, vectors []float32, encoded func(n int)) error {
	x.order = slices.Grow(x.order[:0], len(sequences))[:len(sequences)]
	order := x.order
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(sequences[b].IDs), len(sequences[a].IDs)) })
	for n := len(order) - 1; n >= 0 && len(sequences[order[n]].IDs) == 0; n-- {
		clear(vectors[order[n]*x.Dimension() : (order[n]+1)*x.Dimension()])
		order = order[:n]
	}
	left := 0
	for _, i := range order {
		left += len(sequences[i].IDs)
	}
	for len(order) > 0 {
		encoded(len(sequences) - len(order))
		n, tokens := share(func(i int) int { return len(sequences[order[i]].IDs) }, len(order), left, o.Budget)
		left -= tokens
		if tokens > x.plan.Tokens { // token ids may be more than the length that texts are cut to
			if err := x.reserve(tokens, tokens, o); err != nil {
				return err
			}
		}
		if err := x.batch(ctx, sequences, order[:n], tokens, vectors); err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

// share is how many of n texts of left tokens make the next batch, and of how many tokens: at least one text, no more than the
// budget, and such that the batches to come are about as large. A last one of few tokens would leave most workers idle.
func share(length func(i int) int, n, left, budget int) (texts, tokens int) {
	even := (left + (left+budget-1)/budget - 1) / ((left + budget - 1) / budget)
	for texts < n && tokens < even && (texts == 0 || tokens+length(texts) <= budget) {
		tokens += length(texts)
		texts++
	}
	return texts, tokens
}

func (x *Embedder) batch(ctx context.Context, sequences []model.Sequence, chosen []int, tokens int, vectors []float32) error {
	b := compute.Batch{IDs: x.packed.IDs[:0], Offsets: append(x.packed.Offsets[:0], 0), Skip: x.packed.Skip[:0]}
	for _, i := range chosen {
		b.IDs = append(b.IDs, sequences[i].IDs...)
		b.Offsets = append(b.Offsets, int32(len(b.IDs)))
		b.Skip = append(b.Skip, int32(sequences[i].Skip))
	}
	if slices.ContainsFunc(chosen, func(i int) bool { return sequences[i].Types != nil }) {
		x.types = slices.Grow(x.types[:0], tokens)[:tokens]
		clear(x.types)
		b.Types = x.types
		for row, i := range chosen {
			copy(b.Types[b.Offsets[row]:b.Offsets[row+1]], sequences[i].Types)
		}
	}
	x.packed = b
	out, err := x.run.Forward(ctx, b)
	if err != nil {
		return err
	}
	d := x.Dimension()
	for row, i := range chosen {
		copy(vectors[i*d:(i+1)*d], out[row*d:(row+1)*d])
	}
	return nil
}
