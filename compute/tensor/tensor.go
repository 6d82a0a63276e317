// Package tensor describes a network as a list of coarse operations on handles: what is computed, never how.
//
// An architecture builds a Graph once; it never sees values, slices, workers or instruction sets. The graph says what
// each operation saves for its gradient, and Plan lays every buffer out in one arena by first and last use. Package
// compute runs the list; another engine could emit the same list for an accelerator.
package tensor

import "fmt"

// Rows says what a value has one row of: the tokens of a packed batch, or its sequences.
type Rows uint8

// The kinds of rows.
const (
	Tokens Rows = iota
	Sequences
)

// Value is a handle to an activation of a Graph; None is no value.
type Value int32

// Param is a handle to a parameter of a Graph; None is no parameter.
type Param int32

// None marks an absent operand.
const None = -1

// Shape is a value's kind of rows and number of columns.
type Shape struct {
	Rows    Rows
	Columns int
}

// ParamSpec is the name and shape of a parameter. A vector has one row.
type ParamSpec struct {
	Name          string
	Rows, Columns int
}

// Kind names an operation.
type Kind uint8

// The operations. Shapes: T tokens, S sequences, H columns.
const (
	Lookup    Kind = iota // [T, H] = sum of table rows: word by id, position by place in the sequence, type of the token
	LayerNorm             // [T, H] normalised by row, gamma and beta
	Linear                // [R, N] = act(x·Wᵀ + bias) + residual, x [R, K], W [N, K]
	Scale                 // [R, H] = factor·x
	Add                   // [R, H] = x + y
	Dropout               // [R, H] keyed dropout
	Attention             // [T, H] from q [T, H], k and v [T, KVHeads·H/Heads], per sequence and head
	Pool                  // [S, H] from [T, H]
	Normalize             // [S, H] rows of unit length
	Activate              // [R, H] = act(x)
	Gate                  // [R, H] = act(gate)·up
	RMSNorm               // [R, H] divided by the root mean square of a row, or of each G columns of it, gamma [G]
	Rotary                // [T, 2·F] cosines, then sines, of a token's place times each frequency
	Rotate                // [T, H] heads turned by those angles, or the first 2·F columns of each
	Slice                 // [R, N] = columns [From, From+N) of x
)

// Activation names the function a Linear applies before its residual.
type Activation uint8

// The activations, with the names of transformers' hidden_act and torch modules they stand for.
const (
	Identity Activation = iota // torch.nn.Identity
	GELU                       // gelu: exact, by the error function
	GELUTanh                   // gelu_new, gelu_pytorch_tanh: by tanh
	ReLU                       // relu
	SiLU                       // silu, swish
	Tanh                       // tanh
)

// Pooling names how the tokens of a sequence become one vector.
type Pooling uint8

// The poolings of sentence-transformers' Pooling module.
const (
	Mean         Pooling = iota
	CLS                  // the first token
	LastToken            // the last token
	Max                  // the largest value of each column
	WeightedMean         // the mean weighted by 1, 2, 3, …, counted from the sequence's beginning
)

// Op is one operation: its operands, its result and its attributes.
type Op struct {
	Kind   Kind
	In     [3]Value // None where absent; Linear: x, residual; Attention: q, k, v; Gate: gate, up; Rotate: x, angles
	Out    Value
	Saved  Value // what the forward pass leaves for the gradient: a Linear's value before its activation, a norm's statistics, largest score and sum of exponentials of each row and head of an Attention
	Params [3]Param

	Activation Activation
	Pooling    Pooling
	Skip       int     // Pool: leading tokens of each sequence left out come from the batch when 1 (include_prompt: false)
	Padding    int     // Lookup: the padding token, or None where none is set apart
	From       int     // Slice: the first column
	Heads      int     // Attention: heads of q; Rotate: of x
	KVHeads    int     // Attention: heads of k and v; each serves Heads/KVHeads heads of q in a row
	Causal     bool    // Attention: a token sees itself and those before it
	Window     int     // Attention: a token sees those less than so many places away; 0 is all
	Factor     float32 // Scale's factor; Attention's scale of scores
	Cap        float32 // Attention: scores s become Cap·tanh(s/Cap); 0 leaves them
	Epsilon    float32 // LayerNorm, RMSNorm
	Offset     float32 // RMSNorm: what is added to gamma
	Rate       float32 // Dropout, and Attention's dropout of probabilities; 0 is none
	Site       int     // which dropout of the network this is: part of its key

	Frequencies []float32 // Rotary
	Stretch     Stretch   // Rotary
	Buckets     []int32   // Attention with a bias: its table's row by distance
}

// Attending is how the tokens of a sequence attend to each other.
type Attending struct {
	Heads  int     // of q
	Causal bool    // a token sees itself and those before it
	Window int     // a token sees those less than so many places away, before it and, without Causal, behind it; 0 is all
	Factor float32 // of scores
	Cap    float32 // scores s become Cap·tanh(s/Cap), Gemma 2's soft cap; 0 leaves them
	Rate   float32 // of dropout of probabilities
}

// Stretch is what makes rotary embeddings reach further than a network was trained for; the zero value changes nothing.
type Stretch struct {
	Scale float32 // of cosines and sines, YaRN's attention factor (Peng et al., 2023); 0 is 1

	// A sequence of n tokens, more than Positions, has the frequencies of the base
	// Base·(Factor·n/Positions - (Factor - 1))^(F/(F-1)): dynamic NTK scaling. Positions 0 is none. The rotary
	// embeddings have F frequencies.
	Base, Factor float64
	Positions    int
}

// Graph is a network under construction. Its methods panic on shapes that do not fit: that is an error of the architecture, not of a user's file.
type Graph struct {
	Values []Shape
	Params []ParamSpec
	Ops    []Op
	Output Value
	sites  int
}

// Param declares a parameter.
func (g *Graph) Param(name string, rows, columns int) Param {
	g.Params = append(g.Params, ParamSpec{name, rows, columns})
	return Param(len(g.Params) - 1)
}

func (g *Graph) value(rows Rows, columns int) Value {
	g.Values = append(g.Values, Shape{rows, columns})
	return Value(len(g.Values) - 1)
}

func (g *Graph) op(o Op) Value {
	g.Ops = append(g.Ops, o)
	g.Output = o.Out
	return o.Out
}

func (g *Graph) columns(v Value) int { return g.Values[v].Columns }

func (g *Graph) check(ok bool, format string, args ...any) {
	if !ok {
		panic("tensor: " + fmt.Sprintf(format, args...))
	}
}

// site numbers the dropouts in the order they are built.
func (g *Graph) site() int {
	g.sites++
	return g.sites
}

// Lookup adds the rows of up to three tables [rows, H]: word by token id, position by place in the sequence, and type by the batch's types of tokens, else row 0.
// Position and type may be None.
func (g *Graph) Lookup(word, position, kind Param) Value {
	return g.lookup(word, position, kind, None)
}

// PaddedLookup is Lookup where the padding token's row of the table of words does not learn (torch.nn.Embedding's
// padding_idx). Places, where there is a table of them, are those of fairseq's RoBERTa: the first token's is padding + 1,
// the padding token's is padding wherever it stands, and it moves no other; nor does that row learn. So a sequence has at
// most rows - padding - 1 tokens.
func (g *Graph) PaddedLookup(word, position, kind Param, padding int) Value {
	g.check(padding >= 0 && padding < g.Params[word].Rows && (position == None || padding+1 < g.Params[position].Rows), "lookup: padding %d", padding)
	return g.lookup(word, position, kind, padding)
}

func (g *Graph) lookup(word, position, kind Param, padding int) Value {
	h := g.Params[word].Columns
	for _, p := range []Param{position, kind} {
		g.check(p == None || g.Params[p].Columns == h, "lookup: tables of %d and %d columns", h, g.paramColumns(p))
	}
	return g.op(Op{Kind: Lookup, In: [3]Value{None, None, None}, Out: g.value(Tokens, h), Saved: None, Params: [3]Param{word, position, kind}, Padding: padding})
}

func (g *Graph) paramColumns(p Param) int {
	if p == None {
		return 0
	}
	return g.Params[p].Columns
}

// LayerNorm normalises the rows of x [R, H] with gamma and beta [H]; beta may be None.
func (g *Graph) LayerNorm(x Value, gamma, beta Param, epsilon float32) Value {
	h := g.columns(x)
	g.check(g.Params[gamma].Columns == h && (beta == None || g.Params[beta].Columns == h), "layer norm of %d columns with %s of %d", h, g.Params[gamma].Name, g.Params[gamma].Columns)
	rows := g.Values[x].Rows
	stats := g.value(rows, 2)
	return g.op(Op{Kind: LayerNorm, In: [3]Value{x, None, None}, Out: g.value(rows, h), Saved: stats, Params: [3]Param{gamma, beta, None}, Epsilon: epsilon})
}

// RMSNorm divides the rows of x [R, H] by their root mean square and multiplies by offset + gamma [H]: offset 0 in Llama,
// Mistral and Qwen, 1 in Gemma. A gamma [G] of a part of the columns normalises each run of G columns by itself, as the norms
// of single heads in Qwen 3 and Gemma 3 do.
func (g *Graph) RMSNorm(x Value, gamma Param, epsilon, offset float32) Value {
	h, group, rows := g.columns(x), g.Params[gamma].Columns, g.Values[x].Rows
	g.check(group > 0 && h%group == 0, "RMS norm of %d columns with %s of %d", h, g.Params[gamma].Name, group)
	stats := g.value(rows, h/group)
	return g.op(Op{Kind: RMSNorm, In: [3]Value{x, None, None}, Out: g.value(rows, h), Saved: stats, Params: [3]Param{gamma, None, None}, Epsilon: epsilon, Offset: offset})
}

// Linear is act(x·Wᵀ + bias) + residual with x [R, K], W [N, K], bias [N] or None, residual [R, N] or None.
func (g *Graph) Linear(x Value, w, bias Param, act Activation, residual Value) Value {
	spec, rows := g.Params[w], g.Values[x].Rows
	g.check(spec.Columns == g.columns(x), "linear %s [%d, %d] of a value of %d columns", spec.Name, spec.Rows, spec.Columns, g.columns(x))
	g.check(bias == None || g.Params[bias].Columns == spec.Rows, "linear %s: bias of %d columns", spec.Name, g.paramColumns(bias))
	g.check(residual == None || g.Values[residual] == Shape{rows, spec.Rows}, "linear %s: residual does not fit", spec.Name)
	saved := Value(None)
	if act != Identity {
		g.check(residual == None, "linear %s: an activation and a residual", spec.Name)
		saved = g.value(rows, spec.Rows)
	}
	return g.op(Op{Kind: Linear, In: [3]Value{x, residual, None}, Out: g.value(rows, spec.Rows), Saved: saved, Params: [3]Param{w, bias, None}, Activation: act})
}

// Scale is factor·x.
func (g *Graph) Scale(x Value, factor float32) Value {
	s := g.Values[x]
	return g.op(Op{Kind: Scale, In: [3]Value{x, None, None}, Out: g.value(s.Rows, s.Columns), Saved: None, Params: noParams, Factor: factor})
}

// Add is x + y.
func (g *Graph) Add(x, y Value) Value {
	s := g.Values[x]
	g.check(g.Values[y] == s, "add of %v and %v", s, g.Values[y])
	return g.op(Op{Kind: Add, In: [3]Value{x, y, None}, Out: g.value(s.Rows, s.Columns), Saved: None, Params: noParams})
}

// Dropout drops elements at the given rate and scales the others by 1/(1-rate); rate 0 is x itself.
func (g *Graph) Dropout(x Value, rate float32) Value {
	site := g.site()
	if rate == 0 {
		return x
	}
	s := g.Values[x]
	return g.op(Op{Kind: Dropout, In: [3]Value{x, None, None}, Out: g.value(s.Rows, s.Columns), Saved: None, Params: noParams, Rate: rate, Site: site})
}

// Attention is Attend without window and cap.
func (g *Graph) Attention(q, k, v Value, heads int, causal bool, factor, rate float32) Value {
	return g.Attend(q, k, v, Attending{Heads: heads, Causal: causal, Factor: factor, Rate: rate})
}

// Attend is softmax(cap(factor·q·kᵀ))·v for each sequence and head, with dropout of the probabilities. q is [T, H]; k and v
// are as wide, or whole heads narrower: then a run of heads of q shares one head of k and v (grouped-query attention,
// Ainslie et al., 2023). A window is that of Beltagy et al. (2020); with Causal it is sliding_window of transformers' Mistral.
func (g *Graph) Attend(q, k, v Value, how Attending) Value {
	return g.attend(q, k, v, noParams, nil, how)
}

// BiasedAttention is Attend with scores factor·q·kᵀ + b and no cap, where b is of the distance of a key from its query alone
// (Raffel et al., 2020): element [buckets[d + n], head] of bias [rows, heads] for a key d places after the query, with
// 2·n + 1 buckets. What is farther away than n takes the bucket of n.
func (g *Graph) BiasedAttention(q, k, v Value, bias Param, buckets []int32, how Attending) Value {
	spec := g.Params[bias]
	g.check(spec.Columns == how.Heads && len(buckets)%2 == 1 && how.Cap == 0, "attention of %d heads, cap %g, with a bias [%d, %d] and %d buckets", how.Heads, how.Cap, spec.Rows, spec.Columns, len(buckets))
	for _, b := range buckets {
		g.check(b >= 0 && int(b) < spec.Rows, "attention: bucket %d of a bias of %d rows", b, spec.Rows)
	}
	return g.attend(q, k, v, [3]Param{bias, None, None}, buckets, how)
}

func (g *Graph) attend(q, k, v Value, params [3]Param, buckets []int32, how Attending) Value {
	g.check(how.Window >= 0, "attention: a window of %d tokens", how.Window)
	g.check(how.Cap >= 0, "attention: scores capped at %g", how.Cap)
	s, narrow := g.Values[q], g.Values[k]
	g.check(s.Rows == Tokens && narrow.Rows == Tokens && g.Values[v] == narrow, "attention of %v, %v, %v", s, narrow, g.Values[v])
	g.check(q != k && q != v && k != v, "attention: q, k and v are one value") // their gradients are set apart
	g.check(how.Heads > 0 && s.Columns > 0 && s.Columns%how.Heads == 0, "attention: %d columns in %d heads", s.Columns, how.Heads)
	dim := s.Columns / how.Heads
	kvHeads := narrow.Columns / dim
	g.check(kvHeads > 0 && kvHeads*dim == narrow.Columns && how.Heads%kvHeads == 0, "attention: %d heads of %d columns share keys of %d columns", how.Heads, dim, narrow.Columns)
	stats := g.value(Tokens, 2*how.Heads)
	return g.op(Op{
		Kind: Attention, In: [3]Value{q, k, v}, Out: g.value(Tokens, s.Columns), Saved: stats, Params: params, Site: g.site(),
		Heads: how.Heads, KVHeads: kvHeads, Causal: how.Causal, Window: how.Window, Factor: how.Factor, Cap: how.Cap, Rate: how.Rate,
		Buckets: buckets,
	})
}

// Rotary is the angles of rotary position embeddings [T, 2·F], as cosines and sines: the place of a token in its sequence
// times each of F frequencies, in float32 as transformers multiplies them. The frequencies (inv_freq there) carry the base
// and any scaling; angles should stay below 2^20. One value serves every layer.
func (g *Graph) Rotary(frequencies []float32) Value {
	return g.StretchedRotary(frequencies, Stretch{})
}

// StretchedRotary is Rotary for sequences longer than the network was trained for.
func (g *Graph) StretchedRotary(frequencies []float32, stretch Stretch) Value {
	g.check(len(frequencies) > 0, "rotary of no frequency")
	g.check(stretch.Positions == 0 || len(frequencies) > 1, "rotary: the base of one frequency cannot grow")
	return g.op(Op{Kind: Rotary, In: [3]Value{None, None, None}, Out: g.value(Tokens, 2*len(frequencies)), Saved: None, Params: noParams, Frequencies: frequencies, Stretch: stretch})
}

// Rotate turns the heads of x [T, heads·D] by the 2·F angles of a Rotary: element i of a head pairs with element i + F, which is
// transformers' rotate_half. Where D is more than 2·F the rest of a head stays as it is (partial_rotary_factor).
func (g *Graph) Rotate(x, angles Value, heads int) Value {
	s := g.Values[x]
	fits := heads > 0 && s.Columns%heads == 0 && s.Columns/heads >= g.columns(angles)
	g.check(s.Rows == Tokens && g.Values[angles].Rows == Tokens && fits, "rotate %v in %d heads by %v", s, heads, g.Values[angles])
	return g.op(Op{Kind: Rotate, In: [3]Value{x, angles, None}, Out: g.value(Tokens, s.Columns), Saved: None, Params: noParams, Heads: heads})
}

// Gate is act(gate)·up, a gated linear unit, with GELU, GELUTanh or SiLU.
func (g *Graph) Gate(gate, up Value, act Activation) Value {
	s := g.Values[gate]
	g.check(g.Values[up] == s, "gate of %v and %v", s, g.Values[up])
	g.check(act == GELU || act == GELUTanh || act == SiLU, "gate: activation %d has no gated unit", act)
	return g.op(Op{Kind: Gate, In: [3]Value{gate, up, None}, Out: g.value(s.Rows, s.Columns), Saved: None, Params: noParams, Activation: act})
}

// Slice is the columns [from, to) of x [R, H]: a part of a linear map that was made as one.
func (g *Graph) Slice(x Value, from, to int) Value {
	s := g.Values[x]
	g.check(0 <= from && from < to && to <= s.Columns, "slice [%d, %d) of %d columns", from, to, s.Columns)
	return g.op(Op{Kind: Slice, In: [3]Value{x, None, None}, Out: g.value(s.Rows, to-from), Saved: None, Params: noParams, From: from})
}

// Pool makes one row a sequence of x [T, H]. With skipPrompt the batch's leading prompt tokens are left out.
func (g *Graph) Pool(x Value, how Pooling, skipPrompt bool) Value {
	g.check(g.Values[x].Rows == Tokens, "pool of a value without tokens")
	skip := 0
	if skipPrompt {
		skip = 1
	}
	return g.op(Op{Kind: Pool, In: [3]Value{x, None, None}, Out: g.value(Sequences, g.columns(x)), Saved: None, Params: noParams, Pooling: how, Skip: skip})
}

// Normalize scales rows to unit length (torch.nn.functional.normalize: the length is at least 1e-12).
func (g *Graph) Normalize(x Value) Value {
	s := g.Values[x]
	return g.op(Op{Kind: Normalize, In: [3]Value{x, None, None}, Out: g.value(s.Rows, s.Columns), Saved: None, Params: noParams})
}

// Activate is act(x); the identity is x itself.
func (g *Graph) Activate(x Value, act Activation) Value {
	if act == Identity {
		return x
	}
	s := g.Values[x]
	return g.op(Op{Kind: Activate, In: [3]Value{x, None, None}, Out: g.value(s.Rows, s.Columns), Saved: None, Params: noParams, Activation: act})
}

// Skip passes over one dropout site, so that the sites after it have the same number whether or not this one is built.
func (g *Graph) Skip() { g.site() }

var noParams = [3]Param{None, None, None}
