package tokenizer

import "math"

// merging joins the pieces of one word; its buffers are used again for the next.
type merging struct {
	pieces []int32
	merges []merge  // of each piece with the next
	links  []link   // of a long word
	queue  []queued // of a long word: a heap
}

// shortWord is how many pieces are searched for the lowest merge one by one. A word of n pieces takes at most n searches
// of n steps, which is soon more than a heap takes; from where on was not measured.
const shortWord = 48

// join appends what becomes of the pieces.
func (g *merging) join(dst []int32, pairs *pairTable) []int32 {
	if len(g.pieces) > shortWord {
		return g.joinLong(dst, pairs)
	}
	pieces := g.pieces
	merges := g.merges[:0]
	for i := 1; i < len(pieces); i++ {
		merges = append(merges, pairs.find(pieces[i-1], pieces[i]))
	}
	for len(merges) > 0 {
		// Ranks differ unless pairs are equal, so the leftmost of the lowest is the first that is found.
		best, at := merges[0], 0
		for i, m := range merges[1:] {
			if m < best {
				best, at = m, i+1
			}
		}
		if best == noMerge {
			break
		}
		pieces[at] = best.id()
		pieces = append(pieces[:at+1], pieces[at+2:]...)
		merges = append(merges[:at], merges[at+1:]...)
		if at > 0 {
			merges[at-1] = pairs.find(pieces[at-1], pieces[at])
		}
		if at < len(merges) {
			merges[at] = pairs.find(pieces[at], pieces[at+1])
		}
	}
	g.merges = merges
	return append(dst, pieces...)
}

// link is a piece of a long word with its neighbours; one that was joined to the piece on its left has id -1.
type link struct{ id, left, right int32 }

// queued is a merge that was possible when it was found: of the piece at a place and the one on its right.
type queued struct {
	merge merge
	at    int32
}

func (q queued) before(r queued) bool {
	return q.merge < r.merge || q.merge == r.merge && q.at < r.at
}

// joinLong does the same with a heap of merges. A merge whose pieces have been joined otherwise since is passed over: its
// pair makes something else now.
func (g *merging) joinLong(dst []int32, pairs *pairTable) []int32 {
	if len(g.pieces) > math.MaxInt32-1 {
		panic("a word of more than two thousand million pieces")
	}
	g.links, g.queue = g.links[:0], g.queue[:0]
	for i, id := range g.pieces {
		g.links = append(g.links, link{id, int32(i) - 1, int32(i) + 1})
	}
	end := int32(len(g.links))
	for i := int32(1); i < end; i++ {
		g.offer(i-1, i, pairs)
	}
	for len(g.queue) > 0 {
		q := g.pop()
		l := &g.links[q.at]
		if l.id < 0 || l.right == end || pairs.find(l.id, g.links[l.right].id) != q.merge {
			continue
		}
		right := &g.links[l.right]
		l.id, right.id = q.merge.id(), -1
		l.right = right.right
		if l.right < end {
			g.links[l.right].left = q.at
			g.offer(q.at, l.right, pairs)
		}
		if l.left >= 0 {
			g.offer(l.left, q.at, pairs)
		}
	}
	for i := int32(0); i < end; i = g.links[i].right {
		dst = append(dst, g.links[i].id)
	}
	return dst
}

// offer queues the merge of two neighbours, if they have one.
func (g *merging) offer(left, right int32, pairs *pairTable) {
	m := pairs.find(g.links[left].id, g.links[right].id)
	if m == noMerge {
		return
	}
	g.queue = append(g.queue, queued{m, left})
	for i := len(g.queue) - 1; i > 0; {
		up := (i - 1) / 4
		if !g.queue[i].before(g.queue[up]) {
			break
		}
		g.queue[i], g.queue[up] = g.queue[up], g.queue[i]
		i = up
	}
}

// pop takes the first merge from the heap, whose nodes have four children.
func (g *merging) pop() queued {
	top := g.queue[0]
	last := len(g.queue) - 1
	g.queue[0] = g.queue[last]
	g.queue = g.queue[:last]
	for i := 0; ; {
		first, least := 4*i+1, i
		for child := first; child < min(first+4, last); child++ {
			if g.queue[child].before(g.queue[least]) {
				least = child
			}
		}
		if least == i {
			return top
		}
		g.queue[i], g.queue[least] = g.queue[least], g.queue[i]
		i = least
	}
}
