package model

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestAPaddingTokenWhereNoneIsNamed(t *testing.T) {
	for _, tc := range []struct {
		name, config, specials string
		want                   string // in the file that is written; empty where it stays as it is
	}{
		{"Mistral's as published", `{"tokenizer_class": "LlamaTokenizer", "pad_token": null, "unk_token": "<unk>", "eos_token": "</s>"}`, "", `"pad_token": "<unk>"`},
		{"Llama 3's, without an unknown token", `{"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end_of_text|>"}`, "", `"pad_token": "<|end_of_text|>"`},
		{"tokens in the other file", `{"tokenizer_class": "LlamaTokenizerFast"}`, `{"unk_token": {"content": "<unk>", "special": true}}`, `"pad_token": {`},
		{"named", `{"tokenizer_class": "LlamaTokenizer", "pad_token": "<pad>", "unk_token": "<unk>"}`, "", ""},
		{"named in the other file", `{"tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>"}`, `{"pad_token": "<pad>"}`, ""},
		{"a class that has one of its own", `{"tokenizer_class": "BertTokenizer", "unk_token": "[UNK]"}`, "", ""},
		{"no token to take", `{"tokenizer_class": "LlamaTokenizer"}`, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := fstest.MapFS{"tokenizer_config.json": {Data: []byte(tc.config)}}
			if tc.specials != "" {
				files["special_tokens_map.json"] = &fstest.MapFile{Data: []byte(tc.specials)}
			}
			got, err := withPadding(&reader{files: files, name: "dir"}, "", []byte(tc.config))
			if err != nil {
				t.Fatal(err)
			}
			if tc.want == "" && string(got) != tc.config || !strings.Contains(string(got), tc.want) {
				t.Errorf("%s", got)
			}
		})
	}
	if _, err := withPadding(&reader{files: fstest.MapFS{}, name: "dir"}, "", []byte("{")); err == nil || !strings.Contains(err.Error(), "tokenizer_config.json") {
		t.Errorf("got %v", err)
	}
}
