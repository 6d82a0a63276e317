package demo

import (
	"bufio"
	"encoding/json"
	"io"

	"github.com/quarry-ml/quarry/corpus"
)

// WriteCorpus writes corpus.jsonl: one passage a line, {"id", "text"}.
func WriteCorpus(w io.Writer, passages []corpus.Passage) error {
	type row struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	}
	return writeLines(w, passages, func(p corpus.Passage) any { return row{p.ID, p.Text} })
}

// WriteQueries writes train.jsonl or dev.jsonl: one query a line, {"id", "query", "correct_id", "question_id"}.
func WriteQueries(w io.Writer, queries []Query) error {
	type row struct {
		ID         string `json:"id"`
		Query      string `json:"query"`
		CorrectID  string `json:"correct_id"`
		QuestionID string `json:"question_id"`
	}
	return writeLines(w, queries, func(q Query) any { return row{q.ID, q.Text, q.CorrectID, q.QuestionID} })
}

// writeLines writes one JSON object a line, with characters such as < as they are.
func writeLines[T any](w io.Writer, rows []T, line func(T) any) error {
	buffered := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	for _, row := range rows {
		if err := encoder.Encode(line(row)); err != nil {
			return err
		}
	}
	return buffered.Flush()
}
