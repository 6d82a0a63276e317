package tensor

import "slices"

// Chain is operations in a row that are done row by row: a row of what they make depends on the same row of their operands
// alone. All of them can be done for some rows before the next rows are begun, while those are in a cache.
type Chain struct {
	From, To int // operations [From, To)
	Columns  int // of the chain's own memory, a row: see Plan.Own
}

// findChains lists the longest chains of the forward pass, gives the values that nothing outside a chain reads a place in
// its own memory, and returns the lives of the others. Those last for the whole chain: its first rows are at its last
// operation when its last rows are at its first.
func (p *Plan) findChains(lives []life) []life {
	p.Own = slices.Repeat([]int{-1}, len(p.Graph.Values))
	p.Feeds = make([]bool, len(p.Graph.Ops))
	for from := 0; from < len(p.Graph.Ops); {
		to := from
		for to < len(p.Graph.Ops) && p.rowwise(p.Graph.Ops[to]) {
			to++
		}
		if to-from > 1 {
			lives = p.addChain(Chain{From: from, To: to}, lives)
		}
		from = max(to, from+1)
	}
	return lives
}

// rowwise says whether an operation on tokens can be part of a chain.
func (p *Plan) rowwise(op Op) bool {
	switch op.Kind {
	case Linear, LayerNorm, RMSNorm, Scale, Add, Dropout, Activate, Gate, Rotate, Slice:
		return p.Graph.Values[op.Out].Rows == Tokens
	}
	return false
}

func (p *Plan) addChain(c Chain, lives []life) (others []life) {
	var own []life
	for _, l := range lives {
		switch {
		case l.gradient:
			others = append(others, l)
		case !c.holds(l) || l.value == p.Graph.Output:
			others = append(others, life{value: l.value, spans: c.widen(l.spans)})
		case l.spans[0].to == l.spans[0].from+1 && p.feeds(l.spans[0].from, l.value):
			p.Feeds[l.spans[0].from] = true
		default:
			own = append(own, l)
		}
	}
	offsets, columns := layOut(own, func(l life) int { return p.Graph.Values[l.value].Columns })
	for i, l := range own {
		p.Own[l.value] = offsets[i]
	}
	c.Columns = columns
	p.Chains = append(p.Chains, c)
	return others
}

// holds says that a life begins and ends within the chain.
func (c Chain) holds(l life) bool {
	return len(l.spans) == 1 && l.spans[0].from >= c.From && l.spans[0].to < c.To
}

// widen makes spans that touch the chain last for all of it.
func (c Chain) widen(spans []span) []span {
	var wide []span
	for _, s := range spans {
		if s.from > c.From && s.from < c.To {
			s.from = c.From
		}
		if s.to >= c.From && s.to < c.To {
			s.to = c.To - 1
		}
		wide = append(wide, s)
	}
	return wide
}

// feeds says whether a value, read by the next operation last, goes from one product into the other alone.
func (p *Plan) feeds(i int, v Value) bool {
	from, to := p.Graph.Ops[i], p.Graph.Ops[i+1]
	return from.Kind == Linear && from.Out == v && from.In[1] == None && (from.Saved == None || !p.Training) &&
		to.Kind == Linear && to.In[0] == v && to.In[1] != v
}
