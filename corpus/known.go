package corpus

// Stripped is the text without surrounding white space: what tells whether two rows ask the same.
func (q Query) Stripped() string { return strip(q.Text) }

// Known gives each query the passages that are known to answer its text: those judged for any row that asks the same,
// among the queries themselves and in the training set, and all passages of equal text. Sorted. What held-out queries
// know never reaches training: for training queries, both sets are the training set.
func (c *Corpus) Known(train, queries []Query) [][]int32 {
	byText := map[string][]int32{}
	for _, set := range [][]Query{train, queries} {
		for _, q := range set {
			for _, p := range q.Positives {
				byText[q.Stripped()] = append(byText[q.Stripped()], c.SameText(p)...)
			}
		}
	}
	for text, passages := range byText {
		byText[text] = sortedSet(passages)
	}
	known := make([][]int32, len(queries))
	for i, q := range queries {
		known[i] = byText[q.Stripped()]
	}
	return known
}
