package pipeline

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/incontext"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// The sets of data.sets are mined each by itself: a set has a round of its own, which shares models and settings with the
// run's and has other data, files and stamps. Training, scores, choice and merge are the run's alone.

// readSets reads the sets of data.sets. What they hold out joins the sets of data.also.
func (d *data) readSets(ctx context.Context, fsys rundir.FS, r *recipe.Recipe) error {
	for i := range r.Data.Sets {
		s := &r.Data.Sets[i]
		at := func(key string) string { return r.AtSet(i, key) }
		one := &data{name: s.Name, corpus: d.corpus, queries: map[rundir.Split][]corpus.Query{}, corpora: d.corpora}
		o := corpus.ReadOptions{IDField: s.IDField, GroupField: s.GroupField, Fields: exampleFields(r)}
		if s.Corpus.File != "" {
			var err error
			if one.corpus, err = one.readCorpus(ctx, fsys, at("corpus"), one.role("corpus"), s.Corpus, corpus.ReadOptions{IDField: s.IDField, GroupField: s.PassageGroupField}); err != nil {
				return err
			}
		}
		if one.shared = one.corpus == d.corpus; one.shared { // whether or not the set names the file
			one.files = nil
		}
		train, err := one.readQueries(ctx, fsys, at("train"), one.role("train"), s.Train, one.corpus, o, r.Prompts.FromRow)
		if err != nil {
			return err
		}
		one.queries[rundir.Train] = train
		if s.Examples.File != "" {
			err := one.read(ctx, fsys, at("examples"), one.role("examples"), s.Examples, func(f io.Reader, name string) (int, []corpus.Warning, error) {
				var err error
				one.examples, err = incontext.Read(f, name, o.Fields)
				return len(one.examples), nil, err
			})
			if err != nil {
				return err
			}
		}
		if s.Dev.File != "" {
			held := evalSet{split: rundir.AlsoSplit(s.Name), corpus: one.corpus, role: one.role("corpus"), at: fmt.Sprintf("data.sets[%d].dev", i), set: i + 1, also: &recipe.Also{Name: s.Name, Queries: s.Dev, Corpus: s.Corpus, IDField: s.IDField, GroupField: s.GroupField, QueryPrompt: s.QueryPrompt, PassagePrompt: s.PassagePrompt}}
			if held.queries, err = one.readQueries(ctx, fsys, at("dev"), string(held.split), s.Dev, one.corpus, o, r.Prompts.FromRow); err != nil {
				return err
			}
			one.queries[rundir.Dev] = held.queries // for the choice of examples
			d.also = append(d.also, held)
		}
		d.take(one)
		if one.shared {
			one.files = append(one.files, d.manifestOf("corpus"))
		}
		d.sets = append(d.sets, one)
	}
	return nil
}

// take makes the files of a set those of the run.
func (d *data) take(one *data) {
	for _, source := range one.sources {
		d.addSource(source)
	}
	d.files = append(d.files, one.files...)
	d.warnings = append(d.warnings, one.warnings...)
}

// trainedIn are the training queries of all sets that are over a corpus.
func (d *data) trainedIn(c *corpus.Corpus) []corpus.Query {
	var all []corpus.Query
	for _, one := range append([]*data{d}, d.sets...) {
		if d.same(one.corpus, c) {
			all = append(all, one.queries[rundir.Train]...)
		}
	}
	return all
}

// trainInputs are the training queries of the sets as inputs of a stage: none without sets.
func (r *round) trainInputs() []rundir.Input {
	var inputs []rundir.Input
	for i, one := range r.data.sets {
		inputs = append(inputs, one.input("train"))
		if field := r.recipe.Data.Sets[i].IDField; field != "" {
			inputs = append(inputs, r.outside("id_field of "+rundir.TrainingSet(one.name), field))
		}
	}
	return inputs
}

// ofSet is the round over data.sets[i].
func (r *round) ofSet(i int) *round {
	one := *r
	one.sets, one.main = nil, r
	one.set, one.place, one.data, one.said = &r.recipe.Data.Sets[i], i, r.Run.data.sets[i], nil
	one.stages.Mine = r.stages.SetMine(i)
	one.stages.Lengths = one.set.Lengths.Over(r.stages.Lengths)
	if one.set.Examples.Written == "" {
		one.stages.Examples.Mine, one.stages.Examples.Eval = 0, 0
	}
	return &one
}

// all is the round over the run's own data and over each of data.sets.
func (r *round) all() []*round { return append([]*round{r}, r.sets...) }

// each does a stage of mining for one set after the other.
func (r *round) each(stage func(*round, context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, one := range r.all() {
			if err := stage(one, ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// before is the round before this one, over the same data.
func (r *round) before() *round {
	b := r.Run.settings(r.index - 1)
	b.files = r.dir.Round(r.index - 1)
	if r.set != nil {
		b = b.sets[r.place]
		b.files = r.dir.Round(r.index - 1).Set(r.set.Name)
	}
	return b
}

// mined are the splits that are searched and mined: of a further set train alone, for eval_loss is taken on the run's dev.
func (r *round) mined() []rundir.Split {
	if r.set != nil {
		return []rundir.Split{rundir.Train}
	}
	return []rundir.Split{rundir.Train, rundir.Dev}
}

// minedInputs are the texts that are mined, as inputs of a stage.
func (r *round) minedInputs() []rundir.Input {
	inputs := []rundir.Input{r.data.input("corpus")}
	for _, s := range r.mined() {
		inputs = append(inputs, r.data.input(string(s)))
	}
	return inputs
}

// setSeparator stands between the name of a stage and that of the set which it is of.
const setSeparator = "-set-"

// stageName is the name of a stage of this round's data.
func (r *round) stageName(stage string) string {
	if r.set == nil {
		return stage
	}
	return stage + setSeparator + r.set.Name
}

// stageOf is a stage's name without that of a set.
func stageOf(name string) string {
	stage, _, _ := strings.Cut(name, setSeparator)
	return stage
}

// label is what work on a set's data is called as it goes on.
func (r *round) label(work string) string {
	if r.set == nil {
		return work
	}
	return work + " of " + r.set.Name
}

// toldSet begins what is told of a set's mining; of the run's own data it is empty.
func (r *round) toldSet() string {
	if r.set == nil {
		return ""
	}
	return fmt.Sprintf("set %s of data.sets: ", r.set.Name)
}

// wayOut ends what is told of a set that mines by a key which all sets have in common, with what the set could say for itself
// instead; empty of the run's own data, and where the set says it already.
func (r *round) wayOut(key, instead string) string {
	if r.set == nil || r.recipe.AtSet(r.place, key) != r.recipe.At(key) {
		return ""
	}
	return fmt.Sprintf("; the set has %s in common with the run: give it %s", key, instead)
}

// at is the line of a key of the recipe as this round's data has it.
func (r *round) at(key string) string {
	if r.set == nil {
		return r.recipe.At(key)
	}
	return r.recipe.AtSet(r.place, key)
}

// atRound is at of a key that a round may give; what a set says goes before what a round says.
func (r *round) atRound(key string) string {
	if r.set != nil && r.recipe.AtSet(r.place, key) != r.recipe.At(key) {
		return r.recipe.AtSet(r.place, key)
	}
	return r.recipe.AtRound(r.index, key)
}

// passageVectors is the corpus as the round's miner embeds it: of a set that reads the run's corpus as the run does, the
// run's own file.
func (r *round) passageVectors() string {
	if r.sharesVectors() {
		return r.main.files.PassageVectors()
	}
	return r.files.PassageVectors()
}

func (r *round) sharesVectors() bool {
	return r.set != nil && r.data.shared && r.set.PassagePrompt == nil && r.stages.Lengths.Passage == r.main.stages.Lengths.Passage && r.main.stages.Mine.Embeds()
}

// ofSet is texts under a set's own prompts.
func (t texts) ofSet(s *recipe.Set) texts {
	if s.QueryPrompt != nil {
		t.Query = model.Prompt{Name: "query", Template: *s.QueryPrompt, Suffix: t.Query.Suffix}
	}
	if s.PassagePrompt != nil {
		t.Passage = model.Prompt{Name: "passage", Template: *s.PassagePrompt}
	}
	return t
}

// trainedSet is what of a set decides the weights, for the stamp of finetuning.
type trainedSet struct {
	Name   string         `json:"name"`
	Weight float64        `json:"weight,omitempty"`
	Texts  texts          `json:"texts"`
	Shown  *trainingShown `json:"shown,omitempty"`
}

// trainedSets are those of data.sets by name, for their order has no part in training; nil without.
func (r *round) trainedSets(m *model.Model) []trainedSet {
	var sets []trainedSet
	for _, one := range r.sets {
		t := one.texts(m)
		t.Examples = nil // training shows those of a step
		sets = append(sets, trainedSet{one.set.Name, one.set.Weight, t, one.trainingShown(t)})
	}
	slices.SortFunc(sets, func(a, b trainedSet) int { return strings.Compare(a.Name, b.Name) })
	return sets
}

// setInputs are what training reads of the sets.
func (r *round) setInputs() []rundir.Input {
	inputs := r.trainInputs()
	for _, one := range r.sets {
		if !one.data.shared {
			inputs = append(inputs, one.data.input("corpus"))
		}
		inputs = append(inputs, one.promotions()...) // drawn as positives, and masked
		inputs = append(inputs, r.made(one.files.Negatives(rundir.Train)))
	}
	return inputs
}

// trainingSets are the sets of the training, the run's own first.
func (r *round) trainingSets(m *model.Model, train finetune.Data) ([]finetune.Set, error) {
	sets := []finetune.Set{{Weight: r.recipe.Data.Weight, Data: train}}
	for _, one := range r.sets {
		d, err := one.examples(m, one.texts(m), rundir.Train, make([]model.Sequence, one.data.corpus.Len()))
		if err != nil {
			return nil, err
		}
		sets = append(sets, finetune.Set{Name: one.set.Name, Weight: one.set.Weight, Data: d})
	}
	return sets, nil
}

// mixture is the sets of the training by size, the run's own first.
func (r *round) mixture() finetune.Mixture {
	m := finetune.Mixture{{Queries: len(r.trained(rundir.Train)), Weight: r.recipe.Data.Weight}}
	for _, one := range r.sets {
		m = append(m, finetune.Share{Name: one.set.Name, Queries: len(one.trained(rundir.Train)), Weight: one.set.Weight})
	}
	return m
}
