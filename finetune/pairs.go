package finetune

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/model"
)

// PairLoss names how a cross-encoder learns from a query's drawn positive and negatives, each read together with the query.
type PairLoss string

// The losses.
const (
	// BinaryCrossEntropy is the mean over the step's pairs of the binary cross entropy of the logit's sigmoid with the label, 1 of a
	// positive and 0 of a negative, as sentence-transformers' BinaryCrossEntropyLoss.
	BinaryCrossEntropy PairLoss = "binary_cross_entropy"
	// CrossEntropy is the mean over the step's queries of the cross entropy of the softmax over the logits of a query's passages with
	// the positive as target, as FlagEmbedding's rerankers are trained.
	CrossEntropy PairLoss = "cross_entropy"
)

// PairOptions train a cross-encoder. The zero value trains an embedder.
type PairOptions struct {
	Loss PairLoss `json:"loss,omitempty"`
	// PositiveWeight multiplies the part of positives in BinaryCrossEntropy, as pos_weight of torch's BCEWithLogitsLoss.
	PositiveWeight float64 `json:"positive_weight,omitempty"`
}

// DefaultPairOptions are those of a cross-encoder's training where nothing is said: sentence-transformers' loss and its rate of
// cross-encoders. All passages of a query are one step's, so the batch is smaller than an embedder's.
func DefaultPairOptions() Options {
	o := DefaultOptions()
	o.Pairs = PairOptions{Loss: BinaryCrossEntropy, PositiveWeight: 1}
	o.LearningRate, o.Batch = 2e-5, 16
	return o
}

// pairs says whether a cross-encoder is trained.
func (o Options) pairs() bool { return o.Pairs.Loss != "" }

// validatePairs names the first option that has no part in the training of a cross-encoder, or cannot be.
func (o Options) validatePairs() error {
	if !o.pairs() {
		if o.Pairs.PositiveWeight != 0 {
			return errors.New("positive_weight has no part without a loss of pairs")
		}
		return nil
	}
	weighted := o.Pairs.Loss == BinaryCrossEntropy
	checks := []struct {
		ok   bool
		what string
	}{
		{weighted || o.Pairs.Loss == CrossEntropy, fmt.Sprintf("loss %q: use %s or %s", o.Pairs.Loss, BinaryCrossEntropy, CrossEntropy)},
		{!weighted || o.Pairs.PositiveWeight > 0 && finite(o.Pairs.PositiveWeight), fmt.Sprintf("positive_weight %g: a positive, finite number", o.Pairs.PositiveWeight)},
		{weighted || o.Pairs.PositiveWeight == 0 || o.Pairs.PositiveWeight == 1, fmt.Sprintf("positive_weight has no part in loss %s", o.Pairs.Loss)},
		{o.Method == Full, fmt.Sprintf("method %q: a cross-encoder is trained in full", o.Method)},
		{o.GroupSize >= 2, fmt.Sprintf("group_size %d: a cross-encoder learns from negatives too, so at least 2", o.GroupSize)},
		{o.Accumulate == 1, fmt.Sprintf("accumulate %d: pairs have no columns to keep apart, so 1", o.Accumulate)},
		{!o.LearnTemperature, "learn_temperature has no part in a cross-encoder's training"},
		{!o.BothDirections, "both_directions has no part in a cross-encoder's training"},
		{o.Distill == "", "distill has no part in a cross-encoder's training"},
		{o.Guide.Mask == "", "a guide has no part in a cross-encoder's training"},
		{len(o.Matryoshka.Dims) == 0, "matryoshka has no part in a cross-encoder's training"},
		{o.Examples == 0, "examples have no part in a cross-encoder's training"},
		{o.ShuffleRatio == 0, "shuffle_ratio has no part in a cross-encoder's training"},
	}
	for _, c := range checks {
		if !c.ok {
			return errors.New(c.what)
		}
	}
	return nil
}

// fits refuses a model that is not of the kind that the options train.
func (o Options) fits(m *model.Model) error {
	switch {
	case o.pairs() && !m.Scores():
		return errors.New("a loss of pairs trains a cross-encoder; the model is an embedder")
	case !o.pairs() && m.Scores():
		return errors.New("a cross-encoder is trained by a loss of pairs")
	}
	return nil
}

// checkPairs sees that pairs can be read and that there is anything to tell apart.
func (d Data) checkPairs() error {
	if d.Pair == nil {
		return errors.New("nothing reads the pairs of queries and passages")
	}
	for _, e := range d.Examples {
		for _, n := range e.Negatives {
			if !contains(e.Known, n) {
				return nil
			}
		}
	}
	return errors.New("no query has a negative: a cross-encoder learns from mined negatives, not from other queries' passages")
}

// withoutKnown takes out of a row the negatives that are known to answer its query, and counts them: they would be pairs of
// the wrong label.
func (d Data) withoutKnown(r row) (row, int) {
	kept := r.passages[:1]
	for _, p := range r.passages[1:] {
		if !contains(d.Examples[r.example].Known, p) {
			kept = append(kept, p)
		}
	}
	masked := len(r.passages) - len(kept)
	r.passages = kept
	return r, masked
}

// maskPairs takes known positives out of the negatives of a cross-encoder's rows, where the options say so.
func (t *Trainer) maskPairs(rows []row) (_ []row, masked int) {
	if !t.options.pairs() || !t.options.MaskKnownPositives {
		return rows, 0
	}
	for i, r := range rows {
		var n int
		rows[i], n = t.data.withoutKnown(r)
		masked += n
	}
	return rows, masked
}

// terms is what the loss of rows is the mean over: pairs, or queries.
func (o Options) terms(rows []row) int {
	if o.Pairs.Loss != BinaryCrossEntropy {
		return len(rows)
	}
	return passagesOf(rows)
}

func passagesOf(rows []row) int {
	n := 0
	for _, r := range rows {
		n += len(r.passages)
	}
	return n
}

// pairBytes is the memory of the logits of pairs and of their gradients.
func pairBytes(pairs int) int64 { return (4 + 4 + 8) * int64(pairs) }

// scorePairs takes the pairs of rows through the network: a logit each, rows after one another.
func (t *Trainer) scorePairs(ctx context.Context, rows []row, keys *dropoutKeys) ([][]float32, error) {
	sequences := t.sequences[:0]
	for _, r := range rows {
		for _, p := range r.passages {
			s, err := t.data.Pair(r.example, p)
			if err != nil {
				return nil, fmt.Errorf("query %q: %w", t.data.Examples[r.example].Key, err)
			}
			sequences = append(sequences, keys.of(s, "pair", t.data.Examples[r.example].Key+"\x00"+t.data.PassageKey(p)))
		}
	}
	t.sequences = sequences
	return t.runner.forward(ctx, sequences, pairBytes(len(sequences)))
}

// pairs scores the pairs of rows, takes the loss, and adds the gradients of the mean over so many terms.
func (t *Trainer) pairs(ctx context.Context, rows []row, keys *dropoutKeys, terms int) (contrastResult, error) {
	logits, err := t.scorePairs(ctx, rows, keys)
	if err != nil {
		return contrastResult{}, err
	}
	pull := make([]float64, len(logits))
	total := t.options.Pairs.loss(rows, logits, pull)
	gradient := resized(t.space.gradient, len(pull))[:0]
	for _, g := range pull {
		gradient = append(gradient, float32(g/float64(terms)))
	}
	t.space.gradient = gradient
	return contrastResult{total: total, contrastive: total}, t.runner.backward(ctx, gradient)
}

// loss is the sum over the terms of rows, whose logits follow one another, the positive's first. Its gradient by logit
// becomes pull, unless that is nil.
func (o PairOptions) loss(rows []row, logits [][]float32, pull []float64) float64 {
	var total float64
	at := 0
	for _, r := range rows {
		n := len(r.passages)
		scores := make([]float64, n)
		for k := range scores {
			scores[k] = float64(logits[at+k][0])
		}
		var into []float64
		if pull != nil {
			into = pull[at : at+n]
		}
		if o.Loss == CrossEntropy {
			total += groupLoss(scores, into)
		} else {
			total += binaryLoss(scores, o.PositiveWeight, into)
		}
		at += n
	}
	return total
}

// groupLoss is -log softmax(scores)[0].
func groupLoss(scores, pull []float64) float64 {
	s := standing(scores, 0, 1)
	for k := range pull {
		pull[k] = s.share(scores[k])
	}
	if pull != nil {
		pull[0]--
	}
	return s.loss
}

// binaryLoss is the sum of weight · log(1 + exp(-score)) of the first, and log(1 + exp(score)) of the others.
func binaryLoss(scores []float64, weight float64, pull []float64) float64 {
	var total float64
	for k, score := range scores {
		sign, w := 1.0, 1.0
		if k == 0 {
			sign, w = -1, weight
		}
		x := sign * score
		rest := math.Exp(-math.Abs(x))
		total += float64(w * (max(x, 0) + math.Log1p(rest)))
		if pull == nil {
			continue
		}
		sigmoid := 1 / (1 + rest)
		if x < 0 {
			sigmoid = rest / (1 + rest)
		}
		pull[k] = sign * w * sigmoid
	}
	return total
}
