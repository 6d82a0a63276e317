package lora_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/model/lora"
)

func TestParseConfigRefuses(t *testing.T) {
	for _, tc := range []struct{ name, keys, want string }{
		{"not JSON", `oops`, "is not a JSON object"},
		{"cut short", `"r": 4`, "not valid JSON"},
		{"key twice", `"r": 4, "r": 8}`, `key "r" comes twice`},
		{"other method", `"peft_type": "IA3"}`, `peft_type "IA3" is not supported; supported is "LORA"`},
		{"DoRA", `"use_dora": true}`, "use_dora true is not supported"},
		{"bias in B", `"lora_bias": true}`, "lora_bias true is not supported"},
		{"trained biases", `"bias": "all"}`, `bias "all" is not supported`},
		{"parameters", `"target_parameters": ["x"]}`, `target_parameters ["x"] is not supported`},
		{"replicated layers", `"layer_replication": [[0, 2]]}`, "layer_replication [[0, 2]] is not supported"},
		{"token indices", `"trainable_token_indices": [1]}`, "trainable_token_indices [1] is not supported"},
		{"aLoRA", `"alora_invocation_tokens": [1]}`, "alora_invocation_tokens [1] is not supported"},
		{"QALoRA", `"use_qalora": true}`, "use_qalora true is not supported"},
		{"LoftQ", `"loftq_config": {"loftq_bits": 4}}`, "loftq_config"},
		{"Megatron", `"megatron_config": {"a": 1}}`, "megatron_config"},
		{"unknown and on", `"use_marvel": 1}`, "use_marvel 1 is not supported"},
		{"PiSSA", `"init_lora_weights": "pissa"}`, `init_lora_weights "pissa" is not supported: it may change the base's weights`},
		{"transposed", `"fan_in_fan_out": true}`, "fan_in_fan_out true is not supported"},
		{"rank 0", `"r": 0}`, "r 0 is not positive"},
		{"rank as text", `"r": "4"}`, "r: json: cannot unmarshal string"},
		{"dropout 1", `"lora_dropout": 1}`, "lora_dropout 1 is not a probability"},
		{"rank override 0", `"rank_pattern": {"query": 0}}`, "rank_pattern: query: 0 is not a rank"},
		{"rank override 1.5", `"rank_pattern": {"query": 1.5}}`, "rank_pattern: query: 1.5 is not a rank"},
		{"look-ahead", `"rank_pattern": {"(?!x)query": 4}}`, `rank_pattern: "(?!x)query" is not a regular expression that is supported`},
		{"Python's {,n}", `"exclude_modules": "a{,3}"}`, `exclude_modules: "a{,3}": write {0,n}`},
		{"layers with a pattern", `"target_modules": ".*query", "layers_to_transform": [1]}`, "go with a list of target_modules"},
		{"layers_pattern alone", `"layers_pattern": "layer"}`, "layers_pattern needs layers_to_transform"},
		{"more after the brace", `"r": 4} 5`, "holds more after its closing brace"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			raw := tc.keys
			if raw != "oops" {
				raw = "{" + tc.keys
				for key, value := range map[string]string{"peft_type": `"LORA"`, "target_modules": `["query"]`} {
					if !strings.Contains(raw, key) {
						raw = `{"` + key + `": ` + value + ", " + raw[1:]
					}
				}
			}
			_, err := lora.ParseConfig([]byte(raw), "adapter_config.json")
			if err == nil || !strings.HasPrefix(err.Error(), "adapter_config.json: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	t.Run("no targets", func(t *testing.T) {
		_, err := lora.ParseConfig([]byte(`{"peft_type": "LORA"}`), "c")
		if err == nil || !strings.Contains(err.Error(), "target_modules is empty") {
			t.Errorf("got %v", err)
		}
	})
}

func TestEncodeConfig(t *testing.T) {
	c := lora.Config{
		Rank: 4, Alpha: 8, Dropout: 0.1, RSLoRA: true, Targets: lora.Targets{Names: []string{"query", "value"}},
		Exclude: lora.Targets{Pattern: `.*\.0\..*`}, LayersToTransform: []int{1, 2}, LayersPattern: []string{"layer"},
		RankPattern:  []lora.Override{{Pattern: "value", Value: 2}, {Pattern: "layer.1|query", Value: 6}},
		AlphaPattern: []lora.Override{{Pattern: "key", Value: 1.5}},
		BaseModel:    "base", Revision: "v1.5", TaskType: "FEATURE_EXTRACTION",
	}
	raw, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "alpha_pattern": {
    "key": 1.5
  },
  "auto_mapping": null,
  "base_model_name_or_path": "base",
  "bias": "none",
  "exclude_modules": ".*\\.0\\..*",
  "fan_in_fan_out": false,
  "inference_mode": true,
  "init_lora_weights": true,
  "layers_pattern": [
    "layer"
  ],
  "layers_to_transform": [
    1,
    2
  ],
  "lora_alpha": 8,
  "lora_dropout": 0.1,
  "modules_to_save": null,
  "peft_type": "LORA",
  "r": 4,
  "rank_pattern": {
    "value": 2,
    "layer.1|query": 6
  },
  "revision": "v1.5",
  "target_modules": [
    "query",
    "value"
  ],
  "task_type": "FEATURE_EXTRACTION",
  "use_rslora": true
}
`
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Error(diff)
	}
	back, err := lora.ParseConfig(raw, "c")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Errorf("read back:\n%s", diff)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"peft_type": "LORA", "target_modules": ["query"], "rank_pattern": {"a|b": 2}, "layers_to_transform": 1}`))
	f.Add([]byte(`{"peft_type": "LORA", "target_modules": "all-linear", "exclude_modules": ".*dense", "use_dora": null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := lora.ParseConfig(raw, "fuzz")
		if err != nil {
			return
		}
		encoded, err := c.Encode()
		if err != nil {
			t.Fatalf("read but not written: %v", err)
		}
		again, err := lora.ParseConfig(encoded, "again")
		if err != nil {
			t.Fatalf("written but not read: %v\n%s", err, encoded)
		}
		if diff := cmp.Diff(selected(c), selected(again)); diff != "" {
			t.Fatalf("written and read, it selects others:\n%s", diff)
		}
	})
}

func selected(c lora.Config) []lora.Target {
	targets, _ := c.Match(bertModules(""))
	return targets
}
