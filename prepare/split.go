package prepare

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/draw"
)

// splits is the queries of each split, in file order.
type splits struct{ train, dev, test []query }

// part names where a group of queries goes.
type part int

const (
	inTrain part = iota
	inDev
	inTest
)

// splitter moves groups (rows with one question) out of train. It is a global pass in keyed order: which of two groups
// is looked at first depends on the seed and the groups' own questions, never on the order of the file.
type splitter struct {
	seed    uint64
	groups  []group        // in keyed order
	trained map[string]int // queries of each misconception that are in train
	heldOut map[string]bool
}

// group is the queries that must stay together.
type group struct {
	order   uint64
	key     string
	queries []query
	part    part
}

// split holds out test, then dev.
func split(queries []query, o Options) splits {
	s := newSplitter(queries, o.Seed)
	s.holdOut(inTest, o.TestShare, o.UnseenShare, len(queries))
	s.holdOut(inDev, o.DevShare, o.UnseenShare, len(queries))
	return s.splits(queries)
}

func newSplitter(queries []query, seed uint64) *splitter {
	s := &splitter{seed: seed, trained: map[string]int{}, heldOut: map[string]bool{}}
	position := map[string]int{}
	for _, q := range queries {
		i, known := position[q.group]
		if !known {
			i = len(s.groups)
			position[q.group] = i
			order := draw.Hash(seed, draw.Split, 0, 0, "question "+q.group)
			s.groups = append(s.groups, group{order: order, key: q.group})
		}
		s.groups[i].queries = append(s.groups[i].queries, q)
		s.trained[q.positive]++
	}
	slices.SortFunc(s.groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.key, b.key))
	})
	return s
}

// holdOut fills one split. First come misconceptions that train then lacks, each with all its questions, until the
// unseen share is reached; then questions whose misconceptions train keeps.
func (s *splitter) holdOut(p part, share, unseenShare float64, total int) {
	room := int(math.Round(share * float64(total)))
	unseen := int(math.Round(unseenShare * float64(room)))
	for _, id := range s.misconceptions() {
		if unseen == 0 {
			break
		}
		if s.trained[id] == 0 {
			continue
		}
		moving := s.groupsWith(id)
		rows, lost := s.effect(moving)
		if rows > room || lost > unseen || s.unsees(moving) {
			continue
		}
		s.move(moving, p)
		room, unseen = room-rows, unseen-lost
	}
	for i := range s.groups {
		if s.groups[i].part != inTrain {
			continue
		}
		if rows, lost := s.effect([]int{i}); rows <= room && lost == 0 {
			s.move([]int{i}, p)
			room -= rows
		}
	}
}

// misconceptions lists those of all queries in keyed order.
func (s *splitter) misconceptions() []string {
	ids := make([]string, 0, len(s.trained))
	for id := range s.trained {
		ids = append(ids, id)
	}
	order := func(id string) uint64 { return draw.Hash(s.seed, draw.Split, 0, 0, "misconception "+id) }
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(a, b)) })
	return ids
}

// groupsWith lists the groups of train that have a misconception.
func (s *splitter) groupsWith(id string) []int {
	var found []int
	for i, g := range s.groups {
		if g.part == inTrain && slices.ContainsFunc(g.queries, func(q query) bool { return q.positive == id }) {
			found = append(found, i)
		}
	}
	return found
}

// effect counts the rows of groups, and those among them whose misconception train would lack without the groups.
func (s *splitter) effect(moving []int) (rows, lost int) {
	for _, count := range s.counts(moving) {
		rows += count.moved
		if count.moved == count.trained {
			lost += count.moved
		}
	}
	return rows, lost
}

// unsees reports whether moving groups would make a query unseen that was held out before as a seen one.
func (s *splitter) unsees(moving []int) bool {
	return slices.ContainsFunc(s.counts(moving), func(c count) bool { return c.moved == c.trained && s.heldOut[c.id] })
}

// count is how many queries of a misconception are in train, and how many of them would move.
type count struct {
	id             string
	moved, trained int
}

func (s *splitter) counts(moving []int) []count {
	var counts []count
	position := map[string]int{}
	for _, i := range moving {
		for _, q := range s.groups[i].queries {
			at, known := position[q.positive]
			if !known {
				at = len(counts)
				position[q.positive] = at
				counts = append(counts, count{id: q.positive, trained: s.trained[q.positive]})
			}
			counts[at].moved++
		}
	}
	return counts
}

func (s *splitter) move(moving []int, to part) {
	for _, i := range moving {
		s.groups[i].part = to
		for _, q := range s.groups[i].queries {
			s.trained[q.positive]--
			s.heldOut[q.positive] = true
		}
	}
}

// splits returns the queries of each part in file order.
func (s *splitter) splits(queries []query) splits {
	where := map[string]part{}
	for _, g := range s.groups {
		where[g.key] = g.part
	}
	var out splits
	for _, q := range queries {
		switch where[q.group] {
		case inTest:
			out.test = append(out.test, q)
		case inDev:
			out.dev = append(out.dev, q)
		default:
			out.train = append(out.train, q)
		}
	}
	return out
}

// check reports a split that was asked for and stayed empty.
func (s splits) check(o Options) error {
	switch {
	case len(s.train) == 0:
		return fmt.Errorf("%w: nothing is left to train on", errNotSplit)
	case len(s.dev) == 0:
		return fmt.Errorf("%w: dev is empty; change the dev share (%v) or the unseen share (%v)", errNotSplit, o.DevShare, o.UnseenShare)
	case o.TestShare > 0 && len(s.test) == 0:
		return fmt.Errorf("%w: test is empty; change the test share (%v) or the unseen share (%v)", errNotSplit, o.TestShare, o.UnseenShare)
	}
	return nil
}
