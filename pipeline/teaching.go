package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/teacherscores"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rerank"
	"github.com/quarry-ml/quarry/rundir"
)

// algorithmTeach is raised when a teacher is asked of other pairs of the same candidates, or gives them other scores.
const algorithmTeach = 1

// stageTeach scores what mining asks a teacher of. A round has it only with a teacher.
const stageTeach = "teach"

// askTeacher makes the teacher's scores that mining goes by, unless an earlier run has, and returns what mining depends on
// besides. With a margin another margin, or another draw, asks nothing: the pairs are those that the rules leave, and depend on what was
// ruled. Without one they are those of the mined rows, which depend on all that was mined.
func (r *round) askTeacher(ctx context.Context, o mine.Options, ruled, mined []rundir.Input) ([]rundir.Input, error) {
	if !r.stages.Mine.Asks() {
		return nil, nil
	}
	t, err := r.sharedTeacher(ctx)
	if err != nil {
		return nil, err
	}
	reads := t.header
	reads.Model, reads.Identity = "", "" // an input, and part of every stamp
	options := struct {
		Teacher teacherscores.Header `json:"teacher"`
		Mine    mine.Options         `json:"mine"`
		Rows    bool                 `json:"rows,omitempty"` // those of the mined rows
	}{reads, o.Rulings(), false}
	inputs := append([]rundir.Input{r.outside("teacher", t.header.Model)}, ruled...)
	if o.TeacherMargin == nil {
		options.Mine, options.Rows = o, true
		inputs = append(inputs[:1:1], mined...)
	}
	path := r.files.TeacherScores()
	stage := r.stage(stageTeach, algorithmTeach, options, inputs...)
	err = r.do(ctx, work{Stage: stage, outputs: []string{path}, run: func(ctx context.Context) error { return r.writeTeacherScores(ctx, t, o) }})
	return []rundir.Input{r.made(path)}, err
}

// writeTeacherScores asks the teacher of all pairs and writes what it says of them.
func (r *round) writeTeacherScores(ctx context.Context, t *teacher, o mine.Options) error {
	wanted, err := r.asksTeacher(ctx, o)
	if err != nil {
		return err
	}
	asked := r.asked(wanted)
	scores, counts, err := r.scorePairs(ctx, t, asked)
	if err != nil {
		return r.explainTeacher(err)
	}
	r.note("round %d: %s: %s: %d pairs, %d scored now, %d kept from earlier", r.index, r.stageName(stageTeach), r.stages.Mine.Teacher.Model.Written, counts.Pairs, counts.Asked, counts.Stored)
	if cut := counts.CutNote(func(c rerank.Cut) string { return c.Place(r.queryPlace, r.passagePlace) }); cut != "" {
		r.note("round %d: %s: %s", r.index, r.stageName(stageTeach), cut)
	}
	if c, ok := t.Teacher.(*rerank.CrossEncoder); ok && !c.KnowsOf() {
		r.note("round %d: %s: no %s tells which queries %s was trained on, so that it is asked of all of them: if it was fine-tuned on any, it repeats their labels", r.index, r.stageName(stageTeach), model.TrainedQueriesName, r.stages.Mine.Teacher.Model.Written)
	}
	return r.writeAsMade(r.files.TeacherScores(), func(w io.Writer) error { return writeScores(w, t.header, asked, scores) })
}

// writeScores writes the scores of pairs by query, each pair once.
func writeScores(w io.Writer, header teacherscores.Header, asked rerank.Asked, scores [][]float32) error {
	once, err := rerank.NewOnce(asked)
	if err != nil {
		return err
	}
	out := teacherscores.NewWriter(w, header)
	query := 0
	var digests []rerank.Digest
	for pairs, err := range asked {
		if err != nil {
			return err
		}
		digests = digests[:0]
		for _, p := range pairs {
			digests = append(digests, p.Digest())
		}
		for i, first := range once.Next(pairs, digests) {
			if !first {
				continue
			}
			if err := out.Write(digests[i], scores[query][i]); err != nil {
				return err
			}
		}
		query++
	}
	return out.Flush()
}

// wanted is the passages whose scores mining needs, by query of a split. Positions are all that is in memory of the pairs that a round asks of.
type wanted struct {
	split    rundir.Split
	passages [][]int32
}

// asksTeacher is what mining needs scores of: of train, then of dev.
func (r *round) asksTeacher(ctx context.Context, o mine.Options) ([]wanted, error) {
	ask := r.marginPassages
	if o.TeacherMargin == nil {
		ask = r.rowPassages
	}
	var all []wanted
	for _, s := range r.mined() {
		passages, err := ask(ctx, s, o)
		if err != nil {
			return nil, err
		}
		all = append(all, wanted{s, passages})
	}
	return all, nil
}

// marginPassages are the passages that the teacher's margin asks of, each query's in the order of the corpus.
func (r *round) marginPassages(ctx context.Context, s rundir.Split, o mine.Options) ([][]int32, error) {
	queries := r.data.queries[s]
	answers := r.answers(s)
	if err := r.checkDepth(o, answers, queries); err != nil {
		return nil, err
	}
	miner, err := mine.New(o, r.index, r.data.corpus)
	if err != nil {
		return nil, inputErrorf("%s: %w", r.at("mine"), err)
	}
	passages := make([][]int32, len(queries))
	err = r.eachCandidates(ctx, s, func(i int, c ranking.Candidates) error {
		q := queries[i]
		if passages[i], err = miner.AsksTeacher(r.candidatesOf(q, c, answers)); err != nil {
			return fmt.Errorf("query %q: %w", q.Key, err)
		}
		return nil
	})
	return passages, err
}

// rowPassages are the passages of the rows that are mined: each row's positives, then its negatives. They are mined here once more for it.
func (r *round) rowPassages(ctx context.Context, s rundir.Split, o mine.Options) ([][]int32, error) {
	passages := make([][]int32, len(r.data.queries[s]))
	_, err := r.mineSplit(ctx, s, o, nil, func(m minedRow) error {
		passages[m.at] = append(passages[m.at], m.result.Scored(m.query)...)
		return nil
	})
	return passages, err
}

// asked is the pairs of wanted passages.
func (r *round) asked(all []wanted) rerank.Asked {
	return func(yield func([]rerank.Pair, error) bool) {
		for _, of := range all {
			queries := r.data.queries[of.split]
			for pairs, err := range rerank.AskedOf(of.passages, func(query int, p int32) rerank.Pair { return r.pair(queries[query], p) }) {
				if !yield(pairs, err) {
					return
				}
			}
		}
	}
}

// candidatesOf is a query as the rules see it.
func (r *round) candidatesOf(q corpus.Query, c ranking.Candidates, answers corpus.Answers) mine.Query {
	return mine.Query{Candidates: c, Text: q.Text, Excluded: answers.Excluded(q), Struck: r.said.Struck(q)}
}

// queryPlace is where the first query of a text stands, of train, then of dev.
func (r *round) queryPlace(text string) string {
	for _, s := range r.mined() {
		for _, q := range r.data.queries[s] {
			if q.Text == text {
				return q.Place()
			}
		}
	}
	return fmt.Sprintf("query %.60q", text)
}

// passagePlace is where the first passage of a text stands.
func (r *round) passagePlace(text string) string {
	for _, p := range r.data.corpus.ByText(text) {
		return r.data.corpus.Place(p)
	}
	return fmt.Sprintf("passage %.60q", text)
}

func (r *round) pair(q corpus.Query, p int32) rerank.Pair {
	return rerank.Pair{Query: q.Text, Passage: r.data.corpus.Passages[p].Full()}
}

// scorePairs returns the scores of pairs by query. Those that the teacher has given before, to any round or run that keeps scores in
// the same folder, are not asked for again.
func (r *round) scorePairs(ctx context.Context, t *teacher, asked rerank.Asked) (scores [][]float32, counts rerank.Counts, err error) {
	if t.folds != nil {
		return r.scoreOutOfFold(ctx, t, asked)
	}
	counts, err = r.scoredBy(ctx, t.Teacher, t.header, asked, func(said []float32) error {
		scores = append(scores, said)
		return nil
	})
	return scores, counts, err
}

// scoredBy hands on the scores of one model, whose file a header names.
func (r *round) scoredBy(ctx context.Context, t rerank.Teacher, header teacherscores.Header, asked rerank.Asked, sink func([]float32) error) (counts rerank.Counts, err error) {
	progress := func(label string, done, total int, unit string) {
		r.progress(Progress{Round: r.index, Stage: label, Done: int64(done), Total: int64(total), Unit: unit})
	}
	dir := r.options.TeacherScores
	if dir == "" {
		dir = r.dir.TeacherScores()
	}
	path := filepath.Join(dir, rundir.TeacherScoresName(header))
	ask := func() error {
		if err := r.dir.FS.MkdirAll(dir); err != nil {
			return rundir.Explain(path, err)
		}
		store, err := rundir.OpenTeacherScores(r.dir.FS, path, header)
		if err != nil {
			return err
		}
		counts, err = rerank.Scores(ctx, t, asked, store, rerank.Options{Progress: progress}, sink)
		return errors.Join(err, store.Close())
	}
	if r.options.TeacherScores == "" { // the run directory is this process's alone
		return counts, ask()
	}
	waiting := func() { r.note("waiting: another quarry asks this teacher (%s)", path) }
	err = rundir.InTurn(ctx, path+".lock", waiting, ask)
	return counts, err
}

// taught is what a teacher said of a round's pairs; nil where none was asked.
type taught struct {
	header teacherscores.Header
	pairs  int // that differ in content
	said   map[rundir.Split]*mine.Taught
}

// of is what was said of a split's queries.
func (t *taught) of(s rundir.Split) *mine.Taught {
	if t == nil {
		return nil
	}
	return t.said[s]
}

// readTeacherScores reads what mining needs of the round's scores; nil where the round asks no teacher. Of a pair that a margin needs and the
// file lacks mining tells.
func (r *round) readTeacherScores(ctx context.Context, o mine.Options) (*taught, error) {
	if !r.stages.Mine.Asks() {
		return nil, nil
	}
	all, err := r.asksTeacher(ctx, o)
	if err != nil {
		return nil, err
	}
	path := r.files.TeacherScores()
	t := &taught{said: map[rundir.Split]*mine.Taught{}}
	find := func(wanted func(rerank.Digest) bool) (scores teacherscores.Scores, err error) {
		f, err := r.dir.FS.Open(path)
		if err != nil {
			return nil, err
		}
		t.header, scores, err = teacherscores.ReadAny(f, path, wanted)
		return scores, errors.Join(err, f.Close())
	}
	split, query := 0, 0
	t.pairs, err = rerank.Find(ctx, r.asked(all), rerank.Options{}, find, func(scores []float32, known []bool) error {
		for query == len(all[split].passages) {
			split, query = split+1, 0
		}
		of := all[split]
		passages := of.passages[query]
		if i := slices.Index(known, false); i >= 0 {
			if o.TeacherMargin == nil {
				return fmt.Errorf("%s: no score of passage %q of query %q: run mine again", path, r.data.corpus.ID(passages[i]), r.data.queries[of.split][query].Key)
			}
			passages, scores = mine.Known(passages, scores, known)
		}
		said := t.said[of.split]
		if said == nil {
			said = &mine.Taught{}
			t.said[of.split] = said
		}
		said.Add(passages, scores)
		query++
		return nil
	})
	return t, err
}

// TeacherAudit is what audit.json says of a teacher, of the mined rows of train; in quarry mine of those of its output.
type TeacherAudit struct {
	Kind         string            `json:"kind"`
	Model        string            `json:"model"`         // its digest
	Pairs        int               `json:"pairs"`         // that differ in content, of train and dev, and have its scores
	MeanPositive float64           `json:"mean_positive"` // score of each row's lowest positive
	MeanNegative float64           `json:"mean_negative"`
	Saturation   rerank.Saturation `json:"saturation"`

	positives, negatives int // rows with a positive, and negatives, that the means are of
}

// audit begins to sum up what the teacher says of rows; nil without one.
func (t *taught) audit() *TeacherAudit {
	if t == nil {
		return nil
	}
	return &TeacherAudit{Kind: t.header.Kind, Model: t.header.Model, Pairs: t.pairs}
}

// Add sums up a row, if there is a teacher.
func (a *TeacherAudit) Add(row *flagembedding.Row) {
	if a == nil {
		return
	}
	mean := func(mean *float64, n *int, score float64) {
		*n++
		*mean += (score - *mean) / float64(*n)
	}
	pos, neg := row.PosScores(), row.NegScores()
	a.Saturation.Add(pos, neg)
	if len(pos) > 0 {
		mean(&a.MeanPositive, &a.positives, slices.Min(pos))
	}
	for _, score := range neg {
		mean(&a.MeanNegative, &a.negatives, score)
	}
}

// String is the audit in one line of a log.
func (a *TeacherAudit) String() string {
	s := a.Saturation
	return fmt.Sprintf("the teacher scores positives %.4g and negatives %.4g on average; %d of %d negatives above the lowest positive; one-hot softmax: %d of %d rows, a row's largest share is %.3f on average",
		a.MeanPositive, a.MeanNegative, s.AbovePositive, s.Negatives, s.OneHot, s.Rows, s.MeanTop)
}
