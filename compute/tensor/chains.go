package tensor

import "slices"

// Chain is operations in a row that are done row by row: a row of what they make depends on the same row of their operands
// alone. All of them can be done for some rows before the next rows are begun, while those are in a cache.
type Chain struct {
	From, To int // operations [From, To), or steps of the backward pass
	Columns  int // of the chain's own memory, a row: see Plan.Own
}

// findChains lists the longest chains of the forward pass, gives the values that nothing outside a chain reads a place in
// its own memory, and returns the lives of the others. Those last for the whole chain: its first rows are at its last
// operation when its last rows are at its first.
func (p *Plan) findChains(lives []life) []life {
	p.Own = slices.Repeat([]int{-1}, len(p.Graph.Values))
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

// findPulls lists the longest chains of the backward pass and returns the lives that last for all of a chain: its rows are at
// different steps at a time, and weights' gradients read what it read and made when it is done.
func (p *Plan) findPulls(lives []life) []life {
	n := len(p.Graph.Ops)
	for from := 0; from < len(p.Backward); {
		to := from
		for to < len(p.Backward) && !p.Backward[to].Again && p.rowwise(p.Graph.Ops[p.Backward[to].Op]) {
			to++
		}
		if to-from > 1 {
			p.Pulls = append(p.Pulls, Chain{From: from, To: to})
			for i := range lives {
				lives[i] = widened(lives[i], n+from, n+to)
			}
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
	ends := slices.Repeat([]int{-1}, len(p.Graph.Values))
	for _, l := range lives {
		if !l.gradient && c.holds(l) && l.value != p.Graph.Output {
			ends[l.value] = l.spans[0].to
		}
	}
	placeless := p.findFeeds(c, ends)
	var own []life
	for _, l := range lives {
		switch {
		case l.gradient:
			others = append(others, l)
		case ends[l.value] < 0:
			others = append(others, widened(l, c.From, c.To))
		case !placeless[l.value]:
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

// widened is a life that lasts for all of the steps [from, to) if for any.
func widened(l life, from, to int) life {
	var wide []span
	for _, s := range l.spans {
		if s.from > from && s.from < to {
			s.from = from
		}
		if s.to >= from && s.to < to {
			s.to = to - 1
		}
		wide = append(wide, s)
	}
	l.spans = wide
	return l
}
