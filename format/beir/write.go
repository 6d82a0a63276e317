package beir

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/parquet"
	"github.com/quarry-ml/quarry/format/table"
)

// Layout is one of those that a data set may be written in. The first two differ in the file of judgments alone.
type Layout string

// The layouts.
const (
	BEIR        Layout = "beir"         // qrels/<split>.tsv
	MTEB        Layout = "mteb"         // qrels/<split>.jsonl
	MTEBParquet Layout = "mteb-parquet" // corpus/, queries/ and data/ with a Parquet file each, and README.md, which names them to datasets
)

// Content is what a data set holds, told one by one: each function calls yield for all of it in order, as often as it is
// called, and returns yield's error.
type Content struct {
	Split     string
	Passages  func(yield func(corpus.Passage) error) error
	Queries   func(yield func(id, text string) error) error
	Judgments func(yield func(Judgment) error) error
}

// Sink makes a file, whose name has forward slashes, and lets it be written.
type Sink func(name string, write func(io.Writer) error) error

// Write writes a data set below a folder. Texts and titles are written as they were read; queries that are in no judgment
// are left out. Ids that hold tabs or line ends cannot stand in BEIR's judgments and are an error.
func Write(d *Dataset, layout Layout, sink Sink) error {
	judged := map[string]bool{}
	for _, j := range d.Judgments {
		judged[j.Query] = true
	}
	return Content{
		Split: d.Split,
		Passages: func(yield func(corpus.Passage) error) error {
			return each(d.Corpus.Passages, yield)
		},
		Queries: func(yield func(id, text string) error) error {
			return each(d.Queries, func(q corpus.Query) error {
				if !judged[q.Key] {
					return nil
				}
				return yield(q.Key, q.Text)
			})
		},
		Judgments: func(yield func(Judgment) error) error { return each(d.Judgments, yield) },
	}.Write(layout, sink)
}

func each[T any](items []T, yield func(T) error) error {
	for _, item := range items {
		if err := yield(item); err != nil {
			return err
		}
	}
	return nil
}

// Write writes the data set below a folder, as the function of that name does.
func (c Content) Write(layout Layout, sink Sink) error {
	if c.Split == "" || strings.ContainsAny(c.Split, `/\`) {
		return fmt.Errorf("split %q cannot name a file", c.Split)
	}
	var files [3]string
	switch layout {
	case BEIR, MTEB:
		files = [3]string{"corpus.jsonl", "queries.jsonl", path.Join("qrels", c.Split+map[Layout]string{BEIR: ".tsv", MTEB: ".jsonl"}[layout])}
	case MTEBParquet:
		files = [3]string{"corpus/corpus" + oneShard, "queries/queries" + oneShard, "data/" + c.Split + oneShard}
	default:
		return fmt.Errorf("layout %q is unknown: use %s, %s or %s", layout, BEIR, MTEB, MTEBParquet)
	}
	if err := sink(files[0], func(w io.Writer) error { return c.passages(w, layout) }); err != nil {
		return err
	}
	if err := sink(files[1], func(w io.Writer) error { return c.queries(w, layout) }); err != nil {
		return err
	}
	if err := sink(files[2], func(w io.Writer) error { return c.judgments(w, layout) }); err != nil {
		return err
	}
	if layout != MTEBParquet {
		return nil
	}
	return sink("README.md", func(w io.Writer) error {
		_, err := fmt.Fprintf(w, card, c.Split)
		return err
	})
}

const oneShard = "-00000-of-00001.parquet"

// card names the tables to load_dataset; without it a folder is one table.
const card = `---
configs:
- config_name: default
  data_files:
  - split: %[1]s
    path: data/%[1]s-*
- config_name: corpus
  data_files:
  - split: corpus
    path: corpus/corpus-*
- config_name: queries
  data_files:
  - split: queries
    path: queries/queries-*
---
`

func (c Content) passages(w io.Writer, layout Layout) error {
	return writeRows(w, layout, `{"_id":"","title":"","text":""}`, func(write func(corpus.Object) error) error {
		return c.Passages(func(p corpus.Passage) error {
			return write(corpus.Object{{Key: "_id", Value: table.String(p.ID)}, {Key: "title", Value: table.String(p.Title)}, {Key: "text", Value: table.String(p.Text)}})
		})
	})
}

func (c Content) queries(w io.Writer, layout Layout) error {
	return writeRows(w, layout, `{"_id":"","text":""}`, func(write func(corpus.Object) error) error {
		return c.Queries(func(id, text string) error {
			return write(corpus.Object{{Key: "_id", Value: table.String(id)}, {Key: "text", Value: table.String(text)}})
		})
	})
}

func (c Content) judgments(w io.Writer, layout Layout) error {
	if layout == BEIR {
		if _, err := io.WriteString(w, "query-id\tcorpus-id\tscore\n"); err != nil {
			return err
		}
		return c.Judgments(func(j Judgment) error {
			if strings.ContainsAny(j.Query+j.Passage, "\t\r\n") {
				return fmt.Errorf("query %q, passage %q: tabs and line ends part the columns of BEIR's judgments; write the %s layout or use other ids", j.Query, j.Passage, MTEB)
			}
			_, err := fmt.Fprintf(w, "%s\t%s\t%d\n", j.Query, j.Passage, j.Grade)
			return err
		})
	}
	return writeRows(w, layout, `{"query-id":"","corpus-id":"","score":0}`, func(write func(corpus.Object) error) error {
		return c.Judgments(func(j Judgment) error {
			grade, err := json.Marshal(j.Grade)
			if err != nil {
				return err
			}
			return write(corpus.Object{{Key: "query-id", Value: table.String(j.Query)}, {Key: "corpus-id", Value: table.String(j.Passage)}, {Key: "score", Value: grade}})
		})
	})
}

// writeRows writes a table: an object a line, or a Parquet file with the columns of a sample row.
func writeRows(w io.Writer, layout Layout, sample string, rows func(write func(corpus.Object) error) error) error {
	kind := table.JSONL
	var schema parquet.Schema
	if layout == MTEBParquet {
		kind = table.Parquet
		if err := schema.Add([]byte(sample)); err != nil {
			return err
		}
	}
	to, err := table.NewWriter(w, kind, schema)
	if err != nil {
		return err
	}
	if err := rows(to.Write); err != nil {
		return err
	}
	return to.Close()
}
