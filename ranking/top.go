package ranking

import "slices"

// Top keeps the best k of the hits pushed into it. What it keeps depends on the hits alone, never on the order of pushing:
// ties of score fall to the order of passages. It is for one goroutine.
type Top struct {
	k     int
	order Order
	heap  []Hit // the worst of the kept hits is at the root
}

// NewTop makes an empty selection of at most k hits. A k of zero keeps nothing.
func NewTop(k int, order Order) *Top {
	if k < 0 {
		panic("ranking: NewTop of a negative number of hits")
	}
	return &Top{k: k, order: order}
}

// Push offers a hit and reports whether it is among the best k so far. A score that is not a number panics: it has no
// place in any order, so callers check vectors before they search.
func (t *Top) Push(h Hit) bool {
	if h.Score != h.Score {
		panic("ranking: the score of a hit is not a number")
	}
	if len(t.heap) < t.k {
		t.heap = append(t.heap, h)
		t.up(len(t.heap) - 1)
		return true
	}
	if t.k == 0 || t.order.Compare(h, t.heap[0]) >= 0 {
		return false
	}
	t.heap[0] = h
	t.down(0)
	return true
}

// Threshold is the score that a hit must reach to have a chance, once k hits are kept; before, ok is false. A hit with
// exactly this score may still win its tie.
func (t *Top) Threshold() (score float32, ok bool) {
	if t.k == 0 || len(t.heap) < t.k {
		return 0, false
	}
	return t.heap[0].Score, true
}

// Ranking returns the kept hits, best first. Pushing may go on afterwards.
func (t *Top) Ranking() Ranking {
	best := slices.Clone(t.heap)
	t.order.Sort(best)
	return best
}

// worse reports whether the hit at i ranks below the one at j.
func (t *Top) worse(i, j int) bool { return t.order.Compare(t.heap[i], t.heap[j]) > 0 }

func (t *Top) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !t.worse(i, parent) {
			return
		}
		t.heap[i], t.heap[parent] = t.heap[parent], t.heap[i]
		i = parent
	}
}

func (t *Top) down(i int) {
	for {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(t.heap); child++ {
			if t.worse(child, worst) {
				worst = child
			}
		}
		if worst == i {
			return
		}
		t.heap[i], t.heap[worst] = t.heap[worst], t.heap[i]
		i = worst
	}
}
