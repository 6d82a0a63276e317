package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/rerank"
)

// TeachOptions are the flags of quarry teach.
type TeachOptions struct {
	Rows, Output string
	Teacher      TeacherOptions
	JSON         bool
}

func newTeachCommand(h *host) *cobra.Command {
	var o TeachOptions
	cmd := &cobra.Command{
		Use:   "teach --rows FILE --teacher DIR --output FILE",
		Short: "Score mined rows with a teacher",
		Long: `Score the positives and negatives of mined rows with a teacher: the same rows with pos_scores and neg_scores, as
FlagEmbedding lays them out and quarry finetune --distill reads them. Scores that the rows have are replaced.

The teacher is a cross-encoder, which reads query and passage together, or a second embedder, which
compares their vectors under its own prompts; its directory says which. Its scores are kept by content: the next call asks it for new pairs alone, and
an interrupted one goes on. At the end stands how much the scores have to say: distillation learns to match their softmax,
and one that gives a single passage all teaches no more than the labels do.`,
		Example: `  quarry teach --rows mined.jsonl --teacher models/bge-reranker-base --logits --output taught.jsonl
  quarry teach --rows mined.jsonl --teacher models/bge-large --output taught.jsonl`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Teacher.Texts.set = setFlags(cmd.Flags())
			return runTeach(cmd.Context(), o, h)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Rows, "rows", "", "mined rows: JSONL `file` with query, pos and neg")
	f.StringVar(&o.Output, "output", "", "JSONL `file` to write")
	o.Teacher.AddFlags(f)
	f.BoolVar(&o.JSON, "json", false, "print one JSON object")
	return cmd
}

// teaching is what quarry teach tells of.
type teaching struct {
	Rows      int `json:"rows"`
	Pairs     int `json:"pairs"`  // that differ in content
	Scored    int `json:"scored"` // of those, now
	Kept      int `json:"kept"`   // of those, from earlier calls
	Truncated int `json:"truncated"`

	Saturation rerank.Saturation `json:"saturation"`
}

func runTeach(ctx context.Context, o TeachOptions, h *host) error {
	if err := o.validate(h); err != nil {
		return err
	}
	h.process.hold(o.Teacher.Engine.limit(h.machine))
	rows := minedRows(h, "rows", o.Rows)
	result, pairs := teaching{}, 0
	for row, err := range rows { // all, before a model is opened
		if err != nil {
			return err
		}
		result.Rows++
		pairs += len(row.Pos()) + len(row.Neg())
	}
	if result.Rows == 0 {
		return badInputf("%s: no rows", o.Rows)
	}
	if err := o.Teacher.identify(ctx, h); err != nil {
		return err
	}
	answer, err := o.Teacher.score(ctx, h, pairsOf(rows), pairs)
	if err != nil {
		return err
	}
	counts := answer.counts
	if cut := counts.CutNote(func(c rerank.Cut) string { return rowOf(c, rows, o.Rows) }); cut != "" {
		h.note("%s", cut)
	}
	result.Pairs, result.Scored, result.Kept, result.Truncated = counts.Pairs, counts.Asked, counts.Stored, counts.Truncated
	if err := o.write(h, rows, answer, &result.Saturation); err != nil {
		return err
	}
	return o.tell(h, result)
}

// write writes the rows with their scores and sums these up.
func (o TeachOptions) write(h *host, rows iter.Seq2[*flagembedding.Row, error], answer said, sum *rerank.Saturation) error {
	return writeOutput(h, o.Output, func(w io.Writer) error {
		out := flagembedding.NewWriter(w, flagembedding.WriterOptions{})
		at := 0
		for row, err := range rows {
			if err != nil {
				return err
			}
			if at == len(answer.scores) || len(answer.scores[at]) != len(row.Pos())+len(row.Neg()) {
				return badInputf("%s:%d: the file has changed since its pairs were scored: run the command again", o.Rows, row.Line())
			}
			scores := wide(answer.scores[at])
			pos, neg := scores[:len(row.Pos())], scores[len(row.Pos()):]
			err := row.SetScores(pos, neg)
			if err == nil {
				err = answer.sign(row, at)
			}
			if err != nil {
				return badInputf("%s:%d: %w", o.Rows, row.Line(), err)
			}
			sum.Add(pos, neg)
			if err := out.Write(row); err != nil {
				return err
			}
			at++
		}
		return out.Flush()
	})
}

// signature is the key of a row's field that names the cross-encoder of a fold that scored its pairs.
const signature = "scored_by"

// sign puts the name of who scored a row's pairs beside their scores, where there are several: all of a row's are of one query. A name that
// the row has of before is taken away.
func (s said) sign(row *flagembedding.Row, at int) error {
	if s.models == nil {
		return row.Remove(signature)
	}
	name, err := json.Marshal(s.models[s.by[at]])
	if err != nil {
		return err
	}
	return row.Set(signature, name)
}

// validate checks the flags before anything is read.
func (o TeachOptions) validate(h *host) error {
	if err := need("rows", o.Rows, "teacher", o.Teacher.Model.Model, "output", o.Output); err != nil {
		return err
	}
	if o.JSON && o.Output == standard {
		return badInputf("--json and --output -: both would be standard output")
	}
	if err := mayNameRows("output", o.Output, "flagembedding", "n-tuple"); err != nil {
		return err
	}
	if err := mayWrite("output", o.Output, "rows", o.Rows, "cache", o.Teacher.Cache, "teacher", h.folder(o.Teacher.Model.Model)); err != nil {
		return err
	}
	switch o.Teacher.Cache {
	case "":
	case standard:
		return badInputf("--cache -: name a file: scores are read from it and added to it")
	default:
		if err := mayWrite("cache", o.Teacher.Cache, "rows", o.Rows, "teacher", h.folder(o.Teacher.Model.Model)); err != nil {
			return err
		}
	}
	return o.Teacher.validate()
}

// minedRows are the rows of a file, each of which has to have a positive. They are read anew whenever they are gone through: none is held.
func minedRows(h *host, flag, path string) iter.Seq2[*flagembedding.Row, error] {
	return func(yield func(*flagembedding.Row, error) bool) {
		f, err := h.open(flag, path)
		if err != nil {
			yield(nil, badInputf("--%s: %w", flag, err))
			return
		}
		defer f.Close() // it was read
		in := flagembedding.NewReader(f, path)
		for {
			row, err := in.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil && len(row.Pos()) == 0 {
				err = fmt.Errorf(`%s:%d: "pos" is empty: there is nothing to hold the negatives against`, path, row.Line())
			}
			if !yield(row, badInput(err)) || err != nil {
				return
			}
		}
	}
}

// pairsOf are the pairs of rows in order, positives first, as training reads their texts.
func pairsOf(rows iter.Seq2[*flagembedding.Row, error]) rerank.Asked {
	return func(yield func([]rerank.Pair, error) bool) {
		for row, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(pairsOfRow(row), nil) {
				return
			}
		}
	}
}

func pairsOfRow(row *flagembedding.Row) []rerank.Pair {
	var pairs []rerank.Pair
	query := strings.TrimSpace(row.Query())
	for _, texts := range [][]string{row.Pos(), row.Neg()} {
		for _, text := range texts {
			pairs = append(pairs, rerank.Pair{Query: query, Passage: corpus.Passage{Text: text}.Full()})
		}
	}
	return pairs
}

// rowOf is the file and line of the first row that has what was cut.
func rowOf(c rerank.Cut, rows iter.Seq2[*flagembedding.Row, error], path string) string {
	for row, err := range rows {
		if err != nil {
			break // it is told when the rows are written
		}
		for _, p := range pairsOfRow(row) {
			if (c.Part == rerank.PassageText || p.Query == c.Pair.Query) && (c.Part == rerank.QueryText || p.Passage == c.Pair.Passage) {
				return fmt.Sprintf("%s:%d", path, row.Line())
			}
		}
	}
	return path
}

func wide(scores []float32) []float64 {
	w := make([]float64, len(scores))
	for i, s := range scores {
		w[i] = float64(s)
	}
	return w
}

// tell prints the result; beside rows on standard output it is a note.
func (o TeachOptions) tell(h *host, t teaching) error {
	if o.JSON {
		return printJSON(h, struct {
			Schema int `json:"schema"`
			teaching
		}{schema, t})
	}
	s := t.Saturation
	text := fmt.Sprintf("%d rows, %d pairs: %d scored now, %d kept from earlier\n", t.Rows, t.Pairs, t.Scored, t.Kept)
	text += fmt.Sprintf("one-hot softmax: %d of %d rows (%.1f%%); a row's largest share is %.3f on average\n", s.OneHot, s.Rows, percentOf(s.OneHot, s.Rows), s.MeanTop)
	text += fmt.Sprintf("negatives above the lowest positive: %d of %d (%.1f%%)\n", s.AbovePositive, s.Negatives, percentOf(s.AbovePositive, s.Negatives))
	if o.Output == standard {
		for line := range strings.Lines(text) {
			h.note("%s", strings.TrimSuffix(line, "\n"))
		}
		return nil
	}
	return h.printf("%s", text)
}

func percentOf(n, of int) float64 { return 100 * float64(n) / float64(max(1, of)) }
