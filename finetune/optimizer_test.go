package finetune

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/transformer"
)

// TestALearnedTemperatureIsClamped: a step that would take it beyond its range ends at the limit, one within goes the whole way, and
// one back from the limit leaves it.
func TestALearnedTemperatureIsClamped(t *testing.T) {
	o := DefaultOptions()
	for _, tc := range []struct {
		name           string
		from, gradient float64 // of the logarithm of the inverse
		rate           float64 // the first step of Adam is as long, whatever the gradient
		want           float64
	}{
		{"below", 0.05, -3, 2, MinTemperature}, // 0.05·e⁻² = 0.0068
		{"above", 0.5, 3, 2, MaxTemperature},   // 0.5·e² = 3.7
		{"within", 0.05, 3, 1, 0.05 * math.E},
		{"away from the least", MinTemperature, 3, 1, MinTemperature * math.E},
		{"away from the most", MaxTemperature, -3, 1, MaxTemperature / math.E},
		{"on from the least", MinTemperature, -3, 1, MinTemperature},
		{"on from the most", MaxTemperature, 3, 1, MaxTemperature},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := scalar{Value: math.Log(1 / tc.from)}
			p.step(o, tc.gradient, tc.rate, 1)
			p.clamp()
			if got := p.temperature(); math.Abs(got-tc.want) > 1e-8 { // epsilon takes 3e-9 of the rate
				t.Errorf("temperature %v, want %v", got, tc.want)
			}
		})
	}
}

// TestDecaySparesNormsAndBiases compares with what transformers' Trainer chooses; see parity/encoders_fixture.py.
func TestDecaySparesNormsAndBiases(t *testing.T) {
	dirs, err := filepath.Glob("../model/testdata/encoders/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no encoder: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(dir, "expected/inputs.json"))
			if err != nil {
				t.Fatal(err)
			}
			var want struct{ Decayed []string }
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			m, err := model.Open(dir, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			g, err := m.Graph(transformer.Mode{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, decays := range decays(g) {
				if decays {
					got = append(got, g.Params[i].Name)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want.Decayed) {
				t.Errorf("decays %q, want %q", got, want.Decayed)
			}
		})
	}
}
