package hub

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/torchfile"
	"github.com/quarry-ml/quarry/model/weightfiles"
)

// Of a model, and of each folder of a module, these are what Quarry or the Python libraries read to run it.
var described = []string{
	"config.json", "modules.json", "sentence_*_config.json", "config_sentence_transformers.json", "quarry.json", "quarry_trained.json",
	"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
	"vocab.txt", "vocab.json", "merges.txt", "tokenizer.model", "sentencepiece.bpe.model", "spiece.model",
	lora.ConfigName, lora.WeightsName,
}

// moduleFolder is a folder of sentence-transformers' modules.
var moduleFolder = regexp.MustCompile(`^\d+_\w+$`)

// wanted lists the files of a model that are needed, sorted, but for the shards of weights, which the index names. Files
// that a pattern of include matches, by their whole name or its last part, come in addition.
func (l listing) wanted(include []string) ([]string, error) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		more, err := matchesAny(include, name)
		if err != nil {
			return nil, err
		}
		if more || l.needs(name) {
			names = append(names, name)
		}
	}
	return names, l.checkWeights(names)
}

// needs says whether a file is one that a model is run with.
func (l listing) needs(name string) bool {
	if name == lora.EmbeddingName {
		return l.has(lora.ConfigName)
	}
	folder, file := path.Split(name)
	folder = strings.TrimSuffix(folder, "/")
	if folder != "" && !moduleFolder.MatchString(folder) {
		return false
	}
	if isWeights(file) {
		return file == weightsIn(func(file string) bool { return l.has(path.Join(folder, file)) })
	}
	if file == lora.TorchWeightsName {
		return !l.has(path.Join(folder, lora.WeightsName))
	}
	found, _ := matchesAny(described, file) // the patterns are good
	return found
}

func (l listing) has(name string) bool {
	_, ok := l.files[name]
	return ok
}

// isWeights says whether a file has the name of one that holds all weights of a folder, or of an index of shards.
func isWeights(file string) bool {
	return slices.ContainsFunc(weightfiles.Layouts(), func(l safetensors.Layout) bool { return file == l.Single || file == l.Index })
}

func isIndex(file string) bool {
	return slices.ContainsFunc(weightfiles.Layouts(), func(l safetensors.Layout) bool { return file == l.Index })
}

// weightsIn is the file of a folder that its weights are read by; empty where it has none. An index is of no use beside a single
// file, and not allowed there, nor is another format beside safetensors.
func weightsIn(has func(file string) bool) string {
	for _, l := range weightfiles.Layouts() {
		for _, file := range []string{l.Single, l.Index} {
			if has(file) {
				return file
			}
		}
	}
	return ""
}

// checkWeights refuses a model whose weights come in no format that is read.
func (l listing) checkWeights(names []string) error {
	others := ""
	for _, name := range names {
		if file := path.Base(name); isWeights(file) || file == lora.WeightsName || file == lora.TorchWeightsName {
			return nil
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		switch path.Ext(name) {
		case ".bin", ".pt", ".h5", ".msgpack", ".onnx", ".gguf", ".safetensors":
			if others == "" {
				others = name
			}
		}
	}
	switch {
	case others != "":
		return fmt.Errorf("it has no %s and no %s: its weights are in another format (%s), which is not read; another revision may have them, such as refs/pr/1, or convert them (transformers: save_pretrained)", safetensors.SingleName, torchfile.SingleName, others)
	case len(names) == 0:
		return errors.New("it has no file that a model is made of")
	}
	return nil // a tokenizer alone
}

func matchesAny(patterns []string, name string) (bool, error) {
	for _, pattern := range patterns {
		for _, candidate := range []string{name, path.Base(name)} {
			ok, err := path.Match(pattern, candidate)
			if err != nil {
				return false, fmt.Errorf("pattern %q: %w", pattern, err)
			}
			if ok {
				return true, nil
			}
		}
	}
	return false, nil
}
