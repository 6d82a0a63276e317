package tokenizer

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A value of another kind is named by its place, with what is wanted there and what was found.
func TestMistyped(t *testing.T) {
	for _, tc := range []struct{ name, section, value, want string }{
		{"true or false", "model", `{"type":"BPE","byte_fallback":7,"vocab":{"a":0},"merges":[]}`, `x.json: model.byte_fallback: want true or false, found 7`},
		{"a text", "model", `{"type":"BPE","unk_token":["a"],"vocab":{"a":0},"merges":[]}`, `x.json: model.unk_token: want a text, found a list`},
		{"a number", "model", `{"type":"BPE","dropout":"no","vocab":{"a":0},"merges":[]}`, `x.json: model.dropout: want a number, found "no"`},
		{"a whole number", "model", `{"type":"WordPiece","unk_token":"a","continuing_subword_prefix":"#","max_input_chars_per_word":1.5,"vocab":{"a":0}}`, `x.json: model.max_input_chars_per_word: want a whole number, found 1.5`},
		{"a whole number of an object", "model", `{"type":"BPE","vocab":{"b":0,"a c":true},"merges":[]}`, `x.json: model.vocab["a c"]: want a whole number, found true`},
		{"a number beyond its type", "model", `{"type":"Unigram","unk_id":1e40,"vocab":[["a",0]]}`, `x.json: model.unk_id: want a whole number, found 1e40`},
		{"an object", "model", `{"type":"BPE","vocab":[["a",0]],"merges":[]}`, `x.json: model.vocab: want an object, found a list`},
		{"a list", "model", `{"type":"Unigram","unk_id":0,"vocab":{"a":0}}`, `x.json: model.vocab: want a list, found an object`},
		{"a long text", "model", `{"type":"BPE","fuse_unk":"` + strings.Repeat("x", 50) + `","vocab":{"a":0},"merges":[]}`, `x.json: model.fuse_unk: want true or false, found a text`},
		{"a section", "normalizer", `"NFC"`, `x.json: normalizer: want an object, found "NFC"`},
		{"a type", "normalizer", `{"type":3}`, `x.json: normalizer.type: want a text, found 3`},
		{"a list of sections", "pre_tokenizer", `{"type":"Sequence","pretokenizers":{"type":"Whitespace"}}`, `x.json: pre_tokenizer.pretokenizers: want a list, found an object`},
		{"a section within", "pre_tokenizer", `{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":"yes"}]}`, `x.json: pre_tokenizer.pretokenizers[0].individual_digits: want true or false, found "yes"`},
		{"a text of an object", "normalizer", `{"type":"Replace","pattern":{"String":1},"content":""}`, `x.json: normalizer.pattern["String"]: want a text, found 1`},
		{"a part of a template", "post_processor", `{"type":"TemplateProcessing","single":[{"Sequence":{"id":1,"type_id":0}}],"special_tokens":{}}`, `x.json: post_processor.single[0].Sequence.id: want a text, found 1`},
		{"an id of a template", "post_processor", `{"type":"TemplateProcessing","single":[],"special_tokens":{"[X]":{"id":"[X]","ids":["1"],"tokens":["[X]"]}}}`, `x.json: post_processor.special_tokens["[X]"].ids[0]: want a whole number, found "1"`},
		{"an added token", "added_tokens", `[{"id":0,"content":"[PAD]","lstrip":"no"}]`, `x.json: added_tokens[0].lstrip: want true or false, found "no"`},
		{"added tokens", "added_tokens", `{"[PAD]":0}`, `x.json: added_tokens: want a list, found an object`},
		{"an unknown key of an added token", "added_tokens", `[{"id":0,"content":"[PAD]","strip":true}]`, `x.json: added_tokens[0]: unknown key "strip"`},
		{"the version", "version", `1.0`, `x.json: version: want a text, found 1.0`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Parse(replaceSection(t, tc.section, tc.value), "x.json"); err == nil || err.Error() != tc.want {
				t.Errorf("got error %v, want %s", err, tc.want)
			}
		})
	}
	if _, err := Parse([]byte("[1]"), "x.json"); err == nil || err.Error() != "x.json: top level: want an object, found a list" {
		t.Errorf("of a list: %v", err)
	}
}

// Every key of every section is tried with a value of every kind: what is refused is refused by its place, in words of the file.
func TestMistypedEverywhere(t *testing.T) {
	sections := map[string][]string{
		"normalizer": {
			`{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}`,
			`{"type":"Strip","strip_left":true,"strip_right":true}`, `{"type":"Replace","pattern":{"String":"a"},"content":"b"}`,
			`{"type":"Prepend","prepend":"_"}`, `{"type":"Sequence","normalizers":[]}`, `{"type":"NFC"}`, `{"type":"Precompiled","precompiled_charsmap":""}`,
		},
		"pre_tokenizer": {
			`{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}`, `{"type":"CharDelimiterSplit","delimiter":"a"}`,
			`{"type":"Metaspace","replacement":"_","prepend_scheme":"always","split":true,"add_prefix_space":true}`, `{"type":"Sequence","pretokenizers":[]}`,
			`{"type":"Split","pattern":{"String":"a"},"behavior":"Isolated","invert":false}`, `{"type":"Punctuation","behavior":"Isolated"}`, `{"type":"Digits","individual_digits":true}`,
		},
		"post_processor": {
			`{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{}}`,
			`{"type":"RobertaProcessing","sep":["a",0],"cls":["b",0],"trim_offsets":true,"add_prefix_space":true}`,
			`{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}`, `{"type":"Sequence","processors":[]}`,
		},
		"model": {
			`{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,"vocab":{"a":0},"merges":[]}`,
			`{"type":"Unigram","unk_id":0,"vocab":[["a",0]],"byte_fallback":false}`, `{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}`,
			`{"type":"WordPiece","unk_token":"a","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"a":0}}`,
		},
	}
	for _, section := range slices.Sorted(maps.Keys(sections)) {
		for _, written := range sections[section] {
			var keys map[string]json.RawMessage
			if err := json.Unmarshal(raw(written), &keys); err != nil {
				t.Fatal(err)
			}
			for key, kept := range keys {
				refused := 0
				for _, value := range []string{`7`, `"x"`, `true`, `[[]]`, `{"k":{}}`} {
					keys[key] = raw(value)
					file := map[string]any{"model": raw(`{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}`)}
					file[section] = keys
					_, err := Parse(marshal(t, file), "f")
					if err == nil {
						continue
					}
					refused++
					if text := err.Error(); !strings.HasPrefix(text, "f: ") || strings.Contains(text, "json") || strings.Contains(text, "Go ") {
						t.Errorf("%s of %s as %s: %v", key, written, value, err)
					}
					if strings.Contains(err.Error(), ": want ") && !strings.Contains(err.Error(), section+"."+key) && !strings.Contains(err.Error(), section+": "+key) {
						t.Errorf("%s of %s as %s: %v does not name it", key, written, value, err)
					}
				}
				if keys[key] = kept; refused < 2 && key != "pair" && section != "post_processor" {
					t.Errorf("%s of %s: %d of five kinds are refused", key, written, refused)
				}
			}
		}
	}
}
