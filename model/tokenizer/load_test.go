package tokenizer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// A file that is wrong or unknown names itself and the place.
func TestParseErrors(t *testing.T) {
	tests := []struct {
		name    string
		section string
		value   string
		want    string
	}{
		{"unknown normalizer", "normalizer", `{"type":"Unicode"}`, `x.json: normalizer: type "Unicode" is not supported; these are: BertNormalizer,`},
		{"unknown normalizer within", "normalizer", `{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Soft"}]}`, `x.json: normalizer.normalizers[1]: type "Soft" is not supported`},
		{"normalizer without type", "normalizer", `{"lowercase":true}`, `x.json: normalizer: no type`},
		{"normalizer setting missing", "normalizer", `{"type":"BertNormalizer","clean_text":true,"lowercase":true}`, `x.json: normalizer: handle_chinese_chars is missing`},
		{"normalizer setting unknown", "normalizer", `{"type":"NFC","form":"C"}`, `x.json: normalizer: unknown key "form"`},
		{"regular expression", "normalizer", `{"type":"Replace","pattern":{"Regex":"\\b"},"content":""}`, `x.json: normalizer: pattern: the regular expression "\\b" is not supported`},
		{"empty pattern", "normalizer", `{"type":"Replace","pattern":{"String":""},"content":"x"}`, `x.json: normalizer: pattern: the text is empty`},
		{"pattern of another kind", "normalizer", `{"type":"Replace","pattern":{"Glob":"*"},"content":"x"}`, `x.json: normalizer: pattern: want {"String": …} or {"Regex": …}`},
		{"table missing", "normalizer", `{"type":"Precompiled"}`, `x.json: normalizer: precompiled_charsmap is missing`},
		{"table not base64", "normalizer", `{"type":"Precompiled","precompiled_charsmap":"*"}`, `x.json: normalizer: precompiled_charsmap: not base64`},
		{"table cut", "normalizer", `{"type":"Precompiled","precompiled_charsmap":"CAAAAAAA"}`, `x.json: normalizer: precompiled_charsmap: the array has 8 bytes, but 2 follow`},
		{"table with a value outside", "normalizer", `{"type":"Precompiled","precompiled_charsmap":"BAEAAAAAAAA"}`, `x.json: normalizer: precompiled_charsmap`},
		{"unknown pre-tokenizer", "pre_tokenizer", `{"type":"UnicodeScripts"}`, `x.json: pre_tokenizer: type "UnicodeScripts" is not supported; these are: BertPreTokenizer,`},
		{"byte level setting missing", "pre_tokenizer", `{"type":"ByteLevel","add_prefix_space":false}`, `x.json: pre_tokenizer: trim_offsets is missing`},
		{"long mark", "pre_tokenizer", `{"type":"Metaspace","replacement":"__"}`, `x.json: pre_tokenizer: replacement: "__" is not one character`},
		{"unknown scheme", "pre_tokenizer", `{"type":"Metaspace","replacement":"_","prepend_scheme":"last"}`, `x.json: pre_tokenizer: prepend_scheme: unknown value "last"`},
		{"scheme and prefix", "pre_tokenizer", `{"type":"Metaspace","replacement":"_","add_prefix_space":false}`, `x.json: pre_tokenizer: add_prefix_space is false, but prepend_scheme "always"`},
		{"split without invert", "pre_tokenizer", `{"type":"Split","pattern":{"String":"a"},"behavior":"Isolated"}`, `x.json: pre_tokenizer: invert is missing`},
		{"split by what is unknown", "pre_tokenizer", `{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\p{Greek}"},"behavior":"Isolated","invert":false}]}`, `x.json: pre_tokenizer.pretokenizers[0]: pattern: the regular expression "\\p{Greek}" is not supported: \p{Greek}`},
		{"unknown behavior", "pre_tokenizer", `{"type":"Punctuation","behavior":"Dropped"}`, `x.json: pre_tokenizer: behavior: unknown value "Dropped"`},
		{"long delimiter", "pre_tokenizer", `{"type":"CharDelimiterSplit","delimiter":"ab"}`, `x.json: pre_tokenizer: delimiter: "ab" is not one character`},
		{"unknown post-processor", "post_processor", `{"type":"Wrap"}`, `x.json: post_processor: type "Wrap" is not supported`},
		{"template without text", "post_processor", `{"type":"TemplateProcessing","single":[],"pair":[],"special_tokens":{}}`, `x.json: post_processor: single: sequence A stands in it 0 times`},
		{"template token unknown", "post_processor", `{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[X]","type_id":0}}],"pair":[],"special_tokens":{}}`, `single: "[X]" is not among special_tokens`},
		{"template id outside", "post_processor", `{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",99999]}`, `x.json: post_processor: cls: want [token, id]`},
		{"two templates", "post_processor", `{"type":"Sequence","processors":[{"type":"BertProcessing","sep":["a",3],"cls":["b",2]},{"type":"BertProcessing","sep":["a",3],"cls":["b",2]}]}`, `two of the processors add tokens`},
		{"unknown model", "model", `{"type":"Characters","vocab":[]}`, `x.json: model: type "Characters" is not supported; these are: BPE, Unigram, WordLevel, WordPiece`},
		{"unigram without unknown", "model", `{"type":"Unigram","vocab":[["a",0]]}`, `x.json: model: unk_id is missing`},
		{"unigram with unknown outside", "model", `{"type":"Unigram","unk_id":1,"vocab":[["a",0]]}`, `x.json: model: unk_id 1 is outside vocab, which has 1 entries`},
		{"unigram without score", "model", `{"type":"Unigram","unk_id":0,"vocab":[["a",0],["b"]]}`, `x.json: model: vocab[1]: want ["token", score]`},
		{"unigram token twice", "model", `{"type":"Unigram","unk_id":0,"vocab":[["a",0],["a",1]]}`, `x.json: model: vocab[1]: token "a" is entry 0 already`},
		{"merges missing", "model", `{"type":"BPE","vocab":{"a":0}}`, `x.json: model: merges is missing`},
		{"merge of three", "model", `{"type":"BPE","vocab":{"a":0},"merges":["a a a"]}`, `x.json: model: merges: entry 0 is "a a a": want two tokens`},
		{"merge of one", "model", `{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}`, `x.json: model: merges: entry 0 has 1 tokens, not two`},
		{"merge that is a number", "model", `{"type":"BPE","vocab":{"a":0},"merges":[1]}`, `x.json: model: merges: want a list of pairs`},
		{"merge of an unknown token", "model", `{"type":"BPE","vocab":{"a":0,"aa":1},"merges":["a a",["a"," b"]]}`, `x.json: model: merges: want a list of pairs`},
		{"merge token missing", "model", `{"type":"BPE","vocab":{"a":0,"aa":1},"merges":["a a","a b"]}`, `x.json: model: merges[1]: token "b" is not in vocab`},
		{"merge result missing", "model", `{"type":"BPE","vocab":{"a":0},"merges":[["a","a"]]}`, `x.json: model: merges[0]: "a" and "a" make "aa", which is not in vocab`},
		{"merge without its prefix", "model", `{"type":"BPE","continuing_subword_prefix":"##","vocab":{"a":0},"merges":["a a"]}`, `x.json: model: merges[0]: token "a" is shorter than continuing_subword_prefix`},
		{"dropout", "model", `{"type":"BPE","dropout":0.1,"vocab":{"a":0},"merges":[]}`, `x.json: model: dropout is 0.1`},
		{"bpe unknown token missing", "model", `{"type":"BPE","unk_token":"u","vocab":{"a":0},"merges":[]}`, `x.json: model: unk_token "u" is not in vocab`},
		{"model missing", "model", `null`, `x.json: model: missing`},
		{"unknown token missing", "model", `{"type":"WordPiece","unk_token":"[X]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"a":0}}`, `x.json: model: unk_token "[X]" is not in vocab`},
		{"id twice", "model", `{"type":"WordLevel","unk_token":"a","vocab":{"a":0,"b":1,"c":1}}`, `x.json: model: vocab: tokens "b" and "c" both have id 1`},
		{"id negative", "model", `{"type":"WordLevel","unk_token":"a","vocab":{"a":-1}}`, `x.json: model: vocab: token "a" has id -1`},
		{"id too large", "model", `{"type":"WordLevel","unk_token":"a","vocab":{"a":4000000000}}`, `x.json: model: vocab: token "a" has id 4000000000, out of range`},
		{"id not whole", "model", `{"type":"WordLevel","unk_token":"a","vocab":{"a":0.5}}`, `x.json: model.vocab["a"]: want a whole number, found 0.5`},
		{"added token without id", "added_tokens", `[{"content":"[PAD]"}]`, `x.json: added_tokens[0]: id is missing`},
		{"added token with another id", "added_tokens", `[{"id":7,"content":"[PAD]"}]`, `x.json: added_tokens[0]: token "[PAD]" has id 7, but by the vocabulary it is 0`},
		{"added tokens alike", "added_tokens", `[{"id":0,"content":"[PAD]","normalized":true},{"id":%d,"content":"[pad]","normalized":true}]`, `another added token matches the same text "[pad]"`},
		{"added token of nothing", "added_tokens", `[{"id":%d,"content":"\u0301","normalized":true}]`, `nothing is left of it when it is normalized`},
		{"version", "version", `"2.0"`, `x.json: version "2.0" is not known`},
		{"unknown section", "extra", `1`, `x.json: top level: unknown key "extra"`},
	}
	size := small(t).VocabSize()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			value := strings.ReplaceAll(tc.value, "%d", fmt.Sprint(size))
			data := replaceSection(t, tc.section, value)
			_, err := Parse(data, "x.json")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want it to contain %s", err, tc.want)
			}
		})
	}
}

// replaceSection is the small tokenizer.json with one section replaced whole.
func replaceSection(t *testing.T, section, value string) []byte {
	t.Helper()
	var file map[string]json.RawMessage
	readJSON(t, "testdata/small/tokenizer.json", &file)
	file[section] = raw(value)
	return marshal(t, file)
}

func TestParseRejectsWhatIsNotJSON(t *testing.T) {
	for name, data := range map[string]string{"empty": "", "cut": `{"model":`, "not UTF-8": "{\"version\":\"\xff\"}", "a list": "[]"} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(data), "x.json"); err == nil || !strings.HasPrefix(err.Error(), "x.json: ") {
				t.Errorf("got error %v, want one that begins with the name", err)
			}
		})
	}
}

// A file of 2020 has a model without a type.
func TestParseModelWithoutType(t *testing.T) {
	data := replaceSection(t, "model", `{"unk_token":"a","continuing_subword_prefix":"##","max_input_chars_per_word":9,"vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"a":5,"##b":6}}`)
	tok, err := Parse(data, "x.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int32{5, 6}, tok.Encode(nil, "ab")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNamedTokens(t *testing.T) {
	tok := small(t)
	if diff := cmp.Diff([]int32{0, 1, 2, 3, 4}, tok.SpecialIDs()); diff != "" {
		t.Errorf("special ids (-want +got):\n%s", diff)
	}
	if id, ok := tok.PadID(); id != 0 || !ok {
		t.Errorf("padding id %d (%t), want 0", id, ok)
	}
	if id, ok := tok.UnknownID(); id != 1 || !ok {
		t.Errorf("unknown id %d (%t), want 1", id, ok)
	}
	if id, ok := tok.ID("nowhere in it"); ok {
		t.Errorf("a token that is not there has id %d", id)
	}
	for _, id := range []int32{-1, int32(tok.VocabSize())} {
		if token := tok.Token(id); token != "" {
			t.Errorf("id %d is %q, want none", id, token)
		}
	}
}

func TestWithSpecials(t *testing.T) {
	tok := small(t)
	ids := []int32{10, 11, 12}
	tests := []struct {
		name      string
		maxLength int
		want      []int32
	}{
		{"no limit", 0, []int32{9, 2, 10, 11, 12, 3}},
		{"enough", 5, []int32{9, 2, 10, 11, 12, 3}},
		{"one too few", 4, []int32{9, 2, 10, 11, 3}},
		{"room for none", 2, []int32{9, 2, 3}},
		{"less than the special tokens", 1, []int32{9, 2, 3}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tok.WithSpecials([]int32{9}, ids, tc.maxLength)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff([]int32{10, 11, 12}, ids); diff != "" {
		t.Errorf("the given ids changed (-want +got):\n%s", diff)
	}
}

func TestPostProcessors(t *testing.T) {
	bert := `{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]}`
	tests := []struct {
		name, value string
		want        []int32
	}{
		{"none", `null`, []int32{7}},
		{"bert", bert, []int32{2, 7, 3}},
		{"roberta", `{"type":"RobertaProcessing","sep":["</s>",4],"cls":["<s>",0],"trim_offsets":true,"add_prefix_space":false}`, []int32{0, 7, 4}},
		{"byte level adds nothing", `{"type":"Sequence","processors":[{"type":"ByteLevel"},` + bert + `]}`, []int32{2, 7, 3}},
		{"text first", `{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"x","type_id":0}}],"pair":[],"special_tokens":{"x":{"id":"x","ids":[3,4],"tokens":["a","b"]}}}`, []int32{7, 3, 4}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			tok, err := Parse(replaceSection(t, "post_processor", tc.value), "x.json")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, tok.WithSpecials(nil, []int32{7}, 0)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// directory writes files into a new folder.
func directory(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// smallVocabText is the small vocabulary as a vocab.txt.
func smallVocabText(t *testing.T, lineEnd string) string {
	t.Helper()
	tok := small(t)
	var text strings.Builder
	for id := range int32(tok.VocabSize()) {
		text.WriteString(tok.Token(id) + lineEnd)
	}
	return text.String()
}

func TestLoadVocabText(t *testing.T) {
	f := readFixture(t)
	tests := []struct {
		name, config, lineEnd, variant string
	}{
		{"no configuration", "", "\n", "uncased"},
		{"carriage returns", "{}", "\r\n", "uncased"},
		{"cased", `{"do_lower_case": false, "tokenizer_class": "BertTokenizer"}`, "\n", "cased"},
		{"cased, accents off", `{"do_lower_case": false, "strip_accents": true}`, "\n", "cased, accents off"},
		{"accents on", `{"strip_accents": false, "mask_token": {"content": "[MASK]", "lstrip": false}}`, "\n", "uncased, accents on"},
		{"no chinese", `{"tokenize_chinese_chars": false, "strip_accents": null}`, "\n", "no chinese"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"vocab.txt": smallVocabText(t, tc.lineEnd)}
			if tc.config != "" {
				files["tokenizer_config.json"] = tc.config
			}
			tok, err := Load(directory(t, files))
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range f.Variants {
				if v.Name != tc.variant {
					continue
				}
				for i, text := range f.Texts {
					if diff := cmp.Diff(v.IDs[i], tok.Encode([]int32{}, text)); diff != "" {
						t.Errorf("%+q (-want +got):\n%s", text, diff)
					}
				}
			}
			if diff := cmp.Diff([]int32{2, 9, 3}, tok.WithSpecials(nil, []int32{9}, 0)); diff != "" {
				t.Errorf("specials (-want +got):\n%s", diff)
			}
			if id, ok := tok.PadID(); id != 0 || !ok {
				t.Errorf("padding id %d (%t), want 0", id, ok)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	file, err := os.ReadFile("testdata/small/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	vocab := "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n"
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing there", nil, "neither tokenizer.json nor vocab.txt is there"},
		{"SentencePiece's file alone", map[string]string{"tokenizer.model": "\n\x0e"}, "and SentencePiece's tokenizer.model is not read: AutoTokenizer.from_pretrained("},
		{"configuration contradicts", map[string]string{"tokenizer.json": string(file), "tokenizer_config.json": `{"do_lower_case": false, "tokenizer_class": "BertTokenizer"}`}, "tokenizer_config.json: do_lower_case is false, but the normalizer of"},
		{"accents contradict", map[string]string{"tokenizer.json": string(file), "tokenizer_config.json": `{"strip_accents": false, "tokenizer_class": "BertTokenizerFast"}`}, "strip_accents is false, but"},
		{"padding unknown", map[string]string{"tokenizer.json": string(file), "tokenizer_config.json": `{"pad_token": "<p>"}`}, `pad_token "<p>" is not in the vocabulary`},
		{"padding of the list unknown", map[string]string{"tokenizer.json": string(file), "tokenizer_config.json": `{}`, "special_tokens_map.json": `{"pad_token": "<p>"}`}, `special_tokens_map.json: pad_token "<p>" is not in the vocabulary`},
		{"configuration broken", map[string]string{"tokenizer.json": string(file), "tokenizer_config.json": `{`}, "tokenizer_config.json: top level: not JSON: unexpected end"},
		{"something behind the file", map[string]string{"tokenizer.json": string(file) + `{"version": "1.0"} and more`}, `tokenizer.json: top level: not JSON: it goes on behind its end, with "{\"version\": \"1.0\"}`},
		{"token is a number", map[string]string{"vocab.txt": vocab, "tokenizer_config.json": `{"cls_token": 3}`}, "cls_token: want a text"},
		{"flag is a text", map[string]string{"vocab.txt": vocab, "tokenizer_config.json": `{"do_lower_case": "no"}`}, "do_lower_case: want true, false or null"},
		{"duplicate line", map[string]string{"vocab.txt": vocab + "a\n"}, `vocab.txt:6: token "a" is already on line 5`},
		{"not UTF-8", map[string]string{"vocab.txt": vocab + "\xff\n"}, "vocab.txt: not UTF-8"},
		{"special token missing", map[string]string{"vocab.txt": "[UNK]\n[SEP]\na\n"}, `vocab.txt: cls_token "[CLS]" is missing`},
		{"named mask missing", map[string]string{"vocab.txt": vocab, "tokenizer_config.json": `{"mask_token": "[MASK]"}`}, `mask_token "[MASK]" is missing`},
		{"another class", map[string]string{"vocab.txt": vocab, "tokenizer_config.json": `{"tokenizer_class": "MPNetTokenizer"}`}, `tokenizer_class "MPNetTokenizer" needs a tokenizer.json`},
		{"added tokens apart", map[string]string{"vocab.txt": vocab, "added_tokens.json": `{}`}, "added_tokens.json: not read beside vocab.txt"},
		{"no basic tokenizer", map[string]string{"vocab.txt": vocab, "tokenizer_config.json": `{"do_basic_tokenize": false}`}, "do_basic_tokenize false is not supported"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Load(directory(t, tc.files))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want it to contain %s", err, tc.want)
			}
		})
	}
}

// Another class than BERT's goes by tokenizer.json, whatever the configuration says.
func TestConfigurationOfAnotherClassIsNotCompared(t *testing.T) {
	file, err := os.ReadFile("testdata/small/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	dir := directory(t, map[string]string{"tokenizer.json": string(file),
		"tokenizer_config.json": `{"do_lower_case": false, "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[SEP]"}`})
	tok, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if id, _ := tok.PadID(); id != 3 {
		t.Errorf("padding id %d, want 3 as configured", id)
	}
}
