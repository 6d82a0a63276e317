package beir

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
)

// Layout is one of the two that a data set may be written in. They differ in the file of judgments alone.
type Layout string

// The layouts.
const (
	BEIR Layout = "beir" // qrels/<split>.tsv
	MTEB Layout = "mteb" // qrels/<split>.jsonl
)

// Write writes a data set below a folder: sink makes each file, whose name has forward slashes. Texts and titles are
// written as they were read; queries that are in no judgment are left out. Ids that hold tabs or line ends cannot stand in
// BEIR's judgments and are an error.
func Write(d *Dataset, layout Layout, sink func(name string, write func(io.Writer) error) error) error {
	kind, judgments := ".tsv", writeColumns
	switch layout {
	case BEIR:
	case MTEB:
		kind, judgments = ".jsonl", writeObjects
	default:
		return fmt.Errorf("layout %q is unknown: use %s or %s", layout, BEIR, MTEB)
	}
	if d.Split == "" || strings.ContainsAny(d.Split, `/\`) {
		return fmt.Errorf("split %q cannot name a file", d.Split)
	}
	judged := map[string]bool{}
	for _, j := range d.Judgments {
		judged[j.Query] = true
		if layout == BEIR && strings.ContainsAny(j.Query+j.Passage, "\t\r\n") {
			return fmt.Errorf("query %q, passage %q: tabs and line ends part the columns of BEIR's judgments; write the %s layout or use other ids", j.Query, j.Passage, MTEB)
		}
	}
	err := sink("corpus.jsonl", func(w io.Writer) error {
		return writeLines(w, d.Corpus.Passages, func(p corpus.Passage) any {
			return struct {
				ID    string `json:"_id"`
				Title string `json:"title"`
				Text  string `json:"text"`
			}{p.ID, p.Title, p.Text}
		})
	})
	if err != nil {
		return err
	}
	var asked []corpus.Query
	for _, q := range d.Queries {
		if judged[q.Key] {
			asked = append(asked, q)
		}
	}
	err = sink("queries.jsonl", func(w io.Writer) error {
		return writeLines(w, asked, func(q corpus.Query) any {
			return struct {
				ID   string `json:"_id"`
				Text string `json:"text"`
			}{q.Key, q.Text}
		})
	})
	if err != nil {
		return err
	}
	return sink(path.Join("qrels", d.Split+kind), func(w io.Writer) error { return judgments(w, d.Judgments) })
}

func writeColumns(w io.Writer, judgments []Judgment) error {
	if _, err := io.WriteString(w, "query-id\tcorpus-id\tscore\n"); err != nil {
		return err
	}
	for _, j := range judgments {
		if _, err := fmt.Fprintf(w, "%s\t%s\t%d\n", j.Query, j.Passage, j.Grade); err != nil {
			return err
		}
	}
	return nil
}

func writeObjects(w io.Writer, judgments []Judgment) error {
	return writeLines(w, judgments, func(j Judgment) any {
		return struct {
			Query   string `json:"query-id"`
			Passage string `json:"corpus-id"`
			Score   int    `json:"score"`
		}{j.Query, j.Passage, j.Grade}
	})
}

// writeLines writes a JSON object a line.
func writeLines[T any](w io.Writer, items []T, row func(T) any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, item := range items {
		if err := encoder.Encode(row(item)); err != nil {
			return err
		}
	}
	return nil
}
