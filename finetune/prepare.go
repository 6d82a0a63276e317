package finetune

import (
	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
)

// prepare builds the training graph and its weights.
func (t *Trainer) prepare() error {
	if err := t.options.Matryoshka.fits(t.model.WholeDimension()); err != nil {
		return err
	}
	longest := 0
	for _, s := range t.sets {
		longest = max(longest, s.longest())
	}
	need, err := NeedMemory(t.model, t.engine, t.options, longest)
	if err != nil {
		return err
	}
	if err := need.Within(t.engine.Memory()); err != nil { // before any of it is taken
		return err
	}
	mode := trainingMode(t.model, t.options)
	if t.options.Method == LoRA {
		if mode.Adapters, err = t.newAdapter(); err != nil {
			return err
		}
	}
	g, err := t.model.Graph(mode)
	if err != nil {
		return err
	}
	t.graph = g
	decays := decays(g)
	for i, spec := range g.Params {
		w, err := t.weight(spec)
		if err != nil {
			return err
		}
		t.weights = append(t.weights, w)
		if w.Trainable() {
			t.parameters = append(t.parameters, newParameter(w, decays[i]))
		}
	}
	t.gradients = newGradients(t.engine, t.parameters)
	t.runner = runner{engine: t.engine, graph: g, weights: t.weights, limit: t.options.BlockTokens, need: need}
	return nil
}

// weight is a parameter of the graph: a trained copy, a fresh adapter, or the model's own, frozen.
func (t *Trainer) weight(spec tensor.ParamSpec) (*compute.Weight, error) {
	if t.options.Method == LoRA {
		if w, ok := t.adapterWeight(spec); ok {
			return w, nil
		}
		return t.model.Weight(spec)
	}
	w, err := t.model.Weight(spec)
	if err != nil || t.options.fixed(spec.Name) {
		return w, err
	}
	return trained(spec, w.Float32s())
}

func trained(spec tensor.ParamSpec, values []float32) (*compute.Weight, error) {
	w, err := compute.NewWeight(spec.Name, spec.Rows, spec.Columns, values)
	if err != nil {
		return nil, err
	}
	w.Gradient = make([]float32, len(values))
	return w, nil
}

// Trained returns the trained weights, in the order of the graph, for a checkpoint. They change with the next step.
func (t *Trainer) Trained() []*compute.Weight {
	weights := make([]*compute.Weight, len(t.parameters))
	for i, p := range t.parameters {
		weights[i] = p.Weight
	}
	return weights
}

// Rest drops the activations, which the next step makes anew, and returns the bytes of the engine's memory that the
// training holds without them: trained weights, their gradients and moments. The others are free until that step.
func (t *Trainer) Rest() int64 {
	t.runner.spaces = nil
	return perTrained * t.runner.need.Trained
}

// Temperature is what scores are divided by now.
func (t *Trainer) Temperature() float64 { return t.currentTemperature() }
