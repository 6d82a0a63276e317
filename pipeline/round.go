package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/review"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/vectors"
)

// round is one turn of the loop: its settings, its models and its files.
type round struct {
	*Run
	index  int
	stages recipe.Stages
	files  rundir.RoundLayout
	miner  source // the model that it mines with
	base   source // the weights that it trains from

	data *data            // the run's, with what the round's verdicts say
	said *review.Verdicts // on negatives; nil where the round does not go by any

	guideFile string          // of the guide's vectors; empty without one
	guideRows *vectors.Mapped // these, while the round trains

	teacher *teacher // of all sets, while they are mined; nil before and after
	rankers []ranker // that rank the corpus to mine, in their order

	toMine, toEval *examples // shown in mining and in evaluation; nil for none

	sets []*round // over data.sets, in its order

	main  *round      // of a round over one of data.sets, the round over the run's own data; else nil, like set
	set   *recipe.Set // that the round is over
	place int         // of the set in data.sets

	resting int64 // bytes of the engine's memory that a training holds while its epoch is scored
}

// source is a model directory: where it is, what it is called, and what is in it.
type source struct {
	path   string // to open
	name   string // as the recipe writes it, or relative to the run directory
	digest string

	revision string // of the model on the hub by whose name the recipe calls it; empty of a directory
}

// model is what others call the model: its name on the hub has no revision.
func (s source) model() string {
	if s.revision == "" {
		return s.name
	}
	id, _, _ := strings.Cut(s.name, "@")
	return id
}

func (s source) input(role string) rundir.Input { return rundir.Input{Name: role, Digest: s.digest} }

func (p *Run) newRound(ctx context.Context, i int) (*round, error) {
	r := p.settings(i)
	r.files = p.dir.Round(i)
	if err := r.readVerdicts(); err != nil {
		return nil, err
	}
	base := source{p.recipe.Model.File, p.recipe.Model.Written, p.model, p.recipe.Model.Revision}
	r.miner, r.base = base, base
	if i > 0 && (r.stages.MineWith.Kind == recipe.Merged || r.stages.TrainFrom == recipe.Merged) {
		merged, err := p.merged(ctx, i-1)
		if err != nil {
			return nil, err
		}
		if r.stages.MineWith.Kind == recipe.Merged {
			r.miner = merged
		}
		if r.stages.TrainFrom == recipe.Merged {
			r.base = merged
		}
	}
	if r.stages.MineWith.Kind == recipe.Folder {
		dir := r.stages.MineWith.Dir
		digest, err := rundir.ModelDigest(ctx, p.dir.FS, dir.File)
		if err != nil {
			return nil, fmt.Errorf("%s: mine_with: %w", p.recipe.At("mine_with"), err)
		}
		r.miner = source{dir.File, dir.Written, digest, dir.Revision}
	}
	for _, one := range r.sets {
		one.files, one.miner, one.base = r.files.Set(one.set.Name), r.miner, r.base
	}
	for _, one := range r.all() {
		if err := errors.Join(one.chooseExamples(), one.readRankers(ctx)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// settings is a round without models and files, and without verdicts.
func (p *Run) settings(i int) *round {
	r := &round{Run: p, index: i, stages: p.recipe.Round(i), data: p.data}
	if p.data != nil {
		for k := range p.data.sets {
			r.sets = append(r.sets, r.ofSet(k))
		}
	}
	return r
}

// merged is the result of a round.
func (p *Run) merged(ctx context.Context, i int) (source, error) {
	path := p.dir.Round(i).Merged()
	digest, err := rundir.ModelDigest(ctx, p.dir.FS, path)
	if err != nil {
		return source{}, fmt.Errorf("the merged model of round %d: %w", i, err)
	}
	name, err := p.dir.Relative(path)
	return source{path: path, name: name, digest: digest}, err
}

// stage names a stage of this round and what it depends on.
func (r *round) stage(name string, algorithm int, options any, inputs ...rundir.Input) rundir.Stage {
	// Which field holds the ids decides what the same file says.
	field := r.recipe.Data.IDField
	if r.set != nil {
		if r.data.shared && field != "" {
			inputs = append(inputs, r.outside("data.id_field of the corpus", field))
		}
		field = r.set.IDField
	}
	if field != "" {
		inputs = append(inputs, r.outside("data.id_field", field))
	}
	return rundir.Stage{Name: r.stageName(name), Round: r.index, Algorithm: algorithm, Inputs: inputs, Options: options}
}

// open opens a model with what the recipe says above it.
func (p *Run) openModel(dir string) (*model.Model, error) {
	return p.opened(model.Open(dir, p.modelOptions()))
}

func (p *Run) opened(m *model.Model, err error) (*model.Model, error) {
	if errors.Is(err, model.ErrNoPooling) {
		return nil, fmt.Errorf("%s: %w by the recipe's key pooling (cls, mean, …)", p.recipe.At("model"), err)
	}
	if err != nil {
		return nil, err
	}
	if err := m.CheckPooling(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w (pooling)", p.recipe.At("model"), err), m.Close())
	}
	m.CompareByCosine()
	return m, nil
}

func (p *Run) modelOptions() model.Options {
	return model.Options{Pooling: model.PoolingMode(p.recipe.Pooling), Normalize: p.recipe.Normalize, TruncateDim: p.recipe.TruncateDim, SpecialTokens: p.recipe.AdditionalSpecialTokens}
}

// texts is how texts become token sequences: prompts and lengths, part of every stage that embeds.
type texts struct {
	Query         model.Prompt `json:"query"`
	Passage       model.Prompt `json:"passage"`
	FromRow       bool         `json:"from_row"`
	QueryLength   int          `json:"query_length"`
	PassageLength int          `json:"passage_length"`
	Pooling       string       `json:"pooling"`
	Normalize     bool         `json:"normalize"`
	TruncateDim   int          `json:"truncate_dim,omitzero"`
	SpecialTokens []string     `json:"additional_special_tokens,omitempty"`

	Examples *examples `json:"examples,omitempty"` // before queries
}

// mineTexts is texts with the examples of mining.
func (r *round) mineTexts(m *model.Model) texts {
	t := r.texts(m)
	t.Examples = r.toMine
	return t
}

// texts resolves prompts and lengths for a model: the recipe's, else those stored with the model; examples are those of
// evaluation.
func (r *round) texts(m *model.Model) texts {
	c := m.Contract
	t := texts{Query: c.Query, Passage: c.Passage, FromRow: r.recipe.Prompts.FromRow, QueryLength: r.stages.Lengths.Query, PassageLength: r.stages.Lengths.Passage, Pooling: string(c.Pooling), Normalize: c.Normalize, TruncateDim: c.TruncateDim, SpecialTokens: r.recipe.AdditionalSpecialTokens}
	if r.recipe.Prompts.Query != nil {
		t.Query = model.Prompt{Name: "query", Template: *r.recipe.Prompts.Query}
	}
	if r.recipe.Prompts.Suffix != nil {
		t.Query.Suffix = string(*r.recipe.Prompts.Suffix)
	}
	if r.recipe.Prompts.Passage != nil {
		t.Passage = model.Prompt{Name: "passage", Template: *r.recipe.Prompts.Passage}
	}
	if r.set != nil {
		t = t.ofSet(r.set)
	}
	t.Examples = r.toEval
	if t.QueryLength == 0 {
		t.QueryLength = c.MaxLength
	}
	if t.PassageLength == 0 {
		t.PassageLength = c.MaxLength
	}
	return t
}

// contract is what a model that this round makes says about its texts.
func (t texts) contract(c model.Contract) model.Contract {
	c.Query, c.Passage = t.Query, t.Passage
	return c
}
