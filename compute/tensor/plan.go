package tensor

import (
	"cmp"
	"slices"
)

// Plan is where every buffer of a graph lives. Offsets count float32s and hold for batches up to Tokens and Sequences.
type Plan struct {
	Graph             *Graph
	Tokens, Sequences int   // the largest batch that the layout holds
	Training          bool  // gradients and saved values have places
	Size              int   // float32s of the arena
	Values            []int // offset of each value, -1 where it has no buffer
	Gradients         []int // offset of each value's gradient, -1 where none is needed
	Needs             []bool
	// Adds[i][j] says that operation i's gradient for operand j adds to what a later operation left, instead of setting it.
	Adds [][3]bool
}

// alignment of a buffer, in float32s: one cache line.
const alignment = 16

// NewPlan lays out a graph. trainable says which parameters want gradients; nil plans inference alone.
func NewPlan(g *Graph, trainable []bool, tokens, sequences int) *Plan {
	p := &Plan{Graph: g, Tokens: tokens, Sequences: sequences, Training: trainable != nil}
	p.Needs = make([]bool, len(g.Values))
	if p.Training {
		p.markNeeds(trainable)
	}
	lives := p.lifetimes(trainable)
	p.place(lives)
	return p
}

// markNeeds finds the values that a trainable parameter feeds: only they need gradients.
func (p *Plan) markNeeds(trainable []bool) {
	for _, op := range p.Graph.Ops {
		needs := false
		for _, v := range op.In {
			needs = needs || v != None && p.Needs[v]
		}
		for _, w := range op.Params {
			needs = needs || w != None && trainable[w]
		}
		p.Needs[op.Out] = needs
	}
}

// life is the steps [from, to] between which a buffer must keep its contents. Step i is operation i forward;
// step 2n-1-i is its gradient.
type life struct {
	gradient bool
	value    Value
	from, to int
}

func (p *Plan) lifetimes(trainable []bool) []life {
	g := p.Graph
	n := len(g.Ops)
	forward, gradient := make([]life, len(g.Values)), make([]life, len(g.Values))
	for i := range forward {
		forward[i] = life{value: Value(i), from: -1}
		gradient[i] = life{value: Value(i), gradient: true, from: -1}
	}
	last := n - 1
	if p.Training {
		last = 2*n - 1
	}
	p.Adds = make([][3]bool, n)
	for i, op := range g.Ops {
		forward[op.Out] = life{value: op.Out, from: i, to: i}
		if op.Saved != None && (p.Training || op.Kind == LayerNorm || op.Kind == RMSNorm) {
			forward[op.Saved] = life{value: op.Saved, from: i, to: i}
		}
		for _, v := range op.In {
			if v != None {
				forward[v].to = max(forward[v].to, i)
			}
		}
	}
	forward[g.Output].to = last
	if p.Training {
		gradient[g.Output].from, gradient[g.Output].to = n, n
		for i := n - 1; i >= 0; i-- {
			op, step := g.Ops[i], 2*n-1-i
			if !p.Needs[op.Out] {
				continue
			}
			for _, v := range Saves(op, p.Needs, trainable) {
				forward[v].to = max(forward[v].to, step)
			}
			gradient[op.Out].to = step
			for j, v := range op.In {
				if v == None || !p.Needs[v] {
					continue
				}
				p.Adds[i][j] = gradient[v].from >= 0
				if gradient[v].from < 0 {
					gradient[v].from = step
				}
			}
		}
	}
	lives := make([]life, 0, 2*len(forward))
	for _, l := range slices.Concat(forward, gradient) {
		if l.from >= 0 {
			lives = append(lives, l)
		}
	}
	return lives
}

// Saves lists the values that the gradient of an operation reads.
func Saves(op Op, needs, trainable []bool) []Value {
	var saved []Value
	switch op.Kind {
	case LayerNorm, RMSNorm:
		saved = append(saved, op.In[0], op.Saved)
	case Linear:
		if trainable[op.Params[0]] {
			saved = append(saved, op.In[0])
		}
		if op.Saved != None {
			saved = append(saved, op.Saved)
		}
	case Attention:
		saved = append(saved, op.In[:]...)
	case Gate:
		saved = append(saved, op.In[0], op.In[1])
	case Rotate:
		saved = append(saved, op.In[1])
	case Activate:
		saved = append(saved, op.In[0])
	case Pool:
		if op.Pooling == Max {
			saved = append(saved, op.In[0])
		}
	case Normalize:
		saved = append(saved, op.In[0], op.Out)
	}
	return saved
}

// place gives every life an offset such that no two that overlap in time overlap in memory: largest first, at the lowest gap that fits.
func (p *Plan) place(lives []life) {
	p.Values = slices.Repeat([]int{-1}, len(p.Graph.Values))
	p.Gradients = slices.Repeat([]int{-1}, len(p.Graph.Values))
	order := make([]int, len(lives))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.size(lives[b]), p.size(lives[a])) })
	type block struct{ from, to int }
	offsets := make([]int, len(lives))
	var placed []int
	for _, i := range order {
		var busy []block
		for _, j := range placed {
			if lives[i].from <= lives[j].to && lives[j].from <= lives[i].to {
				busy = append(busy, block{offsets[j], offsets[j] + p.size(lives[j])})
			}
		}
		slices.SortFunc(busy, func(a, b block) int { return cmp.Compare(a.from, b.from) })
		at := 0
		for _, b := range busy {
			if at+p.size(lives[i]) <= b.from {
				break
			}
			at = max(at, b.to)
		}
		offsets[i] = at
		placed = append(placed, i)
		p.Size = max(p.Size, at+p.size(lives[i]))
		if lives[i].gradient {
			p.Gradients[lives[i].value] = at
		} else {
			p.Values[lives[i].value] = at
		}
	}
}

func (p *Plan) size(l life) int {
	s := p.Graph.Values[l.value]
	rows := p.Tokens
	if s.Rows == Sequences {
		rows = p.Sequences
	}
	return (rows*s.Columns + alignment - 1) / alignment * alignment
}
