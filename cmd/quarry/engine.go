package main

import (
	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
)

// EngineOptions are the flags of commands that compute.
type EngineOptions struct {
	CPU       string
	Precision string
	Workers   int
	Memory    recipe.Size

	weights string // what ModelOptions says of them, for the identity
}

// AddFlags adds the flags to a command.
func (o *EngineOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.CPU, "cpu", "", "processor `path`, such as avx512 or portable; quarry doctor lists those there are (QUARRY_CPU, else the best there is)")
	f.StringVar(&o.Precision, "precision", string(compute.Auto), "operands of matrix products: auto, f32 or bf16")
	o.addLimits(f)
}

// addLimits adds the flags that change speed, never a result.
func (o *EngineOptions) addLimits(f *pflag.FlagSet) {
	f.IntVar(&o.Workers, "workers", 0, "processors to use (all that the machine or container grants)")
	f.Var(size{&o.Memory}, "memory", "memory of the whole command, mapped files apart, such as 2GiB (three quarters of what is free)")
}

// path is the processor path that was asked for; empty is the best there is.
func (o EngineOptions) path(m machine) kernel.Path {
	if o.CPU != "" {
		return kernel.Path(o.CPU)
	}
	return kernel.Path(m.CPU)
}

// limit is the memory of the whole command: as the flag says, or what the machine grants; 0 is no limit.
func (o EngineOptions) limit(m machine) int64 {
	if o.Memory != 0 {
		return int64(o.Memory)
	}
	return m.memory()
}

// workers is the goroutines that compute.
func (o EngineOptions) workers(h *host) int {
	if o.Workers != 0 {
		return o.Workers
	}
	return h.machine.workers()
}

// memory is what everything read and opened before, and weights that are to come, leave of the limit; 0 is no limit.
func (o EngineOptions) memory(h *host, weights model.Footprint) int64 {
	limit := o.limit(h.machine)
	if o.Memory == 0 {
		limit = h.machine.memoryBeside(weights.Mapped)
	}
	if h.process == nil || limit == 0 {
		return limit
	}
	return h.process.rest(limit, weights.Held)
}

// open makes the engine, with what the machine grants where no flag says otherwise. Its memory
// is as above.
func (o EngineOptions) open(h *host, weights model.Footprint) (*compute.Engine, error) {
	if err := h.machine.checkPath(o.CPU); err != nil {
		return nil, err
	}
	c := compute.Options{Path: o.path(h.machine), Precision: compute.Precision(o.Precision), Workers: o.workers(h), Memory: o.memory(h, weights), Weights: roundedTo(o.weights)}
	e, err := compute.New(c)
	return e, badInput(err)
}

// identity is that of the engine which open makes.
func (o EngineOptions) identity(h *host, weights string) (string, error) {
	if err := h.machine.checkPath(o.CPU); err != nil {
		return "", err
	}
	e, err := compute.New(compute.Options{Path: o.path(h.machine), Precision: compute.Precision(o.Precision), Workers: 1, Weights: roundedTo(weights)})
	if err != nil {
		return "", badInput(err)
	}
	defer e.Close()
	return e.Identity(), nil
}
