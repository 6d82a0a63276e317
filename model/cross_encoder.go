package model

import (
	"errors"
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/tokenizer"
	"github.com/quarry-ml/quarry/model/transformer"
)

// CrossEncoder is an open model directory of a network that reads a query and a passage together and gives them one score
// (Nogueira and Cho, 2019): a sequence classifier with one label.
type CrossEncoder struct {
	// Network is the network with its head. What it makes of a sequence of Pair is one number, the logit. It is no
	// embedder: it has no contract, and its vectors mean nothing but that.
	Network    *Model
	MaxLength  int             // tokens of a pair, special ones included
	Activation ScoreActivation // what makes a score of a logit
	Trained    TrainedQueries  // queries that it was trained on, where that is known

	types bool // its sequences have token types
}

// ScoreActivation is the function that makes a score of a cross-encoder's logit.
type ScoreActivation string

// The activations. sentence-transformers takes the sigmoid where a model of one label names none.
const (
	SigmoidScore  ScoreActivation = "sigmoid"
	IdentityScore ScoreActivation = "identity" // the logit itself
)

// Apply returns the score of a logit. The sigmoid is rounded once from float64.
func (a ScoreActivation) Apply(logit float32) float32 {
	if a == IdentityScore {
		return logit
	}
	return float32(1 / (1 + math.Exp(-float64(logit))))
}

// scorer is what makes a cross-encoder of a family's network.
type scorer struct {
	class string // the architecture
	types bool   // its tokenizers hand on token types, where their files do not say

	// head is the layers on the last hidden state of the first token; prefix is that of the network's tensors.
	head func(prefix string, hidden int) []transformer.Dense
}

// layer is a linear layer of a head; dropped ones have a dropout before them.
func layer(name string, in, out int, act tensor.Activation, dropped bool) transformer.Dense {
	return transformer.Dense{Weight: name + ".weight", Bias: name + ".bias", In: in, Out: out, Activation: act, Dropped: dropped}
}

// OpenCrossEncoder reads a model directory and maps its weights, checked as Open checks those of an embedder. Another
// architecture than those that are supported, an embedder's directory, more than one label, prompts, and an activation that
// is not supported are errors that name what is.
func OpenCrossEncoder(dir string) (*CrossEncoder, error) {
	d, err := readCrossEncoder(dir)
	if err != nil {
		return nil, err
	}
	c, err := openScorer(dir, d.Directory)
	if err != nil {
		return nil, err
	}
	c.Activation, c.Trained = d.activation, d.trained
	return c, nil
}

// openScorer opens the tokenizer and the network of a directory under the head of its family; dir stands for it in errors.
func openScorer(dir string, d *Directory) (*CrossEncoder, error) {
	m := &Model{Directory: d, tensors: map[string]safetensors.Tensor{}, weights: map[string]*compute.Weight{}, scores: true}
	c := &CrossEncoder{Network: m, MaxLength: d.limits.maxLength(), Activation: SigmoidScore}
	var err error
	if m.Tokenizer, err = tokenizer.Load(d.Transformer()); err != nil {
		return nil, err
	}
	if err := m.checkVocabulary(); err != nil {
		return nil, err
	}
	if err := c.checkPairs(); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := c.openNetwork(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return c, nil
}

// checkPairs reads a pair: the tokenizer's template may lack one, or leave no room.
func (c *CrossEncoder) checkPairs() error {
	_, types, err := c.Network.Tokenizer.Pair([]int32{0}, []int32{0}, 0)
	if err != nil {
		return err
	}
	c.types = c.Network.Tokenizer.TokenTypes(c.Network.Config.family.scorer.types)
	if n := c.Network.Config.tokenTypes; c.types {
		for _, kind := range types {
			if kind < 0 || int(kind) >= n {
				return fmt.Errorf("the tokenizer gives tokens of a pair the type %d, config.json's type_vocab_size is %d", kind, n)
			}
		}
	}
	_, err = c.Pair("", "", 0)
	return err
}

// openNetwork maps the weights and puts the head on the network.
func (c *CrossEncoder) openNetwork() error {
	m := c.Network
	if err := m.openFiles(); err != nil {
		return err
	}
	if err := m.findPrefix(); err != nil {
		return err
	}
	m.head = transformer.Head{Pooling: tensor.CLS, Dense: m.Config.family.scorer.head(m.prefix, m.Config.HiddenSize)}
	return m.checkUnused()
}

// Pair tokenizes a query and a passage as one sequence, cut to maxLength tokens from the end of whichever is longer
// (tokenizer.Pair); 0 is the model's own length. It is safe for concurrent use.
func (c *CrossEncoder) Pair(query, passage string, maxLength int) (Sequence, error) {
	return c.PairOfTokens(c.Tokens(query), c.Tokens(passage), maxLength)
}

// Tokens are those of a text in a pair, for PairOfTokens. It is safe for concurrent use.
func (c *CrossEncoder) Tokens(text string) []int32 { return c.Network.Tokenizer.Encode(nil, text) }

// PairOfTokens is Pair of texts whose Tokens are known.
func (c *CrossEncoder) PairOfTokens(query, passage []int32, maxLength int) (Sequence, error) {
	m := c.Network
	if maxLength == 0 {
		maxLength = c.MaxLength
	}
	specials := m.Tokenizer.PairSpecialCount()
	switch {
	case maxLength > m.Config.MaxPositions:
		return Sequence{}, fmt.Errorf("max length %d: the model has %d positions", maxLength, m.Config.MaxPositions)
	case maxLength < specials+2:
		return Sequence{}, fmt.Errorf("max length %d leaves no room for two texts beside %d special tokens", maxLength, specials)
	}
	ids, types, err := m.Tokenizer.Pair(query, passage, maxLength)
	if err != nil {
		return Sequence{}, err
	}
	s := Sequence{IDs: ids, Truncated: len(query)+len(passage)+specials > maxLength}
	if c.types {
		s.Types = types
	}
	return s, nil
}

// Close unmaps the weights. No graph that uses them may run any more.
func (c *CrossEncoder) Close() error { return c.Network.Close() }

// Scores says whether the model is the network of a cross-encoder, whose vectors are logits.
func (m *Model) Scores() bool { return m.scores }
