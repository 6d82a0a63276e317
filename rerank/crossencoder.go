package rerank

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/model"
)

// CrossEncoder is a teacher that reads query and passage together. It belongs to one goroutine.
type CrossEncoder struct {
	model   *model.CrossEncoder
	network *embedding.Embedder // whose vectors are one number long: the logits
	options CrossEncoderOptions
}

// CrossEncoderOptions stand above what a model's directory says. The zero value changes nothing.
type CrossEncoderOptions struct {
	MaxLength int  // tokens of a pair, special ones included; 0 is the model's
	Logits    bool // scores are logits, whatever activation the model names
}

// NewCrossEncoder makes a teacher of an open model on an engine. The weights are checked here.
func NewCrossEncoder(m *model.CrossEncoder, e *compute.Engine, o CrossEncoderOptions) (*CrossEncoder, error) {
	network, err := embedding.New(m.Network, e)
	if err != nil {
		return nil, err
	}
	if _, err := m.Pair("", "", o.MaxLength); err != nil {
		return nil, err
	}
	if o.MaxLength == 0 {
		o.MaxLength = m.MaxLength
	}
	return &CrossEncoder{m, network, o}, nil
}

// Activation is what makes scores of logits.
func (c *CrossEncoder) Activation() model.ScoreActivation {
	if c.options.Logits {
		return model.IdentityScore
	}
	return c.model.Activation
}

// MaxLength is the tokens that are read of a pair.
func (c *CrossEncoder) MaxLength() int { return c.options.MaxLength }

// TrainedError says that a cross-encoder was trained on queries whose pairs it should score: it would say what it has learnt.
type TrainedError struct {
	Queries int    // that it was trained on, of those that are asked about
	Of      int    // queries that are asked about
	First   string // of them
}

// Error implements error.
func (e *TrainedError) Error() string {
	return fmt.Sprintf("the cross-encoder was trained on %d of the %d queries whose pairs it should score, the first %q: it does not judge what it was trained on", e.Queries, e.Of, e.First)
}

// MayJudge implements Judge: pairs of queries that the model was trained on, where its directory says which those are, are a
// *TrainedError.
func (c *CrossEncoder) MayJudge(pairs []Pair) error {
	if len(c.model.Trained) == 0 {
		return nil
	}
	e := &TrainedError{}
	seen := map[string]bool{}
	for _, p := range pairs {
		if seen[p.Query] {
			continue
		}
		seen[p.Query] = true
		e.Of++
		if !c.model.Trained.Has(p.Query) {
			continue
		}
		if e.Queries++; e.Queries == 1 {
			e.First = p.Query
		}
	}
	if e.Queries > 0 {
		return e
	}
	return nil
}

// KnowsOf says whether the model's directory tells which queries it was trained on: without that it may be asked of all, and one that was
// trained on some of them repeats their labels.
func (c *CrossEncoder) KnowsOf() bool { return len(c.model.Trained) > 0 }

// Score implements Teacher. Pairs of queries that the model was trained on are a *TrainedError. An error of memory is an *embedding.MemoryError.
func (c *CrossEncoder) Score(ctx context.Context, pairs []Pair, o Options, sink func(first int, scores []float32) error) (Stats, error) {
	if err := c.MayJudge(pairs); err != nil {
		return Stats{}, err
	}
	const label, unit = "score pairs", "pairs"
	o.progress(label, 0, len(pairs), unit)
	var first atomic.Pointer[Pair]
	var truncated atomic.Int64 // counted where texts become tokens, on another goroutine
	sequences := func(yield func(embedding.Text, error) bool) {
		for i, p := range pairs {
			s, err := c.model.Pair(p.Query, p.Passage, c.options.MaxLength)
			if err != nil {
				yield(embedding.Text{}, fmt.Errorf("pair %d: %w", i, err))
				return
			}
			if s.Truncated {
				truncated.Add(1)
				first.CompareAndSwap(nil, &p)
			}
			if !yield(embedding.Text{IDs: s.IDs, Types: s.Types}, nil) {
				return
			}
		}
	}
	activation := c.Activation()
	read := embedding.Options{MaxLength: c.options.MaxLength, Progress: func(done int) { o.progress(label, done, len(pairs), unit) }}
	stats, err := c.network.Embed(ctx, sequences, read, func(first int, logits []float32) error {
		for i, logit := range logits {
			logits[i] = activation.Apply(logit)
		}
		return sink(first, logits)
	})
	done := Stats{Pairs: stats.Texts, Truncated: int(truncated.Load())}
	if p := first.Load(); p != nil {
		done.First = Cut{*p, BothTexts}
	}
	return done, err
}
