package transformer

import (
	"testing"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// TestFeedForwardPartsAreOnePass plans the inference of every architecture with feed-forward parts: each part goes from its
// first products into its last, and the residual joins that unless a norm stands between.
func TestFeedForwardPartsAreOnePass(t *testing.T) {
	const hidden, layers, heads, wide, vocabulary = 16, 3, 2, 64, 30
	rotary := Rotary{Frequencies: []float32{1, 0.5, 0.25, 0.125}}
	gelu, silu := tensor.GELU, tensor.SiLU
	for _, tc := range []struct {
		name     string
		network  Network
		sums     int // products, or parts of one, that go into the last
		residual bool
	}{
		{"bert", BERT{Hidden: hidden, Layers: layers, Heads: heads, Intermediate: wide, Vocabulary: vocabulary, Positions: 40, Types: 2, Activation: gelu}, 1, true},
		{"nomic", NomicBERT{Hidden: hidden, Layers: layers, Heads: heads, Intermediate: wide, Vocabulary: vocabulary, Padding: tensor.None, Activation: silu, Gated: true, Rotary: rotary}, 2, true},
		{"nomic without gates", NomicBERT{Hidden: hidden, Layers: layers, Heads: heads, Intermediate: wide, Vocabulary: vocabulary, Padding: tensor.None, Activation: gelu, Rotary: rotary, UpBias: true}, 1, true},
		{"gte", GTE{Hidden: hidden, Layers: layers, Heads: heads, Intermediate: wide, Vocabulary: vocabulary, Padding: tensor.None, Activation: gelu, Rotary: rotary}, 2, true},
		{"modernbert", ModernBERT{Hidden: hidden, Layers: layers, Heads: heads, Intermediate: wide, Vocabulary: vocabulary, Padding: tensor.None, Activation: gelu, Local: make([]bool, layers), Rotary: rotary}, 2, true},
		{"mistral", Decoder{Hidden: hidden, Layers: layers, Intermediate: wide - 1, Vocabulary: vocabulary, Heads: heads, KVHeads: 1, HeadDim: 8, Activation: silu, Factor: 1, Rotary: rotary}, 2, true},
		{"gemma 2", Decoder{Hidden: hidden, Layers: layers, Intermediate: wide, Vocabulary: vocabulary, Heads: heads, KVHeads: 1, HeadDim: 8, Activation: tensor.GELUTanh, Factor: 1, Rotary: rotary, BlockNorms: true}, 2, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g, err := Graph(tc.network, "", Head{}, Mode{})
			if err != nil {
				t.Fatal(err)
			}
			p := tensor.NewPlan(g, nil, 20, 2)
			if len(p.Feeds) != layers {
				t.Fatalf("%d parts are one pass, want %d: %v", len(p.Feeds), layers, p.Feeds)
			}
			for _, f := range p.Feeds {
				if got := g.Ops[f.To-1].In[1] != tensor.None; len(f.Sums) != tc.sums || got != tc.residual {
					t.Errorf("%d sums, residual %t, want %d and %t", len(f.Sums), got, tc.sums, tc.residual)
				}
			}
		})
	}
}
