package pipeline

import (
	"context"
	"fmt"
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// alsoCorpus is the role of a set's own corpus.
func alsoCorpus(name string) string { return "corpus of " + string(rundir.AlsoSplit(name)) }

// readAlso reads the sets of data.also.
func (d *data) readAlso(ctx context.Context, fsys rundir.FS, r *recipe.Recipe) error {
	for i := range r.Data.Also {
		a := &r.Data.Also[i]
		at := fmt.Sprintf("also[%d]", i)
		o := corpus.ReadOptions{IDField: a.IDField, GroupField: a.GroupField}
		set := evalSet{split: rundir.AlsoSplit(a.Name), corpus: d.corpus, role: "corpus", at: "data." + at + ".queries", also: a}
		if a.Corpus.File != "" {
			set.role = alsoCorpus(a.Name)
			var err error
			if set.corpus, err = d.readCorpus(ctx, fsys, r.At("data."+at+".corpus"), set.role, a.Corpus, corpus.ReadOptions{IDField: a.IDField}); err != nil {
				return err
			}
		}
		err := d.read(ctx, fsys, r.At("data."+at+".queries"), string(set.split), a.Queries, func(f io.Reader, name string) (int, []corpus.Warning, error) {
			queries, warnings, err := corpus.ReadQueries(f, name, set.corpus, o)
			if err == nil && r.Prompts.FromRow {
				err = corpus.CheckPrompts(queries, name)
			}
			set.queries = queries
			return len(queries), warnings, err
		})
		if err != nil {
			return err
		}
		d.also = append(d.also, set)
	}
	return nil
}

// alsoTexts is how the texts of a set become token sequences: under prompts of its own where it has them, without examples;
// what a set of data.sets holds out as its training queries.
func (r *round) alsoTexts(t texts, set evalSet) texts {
	t.Examples = nil
	a := set.also
	if set.set > 0 {
		one := r.sets[set.set-1]
		t.Examples = one.toEval
		if n := one.set.Lengths.Query; n > 0 {
			t.QueryLength = n
		}
		if n := one.set.Lengths.Passage; n > 0 {
			t.PassageLength = n
		}
	}
	if a.QueryPrompt != nil {
		t.Query = model.Prompt{Name: "query", Template: *a.QueryPrompt, Suffix: t.Query.Suffix}
	}
	if a.PassagePrompt != nil {
		t.Passage = model.Prompt{Name: "passage", Template: *a.PassagePrompt}
	}
	return t
}

// alsoStage is the name of the stamp of one epoch's scores on a set of data.also.
func alsoStage(name string, epoch int) string { return fmt.Sprintf("also-epoch-%d-%s", epoch, name) }

// scoreAlso scores one epoch on the sets of data.also, each of which is a stage by itself: nothing else depends on it.
func (r *round) scoreAlso(ctx context.Context, s *scorer, t texts, checkpoint rundir.Input) error {
	for _, set := range r.data.also {
		t, name := r.alsoTexts(t, set), set.also.Name
		options := struct {
			Eval  recipe.Eval `json:"eval"`
			Texts texts       `json:"texts"`
			Set   recipe.Also `json:"set"`
		}{r.recipe.Eval, t, *set.also}
		promotions := r.promotionsOver(set.corpus) // training has seen them
		inputs := append([]rundir.Input{checkpoint, r.base.input("base"), r.data.input(set.role), r.data.input("train"), r.data.input(string(set.split))}, promotions...)
		inputs = append(inputs, r.trainInputs()...)
		stage := r.stage(alsoStage(name, s.epoch), algorithmScores, options, inputs...)
		file := r.files.EpochAlso(name, s.epoch)
		outputs := []string{file, r.files.EpochQueries(set.split, s.epoch), r.files.EpochRanking(set.split, s.epoch)}
		err := r.do(ctx, work{Stage: stage, outputs: outputs, apart: true, run: func(ctx context.Context) error {
			found, err := s.rank(ctx, set, t, fmt.Sprintf("eval epoch %d", s.epoch))
			if err != nil {
				return err
			}
			scores := rundir.AlsoScores{Version: rundir.ScoresVersion, Round: r.index, Epoch: s.epoch, Name: name, Convention: string(r.recipe.Eval.Convention), Measures: r.measureNames()}
			if scores.Scores, err = r.measureEpoch(set, s.epoch, found); err != nil {
				return err
			}
			if err := r.keepRanking(set, s.epoch, checkpoint, found); err != nil {
				return err
			}
			if len(r.data.trainedIn(set.corpus)) == 0 {
				scores.Scores.Seen, scores.Scores.Unseen = rundir.Slice{}, rundir.Slice{}
			}
			return rundir.WriteJSON(r.dir.FS, file, scores)
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// addAlso fills in what the epochs of a table measured on the sets of data.also, as far as that is done and unchanged.
func (r *round) addAlso(table *rundir.Scores) error {
	for i := range table.Epochs {
		e := &table.Epochs[i]
		for _, set := range r.data.also {
			if !r.stampedAs(alsoStage(set.also.Name, e.Epoch)) {
				continue
			}
			var scores rundir.AlsoScores
			if err := rundir.ReadJSON(r.dir.FS, r.files.EpochAlso(set.also.Name, e.Epoch), &scores); err != nil {
				return err
			}
			e.Also = append(e.Also, scores)
		}
	}
	return nil
}

// alsoTokens counts what an epoch's scores on each set of data.also take. A corpus counts for the first of the sets that
// share its vectors, and not at all where dev has them.
func (r *round) alsoTokens(m *model.Model, t texts) (map[string]int, error) {
	type embeddedAs struct {
		corpus *corpus.Corpus
		prompt model.Prompt
		length int
	}
	known := map[embeddedAs]bool{{r.data.corpus, t.Passage, t.PassageLength}: true}
	counts := map[string]int{}
	for _, set := range r.data.also {
		t := r.alsoTexts(t, set)
		tokens, err := t.queryTokens(m, set.queries)
		if err != nil {
			return nil, err
		}
		if key := (embeddedAs{set.corpus, t.Passage, t.PassageLength}); !known[key] {
			known[key] = true
			passages, err := t.passageTokens(m, set.corpus)
			if err != nil {
				return nil, err
			}
			tokens += passages
		}
		counts[set.also.Name] = tokens
	}
	return counts, nil
}
