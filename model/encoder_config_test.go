package model

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/transformer"
)

// encoderConfig is a config.json of a model type; settings are put over its sizes, and nil takes a key away.
func encoderConfig(t *testing.T, kind string, settings map[string]any) []byte {
	t.Helper()
	content := map[string]any{"model_type": kind, "hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 3,
		"intermediate_size": 40, "vocab_size": 100, "max_position_embeddings": 64, "pad_token_id": 1}
	if kind == "published nomic_bert" {
		content = map[string]any{"model_type": "nomic_bert", "n_embd": 24, "n_layer": 4, "n_head": 3, "vocab_size": 100, "n_positions": 64,
			"rotary_emb_fraction": 1.0, "activation_function": "swiglu"}
	}
	maps.Copy(content, settings)
	maps.DeleteFunc(content, func(_ string, value any) bool { return value == nil })
	raw, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestEncodersAreReadFromTheirConfig(t *testing.T) {
	nomic := func(n transformer.Network) transformer.NomicBERT { return n.(transformer.NomicBERT) }
	gte := func(n transformer.Network) transformer.GTE { return n.(transformer.GTE) }
	root2 := float32(math.Sqrt2)
	modern := func(n transformer.Network) transformer.ModernBERT { return n.(transformer.ModernBERT) }
	for _, tc := range []struct {
		name, kind string
		settings   map[string]any
		got        func(c *Config) any
		want       any
	}{
		{"positions after the padding token", "roberta", nil, func(c *Config) any { return c.MaxPositions }, 62},
		{"RoBERTa's 514 positions", "roberta", map[string]any{"max_position_embeddings": 514}, func(c *Config) any { return c.MaxPositions }, 512},
		{"positions after another", "xlm-roberta", map[string]any{"pad_token_id": 5}, func(c *Config) any { return c.MaxPositions }, 58},
		{"MPNet's padding whatever is stated", "mpnet", map[string]any{"pad_token_id": 5}, func(c *Config) any { return c.MaxPositions }, 62},

		{"every third layer sees all", "modernbert", nil, func(c *Config) any { return modern(c.network).Local }, []bool{false, true, true, false}},
		{"every second", "modernbert", map[string]any{"global_attn_every_n_layers": 2}, func(c *Config) any { return modern(c.network).Local }, []bool{false, true, false, true}},
		{"the layers that are listed", "modernbert", map[string]any{"global_attn_every_n_layers": 2,
			"layer_types": []string{"sliding_attention", "full_attention", "full_attention", "sliding_attention"}},
			func(c *Config) any { return modern(c.network).Local }, []bool{true, false, false, true}},
		{"half of the window and the token", "modernbert", map[string]any{"local_attention": 10}, func(c *Config) any { return modern(c.network).Window }, 6},
		{"published bases", "modernbert", map[string]any{"global_rope_theta": 16.0, "local_rope_theta": 81.0, "num_attention_heads": 6},
			func(c *Config) any {
				return [2]float32{modern(c.network).Rotary.Frequencies[1], modern(c.network).SlidingRotary.Frequencies[1]}
			}, [2]float32{1. / 4, 1. / 9}},
		{"the new form goes before them", "modernbert", map[string]any{"global_rope_theta": 16.0, "num_attention_heads": 6,
			"rope_parameters": map[string]any{"full_attention": map[string]any{"rope_theta": 25.0}}},
			func(c *Config) any { return modern(c.network).Rotary.Frequencies[1] }, float32(1. / 5)},
		{"no padding token", "modernbert", map[string]any{"pad_token_id": json.RawMessage("null")}, func(c *Config) any { return modern(c.network).Padding }, tensor.None},

		{"a gated block is a multiple of 256 wide", "published nomic_bert", map[string]any{"n_inner": 257}, func(c *Config) any { return nomic(c.network).Intermediate }, 512},
		{"a gated block without width", "published nomic_bert", nil, func(c *Config) any { return nomic(c.network).Intermediate }, 256},
		{"a plain block", "published nomic_bert", map[string]any{"activation_function": "gelu", "n_inner": 40},
			func(c *Config) any { return [2]any{nomic(c.network).Intermediate, nomic(c.network).Gated} }, [2]any{40, false}},
		{"biases", "published nomic_bert", map[string]any{"qkv_proj_bias": false, "mlp_fc2_bias": false},
			func(c *Config) any { n := nomic(c.network); return [3]bool{n.AttentionBias, n.UpBias, n.DownBias} }, [3]bool{false, true, false}},
		{"words are rounded up", "published nomic_bert", map[string]any{"pad_vocab_size_multiple": 64}, func(c *Config) any { return c.VocabSize }, 128},
		{"stretched", "published nomic_bert", map[string]any{"rotary_scaling_factor": 2.0, "max_trained_positions": 16, "rotary_emb_base": 500},
			func(c *Config) any { return nomic(c.network).Rotary.Stretch }, tensor.Stretch{Base: 500, Factor: 2, Positions: 16}},
		{"no scaling", "published nomic_bert", map[string]any{"rotary_scaling_factor": json.RawMessage("null")},
			func(c *Config) any { return nomic(c.network).Rotary.Stretch }, tensor.Stretch{}},

		{"no types", "gte", map[string]any{"type_vocab_size": 0}, func(c *Config) any { return gte(c.network).Types }, 0},
		{"scaling by NTK", "new", map[string]any{"rope_theta": 8.0, "rope_scaling": map[string]any{"type": "ntk", "factor": 2.0}, "num_attention_heads": 6},
			func(c *Config) any { return gte(c.network).Rotary.Frequencies }, []float32{1 / root2, 0.25 / root2}},
		{"published without scaling", "new", map[string]any{"rope_theta": 16.0, "rope_scaling": json.RawMessage("null"), "num_attention_heads": 6},
			func(c *Config) any { return gte(c.network).Rotary.Frequencies }, []float32{1, 0.25}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := ParseConfig(encoderConfig(t, tc.kind, tc.settings), "config.json")
			if err != nil {
				t.Fatal(err)
			}
			if got := tc.got(c); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestParseConfigRefusesEncoders(t *testing.T) {
	for _, tc := range []struct {
		name, kind string
		settings   map[string]any
		want       string
	}{
		{"another class", "roberta", map[string]any{"architectures": []string{"RobertaForCausalLM"}}, `architecture "RobertaForCausalLM" is not supported; supported are RobertaModel, `},
		{"relative positions", "xlm-roberta", map[string]any{"position_embedding_type": "relative_key"}, `position_embedding_type "relative_key" is not supported`},
		{"decoder", "roberta", map[string]any{"is_decoder": true}, "is_decoder true is not supported"},
		{"no padding token", "roberta", map[string]any{"pad_token_id": json.RawMessage("null")}, "pad_token_id null is not supported"},
		{"padding beyond the words", "xlm-roberta", map[string]any{"pad_token_id": 100}, "pad_token_id 100 is outside the vocabulary of 100"},
		{"no position left", "roberta", map[string]any{"max_position_embeddings": 2}, "max_position_embeddings 2 leaves no position after that of pad_token_id 1"},

		{"buckets", "mpnet", map[string]any{"relative_attention_num_buckets": 64}, "relative_attention_num_buckets 64 is not supported"},
		{"one word", "mpnet", map[string]any{"vocab_size": 1}, "vocab_size 1 has no padding token"},

		{"two rates", "modernbert", map[string]any{"embedding_dropout": 0.1}, "embedding_dropout 0.1 beside mlp_dropout 0 is not supported"},
		{"kind of a layer", "modernbert", map[string]any{"layer_types": []string{"full_attention", "full_attention", "full_attention", "linear_attention"}}, `layer_types: "linear_attention" is not supported`},
		{"kinds of layers", "modernbert", map[string]any{"layer_types": []string{"full_attention"}}, "layer_types has 1 entries for num_hidden_layers 4"},
		{"activation", "modernbert", map[string]any{"hidden_activation": "relu"}, `hidden_activation "relu" is not supported`},
		{"odd heads", "modernbert", map[string]any{"num_attention_heads": 8}, "heads are 3 wide"},
		{"heads", "modernbert", map[string]any{"num_attention_heads": 7}, "24 hidden units do not divide into 7 heads"},
		{"layers", "modernbert", map[string]any{"num_hidden_layers": 1 << 30}, "num_hidden_layers 1073741824 is not a size"},

		{"width of a head", "nomic_bert", map[string]any{"head_dim": 16}, "head_dim 16 is not supported"},
		{"norms before", "published nomic_bert", map[string]any{"prenorm": true}, "prenorm true is not supported"},
		{"experts", "published nomic_bert", map[string]any{"moe_every_n_layers": 2}, "moe_every_n_layers 2 is not supported"},
		{"absolute positions", "published nomic_bert", map[string]any{"rotary_emb_fraction": 0}, "rotary_emb_fraction 0 is not supported"},
		{"neighbours in pairs", "published nomic_bert", map[string]any{"rotary_emb_interleaved": true}, "rotary_emb_interleaved true is not supported"},
		{"gate of another kind", "published nomic_bert", map[string]any{"activation_function": "glu"}, `activation_function "glu" is not supported; supported are swiglu, geglu, gelu`},
		{"base", "published nomic_bert", map[string]any{"rotary_emb_base": 0}, "rotary_emb_base 0 is not a base above 1"},
		{"stretched pairs", "published nomic_bert", map[string]any{"rotary_scaling_factor": 2, "n_head": 12}, "needs heads at least 4 wide"},

		{"absolute positions of GTE", "new", map[string]any{"position_embedding_type": "absolute"}, `position_embedding_type "absolute" is not supported; supported is rope`},
		{"scores by length", "new", map[string]any{"logn_attention_scale": true}, "logn_attention_scale true is not supported"},
		{"norm", "new", map[string]any{"layer_norm_type": "rms_norm"}, `layer_norm_type "rms_norm" is not supported`},
		{"maps apart", "new", map[string]any{"pack_qkv": false}, "pack_qkv false is not supported"},
		{"scaling", "new", map[string]any{"rope_scaling": map[string]any{"type": "linear", "factor": 2}}, `config.json: rope_scaling: type "linear" is not supported; supported is ntk`},
		{"mixed scaling", "new", map[string]any{"rope_scaling": map[string]any{"type": "ntk", "factor": 2, "mixed_b": 0.6}}, "mixed_b is not supported"},
		{"no factor", "new", map[string]any{"rope_scaling": map[string]any{"type": "ntk"}}, `rope_type ntk needs "factor"`},
		{"scaling of the published form", "gte", map[string]any{"rope_scaling": map[string]any{"type": "ntk", "factor": 2}}, `rope_type "ntk" is not supported`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseConfig(encoderConfig(t, tc.kind, tc.settings), "config.json")
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "config.json: ") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
