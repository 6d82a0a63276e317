package transformer

import (
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// MPNet is the encoder of Song et al. (2020) as transformers' MPNetModel computes it, without its pooler: BERT without token
// types, with RoBERTa's positions and a bias of the distance that all layers share.
type MPNet struct {
	Hidden, Layers, Heads, Intermediate int
	Vocabulary, Positions               int // Positions are rows of the table
	Activation                          tensor.Activation
	Epsilon                             float32
}

// MPNet's padding token and the rows of its bias: what transformers' configuration says of them does not reach the network.
const (
	MPNetPadding = 1
	MPNetBuckets = 32
)

// Modules are the names of every linear module that an adapter may sit on, in order.
func (m MPNet) Modules() []string {
	return perLayer("encoder.layer.", m.Layers, "attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o", "intermediate.dense", "output.dense")
}

func (m MPNet) build(g *builder) tensor.Value {
	x := g.PaddedLookup(
		g.matrix("embeddings.word_embeddings.weight", m.Vocabulary, m.Hidden),
		g.matrix("embeddings.position_embeddings.weight", m.Positions, m.Hidden),
		tensor.None, MPNetPadding)
	x = g.Dropout(g.norm(x, "embeddings.LayerNorm", m.Epsilon), g.mode.HiddenDropout)
	bias := g.matrix("encoder.relative_attention_bias.weight", MPNetBuckets, m.Heads)
	for layer := range m.Layers {
		x = m.layer(g, x, fmt.Sprintf("encoder.layer.%d.", layer), bias)
	}
	return x
}

func (m MPNet) layer(g *builder, x tensor.Value, name string, bias tensor.Param) tensor.Value {
	project := func(which string) tensor.Value {
		return g.linear(x, module{name + "attention.attn." + which, m.Hidden, true}, tensor.Identity)
	}
	how := tensor.Attending{Heads: m.Heads, Factor: headFactor(m.Hidden, m.Heads), Rate: g.mode.AttentionDropout}
	a := g.BiasedAttention(project("q"), project("k"), project("v"), bias, distanceBuckets(MPNetBuckets), how)
	a = g.add(a, module{name + "attention.attn.o", m.Hidden, true}, x)
	a = g.norm(a, name+"attention.LayerNorm", m.Epsilon)
	up := g.linear(a, module{name + "intermediate.dense", m.Intermediate, true}, m.Activation)
	y := g.add(up, module{name + "output.dense", m.Hidden, true}, a)
	return g.norm(y, name+"output.LayerNorm", m.Epsilon)
}

// farthest is the distance from which on all have the last bucket.
const farthest = 128

// distanceBuckets are T5's (Raffel et al., 2020), for keys from farthest places before the query to as many after it. One
// half of the buckets is for those after it. Of each half the first half takes a distance each, the rest takes distances
// that grow by a constant factor; the logarithm is rounded as torch rounds it.
func distanceBuckets(buckets int) []int32 {
	half, single := buckets/2, buckets/4
	all := make([]int32, 0, 2*farthest+1)
	for d := -farthest; d <= farthest; d++ {
		bucket, n := 0, max(d, -d)
		if d > 0 {
			bucket = half
		}
		if n < single {
			all = append(all, int32(bucket+n))
			continue
		}
		share := float32(math.Log(float64(float32(n)/float32(single)))) / float32(math.Log(farthest/float64(single)))
		all = append(all, int32(bucket+min(single+int(share*float32(half-single)), half-1)))
	}
	return all
}
