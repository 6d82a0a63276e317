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
	cap                 float32
	factor, rate        float32
	lengths             []int
	keys                int // that are taken at once; 0 is as many as there are
	bias                int // distance that buckets of a bias reach to; 0 is no bias
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
	{name: "keys in blocks", heads: 3, kvHeads: 3, dim: 5, lengths: []int{7, 1, 120}, keys: 7},
	{name: "causal keys in blocks", heads: 4, kvHeads: 2, dim: 4, causal: true, lengths: []int{115, 3, 130}, keys: 16},
	{name: "window in blocks", heads: 2, kvHeads: 1, dim: 4, causal: true, window: 20, lengths: []int{130, 20, 21}, keys: 10},
	{name: "local", heads: 2, kvHeads: 1, dim: 4, window: 3, lengths: []int{1, 2, 3, 4, 119}},
	{name: "local of one", heads: 2, kvHeads: 2, dim: 4, window: 1, lengths: []int{6}},
	{name: "local across blocks", heads: 4, kvHeads: 2, dim: 4, window: 70, lengths: []int{190, 60}},
	{name: "local in blocks", heads: 2, kvHeads: 1, dim: 4, window: 20, lengths: []int{150, 20, 21, 22}, keys: 10},
	{name: "local in blocks of one", heads: 2, kvHeads: 2, dim: 4, window: 2, lengths: []int{9}, keys: 1},
	{name: "capped", heads: 4, kvHeads: 2, dim: 4, cap: 0.3, lengths: []int{7, 1, 120}},
	{name: "capped in blocks", heads: 2, kvHeads: 2, dim: 4, causal: true, cap: 0.3, lengths: []int{7, 1, 120}, keys: 16},
	{name: "capped window in blocks", heads: 2, kvHeads: 1, dim: 4, causal: true, window: 20, cap: 2, lengths: []int{130, 20, 21}, keys: 10},
	{name: "bias", heads: 3, kvHeads: 3, dim: 5, bias: 4, lengths: []int{7, 1, 120}},
	{name: "bias with shared keys", heads: 4, kvHeads: 2, dim: 4, bias: 150, lengths: []int{130, 9}},
	{name: "bias in blocks", heads: 2, kvHeads: 2, dim: 5, bias: 30, lengths: []int{115, 3, 33}, keys: 16},
	{name: "bias within a window", heads: 2, kvHeads: 2, dim: 5, bias: 30, window: 20, lengths: []int{115, 33}, keys: 16},
	{name: "window of one in blocks of one", heads: 2, kvHeads: 2, dim: 4, causal: true, window: 1, lengths: []int{9}, keys: 1},
}

func (c attending) graph() *tensor.Graph {
	g := &tensor.Graph{}
	table := func(name string, heads int) tensor.Value {
		return g.Lookup(g.Param(name, testVocabulary, heads*c.dim), g.Param(name+"position", testPositions, heads*c.dim), tensor.None)
	}
	q, k, v := table("q", c.heads), table("k", c.kvHeads), table("v", c.kvHeads)
	how := tensor.Attending{Heads: c.heads, Causal: c.causal, Window: c.window, Factor: 0.8, Cap: c.cap}
	if c.bias > 0 {
		g.BiasedAttention(q, k, v, g.Param("bias", 5, c.heads), testBuckets(c.bias), how)
	} else {
		g.Attend(q, k, v, how)
	}
	return g
}

// testBuckets gives distances up to reach, and those beyond, one of five rows that neighbours and signs do not share.
func testBuckets(reach int) []int32 {
	var buckets []int32
	for d := -reach; d <= reach; d++ {
		buckets = append(buckets, int32((3*d*d+d+5*reach*reach)%5))
	}
	return buckets
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
			if c.causal && other > place || c.window > 0 && max(place-other, other-place) >= c.window {
				continue
			}
			var score float64
			if c.bias > 0 {
				distance := min(max(other-place, -c.bias), c.bias)
				score = float64(weights[6].Values[int(testBuckets(c.bias)[distance+c.bias])*c.heads+head])
			}
			for i, k := range row(1, other, shared) {
				score += 0.8 * q[i] * k
			}
			if c.cap > 0 {
				score = float64(c.cap) * math.Tanh(score/float64(c.cap))
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
				got := forward(t, cutKeys(testWorkspace(t, testEngine(t, a, 2, 0), g, weights, false), c.keys), b)
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
				w := cutKeys(testWorkspace(t, testEngine(t, a, 2, 0), g, weights, true), c.keys)
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
