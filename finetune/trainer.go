package finetune

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model"
)

// Trainer holds one model under training. It belongs to one goroutine.
type Trainer struct {
	options Options
	sets    []Set // one, or several that take turns
	data    Data  // of the set whose turn it is, or that eval_loss is taken of
	model   *model.Model
	engine  *compute.Engine

	graph       *tensor.Graph
	weights     []*compute.Weight
	parameters  []*parameter
	gradients   *gradients
	temperature scalar
	fresh       freshAdapter
	runner      runner
	space       lossSpace

	// Memory that a step uses again.
	rows      []row
	sequences []sequence // of a block
	columns   []int32
	targets   []int
	keys      dropoutKeys
	updates   []compute.Update
	adam      [2]kernel.AdamStep // without decay and with it

	epochSteps []int      // by set
	orders     []setOrder // by set
	set        int        // whose turn it was last

	done int // optimizer steps taken
}

// Report is what one optimizer step did.
type Report struct {
	Set          string  `json:"set"`   // that the step is of; empty where there is one
	Epoch        int     `json:"epoch"` // from 1
	Step         int     `json:"step"`  // of the round, from 1
	Loss         float64 `json:"loss"`
	Contrastive  float64 `json:"contrastive_loss"`  // InfoNCE; part of Loss but for M3KD
	Distillation float64 `json:"distillation_loss"` // part of Loss; 0 without a teacher
	LearningRate float64 `json:"learning_rate"`
	GradientNorm float64 `json:"gradient_norm"` // before clipping
	Temperature  float64 `json:"temperature"`
	Queries      int     `json:"queries"`
	Columns      int     `json:"columns"`      // passages of the step
	Masked       int     `json:"masked"`       // pairs of query and known positive taken out of the loss
	GuideMasked  int     `json:"guide_masked"` // further pairs that the guide took out
	Shown        int     `json:"shown"`        // in-context examples before the step's queries
	Leaks        int     `json:"leaks"`        // drawn ones that were left out: they answer the query
	Tokens       int     `json:"tokens"`
}

// Hooks are called as training goes on; any may be nil. An error ends the run. A state that is saved in Step after the
// last step of an epoch (Finished is then Report.Epoch) goes on with the next one: the Epoch hook of this one is not
// called again.
type Hooks struct {
	Step  func(Report) error
	Epoch func(epoch int) error // after the last step of an epoch, with the trained weights in place
}

// New prepares a model for training: a full copy of its weights, or fresh adapters on the model as it is.
func New(m *model.Model, e *compute.Engine, data Data, o Options) (*Trainer, error) {
	return NewMixed(m, e, []Set{{Data: data}}, o)
}

// NewMixed is New over several sets. An epoch has the steps of EpochSteps, in a keyed order, each of one set alone.
func NewMixed(m *model.Model, e *compute.Engine, sets []Set, o Options) (*Trainer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := o.fits(m); err != nil {
		return nil, err
	}
	t := &Trainer{options: o, sets: slices.Clone(sets), model: m, engine: e, temperature: scalar{Value: math.Log(1 / o.Temperature)}}
	for i := range t.sets {
		if err := t.sets[i].validate(o); err != nil && t.sets[i].Name != "" {
			return nil, fmt.Errorf("set %q: %w", t.sets[i].Name, err)
		} else if err != nil {
			return nil, err
		}
		t.sets[i].set = t.sets[i].Name
	}
	if err := t.mixture().Validate(o); err != nil {
		return nil, err
	}
	t.data, t.epochSteps, t.orders = t.sets[0].Data, o.EpochSteps(t.mixture()), make([]setOrder, len(sets))
	if err := t.prepare(); err != nil {
		return nil, err
	}
	return t, nil
}

// Steps is the optimizer steps of the whole run.
func (t *Trainer) Steps() int { return t.options.MixedSteps(t.mixture()) }

// StepsPerEpoch is the optimizer steps of an epoch, of all sets together.
func (t *Trainer) StepsPerEpoch() int { return sum(t.epochSteps) }

// Done is the optimizer steps taken so far.
func (t *Trainer) Done() int { return t.done }

// Finished is the epochs whose last step is taken. MaxSteps may cut the last one short.
func (t *Trainer) Finished() int {
	perEpoch := sum(t.epochSteps)
	if perEpoch == 0 {
		return 0
	}
	if t.done == t.Steps() {
		return (t.done + perEpoch - 1) / perEpoch
	}
	return t.done / perEpoch
}

// Run trains from where the trainer stands, at the start or at a loaded state, to the last epoch.
func (t *Trainer) Run(ctx context.Context, hooks Hooks) error {
	perEpoch := sum(t.epochSteps)
	if perEpoch == 0 {
		return fmt.Errorf("%d queries make no whole batch of %d: lower batch or keep the last batch", len(t.sets[0].Examples), t.options.Batch)
	}
	for t.done < t.Steps() {
		epoch := t.done/perEpoch + 1
		turns := t.options.turns(t.mixture(), epoch)
		for t.done < min(epoch*perEpoch, t.Steps()) {
			pass, examples := t.take(turns[t.done%perEpoch], epoch)
			report, err := t.step(ctx, epoch, pass, examples)
			if err != nil {
				return err
			}
			if hooks.Step != nil {
				if err := hooks.Step(report); err != nil {
					return err
				}
			}
		}
		if hooks.Epoch != nil {
			if err := hooks.Epoch(epoch); err != nil {
				return err
			}
		}
	}
	return nil
}

func batchOf(order []int, step, size int) []int {
	return order[step*size : min(len(order), (step+1)*size)]
}

// step takes one optimizer step on a batch of examples of the trainer's data, drawn as in a pass over it.
func (t *Trainer) step(ctx context.Context, epoch, pass int, examples []int) (Report, error) {
	r := Report{Set: t.sets[t.set].Name, Epoch: epoch, Step: t.done + 1, Queries: len(examples), Temperature: t.currentTemperature()}
	t.gradients.clear()
	var loss, contrastive, distilled, pullTemperature float64
	keys := t.dropoutKeys(t.done)
	t.rows = resized(t.rows, len(examples))
	step := t.rows
	for i, example := range examples {
		step[i] = t.data.group(t.options, example, pass)
		step[i].training, step[i].chunks = true, t.data.chunks(t.options, example, pass)
	}
	step, r.Masked = t.maskPairs(step)
	terms := t.options.terms(step)
	if t.options.Examples > 0 {
		var shown [][]Shown
		shown, r.Leaks = t.data.examples(t.options, step, pass)
		for i := range step {
			step[i].shown = shown[i]
		}
	}
	for rows := range slices.Chunk(step, t.options.Batch/t.options.Accumulate) {
		block, err := t.block(ctx, rows, keys, terms)
		if err != nil {
			return r, err
		}
		loss += block.total
		contrastive += block.contrastive
		distilled += block.distilled
		pullTemperature += block.temperature
		r.Columns += passagesOf(rows)
		r.Masked += block.masked
		r.GuideMasked += block.guided
		r.Shown += block.shown
		r.Tokens += t.runner.tokens
	}
	n := float64(terms)
	r.Loss, r.Contrastive, r.Distillation = loss/n, contrastive/n, distilled/n
	if math.IsNaN(r.Loss) || math.IsInf(r.Loss, 0) {
		return r, fmt.Errorf("epoch %d, step %d: the loss is %v; lower learning_rate or look for broken texts", epoch, r.Step, r.Loss)
	}
	return r, t.update(&r, pullTemperature/n)
}

// block takes the loss of rows and adds the gradients of its share of the mean over a step's terms.
func (t *Trainer) block(ctx context.Context, rows []row, keys *dropoutKeys, terms int) (contrastResult, error) {
	if t.options.pairs() {
		return t.pairs(ctx, rows, keys, terms)
	}
	return t.contrast(ctx, rows, keys, terms)
}

// contrast embeds the queries and passages of rows, takes the loss, and adds the gradients of its share of a batch of queries.
func (t *Trainer) contrast(ctx context.Context, rows []row, keys *dropoutKeys, batch int) (contrastResult, error) {
	block, err := t.forward(ctx, rows, keys, false)
	if err != nil {
		return contrastResult{}, err
	}
	result := t.options.Matryoshka.loss(block)
	result.shown = block.shown
	gradient := resized(t.space.gradient, (len(rows)+len(block.passages))*block.dim)[:0]
	for _, side := range [][][]float64{result.queries, result.passages} {
		for _, g := range side {
			for _, v := range g {
				gradient = append(gradient, float32(v/float64(batch)))
			}
		}
	}
	t.space.gradient = gradient
	return result, t.runner.backward(ctx, gradient)
}

// forward embeds the queries and passages of rows and lays out their contrast.
func (t *Trainer) forward(ctx context.Context, rows []row, keys *dropoutKeys, lossOnly bool) (contrast, error) {
	sequences := t.sequences[:0]
	shown := 0
	for _, r := range rows {
		s, count, err := t.data.query(r)
		if err != nil {
			return contrast{}, err
		}
		shown += count
		sequences = append(sequences, keys.of(s, "query", t.data.key(r.example)))
	}
	columns, targets := t.columns[:0], t.targets[:0]
	for _, r := range rows {
		targets = append(targets, len(columns))
		for k, p := range r.passages {
			s, err := t.data.passage(r, k)
			if err != nil {
				return contrast{}, err
			}
			columns = append(columns, p)
			sequences = append(sequences, keys.of(s, "passage", t.data.PassageKey(p)))
		}
	}
	t.sequences, t.columns, t.targets = sequences, columns, targets
	vectors, err := t.runner.forward(ctx, sequences, t.options.contrastBytes(len(rows), len(columns), t.model.WholeDimension(), lossOnly))
	if err != nil {
		return contrast{}, err
	}
	c := contrast{dim: t.model.WholeDimension(), queries: vectors[:len(rows)], passages: vectors[len(rows):], targets: targets, temperature: t.currentTemperature(), both: t.options.BothDirections, lossOnly: lossOnly, each: t.engine.Each, shown: shown, space: &t.space}
	c.guided = t.data.Guide.mask(t.options.Guide, rows, columns, targets)
	if t.options.Distill != "" {
		c.distill = t.options.Distill
		for _, r := range rows {
			c.teacher = append(c.teacher, teacherTargets(r.teacher))
		}
	}
	c.masked = func(i, j int) bool {
		return t.options.MaskKnownPositives && j != targets[i] && contains(t.data.Examples[rows[i].example].Known, columns[j])
	}
	return c, nil
}

func contains(sorted []int32, p int32) bool {
	for _, v := range sorted {
		if v >= p {
			return v == p
		}
	}
	return false
}

func (t *Trainer) currentTemperature() float64 {
	if t.options.LearnTemperature {
		return t.temperature.temperature()
	}
	return t.options.Temperature
}

// update clips the gradients and takes the AdamW step.
func (t *Trainer) update(r *Report, pullTemperature float64) error {
	o := t.options
	// d loss / d ln(1/temperature) = -temperature · d loss / d temperature
	pullLog := 0.0
	if o.LearnTemperature {
		pullLog = -r.Temperature * pullTemperature
	}
	r.GradientNorm = t.gradients.norm(pullLog)
	if math.IsNaN(r.GradientNorm) || math.IsInf(r.GradientNorm, 0) {
		return fmt.Errorf("epoch %d, step %d: the gradient's norm is %v; lower learning_rate", r.Epoch, r.Step, r.GradientNorm)
	}
	total := t.Steps()
	r.LearningRate = o.Schedule.Rate(o.LearningRate, t.done, o.Warmup(total), total)
	clip := clipFactor(r.GradientNorm, o.Clip)
	t.done++
	t.adam = [2]kernel.AdamStep{o.adam(r.LearningRate, clip, t.done, false), o.adam(r.LearningRate, clip, t.done, true)}
	t.updates = resized(t.updates, len(t.parameters))
	for i, p := range t.parameters {
		t.updates[i] = compute.Update{Weight: p.Weight, First: p.first, Second: p.second, Step: &t.adam[0]}
		if p.decays {
			t.updates[i].Step = &t.adam[1]
		}
	}
	t.engine.AdamW(t.updates)
	if o.LearnTemperature {
		t.temperature.step(o, pullLog*clip, r.LearningRate, t.done)
		t.temperature.clamp()
	}
	return nil
}

// EvalLoss is the mean loss a query of other data under the weights as they are: dropout off, the draws of epoch 0,
// batches of the training size with the last one kept, the same masks. It is InfoNCE's, without what a teacher adds.
func (t *Trainer) EvalLoss(ctx context.Context, dev Data) (float64, error) {
	train, options := t.data, t.options
	defer func() { t.data, t.options = train, options }()
	t.data, t.options.Distill, t.options.ShuffleRatio = dev, "", 0
	if err := dev.validate(t.options); err != nil {
		return 0, err
	}
	order := dev.order(t.options, 0)
	var sum float64
	terms := 0
	for part := range slices.Chunk(order, t.options.Batch) {
		rows := make([]row, len(part))
		for i, example := range part {
			rows[i] = dev.group(t.options, example, 0)
		}
		rows, _ = t.maskPairs(rows)
		terms += t.options.terms(rows)
		loss, err := t.lossOf(ctx, rows)
		if err != nil {
			return 0, err
		}
		sum += loss
	}
	if math.IsNaN(sum) {
		return 0, errors.New("eval_loss is not a number")
	}
	return sum / float64(terms), nil
}

// lossOf is the sum over the terms of rows, without gradients and dropout.
func (t *Trainer) lossOf(ctx context.Context, rows []row) (float64, error) {
	if t.options.pairs() {
		logits, err := t.scorePairs(ctx, rows, nil)
		if err != nil {
			return 0, err
		}
		return t.options.Pairs.loss(rows, logits, nil), nil
	}
	block, err := t.forward(ctx, rows, nil, true)
	if err != nil {
		return 0, err
	}
	return t.options.Matryoshka.loss(block).total, nil
}
