// Package tevatron reads and writes the training rows of Tevatron: a query with its passages, each with an id, a title and
// a text, as JSONL or Parquet. Keys and errors: docs/formats/training-rows.md.
package tevatron

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/trainingset"
)

// Holds is what of training rows this format holds beside the texts.
const Holds = trainingset.QueryIDs | trainingset.PassageIDs | trainingset.Titles | trainingset.Fields | trainingset.NoPositives |
	trainingset.NoNegatives | trainingset.SeveralPositives | trainingset.Repeats | trainingset.CarriageReturns

var knownKeys = []string{"query_id", "query", "positive_passages", "negative_passages"}

// Is reports whether a row looks like one of Tevatron's.
func Is(row corpus.Object) bool {
	return row.Has("positive_passages") || row.Has("positive_document_ids")
}

// Reader reads rows.
type Reader struct{ rows table.Rows }

// NewReader reads a file of rows.
func NewReader(rows table.Rows) *Reader { return &Reader{rows} }

// Next returns the next row, or io.EOF. Errors name file, line and key.
func (r *Reader) Next() (*trainingset.Row, error) {
	object, err := r.rows.NextObject()
	if err != nil {
		return nil, err
	}
	row, err := rowOf(object)
	if err != nil {
		return nil, r.rows.Errorf("%w", err)
	}
	row.Line = r.rows.Number()
	return row, nil
}

func rowOf(object corpus.Object) (*trainingset.Row, error) {
	if object.Has("positive_document_ids") && !object.Has("positive_passages") {
		return nil, errors.New(`"positive_document_ids" name passages of a corpus that is not here: join the two, so that rows have "positive_passages"`)
	}
	row := &trainingset.Row{}
	var err error
	if value, ok := object.Get("query_id"); ok {
		if row.ID, err = corpus.DecodeID(value); err != nil {
			return nil, fmt.Errorf(`"query_id": %w`, err)
		}
	}
	value, ok := object.Get("query")
	if !ok {
		return nil, errors.New(`the row has no "query"`)
	}
	if row.Query, err = corpus.Text(value); err != nil {
		return nil, fmt.Errorf(`"query": %w`, err)
	}
	if strings.TrimSpace(row.Query) == "" {
		return nil, errors.New(`"query" is empty`)
	}
	if !object.Has("positive_passages") {
		return nil, errors.New(`the row has no "positive_passages"`)
	}
	if row.Positives, err = passages(object, "positive_passages"); err != nil {
		return nil, err
	}
	if row.Negatives, err = passages(object, "negative_passages"); err != nil {
		return nil, err
	}
	for _, field := range object {
		if !slices.Contains(knownKeys, field.Key) && string(field.Value) != "null" {
			row.Fields = append(row.Fields, corpus.Field{Key: field.Key, Value: slices.Clone(field.Value)})
		}
	}
	return row, nil
}

// passages reads a list of passages.
func passages(object corpus.Object, key string) ([]trainingset.Passage, error) {
	value, ok := object.Get(key)
	if !ok {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(value, &list); err != nil {
		return nil, fmt.Errorf("%q: want a list of passages", key)
	}
	var found []trainingset.Passage
	for i, item := range list {
		p, err := passage(item)
		if err != nil {
			return nil, fmt.Errorf("%q[%d]: %w", key, i, err)
		}
		found = append(found, p)
	}
	return found, nil
}

func passage(item json.RawMessage) (trainingset.Passage, error) {
	var p trainingset.Passage
	object, err := corpus.ParseObject(item)
	if err != nil {
		return p, err
	}
	if value, ok := object.Get("docid"); ok {
		if p.ID, err = corpus.DecodeID(value); err != nil {
			return p, fmt.Errorf(`"docid": %w`, err)
		}
	}
	for _, field := range []struct {
		key  string
		into *string
	}{{"title", &p.Title}, {"text", &p.Text}} {
		value, ok := object.Get(field.key)
		if !ok && field.key == "text" {
			return p, errors.New(`the passage has no "text"`)
		}
		if !ok {
			continue
		}
		if *field.into, err = corpus.Text(value); err != nil {
			return p, fmt.Errorf("%q: %w", field.key, err)
		}
	}
	return p, nil
}

// Writer writes rows.
type Writer struct{ to table.Writer }

// NewWriter writes to a table. Closing that is the caller's.
func NewWriter(to table.Writer) *Writer { return &Writer{to} }

// Write writes a row. Ids that are not known are left out; titles are always there, for Tevatron puts them before texts.
func (w *Writer) Write(row *trainingset.Row) error {
	var object corpus.Object
	put := func(key string, value json.RawMessage) {
		object = append(object, corpus.Field{Key: key, Value: value})
	}
	if row.ID != "" {
		put("query_id", table.String(row.ID))
	}
	put("query", table.String(row.Query))
	put("positive_passages", list(row.Positives))
	put("negative_passages", list(row.Negatives))
	for _, field := range row.Fields {
		if slices.Contains(knownKeys, field.Key) {
			return fmt.Errorf("line %d: the key %q is one of Tevatron's own", row.Line, field.Key)
		}
		put(field.Key, field.Value)
	}
	return w.to.Write(object)
}

func list(passages []trainingset.Passage) json.RawMessage {
	b := []byte{'['}
	for i, p := range passages {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, '{')
		if p.ID != "" {
			b = append(append(append(b, `"docid": `...), table.String(p.ID)...), ", "...)
		}
		b = append(append(b, `"title": `...), table.String(p.Title)...)
		b = append(append(b, `, "text": `...), table.String(p.Text)...)
		b = append(b, '}')
	}
	return append(b, ']')
}
