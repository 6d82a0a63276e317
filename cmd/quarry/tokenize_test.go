package main

import (
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
)

func TestTokenize(t *testing.T) {
	p := newProject(t, tinymodel.Options{Positions: 16})
	input := p.write(t, "texts.jsonl", "{\"text\":\"Add 12 <b>\"}\n{\"ids\":[2,3]}\n{\"text\":\"\"}\n")
	for _, tc := range []struct {
		name   string
		change func(*TokenizeOptions)
		want   string
	}{
		{"tokens", func(o *TokenizeOptions) { o.Tokens = true }, `["[CLS]","add","1","##2","[UNK]","b","[UNK]","[SEP]"]` + "\n" + `["[CLS]","[SEP]"]` + "\n" + `["[CLS]","[SEP]"]` + "\n"},
		{"without specials", func(o *TokenizeOptions) { o.Tokens, o.NoSpecials = true, true }, `["add","1","##2","[UNK]","b","[UNK]"]` + "\n" + `["[CLS]","[SEP]"]` + "\n[]\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			o := TokenizeOptions{Model: p.path("model"), Input: input}
			tc.change(&o)
			mustBe(t, runTokenize(t.Context(), o, h.host))
			if h.out.String() != tc.want {
				t.Errorf("output\n%swant\n%s", h.out.String(), tc.want)
			}
		})
	}
}

// TestTokenizeOfAnEmptyText by a tokenizer without special tokens is a list without tokens.
func TestTokenizeOfAnEmptyText(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.write(t, "bare/tokenizer.json", `{"version": "1.0", "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1}, "unk_token": "[UNK]"}}`)
	h := newTestHost()
	input := p.write(t, "texts.jsonl", "{\"text\":\" \"}\n{\"query\":\"a\"}\n")
	mustBe(t, runTokenize(t.Context(), TokenizeOptions{Model: p.path("bare"), Input: input}, h.host))
	if want := "[]\n[1]\n"; h.out.String() != want {
		t.Errorf("output %q, want %q", h.out.String(), want)
	}
}

// TestTokenizeNeverCuts has a text longer than the model's positions.
func TestTokenizeNeverCuts(t *testing.T) {
	p := newProject(t, tinymodel.Options{Positions: 16})
	h := newTestHost()
	input := p.write(t, "texts.jsonl", `{"text":"a b c d e f g h i j k l m n o p q r s t"}`)
	mustBe(t, runTokenize(t.Context(), TokenizeOptions{Model: p.path("model"), Input: input, Tokens: true, NoSpecials: true}, h.host))
	if want := `["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q","r","s","t"]` + "\n"; h.out.String() != want {
		t.Errorf("output %s, want %s", h.out.String(), want)
	}
}

func TestTokenizeRefuses(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	h := newTestHost()
	refused(t, runTokenize(t.Context(), TokenizeOptions{Input: "x"}, h.host), "--model is needed")
	refused(t, runTokenize(t.Context(), TokenizeOptions{Model: p.path("nowhere"), Input: "x"}, h.host), "--model: ")
	refused(t, runTokenize(t.Context(), TokenizeOptions{Model: p.path("model"), Input: p.path("none.jsonl")}, h.host), "--input: ")
}
