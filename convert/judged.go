package convert

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/beir"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/trainingset"
)

// readJudged reads a folder in any layout of package beir.
func readJudged(path string, o ReadOptions) (*Set, error) {
	d, err := beir.Open(path, beir.Options{Split: o.Split, KeepUnanswered: true})
	if err != nil {
		return nil, err
	}
	return OfJudgments(d), nil
}

// OfJudgments is a set of judged queries: judgments of a grade above 0 are positives, others negatives. Negatives that the
// rows of queries give as texts come behind.
func OfJudgments(d *beir.Dataset) *Set {
	judged := map[string][]beir.Judgment{}
	for _, j := range d.Judgments {
		judged[j.Query] = append(judged[j.Query], j)
	}
	return &Set{Corpus: d.Corpus, Warnings: d.Warnings, Unread: d.Unread, Rows: func(visit func(*trainingset.Row) error) error {
		for _, q := range d.Queries {
			row := &trainingset.Row{ID: q.ID, Key: q.Key, Query: q.Text, Prompt: q.Prompt, Line: q.Line}
			for _, j := range judged[q.Key] {
				at, ok := d.Corpus.ByID(j.Passage)
				if !ok {
					return fmt.Errorf("query %q: the corpus has no passage %q", j.Query, j.Passage)
				}
				p := passageOf(d.Corpus, at)
				p.Grade = j.Grade
				if j.Grade > 0 {
					row.Positives = append(row.Positives, p)
				} else {
					row.Negatives = append(row.Negatives, p)
				}
			}
			given, unknown := d.Corpus.Given(q)
			if unknown != "" {
				return fmt.Errorf("query %q: the negative %.80q is no passage of the corpus", q.Key, unknown)
			}
			for _, at := range given {
				row.Negatives = append(row.Negatives, passageOf(d.Corpus, at))
			}
			if err := visit(row); err != nil {
				return err
			}
		}
		return nil
	}}
}

// readQuarry reads corpus.jsonl and queries.jsonl of a folder.
func readQuarry(path string, _ ReadOptions) (*Set, error) {
	set := &Set{}
	asked := filepath.Join(path, "queries.jsonl")
	var queries []corpus.Query
	for _, file := range []struct {
		path string
		read func(r io.Reader, name string) ([]corpus.Warning, error)
	}{
		{filepath.Join(path, "corpus.jsonl"), func(r io.Reader, name string) (warnings []corpus.Warning, err error) {
			set.Corpus, warnings, err = corpus.ReadPassages(r, name, corpus.ReadOptions{})
			return warnings, err
		}},
		{asked, func(r io.Reader, name string) (warnings []corpus.Warning, err error) {
			queries, warnings, err = corpus.ReadQueries(r, name, set.Corpus, corpus.ReadOptions{})
			return warnings, err
		}},
	} {
		f, err := os.Open(file.path)
		if err != nil {
			return nil, err
		}
		warnings, err := file.read(f, file.path)
		f.Close()
		set.Warnings = append(set.Warnings, warnings...)
		if err != nil {
			return nil, err
		}
	}
	set.Rows = func(visit func(*trainingset.Row) error) error {
		f, err := os.Open(asked)
		if err != nil {
			return err
		}
		defer f.Close()
		lines := corpus.NewLines(f, asked, corpus.LineOptions{})
		next := 0
		return lines.Each(func(object corpus.Object) error {
			if next == len(queries) {
				return lines.Errorf("the file has grown while it was read")
			}
			q := queries[next]
			next++
			row := &trainingset.Row{ID: q.ID, Key: q.Key, Query: q.Text, Prompt: q.Prompt, Line: q.Line,
				Fields: otherFields(object, "id", "_id", "query", "text", "correct_id", "positive_ids", "pos", "neg", "prompt")}
			for _, at := range q.Positives {
				row.Positives = append(row.Positives, passageOf(set.Corpus, at))
			}
			for _, text := range q.Negatives {
				negative := trainingset.Passage{Text: text}
				if same := set.Corpus.ByText(text); len(same) > 0 {
					negative = passageOf(set.Corpus, same[0])
				}
				row.Negatives = append(row.Negatives, negative)
			}
			return visit(row)
		})
	}
	return set, nil
}

// writeQuarry writes corpus.jsonl and queries.jsonl. Without ids the places of passages count as theirs, and texts name the
// positives.
func writeQuarry(out output) error {
	n := newNames(out)
	err := out.sink("corpus.jsonl", func(w io.Writer) error {
		return jsonLines(w, func(write func(corpus.Object) error) error {
			return n.passages(func(p corpus.Passage, given bool) error {
				var object corpus.Object
				if given {
					object = append(object, text("id", p.ID))
				}
				if p.Title != "" {
					object = append(object, text("title", p.Title))
				}
				return write(append(object, text("text", p.Text)))
			})
		})
	})
	if err != nil {
		return err
	}
	return out.sink("queries.jsonl", func(w io.Writer) error {
		return jsonLines(w, func(write func(corpus.Object) error) error {
			return n.rows(func(row *trainingset.Row) error {
				var object corpus.Object
				if row.ID != "" {
					object = append(object, text("id", row.ID))
				}
				object = append(object, text("query", row.Query))
				if row.Positives[0].ID != "" {
					object = append(object, texts("positive_ids", row.Positives, func(p trainingset.Passage) string { return p.ID }))
				} else {
					object = append(object, texts("pos", row.Positives, trainingset.Passage.Full))
				}
				if len(row.Negatives) > 0 {
					object = append(object, texts("neg", row.Negatives, trainingset.Passage.Full))
				}
				if row.Prompt != "" {
					object = append(object, text("prompt", row.Prompt))
				}
				for _, field := range row.Fields {
					if object.Has(field.Key) {
						return fmt.Errorf("line %d: the key %q is one of Quarry's own", row.Line, field.Key)
					}
					object = append(object, field)
				}
				return write(object)
			})
		})
	})
}

// writeJudged writes a layout of package beir.
func writeJudged(layout beir.Layout) func(output) error {
	return func(out output) error {
		n := newNames(out)
		n.needed = true
		return beir.Content{
			Split: out.options.Split,
			Passages: func(yield func(corpus.Passage) error) error {
				return n.passages(func(p corpus.Passage, _ bool) error { return yield(p) })
			},
			Queries: func(yield func(id, text string) error) error {
				return n.rows(func(row *trainingset.Row) error {
					if len(row.Passages()) == 0 {
						return nil
					}
					return yield(row.ID, row.Query)
				})
			},
			Judgments: n.judgments,
		}.Write(layout, beir.Sink(out.sink))
	}
}

// writeQrels writes judgments alone.
func writeQrels(out output) error {
	n := newNames(out)
	n.needed = true
	if err := n.passages(func(corpus.Passage, bool) error { return nil }); err != nil {
		return err
	}
	return out.sink("qrels.txt", func(w io.Writer) error {
		var judgments []trec.Judgment
		err := n.judgments(func(j beir.Judgment) error {
			judgments = append(judgments, trec.Judgment{Query: j.Query, Document: j.Passage, Grade: j.Grade})
			return nil
		})
		if err != nil {
			return err
		}
		return trec.WriteQrels(w, judgments)
	})
}
