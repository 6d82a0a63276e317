package convert

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/beir"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/ranking"
)

// Formats of rankings.
const (
	TRECRun = "trec-run" // query Q0 document rank score tag
	BEIRRun = "beir-run" // {"query": {"document": score}}
)

// Runs are the formats of rankings.
func Runs() []string { return []string{TRECRun, BEIRRun} }

// ranked is the hits of one query, best first.
type ranked struct {
	query string
	hits  []beir.Result
}

// Run is the rankings of a file, to be written in another format.
type Run struct {
	queries []ranked
	losses  []Loss
}

// Queries is the number of queries.
func (r *Run) Queries() int { return len(r.queries) }

// ReadRun reads rankings in one format for the other, packed or not. name is the file's name in errors.
func ReadRun(r io.Reader, name, from string) (*Run, error) {
	run := &Run{}
	switch from {
	case TRECRun:
		return run, run.readTREC(r, name)
	case BEIRRun:
		return run, run.readBEIR(r, name)
	}
	return nil, fmt.Errorf("the format %q of rankings is unknown: use %s or %s", from, TRECRun, BEIRRun)
}

// readTREC takes the documents in the order of their ranks.
func (r *Run) readTREC(file io.Reader, name string) error {
	read, err := trec.ReadRun(file, name)
	if err != nil {
		return err
	}
	r.lose(1, read.Tag != "", "the name of the system: left out")
	unordered := 0
	for _, q := range read.Queries {
		slices.SortStableFunc(q.Hits, func(a, b trec.RunHit) int { return a.Rank - b.Rank })
		one := ranked{query: q.Query}
		for _, h := range q.Hits {
			one.hits = append(one.hits, beir.Result{Passage: h.Document, Score: h.Score})
		}
		if !slices.IsSortedFunc(one.hits, byScore) {
			unordered++
		}
		r.queries = append(r.queries, one)
	}
	r.lose(unordered, unordered > 0, "ranks that are not the order of scores: left out")
	return nil
}

// readBEIR orders the documents by score.
func (r *Run) readBEIR(file io.Reader, name string) error {
	unpacked, err := corpus.Unpack(file, name)
	if err != nil {
		return err
	}
	read, err := beir.ReadResults(unpacked, name)
	if err != nil {
		return err
	}
	empty := 0
	for _, q := range read {
		slices.SortStableFunc(q.Hits, byScore)
		if len(q.Hits) == 0 {
			empty++
		}
		r.queries = append(r.queries, ranked{q.Query, q.Hits})
	}
	r.lose(empty, empty > 0, "queries without a hit: left out")
	return nil
}

func byScore(a, b beir.Result) int {
	switch {
	case a.Score > b.Score:
		return -1
	case a.Score < b.Score:
		return 1
	}
	return 0
}

func (r *Run) lose(rows int, lost bool, what string) {
	if lost {
		r.losses = append(r.losses, Loss{what, rows})
	}
}

// Losses is what the other format does not hold. Scores are written as float32, as all of Quarry's are.
func (r *Run) Losses() []Loss {
	rounded := 0
	for _, q := range r.queries {
		if slices.ContainsFunc(q.hits, func(h beir.Result) bool { return shortest(h.Score, 64) != shortest(h.Score, 32) }) {
			rounded++
		}
	}
	if rounded == 0 {
		return r.losses
	}
	return append(slices.Clone(r.losses), Loss{"digits of scores: rounded to float32", rounded})
}

func shortest(score float64, bits int) string { return strconv.FormatFloat(score, 'g', -1, bits) }

// Write writes the rankings, packed with gzip or zstd unless packing is empty; tag names the system in a TREC run.
func (r *Run) Write(w io.Writer, to, tag, packing string) error {
	packed, err := corpus.Pack(w, packing)
	if err != nil {
		return err
	}
	if err := r.write(packed, to, tag); err != nil {
		return err
	}
	return packed.Close()
}

func (r *Run) write(w io.Writer, to, tag string) error {
	out, err := newRunWriter(w, to, tag)
	if err != nil {
		return err
	}
	for _, q := range r.queries {
		hits := make(ranking.Ranking, len(q.hits))
		for i, h := range q.hits {
			hits[i] = ranking.Hit{Passage: int32(i), Score: float32(h.Score)}
		}
		if err := out.Write(q.query, hits, func(p int32) string { return q.hits[p].Passage }); err != nil {
			return err
		}
	}
	return out.Flush()
}

func newRunWriter(w io.Writer, to, tag string) (runWriter, error) {
	switch to {
	case TRECRun:
		return trec.NewRunWriter(w, tag)
	case BEIRRun:
		return beir.NewResultsWriter(w), nil
	}
	return nil, fmt.Errorf("the format %q of rankings is unknown: use %s or %s", to, TRECRun, BEIRRun)
}
