package corpus

import "slices"

// Stripped is the text without surrounding white space: what tells whether two rows ask the same.
func (q Query) Stripped() string { return Strip(q.Text) }

// Answers is what is known to answer each query text: what one row is judged by counts for every row of the same text.
type Answers struct {
	corpus *Corpus
	byText map[string][]int32 // by text without surrounding white space; sorted
}

// AnswersOf collects the answers of sets of queries: the positives of all rows of a text, and passages of equal text.
// Training is of the training set's rows alone; what held-out queries know never reaches it.
func (c *Corpus) AnswersOf(sets ...[]Query) Answers {
	a := Answers{corpus: c, byText: map[string][]int32{}}
	for _, queries := range sets {
		for _, q := range queries {
			text := q.Stripped()
			for _, p := range q.Positives {
				a.byText[text] = append(a.byText[text], c.SameText(p)...)
			}
		}
	}
	for text, passages := range a.byText {
		a.byText[text] = sortedSet(passages)
	}
	return a
}

// Of is the passages that are known to answer a query, sorted.
func (a Answers) Of(q Query) []int32 { return a.byText[q.Stripped()] }

// Excluded is the positions of every passage that must never be a negative of a query, sorted: what is known to answer it,
// and every passage with the text of the query.
func (a Answers) Excluded(q Query) []int32 {
	return sortedSet(append(slices.Clone(a.corpus.ByText(q.Text)), a.Of(q)...))
}

// Given is the passages that a row itself gives as negatives, in its order; of passages with one text the first. Unknown is
// the first text that no passage has, "" where there is none.
func (c *Corpus) Given(q Query) (passages []int32, unknown string) {
	for _, text := range q.Negatives {
		found := c.ByText(text)
		if len(found) == 0 {
			return nil, text
		}
		passages = append(passages, found[0])
	}
	return passages, ""
}
