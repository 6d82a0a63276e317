package tensor

import (
	"cmp"
	"slices"
)

// Plan is where every buffer of a graph lives, for batches up to Tokens and Sequences. One arena serves both layouts.
type Plan struct {
	Graph             *Graph
	Tokens, Sequences int    // the largest batch that the layouts hold
	Training          bool   // gradients and saved values have places
	Size              int    // float32s of the arena
	Apart             Layout // for operations that are done one after the other
	Together          Layout // for chains that are done on some rows at a time: values with an Own place have none here
	Needs             []bool
	// Adds[i][j] says that operation i's gradient for operand j adds to what a later operation left, instead of setting it.
	Adds [][3]bool
	// Backward is what the backward pass does, in order.
	Backward []Step
	// Chains are operations that may be done on some rows at a time, in order.
	Chains []Chain
	// Pulls are the same of steps of the backward pass. What a weight's gradient sums over all rows comes after a chain.
	Pulls []Chain
	// Own is the column at which a value may stand in its chain's own memory, for it lives within the chain alone; -1 elsewhere.
	Own []int
	// Feeds are operations of chains whose results have no place at all, in order.
	Feeds []Feed

	recomputes bool // layers but the last are computed again in the backward pass
}

// Layout is offsets in the arena, in float32s.
type Layout struct {
	Values    []int // of each value, -1 where it has no buffer
	Gradients []int // of each value's gradient, -1 where none is needed
}

// Step is one step of a backward pass: the gradient of an operation, or, with Again, the operation itself once more.
type Step struct {
	Op    int
	Again bool
}

// alignment of a buffer, in float32s: one cache line.
const alignment = 16

// NewPlan lays out a graph. trainable says which parameters want gradients; nil plans inference alone.
func NewPlan(g *Graph, trainable []bool, tokens, sequences int) *Plan {
	return newPlan(g, trainable, tokens, sequences, false)
}

// NewRecomputingPlan lays out the training of a graph in less memory: of each layer but the last the forward pass leaves
// only what enters it, and the backward pass computes the rest again (Chen et al., 2016), to the bit.
func NewRecomputingPlan(g *Graph, trainable []bool, tokens, sequences int) *Plan {
	return newPlan(g, trainable, tokens, sequences, true)
}

func newPlan(g *Graph, trainable []bool, tokens, sequences int, recomputes bool) *Plan {
	p := &Plan{Graph: g, Tokens: tokens, Sequences: sequences, Training: trainable != nil, recomputes: recomputes}
	p.Needs = make([]bool, len(g.Values))
	if p.Training {
		p.markNeeds(trainable)
		p.schedule(trainable)
	}
	lives := p.lifetimes(trainable)
	p.Apart = p.place(lives)
	p.Together = p.place(p.findPulls(p.findChains(lives)))
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
		saved = append(saved, op.In[0], op.In[1], op.In[2], op.Saved, op.Out)
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

// place gives every life an offset in the arena.
func (p *Plan) place(lives []life) Layout {
	none := func() []int { return slices.Repeat([]int{-1}, len(p.Graph.Values)) }
	l := Layout{Values: none(), Gradients: none()}
	offsets, end := layOut(lives, p.size)
	for i, life := range lives {
		if life.gradient {
			l.Gradients[life.value] = offsets[i]
		} else {
			l.Values[life.value] = offsets[i]
		}
	}
	p.Size = max(p.Size, end)
	return l
}

// layOut gives every life an offset such that no two that overlap in time overlap in memory: largest first, at the lowest
// gap that fits. It returns the end of all, too.
func layOut(lives []life, size func(life) int) (offsets []int, end int) {
	order := make([]int, len(lives))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(size(lives[b]), size(lives[a])) })
	type block struct{ from, to int }
	offsets = make([]int, len(lives))
	var placed []int
	for _, i := range order {
		var busy []block
		for _, j := range placed {
			if lives[i].meets(lives[j]) {
				busy = append(busy, block{offsets[j], offsets[j] + size(lives[j])})
			}
		}
		slices.SortFunc(busy, func(a, b block) int { return cmp.Compare(a.from, b.from) })
		at := 0
		for _, b := range busy {
			if at+size(lives[i]) <= b.from {
				break
			}
			at = max(at, b.to)
		}
		offsets[i] = at
		placed = append(placed, i)
		end = max(end, at+size(lives[i]))
	}
	return offsets, end
}

func (p *Plan) size(l life) int {
	s := p.Graph.Values[l.value]
	rows := p.Tokens
	if s.Rows == Sequences {
		rows = p.Sequences
	}
	return (rows*s.Columns + alignment - 1) / alignment * alignment
}
