package model

import (
	"fmt"
	"strings"

	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/transformer"
)

var poolings = map[PoolingMode]tensor.Pooling{
	PoolCLS: tensor.CLS, PoolMean: tensor.Mean, PoolMax: tensor.Max, PoolLastToken: tensor.LastToken, PoolWeightedMean: tensor.WeightedMean,
}

// readNetwork finds the prefix of the network's tensors and makes the head's description from the directory's.
func (m *Model) readNetwork() error {
	if err := m.findPrefix(); err != nil {
		return err
	}
	m.head = transformer.Head{Pooling: poolings[m.Contract.Pooling], SkipPrompt: !m.Contract.IncludePrompt, Normalize: m.Contract.Normalize}
	for _, module := range m.Modules {
		if module.Kind != KindDense {
			continue
		}
		d := transformer.Dense{Weight: denseName(module, "linear.weight"), In: module.Dense.In, Out: module.Dense.Out, Activation: activations[module.Dense.Activation]}
		if module.Dense.Bias {
			d.Bias = denseName(module, "linear.bias")
		}
		m.head.Dense = append(m.head.Dense, d)
	}
	return nil
}

// findPrefix looks for the first tensor without a prefix, then with each that the family's files may have.
func (m *Model) findPrefix() error {
	f := m.Config.family
	for _, prefix := range append([]string{""}, f.prefixes...) {
		if _, ok := m.tensors[prefix+f.first]; ok {
			m.prefix = prefix
			return nil
		}
	}
	return fmt.Errorf("%s: no tensor %q, with or without the prefix %q: these are not the weights of a model of type %s",
		m.Path, f.first, strings.Join(f.prefixes, `", "`), f.kind)
}

// Sequence is a text as the network reads it.
type Sequence struct {
	IDs       []int32 // token ids, special tokens included
	Types     []int32 // of a pair, the type of each token; nil where the network takes none
	Skip      int     // leading tokens that belong to the prompt and to specials before it, for poolings that leave them out
	Truncated bool    // whether the text was longer than the limit
}

// Sequence tokenizes a text under a prompt: template around the text, right-truncated to maxLength tokens with the
// special tokens kept; 0 means the contract's length. Under a prompt with a suffix or in-context examples it is read as
// bge-en-icl's queries are (inContext). It is safe for concurrent use.
func (m *Model) Sequence(text string, p Prompt, maxLength int) (Sequence, error) {
	maxLength, err := m.length(maxLength)
	if err != nil {
		return Sequence{}, err
	}
	if p.Suffix != "" || p.Examples != "" {
		return m.inContext(text, p, maxLength)
	}
	room := maxLength - m.Tokenizer.SpecialCount()
	if room < 1 {
		return Sequence{}, fmt.Errorf("max length %d leaves no room for text beside %d special tokens", maxLength, maxLength-room)
	}
	ids := m.Tokenizer.Encode(nil, p.Template.Apply(text))
	return m.sequence(ids, p, maxLength, len(ids) > room), nil
}

// length is the limit of a text: as it is given, or the contract's.
func (m *Model) length(maxLength int) (int, error) {
	if maxLength == 0 {
		maxLength = m.Contract.MaxLength
	}
	if maxLength > m.Config.MaxPositions {
		return 0, fmt.Errorf("max length %d: the model has %d positions", maxLength, m.Config.MaxPositions)
	}
	return maxLength, nil
}

// sequence puts the special tokens around ids, of which no more than fit into the limit remain.
func (m *Model) sequence(ids []int32, p Prompt, limit int, truncated bool) Sequence {
	s := Sequence{Truncated: truncated}
	s.IDs = m.Tokenizer.WithSpecials(make([]int32, 0, len(ids)+m.Tokenizer.SpecialCount()), ids, limit)
	before, _ := split(p.Template)
	if before = p.Examples + before; before != "" && !m.Contract.IncludePrompt {
		// As in sentence-transformers: the length of the prompt alone with its specials, less a closing one.
		s.Skip = min(len(m.Tokenizer.Encode(nil, before))+m.leadingSpecials(), max(0, len(s.IDs)-1))
	}
	return s
}

// leadingSpecials counts the special tokens that stand before a text.
func (m *Model) leadingSpecials() int {
	probe := m.Tokenizer.WithSpecials(nil, []int32{-1}, 0)
	for i, id := range probe {
		if id == -1 {
			return i
		}
	}
	return 0
}
