package mine

import (
	"fmt"
	"slices"
)

// FlagEmbedding mines as FlagEmbedding's hn_mine.py does, rows in the order of their file: what it drops and draws, and
// what it fills up with. Passages are texts, for it tells them by nothing else.
type FlagEmbedding struct {
	Pool      []string // different texts
	Window    Window   // of raw ranks; positives use up its slots
	Negatives int
	Random    *PythonRandom
}

// Choose takes the negatives of a row of its ranking, positions in the pool from the best on: within the window, without
// the row's positives and the text of its query; where more are left than wanted, drawn, in the order of the draw.
func (f FlagEmbedding) Choose(ranking []int32, query string, positives []string) []string {
	var left []int32
	for _, p := range ranking[min(f.Window.From, len(ranking)):min(f.Window.To, len(ranking))] {
		if text := f.Pool[p]; text != query && !slices.Contains(positives, text) {
			left = append(left, p)
		}
	}
	if len(left) > f.Negatives {
		all := left
		left = nil
		for _, i := range f.Random.Sample(len(all), f.Negatives) {
			left = append(left, all[i])
		}
	}
	negatives := make([]string, len(left))
	for i, p := range left {
		negatives[i] = f.Pool[p]
	}
	return negatives
}

// Fill draws more of the pool where a row has too few negatives, once all rows have theirs; what is drawn may be a
// negative already or the query's text, and too few may be left once positives are out, as there. Which texts it draws
// depends on the order of the pool, which there is that of Python's hashes.
func (f FlagEmbedding) Fill(negatives, positives []string) ([]string, error) {
	missing := f.Negatives - len(negatives)
	if missing <= 0 {
		return negatives, nil
	}
	n := missing + len(positives)
	if n > len(f.Pool) {
		return nil, fmt.Errorf("%d passages are to be drawn to fill up, and the pool has %d: ask for fewer negatives or give a larger candidate_pool", n, len(f.Pool))
	}
	var drawn []string
	for _, i := range f.Random.Sample(len(f.Pool), n) {
		if text := f.Pool[i]; !slices.Contains(positives, text) {
			drawn = append(drawn, text)
		}
	}
	return append(negatives, drawn[:min(missing, len(drawn))]...), nil
}
