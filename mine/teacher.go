package mine

import (
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
)

// teacherRule drops what a teacher scores above the reference positive's score by the same teacher, less the margin. It
// stands behind all others, so that a teacher is asked of what they leave alone.
func teacherRule(margin float64) rule {
	return rule{"teacher_margin", valueText(margin), func(d *Dropped) *int { return &d.TeacherMargin }, byScore, func(q *asked, n Negative) bool {
		return float64(q.Teacher[n.Passage]) > q.taught-margin
	}}
}

// validateTeacher refuses parts of the negatives that no teacher is asked of.
func (o Options) validateTeacher() error {
	if o.TeacherMargin != nil && (o.Kept > 0 || o.Random > 0 || o.Given == Keep) {
		return fmt.Errorf("teacher_margin: negatives that are kept, random or given are not scored by a teacher: leave kept, random and given out, or the margin")
	}
	return nil
}

// Rulings are the options that decide of which passages a teacher is asked: what follows the rules, how many negatives are
// drawn and how, is left out, and so is the teacher's margin itself.
func (o Options) Rulings() Options {
	o.Negatives, o.Seed, o.Sampling, o.SamplingTemperature = 0, 0, "", 0
	o.HubLimit, o.Quotas, o.TeacherMargin = 0, nil, nil
	return o
}

// taught are the teacher's scores of a row's positives and negatives, in their order; ok is false where it was not asked of
// all of them.
func (r Result) taught(positives []int32) (pos, neg []float64, ok bool) {
	say := func(p int32) float64 {
		score, known := r.Teacher[p]
		ok = ok && known
		return float64(score)
	}
	ok = r.Teacher != nil
	for _, p := range positives {
		pos = append(pos, say(p))
	}
	for _, n := range r.Negatives {
		neg = append(neg, say(n.Passage))
	}
	return pos, neg, ok
}

// Scored is the passages of a row whose scores by a teacher the row has, where there is one: its positives, and then its negatives.
func (r Result) Scored(q corpus.Query) []int32 {
	passages := slices.Clone(r.positivesOf(q))
	for _, n := range r.Negatives {
		passages = append(passages, n.Passage)
	}
	return passages
}

// AsksTeacher is the passages whose scores by a teacher the rule of the teacher's margin needs for a query: its positives, and
// the candidates that all other rules leave, ascending. Without the rule there are none.
func (m *Miner) AsksTeacher(q Query) ([]int32, error) {
	if m.o.TeacherMargin == nil {
		return nil, nil
	}
	rows, err := m.rowsOf(q)
	if err != nil {
		return nil, err
	}
	wanted := slices.Clone(rows[0].positives)
	for _, row := range rows {
		wanted = append(wanted, m.leftForTeacher(row)...)
	}
	slices.Sort(wanted)
	return slices.Clone(slices.Compact(wanted)), nil // no more than that is kept of every query
}

// leftForTeacher is the candidates that the rules before the teacher's leave.
func (m *Miner) leftForTeacher(q *asked) []int32 {
	var left []int32
	others := m.rules[:len(m.rules)-1]
	for rank, h := range q.Hits {
		n := Negative{Passage: h.Passage, Rank: int32(rank), Score: h.Score}
		if !slices.ContainsFunc(others, func(r rule) bool { return r.drops(q, n) }) {
			left = append(left, h.Passage)
		}
	}
	return left
}

// askTeacher gives rows their references by the teacher, whose scores have to be there.
func (m *Miner) askTeacher(rows []*asked) error {
	if m.o.TeacherMargin == nil {
		return nil
	}
	for _, row := range rows {
		own := row.positives
		if row.of >= 0 {
			own = []int32{row.of}
		}
		for i, p := range own {
			score, ok := row.Teacher[p]
			if !ok {
				return fmt.Errorf("teacher_margin: the teacher has no score of positive %q", m.corpus.ID(p))
			}
			if s := float64(score); i == 0 || s < row.taught {
				row.taught = s
			}
		}
		for _, p := range m.leftForTeacher(row) {
			if _, ok := row.Teacher[p]; !ok {
				return fmt.Errorf("teacher_margin: the teacher has no score of candidate %q", m.corpus.ID(p))
			}
		}
	}
	return nil
}
