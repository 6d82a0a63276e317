package prepare

import (
	"fmt"
	"strings"
)

// Report says what a preparation made: what was asked for is met as nearly as whole questions allow.
type Report struct {
	Passages         int
	Train, Dev, Test Part
	Examples         int
}

// Part is what one split holds.
type Part struct {
	Queries        int
	Questions      int
	Misconceptions int     // different ones
	Share          float64 // of all queries
	Unseen         int     // queries whose misconception no train query has
}

// UnseenShare is the share of the split's queries whose misconception no train query has.
func (p Part) UnseenShare() float64 {
	if p.Queries == 0 {
		return 0
	}
	return float64(p.Unseen) / float64(p.Queries)
}

// String is a table for people, a line a split.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d passages, %d in-context examples\n", r.Passages, r.Examples)
	row := func(name string, p Part) {
		fmt.Fprintf(&b, "%-5s %6d queries (%.1f %%), %5d questions, %5d misconceptions", name, p.Queries, 100*p.Share, p.Questions, p.Misconceptions)
		if name != "train" {
			fmt.Fprintf(&b, ", %d queries (%.1f %%) with one that train lacks", p.Unseen, 100*p.UnseenShare())
		}
		b.WriteByte('\n')
	}
	row("train", r.Train)
	row("dev", r.Dev)
	if r.Test.Queries > 0 {
		row("test", r.Test)
	}
	return b.String()
}

// report counts what the splits hold.
func (s splits) report(passages, examples int) Report {
	trained := map[string]bool{}
	for _, q := range s.train {
		trained[q.positive] = true
	}
	total := len(s.train) + len(s.dev) + len(s.test)
	part := func(queries []query) Part {
		questions, misconceptions := map[string]bool{}, map[string]bool{}
		p := Part{Queries: len(queries), Share: float64(len(queries)) / float64(total)}
		for _, q := range queries {
			questions[q.question] = true
			misconceptions[q.positive] = true
			if !trained[q.positive] {
				p.Unseen++
			}
		}
		p.Questions, p.Misconceptions = len(questions), len(misconceptions)
		return p
	}
	return Report{Passages: passages, Train: part(s.train), Dev: part(s.dev), Test: part(s.test), Examples: examples}
}
