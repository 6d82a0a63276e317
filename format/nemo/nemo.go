// Package nemo reads and writes the training data of NVIDIA's NeMo retrievers: one JSON file whose rows name passages by
// their ids, and a folder with the corpus that they are in. Keys and errors: docs/formats/training-rows.md.
package nemo

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/trainingset"
)

// Holds is what of training rows this format holds beside the texts.
const Holds = trainingset.QueryIDs | trainingset.PassageIDs | trainingset.TeacherScores | trainingset.Fields |
	trainingset.NoNegatives | trainingset.SeveralPositives | trainingset.Repeats | trainingset.CarriageReturns

var knownKeys = []string{"question_id", "question", "corpus_id", "pos_doc", "neg_doc"}

// Files of a folder that is written.
const (
	RowsFile     = "train.json"
	CorpusFolder = "corpus"
	CorpusFile   = "train.parquet" // a folder's data set of this name is what load_dataset(…)["train"] reads
	MetadataFile = "merlin_metadata.json"
)

// Metadata is what a corpus says of itself.
type Metadata struct {
	CorpusID           string `json:"corpus_id"`
	Class              string `json:"class"` // TextQADataset: id and text
	QueryInstruction   string `json:"query_instruction"`
	PassageInstruction string `json:"passage_instruction"`
	TaskType           string `json:"task_type"`
}

// corpusClass is the one class of corpora that holds texts.
const corpusClass = "TextQADataset"

// CorpusFolders returns the folders of the corpora that a file of rows names, those that are relative from the file's; path
// is its name, there and in errors.
func CorpusFolders(r io.Reader, path string) ([]string, error) {
	var folders []string
	err := visit(r, path, func(key string, decoder *json.Decoder) error {
		if key != "corpus" {
			return skip(decoder)
		}
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return err
		}
		type named struct {
			Path string `json:"path"`
		}
		var list []named
		if json.Unmarshal(raw, &list) != nil {
			var one named
			if err := json.Unmarshal(raw, &one); err != nil {
				return errors.New(`"corpus": want a list of objects with "path"`)
			}
			list = []named{one}
		}
		for i, c := range list {
			if c.Path == "" {
				return fmt.Errorf(`"corpus"[%d]: no "path"`, i)
			}
			if !filepath.IsAbs(c.Path) {
				c.Path = filepath.Join(filepath.Dir(path), c.Path)
			}
			folders = append(folders, c.Path)
		}
		return nil
	})
	if err == nil && len(folders) == 0 {
		err = fmt.Errorf(`%s: no "corpus": want the paths of corpora`, path)
	}
	return folders, err
}

// ReadMetadata reads what a corpus says of itself.
func ReadMetadata(folder string) (Metadata, error) {
	path := filepath.Join(folder, MetadataFile)
	content, err := os.ReadFile(path)
	if err != nil {
		return Metadata{}, err
	}
	var m Metadata
	if err := corpus.Decode(content, &m); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case m.CorpusID == "":
		return m, fmt.Errorf(`%s: no "corpus_id"`, path)
	case m.Class != corpusClass:
		return m, fmt.Errorf(`%s: "class" is %q: corpora of %s alone are read, which hold texts`, path, m.Class, corpusClass)
	}
	return m, nil
}

// Row is one row: a query and the ids of its passages, which are those of the corpus named.
type Row struct {
	trainingset.Row
	Corpus string
}

// Each visits the rows of a file, one after the other. Errors name the file and the row, counted from 0.
func Each(r io.Reader, path string, rows func(*Row) error) error {
	found := false
	err := visit(r, path, func(key string, decoder *json.Decoder) error {
		if key != "data" {
			return skip(decoder)
		}
		found = true
		if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
			return errors.Join(errors.New(`"data": want a list of rows`), err)
		}
		for i := 0; decoder.More(); i++ {
			var raw json.RawMessage
			if err := decoder.Decode(&raw); err != nil {
				return fmt.Errorf(`"data"[%d]: %w`, i, err)
			}
			row, err := rowOf(raw)
			if err != nil {
				return fmt.Errorf(`"data"[%d]: %w`, i, err)
			}
			row.Line = i + 1
			if err := rows(row); err != nil {
				return stopped{err}
			}
		}
		_, err := decoder.Token()
		return err
	})
	var ours stopped
	if errors.As(err, &ours) {
		return ours.error
	}
	if err == nil && !found {
		err = fmt.Errorf(`%s: no "data": want a list of rows`, path)
	}
	return err
}

// stopped is an error of a visitor, which is returned as it is.
type stopped struct{ error }

// visit calls key for each key of the object in a file, to read its value.
func visit(r io.Reader, path string, key func(string, *json.Decoder) error) error {
	unpacked, err := corpus.Unpack(r, path)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(unpacked)
	about := func(err error) error {
		if errors.As(err, new(stopped)) {
			return err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the file ends in the middle of an object; it looks truncated")
		}
		return fmt.Errorf("%s: byte %d: %w", path, decoder.InputOffset(), err)
	}
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		if err == nil {
			err = fmt.Errorf(`want an object with "corpus" and "data", got %v`, token)
		}
		return about(err)
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return about(err)
		}
		if err := key(token.(string), decoder); err != nil {
			return about(err)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return about(err)
	}
	return nil
}

// skip passes over a value, however long.
func skip(decoder *json.Decoder) error {
	for depth := 0; ; {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

func rowOf(raw json.RawMessage) (*Row, error) {
	object, err := corpus.ParseObject(raw)
	if err != nil {
		return nil, err
	}
	row := &Row{}
	for _, field := range []struct {
		key  string
		into *string
		read func(json.RawMessage) (string, error)
	}{{"question_id", &row.ID, corpus.DecodeID}, {"question", &row.Query, corpus.Text}, {"corpus_id", &row.Corpus, corpus.DecodeID}} {
		value, ok := object.Get(field.key)
		if !ok {
			return nil, fmt.Errorf("the row has no %q", field.key)
		}
		if *field.into, err = field.read(value); err != nil {
			return nil, fmt.Errorf("%q: %w", field.key, err)
		}
	}
	if strings.TrimSpace(row.Query) == "" {
		return nil, errors.New(`"question" is empty`)
	}
	if row.Positives, err = documents(object, "pos_doc"); err != nil {
		return nil, err
	}
	if len(row.Positives) == 0 {
		return nil, errors.New(`"pos_doc" is empty`)
	}
	if row.Negatives, err = documents(object, "neg_doc"); err != nil {
		return nil, err
	}
	for _, field := range object {
		if !slices.Contains(knownKeys, field.Key) && string(field.Value) != "null" {
			row.Fields = append(row.Fields, field)
		}
	}
	return row, nil
}

// documents reads a list of ids, or of objects with an id and perhaps a score.
func documents(object corpus.Object, key string) ([]trainingset.Passage, error) {
	value, ok := object.Get(key)
	if !ok {
		return nil, fmt.Errorf("the row has no %q", key)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(value, &list); err != nil {
		return nil, fmt.Errorf(`%q: want a list of ids, or of objects with "id"`, key)
	}
	var found []trainingset.Passage
	for i, item := range list {
		p, err := document(item)
		if err != nil {
			return nil, fmt.Errorf("%q[%d]: %w", key, i, err)
		}
		found = append(found, p)
	}
	return found, nil
}

func document(item json.RawMessage) (p trainingset.Passage, err error) {
	if len(item) == 0 || item[0] != '{' {
		p.ID, err = corpus.DecodeID(item)
		return p, err
	}
	object, err := corpus.ParseObject(item)
	if err != nil {
		return p, err
	}
	value, ok := object.Get("id")
	if !ok {
		return p, errors.New(`no "id"`)
	}
	if p.ID, err = corpus.DecodeID(value); err != nil {
		return p, fmt.Errorf(`"id": %w`, err)
	}
	if value, ok := object.Get("score"); ok {
		if err := json.Unmarshal(value, &p.Score); err != nil {
			return p, errors.New(`"score": want a number`)
		}
	}
	return p, nil
}

// RowWriter writes a file of rows, one behind the other.
type RowWriter struct {
	w      *bufio.Writer
	corpus json.RawMessage
	rows   int
}

// NewRowWriter begins a file whose rows name the passages of the corpus in CorpusFolder beside it. Call Close at the end.
func NewRowWriter(w io.Writer, corpusID string) *RowWriter {
	out := &RowWriter{w: bufio.NewWriter(w), corpus: table.String(corpusID)}
	fmt.Fprintf(out.w, "{\n\"corpus\": [{\"path\": %s}],\n\"data\": [", table.String(CorpusFolder))
	return out
}

// Write writes a row. A query without an id or a positive, a passage without an id and a key that the format has itself
// are errors.
func (w *RowWriter) Write(row *trainingset.Row) error {
	if row.ID == "" || len(row.Positives) == 0 {
		return fmt.Errorf("query %.40q has no id or no positive", row.Query)
	}
	before := ",\n"
	if w.rows == 0 {
		before = "\n"
	}
	w.rows++
	fmt.Fprintf(w.w, `%s{"question_id": %s, "question": %s, "corpus_id": %s`, before, table.String(row.ID), table.String(row.Query), w.corpus)
	for _, list := range []struct {
		key      string
		passages []trainingset.Passage
	}{{"pos_doc", row.Positives}, {"neg_doc", row.Negatives}} {
		fmt.Fprintf(w.w, `, "%s": [`, list.key)
		for i, p := range list.passages {
			if p.ID == "" {
				return fmt.Errorf("query %.40q: a passage has no id", row.Query)
			}
			if i > 0 {
				w.w.WriteString(", ")
			}
			fmt.Fprintf(w.w, `{"id": %s`, table.String(p.ID))
			if p.Score != nil {
				fmt.Fprintf(w.w, `, "score": %s`, table.Number(*p.Score))
			}
			w.w.WriteString("}")
		}
		w.w.WriteString("]")
	}
	for _, field := range row.Fields {
		if slices.Contains(knownKeys, field.Key) {
			return fmt.Errorf("line %d: the key %q is one of this format's own", row.Line, field.Key)
		}
		fmt.Fprintf(w.w, ", %s: %s", table.String(field.Key), field.Value)
	}
	_, err := w.w.WriteString("}")
	return err
}

// Close ends the file.
func (w *RowWriter) Close() error {
	w.w.WriteString("\n]\n}\n")
	return w.w.Flush()
}

// WriteMetadata writes what a corpus of texts says of itself. instruction stands before queries; it may be empty.
func WriteMetadata(w io.Writer, corpusID, instruction string) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(Metadata{CorpusID: corpusID, Class: corpusClass, QueryInstruction: instruction})
}
