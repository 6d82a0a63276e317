package main

import "fmt"

// signature is how a kernel over n elements is called, whatever the instruction set: pointers, n, then scalars.
type signature struct {
	comment  string // after the function's name
	pointers []string
	scalars  []arg
}

var signatures = map[string]signature{
	"add":                  {comment: "sets dst = x + y.", pointers: []string{"dst", "x", "y"}},
	"addRows":              {comment: "adds rows of src, stride floats apart, to dst, one after the other.", pointers: []string{"dst", "src"}, scalars: []arg{{"rows", "int"}, {"stride", "int"}}},
	"addScaled":            {comment: "sets dst += alpha·x with one rounding.", pointers: []string{"dst", "x"}, scalars: []arg{{"alpha", "float32"}}},
	"scale":                {comment: "sets dst = alpha·x.", pointers: []string{"dst", "x"}, scalars: []arg{{"alpha", "float32"}}},
	"mulAdd":               {comment: "sets dst += x·y with one rounding.", pointers: []string{"dst", "x", "y"}},
	"gelu":                 {comment: "sets dst = x·Φ(x), the exact GELU.", pointers: []string{"dst", "x"}},
	"geluGradient":         {comment: "sets dx = dy·(Φ(x) + x·φ(x)).", pointers: []string{"dx", "dy", "x"}},
	"geluGate":             {comment: "sets dst = gate·Φ(gate)·up.", pointers: gatePointers},
	"geluGateGradient":     {comment: "sets dgate and dup to the gradients of geluGate.", pointers: gateGradientPointers},
	"geluTanh":             {comment: "sets dst = x/2·(1 + tanh(sqrt(2/π)·(x + 0.044715·x³))).", pointers: []string{"dst", "x"}},
	"geluTanhGradient":     {comment: "sets dx to the gradient of geluTanh.", pointers: []string{"dx", "dy", "x"}},
	"geluTanhGate":         {comment: "sets dst = geluTanh(gate)·up.", pointers: gatePointers},
	"geluTanhGateGradient": {comment: "sets dgate and dup to the gradients of geluTanhGate.", pointers: gateGradientPointers},
	"silu":                 {comment: "sets dst = x·σ(x).", pointers: []string{"dst", "x"}},
	"siluGradient":         {comment: "sets dx = dy·(σ(x) + x·σ(x)·σ(-x)).", pointers: []string{"dx", "dy", "x"}},
	"siluGate":             {comment: "sets dst = gate·σ(gate)·up.", pointers: gatePointers},
	"siluGateGradient":     {comment: "sets dgate and dup to the gradients of siluGate.", pointers: gateGradientPointers},
	"tanh":                 {comment: "sets dst = tanh(x).", pointers: []string{"dst", "x"}},
	"tanhGradient":         {comment: "sets dx = dy·(1 - tanh²(x)).", pointers: []string{"dx", "dy", "x"}},
	"relu":                 {comment: "sets dst = max(x, 0).", pointers: []string{"dst", "x"}},
	"reluGradient":         {comment: "sets dx = dy where x is above 0, else 0.", pointers: []string{"dx", "dy", "x"}},
	"dropout":              {comment: "sets dst = x·scale where the 24-bit hash of (low, high, element) is at least threshold, else 0.", pointers: []string{"dst", "x"}, scalars: []arg{{"low", "uint32"}, {"high", "uint32"}, {"threshold", "uint32"}, {"scale", "float32"}}},
	"dot":                  {comment: "writes the dot product of x and y to out: a fused sum per lane, then lanes by halves.", pointers: []string{"out", "x", "y"}},
	"softmax":              {comment: "sets dst = softmax(scale·x) for scale > 0; dst may be x.", pointers: []string{"dst", "x"}, scalars: []arg{{"scale", "float32"}}},
	"softmaxPart":          {comment: "sets stats[0] to the largest of it and x, dst = exp(scale·(x - stats[0])) and stats[1] to the sum of dst; dst may be x.", pointers: []string{"dst", "x", "stats"}, scalars: []arg{{"scale", "float32"}}},
	"softmaxGradient":      {comment: "sets dst = scale·p·(dp - Σ p·dp); dst may be dp.", pointers: []string{"dst", "dp", "p"}, scalars: []arg{{"scale", "float32"}}},
	"layerNorm":            {comment: "sets dst = (x - mean)/sqrt(variance + epsilon)·gamma + beta and writes mean and the inverse deviation to stats.", pointers: []string{"dst", "x", "gamma", "beta", "stats"}, scalars: []arg{{"epsilon", "float32"}}},
	"layerNormGradient":    {comment: "sets dx to the gradient of layerNorm with respect to x.", pointers: []string{"dx", "dy", "x", "gamma", "stats"}},
	"layerNormWeights":     {comment: "adds one row's part to the gradients of gamma and beta.", pointers: []string{"dgamma", "dbeta", "dy", "x", "stats"}},
	"rmsNorm":              {comment: "sets dst = x/sqrt(mean of x² + epsilon)·(gamma + offset) and writes the inverse root to stats.", pointers: []string{"dst", "x", "gamma", "stats"}, scalars: []arg{{"epsilon", "float32"}, {"offset", "float32"}}},
	"rmsNormGradient":      {comment: "sets dx to the gradient of rmsNorm with respect to x.", pointers: []string{"dx", "dy", "x", "gamma", "stats"}, scalars: []arg{{"offset", "float32"}}},
	"rmsNormWeights":       {comment: "adds one row's part to the gradient of gamma.", pointers: []string{"dgamma", "dy", "x", "stats"}},
	"rotate":               {comment: "sets dlow = low·cos - high·sin and dhigh = high·cos + low·sin.", pointers: []string{"dlow", "dhigh", "low", "high", "cos", "sin"}},
	"adamw":                {comment: "takes one AdamW step; settings are those of AdamStep, in its order.", pointers: []string{"w", "grad", "m", "v", "settings"}},
}

var (
	gatePointers         = []string{"dst", "gate", "up"}
	gateGradientPointers = []string{"dgate", "dup", "dy", "gate", "up"}
)

func (s signature) args() []arg {
	var args []arg
	for _, p := range s.pointers {
		args = append(args, arg{p, "*float32"})
	}
	return append(append(args, arg{"n", "int"}), s.scalars...)
}

var (
	gemmArgs      = []arg{{"a", "*float32"}, {"b", "*float32"}, {"c", "*float32"}, {"k", "int"}, {"ldc", "int"}, {"accumulate", "int"}}
	transposeArgs = []arg{{"dst", "*float32"}, {"src", "*float32"}, {"blocks", "int"}, {"srcStride", "int"}, {"dstStride", "int"}}
	dot64Args     = []arg{{"x", "*float32"}, {"y", "*float32"}, {"n", "int"}}
)

func (a *assembly) startGemm() {
	a.function("gemm", fmt.Sprintf("computes the %d x %d tile c = a·b, or c += a·b: a is packed [k][%d], b [k][%d], ldc counts elements.\n// An element is the fused multiply-add over k in order, then the addend.", a.mr, a.nr, a.mr, a.nr), gemmArgs)
}

func (a *assembly) startTranspose() {
	a.function("transpose", fmt.Sprintf("writes the transpose of %d rows of src, %d·blocks elements each, strides in elements: dst[j][i] = src[i][j].\n// Rows of dst are written whole, in order, so a dstStride below %d lets the next row overwrite what is not wanted.", a.lanes, a.lanes, a.lanes), transposeArgs)
}

func (a *assembly) startDot64() {
	a.result = "float64"
	a.function("dot64", "returns the dot product of x and y in float64: eight sums, lane by lane, then lanes by halves.", dot64Args)
}
