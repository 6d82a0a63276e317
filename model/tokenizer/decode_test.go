package tokenizer

import (
	"fmt"
	"strings"
	"testing"
)

// decoderOf is a tokenizer of single tokens, numbered from 0, with a decoder.
func decoderOf(t *testing.T, decoder string, tokens ...string) *Tokenizer {
	t.Helper()
	var vocab []string
	for i, token := range tokens {
		vocab = append(vocab, fmt.Sprintf("%q: %d", token, i))
	}
	tok, err := Parse([]byte(`{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":null,"post_processor":null,
		"decoder":`+decoder+`,"model":{"type":"WordLevel","unk_token":"a","vocab":{`+strings.Join(vocab, ",")+`}}}`), "tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

const mistralDecoder = `{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}`

// What each decoder does is written down from the source of tokenizers 0.23.3; model's in-context tests and
// parity/icl_live.py compare Mistral's with it.
func TestDecode(t *testing.T) {
	for _, tc := range []struct {
		name, decoder string
		tokens        []string
		want          string
	}{
		{"none: spaces between", `null`, []string{"a", "b"}, "a b"},
		{"Mistral", mistralDecoder, []string{"▁a", "b", "▁", "▁c"}, "ab  c"},
		{"Mistral: one leading space goes", mistralDecoder, []string{"▁▁a"}, " a"},
		{"bytes of a character", mistralDecoder, []string{"▁a", "<0xC3>", "<0xA9>", "b"}, "aéb"},
		{"bytes of half a character", mistralDecoder, []string{"<0xF0>", "<0x9F>", "b"}, "\ufffd\ufffdb"},
		{"good bytes beside bad ones are lost with them", mistralDecoder, []string{"<0xC3>", "<0xA9>", "<0xC3>"}, "\ufffd\ufffd\ufffd"},
		{"a newline", mistralDecoder, []string{"▁a", "<0x0A>"}, "a\n"},
		{"no byte", mistralDecoder, []string{"<0xGG>", "<0x1>"}, "<0xGG><0x1>"},
		{"byte level", `{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}`, []string{"a", "Ġb", "Ã", "©", "語"}, "a bé語"},
		{"byte level: half a character is one", `{"type":"ByteLevel"}`, []string{"ð", "Ł", "b"}, "\ufffdb"},
		{"metaspace", `{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}`, []string{"▁a▁", "▁b"}, "a b"},
		{"metaspace, never", `{"type":"Metaspace","replacement":"▁","prepend_scheme":"never"}`, []string{"▁a", "▁b"}, " a b"},
		{"word pieces", `{"type":"WordPiece","prefix":"##","cleanup":false}`, []string{"a", "##b", "c", "."}, "ab c ."},
		{"word pieces, cleaned", `{"type":"WordPiece","prefix":"##","cleanup":true}`, []string{"a", ".", "b", "?"}, "a. b?"},
		{"strip at the end", `{"type":"Strip","content":"_","start":0,"stop":2}`, []string{"_a___", "__"}, "_a_"},
		{"fuse", `{"type":"Fuse"}`, []string{"a", "b"}, "ab"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tok := decoderOf(t, tc.decoder, append([]string{"a"}, uniqueOf(tc.tokens)...)...)
			var ids []int32
			for _, token := range tc.tokens {
				id, ok := tok.ID(token)
				if !ok {
					t.Fatalf("no token %q", token)
				}
				ids = append(ids, id)
			}
			got, err := tok.Decode(append(ids, 99999))
			if err != nil || got != tc.want {
				t.Errorf("got %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}

func uniqueOf(tokens []string) []string {
	var out []string
	seen := map[string]bool{"a": true}
	for _, token := range tokens {
		if !seen[token] {
			out = append(out, token)
		}
		seen[token] = true
	}
	return out
}

// A decoder that is not known keeps nobody from encoding.
func TestUnknownDecoderIsAnErrorOfDecodeAlone(t *testing.T) {
	for _, tc := range []struct{ name, decoder, want string }{
		{"type", `{"type":"CTC"}`, `tokenizer.json: decoder: type "CTC" is not supported`},
		{"within a sequence", `{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"CTC"}]}`, "decoder.decoders[1]"},
		{"expression", `{"type":"Replace","pattern":{"Regex":"a"},"content":"b"}`, "only a String is supported"},
		{"strip", `{"type":"Strip","content":"","start":1,"stop":0}`, "want one character"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tok := decoderOf(t, tc.decoder, "a")
			if got := tok.Encode(nil, "a"); len(got) != 1 {
				t.Errorf("encode: %v", got)
			}
			if _, err := tok.Decode([]int32{0}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
