package compute

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/draw"
)

// network is a small encoder, or decoder, that uses every operation: attention block, feed-forward block, pooling, unit rows.
type network struct {
	act     tensor.Activation
	pooling tensor.Pooling
	causal  bool
	window  int     // 0 is none
	cap     float32 // of scores, 0 is none
	bias    bool
	padded  bool // places are counted as RoBERTa does
	fused   bool // queries, keys and values are one linear map, and norms have no beta
	kvHeads int  // 0 is as many as queries have
	rate    float32
	decoder bool
	offset  float32 // of a decoder's norms
}

const testHidden, testHeads, testVocabulary, testPositions, testPadding = 24, 3, 50, 200, 7

func (n network) graph() *tensor.Graph {
	if n.decoder {
		return n.decoderGraph()
	}
	g := &tensor.Graph{}
	vector := func(name string, columns int) tensor.Param { return g.Param(name, 1, columns) }
	norm := func(x tensor.Value, name string) tensor.Value {
		beta := tensor.Param(tensor.None)
		if !n.fused {
			beta = vector("beta"+name, testHidden)
		}
		return g.LayerNorm(x, vector("gamma"+name, testHidden), beta, 1e-5)
	}
	word, position, kind := g.Param("word", testVocabulary, testHidden), g.Param("position", testPositions, testHidden), g.Param("type", 2, testHidden)
	x := tensor.Value(tensor.None)
	if n.padded {
		x = g.PaddedLookup(word, position, kind, testPadding)
	} else {
		x = g.Lookup(word, position, kind)
	}
	x = norm(x, "0")
	x = g.Dropout(x, n.rate)
	project := func(name string, heads int) tensor.Value {
		columns := testHidden / testHeads * heads
		return g.Linear(x, g.Param(name, columns, testHidden), vector(name+"bias", columns), tensor.Identity, tensor.None)
	}
	kvHeads := cmp.Or(n.kvHeads, testHeads)
	var q, k, v tensor.Value
	if n.fused {
		all := project("qkv", 3*testHeads)
		q, k, v = g.Slice(all, 0, testHidden), g.Slice(all, testHidden, 2*testHidden), g.Slice(all, 2*testHidden, 3*testHidden)
	} else {
		q, k, v = project("q", testHeads), project("k", kvHeads), project("v", kvHeads)
	}
	var a tensor.Value
	if n.bias {
		a = g.BiasedAttention(q, k, v, g.Param("relative", 5, testHeads), testBuckets(40), n.attending())
	} else {
		a = g.Attend(q, k, v, n.attending())
	}
	a = g.Linear(a, g.Param("o", testHidden, testHidden), tensor.None, tensor.Identity, x)
	a = norm(a, "1")
	up := g.Linear(a, g.Param("up", 40, testHidden), vector("upbias", 40), n.act, tensor.None)
	down := g.Dropout(g.Linear(up, g.Param("down", testHidden, 40), vector("downbias", testHidden), tensor.Identity, tensor.None), n.rate)
	y := g.Add(g.Activate(g.Scale(down, 0.7), n.act), a)
	g.Normalize(g.Pool(y, n.pooling, true))
	return g
}

// attending is the network's attention.
func (n network) attending() tensor.Attending {
	return tensor.Attending{Heads: testHeads, Causal: n.causal, Window: n.window, Factor: 0.35, Cap: n.cap, Rate: n.rate}
}

func testWeights(t testing.TB, g *tensor.Graph, trainable bool) []*Weight {
	t.Helper()
	weights := make([]*Weight, len(g.Params))
	for i, spec := range g.Params {
		source := draw.New(3, "compute test", 0, 0, spec.Name)
		values := make([]float32, spec.Rows*spec.Columns)
		for j := range values {
			values[j] = float32(source.Float64() - 0.5)
			if spec.Name[0] == 'g' {
				values[j]++
			}
		}
		w, err := NewWeight(spec.Name, spec.Rows, spec.Columns, values)
		if err != nil {
			t.Fatal(err)
		}
		if trainable {
			w.Gradient = make([]float32, len(values))
		}
		weights[i] = w
	}
	return weights
}

func testBatch(lengths ...int) Batch {
	b := Batch{Offsets: []int32{0}}
	for s, n := range lengths {
		source := draw.New(5, "compute test", n, 0, "ids")
		for range n {
			b.IDs = append(b.IDs, int32(source.IntN(testVocabulary)))
		}
		b.Offsets = append(b.Offsets, int32(len(b.IDs)))
		b.Skip = append(b.Skip, int32(min(2, n-1)))
		b.DropoutKeys = append(b.DropoutKeys, draw.Mix(uint64(n)+uint64(s)))
	}
	return b
}

// cutKeys has attention take so many keys at once, so that short sequences stand for long ones; 0 leaves it as it is.
func cutKeys(w *Workspace, block int) *Workspace {
	for _, o := range w.operations {
		if a, ok := o.(*attention); ok && block > 0 {
			a.block = block
		}
	}
	return w
}

func trainAll(g *tensor.Graph) []bool { return slices.Repeat([]bool{true}, len(g.Params)) }

// arithmetic is a path with a precision.
type arithmetic struct {
	path      kernel.Path
	precision Precision
}

func (a arithmetic) String() string { return fmt.Sprintf("%s-%s", a.path, a.precision) }

// arithmetics are all that this machine has, the portable one last.
func arithmetics() []arithmetic {
	var all []arithmetic
	for _, path := range kernel.Available() {
		if s, err := kernel.New(path); err == nil && s.MultipliesBF16() {
			all = append(all, arithmetic{path, BF16})
		}
		all = append(all, arithmetic{path, F32})
	}
	return all
}

// exact are those that do not round operands.
func exact() []arithmetic {
	return slices.DeleteFunc(arithmetics(), func(a arithmetic) bool { return a.precision != F32 })
}

func testEngine(t testing.TB, a arithmetic, workers int, memory int64) *Engine {
	t.Helper()
	e, err := New(Options{Path: a.path, Precision: a.precision, Workers: workers, Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func testWorkspace(t testing.TB, e *Engine, g *tensor.Graph, weights []*Weight, training bool) *Workspace {
	t.Helper()
	var trainable []bool
	if training {
		trainable = make([]bool, len(weights))
		for i, w := range weights {
			trainable[i] = w.Trainable()
		}
	}
	w, err := e.NewWorkspace(tensor.NewPlan(g, trainable, 1000, 12), weights)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func forward(t testing.TB, w *Workspace, b Batch) []float32 {
	t.Helper()
	out, err := w.Forward(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(out)
}

// loss is the dot product of the output with a fixed direction, in float64.
func loss(out []float32) (sum float64, gradient []float32) {
	source := draw.New(11, "compute test", 0, 0, "direction")
	gradient = make([]float32, len(out))
	for i, v := range out {
		gradient[i] = float32(2*source.Float64() - 1)
		sum += float64(v) * float64(gradient[i])
	}
	return sum, gradient
}

var networks = map[string]network{
	"gelu mean":             {act: tensor.GELU, pooling: tensor.Mean},
	"gelu tanh cls":         {act: tensor.GELUTanh, pooling: tensor.CLS},
	"silu last causal":      {act: tensor.SiLU, pooling: tensor.LastToken, causal: true},
	"relu max":              {act: tensor.ReLU, pooling: tensor.Max},
	"tanh weighted":         {act: tensor.Tanh, pooling: tensor.WeightedMean},
	"gelu mean dropout":     {act: tensor.GELU, pooling: tensor.Mean, rate: 0.2},
	"silu last shared keys": {act: tensor.SiLU, pooling: tensor.LastToken, kvHeads: 1, causal: true, rate: 0.1},
	"silu mean window":      {act: tensor.SiLU, pooling: tensor.Mean, kvHeads: 1, window: 4, causal: true},
	"silu mean local":       {act: tensor.SiLU, pooling: tensor.Mean, window: 4},
	"gelu mean capped":      {act: tensor.GELU, pooling: tensor.Mean, kvHeads: 1, cap: 0.4, rate: 0.1},
	"silu decoder":          {act: tensor.SiLU, pooling: tensor.LastToken, causal: true, kvHeads: 1, decoder: true},
	"gelu tanh decoder":     {act: tensor.GELUTanh, pooling: tensor.Mean, window: 4, causal: true, decoder: true, offset: 1, rate: 0.1},
	"gelu tanh capped":      {act: tensor.GELUTanh, pooling: tensor.LastToken, window: 5, causal: true, cap: 0.3, decoder: true, offset: 1},
	"gelu decoder":          {act: tensor.GELU, pooling: tensor.WeightedMean, kvHeads: 1, window: 6, causal: true, decoder: true},
	"gelu mean bias":        {act: tensor.GELU, pooling: tensor.Mean, bias: true, rate: 0.1},
	"gelu cls padded":       {act: tensor.GELU, pooling: tensor.CLS, padded: true},
	"gelu mean fused":       {act: tensor.GELU, pooling: tensor.Mean, fused: true, window: 9, rate: 0.1},
	"gelu causal dropout ":  {act: tensor.GELU, pooling: tensor.WeightedMean, rate: 0.1, causal: true},
}

// TestGradientsAgainstFiniteDifferences moves every parameter along a random direction, both ways, and compares the change of the loss.
func TestGradientsAgainstFiniteDifferences(t *testing.T) {
	for name, n := range networks {
		for _, a := range exact() {
			for _, keys := range []int{0, 7} {
				t.Run(fmt.Sprintf("%s/%s/keys=%d", name, a.path, keys), func(t *testing.T) {
					g := n.graph()
					weights := testWeights(t, g, true)
					e := testEngine(t, a, 2, 0)
					w := cutKeys(testWorkspace(t, e, g, weights, true), keys)
					b := testBatch(5, 1, 17, 9)
					out := forward(t, w, b)
					_, direction := loss(out)
					if err := w.Backward(context.Background(), direction); err != nil {
						t.Fatal(err)
					}
					for _, weight := range weights {
						checkDirection(t, w, b, weight, n.act == tensor.ReLU || n.pooling == tensor.Max)
					}
				})
			}
		}
	}
}

func checkDirection(t *testing.T, w *Workspace, b Batch, weight *Weight, kinked bool) {
	t.Helper()
	source := draw.New(13, "compute test", 0, 0, weight.Name)
	step := make([]float64, len(weight.Values))
	var predicted, norm float64
	for i := range step {
		step[i] = 2*source.Float64() - 1
		if i/weight.Columns == w.plan.Graph.Ops[0].Padding && (weight.Name == "word" || weight.Name == "position") {
			step[i] = 0 // these rows do not learn
		}
		norm += step[i] * step[i]
	}
	const width = 0.01
	for i := range step {
		step[i] *= width / math.Sqrt(norm)
		predicted += step[i] * float64(weight.Gradient[i])
	}
	original := slices.Clone(weight.Values)
	move := func(sign float64) float64 {
		for i := range step {
			weight.Values[i] = original[i] + float32(sign*step[i])
		}
		weight.Changed()
		sum, _ := loss(forward(t, w, b))
		return sum
	}
	measured := (move(1) - move(-1)) / 2
	copy(weight.Values, original)
	weight.Changed()
	// Float32 rounding of the loss bounds the difference from below, the third derivative from above; a step over a kink
	// of ReLU or of the maximum adds its own.
	absolute, relative := 3e-6, 0.02
	if kinked {
		absolute, relative = 1e-5, 0.15
	}
	if math.Abs(measured-predicted) > absolute+relative*math.Abs(predicted) {
		t.Errorf("%s: the loss moved by %.3g, the gradient predicts %.3g", weight.Name, measured, predicted)
	}
}

// TestVectorsDoNotDependOnTheBatch embeds one sequence alone and among others, with other workers and under a memory limit, and compares bits.
func TestVectorsDoNotDependOnTheBatch(t *testing.T) {
	for _, a := range arithmetics() {
		for name, n := range map[string]network{
			"encoder": {act: tensor.GELU, pooling: tensor.Mean},
			"decoder": {act: tensor.SiLU, pooling: tensor.Mean, causal: true, kvHeads: 1, decoder: true},
			"bias":    {act: tensor.GELU, pooling: tensor.Mean, bias: true, padded: true},
			"local":   {act: tensor.GELU, pooling: tensor.Mean, window: 20, fused: true},
		} {
			t.Run(fmt.Sprintf("%s/%s", a, name), func(t *testing.T) { checkVectors(t, a, n) })
		}
	}
}

func checkVectors(t *testing.T, a arithmetic, n network) {
	g := n.graph()
	for _, keys := range []int{0, 16} { // at once; the sequence is longer
		var want []float32
		for _, workers := range []int{1, 2, 5, 65} {
			for _, memory := range []int64{0, 1000} {
				w := cutKeys(testWorkspace(t, testEngine(t, a, workers, memory), g, testWeights(t, g, false), false), keys)
				for _, lengths := range [][]int{{37}, {37, 120}, {3, 64, 1, 37, 130, 5}, {150, 37}} {
					out := forward(t, w, testBatch(lengths...))
					at := slices.Index(lengths, 37) * testHidden
					got := out[at : at+testHidden]
					if want == nil {
						want = slices.Clone(got)
					}
					if !slices.Equal(got, want) {
						t.Fatalf("keys %d, workers %d, memory %d, batch %v: the vector changed", keys, workers, memory, lengths)
					}
				}
			}
		}
	}
}

// TestGradientsDoNotDependOnWorkers compares the gradients' bits. One sequence with one head of keys leaves most workers
// without a head: its blocks are split.
func TestGradientsDoNotDependOnWorkers(t *testing.T) {
	for _, n := range []network{
		{act: tensor.GELU, pooling: tensor.Mean, kvHeads: 1, rate: 0.1},
		{act: tensor.GELU, pooling: tensor.Mean, causal: true, rate: 0.1},
		{act: tensor.GELU, pooling: tensor.Mean, kvHeads: 1, window: 40, causal: true},
		{act: tensor.GELU, pooling: tensor.Mean, kvHeads: 1, window: 30, cap: 0.5},
		{act: tensor.SiLU, pooling: tensor.Mean, window: 40, kvHeads: 1, causal: true, rate: 0.1, decoder: true},
		{act: tensor.GELU, pooling: tensor.Mean, bias: true, rate: 0.1},
		{act: tensor.GELU, pooling: tensor.Mean, window: 40, fused: true, rate: 0.1},
	} {
		for _, keys := range []int{0, 16} {
			for _, lengths := range [][]int{{130, 4, 61}, {200}} {
				for _, a := range arithmetics() {
					t.Run(fmt.Sprintf("%+v/keys=%d/%v/%s", n, keys, lengths, a), func(t *testing.T) {
						g := n.graph()
						var want [][]float32
						for _, workers := range []int{1, 2, 5, 65} {
							weights := testWeights(t, g, true)
							w := cutKeys(testWorkspace(t, testEngine(t, a, workers, 0), g, weights, true), keys)
							_, direction := loss(forward(t, w, testBatch(lengths...)))
							if err := w.Backward(context.Background(), direction); err != nil {
								t.Fatal(err)
							}
							for i, weight := range weights {
								if workers == 1 {
									want = append(want, weight.Gradient)
								} else if !slices.Equal(weight.Gradient, want[i]) {
									t.Fatalf("workers %d: the gradient of %s changed", workers, weight.Name)
								}
							}
						}
					})
				}
			}
		}
	}
}

// TestSoftmaxInPartsIsTheSoftmax compares output and gradients of sequences whose keys come in blocks, of sizes that no
// vector divides, with those of keys taken at once. Dropout drops the same probabilities.
func TestSoftmaxInPartsIsTheSoftmax(t *testing.T) {
	b := testBatch(150, 1, 33, 7)
	for name, n := range networks {
		for _, a := range exact() {
			t.Run(fmt.Sprintf("%s/%s", name, a), func(t *testing.T) {
				g := n.graph()
				run := func(keys int) (out, gradients []float32) {
					weights := testWeights(t, g, true)
					w := cutKeys(testWorkspace(t, testEngine(t, a, 2, 0), g, weights, true), keys)
					out = forward(t, w, b)
					_, direction := loss(out)
					if err := w.Backward(context.Background(), direction); err != nil {
						t.Fatal(err)
					}
					for _, weight := range weights {
						gradients = append(gradients, weight.Gradient...)
					}
					return out, gradients
				}
				want, wantGradients := run(0)
				for _, keys := range []int{1, 13, 149} {
					got, gradients := run(keys)
					if d := distance(got, want); d > 2e-6 {
						t.Errorf("%d keys at once: the output moved by %.2g of its norm", keys, d)
					}
					allowed := 1e-5
					if n.act == tensor.ReLU || n.pooling == tensor.Max {
						allowed = 0.1 // close elements may change places
					}
					if d := distance(gradients, wantGradients); d > allowed {
						t.Errorf("%d keys at once: the gradient moved by %.2g of its norm", keys, d)
					}
				}
			})
		}
	}
}

// TestPathsAgree compares every path's output with the portable one's.
func TestPathsAgree(t *testing.T) {
	for name, n := range networks {
		t.Run(name, func(t *testing.T) {
			g := n.graph()
			b := testBatch(150, 1, 33, 7)
			var want []float32
			all := exact()
			slices.Reverse(all)
			for _, a := range all {
				got := forward(t, testWorkspace(t, testEngine(t, a, 2, 0), g, testWeights(t, g, false), false), b)
				if want == nil {
					want = got
				}
				for i := range got {
					if math.Abs(float64(got[i]-want[i])) > 5e-6 {
						t.Fatalf("%s: output %d: got %v, want %v", a, i, got[i], want[i])
					}
				}
			}
		})
	}
}

// TestRoundedOperandsStayClose compares outputs and gradients at bf16 with the same path's at f32. Rounding an operand moves
// it by at most 2^-8 of itself, at random; the share of the norm that is left after a few layers is of that size.
func TestRoundedOperandsStayClose(t *testing.T) {
	const share = 4.0 / (1 << 8)
	for name, n := range networks {
		for _, a := range arithmetics() {
			if a.precision != BF16 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", name, a.path), func(t *testing.T) {
				g, b := n.graph(), testBatch(150, 1, 33, 7)
				run := func(precision Precision) (out []float32, weights []*Weight) {
					weights = testWeights(t, g, true)
					w := testWorkspace(t, testEngine(t, arithmetic{a.path, precision}, 2, 0), g, weights, true)
					out = forward(t, w, b)
					_, direction := loss(out)
					if err := w.Backward(context.Background(), direction); err != nil {
						t.Fatal(err)
					}
					return out, weights
				}
				want, wantWeights := run(F32)
				got, gotWeights := run(BF16)
				if slices.Equal(got, want) {
					t.Fatal("no bit differs: bf16 did not run")
				}
				if d := distance(got, want); d > share {
					t.Errorf("the output moved by %.4f of its norm", d)
				}
				var all, allWant []float32
				for i := range wantWeights {
					all, allWant = append(all, gotWeights[i].Gradient...), append(allWant, wantWeights[i].Gradient...)
				}
				// ReLU and the maximum choose other elements where two are close.
				allowed := 2 * share
				if n.act == tensor.ReLU || n.pooling == tensor.Max {
					allowed = 0.5
				}
				if d := distance(all, allWant); d > allowed {
					t.Errorf("the gradient moved by %.4f of its norm", d)
				}
			})
		}
	}
}

// distance is |got - want| / |want|.
func distance(got, want []float32) float64 {
	var difference, norm float64
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		difference += d * d
		norm += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(difference / norm)
}

// TestSteadyStateAllocatesNothing repeats forward and backward passes and optimizer steps.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	encoder := network{act: tensor.GELU, pooling: tensor.Mean, kvHeads: 1, rate: 0.1}
	decoder := network{act: tensor.SiLU, pooling: tensor.Mean, kvHeads: 1, rate: 0.1, decoder: true}
	for _, a := range arithmetics() {
		for _, tc := range []struct {
			name    string
			network network
			plan    func(g *tensor.Graph, trainable []bool, tokens, sequences int) *tensor.Plan
			lengths []int
			keys    int
			workers int
		}{
			{"short texts", encoder, tensor.NewPlan, []int{40, 13, 1}, 0, 2},
			{"texts and a long one", encoder, tensor.NewPlan, []int{40, 13, 120}, 16, 2},
			{"one text for many workers", encoder, tensor.NewPlan, []int{150}, 16, 5},
			{"a decoder", decoder, tensor.NewPlan, []int{40, 13}, 0, 2},
			{"layers computed again", encoder, tensor.NewRecomputingPlan, []int{40, 13}, 0, 2},
		} {
			t.Run(fmt.Sprintf("%s/%s", a, tc.name), func(t *testing.T) {
				g := tc.network.graph()
				weights := testWeights(t, g, true)
				e := testEngine(t, a, tc.workers, 0)
				w, err := e.NewWorkspace(tc.plan(g, trainAll(g), 200, 4), weights)
				if err != nil {
					t.Fatal(err)
				}
				cutKeys(w, tc.keys)
				checkAllocations(t, e, w, weights, testBatch(tc.lengths...))
			})
		}
	}
}

func checkAllocations(t *testing.T, e *Engine, w *Workspace, weights []*Weight, b Batch) {
	updates := make([]Update, len(weights))
	step := &kernel.AdamStep{GradientScale: 1, Keep: 1, Epsilon: 1e-8}
	for i, weight := range weights {
		n := len(weight.Values)
		updates[i] = Update{Weight: weight, First: make([]float32, n), Second: make([]float32, n), Step: step}
	}
	_, direction := loss(forward(t, w, b))
	ctx := context.Background()
	allocations := testing.AllocsPerRun(5, func() {
		if _, err := w.Forward(ctx, b); err != nil {
			t.Fatal(err)
		}
		if err := w.Backward(ctx, direction); err != nil {
			t.Fatal(err)
		}
		e.AdamW(updates)
	})
	if allocations != 0 {
		t.Errorf("%v allocations a step, want none", allocations)
	}
}

func TestRefusals(t *testing.T) {
	g := network{pooling: tensor.Mean}.graph()
	e := testEngine(t, arithmetic{}, 1, 0)
	w := testWorkspace(t, e, g, testWeights(t, g, false), false)
	outside := testBatch(4)
	outside.IDs[2] = testVocabulary
	cases := []struct {
		name  string
		batch Batch
	}{
		{"no sequence", Batch{Offsets: []int32{0}}},
		{"id outside the vocabulary", outside},
		{"longer than the positions", testBatch(testPositions + 1)},
		{"over the capacity", testBatch(190, 191, 192, 193, 194, 195)},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.Forward(context.Background(), tc.batch); err == nil {
				t.Error("want an error")
			}
		})
	}
	if _, err := New(Options{Path: kernel.Portable, Precision: BF16}); err == nil {
		t.Error("bf16 without a bf16 path: want an error")
	}
	if err := w.Backward(context.Background(), nil); err == nil {
		t.Error("backward of an inference plan: want an error")
	}
}

// TestWeightsServeEnginesOfAllPaths runs one set of weights on every path in turn: panels packed for one are not the other's.
func TestWeightsServeEnginesOfAllPaths(t *testing.T) {
	g := &tensor.Graph{}
	x := g.Lookup(g.Param("word", testVocabulary, 64), tensor.None, tensor.None)
	x = g.Linear(x, g.Param("linear", 64, 64), tensor.None, tensor.Identity, tensor.None)
	g.Pool(x, tensor.Mean, false)
	weights, b := testWeights(t, g, false), testBatch(7, 3)
	var want []float32
	all := arithmetics()
	slices.Reverse(all)
	for _, a := range slices.Concat(all, all) {
		got := forward(t, testWorkspace(t, testEngine(t, a, 1, 0), g, weights, false), b)
		if want == nil {
			want = got
		}
		tolerance := 1e-5
		if a.precision == BF16 {
			tolerance = 4.0 / (1 << 8)
		}
		if d := distance(got, want); d > tolerance {
			t.Fatalf("%s: the output moved by %v of its norm", a, d)
		}
	}
}

// TestWeightedMeanCountsFromTheBeginning leaves two of four tokens out: the others keep the weights 3 and 4, as in sentence-transformers.
func TestWeightedMeanCountsFromTheBeginning(t *testing.T) {
	g := &tensor.Graph{}
	g.Pool(g.Lookup(g.Param("word", testVocabulary, 4), tensor.None, tensor.None), tensor.WeightedMean, true)
	weights := testWeights(t, g, false)
	b := Batch{IDs: []int32{9, 8, 5, 7}, Offsets: []int32{0, 4}, Skip: []int32{2}}
	got := forward(t, testWorkspace(t, testEngine(t, arithmetic{kernel.Portable, F32}, 1, 0), g, weights, false), b)
	for i, v := range got {
		third, fourth := weights[0].Values[5*4+i], weights[0].Values[7*4+i]
		if want := (3*third + 4*fourth) / 7; math.Abs(float64(v-want)) > 1e-6 {
			t.Errorf("element %d is %v, want %v", i, v, want)
		}
	}
}

// TestPackedWeightsOfCollectedModelsAreFreeAgain keeps a limited engine while models come and go.
func TestPackedWeightsOfCollectedModelsAreFreeAgain(t *testing.T) {
	e := testEngine(t, arithmetic{kernel.Portable, F32}, 1, 1<<30)
	func() {
		g := network{pooling: tensor.Mean}.graph()
		forward(t, testWorkspace(t, e, g, testWeights(t, g, false), false), testBatch(5))
	}()
	if e.kept.Load() == 0 {
		t.Fatal("nothing was kept: the test shows nothing")
	}
	for range 1000 {
		runtime.GC() // cleanups run some time after a collection
		if e.kept.Load() == 0 {
			return
		}
	}
	t.Errorf("%d bytes still count as kept", e.kept.Load())
}
