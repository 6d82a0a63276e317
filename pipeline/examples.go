package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/incontext"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prompt"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// examples is the in-context examples that a stage shows. Its exported fields are part of the stage's stamp; the digest
// is of which query is shown what.
type examples struct {
	Count  int      `json:"count"`
	By     []string `json:"by,omitempty"`
	Digest string   `json:"digest"`

	shown map[string][]prompt.Example // by the query's key
	used  []incontext.Example
}

// exampleFields is the keys that any round chooses examples by.
func exampleFields(r *recipe.Recipe) []string {
	var fields []string
	for _, stages := range r.Rounds {
		for _, field := range stages.Examples.By {
			if !slices.Contains(fields, field) {
				fields = append(fields, field)
			}
		}
	}
	return fields
}

// chooseExamples draws what queries are shown in mining and in evaluation.
func (r *round) chooseExamples() error {
	e := r.stages.Examples
	var err error
	if r.toMine, err = r.chosen("examples.mine", e.Mine, rundir.Train, rundir.Dev); err != nil {
		return err
	}
	r.toEval, err = r.chosen("examples.eval", e.Eval, rundir.Dev, rundir.Test)
	return err
}

func (r *round) chosen(key string, count int, splits ...rundir.Split) (*examples, error) {
	if count == 0 || r.data == nil {
		return nil, nil
	}
	e := r.stages.Examples
	chosen := &examples{Count: count, By: e.By, shown: map[string][]prompt.Example{}}
	used := map[int]bool{}
	for _, split := range splits {
		queries := r.data.queries[split]
		o := incontext.Options{Count: count, Seed: r.recipe.Seed, By: e.By, PassOver: e.Leaks == recipe.LeaksPassOver}
		// All splits of a stage at once where all are shown the same.
		if len(e.By) == 0 {
			queries = nil
			for _, s := range splits {
				queries = append(queries, r.data.queries[s]...)
			}
		}
		c, err := incontext.Choose(r.data.examples, queries, r.data.corpus, r.data.answersOf(splits), o)
		if err != nil {
			return nil, inputErrorf("%s: %s: %w", r.recipe.At(key), key, err)
		}
		for i, q := range queries {
			chosen.shown[q.Key] = c.Of(i)
			for _, at := range c.Shown[i] {
				used[at] = true
			}
		}
		if len(e.By) == 0 {
			break
		}
	}
	for i, x := range r.data.examples {
		if used[i] {
			chosen.used = append(chosen.used, x)
		}
	}
	var err error
	chosen.Digest, err = digestOf(chosen.shown)
	return chosen, err
}

// checkShown refuses in-context examples that leave a query of mining or of evaluation more tokens than a model has positions,
// and those that leak.
func (r *round) checkShown(m *model.Model) error {
	if err := r.chooseExamples(); err != nil {
		return err
	}
	for _, stage := range []struct {
		shown  *examples
		texts  texts
		splits []rundir.Split
	}{{r.toMine, r.mineTexts(m), []rundir.Split{rundir.Train, rundir.Dev}}, {r.toEval, r.texts(m), []rundir.Split{rundir.Dev, rundir.Test}}} {
		if stage.shown == nil {
			continue
		}
		for _, split := range stage.splits {
			if err := r.checkRead(m, stage.texts, r.data.queries[split]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRead reads queries whose examples may be too long.
func (r *round) checkRead(m *model.Model, t texts, queries []corpus.Query) error {
	const seams = 16 // tokens that joined texts may have beside their own
	tokens := map[string]int{}
	for _, q := range queries {
		p := t.promptOf(q)
		if len(p.Examples)+len(p.Suffix)+t.QueryLength+seams <= m.Config.MaxPositions { // a token has a byte at least
			continue
		}
		around, known := tokens[p.Examples]
		if !known {
			around = m.Count(p.Examples) + m.Count(p.Suffix)
			tokens[p.Examples] = around
		}
		if around+t.QueryLength+seams <= m.Config.MaxPositions {
			continue
		}
		if _, err := m.Sequence(q.Text, p, t.QueryLength); err != nil {
			return inputErrorf("%s: lengths.query: %s: %w", r.at("lengths.query"), q.Place(), err)
		}
	}
	return nil
}

// answersOf is what is known to answer the queries of splits, by their rows and those of train.
func (d *data) answersOf(splits []rundir.Split) corpus.Answers {
	sets := [][]corpus.Query{d.queries[rundir.Train]}
	for _, s := range splits {
		if s != rundir.Train {
			sets = append(sets, d.queries[s])
		}
	}
	return d.corpus.AnswersOf(sets...)
}

// digestOf is the digest of a value's JSON, in which keys are sorted.
func digestOf(v any) (string, error) {
	raw, err := json.Marshal(v)
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), err
}

// before is what stands before a query; nothing for nil.
func (e *examples) before(q corpus.Query, p model.Prompt) string {
	if e == nil {
		return ""
	}
	return prompt.Examples(p.Template, p.Suffix, e.shown[q.Key])
}

// promptOf is what stands around a query.
func (t texts) promptOf(q corpus.Query) model.Prompt {
	if p := t.prompt(q); p != nil {
		return *p
	}
	return t.Query
}

// trainingShown is how the examples of training are cut, for the stamp of finetuning.
type trainingShown struct {
	QueryLength    int `json:"query_length"`
	ResponseLength int `json:"response_length"`
	Tokens         int `json:"tokens"`
}

func (r *round) trainingShown(t texts) *trainingShown {
	e := r.stages.Examples
	if e.Train == 0 {
		return nil
	}
	return &trainingShown{e.QueryLength, e.ResponseLength, r.exampleTokens(t)}
}

func (r *round) exampleTokens(t texts) int {
	if n := r.stages.Examples.Tokens; n > 0 {
		return n
	}
	return t.QueryLength - incontext.FlagEmbeddingReserve
}

// checkExampleRoom refuses a training that cannot show examples: its queries leave them no room, or a program outside reads
// them.
func (r *round) checkExampleRoom(t texts) error {
	if r.stages.Examples.Train > 0 && r.trainsOutside() {
		return fmt.Errorf("%s: examples.train: the program of finetune.external reads its queries itself: leave examples.train out", r.recipe.At("examples.train"))
	}
	if r.stages.Examples.Train > 0 && r.exampleTokens(t) < 1 {
		return fmt.Errorf("%s: examples.train: queries of %d tokens keep %d for themselves and leave none for examples: raise lengths.query, or set examples.tokens",
			r.recipe.At("examples.train"), t.QueryLength, incontext.FlagEmbeddingReserve)
	}
	return nil
}

// showInTraining makes training read its queries as FlagEmbedding's decoder_only.icl does, where a suffix or examples
// say so.
func (r *round) showInTraining(m *model.Model, t texts, d *finetune.Data) {
	if !r.readsInContext(t) {
		return
	}
	reader := r.trainingReader(m, t, r.trained(rundir.Train))
	d.Longest = t.QueryLength
	d.InContext = func(i int, shown []finetune.Shown) (model.Sequence, int, error) {
		pairs := make([]incontext.Pair, len(shown))
		for n, x := range shown {
			pairs[n] = incontext.Pair{Query: x.Example, Passage: x.Passage}
		}
		return reader.Sequence(i, pairs)
	}
}

func (r *round) readsInContext(t texts) bool {
	return t.Query.Suffix != "" || r.stages.Examples.Train > 0
}

func (r *round) trainingReader(m *model.Model, t texts, queries []corpus.Query) incontext.Training {
	e := r.stages.Examples
	t.Examples = nil
	return incontext.Training{
		Model:       m,
		Query:       func(i int) (string, model.Prompt) { return queries[i].Text, t.promptOf(queries[i]) },
		Passage:     func(p int32) string { return r.data.corpus.Passages[p].Full() },
		QueryTokens: e.QueryLength, ResponseTokens: e.ResponseLength, Tokens: r.exampleTokens(t), MaxLength: t.QueryLength,
	}
}

// manifestExamples is what the round's manifest says of examples; nil without any.
func (r *round) manifestExamples() *rundir.ManifestExamples {
	shown := func(e *examples) *rundir.ManifestShown {
		if e == nil {
			return nil
		}
		s := &rundir.ManifestShown{Count: e.Count, By: e.By, Digest: e.Digest}
		for _, x := range e.used {
			s.Examples = append(s.Examples, rundir.ManifestExample{Line: x.Line, Query: x.Query, Response: x.Response})
		}
		return s
	}
	if r.stages.Examples.Train == 0 && r.toMine == nil && r.toEval == nil {
		return nil
	}
	return &rundir.ManifestExamples{Train: r.stages.Examples.Train, Mine: shown(r.toMine), Eval: shown(r.toEval)}
}
