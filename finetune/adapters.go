package finetune

import (
	"errors"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/transformer"
)

// freshAdapter is the adapter under training: its matrices are the trained weights.
type freshAdapter struct {
	adapter *lora.Adapter
	weights map[string]*compute.Weight // by parameter name
}

// newAdapter makes the adapter that the options describe, on the model as it is.
func (t *Trainer) newAdapter() (map[string]transformer.Adapter, error) {
	modules, err := t.model.AdapterModules()
	if err != nil {
		return nil, err
	}
	t.fresh.adapter, err = lora.New(t.options.LoRA.config(), modules, t.options.Seed, t.options.Round)
	if err != nil {
		return nil, err
	}
	if start := t.options.LoRA.Start; start != nil {
		if err := t.fresh.adapter.Take(start); err != nil {
			return nil, err
		}
	}
	adapters, weights, err := model.AdapterWeights(t.fresh.adapter)
	if err != nil {
		return nil, err
	}
	for name, a := range adapters {
		a.Dropout = float32(t.options.LoRA.Dropout)
		adapters[name] = a
	}
	t.fresh.weights = weights
	return adapters, nil
}

// config is the adapter's configuration, as PEFT has it.
func (o LoRAOptions) config() lora.Config {
	c := lora.DefaultConfig()
	c.Rank, c.Alpha, c.Dropout, c.RSLoRA = o.Rank, o.Alpha, o.Dropout, o.RSLoRA
	c.BaseModel, c.Revision = o.BaseModel, o.BaseRevision
	if len(o.TargetModules) == 1 && o.TargetModules[0] == lora.AllLinear {
		c.Targets.Pattern = lora.AllLinear
	} else {
		c.Targets.Names = o.TargetModules
	}
	return c
}

// adapterWeight returns the parameter when it belongs to the fresh adapter.
func (t *Trainer) adapterWeight(spec tensor.ParamSpec) (*compute.Weight, bool) {
	w, ok := t.fresh.weights[spec.Name]
	if ok && w.Gradient == nil {
		w.Gradient = make([]float32, len(w.Values))
	}
	return w, ok
}

// Adapter is the adapter as it is trained now; its matrices change with the next step. Full fine-tuning has none.
func (t *Trainer) Adapter() (*lora.Adapter, error) {
	if t.fresh.adapter == nil {
		return nil, errors.New("full fine-tuning has no adapter")
	}
	return t.fresh.adapter, nil
}
