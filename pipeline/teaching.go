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
	ask := r.teacherPairs
	if o.TeacherMargin == nil {
		ask = r.rowPairs
	}
	pairs, err := ask(ctx, o)
	if err != nil {
		return err
	}
	scores, counts, err := r.scorePairs(ctx, t, pairs)
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
	digests := make([]rerank.Digest, len(pairs))
	for i, p := range pairs {
		digests[i] = p.Digest()
	}
	return rundir.WriteFile(r.dir.FS, r.files.TeacherScores(), func(w io.Writer) error {
		return teacherscores.Write(w, t.header, digests, scores)
	})
}

// teacherPairs are the pairs that mining needs scores of: of train, then of dev, each query's in the order of passages.
func (r *round) teacherPairs(ctx context.Context, o mine.Options) ([]rerank.Pair, error) {
	var pairs []rerank.Pair
	for _, s := range r.mined() {
		queries := r.data.queries[s]
		answers := r.answers(s)
		if err := r.checkDepth(o, answers, queries); err != nil {
			return nil, err
		}
		miner, err := mine.New(o, r.index, r.data.corpus)
		if err != nil {
			return nil, inputErrorf("%s: %w", r.at("mine"), err)
		}
		err = r.eachCandidates(ctx, s, func(i int, c ranking.Candidates) error {
			q := queries[i]
			wanted, err := miner.AsksTeacher(r.candidatesOf(q, c, answers))
			if err != nil {
				return fmt.Errorf("query %q: %w", q.Key, err)
			}
			for _, p := range wanted {
				pairs = append(pairs, r.pair(q, p))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// rowPairs are the pairs of the rows that are mined, of train, then of dev: each row's positives, then its negatives. They are mined here
// once more for it.
func (r *round) rowPairs(ctx context.Context, o mine.Options) ([]rerank.Pair, error) {
	var pairs []rerank.Pair
	for _, s := range r.mined() {
		_, err := r.mineSplit(ctx, s, o, nil, func(m minedRow) error {
			for _, p := range m.result.Scored(m.query) {
				pairs = append(pairs, r.pair(m.query, p))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// scoreRow gives a row the scores of its positives and negatives that were asked for no rule's sake.
func (r *round) scoreRow(t *taught, q corpus.Query, result *mine.Result) error {
	if t == nil || r.stages.Mine.Teacher.Margin != nil {
		return nil
	}
	passages := result.Scored(q)
	result.Teacher = make(map[int32]float32, len(passages))
	for _, p := range passages {
		score, ok := t.scores[r.pair(q, p).Digest()]
		if !ok {
			return fmt.Errorf("%s: no score of passage %q of query %q: run mine again", r.files.TeacherScores(), r.data.corpus.ID(p), q.Key)
		}
		result.Teacher[p] = score
	}
	return nil
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

// scorePairs returns the scores of pairs. Those that the teacher has given before, to any round or run that keeps scores in
// the same folder, are not asked for again.
func (r *round) scorePairs(ctx context.Context, t *teacher, pairs []rerank.Pair) ([]float32, rerank.Counts, error) {
	if t.folds != nil {
		return r.scoreOutOfFold(ctx, t, pairs)
	}
	return r.scoredBy(ctx, t.Teacher, t.header, pairs)
}

// scoredBy is scorePairs of one model, whose scores a header names.
func (r *round) scoredBy(ctx context.Context, t rerank.Teacher, header teacherscores.Header, pairs []rerank.Pair) (scores []float32, counts rerank.Counts, err error) {
	wanted := make(map[rerank.Digest]bool, len(pairs))
	for _, p := range pairs {
		wanted[p.Digest()] = true
	}
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
		store, err := rundir.OpenTeacherScores(r.dir.FS, path, header, func(d rerank.Digest) bool { return wanted[d] })
		if err != nil {
			return err
		}
		scores, counts, err = rerank.Scores(ctx, t, pairs, store, rerank.Options{Progress: progress})
		return errors.Join(err, store.Close())
	}
	if r.options.TeacherScores == "" { // the run directory is this process's alone
		err = ask()
		return scores, counts, err
	}
	waiting := func() { r.note("waiting: another quarry asks this teacher (%s)", path) }
	err = rundir.InTurn(ctx, path+".lock", waiting, ask)
	return scores, counts, err
}

// taught is what a teacher said of a round's pairs; nil where none was asked.
type taught struct {
	header teacherscores.Header
	scores teacherscores.Scores
}

// readTeacherScores reads the round's scores; nil where the round asks no teacher.
func (r *round) readTeacherScores() (*taught, error) {
	if !r.stages.Mine.Asks() {
		return nil, nil
	}
	path := r.files.TeacherScores()
	f, err := r.dir.FS.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t := &taught{}
	t.header, t.scores, err = teacherscores.ReadAny(f, path, nil)
	return t, err
}

// tellScores gives a query the scores that mining needs of it; those that are missing are mining's to tell.
func (r *round) tellScores(t *taught, m *mine.Miner, q corpus.Query, asked *mine.Query) error {
	if t == nil {
		return nil
	}
	passages, err := m.AsksTeacher(*asked)
	if err != nil {
		return fmt.Errorf("query %q: %w", q.Key, err)
	}
	asked.Teacher = make(map[int32]float32, len(passages))
	for _, p := range passages {
		if score, ok := t.scores[r.pair(q, p).Digest()]; ok {
			asked.Teacher[p] = score
		}
	}
	return nil
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
	return &TeacherAudit{Kind: t.header.Kind, Model: t.header.Model, Pairs: len(t.scores)}
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
