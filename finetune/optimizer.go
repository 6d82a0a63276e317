package finetune

import (
	"math"
	"strings"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
)

// parameter is a trained weight with its moments.
type parameter struct {
	*compute.Weight
	first, second []float32
	decays        bool
}

func newParameter(w *compute.Weight, decays bool) *parameter {
	n := len(w.Values)
	return &parameter{Weight: w, first: make([]float32, n), second: make([]float32, n), decays: decays}
}

// decays says of each parameter of a graph whether weight decay applies, by the rule of transformers' Trainer: neither to
// norms nor to what is called a bias, as MPNet's table of distances is.
func decays(g *tensor.Graph) []bool {
	all := make([]bool, len(g.Params))
	for i, spec := range g.Params {
		all[i] = !strings.Contains(spec.Name, "bias")
	}
	for _, op := range g.Ops {
		if op.Kind != tensor.LayerNorm && op.Kind != tensor.RMSNorm {
			continue
		}
		for _, p := range op.Params {
			if p != tensor.None {
				all[p] = false
			}
		}
	}
	return all
}

// clipFactor scales gradients whose norm exceeds the limit, as torch.nn.utils.clip_grad_norm_ does.
func clipFactor(norm, limit float64) float64 {
	if limit == 0 {
		return 1
	}
	return min(1, limit/(norm+1e-6))
}

// adam holds the settings of optimizer step t, counted from 1.
func (o Options) adam(rate, clip float64, t int, decays bool) kernel.AdamStep {
	decay := 0.0
	if decays {
		decay = o.WeightDecay
	}
	return kernel.AdamStep{
		GradientScale: float32(clip), Keep: float32(1 - rate*decay),
		OneMinusBeta1: float32(1 - o.Beta1), Beta2: float32(o.Beta2), OneMinusBeta2: float32(1 - o.Beta2),
		Step: float32(rate / (1 - math.Pow(o.Beta1, float64(t)))), Correction: float32(1 / math.Sqrt(1-math.Pow(o.Beta2, float64(t)))), Epsilon: float32(o.Epsilon),
	}
}

// scalar is a trained number, the logarithm of the inverse temperature, with its moments in float64.
type scalar struct{ Value, First, Second float64 }

// step is one Adam step without decay.
func (p *scalar) step(o Options, gradient, rate float64, t int) {
	p.First += float64((gradient - p.First) * (1 - o.Beta1))
	p.Second = float64(p.Second*o.Beta2) + float64(gradient*gradient*(1-o.Beta2))
	deviation := math.Sqrt(p.Second)/math.Sqrt(1-math.Pow(o.Beta2, float64(t))) + o.Epsilon
	p.Value -= rate / (1 - math.Pow(o.Beta1, float64(t))) * p.First / deviation
}

// The range of a learned temperature: a logit scale between 1 and 100 (Radford et al., 2021, clip at 100).
const (
	MinTemperature = 0.01
	MaxTemperature = 1.0
)

func (p *scalar) clamp() {
	p.Value = min(max(p.Value, math.Log(1/MaxTemperature)), math.Log(1/MinTemperature))
}

// temperature is what scores are divided by.
func (p *scalar) temperature() float64 { return math.Exp(-p.Value) }
