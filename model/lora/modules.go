package lora

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// Module is a linear module of a base model, by the name it has in transformers' AutoModel:
// "encoder.layer.0.attention.self.query".
type Module struct {
	Name    string
	Tensor  string // of its weight in the base's files, where a prefix such as "bert." may stand before Name
	Out, In int
}

// wrappers stand before a module's name when the network was saved or trained inside another: PEFT's own, those of
// sentence-transformers, and the attribute by which a model with a head holds its encoder.
var wrappers = []string{"base_model.model.", "0.auto_model.", "0.model.", "bert.", "model.", "roberta.", "mpnet.", "nomic_bert.", "gte.", "new."}

// heads are modules on top of the encoder, which AutoModel does not load.
var heads = []string{"cls.", "classifier.", "qa_outputs.", "lm_head.", "score.", "head.", "decoder."}

// Modules lists the linear modules of a base, in the order of its files: every matrix named .weight that is neither an
// embedding nor in a head.
func Modules(base *safetensors.File) ([]Module, error) {
	var modules []Module
	seen := map[string]string{}
	for _, t := range base.Tensors() {
		path, isWeight := strings.CutSuffix(t.Name, ".weight")
		if !isWeight || len(t.Shape) != 2 || isEmbedding(path) {
			continue
		}
		name := unwrap(path)
		if slices.ContainsFunc(heads, func(head string) bool { return strings.HasPrefix(name+".", head) }) {
			continue
		}
		if other, twice := seen[name]; twice {
			return nil, fmt.Errorf("%s: tensors %q and %q are both the weight of module %q", base.Name(), other, t.Name, name)
		}
		seen[name] = t.Name
		modules = append(modules, Module{Name: name, Tensor: t.Name, Out: t.Shape[0], In: t.Shape[1]})
	}
	return modules, nil
}

// wordEmbeddings are what the modules are called, in all networks, whose weight is the table of word embeddings.
var wordEmbeddings = []string{"word_embeddings", "embed_tokens", "tok_embeddings", "wte"}

// IsTable says whether a tensor of a base or of an adapter is a table of word embeddings, and no head that has a row for each token,
// too.
func IsTable(name string) bool {
	module, isWeight := strings.CutSuffix(name, ".weight")
	return isWeight && slices.Contains(wordEmbeddings, lastOf(module))
}

// Tables are the last parts of the names of tables of word embeddings, for errors.
func Tables() string { return strings.Join(wordEmbeddings, ", ") }

func isEmbedding(path string) bool {
	last := lastOf(path)
	return slices.Contains(wordEmbeddings, last) || strings.HasSuffix(last, "embeddings") || last == "wpe" || last == "relative_attention_bias"
}

func lastOf(path string) string { return path[strings.LastIndex(path, ".")+1:] }

// head is the tensor of a language model's head by its name without wrapping. Of an embedder it has no part.
const head = "lm_head.weight"

// ofVocabulary reports whether a tensor has a row for each token. PEFT saves those beside an adapter whose base had its
// vocabulary resized.
func ofVocabulary(path string) bool { return IsTable(path) || unwrap(path) == head }

// isPooler reports whether a module belongs to BERT's pooler. No sentence embedding passes through it: networks are often
// built without, and an adapter need not have weights for it.
func isPooler(name string) bool { return strings.HasPrefix(name, "pooler.") }

// unwrap takes all wrappers off the front of a name.
func unwrap(name string) string {
	for {
		short := name
		for _, wrapper := range wrappers {
			short = strings.TrimPrefix(short, wrapper)
		}
		if short == name {
			return name
		}
		name = short
	}
}
