package tensor

// Feed is operations in a row of a chain that are done together, some columns at a time: one product or two, what is made of
// their sums element by element, and the product that reads what comes of it. No value between the products has a place, and
// none is ever in memory whole.
type Feed struct {
	From, To int    // operations [From, To): the last is the product that is fed
	Sums     []Sums // of a product that an activation may follow; of the two operands of a Gate, in their order
}

// Sums are columns of a product before the activation, as many as the fed product reads.
type Sums struct {
	Op    int // the Linear
	First int // of the columns: a multiple of WholePanels
}

// WholePanels is a number of columns that products take as whole panels whatever computes them.
const WholePanels = 64

// findFeeds lists the feeds of a chain and returns which values they leave without a place. ends has the operation that reads
// a value last where nothing outside the chain reads it, and -1 elsewhere.
func (p *Plan) findFeeds(c Chain, ends []int) (placeless []bool) {
	placeless = make([]bool, len(ends))
	for i := c.From; i < c.To; {
		f, ok := p.activated(c, i, ends)
		if !ok {
			f, ok = p.gated(c, i, ends)
		}
		if !ok {
			i++
			continue
		}
		p.Feeds = append(p.Feeds, f)
		for _, op := range p.Graph.Ops[f.From : f.To-1] {
			placeless[op.Out] = true
		}
		i = f.To
	}
	return placeless
}

// activated finds a product that goes into the next one alone, through an activation or none.
func (p *Plan) activated(c Chain, i int, ends []int) (f Feed, ok bool) {
	if !p.isBare(p.Graph.Ops[i]) || !p.isFed(c, i, ends) {
		return f, false
	}
	return Feed{From: i, To: i + 2, Sums: []Sums{{Op: i}}}, true
}

// gated finds a gated unit: gate and up by a product each of one value, or slices of one product, and a product that reads
// what the gate lets through.
func (p *Plan) gated(c Chain, i int, ends []int) (f Feed, ok bool) {
	ops := p.Graph.Ops
	made := map[Value]Sums{}
	gate := i
	for ; gate < c.To && ops[gate].Kind != Gate; gate++ {
		op := ops[gate]
		switch {
		case p.isBare(op) && op.Activation == Identity && op.In[0] == ops[i].In[0]:
			made[op.Out] = Sums{Op: gate}
		case op.Kind == Slice && gate > i && op.In[0] == ops[i].Out && op.From%WholePanels == 0:
			made[op.Out] = Sums{Op: i, First: op.From}
		default:
			return f, false
		}
	}
	if gate == c.To || !p.isFed(c, gate, ends) {
		return f, false
	}
	for _, op := range ops[i:gate] {
		if ends[op.Out] < 0 || ends[op.Out] > gate {
			return f, false
		}
	}
	f = Feed{From: i, To: gate + 2}
	for _, v := range ops[gate].In[:2] {
		sums, ok := made[v]
		if !ok {
			return f, false
		}
		f.Sums = append(f.Sums, sums)
	}
	return f, true
}

// isBare says whether an operation is a product without a residual whose sums no gradient reads.
func (p *Plan) isBare(op Op) bool {
	return op.Kind == Linear && op.In[1] == None && (op.Saved == None || !p.Training)
}

// isFed says whether what operation i makes goes into a product right after it and nowhere else.
func (p *Plan) isFed(c Chain, i int, ends []int) bool {
	if i+1 >= c.To {
		return false
	}
	made, next := p.Graph.Ops[i].Out, p.Graph.Ops[i+1]
	return next.Kind == Linear && next.In[0] == made && next.In[1] != made && ends[made] == i+1
}
