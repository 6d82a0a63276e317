package prepare

import (
	"encoding/json"
	"fmt"
	"io"
)

// queryRow is a line of train.jsonl, dev.jsonl, test.jsonl and, without positives, unjudged.jsonl.
type queryRow struct {
	ID               string   `json:"id"`
	Query            string   `json:"query"`
	Pos              []string `json:"pos,omitempty"`
	CorrectID        string   `json:"correct_id,omitempty"`
	QuestionIDAnswer string   `json:"question_id_answer"`
	QuestionID       string   `json:"question_id"`
	SubjectID        string   `json:"subject_id"`
	ConstructID      string   `json:"construct_id"`
}

// passageRow is a line of corpus.jsonl.
type passageRow struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// exampleRow is a line of examples.jsonl: a query as it is asked, and the answer that an embedder is shown.
type exampleRow struct {
	SubjectID   string `json:"subject_id"`
	ConstructID string `json:"construct_id"`
	QueryID     string `json:"query_id"`
	Query       string `json:"query"`
	Response    string `json:"response"`
}

func writeEedi(sink Sink, mapping *misconceptionMap, s splits, examples []query) error {
	files := []struct {
		name  string
		write func(io.Writer) error
	}{
		{"corpus.jsonl", func(w io.Writer) error { return writeCorpus(w, mapping) }},
		{"train.jsonl", func(w io.Writer) error { return writeQueries(w, s.train) }},
		{"dev.jsonl", func(w io.Writer) error { return writeQueries(w, s.dev) }},
		{"test.jsonl", func(w io.Writer) error { return writeQueries(w, s.test) }},
		{"examples.jsonl", func(w io.Writer) error { return writeExamples(w, examples) }},
	}
	for _, f := range files {
		if f.name == "test.jsonl" && len(s.test) == 0 {
			continue
		}
		if err := sink(f.name, f.write); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	return nil
}

func writeCorpus(w io.Writer, mapping *misconceptionMap) error {
	encode := encoder(w)
	for _, id := range mapping.order {
		if err := encode(passageRow{id, mapping.text[id]}); err != nil {
			return err
		}
	}
	return nil
}

func writeQueries(w io.Writer, queries []query) error {
	encode := encoder(w)
	for _, q := range queries {
		row := queryRow{
			ID: q.id, Query: q.text, CorrectID: q.positive, QuestionIDAnswer: q.id,
			QuestionID: q.question, SubjectID: q.subject, ConstructID: q.construct,
		}
		if q.positive != "" {
			row.Pos = []string{q.positiveText}
		}
		if err := encode(row); err != nil {
			return err
		}
	}
	return nil
}

func writeExamples(w io.Writer, examples []query) error {
	encode := encoder(w)
	for _, q := range examples {
		if err := encode(exampleRow{q.subject, q.construct, q.id, q.text, q.positiveText}); err != nil {
			return err
		}
	}
	return nil
}

// encoder writes one JSON object a line, with characters such as < as they are: they are common in mathematics.
func encoder(w io.Writer) func(any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode
}
