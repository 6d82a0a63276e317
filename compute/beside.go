package compute

import "github.com/quarry-ml/quarry/compute/tensor"

// Beside is the bytes that running a plan takes beside its workspaces and the packed weights that are kept: each worker's
// scratch, and the panels of the product that is running or the sums of a bias. It holds for sequences of up to longest tokens,
// if the plan and the graph's positions allow so many.
func (e *Engine) Beside(p *tensor.Plan, longest int) int64 {
	longest = min(longest, p.Tokens)
	var scratch, panels int
	product := func(m, n, k int) {
		x := product{layout: e.layout, m: m, n: n, k: k}
		scratch = max(scratch, x.scratchSize(min(cut(&x, e.team.size).rows, m)))
		panels = max(panels, packedSize(e.layout, k, n))
	}
	for _, op := range p.Graph.Ops {
		columns := p.Graph.Values[op.Out].Columns
		switch op.Kind {
		case tensor.Lookup: // comes before every attention
			scratch = max(scratch, columns)
			if position := op.Params[1]; position != tensor.None {
				longest = min(longest, p.Graph.Params[position].Rows)
			}
		case tensor.Attention:
			scratch = max(scratch, newHeadSizes(e.layout, &op, longest, columns/op.Heads).total())
			if op.Buckets != nil && p.Training {
				panels = max(panels, (p.Tokens/keyBlock+p.Sequences)*op.Heads*p.Graph.Params[op.Params[0]].Rows)
			}
		case tensor.Linear:
			w := p.Graph.Params[op.Params[0]]
			scratch = max(scratch, wideWords(e.layout))
			product(p.Tokens, w.Rows, w.Columns)
			if p.Training {
				product(p.Tokens, w.Columns, w.Rows)
				product(w.Rows, w.Columns, p.Tokens)
			}
		case tensor.Gate: // the gradients of both operands
			scratch = max(scratch, 2*columns)
		default:
			scratch = max(scratch, columns)
		}
	}
	for _, c := range p.Chains {
		_, all := passWords(e.layout, p, c, windowRows(e.layout, e.team.size, p.Tokens))
		scratch = max(scratch, all)
	}
	for _, c := range p.Pulls {
		scratch = max(scratch, pullWords(e.layout, p, c, windowRows(e.layout, e.team.size, p.Tokens)))
	}
	return 4 * (int64(e.team.size)*int64(scratch) + int64(panels))
}
