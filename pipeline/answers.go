package pipeline

import (
	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/prompt"
	"github.com/quarry-ml/quarry/rundir"
)

// answers is what is known to answer the queries of a split: by the rows of train and of the split itself, and by training
// rows of other sets that ask the same of the same passages.
func (r *round) answers(split rundir.Split) corpus.Answers {
	own := [][]corpus.Query{r.data.queries[rundir.Train]}
	if split != rundir.Train {
		own = append(own, r.data.queries[split])
	}
	asked := map[question]bool{}
	for _, queries := range own {
		for _, q := range queries {
			asked[r.questionOf(q)] = true
		}
	}
	for _, one := range r.alike() {
		var more []corpus.Query
		for _, q := range one.data.queries[rundir.Train] {
			if asked[one.questionOf(q)] {
				more = append(more, q)
			}
		}
		own = append(own, more)
	}
	return r.data.corpus.AnswersOf(own...)
}

// question is a query's text without surrounding white space and the prompt around it.
type question struct {
	text   string
	prompt prompt.Template
}

func (r *round) questionOf(q corpus.Query) question {
	if r.recipe.Prompts.FromRow && q.Prompt != "" {
		return question{q.Stripped(), prompt.Template(q.Prompt)}
	}
	return question{q.Stripped(), r.queryPrompt()}
}

// queryPrompt is what stands around the queries of the round's data: the set's, else the recipe's, else the model's.
func (r *round) queryPrompt() prompt.Template {
	switch {
	case r.set != nil && r.set.QueryPrompt != nil:
		return *r.set.QueryPrompt
	case r.recipe.Prompts.Query != nil:
		return *r.recipe.Prompts.Query
	}
	return r.modelPrompt
}

// alike are the rounds over other data whose training rows may answer queries of this one: they are over the same passages,
// and ask under the same prompt, which by prompts.from_row each row may.
func (r *round) alike() []*round {
	whole := r
	if r.main != nil {
		whole = r.main
	}
	var others []*round
	for _, one := range whole.all() {
		if one.set != r.set && r.data.same(one.data.corpus, r.data.corpus) && (r.recipe.Prompts.FromRow || one.queryPrompt() == r.queryPrompt()) {
			others = append(others, one)
		}
	}
	return others
}

// answerInputs are the training rows of other sets that answers goes by, as inputs of a stage.
func (r *round) answerInputs() []rundir.Input {
	var inputs []rundir.Input
	for _, one := range r.alike() {
		inputs = append(inputs, one.data.input("train"))
		inputs = append(inputs, one.promotions()...)
		if one.set != nil && one.set.IDField != "" {
			inputs = append(inputs, r.outside("id_field of "+rundir.TrainingSet(one.set.Name), one.set.IDField))
		}
	}
	return inputs
}
