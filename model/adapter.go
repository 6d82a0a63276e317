package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/transformer"
)

// Base is the file that holds the network's weights, for adapters and merges.
func (m *Model) Base() *safetensors.File { return m.files[0] }

// AdapterModules are the linear modules that an adapter may sit on: those of the file that the network has.
func (m *Model) AdapterModules() ([]lora.Module, error) {
	all, err := lora.Modules(m.Base())
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, name := range m.LinearModules() {
		has[name] = true
	}
	var modules []lora.Module
	for _, module := range all {
		if has[module.Name] {
			modules = append(modules, module)
		}
	}
	return modules, nil
}

// Attach puts an adapter on the model: every graph built afterwards computes base + adapter, with the tensors that the
// adapter replaces whole (modules_to_save) in place of the base's. A layer on the pooler, which PEFT's all-linear takes
// too, has no part in a text's vector and is left out. A model takes one adapter.
func (m *Model) Attach(a *lora.Adapter) error {
	if m.adapters != nil {
		return fmt.Errorf("%s: an adapter is attached already; merge it first", m.Path)
	}
	used := &lora.Adapter{Config: a.Config}
	for _, l := range a.Layers {
		if slices.Contains(m.LinearModules(), l.Name) {
			used.Layers = append(used.Layers, l)
		}
	}
	if len(used.Layers) == 0 && len(a.Saved) == 0 {
		return fmt.Errorf("%s: the adapter has no layer on a module that a text's vector passes through", m.Path)
	}
	adapters, weights, err := AdapterWeights(used)
	if err != nil {
		return err
	}
	if err := m.replace(a.Saved); err != nil {
		return err
	}
	for name, w := range weights {
		m.weights[name] = w
		m.attached += 4 * int64(len(w.Values))
	}
	m.adapters = adapters
	return nil
}

// AttachDir is Attach for the adapter in a directory in PEFT's format.
func (m *Model) AttachDir(dir string) error {
	a, err := lora.Open(dir, m.Base())
	if err != nil {
		return err
	}
	return m.Attach(a)
}

// OpenAdapted opens a base with the adapter in a directory in PEFT's format, and with the special tokens that the tokenizer
// beside the adapter adds to the base's.
func OpenAdapted(base, adapter string, o Options) (*Model, error) {
	o, err := o.WithTokensOf(adapter, base)
	if err != nil {
		return nil, err
	}
	m, err := Open(base, o)
	if err != nil {
		return nil, err
	}
	if err := m.AttachDir(adapter); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// WriteAdapter writes an adapter that was trained on the model's weights through a sink. Where special tokens were added to
// the model, or texts end otherwise than by its files, embeddings that are new and the tokenizer stand beside it: without them the base's own directory could not read the
// texts that the adapter was trained on.
func (m *Model) WriteAdapter(a *lora.Adapter, sink Sink) error {
	var tables []safetensors.Tensor
	if m.rows > 0 {
		table, err := m.Base().Tensor(m.prefix + m.Config.family.first)
		if err != nil {
			return err
		}
		tables = append(tables, table)
	}
	if err := a.Write(sink, tables...); err != nil || !m.TokensAdded() {
		return err
	}
	return (&directoryWriter{out: sink, tokenizerOf: m.Directory}).tokenizer()
}

// replace puts whole tensors in place of the base's; the mapped ones stay as they are.
func (m *Model) replace(saved map[string]lora.Saved) error {
	for _, t := range m.Base().Tensors() {
		s, ok := saved[t.Name]
		if !ok {
			continue
		}
		spec := tensor.ParamSpec{Name: t.Name, Rows: 1, Columns: len(s.Values)}
		if len(s.Shape) == 2 {
			spec.Rows, spec.Columns = s.Shape[0], s.Shape[1]
		}
		w, err := m.Weight(spec)
		if err != nil {
			return err
		}
		w.Replace(s.Values)
		m.attached += 4 * int64(len(s.Values))
	}
	return nil
}

// AdapterWeights are the parameters of an adapter by their names in a graph, sharing the adapter's memory, and what the graph must know of each module.
func AdapterWeights(a *lora.Adapter) (map[string]transformer.Adapter, map[string]*compute.Weight, error) {
	adapters, weights := map[string]transformer.Adapter{}, map[string]*compute.Weight{}
	for _, l := range a.Layers {
		adapters[l.Name] = transformer.Adapter{Rank: l.Rank, Scaling: float32(l.Scaling)}
		nameA, nameB := transformer.LoRAWeights(l.Name)
		for _, p := range []struct {
			name          string
			rows, columns int
			values        []float32
		}{{nameA, l.Rank, l.In, l.A}, {nameB, l.Out, l.Rank, l.B}} {
			w, err := compute.NewWeight(p.name, p.rows, p.columns, p.values)
			if err != nil {
				return nil, nil, err
			}
			weights[p.name] = w
		}
	}
	return adapters, weights, nil
}
