package pipeline

import (
	"cmp"
	"context"
	"reflect"
	"time"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/incontext"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// RoundCosts is what one round takes when all of it is run.
type RoundCosts struct {
	Round          int     `json:"round"`
	EmbedTokens    int     `json:"embed_tokens"`          // corpus, train and dev by the miner
	EvalTokens     int     `json:"eval_tokens"`           // corpus and dev, all epochs and the check of the merge together
	AlsoTokens     int     `json:"also_tokens,omitempty"` // the sets of data.also, all epochs together
	TrainTokens    int     `json:"train_tokens"`          // all epochs together
	StepsPerEpoch  int     `json:"steps_per_epoch"`       //
	Steps          int     `json:"steps"`                 // of all epochs
	QueriesPerStep int     `json:"queries_per_step"`
	ColumnsPerRow  int     `json:"columns_per_row"` // passages that each query is scored against
	WarmupSteps    int     `json:"warmup_steps"`
	Outside        bool    `json:"outside,omitempty"` // a program outside trains; Memory is without its own
	Memory         int64   `json:"memory"`            // bytes of weights, gradients, moments, one block of activations and the scores of a step
	Disk           int64   `json:"disk"`              // bytes of vectors, candidates, rankings and checkpoints
	Seconds        float64 `json:"seconds"`

	Sources []SourceCosts `json:"sources,omitempty"` // further models that rank to mine and have not embedded for an earlier round; absent without one

	Teacher *TeacherCosts `json:"teacher,omitempty"` // of the teacher that mining asks, for all sets; absent without one

	Sets []SetCosts `json:"sets,omitempty"` // that take turns in training, the run's own first; absent where it is alone

	Rules []string `json:"rules,omitempty"` // of mining, in the order in which they are held against a candidate

	epochs int
	also   map[string]int // tokens that an epoch's scores on each set of data.also take, by its name
	embed  map[string]int // tokens that each stage of embedding takes, by its name
}

// Like says that another round takes the same, all of it.
func (c RoundCosts) Like(other RoundCosts) bool {
	c.Round = other.Round
	return reflect.DeepEqual(c, other)
}

// SetCosts is a set's part in training.
type SetCosts struct {
	Name           string  `json:"name"` // empty of the run's own data
	Weight         float64 `json:"weight,omitempty"`
	Queries        int     `json:"queries"` // training rows
	StepsPerEpoch  int     `json:"steps_per_epoch"`
	QueriesPerStep int     `json:"queries_per_step"` // at most
	ColumnsPerRow  int     `json:"columns_per_row"`  // at most
}

// costs counts tokens and steps and measures the rate.
func (p *Run) costs(ctx context.Context, plan *Plan) error {
	m, err := p.openModel(p.recipe.Model.File)
	if err != nil {
		return err
	}
	defer m.Close()
	if plan.TokensPerSecond, err = p.calibrate(ctx, m, p.settings(0).texts(m)); err != nil {
		return err
	}
	if warning := p.unusedVerdicts(); warning != "" {
		plan.Warnings = append(plan.Warnings, warning)
	}
	shared := planner{map[string]float64{}, map[string]float64{}, map[string]bool{}}
	for i := range p.recipe.Rounds {
		r := p.settings(i)
		if err := r.readVerdicts(); err != nil {
			return err
		}
		for _, one := range r.all() {
			if warning := one.windowWarning(); warning != "" {
				plan.Warnings = append(plan.Warnings, warning)
			}
		}
		c, err := r.costs(m)
		if err != nil {
			return err
		}
		work := c.work()
		for _, stage := range sortedKeys(work) {
			seconds := work[stage] / plan.TokensPerSecond
			c.Seconds += seconds
			if !plan.done(i, stage) {
				plan.Seconds += seconds
			}
		}
		for _, one := range r.all() {
			if err := one.addSources(ctx, plan, &c, shared); err != nil {
				return err
			}
			t, err := one.teacherCosts(ctx, shared)
			if err != nil {
				return err
			}
			if t == nil || t.TokensPerSecond == 0 {
				c.Teacher = t
				continue
			}
			const line = 64 // bytes of a pair and its score
			c.Disk += line * int64(t.Pairs)
			seconds := float64(t.Tokens) / t.TokensPerSecond
			c.Seconds += seconds
			if !plan.done(i, one.stageName(stageTeach)) {
				plan.Seconds += seconds
			}
			if c.Teacher != nil {
				t.Pairs, t.Tokens = t.Pairs+c.Teacher.Pairs, t.Tokens+c.Teacher.Tokens
			}
			c.Teacher = t
		}
		plan.Rounds = append(plan.Rounds, c)
	}
	return nil
}

// work is what a round's stages take, by the names of their stamps, in tokens embedded.
func (c RoundCosts) work() map[string]float64 {
	work := map[string]float64{StageFinetune: trainingFactor * float64(c.TrainTokens)}
	for stage, tokens := range c.embed {
		work[stage] = float64(tokens)
	}
	for epoch := range c.epochs + 1 {
		work[evalStage(epoch)] = float64(c.EvalTokens) / float64(c.epochs+2)
		for name, tokens := range c.also {
			work[alsoStage(name, epoch)] = float64(tokens)
		}
	}
	work[StageMerge] = float64(c.EvalTokens) / float64(c.epochs+2)
	return work
}

// trainingFactor is the work of a training token beside one that is embedded: forward, and twice as much backward.
const trainingFactor = 3

// calibrationTexts are embedded to measure the machine's rate, at least twice and for calibrationTime, or as the options say.
const (
	calibrationTexts = 64
	calibrationTime  = 300 * time.Millisecond
)

// calibrate measures the tokens that a model embeds in a second.
func (p *Run) calibrate(ctx context.Context, m *model.Model, t texts) (float64, error) {
	x, err := embedding.New(m, p.engine)
	if err != nil {
		return 0, err
	}
	queries := p.data.queries[rundir.Train]
	texts := func(yield func(embedding.Text, error) bool) {
		for i := range min(calibrationTexts, len(queries)) {
			if !yield(embedding.Text{Text: queries[i*len(queries)/min(calibrationTexts, len(queries))].Text}, nil) {
				return
			}
		}
	}
	o := embedding.Options{Prompt: t.Query, MaxLength: t.QueryLength}
	return p.measureRate(func() (int, error) {
		stats, err := x.Embed(ctx, texts, o, func(int, []float32) error { return nil })
		return stats.Tokens, err
	})
}

// measureRate is the best rate, in tokens a second, of several turns of a work.
func (p *Run) measureRate(work func() (tokens int, err error)) (float64, error) {
	var rate float64
	var spent time.Duration
	for runs := 0; runs < 2 || spent < cmp.Or(p.options.Calibration, calibrationTime); runs++ {
		start := time.Now()
		tokens, err := work()
		if err != nil {
			return 0, err
		}
		took := time.Since(start)
		spent += took
		rate = max(rate, float64(tokens)/took.Seconds())
	}
	return rate, nil
}

// costs counts what a round takes.
func (r *round) costs(m *model.Model) (RoundCosts, error) {
	c := RoundCosts{Round: r.index}
	t := r.texts(m)
	counts := map[string]int{}
	var err error
	if counts["corpus"], err = t.passageTokens(m, r.data.corpus); err != nil {
		return c, err
	}
	for split, t := range map[rundir.Split]texts{rundir.Train: r.mineTexts(m), rundir.Dev: t} { // dev is evaluated more often than mined
		if counts[string(split)], err = t.queryTokens(m, r.data.queries[split]); err != nil {
			return c, err
		}
	}
	if c.also, err = r.alsoTokens(m, t); err != nil {
		return c, err
	}
	train, passages := len(r.trained(rundir.Train)), r.data.corpus.Len()
	o := r.finetuneOptions()
	group := o.GroupSize
	if r.stages.Mine.Source == recipe.None {
		group = 1
	} else if r.stages.Mine.Searches() {
		c.Rules = r.mineOptions().Rules()
	}
	c.embed = map[string]int{}
	if r.stages.Mine.Embeds() {
		c.EmbedTokens = counts["corpus"] + counts["train"] + counts["dev"]
		c.embed[StageEmbed] = c.EmbedTokens
	}
	c.epochs, c.Outside = o.Epochs, r.trainsOutside()
	c.EvalTokens = (o.Epochs + 2) * (counts["corpus"] + counts["dev"])
	for _, tokens := range c.also {
		c.AlsoTokens += (o.Epochs + 1) * tokens
	}
	asked, err := r.trainingTokens(m, counts["train"])
	if err != nil {
		return c, err
	}
	c.TrainTokens = o.Epochs * (asked + train*group*counts["corpus"]/max(1, passages))
	c.StepsPerEpoch, c.Steps = o.StepsPerEpoch(train), o.Steps(train)
	c.QueriesPerStep = min(o.Batch, train)
	c.ColumnsPerRow = c.QueriesPerStep / o.Accumulate * group
	c.WarmupSteps = min(o.Warmup(c.Steps), c.Steps)
	vectors := int64(4 * m.Dimension() * (passages + train + len(r.data.queries[rundir.Dev])))
	if c.Memory, c.Disk, err = r.bytes(m); err != nil {
		return c, err
	}
	c.Disk += r.rankingBytes(o.Epochs)
	if r.stages.Mine.Embeds() {
		c.Disk += vectors
	}
	if r.stages.Mine.Searches() {
		c.Disk += int64(8 * r.depth() * r.diskParts() * (train + len(r.data.queries[rundir.Dev]))) // both sources' hits, and those made of them
	}
	return c, r.setCosts(m, &c, asked, counts["corpus"])
}

func (t texts) passageTokens(m *model.Model, c *corpus.Corpus) (tokens int, err error) {
	for _, p := range c.Passages {
		s, err := m.Sequence(p.Full(), t.Passage, t.PassageLength)
		if err != nil {
			return 0, err
		}
		tokens += len(s.IDs)
	}
	return tokens, nil
}

func (t texts) queryTokens(m *model.Model, queries []corpus.Query) (tokens int, err error) {
	for _, q := range queries {
		s, err := m.Sequence(q.Text, t.promptOf(q), t.QueryLength)
		if err != nil {
			return 0, err
		}
		tokens += len(s.IDs)
	}
	return tokens, nil
}

// shownTexts is how many queries are read behind examples to know how long those of a training are.
const shownTexts = 256

// trainingTokens is how many tokens the training queries have in an epoch: as many as in mining, where they have mined, but for what
// training shows before them. It draws that anew in every epoch; here queries spread over all of them are shown none, one and so
// on up to the most, of those that follow.
func (r *round) trainingTokens(m *model.Model, mined int) (int, error) {
	t := r.texts(m)
	queries := r.data.queries[rundir.Train]
	if !r.readsInContext(t) || r.trainsOutside() || len(queries) == 0 {
		return mined, nil
	}
	reader := r.trainingReader(m, t, queries)
	read, tokens := min(shownTexts, len(queries)), 0
	for n := range read {
		i := n * len(queries) / read
		var shown []incontext.Pair
		for k := 1; len(shown) < n%(r.stages.Examples.Train+1) && k < len(queries); k++ {
			if other := (i + k) % len(queries); len(queries[other].Positives) > 0 {
				shown = append(shown, incontext.Pair{Query: other, Passage: queries[other].Positives[0]})
			}
		}
		s, _, err := reader.Sequence(i, shown)
		if err != nil {
			return 0, err
		}
		tokens += len(s.IDs)
	}
	return tokens * len(queries) / read, nil
}

// bytes is the memory of training one block, a step's scores with it, or of eval_loss alone where a program outside trains
// (its own is not known); and the disk of a round's checkpoints, state and result.
// An outside trainer may leave whole models.
func (r *round) bytes(m *model.Model) (memory, disk int64, err error) {
	longest := 0
	for _, one := range r.all() {
		t := one.texts(m)
		longest = max(longest, t.QueryLength, t.PassageLength)
	}
	need, err := r.needMemory(m, longest)
	if err != nil {
		return 0, 0, err
	}
	const moments, result = 3, 1 // the state holds values and two moments
	epochs := int64(r.stages.Finetune.Epochs)
	if r.trainsOutside() {
		return need.Model + need.Least(), need.Model * (epochs + result), nil
	}
	if r.stages.Finetune.Method == recipe.LoRA {
		return need.Model + need.Least(), need.Trained*(epochs+moments) + need.Model*result, nil
	}
	return need.Least(), need.Trained * (epochs + moments + result), nil
}
