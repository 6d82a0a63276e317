package lora

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Encode returns adapter_config.json as PEFT writes it, keys sorted, two spaces, with few keys: many of its releases
// refuse a key that is younger than they are. For that reason exclude_modules is there only where it is used.
func (c Config) Encode() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	nullable := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	content := map[string]any{
		"alpha_pattern": overrides(c.AlphaPattern), "auto_mapping": nil, "base_model_name_or_path": nullable(c.BaseModel),
		"bias": "none", "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
		"layers_pattern": c.LayersPattern, "layers_to_transform": c.LayersToTransform,
		"lora_alpha": c.Alpha, "lora_dropout": c.Dropout, "modules_to_save": c.ModulesToSave, "peft_type": "LORA",
		"r": c.Rank, "rank_pattern": overrides(c.RankPattern), "revision": nullable(c.Revision), "target_modules": c.Targets,
		"task_type": nullable(c.TaskType), "use_rslora": c.RSLoRA,
	}
	if !c.Exclude.empty() {
		content["exclude_modules"] = c.Exclude
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(content); err != nil {
		return nil, fmt.Errorf("encode %s: %w", ConfigName, err)
	}
	return out.Bytes(), nil
}
