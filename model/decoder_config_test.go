package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/transformer"
)

// decoderConfig is a config.json of a model type with the keys that no decoder may leave out; settings are put over them, and
// nil takes a key away.
func decoderConfig(t *testing.T, kind string, settings map[string]any) []byte {
	t.Helper()
	content := map[string]any{"model_type": kind, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
		"head_dim": 8, "intermediate_size": 48, "vocab_size": 100, "max_position_embeddings": 64}
	maps.Copy(content, settings)
	maps.DeleteFunc(content, func(_ string, value any) bool { return value == nil })
	raw, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func parseDecoder(t *testing.T, raw []byte) (*Config, transformer.Decoder) {
	t.Helper()
	c, err := ParseConfig(raw, "config.json")
	if err != nil {
		t.Fatal(err)
	}
	return c, c.network.(transformer.Decoder)
}

var jsonNull = json.RawMessage("null")

func TestDecodersAreReadFromTheirConfig(t *testing.T) {
	sliding := func(pattern string) []bool {
		var layers []bool
		for _, c := range pattern {
			layers = append(layers, c == 's')
		}
		return layers
	}
	for _, tc := range []struct {
		name, kind string
		settings   map[string]any
		want       func(d *transformer.Decoder)
	}{
		{"llama", "llama", nil, func(*transformer.Decoder) {}},
		{"llama without heads of keys", "llama", map[string]any{"num_key_value_heads": nil}, func(d *transformer.Decoder) { d.KVHeads = 4 }},
		{"llama without a head's width", "llama", map[string]any{"head_dim": jsonNull, "num_attention_heads": 2}, func(d *transformer.Decoder) {
			d.Heads, d.HeadDim, d.Factor = 2, 16, 0.25
		}},
		{"llama with biases", "llama", map[string]any{"attention_bias": true, "mlp_bias": true}, func(d *transformer.Decoder) {
			d.QKVBias, d.OutputBias, d.MLPBias = true, true, true
		}},
		{"bidirectional", "llama", map[string]any{"is_causal": false}, func(d *transformer.Decoder) { d.Bidirectional = true }},
		{"norms and activation", "llama", map[string]any{"rms_norm_eps": 1e-5, "hidden_act": "gelu"}, func(d *transformer.Decoder) {
			d.Epsilon, d.Activation = 1e-5, tensor.GELU
		}},
		{"mistral", "mistral", nil, func(d *transformer.Decoder) { d.Sliding, d.Window = sliding("ssss"), 4096 }},
		{"mistral without a window", "mistral", map[string]any{"sliding_window": jsonNull}, func(*transformer.Decoder) {}},
		{"mistral bidirectional", "mistral", map[string]any{"sliding_window": 7, "is_causal": false}, func(d *transformer.Decoder) {
			d.Sliding, d.Window, d.Bidirectional = sliding("ssss"), 8, true
		}},
		{"qwen2", "qwen2", map[string]any{"sliding_window": 16}, func(d *transformer.Decoder) { d.QKVBias, d.Sliding = true, sliding("ffff") }},
		{"qwen2 with a window", "qwen2", map[string]any{"use_sliding_window": true, "sliding_window": 16, "max_window_layers": 3}, func(d *transformer.Decoder) {
			d.QKVBias, d.Sliding, d.Window = true, sliding("fffs"), 16
		}},
		{"qwen3", "qwen3", nil, func(d *transformer.Decoder) { d.HeadNorms, d.Sliding = true, sliding("ffff") }},
		{"qwen3 without a head's width", "qwen3", map[string]any{"head_dim": nil}, func(d *transformer.Decoder) {
			d.HeadNorms, d.Sliding, d.HeadDim, d.Factor = true, sliding("ffff"), 128, float32(1/math.Sqrt(128))
		}},
		{"gemma2", "gemma2", nil, func(d *transformer.Decoder) {
			gemma(d)
			d.Sliding, d.Window, d.Cap = sliding("sfsf"), 4096, 50
		}},
		{"gemma2 without a cap", "gemma2", map[string]any{"attn_logit_softcapping": jsonNull, "query_pre_attn_scalar": 16}, func(d *transformer.Decoder) {
			gemma(d)
			d.Sliding, d.Window, d.Factor = sliding("sfsf"), 4096, 0.25
		}},
		{"gemma3", "gemma3_text", map[string]any{"num_hidden_layers": 7, "sliding_window": 9}, func(d *transformer.Decoder) {
			gemma(d)
			d.Layers, d.Sliding, d.Window, d.HeadNorms = 7, sliding("sssssfs"), 9, true
		}},
		{"gemma3 by its pattern", "gemma3_text", map[string]any{"sliding_window_pattern": 2}, func(d *transformer.Decoder) {
			gemma(d)
			d.Sliding, d.Window, d.HeadNorms = sliding("sfsf"), 4096, true
		}},
		{"embeddinggemma", "gemma3_text", map[string]any{"use_bidirectional_attention": true, "sliding_window": 512, "layer_types": []string{
			"sliding_attention", "sliding_attention", "full_attention", "full_attention"}}, func(d *transformer.Decoder) {
			gemma(d)
			d.Sliding, d.Window, d.HeadNorms, d.Bidirectional = sliding("ssff"), 257, true, true
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, got := parseDecoder(t, decoderConfig(t, tc.kind, tc.settings))
			want := transformer.Decoder{Hidden: 32, Layers: 4, Intermediate: 48, Vocabulary: 100, Heads: 4, KVHeads: 2, HeadDim: 8,
				Activation: tensor.SiLU, Epsilon: 1e-6, Factor: float32(1 / math.Sqrt(8))}
			tc.want(&want)
			got.Rotary, got.SlidingRotary = transformer.Rotary{}, transformer.Rotary{} // TestRotaryFrequenciesAgainstTransformers has them
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// gemma is what both versions have.
func gemma(d *transformer.Decoder) {
	d.Activation, d.Offset, d.BlockNorms, d.Embedding, d.Factor = tensor.GELUTanh, 1, true, float32(math.Sqrt(32)), 1./16
}

// TestRotaryFrequenciesAgainstTransformers allows two units in the last place: powers are rounded differently.
func TestRotaryFrequenciesAgainstTransformers(t *testing.T) {
	raw, err := os.ReadFile("testdata/decoders/rope.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name        string
			Config      json.RawMessage
			Frequencies []float32
			Scale       float32
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, tc := range file.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			_, d := parseDecoder(t, tc.Config)
			if len(d.Rotary.Frequencies) != len(tc.Frequencies) {
				t.Fatalf("%d frequencies, want %d", len(d.Rotary.Frequencies), len(tc.Frequencies))
			}
			for i, want := range tc.Frequencies {
				if got := d.Rotary.Frequencies[i]; math.Abs(float64(got-want)) > 2*float64(math.Nextafter32(want, 1)-want) {
					t.Errorf("frequency %d is %v, want %v", i, got, want)
				}
			}
			if scale := d.Rotary.Stretch.Scale; scale != tc.Scale && (scale != 0 || tc.Scale != 1) {
				t.Errorf("scale %v, want %v", scale, tc.Scale)
			}
		})
	}
}

func TestGemma3HasABaseForEachKindOfLayer(t *testing.T) {
	second := func(r transformer.Rotary) float64 { return math.Pow(float64(r.Frequencies[1]), -4) } // the base, for heads of 8
	for _, tc := range []struct {
		name         string
		settings     map[string]any
		full, window float64
	}{
		{"neither said", nil, 1e6, 1e4},
		{"old form", map[string]any{"rope_theta": 5e5, "rope_local_base_freq": 2e4, "rope_scaling": map[string]any{"rope_type": "linear", "factor": 8}}, 5e5 * 4096, 2e4},
		{"new form", map[string]any{"rope_parameters": map[string]any{
			"full_attention": map[string]any{"rope_type": "linear", "factor": 8, "rope_theta": 5e5}, "sliding_attention": map[string]any{"rope_type": "default", "rope_theta": 2e4},
		}}, 5e5 * 4096, 2e4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, d := parseDecoder(t, decoderConfig(t, "gemma3_text", tc.settings))
			if got := second(d.Rotary); math.Abs(got/tc.full-1) > 1e-5 {
				t.Errorf("layers without a window have base %v, want %v", got, tc.full)
			}
			if got := second(d.SlidingRotary); math.Abs(got/tc.window-1) > 1e-5 {
				t.Errorf("layers with a window have base %v, want %v", got, tc.window)
			}
		})
	}
}

// TestDynamicRopeReachesFurther lets texts be as long as factor says, though that is no text's length unasked.
func TestDynamicRopeReachesFurther(t *testing.T) {
	for kind, want := range map[string]int{"dynamic": 160, "linear": 64} {
		c, _ := parseDecoder(t, decoderConfig(t, "llama", map[string]any{"rope_scaling": map[string]any{"type": kind, "factor": 2.5}}))
		if c.MaxPositions != want || c.Positions != 64 {
			t.Errorf("%s: %d positions of at most %d, want 64 of %d", kind, c.Positions, c.MaxPositions, want)
		}
	}
}

// TestDecoderDirectory reads what the tokenizer puts around a text, and lets a length reach beyond the stated positions where
// rotary embeddings do.
func TestDecoderDirectory(t *testing.T) {
	const template = `{"version": "1.0", "post_processor": {"type": "TemplateProcessing", "pair": [],
		"single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
		"special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}}`
	files := map[string]string{
		"modules.json":            testModules,
		"1_Pooling/config.json":   `{"word_embedding_dimension": 32, "pooling_mode_lasttoken": true, "pooling_mode_mean_tokens": false}`,
		"config.json":             string(decoderConfig(t, "llama", map[string]any{"rope_scaling": map[string]any{"rope_type": "dynamic", "factor": 2}})),
		"tokenizer.json":          template,
		"tokenizer_config.json":   `{"tokenizer_class": "LlamaTokenizer", "add_bos_token": true, "add_eos_token": true, "bos_token": "<s>", "eos_token": "</s>", "model_max_length": 1000}`,
		"special_tokens_map.json": `{"bos_token": "<s>"}`,
	}
	for _, tc := range []struct {
		name            string
		file, content   string
		bos, eos, wrong string
		length          int
	}{
		{"as tokenizer_config.json says", "", "", "<s>", "</s>", "", 64},
		{"as tokenizer.json says", "tokenizer_config.json", `{"tokenizer_class": "PreTrainedTokenizerFast"}`, "<s>", "", "", 64},
		{"no tokenizer", "tokenizer.json", "", "", "", "", 64},
		{"a stated length", "sentence_bert_config.json", `{"max_seq_length": 120}`, "<s>", "</s>", "", 120},
		{"a length that is out of reach", "sentence_bert_config.json", `{"max_seq_length": 129}`, "", "", "max_seq_length 129 is above the model's 128 positions", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed := maps.Clone(files)
			if tc.file != "" {
				changed[tc.file] = tc.content
			}
			d, err := readDirectory(directory(changed), "dir", Options{})
			if tc.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wrong) {
					t.Errorf("got %v, want %q", err, tc.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c := d.Contract; c.BOS != tc.bos || c.EOS != tc.eos || c.MaxLength != tc.length || c.Pooling != PoolLastToken {
				t.Errorf("got %+v", c)
			}
		})
	}
}

func TestParseConfigRefusesDecoders(t *testing.T) {
	scaling := func(settings map[string]any) map[string]any { return map[string]any{"rope_scaling": settings} }
	for _, tc := range []struct {
		name, kind string
		settings   map[string]any
		want       string
	}{
		{"another model", "falcon", nil, `model_type "falcon" is not supported; supported are bert, roberta, xlm-roberta, modernbert, mpnet, nomic_bert, gte, new, llama, mistral, qwen2, qwen3, gemma2, gemma3_text`},
		{"another class", "mistral", map[string]any{"architectures": []string{"MistralBiModel"}}, `architecture "MistralBiModel" is not supported; supported are MistralModel, `},
		{"size missing", "qwen2", map[string]any{"intermediate_size": nil}, `no "intermediate_size"`},
		{"layers", "llama", map[string]any{"num_hidden_layers": 1 << 30}, "num_hidden_layers 1073741824 is not a size"},
		{"heads", "llama", map[string]any{"num_key_value_heads": 3}, "num_attention_heads 4 is not a multiple of num_key_value_heads 3"},
		{"odd heads", "llama", map[string]any{"head_dim": 7}, "head_dim 7 is not an even number"},
		{"width of a head", "llama", map[string]any{"head_dim": nil, "num_attention_heads": 6}, "hidden_size 32 is not a multiple of num_attention_heads 6, and there is no head_dim"},
		{"activation", "llama", map[string]any{"hidden_act": "relu"}, `hidden_act "relu" is not supported; supported are silu, `},
		{"window", "mistral", map[string]any{"sliding_window": 0}, "sliding_window 0 is not a size"},
		{"kinds of layers", "qwen3", map[string]any{"layer_types": []string{"full_attention"}}, "layer_types has 1 entries for num_hidden_layers 4"},
		{"kind of a layer", "qwen3", map[string]any{"layer_types": []string{"full_attention", "full_attention", "full_attention", "chunked_attention"}}, `layer_types: "chunked_attention" is not supported`},
		{"no window for a layer", "gemma2", map[string]any{"sliding_window": jsonNull}, "layer_types has sliding_attention, but there is no sliding_window"},
		{"direction of gemma2", "gemma2", map[string]any{"use_bidirectional_attention": true}, "say is_causal false"},
		{"two directions of gemma3", "gemma3_text", map[string]any{"use_bidirectional_attention": true, "is_causal": false}, "say one of them"},
		{"cap", "gemma2", map[string]any{"attn_logit_softcapping": 0}, "attn_logit_softcapping 0 is not a positive number"},
		{"scale of scores", "gemma2", map[string]any{"query_pre_attn_scalar": -1}, "query_pre_attn_scalar -1 is not a positive number"},

		{"rope type", "llama", scaling(map[string]any{"rope_type": "longrope"}), `config.json: rope_scaling: rope_type "longrope" is not supported; supported are default, linear, dynamic, llama3, yarn`},
		{"rope type, old key", "qwen2", scaling(map[string]any{"type": "mrope"}), `rope_type "mrope" is not supported`},
		{"rope type, new form", "mistral", map[string]any{"rope_parameters": map[string]any{"rope_type": "proportional"}}, `config.json: rope_parameters: rope_type "proportional" is not supported`},
		{"rope type of a kind of layer", "gemma3_text", map[string]any{"rope_parameters": map[string]any{"sliding_attention": map[string]any{"rope_type": "x"}}},
			`config.json: rope_parameters: sliding_attention: rope_type "x" is not supported`},
		{"rope by kinds of layers", "qwen3", map[string]any{"rope_parameters": map[string]any{"full_attention": map[string]any{}}}, "rotary embeddings by kind of layer (full_attention) are not those of this model_type"},
		{"rope for all layers", "gemma3_text", map[string]any{"rope_parameters": map[string]any{"rope_theta": 100}}, `config.json: rope_parameters: unknown key "rope_theta"`},
		{"no factor", "llama", scaling(map[string]any{"rope_type": "linear"}), `rope_type linear needs "factor"`},
		{"factor", "llama", scaling(map[string]any{"rope_type": "dynamic", "factor": -2}), "factor -2 is not a positive number"},
		{"llama3", "llama", scaling(map[string]any{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1}), `rope_type llama3 needs "high_freq_factor"`},
		{"llama3, one frequency", "llama", scaling(map[string]any{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 1}), "low_freq_factor and high_freq_factor are both 1"},
		{"base", "llama", map[string]any{"rope_theta": 0}, "rope_theta 0 is not a base above 1"},
		{"part of a head", "llama", map[string]any{"partial_rotary_factor": 0.5}, "partial_rotary_factor 0.5 is not supported"},
		{"settings", "llama", map[string]any{"rope_scaling": "linear"}, "config.json: rope_scaling: begins with linear, not with an object"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseConfig(decoderConfig(t, tc.kind, tc.settings), "config.json")
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "config.json: ") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// FuzzParseConfig puts arbitrary text where config.json is: no panic, and what is accepted makes a list of operations.
func FuzzParseConfig(f *testing.F) {
	for _, settings := range []string{
		`"model_type": "modernbert", "pad_token_id": null, "local_attention": 6, "norm_bias": true`,
		`"model_type": "nomic_bert", "n_embd": 8, "n_head": 2, "n_layer": 1, "n_positions": 64, "rotary_emb_fraction": 1, "activation_function": "geglu", "rotary_scaling_factor": 2`,
		`"model_type": "new", "rope_scaling": {"type": "ntk", "factor": 2}, "type_vocab_size": 0`,
	} {
		f.Add(fmt.Sprintf(`{%s, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12, "vocab_size": 20, "max_position_embeddings": 64}`, settings))
	}
	for _, kind := range []string{"bert", "roberta", "xlm-roberta", "mpnet", "nomic_bert", "gte", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text"} {
		f.Add(fmt.Sprintf(`{"model_type": %q, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
			"intermediate_size": 12, "vocab_size": 20, "max_position_embeddings": 64, "sliding_window": 4, "use_sliding_window": true}`, kind))
	}
	f.Add(`{"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12, "vocab_size": 20,
		"max_position_embeddings": 64, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}}`)
	f.Add(`{"model_type": "qwen3", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12, "vocab_size": 20,
		"max_position_embeddings": 64, "rope_parameters": {"rope_type": "yarn", "factor": 4, "mscale": 1, "mscale_all_dim": 2, "truncate": false}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		c, err := ParseConfig([]byte(raw), "config.json")
		if err != nil {
			return
		}
		if c.Layers > 100 {
			return // only more of the same
		}
		if _, err := transformer.Graph(c.network, "", transformer.Head{}, transformer.Mode{}); err != nil {
			t.Fatal(err)
		}
	})
}
