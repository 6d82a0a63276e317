package model

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// Sink makes the file of that name, with slashes, below a model directory: write fills it. When write fails the file
// must not appear. rundir.WriteFile has this shape, so that the caller decides how files become durable.
type Sink func(name string, write func(w io.Writer) error) error

// Form is the form of sentence-transformers' files. Both are read by its sixth version, the old one by all before it too.
type Form int

// The forms.
const (
	FormOfSource Form = iota // as the source has it; old for a plain transformers directory
	FormOld
	FormCurrent // as sentence-transformers 6 writes
)

// WriteOptions says how a directory is written. The zero value keeps all of the source but its weights.
type WriteOptions struct {
	Contract *Contract // nil: the source's, with the options it was read with
	Form     Form

	// Dense holds the weights of the Dense modules in order: linear.weight and linear.bias each. Nil copies the source's.
	Dense [][]safetensors.Entry

	Tokenizer *Directory // whose tokenizer is written; nil: the source's

	ShardLimit int64 // bytes a weights file may hold; 0 is safetensors.ShardLimit
}

// tokenizerFiles are copied as they are where the source has them: those that are read here, and those that the Python
// libraries make other forms of the tokenizer from.
var tokenizerFiles = []string{
	"tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json", "added_tokens.json",
	"vocab.json", "merges.txt", "tokenizer.model", "sentencepiece.bpe.model", "spiece.model",
}

// vocabularyFiles are those of the tokenizerFiles of which a tokenizer has at least one.
var vocabularyFiles = []string{"tokenizer.json", "vocab.txt"}

// HasTokenizer says whether the directory has a tokenizer; transformers saves a model without one.
func (d *Directory) HasTokenizer() (bool, error) {
	for _, name := range vocabularyFiles {
		if _, err := fs.Stat(d.files, path.Join(d.Modules[0].Path, name)); err == nil {
			return true, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return false, nil
}

// WriteDirectory writes a model directory that sentence-transformers and transformers load and that gives the vectors
// of src with the given weights in place of its own: config.json (unchanged, but for the dtype of the weights), tokenizer
// files, modules.json and its modules, sentence_bert_config.json, config_sentence_transformers.json, quarry.json and the
// weights, in shards where they are large. The weights are written in their order, each when its turn comes.
func WriteDirectory(out Sink, src *Directory, weights []safetensors.Entry, o WriteOptions) error {
	w := &directoryWriter{out: out, src: src, contract: src.Contract, current: o.Form == FormCurrent, tokenizerOf: src}
	if o.Tokenizer != nil {
		w.tokenizerOf = o.Tokenizer
	}
	if o.Form == FormOfSource {
		w.current = src.currentForm
	}
	if o.Contract != nil {
		w.contract = *o.Contract
	}
	if err := w.check(o); err != nil {
		return err
	}
	if o.ShardLimit == 0 {
		o.ShardLimit = safetensors.ShardLimit
	}
	w.modules = withContract(src.Modules, w.contract)
	for _, step := range []func() error{
		func() error { return w.bytes("config.json", src.Config.encode(floatType(weights))) },
		w.tokenizer,
		w.describe,
		func() error { return w.dense(o.Dense) },
		func() error { return w.weights(weights, o.ShardLimit) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

type directoryWriter struct {
	out      Sink
	src      *Directory
	contract Contract
	modules  []Module
	current  bool

	tokenizerOf *Directory
	maxLength   int // that tokenizer_config.json is to say; 0 leaves what it says
}

func (w *directoryWriter) check(o WriteOptions) error {
	if err := w.contract.Validate(); err != nil {
		return fmt.Errorf("write model directory: %w", err)
	}
	if w.contract.MaxLength > w.src.Config.MaxPositions {
		return fmt.Errorf("write model directory: max_length %d is above the model's %d positions", w.contract.MaxLength, w.src.Config.MaxPositions)
	}
	count := 0
	for _, m := range w.src.Modules {
		if m.Kind == KindDense {
			count++
		}
	}
	if o.Dense != nil && len(o.Dense) != count {
		return fmt.Errorf("write model directory: weights for %d Dense modules, but the model has %d", len(o.Dense), count)
	}
	return nil
}

func (w *directoryWriter) bytes(name string, content []byte) error {
	return w.out(name, func(to io.Writer) error {
		_, err := to.Write(content)
		return err
	})
}

// tokenizer copies the tokenizer's files, of which one must hold the vocabulary.
func (w *directoryWriter) tokenizer() error {
	r := &reader{files: w.tokenizerOf.files, name: w.tokenizerOf.Path}
	root := w.tokenizerOf.Modules[0].Path
	vocabulary := false
	for _, name := range tokenizerFiles {
		raw, err := w.tokenizerFile(r, root, name)
		if err != nil {
			return err
		}
		if raw == nil {
			continue
		}
		vocabulary = vocabulary || slices.Contains(vocabularyFiles, name)
		if err := w.bytes(name, raw); err != nil {
			return err
		}
	}
	if !vocabulary {
		return fmt.Errorf("%s: no tokenizer: neither tokenizer.json nor vocab.txt", r.path(root))
	}
	return nil
}

// tokenizerConfigName is the file of the tokenizer's settings.
const tokenizerConfigName = "tokenizer_config.json"

// tokenizerFile is a file of the tokenizer as it is written: as it is, but for a padding token that none of its files names, and for
// the length of a cross-encoder's.
func (w *directoryWriter) tokenizerFile(r *reader, root, name string) ([]byte, error) {
	raw, err := r.read(path.Join(root, name))
	if err != nil || name != tokenizerConfigName {
		return raw, err
	}
	if raw != nil {
		if raw, err = withPadding(r, root, raw); err != nil {
			return nil, err
		}
	}
	if w.maxLength == 0 {
		return raw, nil
	}
	return withMaxLength(raw, r.path(path.Join(root, name)), w.maxLength)
}

// dense writes the weights of the Dense modules: those given, else the source's.
func (w *directoryWriter) dense(given [][]safetensors.Entry) error {
	n := 0
	for i, m := range w.modules {
		if m.Kind != KindDense {
			continue
		}
		var entries []safetensors.Entry
		if given != nil {
			entries = given[n]
		}
		if err := w.denseModule(path.Join(folder(i, m), safetensors.SingleName), m, entries); err != nil {
			return err
		}
		n++
	}
	return nil
}

func (w *directoryWriter) denseModule(name string, m Module, entries []safetensors.Entry) error {
	if entries == nil {
		f, err := w.src.OpenDense(m)
		if err != nil {
			return err
		}
		defer f.Close() // read only
		for _, t := range f.Tensors() {
			entries = append(entries, safetensors.Copy(t))
		}
	}
	return w.out(name, func(to io.Writer) error { return safetensors.Write(to, entries, nil) })
}

func (w *directoryWriter) weights(entries []safetensors.Entry, limit int64) error {
	shards, err := safetensors.Plan(entries, limit)
	if err != nil {
		return err
	}
	for _, shard := range shards {
		err := w.out(shard.Name, func(to io.Writer) error { return safetensors.Write(to, shard.Entries, nil) })
		if err != nil {
			return err
		}
	}
	if len(shards) == 1 {
		return nil
	}
	return w.out(safetensors.IndexName, func(to io.Writer) error { return safetensors.WriteIndex(to, shards) })
}

// floatType is transformers' name of the type that all float weights share; empty where they share none.
func floatType(entries []safetensors.Entry) string {
	names := map[safetensors.DType]string{safetensors.F32: "float32", safetensors.F16: "float16", safetensors.BF16: "bfloat16"}
	found := ""
	for _, e := range entries {
		name := names[e.DType]
		if name == "" || name == found {
			continue
		}
		if found != "" {
			return ""
		}
		found = name
	}
	return found
}
