package model

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// WriteLanguageModel writes what transformers' AutoModelForCausalLM loads, of which FlagEmbedding's rerankers on decoders read the
// logit of one token: config.json, the tokenizer and the weights, in shards of at most shardLimit bytes (0: safetensors.ShardLimit).
// There are no modules and no contract: what would make vectors of texts is not what such a model is asked for. A source without
// a head, be it a tensor of its own or the table of word embeddings, is an error: transformers would draw one.
func WriteLanguageModel(out Sink, src *Directory, weights []safetensors.Entry, shardLimit int64) error {
	isHead := func(e safetensors.Entry) bool { return e.Name == "lm_head.weight" }
	if !slices.ContainsFunc(weights, isHead) && !src.headIsTable() {
		return fmt.Errorf("%s: has no head of a language model: neither a tensor %q nor \"tie_word_embeddings\": true", src.Transformer(), "lm_head.weight")
	}
	if shardLimit == 0 {
		shardLimit = safetensors.ShardLimit
	}
	w := &directoryWriter{out: out, src: src, tokenizerOf: src}
	if err := w.bytes("config.json", src.Config.encode(floatType(weights))); err != nil {
		return err
	}
	if err := w.tokenizer(); err != nil {
		return err
	}
	return w.weights(weights, shardLimit)
}

// headIsTable says whether the head of a language model that has no tensor of its own is the table of word embeddings, as
// config.json says; Gemma's is where it says nothing.
func (d *Directory) headIsTable() bool {
	var says struct {
		Tied *bool  `json:"tie_word_embeddings"`
		Type string `json:"model_type"`
	}
	if json.Unmarshal(d.ConfigJSON(), &says) != nil {
		return false
	}
	if says.Tied != nil {
		return *says.Tied
	}
	return strings.HasPrefix(says.Type, "gemma")
}
