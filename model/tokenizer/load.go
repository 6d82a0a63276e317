package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"
)

// Load reads the tokenizer of a model directory: tokenizer.json, or else vocab.txt of a BERT tokenizer, with what
// tokenizer_config.json and special_tokens_map.json say. Settings of tokenizer_config.json that contradict
// tokenizer.json are an error: transformers would go by the former.
func Load(dir string) (*Tokenizer, error) {
	return LoadBy(dir, func(name string) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return data, err
	})
}

// LoadBy is Load with the reading left to a function, which gets the names of files within the directory and returns nil
// for one that is not there. dir is used in errors.
func LoadBy(dir string, read func(name string) ([]byte, error)) (*Tokenizer, error) {
	config, err := readConfigBy(dir, read)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "tokenizer.json")
	data, err := read("tokenizer.json")
	if err == nil && data == nil {
		t, err := loadVocabText(dir, config, read)
		if err == nil {
			t.types, err = config.tokenTypes()
		}
		return t, err
	}
	if err != nil {
		return nil, err
	}
	t, err := Parse(data, name)
	if err != nil {
		return nil, err
	}
	if err := config.agree(t, name); err != nil {
		return nil, err
	}
	if err := config.setTemplate(t); err != nil {
		return nil, err
	}
	if t.types, err = config.tokenTypes(); err != nil {
		return nil, err
	}
	if pad := config.token("pad_token"); pad != nil {
		id, ok := t.ID(*pad.Content)
		if !ok {
			return nil, fmt.Errorf("%s: pad_token %q is not in the vocabulary", config.files["pad_token"], *pad.Content)
		}
		t.padding = id
	}
	return t, nil
}

// Parse reads the content of a tokenizer.json; name is used in errors. Its truncation and padding sections set no
// lengths; a decoder that is not known is an error of Decode alone.
func Parse(data []byte, name string) (*Tokenizer, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%s: not UTF-8", name)
	}
	var file struct {
		Version       *string         `json:"version"`
		Truncation    json.RawMessage `json:"truncation"`
		Padding       json.RawMessage `json:"padding"`
		AddedTokens   json.RawMessage `json:"added_tokens"`
		Normalizer    json.RawMessage `json:"normalizer"`
		PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
		PostProcessor json.RawMessage `json:"post_processor"`
		Decoder       json.RawMessage `json:"decoder"`
		Model         json.RawMessage `json:"model"`
	}
	if err := (section{name, topLevel, data}).decode(&file); err != nil {
		return nil, err
	}
	if file.Version != nil && *file.Version != "1.0" {
		return nil, fmt.Errorf("%s: version %q is not known, only \"1.0\" is", name, *file.Version)
	}
	t := &Tokenizer{padding: -1}
	var err error
	if t.normalizer, err = parseNormalizer(section{name, "normalizer", file.Normalizer}); err != nil {
		return nil, err
	}
	if err := t.setStages(section{name, "pre_tokenizer", file.PreTokenizer}); err != nil {
		return nil, err
	}
	if err := t.setModel(section{name, "model", file.Model}); err != nil {
		return nil, err
	}
	added := section{name, "added_tokens", file.AddedTokens}
	var tokens []addedToken
	if !added.absent() {
		if err := added.decode(&tokens); err != nil {
			return nil, err
		}
	}
	if err := t.addTokens(added, tokens); err != nil {
		return nil, err
	}
	if t.template, err = parsePostProcessor(section{name, "post_processor", file.PostProcessor}, t.VocabSize()); err != nil {
		return nil, err
	}
	t.decoders, t.undecodable = parseDecoder(section{name, "decoder", file.Decoder})
	t.findPadding(file.Padding)
	return t, nil
}

func (t *Tokenizer) setStages(s section) (err error) {
	t.stages, err = parsePreTokenizer(s)
	for _, stage := range t.stages {
		if m, ok := stage.rewriter.(metaspace); ok && m.prepend == prependFirst {
			t.asksFirst = true
		}
	}
	return err
}

// setModel reads the model. Where the pre-tokenizer ends by writing a character for each byte, and the model only looks
// those characters up, both work on the bytes themselves.
func (t *Tokenizer) setModel(s section) error {
	last := len(t.stages) - 1
	byteLevel := last >= 0 && t.stages[last].rewriter == byteMapping{} && byteLevelModel(s)
	if byteLevel {
		t.stages = t.stages[:last]
	}
	m, err := parseModel(s, byteLevel)
	if err != nil {
		return err
	}
	t.model, t.vocabulary, t.unknown = m.model, m.vocabulary, m.unknown
	return nil
}

// findPadding looks for the padding token in the padding section, else among the special tokens.
func (t *Tokenizer) findPadding(section json.RawMessage) {
	var padding struct {
		Token string `json:"pad_token"`
	}
	named := json.Unmarshal(section, &padding) == nil && padding.Token != ""
	if id, ok := t.vocabulary.ids[padding.Token]; named && ok {
		t.padding = id
		return
	}
	for _, id := range t.specials {
		if token := t.Token(id); token == "[PAD]" || token == "<pad>" {
			t.padding = id
			return
		}
	}
}
