package tokenizer

import (
	"slices"
	"strings"
)

// learner counts the neighbouring pieces of words and joins them, the most frequent first.
type learner struct {
	words  []countedWord
	counts map[pair]int   // occurrences of neighbours over all words
	within map[pair][]int // indices of words that had them, some no longer
}

type pair struct{ left, right string }

func (p pair) joined() string { return p.left + bare(p.right) }

func (p pair) compare(q pair) int {
	if c := strings.Compare(p.left, q.left); c != 0 {
		return c
	}
	return strings.Compare(p.right, q.right)
}

func newLearner(words []countedWord) *learner {
	l := &learner{words: words, counts: map[pair]int{}, within: map[pair][]int{}}
	for i := range words {
		l.count(i, words[i].count)
	}
	return l
}

// best returns the most frequent pair that occurs more than once; the whole order is fixed, so that of the map is not
// seen.
func (l *learner) best() (best pair, ok bool) {
	most := 1
	for p, n := range l.counts {
		if n > most || n == most && ok && p.compare(best) < 0 {
			best, most, ok = p, n, true
		}
	}
	return best, ok
}

// merge joins a pair wherever it occurs and returns the piece that it makes.
func (l *learner) merge(p pair) string {
	joined := p.joined()
	changed := l.within[p]
	delete(l.within, p)
	slices.Sort(changed)
	for _, i := range slices.Compact(changed) {
		l.count(i, -l.words[i].count)
		l.words[i].pieces = join(l.words[i].pieces, p, joined)
		l.count(i, l.words[i].count)
	}
	delete(l.counts, p)
	return joined
}

// count adds n to every pair of a word, but not to those with a digit.
func (l *learner) count(word, n int) {
	pieces := l.words[word].pieces
	for j := 1; j < len(pieces); j++ {
		p := pair{pieces[j-1], pieces[j]}
		if isDigit(p.left) || isDigit(p.right) {
			continue
		}
		if l.counts[p] += n; l.counts[p] == 0 {
			delete(l.counts, p)
		}
		if n > 0 {
			l.within[p] = append(l.within[p], word)
		}
	}
}

// join replaces each pair of pieces, from left to right, in place.
func join(pieces []string, p pair, joined string) []string {
	out := pieces[:0]
	for j := 0; j < len(pieces); j++ {
		if j+1 < len(pieces) && pieces[j] == p.left && pieces[j+1] == p.right {
			out = append(out, joined)
			j++
			continue
		}
		out = append(out, pieces[j])
	}
	return out
}

func isDigit(piece string) bool {
	b := bare(piece)
	return len(b) == 1 && '0' <= b[0] && b[0] <= '9'
}
