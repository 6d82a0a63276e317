package trec

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/ranking"
)

// Run is the rankings of one system, queries in the order in which the file first names them.
type Run struct {
	Tag     string // of the first line
	Queries []QueryRun
}

// QueryRun is the lines of one query, in file order.
type QueryRun struct {
	Query string
	Hits  []RunHit
	name  string // of the file, for errors
}

// RunHit is one line of a run.
type RunHit struct {
	Document string
	Rank     int
	Score    float64
	Line     int
}

// ReadRun reads a run. A pair of query and document that occurs twice, a score that is not finite and another number of
// columns are errors with file and line. Ranks need not be in order: what decides is up to the caller.
func ReadRun(r io.Reader, name string) (Run, error) {
	rows := newRows(r, name, "query", "Q0", "document", "rank", "score", "tag")
	var run Run
	indexOf := map[string]int{}
	for {
		fields, err := rows.next()
		if err == io.EOF {
			return run, nil
		}
		if err != nil {
			return Run{}, err
		}
		hit, err := parseHit(fields)
		if err != nil {
			return Run{}, rows.lines.Errorf("%w", err)
		}
		hit.Line = rows.lines.Number()
		at, ok := indexOf[fields[0]]
		if !ok {
			at = len(run.Queries)
			indexOf[fields[0]] = at
			run.Queries = append(run.Queries, QueryRun{Query: fields[0], name: name})
		}
		if run.Tag == "" {
			run.Tag = fields[5]
		}
		run.Queries[at].Hits = append(run.Queries[at].Hits, hit)
	}
}

// Ranking turns the documents into passages, in the order of the rank column; lines of one rank stay in file order. A
// caller that orders by score sorts it with its ranking.Order. An unknown document is an error with file and line.
func (q QueryRun) Ranking(position func(document string) (int32, bool)) (ranking.Ranking, error) {
	hits := slices.Clone(q.Hits)
	slices.SortStableFunc(hits, func(a, b RunHit) int { return a.Rank - b.Rank })
	ranked := make(ranking.Ranking, len(hits))
	for i, h := range hits {
		p, ok := position(h.Document)
		if !ok {
			return nil, fmt.Errorf("%s:%d: query %q: the corpus has no passage %q", q.name, h.Line, q.Query, h.Document)
		}
		ranked[i] = ranking.Hit{Passage: p, Score: float32(h.Score)}
	}
	return ranked, nil
}

func parseHit(fields []string) (RunHit, error) {
	if q0 := fields[1]; q0 != "Q0" && q0 != "q0" && q0 != "0" {
		return RunHit{}, fmt.Errorf("column 2 is %q, want Q0; is this a TREC run?", q0)
	}
	rank, err := strconv.ParseInt(fields[3], 10, 32)
	if err != nil {
		return RunHit{}, fmt.Errorf("the rank is %q, want a whole number", fields[3])
	}
	score, err := strconv.ParseFloat(fields[4], 64)
	if err != nil {
		return RunHit{}, fmt.Errorf("the score is %q, want a number", fields[4])
	}
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return RunHit{}, fmt.Errorf("query %q, document %q: the score is %s, want a finite number", fields[0], fields[2], fields[4])
	}
	return RunHit{Document: fields[2], Rank: int(rank), Score: score}, nil
}

// RunWriter writes a run, query by query: ranks from 1, scores with as many digits as bring the same float32 back.
type RunWriter struct {
	w    *bufio.Writer
	tag  string
	seen map[string]bool
}

// NewRunWriter begins a run; tag names the system in every line. Call Flush at the end.
func NewRunWriter(w io.Writer, tag string) (*RunWriter, error) {
	if err := checkToken("tag", tag); err != nil {
		return nil, err
	}
	return &RunWriter{w: bufio.NewWriter(w), tag: tag, seen: map[string]bool{}}, nil
}

// Write writes the ranking of one query; id names its passages. White space in an id, a score that is not finite and a
// query that was written before are errors.
func (w *RunWriter) Write(query string, hits ranking.Ranking, id func(passage int32) string) error {
	if err := checkToken("query", query); err != nil {
		return err
	}
	if w.seen[query] {
		return fmt.Errorf("query %q is in the run already", query)
	}
	w.seen[query] = true
	for i, h := range hits {
		document := id(h.Passage)
		if err := checkToken("passage", document); err != nil {
			return fmt.Errorf("query %q: %w", query, err)
		}
		score := float64(h.Score)
		if math.IsNaN(score) || math.IsInf(score, 0) {
			return fmt.Errorf("query %q, passage %q: the score is %v, want a finite number", query, document, score)
		}
		if _, err := fmt.Fprintf(w.w, "%s Q0 %s %d %s %s\n", query, document, i+1, strconv.FormatFloat(score, 'f', -1, 32), w.tag); err != nil {
			return err
		}
	}
	return nil
}

// Flush writes what is buffered.
func (w *RunWriter) Flush() error { return w.w.Flush() }
