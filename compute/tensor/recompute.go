package tensor

// schedule settles the steps of the backward pass: gradients from the last operation to the first, each layer's after what
// they need of it is computed again. Of the last layer everything is still in place.
func (p *Plan) schedule(trainable []bool) {
	ops, layers := p.Graph.Ops, p.layers()
	for to := len(ops); to > 0; {
		from := to - 1
		for from > 0 && layers[from-1] == layers[to-1] {
			from--
		}
		if to < len(ops) {
			for i, again := range p.again(from, to, trainable) {
				if again {
					p.Backward = append(p.Backward, Step{Op: from + i, Again: true})
				}
			}
		}
		for i := to - 1; i >= from; i-- {
			if p.Needs[ops[i].Out] {
				p.Backward = append(p.Backward, Step{Op: i})
			}
		}
		to = from
	}
}

// again says which operations [from, to) make what their gradients read.
func (p *Plan) again(from, to int, trainable []bool) []bool {
	needed := make([]bool, len(p.Graph.Values))
	need := func(values ...Value) {
		for _, v := range values {
			if v != None {
				needed[v] = true
			}
		}
	}
	for _, op := range p.Graph.Ops[from:to] {
		if p.Needs[op.Out] {
			need(Saves(op, p.Needs, trainable)...)
		}
	}
	again := make([]bool, to-from)
	for i := to - 1; i >= from; i-- {
		op := p.Graph.Ops[i]
		if needed[op.Out] || op.Saved != None && needed[op.Saved] {
			again[i-from] = true
			need(op.In[:]...)
		}
	}
	return again
}

// layers numbers the layer of each operation. Without recomputing the whole graph is one layer.
func (p *Plan) layers() []int {
	if !p.recomputes {
		return make([]int, len(p.Graph.Ops))
	}
	return p.Graph.Layers()
}

// Layers numbers the layer of each operation. A layer begins at the last place before an attention where a single value
// goes on: between the layers of every transformer. What is made of places alone, as the angles of rotary embeddings are,
// does not count: all layers read it.
func (g *Graph) Layers() []int {
	ops := g.Ops
	layers := make([]int, len(ops))
	last := make([]int, len(g.Values)) // operation that uses a value last
	for i, op := range ops {
		for _, v := range op.In {
			if v != None {
				last[v] = i
			}
		}
	}
	begins := make([]bool, len(ops)+1)
	narrow, alive := 0, map[Value]bool{}
	for i, op := range ops {
		if op.Kind == Attention {
			begins[narrow] = true
		}
		if op.In != [3]Value{None, None, None} || op.Params != noParams {
			alive[op.Out] = true
		}
		for _, v := range op.In {
			if v != None && last[v] == i {
				delete(alive, v)
			}
		}
		if len(alive) == 1 {
			narrow = i + 1
		}
	}
	layer := 0
	for i := range ops {
		if i > 0 && begins[i] {
			layer++
		}
		layers[i] = layer
	}
	return layers
}
