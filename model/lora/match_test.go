package lora_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quarry-ml/quarry/model/lora"
)

// bertModules are the linear modules of a BERT of three layers with hidden size 8 and intermediate size 12, in the order
// of the network.
func bertModules(wrapping string) []lora.Module {
	var modules []lora.Module
	add := func(name string, out, in int) {
		modules = append(modules, lora.Module{Name: name, Tensor: wrapping + name + ".weight", Out: out, In: in})
	}
	for layer := range 3 {
		at := fmt.Sprintf("encoder.layer.%d.", layer)
		for _, name := range []string{"query", "key", "value"} {
			add(at+"attention.self."+name, 8, 8)
		}
		add(at+"attention.output.dense", 8, 8)
		add(at+"intermediate.dense", 12, 8)
		add(at+"output.dense", 8, 12)
	}
	add("pooler.dense", 8, 8)
	return modules
}

// decoderModules are the linear modules of a Qwen 3 of three layers, in the order of the network.
func decoderModules() []lora.Module {
	var modules []lora.Module
	for layer := range 3 {
		for _, m := range []struct {
			name    string
			out, in int
		}{{"self_attn.q_proj", 8, 8}, {"self_attn.k_proj", 4, 8}, {"self_attn.v_proj", 4, 8}, {"self_attn.o_proj", 8, 8}, {"mlp.gate_proj", 12, 8}, {"mlp.up_proj", 12, 8}, {"mlp.down_proj", 8, 12}} {
			name := fmt.Sprintf("layers.%d.%s", layer, m.name)
			modules = append(modules, lora.Module{Name: name, Tensor: name + ".weight", Out: m.out, In: m.in})
		}
	}
	return modules
}

// TestMatchAsPEFT compares with testdata/matching.json, which parity/adapter_fixture.py makes with PEFT.
func TestMatchAsPEFT(t *testing.T) {
	raw, err := os.ReadFile("testdata/matching.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct {
		Cases []struct {
			Name, Network, Wrapping string
			Config                  map[string]json.RawMessage
			Modules                 [][3]any
		}
	}
	if err := json.Unmarshal(raw, &fixture); err != nil {
		t.Fatal(err)
	}
	for _, tc := range fixture.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			tc.Config["peft_type"] = []byte(`"LORA"`)
			tc.Config["r"], tc.Config["lora_alpha"] = []byte("4"), []byte("10")
			config := parse(t, tc.Config)
			var got [][3]any
			modules := bertModules("")
			if tc.Network == "qwen3" {
				modules = decoderModules()
			}
			targets, err := lora.MatchWrapped(config, modules, tc.Wrapping)
			if err != nil {
				t.Fatal(err)
			}
			for _, target := range targets {
				got = append(got, [3]any{target.Name, float64(target.Rank), target.Scaling})
			}
			// PEFT lists a network without pooler where a masked language model was wrapped.
			if tc.Wrapping == "bert." {
				got = without(got, "pooler.dense")
			}
			if diff := cmp.Diff(tc.Modules, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("PEFT (-), here (+):\n%s", diff)
			}
		})
	}
}

func without(list [][3]any, name string) [][3]any {
	var kept [][3]any
	for _, item := range list {
		if item[0] != name {
			kept = append(kept, item)
		}
	}
	return kept
}

// parse encodes keys in the order that the map's values do not care about: patterns are inside a value.
func parse(t *testing.T, keys map[string]json.RawMessage) lora.Config {
	t.Helper()
	raw, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	c, err := lora.ParseConfig(raw, "adapter_config.json")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMatchRefuses(t *testing.T) {
	for _, tc := range []struct {
		name    string
		targets lora.Targets
		want    string
	}{
		{"nothing matches", lora.Targets{Names: []string{"q_proj"}}, "target_modules q_proj match no linear module; there are query, key, value, dense"},
		{"one name matches nothing", lora.Targets{Names: []string{"query", "q_proj"}}, `target_modules: "q_proj" matches no linear module`},
		{"half a name", lora.Targets{Names: []string{"uery"}}, "match no linear module"},
		{"pattern matches nothing", lora.Targets{Pattern: "query"}, "match no linear module"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := lora.DefaultConfig()
			config.Targets = tc.targets
			_, err := config.Match(bertModules(""))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
