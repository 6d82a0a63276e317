package tensor

// life is when a buffer must keep its contents. Operation i of the forward pass is step i; the steps of the backward pass
// follow.
type life struct {
	gradient bool
	value    Value
	spans    []span // one, or two where a value is computed again
}

// span is the steps [from, to].
type span struct{ from, to int }

// meets says whether both lives need their contents at some step.
func (l life) meets(other life) bool {
	for _, a := range l.spans {
		for _, b := range other.spans {
			if a.from <= b.to && b.from <= a.to {
				return true
			}
		}
	}
	return false
}

// lifetimes lists when each buffer lives. It settles Adds.
func (p *Plan) lifetimes(trainable []bool) []life {
	return append(p.valueLives(trainable), p.gradientLives()...)
}

func (p *Plan) valueLives(trainable []bool) []life {
	g, layers := p.Graph, p.layers()
	n := len(g.Ops)
	made, used := make([]int, len(g.Values)), make([]int, len(g.Values))  // steps of the first pass
	again, last := make([]int, len(g.Values)), make([]int, len(g.Values)) // steps of the backward pass, 0 for none
	leaves := make([]bool, len(g.Values))                                 // its layer
	for v := range made {
		made[v] = -1
	}
	use := func(v Value, step, op int) {
		if v == None || made[v] < 0 {
			return
		}
		leaves[v] = leaves[v] || layers[op] != layers[made[v]]
		if step < n {
			used[v] = max(used[v], step)
		} else {
			last[v] = max(last[v], step)
		}
	}
	for i, op := range g.Ops {
		made[op.Out], used[op.Out] = i, i
		if op.Saved != None && (p.Training || op.Kind != Linear) {
			made[op.Saved], used[op.Saved] = i, i
		}
		for _, v := range op.In {
			use(v, i, i)
		}
	}
	for j, step := range p.Backward {
		op := g.Ops[step.Op]
		if !step.Again {
			for _, v := range Saves(op, p.Needs, trainable) {
				use(v, n+j, step.Op)
			}
			continue
		}
		for _, v := range op.In {
			use(v, n+j, step.Op)
		}
		again[op.Out] = n + j
		if op.Saved != None {
			again[op.Saved] = n + j
		}
	}
	last[g.Output] = max(n-1, n+len(p.Backward)-1)
	var lives []life
	for v, from := range made {
		l := life{value: Value(v), spans: []span{{from, max(used[v], last[v], again[v])}}}
		if again[v] > 0 && !leaves[v] {
			l.spans = []span{{from, used[v]}, {again[v], max(again[v], last[v])}}
		}
		if from >= 0 {
			lives = append(lives, l)
		}
	}
	return lives
}

func (p *Plan) gradientLives() []life {
	g := p.Graph
	n := len(g.Ops)
	p.Adds = make([][3]bool, n)
	spans := make([]span, len(g.Values))
	for v := range spans {
		spans[v].from = -1
	}
	if p.Training {
		spans[g.Output] = span{n, n}
	}
	for j, step := range p.Backward {
		if step.Again {
			continue
		}
		op := g.Ops[step.Op]
		spans[op.Out].to = n + j
		for k, v := range op.In {
			if v == None || !p.Needs[v] {
				continue
			}
			p.Adds[step.Op][k] = spans[v].from >= 0
			if spans[v].from < 0 {
				spans[v].from = n + j
			}
		}
	}
	var lives []life
	for v, s := range spans {
		if s.from >= 0 {
			lives = append(lives, life{gradient: true, value: Value(v), spans: []span{s}})
		}
	}
	return lives
}
