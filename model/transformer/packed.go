package transformer

import "github.com/quarry-ml/quarry/compute/tensor"

// attendPacked is attention whose queries, keys and values one module makes, in this order, with rotary positions. Its
// scores are divided by the root of a head's width.
func (g *builder) attendPacked(x tensor.Value, qkv module, angles tensor.Value, how tensor.Attending) tensor.Value {
	hidden := qkv.out / 3
	all := g.linear(x, qkv, tensor.Identity)
	part := func(i int) tensor.Value { return g.Slice(all, i*hidden, (i+1)*hidden) }
	q, k := g.Rotate(part(0), angles, how.Heads), g.Rotate(part(1), angles, how.Heads)
	how.Factor = headFactor(hidden, how.Heads)
	return g.Attend(q, k, part(2), how)
}

// halves are the two parts of equal width that a module makes as one.
func (g *builder) halves(x tensor.Value, m module) (first, second tensor.Value) {
	all := g.linear(x, m, tensor.Identity)
	return g.Slice(all, 0, m.out/2), g.Slice(all, m.out/2, m.out)
}

// wordsOnly looks up words and, where there are types, the first of them: places are rotary.
func (g *builder) wordsOnly(word string, words int, kind string, kinds, hidden, padding int) tensor.Value {
	table, types := g.matrix(word, words, hidden), tensor.Param(tensor.None)
	if kinds > 0 {
		types = g.matrix(kind, kinds, hidden)
	}
	if padding == tensor.None {
		return g.Lookup(table, tensor.None, types)
	}
	return g.PaddedLookup(table, tensor.None, types, padding)
}
