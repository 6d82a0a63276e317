package tokenizer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// fixture is testdata/cases.json, which parity/tokenizer_fixture.py makes with Hugging Face tokenizers.
type fixture struct {
	Texts     []string  `json:"texts"`
	Variants  []variant `json:"variants"`
	Truncated []struct {
		Length int     `json:"length"`
		Text   string  `json:"text"`
		IDs    []int32 `json:"ids"`
	} `json:"truncated"`
	InvalidUTF8 []struct {
		Bytes string `json:"bytes"`
		Text  string `json:"text"`
	} `json:"invalid_utf8"`
}

// variant is a tokenizer that differs from its family's in some sections, with the ids of each text of the fixture.
type variant struct {
	Name   string                     `json:"name"`
	Change map[string]json.RawMessage `json:"change"`
	Added  json.RawMessage            `json:"added_tokens"`
	IDs    [][]int32                  `json:"ids"`
}

// families are the folders of testdata with other models than WordPiece.
var families = []string{"bytelevel", "sentencepiece", "unigram"}

// readFamily returns the variants of a family.
func readFamily(t testing.TB, family string) []variant {
	t.Helper()
	var f struct {
		Variants []variant `json:"variants"`
	}
	readJSON(t, "testdata/"+family+"/cases.json", &f)
	if len(f.Variants) == 0 {
		t.Fatalf("testdata/%s/cases.json: no cases", family)
	}
	return f.Variants
}

// eachVariant runs a test for every variant of every family, BERT's included.
func eachVariant(t *testing.T, test func(t *testing.T, tok *Tokenizer, texts []string, v variant)) {
	f := readFixture(t)
	for _, family := range append([]string{"small"}, families...) {
		variants := f.Variants
		if family != "small" {
			variants = readFamily(t, family)
		}
		for _, v := range variants {
			t.Run(family+", "+v.Name, func(t *testing.T) {
				tok, err := Parse(varyFamily(t, family, v.Change, v.Added), v.Name)
				if err != nil {
					t.Fatal(err)
				}
				test(t, tok, f.Texts, v)
			})
		}
	}
}

func readFixture(t testing.TB) fixture {
	t.Helper()
	var f fixture
	readJSON(t, "testdata/cases.json", &f)
	if len(f.Texts) == 0 || len(f.Variants) == 0 {
		t.Fatal("testdata/cases.json: no cases")
	}
	return f
}

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// vary replaces sections of the small tokenizer.json, as vary in parity/tokenizer_fixture.py does.
func vary(t testing.TB, change map[string]json.RawMessage, added json.RawMessage) []byte {
	t.Helper()
	return varyFamily(t, "small", change, added)
}

func varyFamily(t testing.TB, family string, change map[string]json.RawMessage, added json.RawMessage) []byte {
	t.Helper()
	var file map[string]json.RawMessage
	readJSON(t, "testdata/"+family+"/tokenizer.json", &file)
	if _, ok := change["bytes"]; ok {
		file["model"] = withByteTokens(t, file["model"])
	}
	for section, value := range change {
		switch section {
		case "model":
			var model, fields map[string]json.RawMessage
			if err := json.Unmarshal(file["model"], &model); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(value, &fields); err != nil {
				t.Fatal(err)
			}
			maps.Copy(model, fields)
			if string(model["type"]) == `"WordLevel"` {
				delete(model, "continuing_subword_prefix")
				delete(model, "max_input_chars_per_word")
			}
			file["model"] = marshal(t, model)
		case "bytes":
		case "add":
			file["added_tokens"] = added
		default:
			file[section] = value
		}
	}
	return marshal(t, file)
}

// withByteTokens adds the tokens of all bytes to a unigram model.
func withByteTokens(t testing.TB, model json.RawMessage) json.RawMessage {
	t.Helper()
	var fields map[string]json.RawMessage
	var vocab []any
	if err := json.Unmarshal(model, &fields); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(fields["vocab"], &vocab); err != nil {
		t.Fatal(err)
	}
	for b := range 256 {
		vocab = append(vocab, []any{fmt.Sprintf("<0x%02X>", b), -20 - b})
	}
	fields["vocab"] = marshal(t, vocab)
	return marshal(t, fields)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func small(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := Load("testdata/small")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestIDsEqualHuggingFace(t *testing.T) {
	eachVariant(t, func(t *testing.T, tok *Tokenizer, texts []string, v variant) {
		for range 2 { // the second time some words are remembered
			for i, text := range texts {
				got := tok.Encode([]int32{}, text)
				if diff := cmp.Diff(v.IDs[i], got); diff != "" {
					t.Fatalf("%+q (-want +got):\n%s", text, diff)
				}
			}
		}
	})
}

func TestWithSpecialsEqualsHuggingFaceTruncation(t *testing.T) {
	tok := small(t)
	for _, c := range readFixture(t).Truncated {
		got := tok.WithSpecials(nil, tok.Encode(nil, c.Text), c.Length)
		if diff := cmp.Diff(c.IDs, got); diff != "" {
			t.Errorf("length %d (-want +got):\n%s", c.Length, diff)
		}
	}
}

func TestInvalidUTF8ReadsAsPythonDoes(t *testing.T) {
	for _, c := range readFixture(t).InvalidUTF8 {
		raw, err := hex.DecodeString(c.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		got := string(appendValid(nil, string(raw)))
		if got != c.Text {
			t.Errorf("% x: got %+q, want %+q", raw, got, c.Text)
		}
		if !utf8.ValidString(got) {
			t.Errorf("% x: the result is not UTF-8", raw)
		}
	}
}

// The digests cover every code point alone, and those of the planes in use between an accented letter and two marks.
func TestEveryCodePointEqualsHuggingFace(t *testing.T) {
	if testing.Short() {
		t.Skip("a second of work")
	}
	var want struct {
		Normalizers   map[string]string `json:"normalizers"`
		PreTokenizers map[string]string `json:"pre_tokenizers"`
	}
	readJSON(t, "testdata/codepoints.json", &want)
	normalizers := map[string]normalizer{
		"bert_uncased": newBertNormalizer(true, true, true, true),
		"bert_cased":   newBertNormalizer(true, true, false, false),
		"Lowercase":    lowercase{},
		"NFC":          normalForm{compose: true},
		"NFD":          normalForm{},
		"NFKC":         normalForm{compatible: true, compose: true},
		"NFKD":         normalForm{compatible: true},
		"StripAccents": stripAccents{},
		"Strip":        strip{left: true, right: true},
	}
	for name, digest := range want.Normalizers {
		t.Run(name, func(t *testing.T) {
			if got := digestNormalizer(normalizers[name]); got != digest {
				t.Errorf("got digest %s, want %s", got, digest)
			}
		})
	}
	splitters := map[string]splitter{
		"BertPreTokenizer": bertSplitter{},
		"Whitespace":       wordRuns{},
		"WhitespaceSplit":  classSplitter{space, removed},
		"Punctuation":      classSplitter{punctuation, isolated},
		"Digits":           classSplitter{number, isolated},
	}
	for name, digest := range want.PreTokenizers {
		t.Run(name, func(t *testing.T) {
			if got := digestSplitter(splitters[name]); got != digest {
				t.Errorf("got digest %s, want %s", got, digest)
			}
		})
	}
}

func digestNormalizer(n normalizer) string {
	digest := sha256.New()
	var s scratch
	var in, out []byte
	eachScalar(func(r rune) {
		in = utf8.AppendRune(in[:0], r)
		out = append(n.normalize(out[:0], in, &s), 0)
		digest.Write(out)
		if r >= 0x30000 && r>>12 != 0xE0 {
			return
		}
		in = append(append(append(in[:0], "e\u0301"...), string(r)...), "\u0323\u0345A"...)
		out = append(n.normalize(out[:0], in, &s), 0)
		digest.Write(out)
	})
	return hex.EncodeToString(digest.Sum(nil))
}

func digestSplitter(p splitter) string {
	digest := sha256.New()
	var in []byte
	var words []span
	eachScalar(func(r rune) {
		in = append(utf8.AppendRune(append(in[:0], 'a'), r), 'b')
		words = p.split(words[:0], in, span{0, len(in)})
		for _, w := range words {
			digest.Write(in[w.start:w.end])
			digest.Write([]byte{0})
		}
		digest.Write([]byte{'\n'})
	})
	return hex.EncodeToString(digest.Sum(nil))
}

func eachScalar(use func(rune)) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if utf8.ValidRune(r) {
			use(r)
		}
	}
}

func TestSmallVocabularyHoldsEveryToken(t *testing.T) {
	tok := small(t)
	for id := range int32(tok.VocabSize()) {
		token := tok.Token(id)
		if back, ok := tok.ID(token); !ok || back != id {
			t.Errorf("id %d is %q, which is id %d (%t)", id, token, back, ok)
		}
	}
	if !bytes.Contains([]byte(tok.Token(4)), []byte("MASK")) {
		t.Errorf("id 4 is %q", tok.Token(4))
	}
}
