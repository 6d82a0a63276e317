package lora

import (
	"fmt"
	"math"
	"strings"
)

// The files of an adapter's directory.
const (
	ConfigName       = "adapter_config.json"
	WeightsName      = "adapter_model.safetensors"
	TorchWeightsName = "adapter_model.bin" // read where WeightsName is not there; never written
)

// AllLinear as the pattern of Targets stands for every linear module but a model's output head.
const AllLinear = "all-linear"

// Config is adapter_config.json: the part of PEFT's LoraConfig that is implemented. DefaultConfig has PEFT's defaults.
type Config struct {
	Rank    int     // r
	Alpha   float64 // lora_alpha
	Dropout float64 // lora_dropout, of the adapter's input in training
	RSLoRA  bool    // scaling alpha/sqrt(rank) (Kalajdzievski, 2023) in place of alpha/rank

	Targets           Targets // target_modules
	Exclude           Targets // exclude_modules
	LayersToTransform []int   // nil: all layers
	LayersPattern     []string
	RankPattern       []Override
	AlphaPattern      []Override

	ModulesToSave []string // modules whose own weights the adapter replaces
	BaseModel     string   // base_model_name_or_path; empty is null
	Revision      string   // of the base on the hub; empty is null
	TaskType      string   // empty is null
}

// Targets selects modules: by names, or by a pattern, which is a regular expression that matches a whole name, or
// AllLinear. At most one of the two is set.
type Targets struct {
	Names   []string
	Pattern string
}

// Override gives modules whose name ends in a match of the regular expression another rank or alpha. Of several the
// first counts, so their order is part of the configuration.
type Override struct {
	Pattern string
	Value   float64
}

// DefaultConfig returns PEFT's defaults: rank 8, alpha 8, no dropout; targets must be chosen.
func DefaultConfig() Config {
	return Config{Rank: 8, Alpha: 8, TaskType: "FEATURE_EXTRACTION"}
}

// Validate checks a configuration by itself, as PEFT's LoraConfig does.
func (c Config) Validate() error {
	if c.Rank < 1 {
		return fmt.Errorf("r %d is not positive", c.Rank)
	}
	if math.IsNaN(c.Alpha) || math.IsInf(c.Alpha, 0) {
		return fmt.Errorf("lora_alpha %g is not a number to scale by", c.Alpha)
	}
	if !(c.Dropout >= 0 && c.Dropout < 1) {
		return fmt.Errorf("lora_dropout %g is not a probability below 1", c.Dropout)
	}
	if len(c.Targets.Names) == 0 && c.Targets.Pattern == "" {
		return fmt.Errorf("target_modules is empty; name modules such as query, key, value, or %s", AllLinear)
	}
	if c.Targets.Pattern != "" && (c.LayersToTransform != nil || c.LayersPattern != nil) {
		return fmt.Errorf("layers_to_transform and layers_pattern go with a list of target_modules, not with the pattern %q", c.Targets.Pattern)
	}
	if c.LayersPattern != nil && c.LayersToTransform == nil {
		return fmt.Errorf("layers_pattern needs layers_to_transform")
	}
	for _, o := range c.RankPattern {
		if o.Value < 1 || o.Value != math.Trunc(o.Value) || o.Value > math.MaxInt32 {
			return fmt.Errorf("rank_pattern: %s: %g is not a rank", o.Pattern, o.Value)
		}
	}
	_, err := c.matcher()
	return err
}

// Scaling returns the factor of B·A for a module's rank and alpha.
func (c Config) Scaling(rank int, alpha float64) float64 {
	if c.RSLoRA {
		return alpha / math.Sqrt(float64(rank))
	}
	return alpha / float64(rank)
}

func (t Targets) allLinear() bool { return strings.EqualFold(t.Pattern, AllLinear) }

func (t Targets) empty() bool { return len(t.Names) == 0 && t.Pattern == "" }
