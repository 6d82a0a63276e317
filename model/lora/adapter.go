package lora

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// Adapter is a set of LoRA weights and the configuration that they belong to.
type Adapter struct {
	Config Config
	Layers []Layer          // in the order of the base's modules
	Saved  map[string]Saved // by the base's tensor name: weights of modules_to_save, and word embeddings of a grown vocabulary

	// Joined says that some layers were several, on parts of one of the base's maps: ranks and scalings are no longer those of
	// Config, and B has zeros that another training would not keep.
	Joined bool
}

// Layer is the pair of matrices on one module: the module's weight is W + Scaling·B·A.
type Layer struct {
	Target
	A []float32 // [Rank, In]
	B []float32 // [Out, Rank]
}

// Saved is a tensor that replaces the base's.
type Saved struct {
	Shape  []int
	Values []float32
}

// Bytes is the memory that the adapter's values take.
func (a *Adapter) Bytes() int64 {
	n := 0
	for _, l := range a.Layers {
		n += len(l.A) + len(l.B)
	}
	for _, s := range a.Saved {
		n += len(s.Values)
	}
	return 4 * int64(n)
}

// New returns a fresh adapter on the modules that the configuration selects: A drawn uniformly from
// [-1/sqrt(in), 1/sqrt(in)), which is PEFT's Kaiming-uniform initialisation with a = sqrt(5), and B zero, so that it
// changes nothing yet. The draws are keyed by seed, round and module name alone. Its configuration names targets that
// PEFT finds the same modules by. TakeWhole adds the tensors of modules_to_save.
func New(c Config, modules []Module, seed uint64, round int) (*Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	targets, err := c.Match(modules)
	if err != nil {
		return nil, err
	}
	a := &Adapter{Config: c}
	for _, t := range targets {
		layer := Layer{Target: t, A: make([]float32, t.Rank*t.In), B: make([]float32, t.Out*t.Rank)}
		bound := 1 / math.Sqrt(float64(t.In))
		source := draw.New(seed, draw.Weights, round, 0, "lora:"+t.Name)
		for i := range layer.A {
			layer.A[i] = float32((2*source.Float64() - 1) * bound)
		}
		a.Layers = append(a.Layers, layer)
	}
	a.Config.Targets, err = c.written(a.Layers, modules)
	return a, err
}

// WriteConfig writes adapter_config.json.
func (a *Adapter) WriteConfig(w io.Writer) error {
	raw, err := a.Config.Encode()
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	return err
}

// WriteWeights writes adapter_model.safetensors: F32, under the names that PEFT gives the modules of an AutoModel, so
// that the adapter loads on AutoModel.from_pretrained(base). Tensors that replace the base's follow, sorted by name: those
// of modules_to_save, and tables of word embeddings, under the names that they have without an adapter, which is how PEFT
// saves them. Tables of word embeddings of a base whose vocabulary has grown stand behind them as they are, which is where
// PEFT looks for them (its save_embedding_layers), but for those that are among the replaced tensors.
func (a *Adapter) WriteWeights(w io.Writer, tables ...safetensors.Tensor) error {
	if len(a.Config.ModulesToSave) > 0 && len(a.Saved) == 0 {
		return fmt.Errorf("modules_to_save %s: the adapter holds no tensor of them", strings.Join(a.Config.ModulesToSave, ", "))
	}
	var entries []safetensors.Entry
	for _, l := range a.Layers {
		name := prefix + l.Name
		entries = append(entries,
			safetensors.Float32(name+suffixA, []int{l.Rank, l.In}, l.A),
			safetensors.Float32(name+suffixB, []int{l.Out, l.Rank}, l.B))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Saved)) {
		entries = append(entries, safetensors.Float32(prefix+unwrap(name), a.Saved[name].Shape, a.Saved[name].Values))
	}
	for _, t := range tables {
		if _, replaced := a.Saved[t.Name]; replaced {
			continue
		}
		e := safetensors.Copy(t)
		e.Name = prefix + unwrap(t.Name)
		entries = append(entries, e)
	}
	return safetensors.Write(w, entries, nil)
}

// Write writes both files of the adapter, with tables as WriteWeights has them, through a sink that makes each whole or not
// at all.
func (a *Adapter) Write(sink func(name string, write func(w io.Writer) error) error, tables ...safetensors.Tensor) error {
	if err := sink(ConfigName, a.WriteConfig); err != nil {
		return err
	}
	return sink(WeightsName, func(w io.Writer) error { return a.WriteWeights(w, tables...) })
}
