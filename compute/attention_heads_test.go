package compute

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// attending is an attention over values that tables give, so that a test can compute it again.
type attending struct {
	name                string
	heads, kvHeads, dim int
	causal              bool
	window              int
	factor, rate        float32
	lengths             []int
}

var attendings = []attending{
	{name: "all see all", heads: 3, kvHeads: 3, dim: 5, lengths: []int{7, 1, 120}},
	{name: "causal", heads: 2, kvHeads: 2, dim: 8, causal: true, lengths: []int{1, 2, 120}},
	{name: "shared keys", heads: 6, kvHeads: 2, dim: 4, lengths: []int{5, 115}},
	{name: "one head of keys", heads: 4, kvHeads: 1, dim: 4, causal: true, lengths: []int{115, 3}},
	{name: "window", heads: 2, kvHeads: 2, dim: 4, causal: true, window: 3, lengths: []int{2, 3, 4, 119}},
	{name: "window of one", heads: 2, kvHeads: 1, dim: 4, causal: true, window: 1, lengths: []int{6}},
	{name: "window across blocks", heads: 4, kvHeads: 2, dim: 4, causal: true, window: 116, lengths: []int{130, 60}},
	{name: "window longer than the text", heads: 2, kvHeads: 1, dim: 4, causal: true, window: 500, lengths: []int{40}},
}

func (c attending) graph() *tensor.Graph {
	g := &tensor.Graph{}
	table := func(name string, heads int) tensor.Value {
		return g.Lookup(g.Param(name, testVocabulary, heads*c.dim), g.Param(name+"position", testPositions, heads*c.dim), tensor.None)
	}
	q, k, v := table("q", c.heads), table("k", c.kvHeads), table("v", c.kvHeads)
	if c.window > 0 {
		g.SlidingAttention(q, k, v, c.heads, c.window, 0.8, 0)
	} else {
		g.Attention(q, k, v, c.heads, c.causal, 0.8, 0)
	}
	return g
}

// want is the attention of a token, written as the papers do, in float64.
func (c attending) want(weights []*Weight, b Batch, sequence, place int) []float64 {
	first := int(b.Offsets[sequence])
	row := func(table, place, head int) (x []float64) {
		word, position := weights[2*table], weights[2*table+1]
		for i := head * c.dim; i < (head+1)*c.dim; i++ {
			x = append(x, float64(word.Values[int(b.IDs[first+place])*word.Columns+i])+float64(position.Values[place*word.Columns+i]))
		}
		return x
	}
	var out []float64
	for head := range c.heads {
		shared := head / (c.heads / c.kvHeads)
		q := row(0, place, head)
		var sum float64
		y := make([]float64, c.dim)
		for other := range int(b.Offsets[sequence+1]) - first {
			if c.causal && other > place || c.window > 0 && place-other >= c.window {
				continue
			}
			var score float64
			for i, k := range row(1, other, shared) {
				score += 0.8 * q[i] * k
			}
			p := math.Exp(score)
			sum += p
			for i, v := range row(2, other, shared) {
				y[i] += p * v
			}
		}
		for _, v := range y {
			out = append(out, v/sum)
		}
	}
	return out
}

func TestAttentionAgainstFloat64(t *testing.T) {
	for _, c := range attendings {
		for _, a := range exact() {
			t.Run(fmt.Sprintf("%s/%s", c.name, a.path), func(t *testing.T) {
				g, b := c.graph(), testBatch(c.lengths...)
				weights := testWeights(t, g, false)
				got := forward(t, testWorkspace(t, testEngine(t, a, 2, 0), g, weights, false), b)
				for s, length := range c.lengths {
					for place := range length {
						at := (int(b.Offsets[s]) + place) * c.heads * c.dim
						for i, want := range c.want(weights, b, s, place) {
							if math.Abs(float64(got[at+i])-want) > 2e-6 {
								t.Fatalf("sequence %d, token %d, element %d: got %v, want %v", s, place, i, got[at+i], want)
							}
						}
					}
				}
			})
		}
	}
}

func TestGradientsOfAttentionAgainstFiniteDifferences(t *testing.T) {
	for _, c := range attendings {
		for _, a := range exact() {
			t.Run(fmt.Sprintf("%s/%s", c.name, a.path), func(t *testing.T) {
				g, b := c.graph(), testBatch(c.lengths...)
				weights := testWeights(t, g, true)
				w := testWorkspace(t, testEngine(t, a, 2, 0), g, weights, true)
				_, direction := loss(forward(t, w, b))
				if err := w.Backward(context.Background(), direction); err != nil {
					t.Fatal(err)
				}
				for _, weight := range weights {
					checkDirection(t, w, b, weight, false)
				}
			})
		}
	}
}
