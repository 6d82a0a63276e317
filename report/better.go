package report

import (
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/rundir"
)

// judge names the measure that a round is told by: that of its rule, where the rule reads one of the table. eval_loss is
// none, for every round has negatives of its own; there, and where a person chooses, it is the table's first.
func (r *Round) judge(rules []string) {
	if len(r.Measures) == 0 {
		return
	}
	r.Measure = r.Measures[0]
	if r.Round < len(rules) && slices.Contains(r.Measures, rules[r.Round]) {
		r.Measure = rules[r.Round]
	}
}

// noteBetter says of each round whether an earlier one has come further. Nothing is chosen by it.
func (r *Report) noteBetter() {
	for i := range r.Rounds {
		later := &r.Rounds[i]
		value, ok := later.result(later.Measure)
		if !ok || later.Stale {
			continue
		}
		best, at := value, -1
		for k, earlier := range r.Rounds[:i] {
			if v, ok := earlier.result(later.Measure); ok && !earlier.Stale && later.comparable(earlier) && v > best {
				best, at = v, k
			}
		}
		if at >= 0 {
			first, second := apart(best, value)
			later.Better = fmt.Sprintf("round %d was better: %s against %s (%s)", at, first, second, later.Measure)
			later.Notes = append(later.Notes, later.Better)
		}
	}
}

// result is what the chosen epoch of a round scores over all dev queries by a measure; ok is false without either.
func (r Round) result(measure string) (value float64, ok bool) {
	for _, e := range r.Epochs {
		if e.Chosen {
			return valueOf(r.Measures, e.Dev, measure)
		}
	}
	return 0, false
}

// comparable says whether two tables measure the same: one convention, as many queries.
func (r Round) comparable(other Round) bool {
	return r.Convention == other.Convention && len(r.Epochs) > 0 && len(other.Epochs) > 0 && r.Epochs[0].Dev.Queries == other.Epochs[0].Dev.Queries
}

func valueOf(measures []string, m rundir.Means, measure string) (float64, bool) {
	column := slices.Index(measures, measure)
	if column < 0 || column >= len(m.All) {
		return 0, false
	}
	return m.All[column], true
}

// apart writes two values as the tables do, or whole where that would not tell them apart.
func apart(a, b float64) (string, string) {
	if fixed(a) != fixed(b) {
		return fixed(a), fixed(b)
	}
	return number(a), number(b)
}

// Gain returns, in one line, what the result scores beside the model that the recipe names, which is epoch 0 of round 0, by
// the measure that the last round is chosen by. ok is false where there is no result, or no such base to set it against.
func (r *Report) Gain() (line string, ok bool) {
	round, epoch, ok := r.Result()
	if !ok {
		return "", false
	}
	base := r.Rounds[0]
	if base.Stale || !round.comparable(base) || base.Epochs[0].Epoch != 0 {
		return "", false
	}
	before, known := valueOf(base.Measures, base.Epochs[0].Dev, round.Measure)
	after, measured := valueOf(round.Measures, epoch.Dev, round.Measure)
	if !known || !measured {
		return "", false
	}
	return fmt.Sprintf("%s %s on %s, %s over the base's %s (as %s has it)", round.Measure, fixed(after), Counted(epoch.Dev.Queries, "dev query", "dev queries"), signed(after-before), fixed(before), round.Convention), true
}
