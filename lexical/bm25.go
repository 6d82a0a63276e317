// Package lexical ranks passages by the words that they share with a query: BM25.
package lexical

import (
	"fmt"
	"iter"
	"math"
)

// Algorithm is raised when the same texts are ranked otherwise: what is kept by the old number is made again.
const Algorithm = 0

// Options are the parameters of BM25.
type Options struct {
	K1 float64 // how soon further occurrences of a word stop to count; not negative
	B  float64 // how much long passages are held back, from 0 to 1
}

// DefaultOptions are those of bm25s and rank_bm25.
func DefaultOptions() Options { return Options{K1: 1.5, B: 0.75} }

// Validate refuses parameters that mean nothing.
func (o Options) Validate() error {
	if !(o.K1 >= 0 && o.K1 <= math.MaxFloat64) {
		return fmt.Errorf("bm25: k1 %v: want a number from 0 on", o.K1)
	}
	if !(o.B >= 0 && o.B <= 1) {
		return fmt.Errorf("bm25: b %v: want a number between 0 and 1", o.B)
	}
	return nil
}

// String is the form that files record.
func (o Options) String() string { return fmt.Sprintf("k1 %g, b %g, words \\w\\w+", o.K1, o.B) }

// Index holds the words of passages. It is not changed after it is made and may be shared.
type Index struct {
	postings map[string][]posting // passages ascending
	passages int
}

// posting is what a word adds to the score of a passage that has it.
type posting struct {
	passage int32
	score   float32
}

// NewIndex indexes passages in corpus order. With N passages, n of them with a word, a passage of length l words, of which
// f are the word, and a mean length of a, the word adds
//
//	ln(1 + (N - n + 0.5)/(n + 0.5)) * f / (f + k1*(1 - b + b*l/a))
//
// as in Lucene and in bm25s (method "lucene"; Lù, BM25S, 2024): never negative, so that a word of most passages does no harm.
func NewIndex(texts iter.Seq[string], o Options) (*Index, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	x := &Index{postings: map[string][]posting{}}
	var lengths []int
	total := 0
	for text := range texts {
		passage, length := int32(len(lengths)), 0
		for word := range Words(text) {
			length++
			found := x.postings[word]
			if last := len(found) - 1; last >= 0 && found[last].passage == passage {
				found[last].score++
				continue
			}
			x.postings[word] = append(found, posting{passage, 1}) // how often, until all lengths are known: one copy of what is the most of an index
		}
		lengths = append(lengths, length)
		total += length
	}
	x.passages = len(lengths)
	mean := float64(total) / float64(max(1, len(lengths)))
	for word, found := range x.postings { // each by itself: the order of the map does not show
		n := float64(len(found))
		rarity := math.Log(1 + (float64(len(lengths))-n+0.5)/(n+0.5))
		kept := found[:0]
		for _, p := range found {
			f := float64(p.score)
			norm := 1 - o.B + float64(o.B*float64(lengths[p.passage])/mean)
			if p.score = float32(float64(rarity*f) / (f + float64(o.K1*norm))); p.score > 0 {
				kept = append(kept, p)
			}
		}
		x.postings[word] = kept
	}
	return x, nil
}
