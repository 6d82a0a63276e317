package model

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"unicode/utf8"

	"github.com/quarry-ml/quarry/model/tokenizer"
)

// grow adds special tokens to what a directory says, as transformers' add_special_tokens and resize_token_embeddings do:
// tokens that the tokenizer lacks get ids behind its vocabulary, in their order; a word of the vocabulary becomes special
// under its own id; one that is an added token already stays as it is. Where ids reach beyond the table of word embeddings,
// config.json's vocab_size grows to hold them, and OpenWeights makes the table as long. Rows that a table has in reserve,
// as Qwen2's, are taken first, and those beyond stay.
func (d *Directory) grow(r *reader, root string, tokens []string) error {
	if len(tokens) == 0 {
		return nil
	}
	name := path.Join(root, "tokenizer.json")
	raw, err := r.read(name)
	if err != nil {
		return err
	}
	if raw == nil {
		return fmt.Errorf("%s: missing: special tokens are added to a tokenizer of this form alone; save the tokenizer with transformers 5, or with another's fast one", r.path(name))
	}
	t, err := tokenizer.Parse(raw, r.path(name))
	if err != nil {
		return err
	}
	o, err := parseObject(raw, r.path(name))
	if err != nil {
		return err
	}
	added, err := addSpecialTokens(o, t, tokens)
	if err != nil || len(added) == 0 {
		return err
	}
	files := replacedFiles{FS: r.files, content: map[string][]byte{name: o.encode("  ")}}
	if err := files.nameTokens(r, root, added); err != nil {
		return err
	}
	d.files, r.files = files, files
	rows := t.VocabSize()
	for _, a := range added {
		rows = max(rows, a.ID+1)
	}
	if rows <= d.Config.VocabSize {
		return nil
	}
	d.rows = d.Config.VocabSize
	d.Config, err = d.Config.withVocabulary(rows, r.path(path.Join(root, "config.json")))
	return err
}

// TokensAdded says whether the tokenizer is another than that of the directory's own files, by Options.SpecialTokens or EOS.
func (d *Directory) TokensAdded() bool {
	_, replaced := d.files.(replacedFiles)
	return replaced
}

// addSpecialTokens adds tokens to a tokenizer.json and returns those that were not among its added tokens.
func addSpecialTokens(o *object, t *tokenizer.Tokenizer, tokens []string) ([]tokenizer.AddedToken, error) {
	type entry struct {
		id      int
		content string
		raw     json.RawMessage
	}
	var list []json.RawMessage
	if _, err := o.take("added_tokens", &list); err != nil {
		return nil, err
	}
	var entries []entry
	for _, raw := range list {
		var has tokenizer.AddedToken
		if err := json.Unmarshal(raw, &has); err != nil {
			return nil, fmt.Errorf("%s: added_tokens: %w", o.file, err)
		}
		entries = append(entries, entry{has.ID, has.Content, raw})
	}
	var added []tokenizer.AddedToken
	next := int(t.NextID())
	for i, token := range tokens {
		if token == "" || !utf8.ValidString(token) {
			return nil, fmt.Errorf("special token %d of %d, %q: want a text that is not empty", i+1, len(tokens), token)
		}
		if slices.ContainsFunc(entries, func(e entry) bool { return e.content == token }) {
			continue
		}
		id, known := t.ID(token)
		if !known {
			id = int32(next)
			next++
			if other := t.Token(id); other != "" {
				return nil, fmt.Errorf("%s: special token %q would get id %d, which is that of %q: the vocabulary's ids have gaps", o.file, token, id, other)
			}
		}
		a := tokenizer.AddedToken{ID: int(id), Content: token, Special: true}
		added = append(added, a)
		entries = append(entries, entry{a.ID, token, encodeJSON(a, "")})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return a.id - b.id })
	list = nil
	for _, e := range entries {
		list = append(list, e.raw)
	}
	o.set("added_tokens", list)
	return added, nil
}

// replacedFiles are the files of a directory, some with another content.
type replacedFiles struct {
	fs.FS
	content map[string][]byte
}

// ReadFile is what fs.ReadFile reads by.
func (f replacedFiles) ReadFile(name string) ([]byte, error) {
	if content, ok := f.content[name]; ok {
		return slices.Clone(content), nil
	}
	return fs.ReadFile(f.FS, name)
}

// nameTokens adds tokens to the other files of a tokenizer that list its special ones, as far as they are there: all
// releases of transformers then know them as such.
func (f replacedFiles) nameTokens(r *reader, root string, added []tokenizer.AddedToken) error {
	for _, file := range []struct {
		name string
		add  func(*object, []tokenizer.AddedToken) error
	}{
		{"tokenizer_config.json", addToConfig}, {"special_tokens_map.json", addToList}, {"added_tokens.json", addIDs},
	} {
		name := path.Join(root, file.name)
		raw, err := r.read(name)
		if err != nil {
			return err
		}
		if raw == nil {
			continue
		}
		o, err := parseObject(raw, r.path(name))
		if err != nil {
			return err
		}
		if err := file.add(o, added); err != nil {
			return err
		}
		f.content[name] = o.encode("  ")
	}
	return nil
}

// addToConfig adds tokens to tokenizer_config.json.
func addToConfig(o *object, added []tokenizer.AddedToken) error {
	decoder := map[string]json.RawMessage{}
	present, err := o.take("added_tokens_decoder", &decoder)
	if err != nil {
		return err
	}
	if present {
		for _, a := range added {
			decoder[fmt.Sprint(a.ID)] = encodeJSON(struct {
				Content    string `json:"content"`
				LStrip     bool   `json:"lstrip"`
				Normalized bool   `json:"normalized"`
				RStrip     bool   `json:"rstrip"`
				SingleWord bool   `json:"single_word"`
				Special    bool   `json:"special"`
			}{a.Content, false, false, false, false, true}, "")
		}
		o.set("added_tokens_decoder", decoder)
	}
	return addToList(o, added)
}

// addToList adds tokens to the list of a tokenizer's special tokens without a role. Its name since transformers 5 is
// extra_special_tokens, which earlier releases take for something else; both read the old one.
func addToList(o *object, added []tokenizer.AddedToken) error {
	key := "additional_special_tokens"
	if raw, ok := o.values["extra_special_tokens"]; ok && len(raw) > 0 && raw[0] == '[' {
		key = "extra_special_tokens"
	}
	var list []json.RawMessage // texts, or objects with flags
	if _, err := o.take(key, &list); err != nil {
		return err
	}
	for _, a := range added {
		list = append(list, encodeJSON(a.Content, ""))
	}
	o.set(key, list)
	return nil
}

// addIDs adds tokens to added_tokens.json.
func addIDs(o *object, added []tokenizer.AddedToken) error {
	for _, a := range added {
		o.set(a.Content, a.ID)
	}
	return nil
}

// withVocabulary is the configuration of a network with so many word embeddings.
func (c *Config) withVocabulary(rows int, file string) (*Config, error) {
	o, err := parseObject(c.raw, file)
	if err != nil {
		return nil, err
	}
	o.set("vocab_size", rows)
	return ParseConfig(o.encode("  "), file)
}
