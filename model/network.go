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
	Skip      int     // leading tokens that belong to the prompt and to specials before it, for poolings that leave them out
	Truncated bool    // whether the text was longer than the limit
}

// Sequence tokenizes a text under a prompt: template around the text, right-truncated to maxLength tokens with the
// suffix and the special tokens kept; 0 means the contract's length. It is safe for concurrent use.
func (m *Model) Sequence(text string, p Prompt, maxLength int) (Sequence, error) {
	if maxLength == 0 {
		maxLength = m.Contract.MaxLength
	}
	if maxLength > m.Config.MaxPositions {
		return Sequence{}, fmt.Errorf("max length %d: the model has %d positions", maxLength, m.Config.MaxPositions)
	}
	var suffix []int32
	if p.Suffix != "" {
		suffix = m.Tokenizer.Encode(nil, p.Suffix)
	}
	room := maxLength - m.Tokenizer.SpecialCount() - len(suffix)
	if room < 1 {
		return Sequence{}, fmt.Errorf("max length %d leaves no room for text beside %d special and suffix tokens", maxLength, maxLength-room)
	}
	ids := m.Tokenizer.Encode(nil, p.Template.Apply(text))
	s := Sequence{Truncated: len(ids) > room}
	ids = append(ids[:min(len(ids), room)], suffix...)
	s.IDs = m.Tokenizer.WithSpecials(make([]int32, 0, len(ids)+m.Tokenizer.SpecialCount()), ids, maxLength)
	if before, _ := split(p.Template); before != "" && !m.Contract.IncludePrompt {
		// As in sentence-transformers: the length of the prompt alone with its specials, less a closing one.
		s.Skip = min(len(m.Tokenizer.Encode(nil, before))+m.leadingSpecials(), max(0, len(s.IDs)-1))
	}
	return s, nil
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
