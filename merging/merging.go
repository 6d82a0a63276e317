// Package merging makes a model directory of a base and an adapter, and checks on probe texts that the merged model
// gives the vectors of base and adapter together.
//
// A merge that changes nothing, or another thing than the adapter, looks like any other model directory; only its
// vectors tell. So there is no merge without its check.
package merging

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// Options say what is merged, and what it is checked on.
type Options struct {
	Base     string          // model directory
	Adapter  string          // directory in PEFT's format
	Model    model.Options   // the base is read with them, but for what Contract says
	Contract *model.Contract // of the merged model, under which the check embeds, too; nil is the base's
	Probes   []string        // texts that the check embeds

	ShardLimit int64 // bytes of tensors that a file of weights holds; 0 is safetensors.ShardLimit

	// LanguageModel keeps the head and leaves out modules and contract (model.WriteLanguageModel). The vectors of the check are
	// what that head reads.
	LanguageModel bool
}

// Check is what a merge was found to be. Vectors are brought to unit length before they are compared.
type Check struct {
	Probes        int     `json:"probes"`
	MaxDifference float64 `json:"max_difference"` // of any component of a probe's vector, merged against base + adapter
	Tolerance     float64 `json:"tolerance"`
	Change        float64 `json:"change"` // the same between base + adapter and the base alone: what the adapter does
}

// Tolerances of a measure on dev (semantics: Merge), for a merge that is stored in f32 and one rounded to 16 bits.
const (
	metricTolerance   = 0.0005
	metricTolerance16 = 0.002
)

// MetricTolerance is how far a measure on dev may be from that of base + adapter, both at f32.
func (c Check) MetricTolerance() float64 {
	if c.Tolerance > toleranceF32 {
		return metricTolerance16
	}
	return metricTolerance
}

// ErrDiffers says that a merged model does not give the vectors of base and adapter, ErrCopyDiffers that a copied one
// does not give those of its original.
var (
	ErrDiffers     = errors.New("the merged model differs from base and adapter")
	ErrCopyDiffers = errors.New("the copied model differs from its original")
)

// Merge writes the merged model, whose vocabulary is that of the adapter where its tokenizer has more special tokens, through sink, whose files appear below the directory into, opens it there and checks it.
// After an error, a failed check (ErrDiffers) among them, what was written must be thrown away: rundir.WriteDir around
// the call does so.
func Merge(ctx context.Context, e *compute.Engine, o Options, into string, sink model.Sink) (Check, error) {
	if len(o.Probes) == 0 {
		return Check{}, errors.New("merge: no probe texts to check it on")
	}
	if c := o.Contract; c != nil && !o.LanguageModel {
		o.Model.Pooling, o.Model.Normalize, o.Model.TruncateDim = c.Pooling, &c.Normalize, c.TruncateDim
	}
	var err error
	if o.Model, err = o.Model.WithTokensOf(o.Adapter, o.Base); err != nil {
		return Check{}, fmt.Errorf("merge: %w", err)
	}
	if tokens := o.Model.SpecialTokens; len(tokens) > 0 {
		o.Probes = append(slices.Clone(o.Probes), strings.Join(tokens, " ")) // no other text need hold one
	}
	if err := write(ctx, o, e.Workers(), sink); err != nil {
		return Check{}, err
	}
	c, err := check(ctx, e, o, into)
	if err != nil {
		return c, fmt.Errorf("check the merged model: %w", err)
	}
	return c, nil
}

// write writes the merged model. Nothing of it stays in memory: the check opens base and adapter itself.
func write(ctx context.Context, o Options, workers int, sink model.Sink) error {
	base, err := model.Open(o.Base, o.Model)
	if err != nil {
		return fmt.Errorf("base: %w", err)
	}
	defer base.Close()
	adapter, err := lora.Open(o.Adapter, base.Base())
	if err != nil {
		return fmt.Errorf("adapter: %w", err)
	}
	entries, err := adapter.Merge(ctx, base.Base(), workers)
	if err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	entries = base.TieHeads(base.Base(), func(name string) bool { return changes(adapter, name) }, entries)
	if o.LanguageModel {
		err = model.WriteLanguageModel(sink, base.Directory, entries, o.ShardLimit)
	} else {
		err = model.WriteDirectory(sink, base.Directory, entries, model.WriteOptions{Contract: o.Contract, ShardLimit: o.ShardLimit})
	}
	if err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	return nil
}

// tolerances of a component of a unit vector, by the base's type (semantics: Merge). A 16-bit merge is held against
// base + adapter in f32, which is a merge kept in f32 but for f32's own noise. Rounding moves each merged weight by up
// to half a unit in the last place, 2^-8 of its size for bf16 and 2^-11 for f16; 4 such units leave room for what a deep
// network makes of it (all-MiniLM-L6-v2 stays below a quarter of one).
const (
	toleranceF32  = 1e-5
	toleranceBF16 = 4.0 / (1 << 8)
	toleranceF16  = 4.0 / (1 << 11)
)

// tolerance is that of the coarsest type among the tensors that the adapter changes.
func tolerance(a *lora.Adapter, base *safetensors.File) float64 {
	largest := toleranceF32
	for _, t := range base.Tensors() {
		if !changes(a, t.Name) {
			continue
		}
		switch t.DType {
		case safetensors.BF16:
			largest = max(largest, toleranceBF16)
		case safetensors.F16:
			largest = max(largest, toleranceF16)
		}
	}
	return largest
}

func changes(a *lora.Adapter, tensor string) bool {
	for _, l := range a.Layers {
		if l.Tensor == tensor {
			return true
		}
	}
	_, saved := a.Saved[tensor]
	return saved
}
