package finetune

import (
	"context"
	"math"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/model"
)

// Evaluator takes the eval_loss of a model as it is, with the adapter that it may have. It trains nothing, so that it
// takes neither gradients nor moments. It belongs to one goroutine.
type Evaluator struct{ trainer *Trainer } // one that takes no step

// NewEvaluator prepares a model for its loss on data, as a training with the options takes it.
func NewEvaluator(m *model.Model, e *compute.Engine, dev Data, o Options) (*Evaluator, error) {
	o.Distill, o.ShuffleRatio = "", 0 // eval_loss is without them
	if err := o.fits(m); err != nil {
		return nil, err
	}
	if err := dev.validate(o); err != nil {
		return nil, err
	}
	need, err := NeedEvaluation(m, e, o, dev.longest())
	if err != nil {
		return nil, err
	}
	if err := need.Within(e.Memory()); err != nil {
		return nil, err
	}
	g, err := m.Graph(trainingMode(m, o)) // a training's own graph: another one rounds its last bits otherwise
	if err != nil {
		return nil, err
	}
	t := &Trainer{options: o, sets: []Set{{Data: dev}}, data: dev, model: m, engine: e, graph: g, temperature: scalar{Value: math.Log(1 / o.Temperature)}}
	for _, spec := range g.Params {
		w, err := m.Weight(spec)
		if err != nil {
			return nil, err
		}
		t.weights = append(t.weights, w)
	}
	t.runner = runner{engine: e, graph: g, weights: t.weights, limit: o.BlockTokens, need: need}
	return &Evaluator{t}, nil
}

// Loss is the mean loss a query, as Trainer.EvalLoss takes it.
func (v *Evaluator) Loss(ctx context.Context) (float64, error) {
	return v.trainer.EvalLoss(ctx, v.trainer.data)
}

// NeedEvaluation says what an Evaluator would take, without taking it; longest is as in NeedMemory.
func NeedEvaluation(m *model.Model, e *compute.Engine, o Options, longest int) (Memory, error) {
	if err := o.Validate(); err != nil {
		return Memory{}, err
	}
	g, err := m.Graph(trainingMode(m, o))
	if err != nil {
		return Memory{}, err
	}
	need := Memory{Scores: o.contrastBytes(o.Batch, o.Batch*o.GroupSize, m.WholeDimension(), true)}
	if o.pairs() {
		need.Scores = pairBytes(o.Batch * o.GroupSize)
	}
	for _, p := range g.Params {
		need.Model += m.StoredBytes(p)
	}
	need.plan(e, g, nil, max(o.BlockTokens, longest), 0)
	return need, nil
}
