package finetune

import (
	"math"
	"slices"
)

// Schedule names how the learning rate moves, as transformers' get_scheduler does.
type Schedule string

// The schedules.
const (
	Linear             Schedule = "linear"
	Cosine             Schedule = "cosine"
	Constant           Schedule = "constant" // without warm-up, whatever the ratio
	ConstantWithWarmup Schedule = "constant_with_warmup"
)

func (s Schedule) known() bool {
	return slices.Contains([]Schedule{Linear, Cosine, Constant, ConstantWithWarmup}, s)
}

// Warmup is the steps in which the rate rises, of so many: WarmupSteps where they are given, else ceil(WarmupRatio · total), as
// transformers counts them; a constant rate has none. More than there are end on the way up.
func (o Options) Warmup(total int) int {
	switch {
	case o.Schedule == Constant:
		return 0
	case o.WarmupSteps > 0:
		return o.WarmupSteps
	}
	return int(math.Ceil(o.WarmupRatio * float64(total)))
}

// Rate is the learning rate of an optimizer step, counted from 0; a warm-up starts with 0.
func (s Schedule) Rate(peak float64, step, warmup, total int) float64 {
	if s == Constant {
		return peak
	}
	if step < warmup {
		return peak * float64(step) / float64(max(1, warmup))
	}
	switch s {
	case Linear:
		return peak * max(0, float64(total-step)/float64(max(1, total-warmup)))
	case Cosine:
		progress := float64(step-warmup) / float64(max(1, total-warmup))
		return peak * max(0, 0.5*(1+math.Cos(math.Pi*progress)))
	}
	return peak
}

// StepsPerEpoch is the optimizer steps that n queries make.
func (o Options) StepsPerEpoch(n int) int {
	if o.DropLast {
		return n / o.Batch
	}
	return (n + o.Batch - 1) / o.Batch
}

// Steps is the optimizer steps of a whole run over n queries.
func (o Options) Steps(n int) int {
	steps := o.Epochs * o.StepsPerEpoch(n)
	if o.MaxSteps > 0 {
		steps = min(steps, o.MaxSteps)
	}
	return steps
}
