// Package lexical ranks passages by the words that they share with a query: BM25.
package lexical

import (
	"fmt"
	"iter"
	"math"

	"github.com/quarry-ml/quarry/ranking"
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
	type count struct{ passage, times int32 }
	counts := map[string][]count{}
	var lengths []int
	total := 0
	for text := range texts {
		passage, length := int32(len(lengths)), 0
		for word := range Words(text) {
			length++
			found := counts[word]
			if last := len(found) - 1; last >= 0 && found[last].passage == passage {
				found[last].times++
				continue
			}
			counts[word] = append(found, count{passage, 1})
		}
		lengths = append(lengths, length)
		total += length
	}
	x := &Index{postings: make(map[string][]posting, len(counts)), passages: len(lengths)}
	mean := float64(total) / float64(max(1, len(lengths)))
	for word, found := range counts { // each by itself: the order of the map does not show
		n := float64(len(found))
		rarity := math.Log(1 + (float64(len(lengths))-n+0.5)/(n+0.5))
		list := make([]posting, len(found))
		for i, c := range found {
			f := float64(c.times)
			norm := 1 - o.B + float64(o.B*float64(lengths[c.passage])/mean)
			list[i] = posting{c.passage, float32(float64(rarity*f) / (f + float64(o.K1*norm)))}
		}
		x.postings[word] = list
	}
	return x, nil
}

// Search keeps the best depth of the passages that share a word with the query, and where each positive stands among all
// passages: those that share none have score 0 and come last, in the order of passages. A word that the query has twice counts twice.
func (x *Index) Search(query string, depth int, order ranking.Order, positives []int32) ranking.Ranked {
	scores := map[int32]float64{}
	for word := range Words(query) {
		for _, p := range x.postings[word] {
			scores[p.passage] += float64(p.score) // in the order of the query's words
		}
	}
	found := make(map[int32]float32, len(scores))
	for passage, score := range scores {
		if s := float32(score); s > 0 {
			found[passage] = s
		}
	}
	return ranking.Partial(found, depth, order, positives)
}
