package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/format/beir"
	"github.com/quarry-ml/quarry/format/kaggle"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/report"
)

// ranked is the rankings of a file, queries in its order.
type ranked []rankedQuery

type rankedQuery struct {
	query string
	hits  []rankedHit // in the order of their ranks
}

type rankedHit struct {
	document string
	score    float64
	line     int // 0 where the format has no lines
}

// ofRun is the evaluation of a given run, by the judgments of a file, of a folder, or of the queries' rows.
func (o EvalOptions) ofRun(h *host, measures []eval.Measure) (*evaluation, error) {
	run, err := readRun(h, "run", o.Run)
	if err != nil {
		return nil, err
	}
	if err := run.noteEmpty(h, o.Run); err != nil {
		return nil, err
	}
	var e *evaluation
	byID := func(string) (int32, bool) { return 0, false }
	if o.Rank.Data.Corpus == "" && o.Judgments.Folder == "" {
		e, byID, err = o.pool(h, run)
	} else if e, err = o.judge(h); err == nil {
		byID = e.corpus.ByID
	}
	if err != nil {
		return nil, err
	}
	for _, q := range run {
		for _, hit := range q.hits {
			if _, ok := byID(hit.document); !ok {
				return nil, badInputf("%s: query %q: the corpus has no passage %q", place(o.Run, hit.line), q.query, hit.document)
			}
		}
	}
	if err := o.checkShared(run, e.judged); err != nil {
		return nil, err
	}
	if note := run.shallow(o.Run, measures, e); note != "" {
		h.note("%s", note)
	}
	e.repeated = run.repeated(o.Run)
	e.found = func(c eval.Convention) []ranking.Candidates { return run.candidates(c, byID, e.order) }
	return e, nil
}

// shallow tells of measures at a rank that no ranking of a judged query reaches: they cannot look deeper than the run. It is empty
// where there are none, and where the run ranks a whole corpus.
func (run ranked) shallow(path string, measures []eval.Measure, e *evaluation) string {
	known := map[string]bool{}
	for _, j := range e.judged {
		known[j.Query] = true
	}
	longest := 0
	for _, q := range run {
		if known[q.query] {
			longest = max(longest, len(q.hits))
		}
	}
	var deeper []string
	for _, m := range measures {
		if m.K > longest {
			deeper = append(deeper, m.String())
		}
	}
	if deeper == nil || longest == 0 || e.corpus != nil && longest >= e.corpus.Len() {
		return ""
	}
	const most = 6 // of MTEB's there are dozens
	if more := len(deeper) - most; more > 0 {
		deeper = append(deeper[:most:most], fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%s keeps at most %s a query: %s can look no deeper than @%d", path, report.Counted(longest, "passage", "passages"), strings.Join(deeper, ", "), longest)
}

// checkShared refuses a run that ranks for none of the judged queries, unless they are to count as zero.
func (o EvalOptions) checkShared(run ranked, judged []eval.Judged) error {
	if o.Missing == string(eval.MissingIsZero) || len(run) == 0 || len(judged) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, j := range judged {
		known[j.Query] = true
	}
	if slices.ContainsFunc(run, func(q rankedQuery) bool { return known[q.query] }) {
		return nil
	}
	return badInputf("%s: none of its queries (%d, such as %q) is among those that are judged (%d, such as %q): ids of the two must be the same; with --missing-queries zero judged queries without a ranking count as 0", o.Run, len(run), run[0].query, len(judged), judged[0].Query)
}

// pool judges a run where no corpus is given: passages are those that run and judgments name.
func (o EvalOptions) pool(h *host, run ranked) (*evaluation, func(string) (int32, bool), error) {
	lines, err := readJudgments(h, o.Judgments.Qrels)
	if err != nil {
		return nil, nil, err
	}
	var ids []string
	judgments := make([]eval.Judgment, len(lines))
	for i, j := range lines {
		judgments[i] = j.Judgment
		ids = append(ids, j.Passage)
	}
	for _, q := range run {
		for _, hit := range q.hits {
			ids = append(ids, hit.document)
		}
	}
	pool := eval.NewPool(ids)
	e := &evaluation{}
	if e.judged, err = eval.Judge(judgments, pool.ByID); err != nil {
		return nil, nil, badInputf("--qrels: %w", err)
	}
	if o.Rank.Data.Queries != "" { // for their groups and fields
		if e.queries, err = o.Rank.Data.readQueries(h, "queries", o.Rank.Data.Queries, nil, true); err != nil {
			return nil, nil, err
		}
		e.describe()
	}
	return e, pool.ByID, nil
}

// readRun reads rankings, packed or not: JSON where the file's name ends in .json, a submission of Kaggle's in .csv, else a
// TREC run.
func readRun(h *host, flag, path string) (ranked, error) {
	read := readTREC
	switch filepath.Ext(unpackedName(path)) {
	case ".json":
		read = readResults
	case ".csv":
		read = readSubmission
	}
	var run ranked
	err := readInput(h, flag, path, func(r io.Reader) error {
		unpacked, err := corpus.Unpack(r, path)
		if err != nil {
			return err
		}
		run, err = read(unpacked, path)
		return err
	})
	return run, err
}

func readTREC(r io.Reader, path string) (ranked, error) {
	file, err := trec.ReadRun(r, path)
	if err == nil && len(file.Queries) == 0 {
		err = fmt.Errorf("%s: no lines: a run of no query", path)
	}
	if err != nil {
		return nil, err
	}
	var run ranked
	for _, q := range file.Queries {
		hits := slices.Clone(q.Hits)
		slices.SortStableFunc(hits, func(a, b trec.RunHit) int { return cmp.Compare(a.Rank, b.Rank) })
		one := rankedQuery{query: q.Query}
		for _, hit := range hits {
			one.hits = append(one.hits, rankedHit{hit.Document, hit.Score, hit.Line})
		}
		run = append(run, one)
	}
	return run, nil
}

// readResults reads JSON, which has no ranks: scores make them, ties in the order of the file.
func readResults(r io.Reader, path string) (ranked, error) {
	file, err := beir.ReadResults(r, path)
	var run ranked
	for _, q := range file {
		one := rankedQuery{query: q.Query}
		for _, hit := range q.Hits {
			one.hits = append(one.hits, rankedHit{document: hit.Passage, score: hit.Score})
		}
		slices.SortStableFunc(one.hits, func(a, b rankedHit) int { return cmp.Compare(b.score, a.score) })
		run = append(run, one)
	}
	return run, err
}

// readSubmission reads a submission, which has no scores: each rank is worse than the one before.
func readSubmission(r io.Reader, path string) (ranked, error) {
	rows, err := kaggle.Read(r, path)
	var run ranked
	for _, row := range rows {
		one := rankedQuery{query: row.Query}
		for i, id := range row.Passages {
			one.hits = append(one.hits, rankedHit{id, -float64(i), row.Line})
		}
		run = append(run, one)
	}
	return run, err
}

// noteEmpty tells of rankings without a passage, which count as they do elsewhere: every measure of them is 0. A run of nothing
// else is an error.
func (run ranked) noteEmpty(h *host, path string) error {
	var empty []string
	for _, q := range run {
		if len(q.hits) == 0 {
			empty = append(empty, q.query)
		}
	}
	switch {
	case len(empty) == 0:
		return nil
	case len(empty) == len(run):
		return badInputf("%s: no ranking holds a passage", path)
	}
	h.note("warning: %s: %s, such as %q, without a passage: every measure of such a query is 0", path, report.Counted(len(empty), "ranking", "rankings"), empty[0])
	return nil
}

// repeated is the first passage that stands twice in a ranking, as an error; nil where there is none. Submissions may have
// such, which one convention has a rule for.
func (run ranked) repeated(path string) error {
	for _, q := range run {
		seen := make(map[string]bool, len(q.hits))
		for _, hit := range q.hits {
			if seen[hit.document] {
				return fmt.Errorf("%s: query %q: passage %q is ranked twice; --convention %s takes the second place for void", place(path, hit.line), q.query, hit.document, eval.Kaggle)
			}
			seen[hit.document] = true
		}
	}
	return nil
}

// candidates are the rankings as a convention orders them; byID knows every document.
func (run ranked) candidates(c eval.Convention, byID func(string) (int32, bool), order ranking.Order) []ranking.Candidates {
	found := make([]ranking.Candidates, len(run))
	for i, q := range run {
		type hit struct {
			ranking.Hit
			score float64 // as the file has it: two may differ by less than 32 bits hold
		}
		hits := make([]hit, len(q.hits))
		for k, h := range q.hits {
			passage, _ := byID(h.document)
			hits[k] = hit{ranking.Hit{Passage: passage, Score: float32(h.score)}, h.score}
			if c.RanksDecide() {
				hits[k].Score = -float32(k)
			}
		}
		if !c.RanksDecide() {
			slices.SortStableFunc(hits, func(a, b hit) int {
				if a.score != b.score || c.KeepsTies() {
					return cmp.Compare(b.score, a.score)
				}
				return order.Compare(a.Hit, b.Hit)
			})
		}
		found[i].Query = q.query
		for _, h := range hits {
			found[i].Hits = append(found[i].Hits, h.Hit)
		}
	}
	return found
}

// place names a line of a file, or the file where it has no lines.
func place(path string, line int) string {
	if line == 0 {
		return path
	}
	return fmt.Sprintf("%s:%d", path, line)
}

// besideRun are the flags that have a part where a run is given.
var besideRun = strings.Fields("run qrels data split corpus queries id-field group-field train metrics convention missing-queries by expect per-query json mteb mteb-task mteb-revision mteb-languages mteb-main")

// validateRun refuses flags that rank where a run is given.
func (o EvalOptions) validateRun() error {
	run := cmp.Or(o.RunName, "--run")
	for _, flag := range slices.Sorted(maps.Keys(o.Rank.Texts.set)) {
		if !slices.Contains(besideRun, flag) {
			return badInputf("--%s has no part beside %s: what it holds is ranked already", flag, run)
		}
	}
	switch data := o.Rank.Data; {
	case o.Judgments.Folder != "":
		return nil // validated with it
	case o.Judgments.Qrels == "" && (data.Corpus == "" || data.Queries == ""):
		return badInputf("%s needs judgments: --qrels FILE, --data FOLDER, or --corpus and --queries with positives", run)
	case data.Corpus != "" && data.Queries == "":
		return badInputf("--corpus beside %s goes with --queries", run)
	case data.Corpus == "" && o.Train != "":
		return badInputf("--train beside %s needs --corpus and --queries, or --data: its positives are passages of the corpus", run)
	case data.Queries == "" && data.GroupField != "":
		return badInputf("--group-field beside %s needs --queries, or --data: it is a key of the queries' rows", run)
	case data.Queries == "" && data.IDField != "":
		return badInputf("--id-field beside %s needs --queries: it is a key of the rows, and a file of judgments has its own", run)
	}
	return nil
}
