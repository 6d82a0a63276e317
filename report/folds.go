package report

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// FoldSummary is what runs on the folds of one data set come to together.
type FoldSummary struct {
	Runs       []string
	Convention string
	Measures   []string
	Queries    int // of all folds
	Level      float64
	Rows       []FoldRow
	Others     []FoldSet // test and the sets of data.also, as far as all folds have scored them
	Left       []string  // of sets that some fold lacks, each a sentence
}

// FoldSet is what the folds scored on a set beside their dev queries. It is the same for every fold, so a query has a score of
// each, and the pooled mean is over the means of the queries.
type FoldSet struct {
	Name    string // test, or that of the set
	On      rundir.Split
	Queries int
	Rows    []FoldRow // of test the base and the choices alone
}

// FoldRow is an epoch over all folds, or what each fold chose.
type FoldRow struct {
	Round  int
	Epoch  int // of every fold; -1 stands for the epoch that each chose
	Values []FoldValue
	Parts  [2]FoldPart // of seen and of unseen queries
}

// FoldPart is a row of the seen or the unseen queries alone. A query that several folds score counts in each part by the folds
// to whose training it belongs so, for each has trained on other queries.
type FoldPart struct {
	Queries int
	Values  []FoldValue // none where there are no such queries; a fold without any has no mean among Folds
}

// PartNames are what the parts of a row are called.
var PartNames = [2]string{"seen", "unseen"}

// FoldValue is one measure of a row.
type FoldValue struct {
	Folds     []float64 // each fold's mean
	Mean      float64   // of the folds' means
	Deviation float64   // of the folds' means, with n-1, NaN of a single one; folds share most of their training data, so it is no error of Mean
	Pooled    stats.Interval
}

// chosenEpoch is the epoch of a row of choices.
const chosenEpoch = -1

// ReadFolds reads runs on the folds of one data set, such as `quarry split` cuts: the epochs that all have scored on their
// dev queries, round after round, and their choices where all have made one. The pooled mean is over the queries of all
// folds, each scored by the model that had not seen it. Runs measured differently, and a query in two of them, are an error.
// Beside that stands what they scored on test and on the sets of data.also.
func ReadFolds(dirs []*rundir.Dir, o stats.Options) (*FoldSummary, error) {
	if len(dirs) < 2 {
		return nil, errors.New("folds: two runs or more are wanted")
	}
	reports := make([]*Report, len(dirs))
	for i, d := range dirs {
		var err error
		if reports[i], err = Read(d); err != nil {
			return nil, err
		}
	}
	s := &FoldSummary{Level: o.Level}
	for _, d := range dirs {
		s.Runs = append(s.Runs, d.Name())
	}
	f := foldsRead{dirs, reports, o}
	for round := range len(reports[0].Rounds) {
		for _, epoch := range epochsOfAll(reports, round) {
			row, queries, err := s.row(f, round, epoch, rundir.Dev)
			if err != nil {
				return nil, err
			}
			s.Queries, s.Rows = queries, append(s.Rows, row)
		}
	}
	if len(s.Rows) == 0 {
		return nil, errors.New("folds: there is no epoch that all runs have scored")
	}
	return s, s.addOthers(f)
}

// foldsRead is the runs on the folds.
type foldsRead struct {
	dirs    []*rundir.Dir
	reports []*Report
	stats   stats.Options
}

// epochsOfAll are the epochs of a round that every run has scored, and chosenEpoch where every run has chosen.
func epochsOfAll(reports []*Report, round int) []int {
	count, chosen := map[int]int{}, 0
	for _, r := range reports {
		if round >= len(r.Rounds) || r.Rounds[round].Stale {
			return nil
		}
		for _, e := range r.Rounds[round].Epochs {
			count[e.Epoch]++
			if e.Chosen {
				chosen++
			}
		}
	}
	var epochs []int
	for _, e := range reports[0].Rounds[round].Epochs {
		if count[e.Epoch] == len(reports) {
			epochs = append(epochs, e.Epoch)
		}
	}
	if chosen == len(reports) {
		epochs = append(epochs, chosenEpoch)
	}
	return epochs
}

// place is the epoch of a fold that a row means.
func (f foldsRead) place(fold, round, epoch int) int {
	for _, e := range f.reports[fold].Rounds[round].Epochs {
		if epoch == chosenEpoch && e.Chosen {
			return e.Epoch
		}
	}
	return epoch
}

// foldQuery is the scores of a query, fold by fold as far as they have it.
type foldQuery struct {
	run    string // the first that has it
	group  string
	scores []foldScore
}

// foldScore is what one fold says of a query.
type foldScore struct {
	fold   int
	label  string // of BySeen
	values []float64
}

// errOtherQueries says that folds have different sets under one name.
var errOtherQueries = errors.New("other queries in another fold")

// row pools one epoch on a set, and returns how many queries it has.
func (s *FoldSummary) row(f foldsRead, round, epoch int, split rundir.Split) (FoldRow, int, error) {
	row := FoldRow{Round: round, Epoch: epoch}
	queries, err := s.queries(f, round, epoch, split)
	if err != nil {
		return row, 0, err
	}
	all, err := s.pool(f, queries, func(foldScore) bool { return true })
	if err != nil {
		return row, 0, err
	}
	row.Values = all.Values
	for i, name := range PartNames {
		if row.Parts[i], err = s.pool(f, queries, func(one foldScore) bool { return one.label == name }); err != nil {
			return row, 0, err
		}
	}
	return row, len(queries), nil
}

// queries collects the scores of one epoch on a set, query by query in the order of the folds.
func (s *FoldSummary) queries(f foldsRead, round, epoch int, split rundir.Split) ([]*foldQuery, error) {
	byID := map[string]*foldQuery{}
	var order []*foldQuery
	for i, d := range f.dirs {
		side, err := EpochSide(d, round, f.place(i, round, epoch), split)
		if err != nil {
			return nil, err
		}
		if s.Measures == nil {
			s.Convention, s.Measures = side.Convention, side.Measures
		}
		if side.Convention != s.Convention || !slices.Equal(side.Measures, s.Measures) {
			return nil, fmt.Errorf("folds: %s has %v as %s has them, %s has %v as %s has them", s.Runs[0], s.Measures, s.Convention, d.Name(), side.Measures, side.Convention)
		}
		for _, q := range side.Queries {
			known, ok := byID[q.ID]
			switch {
			case !ok:
				known = &foldQuery{run: string(d.Layout), group: q.Group}
				byID[q.ID], order = known, append(order, known)
			case split == rundir.Dev:
				return nil, fmt.Errorf("folds: query %q is a dev query of %s and of %s: these are no folds, for a fold's dev queries are in no other's", q.ID, known.run, d.Layout)
			case known.group != q.Group:
				return nil, fmt.Errorf("folds: query %q of %s is of group %q in %s and of group %q in %s", q.ID, split, known.group, known.run, q.Group, d.Layout)
			}
			known.scores = append(known.scores, foldScore{i, q.Labels[BySeen], q.Values})
		}
	}
	for _, q := range order {
		if split != rundir.Dev && len(q.scores) != len(f.dirs) {
			return nil, errOtherQueries
		}
	}
	return order, nil
}

// pool is the measures over those scores of queries that count: in each fold, and over the means of the queries.
func (s *FoldSummary) pool(f foldsRead, queries []*foldQuery, counts func(foldScore) bool) (FoldPart, error) {
	var part FoldPart
	columns := make([][]float64, len(s.Measures)) // [measure][query]
	sums, sizes := make([][]float64, len(s.Measures)), make([]float64, len(f.dirs))
	for m := range sums {
		sums[m] = make([]float64, len(f.dirs))
	}
	var groups []string
	for _, q := range queries {
		values, n := make([]float64, len(s.Measures)), 0.0
		for _, one := range q.scores {
			if !counts(one) {
				continue
			}
			n++
			sizes[one.fold]++
			for m, v := range one.values {
				values[m] += v
				sums[m][one.fold] += v
			}
		}
		if n == 0 {
			continue
		}
		groups = append(groups, q.group)
		for m, v := range values {
			columns[m] = append(columns[m], v/n)
		}
	}
	if part.Queries = len(groups); part.Queries == 0 {
		return part, nil
	}
	pooled, err := stats.MeanIntervals(columns, groups, f.stats)
	if err != nil {
		return part, err
	}
	for m := range s.Measures {
		v := FoldValue{Pooled: pooled[m]}
		for fold, size := range sizes {
			if size > 0 {
				v.Folds = append(v.Folds, sums[m][fold]/size)
			}
		}
		v.Mean, v.Deviation = mean(v.Folds), deviation(v.Folds)
		part.Values = append(part.Values, v)
	}
	return part, nil
}

// addOthers adds test and the sets of data.also, with the rows that all folds have of them.
func (s *FoldSummary) addOthers(f foldsRead) error {
	for _, set := range otherNames(f.reports) {
		for _, row := range s.Rows {
			scored := true
			for i, d := range f.dirs {
				common, err := CommonSets(d, [][2]int{{row.Round, f.place(i, row.Round, row.Epoch)}}, []rundir.Split{set.On})
				if err != nil {
					return err
				}
				scored = scored && len(common) > 0
			}
			if !scored {
				continue
			}
			one, queries, err := s.row(f, row.Round, row.Epoch, set.On)
			if errors.Is(err, errOtherQueries) {
				set.Rows = nil
				break
			}
			if err != nil {
				return err
			}
			set.Queries, set.Rows = queries, append(set.Rows, one)
		}
		if len(set.Rows) == 0 {
			s.Left = append(s.Left, fmt.Sprintf("%s is left out: not every fold has scores by query on it, of the same queries", set.Name))
			continue
		}
		s.Others = append(s.Others, set)
	}
	return nil
}

// otherNames are test and the sets of data.also that some fold has scores on.
func otherNames(reports []*Report) []FoldSet {
	var sets []FoldSet
	for _, r := range reports {
		for _, round := range r.Rounds {
			for _, set := range round.otherSets() {
				if !slices.ContainsFunc(sets, func(known FoldSet) bool { return known.On == set.split }) {
					sets = append(sets, FoldSet{Name: set.name, On: set.split})
				}
			}
		}
	}
	return sets
}

// deviation is the sample standard deviation, NaN of one value.
func deviation(values []float64) float64 {
	center, squares := mean(values), 0.0
	for _, v := range values {
		squares += float64((v - center) * (v - center))
	}
	return math.Sqrt(squares / float64(len(values)-1))
}
