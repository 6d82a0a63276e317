package lora

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ParseConfig reads adapter_config.json; file stands for it in errors. A key that this package does not implement is
// accepted only with a value that switches it off.
func ParseConfig(raw []byte, file string) (Config, error) {
	c, err := parseConfig(raw)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

func parseConfig(raw []byte) (Config, error) {
	fields, err := parseFields(raw)
	if err != nil {
		return Config{}, err
	}
	c := DefaultConfig()
	c.TaskType = ""
	kind, bias, transposed := "", "none", false
	var start json.RawMessage
	for _, f := range []struct {
		key  string
		into any
	}{
		{"peft_type", &kind}, {"bias", &bias}, {"fan_in_fan_out", &transposed}, {"init_lora_weights", &start},
		{"r", &c.Rank}, {"lora_alpha", &c.Alpha}, {"lora_dropout", &c.Dropout}, {"use_rslora", &c.RSLoRA},
		{"target_modules", &c.Targets}, {"exclude_modules", &c.Exclude},
		{"layers_to_transform", (*integers)(&c.LayersToTransform)}, {"layers_pattern", (*texts)(&c.LayersPattern)},
		{"rank_pattern", (*overrides)(&c.RankPattern)}, {"alpha_pattern", (*overrides)(&c.AlphaPattern)},
		{"modules_to_save", &c.ModulesToSave},
		{"base_model_name_or_path", &c.BaseModel}, {"revision", &c.Revision}, {"task_type", &c.TaskType},
	} {
		if err := fields.take(f.key, f.into); err != nil {
			return Config{}, err
		}
	}
	for _, check := range []error{
		refuse("peft_type", kind, "LORA"), refuse("bias", bias, "none"), checkStart(start), fields.rest(),
	} {
		if check != nil {
			return Config{}, check
		}
	}
	if transposed {
		return Config{}, errors.New("fan_in_fan_out true is not supported: weights are [out, in]")
	}
	return c, c.Validate()
}

func refuse(key, value, supported string) error {
	if value == supported {
		return nil
	}
	return fmt.Errorf("%s %q is not supported; supported is %q", key, value, supported)
}

// checkStart refuses initialisations that take a part out of the base's weights: such an adapter fits the changed base
// only, which its files do not hold.
func checkStart(raw json.RawMessage) error {
	switch string(raw) {
	case "", "null", "true", "false", `"gaussian"`, `"orthogonal"`, `"eva"`:
		return nil
	}
	return fmt.Errorf("init_lora_weights %s is not supported: it may change the base's weights; convert the adapter with PEFT's path_initial_model_for_weight_conversion", raw)
}
