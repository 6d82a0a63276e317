package tokenizer

import (
	"errors"
	"slices"
)

// pairTemplate is what two sequences are put among, in order. lacking says why there is none: an error of Pair alone, for
// most models read single texts.
type pairTemplate struct {
	parts   []pairPart
	lacking error
}

// pairPart is special tokens, or one of the two sequences.
type pairPart struct {
	sequence byte // 'A' or 'B'; 0 is the tokens
	tokens   []int32
	kind     int32 // the token type of all of it
}

// Pair returns two sequences as one, with the special tokens of a pair around and between them, such as
// [CLS] a [SEP] b [SEP], and the type of each token. No more than maxLength remain: tokens are cut from the end of whichever
// sequence is longer, as Hugging Face's truncation "longest_first" does; special tokens are never cut. maxLength 0 sets no
// limit. A tokenizer without a template for pairs is an error.
func (t *Tokenizer) Pair(a, b []int32, maxLength int) (ids, types []int32, err error) {
	if err := t.template.pair.lacking; err != nil {
		return nil, nil, err
	}
	specials := t.PairSpecialCount()
	if maxLength > 0 {
		keepA, keepB := longestFirst(len(a), len(b), max(0, maxLength-specials))
		a, b = a[:keepA], b[:keepB]
	}
	n := specials + len(a) + len(b)
	ids, types = make([]int32, 0, n), make([]int32, 0, n)
	for _, part := range t.template.pair.parts {
		tokens := part.tokens
		switch part.sequence {
		case 'A':
			tokens = a
		case 'B':
			tokens = b
		}
		ids = append(ids, tokens...)
		types = append(types, slices.Repeat([]int32{part.kind}, len(tokens))...)
	}
	return ids, types, nil
}

// PairSpecialCount returns how many special tokens Pair adds.
func (t *Tokenizer) PairSpecialCount() int {
	n := 0
	for _, part := range t.template.pair.parts {
		n += len(part.tokens)
	}
	return n
}

// TokenTypes reports whether token types are among what the tokenizer hands to a network: as model_input_names of
// tokenizer_config.json or its tokenizer_class says, else as models of this kind have it.
func (t *Tokenizer) TokenTypes(usual bool) bool {
	if t.types == nil {
		return usual
	}
	return *t.types
}

// longestFirst is how much of two sequences remains of a pair that has room for so many tokens: the longer one is cut down to
// the shorter, and then both alike; an odd token goes to the second, or to the first where it was the longer.
func longestFirst(a, b, room int) (keepA, keepB int) {
	if a+b <= room {
		return a, b
	}
	short, long := min(a, b), max(a, b)
	long = max(short, room-short)
	if short+long > room {
		short, long = room/2, room-room/2
	}
	if a > b {
		return long, short
	}
	return short, long
}

// noPairs is the template of tokenizers that put nothing between two texts.
var noPairs = pairTemplate{lacking: errors.New("the tokenizer has no template for pairs of texts")}

// aroundPairs is the template of a tokenizer that names one token before and one after: a text, after, then second's tokens
// and type, the other text, after.
func aroundPairs(before, after int32, between []int32, second int32) pairTemplate {
	first := append([]int32{after}, between...)
	return pairTemplate{parts: []pairPart{
		{tokens: []int32{before}}, {sequence: 'A'}, {tokens: first},
		{sequence: 'B', kind: second}, {tokens: []int32{after}, kind: second},
	}}
}

// templatePiece is a part of a template of TemplateProcessing.
type templatePiece struct {
	SpecialToken, Sequence *struct {
		ID   string `json:"id"`
		Type int32  `json:"type_id"`
	}
}

// parsePair reads the template for pairs of TemplateProcessing, in which each sequence stands once.
func parsePair(s section, pieces []templatePiece, tokens func(list, name string) ([]int32, error)) pairTemplate {
	var t pairTemplate
	failed := func(err error) pairTemplate { return pairTemplate{lacking: err} }
	count := map[string]int{}
	for _, p := range pieces {
		switch {
		case p.Sequence != nil && p.SpecialToken == nil && (p.Sequence.ID == "A" || p.Sequence.ID == "B"):
			count[p.Sequence.ID]++
			t.parts = append(t.parts, pairPart{sequence: p.Sequence.ID[0], kind: p.Sequence.Type})
		case p.SpecialToken != nil && p.Sequence == nil:
			ids, err := tokens("pair", p.SpecialToken.ID)
			if err != nil {
				return failed(err)
			}
			t.parts = append(t.parts, pairPart{tokens: ids, kind: p.SpecialToken.Type})
		default:
			return failed(s.errorf("pair: a part is neither a special token nor sequence A or B"))
		}
	}
	if count["A"] != 1 || count["B"] != 1 {
		return failed(s.errorf("pair: sequence A stands in it %d times and B %d times, not once", count["A"], count["B"]))
	}
	return t
}
