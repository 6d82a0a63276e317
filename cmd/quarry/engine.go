package main

import (
	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/recipe"
)

// EngineOptions are the flags of commands that compute.
type EngineOptions struct {
	CPU       string
	Precision string
	Workers   int
	Memory    recipe.Size
}

// cpuPaths are the values of --cpu; doctor says which of them a machine has.
const cpuPaths = "amx, avx512bf16, avx512, avx2, neon or portable"

// AddFlags adds the flags to a command.
func (o *EngineOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.CPU, "cpu", "", "processor `path`: "+cpuPaths+" (the best there is, or QUARRY_CPU)")
	f.StringVar(&o.Precision, "precision", string(compute.Auto), "operands of matrix products: auto, f32 or bf16")
	o.addLimits(f)
}

// addLimits adds the flags that change speed, never a result.
func (o *EngineOptions) addLimits(f *pflag.FlagSet) {
	f.IntVar(&o.Workers, "workers", 0, "processors to use (all that the machine or container grants)")
	f.Var(size{&o.Memory}, "memory", "memory to stay within, such as 2GiB (three quarters of what is free)")
}

// path is the processor path that was asked for; empty is the best there is.
func (o EngineOptions) path(m machine) kernel.Path {
	if o.CPU != "" {
		return kernel.Path(o.CPU)
	}
	return kernel.Path(m.CPU)
}

// open makes the engine, with what the machine grants where no flag says otherwise.
func (o EngineOptions) open(m machine) (*compute.Engine, error) {
	c := compute.Options{Path: o.path(m), Precision: compute.Precision(o.Precision), Workers: o.Workers, Memory: int64(o.Memory)}
	if c.Workers == 0 {
		c.Workers = m.workers()
	}
	if c.Memory == 0 {
		c.Memory = m.memory()
	}
	e, err := compute.New(c)
	return e, badInput(err)
}
