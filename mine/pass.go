package mine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/draw"
)

// Pass mines query after query and hands each result on in the order in which queries came. With a hub limit, which
// couples queries, it waits for the last of them; what it holds then is results and counts, no candidates.
type Pass struct {
	Progress func(step Step, done, total int) // of Close, in rows, each of them once in either step; may be nil

	miner   *Miner
	again   func(n int) (Query, error)
	sink    func(q Query, r Result) error
	added   int
	waiting []waiting
}

// Step is a part of what Close does.
type Step string

// The steps of Close.
const (
	Drawing Step = "hub limit"  // for one row after the other, by what those before it have left
	Handing Step = "write rows" // of the results to the sink
)

// waiting is a row that has not been drawn for.
type waiting struct {
	query int // by the order of adding
	row   int // among those of the query
	key   string
	turn  uint64
}

// NewPass begins a pass over queries. Every query of the set has to be added to one pass, then Close called, which with a hub
// limit asks again for every query as it was added, the n-th counted from 0: once in the order of draws, once in that of adding.
// Without one again is never called and may be nil.
func (m *Miner) NewPass(again func(n int) (Query, error), sink func(q Query, r Result) error) *Pass {
	return &Pass{miner: m, again: again, sink: sink}
}

// of asks again for queries that are in memory.
func of(queries []Query) func(int) (Query, error) {
	return func(n int) (Query, error) { return queries[n], nil }
}

// Add mines a query, or takes note of it for Close where a global rule is asked for.
func (p *Pass) Add(q Query) error {
	asked, err := p.miner.ask(q)
	if err != nil {
		return fmt.Errorf("query %q: %w", q.Query, err)
	}
	m := p.miner
	for row, a := range asked {
		if m.o.HubLimit > 0 {
			p.waiting = append(p.waiting, waiting{p.added, row, a.key, draw.Hash(m.o.Seed, draw.Mining, m.round, 0, "hub:"+a.key)})
			continue
		}
		if err := p.sink(q, m.draw(m.pool(a), nil)); err != nil {
			return err
		}
	}
	p.added++
	return nil
}

// Close draws for the queries that wait, in an order keyed by seed, round and query key, each from what the queries before
// it have left of the hub limit, and hands the results on in the order in which the queries came. It ends between two queries
// with the context's error.
func (p *Pass) Close(ctx context.Context) error {
	order := make([]int, len(p.waiting))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(p.waiting[a].turn, p.waiting[b].turn), cmp.Compare(p.waiting[a].key, p.waiting[b].key))
	})
	uses := map[int32]int{}
	results := make([]Result, len(p.waiting))
	for done, i := range order {
		err := ctx.Err()
		if err != nil {
			return err
		}
		if results[i], err = p.drawAgain(p.waiting[i], uses); err != nil {
			return err
		}
		results[i].Teacher = nil // the query brings it again
		for _, n := range results[i].Negatives {
			uses[n.Passage]++
		}
		p.progress(Drawing, done+1)
	}
	for i := 0; i < len(p.waiting); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := p.waiting[i].query
		q, err := p.again(n)
		if err != nil {
			return err
		}
		for ; i < len(p.waiting) && p.waiting[i].query == n; i++ {
			r := results[i]
			r.Teacher = q.Teacher
			if err := p.sink(q, r); err != nil {
				return err
			}
			results[i] = Result{}
		}
		p.progress(Handing, i)
	}
	p.waiting = nil
	return nil
}

func (p *Pass) progress(step Step, done int) {
	if p.Progress != nil {
		p.Progress(step, done, len(p.waiting))
	}
}

func (p *Pass) drawAgain(w waiting, uses map[int32]int) (Result, error) {
	q, err := p.again(w.query)
	if err != nil {
		return Result{}, err
	}
	asked, err := p.miner.ask(q)
	if err != nil {
		return Result{}, fmt.Errorf("query %q: %w", q.Query, err)
	}
	return p.miner.draw(p.miner.pool(asked[w.row]), uses), nil
}
