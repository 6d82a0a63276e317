package rerank

import (
	"cmp"
	"context"
	"iter"
)

// Asked are the pairs that a teacher is asked of: those of a query at a time, or of one row of it, and none where nothing is asked of one.
// Going through them again gives the same. A slice is used until the next comes.
type Asked = iter.Seq2[[]Pair, error]

// AskedOf are the pairs of passages by query.
func AskedOf(passages [][]int32, pair func(query int, passage int32) Pair) Asked {
	return func(yield func([]Pair, error) bool) {
		var pairs []Pair
		for query, of := range passages {
			pairs = pairs[:0]
			for _, p := range of {
				pairs = append(pairs, pair(query, p))
			}
			if !yield(pairs, nil) {
				return
			}
		}
	}
}

// blockPairs is how many pairs are in memory at once, with their digests, their scores and those that the store has: some 150 bytes each,
// and texts that were put together of a title and a text. A block costs a look through all that the store holds.
const blockPairs = 1 << 18

// BlockBytes is the most memory that the pairs of a block take of so many in all.
func BlockBytes(pairs int) int64 {
	const perPair = 150
	return perPair * int64(min(pairs, blockPairs))
}

// block is the pairs of so many queries.
type block struct {
	pairs   []Pair
	digests []Digest
	ends    []int // of each query
}

// eachBlock hands on all pairs, whole queries at a time, of which one may be more than most. A block is done's until it returns.
func eachBlock(ctx context.Context, asked Asked, o Options, done func(*block) error) error {
	most := cmp.Or(o.Block, blockPairs)
	var b block
	flush := func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := done(&b)
		b.pairs, b.digests, b.ends = b.pairs[:0], b.digests[:0], b.ends[:0]
		return err
	}
	for pairs, err := range asked {
		if err == nil && len(b.pairs) > 0 && len(b.pairs)+len(pairs) > most {
			err = flush()
		}
		if err != nil {
			return err
		}
		b.pairs = append(b.pairs, pairs...)
		for _, p := range pairs {
			b.digests = append(b.digests, p.Digest())
		}
		b.ends = append(b.ends, len(b.pairs))
	}
	if len(b.ends) == 0 {
		return nil
	}
	return flush()
}

// each goes through the queries of a block: the pairs of one are those from first to before end.
func (b *block) each(visit func(first, end int) error) error {
	first := 0
	for _, end := range b.ends {
		if err := visit(first, end); err != nil {
			return err
		}
		first = end
	}
	return nil
}

// names are digests of pairs.
type names map[Digest]bool

func (n names) has(d Digest) bool { return n[d] }

// wanted is the pairs of a block, each once.
func (b *block) wanted() names {
	n := make(names, len(b.digests))
	for _, d := range b.digests {
		n[d] = true
	}
	return n
}
