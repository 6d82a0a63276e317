package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/audit"
	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// algorithmMine is raised when the same candidates and options give other negatives or another audit.
const algorithmMine = 6

// mineAll mines every set.
func (r *round) mineAll(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, r.closeTeacher()) }()
	return r.each((*round).mine)(ctx)
}

// mine chooses the negatives of every train and dev query and audits them.
func (r *round) mine(ctx context.Context) error {
	o := r.mineOptions()
	options := struct {
		Source     string        `json:"source"`
		Mine       mine.Options  `json:"mine"`
		Provenance bool          `json:"provenance,omitempty"`
		Expect     []audit.Limit `json:"expect,omitempty"`
	}{r.stages.Mine.Source, o, r.stages.Mine.Provenance, r.stages.Mine.Expect}
	inputs := append(append(r.minedInputs(), r.promotions()...), r.drops()...)
	inputs = append(inputs, r.answerInputs()...)
	if r.stages.Mine.Searches() {
		inputs = append(inputs, r.candidateInputs()...)
	}
	outputs := []string{r.files.Audit()}
	for _, s := range r.mined() {
		outputs = append(outputs, r.files.Negatives(s))
		if r.stages.Mine.Provenance {
			outputs = append(outputs, r.files.Provenance(s))
		}
	}
	if o.SameGroup != "" {
		inputs = append(inputs, r.groupField())
	}
	ruled := slices.Clone(inputs)
	if o.Kept > 0 {
		for _, s := range r.mined() {
			path := r.before().files.Negatives(s)
			digest, _, err := rundir.DigestFile(ctx, r.dir.FS, path)
			if err != nil {
				return fmt.Errorf("mine.kept: the negatives of round %d: %w", r.index-1, err)
			}
			inputs = append(inputs, rundir.Input{Name: "last." + string(s), Digest: digest})
		}
	}
	asked, err := r.askTeacher(ctx, o, ruled, inputs)
	if err != nil {
		return err
	}
	inputs = append(inputs, asked...)
	return r.do(ctx, work{Stage: r.stage(StageMine, algorithmMine, options, inputs...), outputs: outputs, run: func(ctx context.Context) error {
		switch {
		case r.said == nil:
		case r.set == nil:
			r.note("round %d: %s: verdicts of %s: %s", r.index, r.stageName(StageMine), r.stages.Mine.Verdicts.Written, r.said)
		case r.said.Drops().Pairs+r.said.Promotions().Pairs > 0:
			r.note("round %d: %s: verdicts of %s: %d drop, %d promote", r.index, r.stageName(StageMine), r.stages.Mine.Verdicts.Written, r.said.Drops().Pairs, r.said.Promotions().Pairs)
		}
		scores, err := r.readTeacherScores(ctx, o)
		if err != nil {
			return err
		}
		for _, s := range r.mined() {
			if err := r.mineFiles(ctx, s, o, scores); err != nil {
				return err
			}
		}
		return nil
	}})
}

// mineFiles mines a split into its files and looks over what was mined of train.
func (r *round) mineFiles(ctx context.Context, s rundir.Split, o mine.Options, scores *taught) error {
	looks, err := r.newLooks(s, scores)
	if err != nil {
		return err
	}
	var counts mine.Audit
	err = r.writeMined(s, o, func(write func(minedRow) error) error {
		counts, err = r.mineSplit(ctx, s, o, scores, func(m minedRow) error {
			if err := looks.add(m); err != nil {
				return err
			}
			return write(m)
		})
		if err != nil {
			return err
		}
		if err := counts.CheckAny(o.Window, r.data.corpus.Len()); err != nil {
			return inputErrorf("%s: %s%s: %w", r.emptyAt(err), r.toldSet(), s, err)
		}
		return nil
	})
	if err != nil || looks == nil {
		return err
	}
	if r.stages.Mine.Source != recipe.None {
		r.note("round %d: %s: %s", r.index, r.stageName(StageMine), counts)
		if r.stages.Mine.Searches() {
			r.note("round %d: %s: candidates dropped by %s", r.index, r.stageName(StageMine), counts.Dropped)
		}
	}
	return r.tellLooks(ctx, looks, counts)
}

// candidateInputs are the candidates of what is mined.
func (r *round) candidateInputs() []rundir.Input {
	var inputs []rundir.Input
	for _, s := range r.mined() {
		inputs = append(inputs, r.made(r.files.Candidates(s)))
	}
	return inputs
}

// groupField is the key of the corpus that holds groups, which decides what the same file says.
func (r *round) groupField() rundir.Input {
	field := r.recipe.Data.PassageGroupField
	if r.set != nil && !r.data.shared {
		field = r.set.PassageGroupField
	}
	return r.outside("data.passage_group_field", field)
}

func (r *round) mineOptions() mine.Options {
	o := r.stages.Mine.Options(r.recipe.Seed)
	if r.index == 0 {
		o.Kept = 0 // there is no last round
	}
	return o
}

// ruledBy are the options that a split is mined by: those of the recipe that have a part in the round's source.
func (r *round) ruledBy(o mine.Options) mine.Options {
	switch r.stages.Mine.Source {
	case recipe.None:
		return mine.Options{Window: mine.Window{To: 1}, Negatives: 1, Sampling: mine.Top, Reference: o.Reference, Verdicts: o.Verdicts}
	case recipe.Random:
		return mine.Options{Window: o.Window, Negatives: o.Negatives, Seed: o.Seed, Sampling: mine.Uniform, Random: 1, Reference: o.Reference, NearText: o.NearText, SameGroup: o.SameGroup, HubLimit: o.HubLimit, Verdicts: o.Verdicts}
	}
	return o
}

// minedRow is one row with its negatives: a query, or one of its positives where each has negatives of its own.
type minedRow struct {
	query  corpus.Query
	at     int // of the query among those of its split
	result mine.Result
	row    *flagembedding.Row
	side   provenance.Row // only where the recipe asks for it
}

// mineSplit mines the queries of a split and hands each row on in their order. It keeps none: what it holds of all of them is positions
// and numbers. It ends between two queries with the context's error.
func (r *round) mineSplit(ctx context.Context, s rundir.Split, o mine.Options, scores *taught, sink func(minedRow) error) (mine.Audit, error) {
	queries := r.data.queries[s]
	answers := r.answers(s)
	by := mine.Ranker{Source: r.sourceName()}
	o = r.ruledBy(o)
	auditor := mine.NewAuditor(o, r.data.corpus.ID, func(p int32) string { return r.data.corpus.Passages[p].Full() })
	if by.Source != recipe.None && by.Source != recipe.Random {
		if r.stages.Mine.Embeds() {
			by.Model = r.miner.digest
		} else if len(r.rankers) == 1 {
			by.Model = r.rankers[0].digest
		}
		for _, source := range r.mineSources() {
			by.Sources = append(by.Sources, source.Name)
		}
		if scores != nil {
			by.Teacher = scores.header.Model
		}
		if err := r.checkDepth(o, answers, queries); err != nil {
			return mine.Audit{}, err
		}
	}
	if err := o.CheckKeys(queries, r.data.corpus); err != nil {
		return mine.Audit{}, inputErrorf("%s: %s%s: %w", r.at("mine.reference"), r.toldSet(), s, err)
	}
	miner, err := mine.New(o, r.index, r.data.corpus)
	if err != nil {
		return mine.Audit{}, inputErrorf("%s: %s%w", r.at("mine"), r.toldSet(), err)
	}
	last, err := r.lastNegatives(s, o)
	if err != nil {
		return mine.Audit{}, err
	}
	byKey := make(map[string]int, len(queries))
	said := scores.of(s)
	ask := func(i int, c ranking.Candidates) (mine.Query, error) {
		q := queries[i]
		byKey[q.Key] = i
		given, err := r.given(q, o)
		if err != nil {
			return mine.Query{}, err
		}
		asked := r.candidatesOf(q, c, answers)
		asked.Given, asked.Last = given, last[q.Key]
		asked.Teacher = said.Of(i)
		return asked, nil
	}
	var index *candidates.Index
	again := func(i int) (mine.Query, error) {
		c, err := judgedOnly(queries[i]), error(nil)
		if r.stages.Mine.Searches() {
			if index == nil {
				if index, err = r.indexCandidates(s); err != nil {
					return mine.Query{}, err
				}
			}
			if c, err = index.At(i); err != nil {
				return mine.Query{}, err
			}
		}
		return ask(i, c)
	}
	pass := miner.NewPass(again, func(c mine.Query, result mine.Result) error {
		at := byKey[c.Query]
		q := queries[at]
		row, err := miner.Row(q, by, result)
		if err != nil {
			return err
		}
		m := minedRow{query: q, at: at, result: result, row: row}
		if r.stages.Mine.Provenance {
			m.side = miner.Provenance(q, c.Candidates, by, result)
		}
		if by.Source != recipe.None {
			auditor.Add(c.Candidates, q.Text, result)
		}
		return sink(m)
	})
	pass.Progress = func(step mine.Step, done, total int) {
		r.mining(string(step)+" "+string(s), done, total, "rows")
	}
	add := func(i int, c ranking.Candidates) error {
		asked, err := ask(i, c)
		if err == nil {
			err = pass.Add(asked)
		}
		r.mining("mine "+string(s), i+1, len(queries), "queries")
		return err
	}
	if r.stages.Mine.Searches() {
		err = r.eachCandidates(ctx, s, add)
	} else {
		for i, q := range queries {
			if err = cmp.Or(err, ctx.Err()); err == nil {
				err = add(i, judgedOnly(q))
			}
		}
	}
	if err == nil {
		err = pass.Close(ctx)
	}
	return auditor.Audit(), err
}

// mining shows how far mining has come.
func (r *round) mining(label string, done, total int, unit string) {
	r.progress(Progress{Round: r.index, Stage: r.label(label), Done: int64(done), Total: int64(total), Unit: unit})
}

// given are the negatives that a query's row brings, where they are to be kept.
func (r *round) given(q corpus.Query, o mine.Options) ([]int32, error) {
	if o.Given != mine.Keep {
		return nil, nil
	}
	given, unknown := r.data.corpus.Given(q)
	if unknown != "" {
		return nil, inputErrorf("%s: query %q brings the negative %.80q, which is no passage of the corpus; add it there, or leave mine.given at replace", r.at("mine.given"), q.Key, unknown)
	}
	return given, nil
}

// lastNegatives are the negatives of the round before by query key, where a share of them is kept.
func (r *round) lastNegatives(s rundir.Split, o mine.Options) (map[string][]int32, error) {
	if o.Kept == 0 {
		return nil, nil
	}
	rows, err := r.before().readNegatives(s)
	if err != nil {
		return nil, fmt.Errorf("mine.kept: the negatives of round %d: %w", r.index-1, err)
	}
	return mine.LastOf(rows, r.data.queries[s], r.data.corpus), nil
}

// trained are a split's queries as training takes them: one for each row that was mined.
func (r *round) trained(s rundir.Split) []corpus.Query {
	if r.stages.Mine.Reference != string(mine.Each) {
		return r.data.queries[s]
	}
	var rows []corpus.Query
	for _, q := range r.data.queries[s] {
		for _, p := range q.Positives {
			row := q
			row.Key, row.Positives = mine.EachKey(q.Key, r.data.corpus.ID(p)), []int32{p}
			rows = append(rows, row)
		}
	}
	return rows
}

// judgedOnly is a query's candidates where nothing was searched: its positives, without scores.
func judgedOnly(q corpus.Query) ranking.Candidates {
	c := ranking.Candidates{Query: q.Key}
	for _, p := range q.Positives {
		c.Positives = append(c.Positives, ranking.Positive{Passage: p})
	}
	return c
}
