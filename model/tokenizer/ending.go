package tokenizer

import (
	"encoding/json"
	"path/filepath"
	"slices"
)

// Ending returns the post_processor with which a tokenizer.json puts eos_token behind every text, too, as transformers writes
// it for the classes that go by add_eos_token. It is not to be taken where the class is none of them, where texts end so
// already, or without a tokenizer.json. Files are read as for Around.
func Ending(dir string, read func(name string) ([]byte, error)) (postProcessor json.RawMessage, take bool, err error) {
	const file = "tokenizer.json"
	c, err := readConfigBy(dir, read)
	if err != nil || !slices.Contains(templateClasses, c.class()) {
		return nil, false, err
	}
	data, err := read(file)
	if err != nil || data == nil {
		return nil, false, err
	}
	eos, err := c.needed("eos_token")
	if err != nil {
		return nil, false, err
	}
	if _, after, err := Around(dir, read); err != nil || after == eos {
		return nil, false, err
	}
	t, err := Parse(data, filepath.Join(dir, file))
	if err != nil {
		return nil, false, err
	}
	addBOS, err := c.flag("add_bos_token")
	if err != nil {
		return nil, false, err
	}
	keys := []string{"eos_token"}
	if addBOS == nil || *addBOS {
		keys = []string{"bos_token", "eos_token"}
	}
	postProcessor, err = c.templateOf(t, keys)
	return postProcessor, err == nil, err
}

// templateOf is a TemplateProcessing that puts tokens around a text, and around each of a pair: eos_token, and bos_token if it
// is among the keys.
func (c config) templateOf(t *Tokenizer, keys []string) (json.RawMessage, error) {
	type piece map[string]map[string]any
	type special struct {
		ID     string   `json:"id"`
		IDs    []int32  `json:"ids"`
		Tokens []string `json:"tokens"`
	}
	specials := map[string]special{}
	sides := make([][]piece, 2)
	for side, sequence := range []string{"A", "B"} {
		text := piece{"Sequence": {"id": sequence, "type_id": side}}
		for _, key := range keys {
			ids, token, err := c.around(t, key)
			if err != nil {
				return nil, err
			}
			specials[token] = special{token, ids, []string{token}}
			if key == "eos_token" {
				sides[side] = append(sides[side], text)
			}
			sides[side] = append(sides[side], piece{"SpecialToken": {"id": token, "type_id": side}})
		}
	}
	return json.Marshal(struct {
		Type     string             `json:"type"`
		Single   []piece            `json:"single"`
		Pair     []piece            `json:"pair"`
		Specials map[string]special `json:"special_tokens"`
	}{"TemplateProcessing", sides[0], slices.Concat(sides[0], sides[1]), specials})
}
