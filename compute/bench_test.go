package compute

import (
	"context"
	"fmt"
	"testing"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// BenchmarkLinear runs the products of an encoder's layers, 2,048 tokens at a time, and prints what the machine achieves.
// The gradient is two products: of the weights and of the input.
func BenchmarkLinear(b *testing.B) {
	for _, a := range arithmetics() {
		for _, shape := range []struct{ in, out int }{{384, 384}, {384, 1536}, {1536, 384}, {1024, 4096}} {
			for _, training := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/%dx%d/training=%v", a, shape.in, shape.out, training), func(b *testing.B) { benchmarkLinear(b, a, shape.in, shape.out, training) })
			}
		}
	}
}

func benchmarkLinear(b *testing.B, a arithmetic, in, out int, training bool) {
	const tokens, vocabulary = 2048, 64
	g := &tensor.Graph{}
	x := g.Lookup(g.Param("word", vocabulary, in), tensor.None, tensor.None)
	g.Linear(x, g.Param("linear", out, in), g.Param("bias", 1, out), tensor.Identity, tensor.None)
	weights := testWeights(b, g, training)
	var trainable []bool
	products := 1.0
	if training {
		trainable, products = trainAll(g), 3
	}
	w, err := testEngine(b, a, 0, 0).NewWorkspace(tensor.NewPlan(g, trainable, tokens, 1), weights)
	if err != nil {
		b.Fatal(err)
	}
	batch := Batch{IDs: make([]int32, tokens), Offsets: []int32{0, tokens}}
	for i := range batch.IDs {
		batch.IDs[i] = int32(i % vocabulary)
	}
	gradient := make([]float32, tokens*out)
	for b.Loop() {
		if _, err := w.Forward(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
		if training {
			if err := w.Backward(context.Background(), gradient); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(products*2*tokens*float64(in)*float64(out)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
}

// BenchmarkGatedUnit runs a gated feed-forward part of 1,024 columns on 1,024 tokens: of the shape of Mistral's, with two
// weights or one for gate and up. With a gradient all weights learn.
func BenchmarkGatedUnit(b *testing.B) {
	for _, a := range arithmetics() {
		for _, shared := range []bool{false, true} {
			for _, training := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/one weight=%v/training=%v", a, shared, training), func(b *testing.B) { benchmarkGatedUnit(b, a, shared, training) })
			}
		}
	}
}

func benchmarkGatedUnit(b *testing.B, a arithmetic, shared, training bool) {
	const tokens = 1024
	u := unit{hidden: 1024, wide: 3584, act: tensor.SiLU, shared: shared}
	g := u.graph(1)
	weights := testWeights(b, g, training)
	for _, w := range weights {
		for i := range w.Values {
			w.Values[i] *= 0.05
		}
	}
	var trainable []bool
	products := 3.0
	if training {
		trainable, products = trainAll(g), 9
	}
	w, err := testEngine(b, a, 0, 0).NewWorkspace(tensor.NewPlan(g, trainable, tokens, 1), weights)
	if err != nil {
		b.Fatal(err)
	}
	batch := testBatch(tokens)
	gradient := make([]float32, tokens*u.hidden)
	for b.Loop() {
		if _, err := w.Forward(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
		if training {
			if err := w.Backward(context.Background(), gradient); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(products*2*tokens*float64(u.hidden)*float64(u.wide)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
}

// BenchmarkAttention runs the attention of an encoder's layer on 2,048 tokens in sequences of one length.
func BenchmarkAttention(b *testing.B) {
	for _, a := range arithmetics() {
		for _, length := range []int{15, 32, 128, 512, 2048} {
			for _, training := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/length=%d/training=%v", a, length, training), func(b *testing.B) { benchmarkAttention(b, a, length, training) })
			}
		}
	}
}

func benchmarkAttention(b *testing.B, a arithmetic, length int, training bool) {
	const tokens, vocabulary, hidden, heads = 2048, 64, 384, 12
	g := &tensor.Graph{}
	table := func(name string) tensor.Value {
		return g.Lookup(g.Param(name, vocabulary, hidden), tensor.None, tensor.None)
	}
	g.Attention(table("q"), table("k"), table("v"), heads, false, 0.17, 0)
	batch := Batch{Offsets: []int32{0}}
	for len(batch.IDs)+length <= tokens {
		for i := range length {
			batch.IDs = append(batch.IDs, int32(i*7%vocabulary))
		}
		batch.Offsets = append(batch.Offsets, int32(len(batch.IDs)))
	}
	var trainable []bool
	if training {
		trainable = trainAll(g)
	}
	w, err := testEngine(b, a, 0, 0).NewWorkspace(tensor.NewPlan(g, trainable, tokens, batch.Sequences()), testWeights(b, g, training))
	if err != nil {
		b.Fatal(err)
	}
	gradient := make([]float32, len(batch.IDs)*hidden)
	for b.Loop() {
		if _, err := w.Forward(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
		if training {
			if err := w.Backward(context.Background(), gradient); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.Sequences()*heads), "ns/head")
}
