// Package tokenizer turns text into token ids as Hugging Face tokenizers does, from the same files: tokenizer.json, or
// vocab.txt with tokenizer_config.json.
//
// A text goes through the stages of that library, in its order: added tokens that match the text as it is written are
// cut out, the rest is normalized, added tokens that match normalized text are cut out, the rest is split into words
// (the pre-tokenizer), and the model gives the ids of each word. Ids equal those of tokenizers 0.23.3 on every text;
// parity/tokenizers_live.py compares them. A stage of a type that is not known is an error that names it. The models are
// WordPiece, BPE (of bytes, and SentencePiece's), Unigram and WordLevel.
//
// Offsets, padding and the file's own truncation are not implemented: the lengths of a stage decide
// (docs/formats/tokenizer.md).
package tokenizer

import "sync"

// Tokenizer encodes texts. It is immutable and safe for concurrent use.
type Tokenizer struct {
	vocabulary vocabulary
	raw        *matcher     // added tokens looked for in the text as written; nil when there are none
	normalized *matcher     // added tokens looked for in normalized text; nil when there are none
	normalizer []normalizer // in the order they apply
	stages     []stage      // of the pre-tokenizer, in the order they apply; none leaves a text whole
	model      model
	template   template
	asksFirst  bool // some stage does another thing where a text begins

	decoders    []decoder // nil where the file has none
	undecodable error     // of Decode

	specials []int32 // ids of the special added tokens, ascending
	padding  int32   // -1 when there is none
	unknown  int32   // -1 when there is none
	types    *bool   // whether token types are handed on; nil where nothing says

	scratch sync.Pool // of *scratch
}

// Encode appends the ids of text to dst and returns it. It adds no special tokens, but a special token that is written
// in the text becomes its id, as in Hugging Face tokenizers.
//
// A byte that is not UTF-8 counts as U+FFFD, one for each maximal subpart of an ill-formed sequence, which is how
// Python reads a file with errors='replace'. Encode allocates nothing but what dst needs, once it has run a few times.
func (t *Tokenizer) Encode(dst []int32, text string) []int32 {
	s, ok := t.scratch.Get().(*scratch)
	if !ok {
		s = new(scratch)
	}
	dst = t.encode(dst, text, s)
	t.scratch.Put(s)
	return dst
}

// VocabSize returns one more than the largest id, added tokens included: the rows that an embedding needs.
func (t *Tokenizer) VocabSize() int { return len(t.vocabulary.tokens) }

// NextID returns the id that a token gets which is added behind the vocabulary: Hugging Face tokenizers numbers added tokens
// on from the number of tokens, which is VocabSize but where ids have gaps.
func (t *Tokenizer) NextID() int32 { return int32(len(t.vocabulary.ids)) }

// ID returns the id of a token, which is compared as it is written in the vocabulary ("##ing", "[MASK]").
func (t *Tokenizer) ID(token string) (int32, bool) {
	id, ok := t.vocabulary.ids[token]
	return id, ok
}

// Token returns the token of an id, "" when no token has it.
func (t *Tokenizer) Token(id int32) string {
	if id < 0 || int(id) >= len(t.vocabulary.tokens) {
		return ""
	}
	return t.vocabulary.tokens[id]
}

// SpecialIDs returns the ids of the added tokens that are marked special, ascending.
func (t *Tokenizer) SpecialIDs() []int32 { return append([]int32(nil), t.specials...) }

// PadID returns the id of the padding token: pad_token of tokenizer_config.json, else of the padding section of
// tokenizer.json, else the special token [PAD] or <pad>.
func (t *Tokenizer) PadID() (int32, bool) { return t.padding, t.padding >= 0 }

// UnknownID returns the id that stands for a word that the vocabulary cannot spell.
func (t *Tokenizer) UnknownID() (int32, bool) { return t.unknown, t.unknown >= 0 }

// encode is Encode with its buffers.
func (t *Tokenizer) encode(dst []int32, text string, s *scratch) []int32 {
	s.text = appendValid(s.text[:0], text)
	s.pieces = t.raw.pieces(s.pieces[:0], s.text)
	for _, p := range s.pieces {
		if p.id >= 0 {
			dst = append(dst, p.id)
		} else {
			dst = t.encodePiece(dst, s.text[p.start:p.end], p.start == 0, s)
		}
	}
	return dst
}

// encodePiece appends the ids of a stretch of text between added tokens matched as written; first says that it begins
// the text.
func (t *Tokenizer) encodePiece(dst []int32, text []byte, first bool, s *scratch) []int32 {
	for _, n := range t.normalizer {
		if first && t.asksFirst {
			first = keepsFirst(n, text, s)
		}
		s.normal, s.spare = n.normalize(s.spare[:0], text, s), s.normal
		text = s.normal
	}
	s.normalPieces = t.normalized.pieces(s.normalPieces[:0], text)
	for _, p := range s.normalPieces {
		if p.id >= 0 {
			dst = append(dst, p.id)
			continue
		}
		rewritten, words := t.words(text, span{p.start, p.end}, first && p.start == 0, s)
		for _, w := range words {
			dst = t.model.appendWord(dst, rewritten[w.start:w.end], s)
		}
	}
	return dst
}

// words takes a stretch of normalized text through the stages of the pre-tokenizer. It returns the words and the text
// that they are parts of, valid until the next call.
func (t *Tokenizer) words(text []byte, whole span, first bool, s *scratch) ([]byte, []span) {
	s.words = append(s.words[:0], whole)
	for _, stage := range t.stages {
		if stage.rewriter != nil {
			text = s.rewrite(stage.rewriter, text, first)
			continue
		}
		s.spareWords = s.spareWords[:0]
		for _, w := range s.words {
			s.spareWords = stage.splitter.split(s.spareWords, text, w)
		}
		first = first && len(s.spareWords) > 0 && s.spareWords[0].start == s.words[0].start
		s.words, s.spareWords = s.spareWords, s.words
	}
	return text, s.words
}

// rewrite rewrites every word; first says that the first of them begins the text. It returns the text that they are then
// parts of.
func (s *scratch) rewrite(r rewriter, text []byte, first bool) []byte {
	s.rewritten, s.spareRewritten = s.spareRewritten[:0], s.rewritten
	for i, w := range s.words {
		start := len(s.rewritten)
		s.rewritten = r.rewrite(s.rewritten, text[w.start:w.end], first && i == 0)
		s.words[i] = span{start, len(s.rewritten)}
	}
	return s.rewritten
}

// span is the part [start, end) of a text, in bytes.
type span struct{ start, end int }

// scratch holds the buffers of one call, so that calls in a row reuse them.
type scratch struct {
	text          []byte // the text, valid UTF-8
	normal, spare []byte // the normalized piece, and where the next normalizer writes
	pieces        []piece
	normalPieces  []piece
	words         []span
	spareWords    []span
	order         reorderer
	runes         []rune

	start                     []byte // what becomes of the character that a text begins with
	rewritten, spareRewritten []byte // words as the latest stage has them, and where the next writes

	merging merging
	reached []reached // of a word of a unigram model
	path    []int32
	cache   wordCache
}
