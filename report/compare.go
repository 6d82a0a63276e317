package report

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// Side is what is compared: the scores of one model, run or epoch, query by query.
type Side struct {
	Name       string
	On         rundir.Split // the set of a run's queries; empty of given rankings
	Digest     string       // of the file of a run's queries, as the stage that scored them read it
	Convention string
	Measures   []string
	Queries    []SideQuery // ascending by ID
}

// SideQuery is the scores of one query.
type SideQuery struct {
	ID, Group string
	Values    []float64         // [measure]
	Labels    map[string]string // what queries are told apart by: its label under each name
}

// What the queries of an epoch can be told apart by, without the rows of their file.
const (
	BySeen      = "seen"
	ByFrequency = "frequency"
	ByLength    = "length"
)

// ErrNotByQuery says that an epoch's scores on a set are not kept query by query, if it has any.
var ErrNotByQuery = errors.New("no scores by query")

// ErrUnpaired says that two sides are not of the same queries.
var ErrUnpaired = errors.New("a paired comparison needs the same queries")

// EpochSide is one epoch of a run on dev, test or a set of data.also. An epoch whose scores by query are not there, or no longer count, is an
// error that says what to do.
func EpochSide(d *rundir.Dir, round, epoch int, split rundir.Split) (Side, error) {
	side := Side{Name: fmt.Sprintf("%s round %d epoch %d", d.Name(), round, epoch), On: split}
	file := d.Round(round).EpochQueries(split, epoch)
	stamp, err := stampOf(d, round, file)
	if err != nil {
		return side, err
	}
	if stamp == nil {
		return side, fmt.Errorf("%s has %w on %s of round %d, epoch %d: `quarry report` says what is scored (of test, the base and the chosen epoch), and a run of an earlier quarry scores anew when it runs again", d.Name(), ErrNotByQuery, split, round, epoch)
	}
	s, err := d.ReadQueryScores(file)
	if errors.Is(err, fs.ErrNotExist) {
		return side, fmt.Errorf("%s is gone: run the recipe again", file)
	}
	if err != nil {
		return side, err
	}
	if s.Round != round || s.Epoch != epoch || s.Split != split {
		return side, fmt.Errorf("%s: of round %d, epoch %d, %s", file, s.Round, s.Epoch, s.Split)
	}
	side.Convention, side.Measures = s.Convention, s.Measures
	for _, input := range stamp.Inputs {
		if input.Name == string(split) {
			side.Digest = input.Digest
		}
	}
	for _, q := range s.Queries {
		seen := "unseen"
		if q.Seen {
			seen = "seen"
		}
		side.Queries = append(side.Queries, SideQuery{ID: q.ID, Group: q.Group, Values: q.Values, Labels: map[string]string{
			BySeen: seen, ByFrequency: eval.Doubling(q.Frequency), ByLength: eval.Doubling(q.Words),
		}})
	}
	return side, nil
}

// Comparison is a base and others set against it, all on the same queries.
type Comparison struct {
	Base       string
	On         rundir.Split // the set of the runs' queries; empty of given rankings
	Convention string
	Measures   []string
	Queries    int
	Units      int // what is resampled and exchanged as one: groups, and queries without one
	Level      float64
	Tests      int // over how many tests the corrections are
	Against    []Against
	Notes      []string // what a reader should know before trusting the scores, each a sentence; of several sets on the first
}

// Against is one thing set against the base.
type Against struct {
	Name    string
	Rows    []Contrast // one a measure
	Parts   []Part     // by name and label
	Changes []Change   // one a query, by the first measure: gains first, losses last
}

// Contrast is one measure of the two.
type Contrast struct {
	Measure       string
	First, Second float64 // means
	stats.Comparison
	Holm, BH     float64 // the randomisation test's p, corrected
	Wins, Losses int     // queries that score higher, or lower; Better and Worse count units
}

// Part is the rows over the queries of one label. Its corrections are over all parts of the comparison.
type Part struct {
	By, Label string
	Queries   int
	Rows      []Contrast
}

// Change is what one query gained or lost.
type Change struct {
	ID            string
	First, Second float64
}

// CompareOptions say what is compared, and how.
type CompareOptions struct {
	Measures []string // of those that the sides have; empty is all of them
	By       []string // names of labels
	Stats    stats.Options
}

// CommonSets is those of some splits that all of the given epochs of a run are scored on by query, each a round and an epoch.
func CommonSets(d *rundir.Dir, epochs [][2]int, splits []rundir.Split) ([]rundir.Split, error) {
	var common []rundir.Split
	for _, split := range splits {
		scored := true
		for _, e := range epochs {
			stamp, err := stampOf(d, e[0], d.Round(e[0]).EpochQueries(split, e[1]))
			if err != nil {
				return nil, err
			}
			scored = scored && stamp != nil
		}
		if scored {
			common = append(common, split)
		}
	}
	return common, nil
}

// Compare sets others against a base: bootstrap intervals of the differences, the paired randomisation, t and sign tests, and
// Holm's and Benjamini and Hochberg's corrections over all measures and others. Sides that were measured by other
// conventions or on other queries are an error.
func Compare(base Side, others []Side, o CompareOptions) (*Comparison, error) {
	if len(others) == 0 {
		return nil, errors.New("nothing is set against " + base.Name)
	}
	if len(base.Queries) == 0 {
		return nil, fmt.Errorf("%s has no queries", base.Name)
	}
	if len(o.Measures) == 0 {
		o.Measures = base.Measures
	}
	c := &Comparison{Base: base.Name, On: base.On, Convention: base.Convention, Measures: o.Measures, Queries: len(base.Queries), Level: o.Stats.Level}
	for _, other := range others {
		if err := base.pairs(other); err != nil {
			return nil, err
		}
		against, err := base.against(other, o)
		if err != nil {
			return nil, err
		}
		c.Against = append(c.Against, against)
	}
	c.Units = c.Against[0].Rows[0].Difference.Units
	return c, c.correct()
}

// pairs refuses a side that is not of the same queries, measured alike.
func (s Side) pairs(other Side) error {
	if s.Convention != other.Convention {
		return fmt.Errorf("%s is measured as %s has it, %s as %s: measure both alike", s.Name, s.Convention, other.Name, other.Convention)
	}
	for i, j := 0, 0; i < len(s.Queries) || j < len(other.Queries); i, j = i+1, j+1 {
		switch {
		case j == len(other.Queries) || i < len(s.Queries) && s.Queries[i].ID < other.Queries[j].ID:
			return fmt.Errorf("query %q is scored in %s and not in %s: %w", s.Queries[i].ID, s.Name, other.Name, ErrUnpaired)
		case i == len(s.Queries) || s.Queries[i].ID > other.Queries[j].ID:
			return fmt.Errorf("query %q is scored in %s and not in %s: %w", other.Queries[j].ID, other.Name, s.Name, ErrUnpaired)
		case s.Queries[i].Group != other.Queries[j].Group:
			return fmt.Errorf("query %q is of group %q in %s and of group %q in %s", s.Queries[i].ID, s.Queries[i].Group, s.Name, other.Queries[j].Group, other.Name)
		}
	}
	return nil
}

// against compares all queries, their parts, and each.
func (s Side) against(other Side, o CompareOptions) (Against, error) {
	a := Against{Name: other.Name}
	all := make([]int, len(s.Queries))
	for i := range all {
		all[i] = i
	}
	var err error
	if a.Rows, err = s.rows(other, all, o); err != nil {
		return a, err
	}
	for _, by := range o.By {
		parts, err := s.parts(by)
		if err != nil {
			return a, err
		}
		for _, part := range parts {
			rows, err := s.rows(other, part.Queries, o)
			if err != nil {
				return a, err
			}
			a.Parts = append(a.Parts, Part{by, part.Label, len(part.Queries), rows})
		}
	}
	first, second := s.column(o.Measures[0], all), other.column(o.Measures[0], all)
	for i, q := range s.Queries {
		a.Changes = append(a.Changes, Change{q.ID, first[i], second[i]})
	}
	slices.SortStableFunc(a.Changes, func(x, y Change) int { return cmp.Compare(y.Second-y.First, x.Second-x.First) })
	return a, nil
}

// rows compares some queries, by their positions.
func (s Side) rows(other Side, queries []int, o CompareOptions) ([]Contrast, error) {
	groups := make([]string, len(queries))
	for i, q := range queries {
		groups[i] = s.Queries[q].Group
	}
	var rows []Contrast
	for _, m := range o.Measures {
		first, second := s.column(m, queries), other.column(m, queries)
		if first == nil || second == nil {
			return nil, fmt.Errorf("%s is not measured in both %s (%v) and %s (%v)", m, s.Name, s.Measures, other.Name, other.Measures)
		}
		c, err := stats.Compare(first, second, groups, o.Stats)
		if err != nil {
			return nil, fmt.Errorf("compare %s with %s: %s: %w", other.Name, s.Name, m, err)
		}
		row := Contrast{Measure: m, First: mean(first), Second: mean(second), Comparison: c}
		for i := range first {
			switch {
			case second[i] > first[i]:
				row.Wins++
			case second[i] < first[i]:
				row.Losses++
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// column is the values of a measure, nil where it is not there.
func (s Side) column(measure string, queries []int) []float64 {
	at := slices.Index(s.Measures, measure)
	if at < 0 {
		return nil
	}
	values := make([]float64, len(queries))
	for i, q := range queries {
		values[i] = s.Queries[q].Values[at]
	}
	return values
}

// parts tells the queries of a side apart by the label under a name.
func (s Side) parts(by string) ([]eval.Part, error) {
	labels := eval.Scores{}
	byID := map[string]string{}
	for _, q := range s.Queries {
		label, ok := q.Labels[by]
		if !ok {
			return nil, fmt.Errorf("query %q of %s has no label under %q", q.ID, s.Name, by)
		}
		byID[q.ID] = label
		labels.Queries, labels.PerQuery = append(labels.Queries, q.ID), append(labels.PerQuery, nil)
	}
	return labels.Parts(func(id string) string { return byID[id] }), nil
}

// correct fills the corrected p values: over all rows, and apart over all rows of parts.
func (c *Comparison) correct() error {
	var rows, parts []*Contrast
	for i := range c.Against {
		for k := range c.Against[i].Rows {
			rows = append(rows, &c.Against[i].Rows[k])
		}
		for k := range c.Against[i].Parts {
			for m := range c.Against[i].Parts[k].Rows {
				parts = append(parts, &c.Against[i].Parts[k].Rows[m])
			}
		}
	}
	c.Tests = len(rows)
	return errors.Join(correctRows(rows), correctRows(parts))
}

func correctRows(rows []*Contrast) error {
	p := make([]float64, len(rows))
	for i, r := range rows {
		p[i] = r.Randomisation
	}
	holm, err := stats.Holm.Adjust(p)
	if err != nil {
		return err
	}
	bh, err := stats.BenjaminiHochberg.Adjust(p)
	if err != nil {
		return err
	}
	for i, r := range rows {
		r.Holm, r.BH = holm[i], bh[i]
	}
	return nil
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
