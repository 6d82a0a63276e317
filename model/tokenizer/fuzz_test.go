package tokenizer

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse: any bytes are read or refused, and what is read encodes within its vocabulary.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version":"1.0","added_tokens":[{"id":1,"content":"[MASK]","special":true},{"id":3,"content":"Half","normalized":true,"rstrip":true}],
"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},
"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"x":{"id":"x","ids":[1],"tokens":["x"]}}},
"model":{"type":"WordPiece","unk_token":"u","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"u":0,"[MASK]":1,"##a":2}}}`))
	f.Add([]byte(`{"model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0,"b":3}},"added_tokens":[{"id":2,"content":"c","lstrip":true,"single_word":true}]}`))
	f.Add([]byte(`{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Prepend","prepend":"a"},{"type":"Strip","strip_left":true,"strip_right":true},{"type":"Replace","pattern":{"String":"b"},"content":"é"}]},
"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":false},{"type":"Punctuation","behavior":"MergedWithNext"}]},
"model":{"unk_token":"u","continuing_subword_prefix":"","max_input_chars_per_word":9,"vocab":{"u":0,"a":1,"é":2}},
"post_processor":{"type":"BertProcessing","sep":["u",0],"cls":["a",1]}}`))
	for _, family := range families {
		data, err := os.ReadFile("testdata/" + family + "/tokenizer.json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		for _, v := range readFamily(f, family) {
			if v.Name == "o200k" || v.Name == "xlm-roberta" {
				f.Add(varyFamily(f, family, v.Change, v.Added))
			}
		}
	}
	f.Add([]byte(`{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(?i:a|b)?[^\\s\\p{M}-x]{1,2}+|(?!c)d+?"},"behavior":"MergedWithNext","invert":true},
"model":{"type":"BPE","unk_token":"u","fuse_unk":true,"vocab":{"u":0,"a":1,"b</w>":2,"ab</w>":3},"end_of_word_suffix":"</w>","merges":[["a","b</w>"]]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := Parse(data, "x.json")
		if err != nil {
			return
		}
		checkIDs(t, tok, "a half, e\u0301 [MASK] 中文\xff c ")
	})
}

// FuzzVocabText: any vocab.txt with any tokenizer_config.json, as a BERT tokenizer of old times has them, is refused with a
// file's name or read: each line is a token whose id is the line's number, and what is read encodes within its vocabulary.
func FuzzVocabText(f *testing.F) {
	const vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\nhalf\n"
	f.Add([]byte(vocabulary), []byte(`{"do_lower_case":false,"tokenizer_class":"BertTokenizer","model_max_length":512}`))
	f.Add([]byte(vocabulary+"\r\n\r"), []byte(`{"strip_accents":true,"tokenize_chinese_chars":false,"mask_token":{"content":"[MASK]","lstrip":true}}`))
	f.Add([]byte("[UNK]\nu\n[CLS]\n[SEP]\n[PAD]"), []byte(`{"unk_token":"u","additional_special_tokens":["a"],"model_input_names":["input_ids","token_type_ids"]}`))
	f.Add([]byte("a\na\n"), []byte(`{`))
	f.Add([]byte("\xff"), []byte(nil))
	f.Fuzz(func(t *testing.T, vocab, config []byte) {
		files := map[string][]byte{"vocab.txt": vocab, "tokenizer_config.json": config}
		tok, err := LoadBy("dir", func(name string) ([]byte, error) { return files[name], nil })
		if err != nil {
			if !strings.HasPrefix(err.Error(), "dir") {
				t.Errorf("%v names no file", err)
			}
			return
		}
		lines := strings.Split(strings.TrimSuffix(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(vocab)), "\n"), "\n")
		for id, token := range lines {
			if got, ok := tok.ID(token); !ok || int(got) != id {
				t.Fatalf("token %q of line %d has id %d, %t", token, id+1, got, ok)
			}
		}
		checkIDs(t, tok, "a half, e\u0301 [MASK] 中文\xff ab ")
	})
}

// FuzzConfigBesideATokenizer: any tokenizer_config.json and special_tokens_map.json beside a tokenizer.json are refused with a
// file's name, or the tokenizer is of use: it pads by an id of its vocabulary, and what it puts around a text is what Around
// tells of it. A key says the same in either file.
func FuzzConfigBesideATokenizer(f *testing.F) {
	contents := [][]byte{[]byte(`{"model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0,"<s>":1,"</s>":2}},"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}}`)}
	for _, family := range families {
		data, err := os.ReadFile("testdata/" + family + "/tokenizer.json")
		if err != nil {
			f.Fatal(err)
		}
		contents = append(contents, data)
	}
	for which := range contents {
		f.Add(uint8(which), []byte(`{"tokenizer_class":"LlamaTokenizer","add_bos_token":true,"add_eos_token":true,"bos_token":"<s>"}`), []byte(`{"eos_token":{"content":"</s>","lstrip":false},"pad_token":"</s>"}`))
		f.Add(uint8(which), []byte(`{"do_lower_case":false,"tokenizer_class":"BertTokenizer","model_input_names":["input_ids","token_type_ids"]}`), []byte(`{"pad_token":null,"additional_special_tokens":["<tag>"]}`))
		f.Add(uint8(which), []byte(nil), []byte(`{"pad_token":{"content":"no word of it"}}`))
	}
	f.Add(uint8(0), []byte(`null`), []byte(`{"cls_token":7}`))
	f.Fuzz(func(t *testing.T, which uint8, config, special []byte) {
		load := func(config, special []byte) (*Tokenizer, func(string) ([]byte, error), error) {
			files := map[string][]byte{"tokenizer.json": contents[int(which)%len(contents)], "tokenizer_config.json": config, "special_tokens_map.json": special}
			read := func(name string) ([]byte, error) { return files[name], nil }
			tok, err := LoadBy("dir", read)
			return tok, read, err
		}
		tok, read, err := load(config, special)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "dir") || strings.Contains(err.Error(), "special_tokens_map.json") && special == nil {
				t.Errorf("%v names no file, or one that is not there", err)
			}
			return
		}
		checkIDs(t, tok, "a half, e\u0301 [MASK] 中文\xff c ")
		if id, ok := tok.PadID(); ok && (id < 0 || int(id) >= tok.VocabSize()) {
			t.Errorf("padding %d is outside the vocabulary of %d", id, tok.VocabSize())
		}
		around(t, "dir", read, tok)
		if config == nil {
			if other, _, err := load(special, nil); err != nil || !slices.Equal(other.WithSpecials(nil, nil, 0), tok.WithSpecials(nil, nil, 0)) {
				t.Errorf("the keys of special_tokens_map.json say something else in tokenizer_config.json: %v", err)
			}
		}
	})
}

// FuzzEncode: any text gives the same ids twice, within the vocabulary, and those of its repaired form.
func FuzzEncode(f *testing.F) {
	fixture := readFixture(f)
	var tokenizers []*Tokenizer
	for _, v := range fixture.Variants {
		tok, err := Parse(vary(f, v.Change, v.Added), v.Name)
		if err != nil {
			f.Fatal(err)
		}
		tokenizers = append(tokenizers, tok)
	}
	for _, family := range families {
		for _, v := range readFamily(f, family) {
			tok, err := Parse(varyFamily(f, family, v.Change, v.Added), v.Name)
			if err != nil {
				f.Fatal(err)
			}
			tokenizers = append(tokenizers, tok)
		}
	}
	for i, text := range fixture.Texts {
		f.Add(uint8(i), text)
	}
	f.Add(uint8(0), "a\xff\xe2\x82")
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		checkIDs(t, tokenizers[int(which)%len(tokenizers)], text)
	})
}

func checkIDs(t *testing.T, tok *Tokenizer, text string) {
	t.Helper()
	ids := tok.Encode(nil, text)
	for _, id := range ids {
		if id < 0 || int(id) >= tok.VocabSize() {
			t.Fatalf("%+q: id %d outside the vocabulary of %d", text, id, tok.VocabSize())
		}
	}
	repaired := appendValid(nil, text)
	if !utf8.Valid(repaired) {
		t.Fatalf("%+q: repaired to %+q, which is not UTF-8", text, repaired)
	}
	if again := tok.Encode(nil, string(repaired)); !slices.Equal(ids, again) {
		t.Fatalf("%+q: ids %v, of its repaired form %v", text, ids, again)
	}
	if n := len(tok.WithSpecials(nil, ids, 5)); n > max(5, tok.SpecialCount()) {
		t.Fatalf("%+q: %d ids where 5 were asked for", text, n)
	}
}
