package model

import (
	"cmp"
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/transformer"
)

// ropeTypes are the kinds of rotary position embeddings, by transformers' names.
var ropeTypes = []string{"default", "linear", "dynamic", "llama3", "yarn"}

// rope is what config.json says of rotary position embeddings.
type rope struct {
	kind      string
	theta     float64
	settings  *object // of the kind
	positions int     // max_position_embeddings
}

// takeRope reads the rotary embeddings of networks whose layers share them: rope_parameters, as transformers 5 writes, or
// rope_theta and rope_scaling, of which the latter goes before rope_parameters.
func (o *object) takeRope(theta float64, positions int) (rope, error) {
	if _, err := o.take("rope_theta", &theta); err != nil {
		return rope{}, err
	}
	settings, err := o.takeObject("rope_scaling")
	if err != nil {
		return rope{}, err
	}
	parameters, err := o.takeObject("rope_parameters")
	if err != nil {
		return rope{}, err
	}
	if len(settings.keys) == 0 {
		settings = parameters
	}
	for _, kind := range []string{"full_attention", "sliding_attention"} {
		if _, nested := settings.values[kind]; nested {
			return rope{}, fmt.Errorf("%s: rotary embeddings by kind of layer (%s) are not those of this model_type", settings.file, kind)
		}
	}
	return o.readRope(settings, theta, positions)
}

// takeLayerRopes reads the rotary embeddings of networks in which layers with and without a window have their own:
// rope_parameters by kind of layer, or rope_theta, rope_scaling and rope_local_base_freq.
func (o *object) takeLayerRopes(global, local float64, positions int) (full, sliding rope, err error) {
	if _, err := o.take("rope_theta", &global); err != nil {
		return full, sliding, err
	}
	if _, err := o.take("rope_local_base_freq", &local); err != nil {
		return full, sliding, err
	}
	parameters, err := o.takeObject("rope_parameters")
	if err != nil {
		return full, sliding, err
	}
	settings := map[string]*object{}
	for _, kind := range []string{"full_attention", "sliding_attention"} {
		if settings[kind], err = parameters.takeObject(kind); err != nil {
			return full, sliding, err
		}
	}
	if err := parameters.rest(); err != nil {
		return full, sliding, err
	}
	scaling, err := o.takeObject("rope_scaling")
	if err != nil {
		return full, sliding, err
	}
	if len(scaling.keys) > 0 {
		settings["full_attention"] = scaling.over(settings["full_attention"])
	}
	if full, err = o.readRope(settings["full_attention"], global, positions); err != nil {
		return full, sliding, err
	}
	sliding, err = o.readRope(settings["sliding_attention"], local, positions)
	return full, sliding, err
}

// readRope reads the kind and the base; the settings of the kind are read when frequencies are made.
func (o *object) readRope(settings *object, theta float64, positions int) (rope, error) {
	r := rope{kind: "default", theta: theta, settings: settings, positions: positions}
	for _, key := range []string{"type", "rope_type"} { // the latter is the newer
		if _, err := settings.take(key, &r.kind); err != nil {
			return rope{}, err
		}
	}
	if _, err := settings.take("rope_theta", &r.theta); err != nil {
		return rope{}, err
	}
	if !(r.theta > 1 && r.theta <= math.MaxFloat32) {
		return rope{}, fmt.Errorf("%s: rope_theta %g is not a base above 1", settings.file, r.theta)
	}
	for _, from := range []*object{o, settings} {
		part := 1.0
		if _, err := from.take("partial_rotary_factor", &part); err != nil {
			return rope{}, err
		}
		if part != 1 {
			return rope{}, fmt.Errorf("%s: partial_rotary_factor %g is not supported; supported is 1", from.file, part)
		}
	}
	return r, nil
}

// rotary makes the frequencies for heads of a dimension. They are made in float32, as transformers makes them.
func (r rope) rotary(dim int) (transformer.Rotary, error) {
	made := transformer.Rotary{Frequencies: make([]float32, dim/2)}
	for i := range made.Frequencies {
		made.Frequencies[i] = 1 / float32(math.Pow(r.theta, float64(float32(2*i)/float32(dim))))
	}
	var err error
	switch r.kind {
	case "default":
	case "linear":
		err = r.linear(made.Frequencies)
	case "dynamic":
		made.Stretch, err = r.dynamic(dim)
	case "llama3":
		err = r.llama3(made.Frequencies)
	case "yarn":
		made.Stretch, err = r.yarn(made.Frequencies)
	default:
		err = fmt.Errorf("%s: rope_type %q is not supported; supported are %s", r.settings.file, r.kind, list(ropeTypes))
	}
	if err != nil {
		return made, err
	}
	for i, f := range made.Frequencies {
		if !(f >= 0 && f <= math.MaxFloat32) {
			return made, fmt.Errorf("%s: the settings of rope_type %s give frequency %d the value %v", r.settings.file, r.kind, i, f)
		}
	}
	return made, nil
}

// linear is position interpolation (Chen et al., 2023).
func (r rope) linear(frequencies []float32) error {
	factor, err := r.factor()
	for i := range frequencies {
		frequencies[i] /= float32(factor)
	}
	return err
}

// dynamic is NTK scaling by the length of a text.
func (r rope) dynamic(dim int) (tensor.Stretch, error) {
	factor, err := r.factor()
	if err != nil {
		return tensor.Stretch{}, err
	}
	if dim < 4 {
		return tensor.Stretch{}, fmt.Errorf("%s: rope_type dynamic needs a head_dim of at least 4, not %d", r.settings.file, dim)
	}
	return tensor.Stretch{Base: r.theta, Factor: factor, Positions: r.positions}, nil
}

// reach is how many positions the rotary embeddings serve: only by dynamic scaling more than config.json states.
func (r rope) reach() (int, error) {
	if r.kind != "dynamic" {
		return r.positions, nil
	}
	factor, err := r.factor()
	return int(math.Min(factor*float64(r.positions), math.MaxInt32)), err
}

// llama3 is the scaling of Llama 3.1: low frequencies are divided, high ones stay, those between are mixed.
func (r rope) llama3(frequencies []float32) error {
	factor, err := r.factor()
	if err != nil {
		return err
	}
	low, err := r.number("low_freq_factor", 0)
	if err != nil {
		return err
	}
	high, err := r.number("high_freq_factor", 0)
	if err != nil {
		return err
	}
	if low == high {
		return fmt.Errorf("%s: low_freq_factor and high_freq_factor are both %g", r.settings.file, low)
	}
	original, err := r.original()
	if err != nil {
		return err
	}
	for i, f := range frequencies {
		length := 1 / f * float32(2*math.Pi)
		switch {
		case length > float32(original/low):
			frequencies[i] = f / float32(factor)
		case length >= float32(original/high):
			smooth := (1/length*float32(original) - float32(low)) / float32(high-low)
			frequencies[i] = float32((1-smooth)*f/float32(factor)) + float32(smooth*f)
		}
	}
	return nil
}

// yarn interpolates low frequencies, keeps high ones, and scales what the embeddings turn (Peng et al., 2023).
func (r rope) yarn(frequencies []float32) (tensor.Stretch, error) {
	factor, err := r.factor()
	if err != nil {
		return tensor.Stretch{}, err
	}
	original, err := r.original()
	if err != nil {
		return tensor.Stretch{}, err
	}
	values := map[string]float64{"attention_factor": 0, "mscale": 0, "mscale_all_dim": 0, "beta_fast": 32, "beta_slow": 1}
	for _, key := range []string{"attention_factor", "mscale", "mscale_all_dim", "beta_fast", "beta_slow"} {
		var value float64
		if _, err := r.settings.take(key, &value); err != nil {
			return tensor.Stretch{}, err
		}
		values[key] = cmp.Or(value, values[key]) // 0 is absent for transformers, too
	}
	truncate := true
	if _, err := r.settings.take("truncate", &truncate); err != nil {
		return tensor.Stretch{}, err
	}
	dim := float64(2 * len(frequencies))
	place := func(turns float64) float64 { // of the frequency that turns so often in the original length
		return dim * math.Log(original/(turns*2*math.Pi)) / (2 * math.Log(r.theta))
	}
	first, last := place(values["beta_fast"]), place(values["beta_slow"])
	if truncate {
		first, last = math.Floor(first), math.Ceil(last)
	}
	first, last = max(first, 0), min(last, dim-1)
	if first == last {
		last += 0.001
	}
	for i, f := range frequencies {
		ramp := min(max((float32(i)-float32(first))/float32(last-first), 0), 1)
		keep := 1 - ramp
		frequencies[i] = float32(1/(float32(factor)*(1/f))*(1-keep)) + float32(f*keep)
	}
	grown := func(by float64) float64 {
		if factor <= 1 {
			return 1
		}
		return 0.1*by*math.Log(factor) + 1
	}
	scale := values["attention_factor"]
	switch {
	case scale != 0:
	case values["mscale"] != 0 && values["mscale_all_dim"] != 0:
		scale = grown(values["mscale"]) / grown(values["mscale_all_dim"])
	default:
		scale = grown(1)
	}
	return tensor.Stretch{Scale: float32(scale)}, nil
}

// factor is by how much texts are longer than those of the training.
func (r rope) factor() (float64, error) { return r.number("factor", 0) }

// original is the number of positions before scaling.
func (r rope) original() (float64, error) {
	return r.number("original_max_position_embeddings", float64(r.positions))
}

// number reads a setting above 0; a fallback of 0 says that it must be there.
func (r rope) number(key string, fallback float64) (float64, error) {
	var value float64
	present, err := r.settings.take(key, &value)
	if err != nil {
		return 0, err
	}
	if !present && fallback == 0 {
		return 0, fmt.Errorf("%s: rope_type %s needs %q", r.settings.file, r.kind, key)
	}
	value = cmp.Or(value, fallback)
	if !(value > 0 && value <= math.MaxFloat32) {
		return 0, fmt.Errorf("%s: %s %g is not a positive number", r.settings.file, key, value)
	}
	return value, nil
}
