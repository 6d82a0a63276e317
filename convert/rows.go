package convert

import (
	"errors"
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/parquet"
	"github.com/quarry-ml/quarry/format/sentencetransformers"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/format/tevatron"
	"github.com/quarry-ml/quarry/trainingset"
)

// rowReader reads rows one by one.
type rowReader interface {
	Next() (*trainingset.Row, error)
}

// fileOf is a set of a file of rows, or of a split in shards, opened anew whenever they are visited.
func fileOf(path string, o ReadOptions, open func(io.Reader) (rowReader, error)) *Set {
	return &Set{Rows: func(visit func(*trainingset.Row) error) error {
		f, err := corpus.OpenRows(corpus.Disk{}, path, o.Split)
		if err != nil {
			return err
		}
		defer f.Close()
		reader, err := open(f)
		if err != nil {
			return err
		}
		for {
			row, err := reader.Next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := visit(row); err != nil {
				return err
			}
		}
	}}
}

// rowsOf is a set of a table's rows.
func rowsOf(path string, o ReadOptions, open func(table.Rows) (rowReader, error)) (*Set, error) {
	kind, err := kindOf(path, o)
	if err != nil {
		return nil, err
	}
	return fileOf(path, o, func(f io.Reader) (rowReader, error) {
		rows, err := table.NewReader(f, path, kind)
		if err != nil {
			return nil, err
		}
		return open(rows)
	}), nil
}

// kindOf is the kind of the file that holds the rows, or of the shards.
func kindOf(path string, o ReadOptions) (table.Kind, error) {
	found, err := corpus.FindRows(corpus.Disk{}, path, o.Split)
	if err != nil {
		return "", err
	}
	return table.KindOf(found[0])
}

func readTevatron(path string, o ReadOptions) (*Set, error) {
	return rowsOf(path, o, func(rows table.Rows) (rowReader, error) { return tevatron.NewReader(rows), nil })
}

func readLayout(layout sentencetransformers.Layout) func(string, ReadOptions) (*Set, error) {
	return func(path string, o ReadOptions) (*Set, error) {
		return rowsOf(path, o, func(rows table.Rows) (rowReader, error) { return sentencetransformers.NewReader(rows, layout) })
	}
}

func readFlagEmbedding(path string, o ReadOptions) (*Set, error) {
	if _, err := kindOf(path, o); err != nil {
		return nil, err
	}
	return fileOf(path, o, func(f io.Reader) (rowReader, error) { return minedRows{flagembedding.NewReader(f, path)}, nil }), nil
}

// minedRows reads FlagEmbedding's rows as those of training sets.
type minedRows struct{ *flagembedding.Reader }

// Next implements rowReader.
func (r minedRows) Next() (*trainingset.Row, error) {
	row, err := r.Reader.Next()
	if err != nil {
		return nil, err
	}
	return row.Training(), nil
}

// rowWriter writes rows to a table.
type rowWriter func(*trainingset.Row) error

// table writes all rows to a file. For Parquet they are told twice: the first time finds the columns.
func (out output) table(writer func(table.Writer) (rowWriter, error)) error {
	tell := func(to table.Writer) error {
		write, err := writer(to)
		if err != nil {
			return err
		}
		return errors.Join(out.rows(write), to.Close())
	}
	var schema table.Schema
	if out.options.Kind == table.Parquet {
		if err := tell(&schema); err != nil {
			return err
		}
	}
	return out.file(schema.Schema, tell)
}

// file writes a table to the one file of a format, packed as asked.
func (out output) file(schema parquet.Schema, tell func(table.Writer) error) error {
	return out.sink("", func(w io.Writer) error {
		packed, err := corpus.Pack(w, out.options.Packing)
		if err != nil {
			return err
		}
		to, err := table.NewWriter(packed, out.options.Kind, schema)
		if err != nil {
			return err
		}
		if err := tell(to); err != nil {
			return err
		}
		return packed.Close()
	})
}

// rows tells the rows that the format holds, with the ids that mined rows say under a key of their own.
func (out output) rows(write rowWriter) error {
	return out.set.Rows(func(row *trainingset.Row) error {
		if len(row.Positives) == 0 && out.held&trainingset.NoPositives == 0 || len(row.Negatives) == 0 && out.held&trainingset.NoNegatives == 0 {
			return nil
		}
		if out.held&trainingset.PassageIDs != 0 {
			nameByProvenance(row)
		}
		if out.held&trainingset.TeacherScores == 0 {
			for _, list := range [][]trainingset.Passage{row.Positives, row.Negatives} {
				for i := range list {
					list[i].Score = nil
				}
			}
		}
		return write(row)
	})
}

func writeTevatron(out output) error {
	return out.table(func(to table.Writer) (rowWriter, error) { return tevatron.NewWriter(to).Write, nil })
}

func writeLayout(layout sentencetransformers.Layout) func(output) error {
	return func(out output) error {
		o := layoutOptions(layout, out.options, out.survey)
		o.Scores = out.held&trainingset.TeacherScores != 0
		return out.table(func(to table.Writer) (rowWriter, error) {
			w, err := sentencetransformers.NewWriter(to, o)
			if err != nil {
				return nil, err
			}
			return w.Write, nil
		})
	}
}

// layoutOptions are a layout's options: scores where every passage has one, but in place of labels only when asked for;
// tuples of as many negatives as every row with negatives has.
func layoutOptions(layout sentencetransformers.Layout, o Options, s Survey) sentencetransformers.Options {
	labelled := layout == sentencetransformers.LabeledPair || layout == sentencetransformers.LabeledList
	n := o.Negatives
	if n == 0 {
		n = s.least()
	}
	return sentencetransformers.Options{Layout: layout, Negatives: n, Scores: s.Unscored == 0 && s.Rows > 0 && (!labelled || o.Scores)}
}

// writeFlagEmbedding writes JSONL byte for byte as Python's json does.
func writeFlagEmbedding(out output) error {
	if out.options.Kind != table.JSONL {
		return out.table(func(to table.Writer) (rowWriter, error) {
			return func(row *trainingset.Row) error {
				r, err := flagembedding.FromTraining(row)
				if err != nil {
					return err
				}
				return to.Write(r.Object())
			}, nil
		})
	}
	return out.sink("", func(w io.Writer) error {
		packed, err := corpus.Pack(w, out.options.Packing)
		if err != nil {
			return err
		}
		to := flagembedding.NewWriter(packed, flagembedding.WriterOptions{})
		err = out.rows(func(row *trainingset.Row) error {
			r, err := flagembedding.FromTraining(row)
			if err != nil {
				return err
			}
			return to.Write(r)
		})
		if err != nil {
			return err
		}
		if err := to.Flush(); err != nil {
			return err
		}
		return packed.Close()
	})
}
