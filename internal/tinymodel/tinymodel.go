// Package tinymodel writes tiny random BERT model directories for the tests of other packages: complete, loadable by
// transformers and sentence-transformers, the same bytes for the same options.
package tinymodel

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// Options is what a test may want to choose; zero values take the defaults in parentheses.
type Options struct {
	Seed         uint64
	Vocabulary   []string // must begin with [PAD] [UNK] [CLS] [SEP] [MASK] (Vocabulary())
	Layers       int      // (2)
	Hidden       int      // (32)
	Heads        int      // (4)
	Intermediate int      // (64)
	Positions    int      // (64)
	Activation   string   // hidden_act (gelu)
	Pooling      string   // sentence-transformers' name (mean)
	DType        safetensors.DType
	Dropout      float64 // hidden and attention; zero is none
	NoPooler     bool    // leave pooler.dense out
	Prefix       string  // before every tensor's name, such as "bert."
	Plain        bool    // a transformers directory: no modules.json and what belongs to it
	NoNormalize  bool    // modules.json without a Normalize
}

// Vocabulary returns the default vocabulary: special tokens, letters and digits alone and continued, punctuation and
// words of the demo's domain, so that any ASCII text has tokens.
func Vocabulary() []string {
	words := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	const characters = "abcdefghijklmnopqrstuvwxyz0123456789"
	for _, c := range characters {
		words = append(words, string(c))
	}
	for _, c := range characters {
		words = append(words, "##"+string(c))
	}
	for _, c := range "+-=/*().,?:'" {
		words = append(words, string(c))
	}
	return append(words, strings.Fields("the a of and is to add adds subtract fraction fractions decimal digit order zero sum what")...)
}

// Write makes a model directory in dir, which is created.
func Write(dir string, o Options) error {
	o = o.withDefaults()
	if o.Hidden%o.Heads != 0 {
		return fmt.Errorf("tinymodel: hidden %d is not a multiple of %d heads", o.Hidden, o.Heads)
	}
	if len(o.Vocabulary) < 5 || o.Vocabulary[4] != "[MASK]" {
		return fmt.Errorf("tinymodel: the vocabulary must begin with [PAD] [UNK] [CLS] [SEP] [MASK]")
	}
	files := map[string]any{
		"config.json":           o.config(),
		"tokenizer.json":        tokenizer(o.Vocabulary),
		"tokenizer_config.json": tokenizerConfig(o.Positions),
	}
	if !o.Plain {
		files["modules.json"] = o.modules()
		files["1_Pooling/config.json"] = map[string]any{"embedding_dimension": o.Hidden, "pooling_mode": o.Pooling, "include_prompt": true}
		files["sentence_bert_config.json"] = map[string]any{"max_seq_length": o.Positions, "do_lower_case": false}
		files["config_sentence_transformers.json"] = map[string]any{"prompts": map[string]string{}, "default_prompt_name": nil, "similarity_fn_name": "cosine"}
	}
	for name, content := range files {
		raw, err := json.MarshalIndent(content, "", "  ")
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
			return err
		}
	}
	vocabulary := strings.Join(o.Vocabulary, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(dir, "vocab.txt"), []byte(vocabulary), 0o644); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, safetensors.SingleName), func(w io.Writer) error {
		return safetensors.Write(w, o.weights(), nil)
	})
}

func (o Options) withDefaults() Options {
	for _, size := range []struct {
		of       *int
		fallback int
	}{{&o.Layers, 2}, {&o.Hidden, 32}, {&o.Heads, 4}, {&o.Intermediate, 64}, {&o.Positions, 64}} {
		if *size.of == 0 {
			*size.of = size.fallback
		}
	}
	if o.Vocabulary == nil {
		o.Vocabulary = Vocabulary()
	}
	if o.Activation == "" {
		o.Activation = "gelu"
	}
	if o.Pooling == "" {
		o.Pooling = "mean"
	}
	if o.DType == "" {
		o.DType = safetensors.F32
	}
	return o
}

func writeFile(path string, write func(w io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		_ = file.Close() // the first error is the one to tell
		return err
	}
	return file.Close()
}
