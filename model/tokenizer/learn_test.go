package tokenizer

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/quarry-ml/quarry/internal/golden"
)

var lessons = []string{
	"Adds the numerators and adds the denominators",
	"Adding: 1/2 + 1/4 = 2/6, because adding adds.",
	"Subtracts the smaller digit from the larger digit",
	"Ünïcode is 中文 too; the ADDING of 12 and 34",
}

func learn(t *testing.T, texts []string, size int) *Learned {
	t.Helper()
	l, err := LearnWordPiece(texts, size)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLearnedFiles(t *testing.T) {
	l := learn(t, lessons, 120)
	var file, vocab, config bytes.Buffer
	for _, err := range []error{l.WriteTokenizer(&file), l.WriteVocabulary(&vocab), l.WriteConfig(&config)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	golden.Check(t, "testdata/learned/tokenizer.json", file.Bytes())

	// The invariant beside the golden: both files make the same tokenizer, by their own readers.
	fromFile, err := Load(directory(t, map[string]string{"tokenizer.json": file.String(), "tokenizer_config.json": config.String()}))
	if err != nil {
		t.Fatal(err)
	}
	fromText, err := Load(directory(t, map[string]string{"vocab.txt": vocab.String(), "tokenizer_config.json": config.String()}))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(readFixture(t).Texts, lessons...) {
		if diff := cmp.Diff(fromFile.Encode(nil, text), fromText.Encode(nil, text)); diff != "" {
			t.Errorf("%+q: tokenizer.json and vocab.txt differ (-json +txt):\n%s", text, diff)
		}
	}
}

func TestLearnedVocabulary(t *testing.T) {
	l := learn(t, lessons, 150)
	tok, err := l.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	if tok.VocabSize() != len(l.Tokens) || len(l.Tokens) > 150 {
		t.Errorf("%d tokens learned, vocabulary of %d", len(l.Tokens), tok.VocabSize())
	}
	unknown, _ := tok.UnknownID()
	for _, text := range lessons {
		if slices.Contains(tok.Encode(nil, text), unknown) {
			t.Errorf("%q: has an unknown word", text)
		}
	}
	spelled := func(text string) string {
		var tokens []string
		for _, id := range tok.Encode(nil, text) {
			tokens = append(tokens, tok.Token(id))
		}
		return strings.Join(tokens, " ")
	}
	for text, want := range map[string]string{
		"ADDS the":        "adds the",           // frequent words are whole
		"2048":            "2 ##0 ##4 ##8",      // digits stay apart
		"[CLS] x3 [MASK]": "[CLS] [UNK] [MASK]", // x is not in the texts
		"1/2":             "1 / 2",
	} {
		if got := spelled(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestLearnDependsOnTheTextsAlone(t *testing.T) {
	want := learn(t, lessons, 140).Tokens
	backwards := slices.Clone(lessons)
	slices.Reverse(backwards)
	for range 5 {
		if diff := cmp.Diff(want, learn(t, backwards, 140).Tokens); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
	if smaller := learn(t, lessons, 80).Tokens; !slices.Equal(smaller, want[:80]) {
		t.Errorf("a smaller vocabulary is not the beginning of a larger one: %v", smaller)
	}
}

func TestLearnErrors(t *testing.T) {
	for _, tc := range []struct {
		name  string
		texts []string
		size  int
		want  string
	}{
		{"no words", []string{" \n"}, 100, "the texts have no words"},
		{"too small", lessons, 20, "20 tokens cannot hold the"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := LearnWordPiece(tc.texts, tc.size); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want it to contain %q", err, tc.want)
			}
		})
	}
}
