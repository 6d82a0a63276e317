// Package corpus holds the texts that everything else is about: passages and queries, their ids and keys, and the
// readers that turn JSONL files into them with file and line in every error.
package corpus

// Passage is one text of the corpus.
type Passage struct {
	ID    string // as given, normalised (1287.0 is "1287"); the 0-based line number where none is given
	Title string
	Text  string
}

// Query is one text that asks, with what is known of its answers.
type Query struct {
	ID        string   // as given, normalised; empty where none is given
	Key       string   // identity for keyed draws: the id, else a digest of text, positives and ordinal (semantics: ids and texts)
	Text      string   // without any prompt
	Prompt    string   // the row's own prompt; used only where a recipe says so
	Positives []int32  // positions of the passages that judge it, sorted, grade > 0
	Negatives []string // texts of negatives that the file already gives (`neg`)
	Group     string   // value of the group field (questions that share rows), empty where there is none
	Line      int      // 1-based line in its file
}
