package model

import (
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model/transformer"
)

// family is the models of one model_type: how config.json describes them, and how their files name tensors.
type family struct {
	kind    string   // model_type
	classes []string // architectures whose encoder is this network itself; heads on top of it are not read

	// read takes the family's keys: the sizes of Config, and the network. The network's sizes must be consistent.
	read func(*Config, *object) (transformer.Network, error)

	// bos and eos are the special tokens around a text where tokenizer_config.json names none. Without either the tokenizer
	// says what stands there, as those of decoders do.
	bos, eos string
	decodes  bool // it is one of transformers' decoders
	lowers   bool // its tokenizer lowers texts where tokenizer_config.json does not say

	beyond []string // tokens of its tokenizers that have no embedding

	first       string   // a tensor that every file has: the embeddings
	prefixes    []string // what may stand before all names of the network, beside nothing
	withoutPart []string // tensors that have no part in a text's vector, by what their names begin with after the prefix
	buffers     []string // such tensors by what their names end with: what older transformers saved though config.json says it

	scorer *scorer // what makes a cross-encoder of the network; nil where none is supported
}

// families is every architecture that is supported. A model_type that is not here is refused with this list.
var families = []*family{
	bert, roberta, xlmRoberta, modernbert, mpnet, nomicBERT, gte, gteNew,
	llama, mistral, qwen2, qwen3, gemma2, gemma3,
}

// hasNoPart says whether a tensor of a file has no part in a text's vector; name is without the prefix.
func (f *family) hasNoPart(name string) bool {
	return slices.ContainsFunc(f.withoutPart, func(stem string) bool { return strings.HasPrefix(name, stem) }) ||
		slices.ContainsFunc(f.buffers, func(end string) bool { return strings.HasSuffix(name, end) })
}

// familyOf returns the family of a model_type, nil when there is none.
func familyOf(kind string) *family {
	for _, f := range families {
		if f.kind == kind {
			return f
		}
	}
	return nil
}

// supported lists the model types for errors.
func supported() string {
	kinds := make([]string, len(families))
	for i, f := range families {
		kinds[i] = f.kind
	}
	return strings.Join(kinds, ", ")
}

// supportedScorers lists the architectures of cross-encoders for errors.
func supportedScorers() string {
	var classes []string
	for _, f := range families {
		if f.scorer != nil {
			classes = append(classes, f.scorer.class)
		}
	}
	return strings.Join(classes, ", ")
}
