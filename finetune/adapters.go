package finetune

import (
	"errors"
	"strings"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/transformer"
)

// freshAdapter is the adapter under training: its matrices are the trained weights, and so are its tensors of
// modules_to_save.
type freshAdapter struct {
	adapter *lora.Adapter
	weights map[string]*compute.Weight // by parameter name
	fixed   map[string]*compute.Weight // that take the base's place and are not trained
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
	if err := t.fresh.adapter.TakeWhole(t.model.Base()); err != nil {
		return nil, err
	}
	whole := wholeNames(t.fresh.adapter)
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
	t.fresh.weights, t.fresh.fixed = weights, map[string]*compute.Weight{}
	return adapters, t.addWhole(whole)
}

// wholeNames are the tensors that an adapter trains whole.
func wholeNames(a *lora.Adapter) map[string]bool {
	names := map[string]bool{}
	for name := range a.Saved {
		names[name] = true
	}
	return names
}

// addWhole makes weights of the adapter's whole tensors, sharing its memory: those that are trained, and those that it only
// brings along.
func (t *Trainer) addWhole(trained map[string]bool) error {
	for name, s := range t.fresh.adapter.Saved {
		rows, columns := 1, len(s.Values)
		if len(s.Shape) == 2 {
			rows, columns = s.Shape[0], s.Shape[1]
		}
		w, err := compute.NewWeight(name, rows, columns, s.Values)
		if err != nil {
			return err
		}
		if trained[name] && !t.options.fixed(name) {
			t.fresh.weights[name] = w
		} else {
			t.fresh.fixed[name] = w
		}
	}
	return nil
}

// fixed says whether a parameter stays as it is though its kind is trained.
func (o Options) fixed(parameter string) bool {
	return o.FixPositions && strings.Contains(parameter, "position_embeddings")
}

// config is the adapter's configuration, as PEFT has it.
func (o LoRAOptions) config() lora.Config {
	c := lora.DefaultConfig()
	c.Rank, c.Alpha, c.Dropout, c.RSLoRA = o.Rank, o.Alpha, o.Dropout, o.RSLoRA
	c.RankPattern, c.AlphaPattern, c.ModulesToSave = o.RankPattern, o.AlphaPattern, o.ModulesToSave
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
	if w, ok := t.fresh.fixed[spec.Name]; ok {
		return w, true
	}
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
