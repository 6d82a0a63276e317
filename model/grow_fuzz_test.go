package model

import (
	"strings"
	"testing"
)

// FuzzGrow: any tokenizer, whatever names its special tokens, and any token give an error or a vocabulary that has the token, within the table, once.
func FuzzGrow(f *testing.F) {
	const words = `{"version": "1.0", "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "b": 2}, "unk_token": "[UNK]"}}`
	const added = `{"version": "1.0", "added_tokens": [{"id": 3, "content": "<q>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
		"model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "b": 2}, "unk_token": "[UNK]"}}`
	for _, text := range []string{words, added, `{"added_tokens": 3}`, `{}`, `[`} {
		for _, config := range []string{`{}`, `{"added_tokens_decoder": {"3": {}}, "extra_special_tokens": ["x"]}`, `{"additional_special_tokens": {}}`} {
			f.Add(text, config, `{"unk_token": "[UNK]"}`, "<q>")
			f.Add(text, `{}`, config, "a")
			f.Add(text, config, config, "")
		}
	}
	f.Fuzz(func(t *testing.T, text, config, special, token string) {
		d, err := readDirectory(directory(map[string]string{"tokenizer.json": text, "tokenizer_config.json": config, "special_tokens_map.json": special}), "dir", Options{SpecialTokens: []string{token, "<r>"}})
		if err != nil {
			return
		}
		read, err := d.OpenTokenizer()
		if err != nil {
			if strings.Contains(err.Error(), "tokenizer.json: not valid") {
				t.Errorf("the grown file is not read: %v", err)
			}
			return
		}
		for _, want := range []string{token, "<r>"} {
			if id, ok := read.ID(want); !ok || int(id) >= d.Config.VocabSize {
				t.Errorf("%q has id %d (%t), the table has %d rows", want, id, ok, d.Config.VocabSize)
			}
		}
		if err := d.grow(&reader{files: d.files, name: "dir"}, "", []string{token, "<r>"}); err != nil {
			t.Errorf("again: %v", err)
		} else if after, err := d.OpenTokenizer(); err != nil || after.VocabSize() != read.VocabSize() {
			t.Errorf("a second time it has %d tokens, not %d (%v)", after.VocabSize(), read.VocabSize(), err)
		}
	})
}
