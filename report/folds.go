package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

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
}

// FoldRow is an epoch over all folds, or what each fold chose.
type FoldRow struct {
	Round  int
	Epoch  int // of every fold; -1 stands for the epoch that each chose
	Values []FoldValue
}

// FoldValue is one measure of a row.
type FoldValue struct {
	Folds     []float64 // each fold's mean
	Mean      float64   // of the folds' means
	Deviation float64   // of the folds' means, with n-1; folds share most of their training data, so it is no error of Mean
	Pooled    stats.Interval
}

// chosenEpoch is the epoch of a row of choices.
const chosenEpoch = -1

// ReadFolds reads runs on the folds of one data set, such as `quarry split` cuts: the epochs that all have scored on their
// dev queries, round after round, and their choices where all have made one. The pooled mean is over the queries of all
// folds, each scored by the model that had not seen it. Runs measured differently, and a query in two of them, are an error.
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
	for round := range len(reports[0].Rounds) {
		for _, epoch := range epochsOfAll(reports, round) {
			row, err := s.row(dirs, reports, round, epoch, o)
			if err != nil {
				return nil, err
			}
			s.Rows = append(s.Rows, row)
		}
	}
	if len(s.Rows) == 0 {
		return nil, errors.New("folds: there is no epoch that all runs have scored")
	}
	return s, nil
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

// row pools one epoch.
func (s *FoldSummary) row(dirs []*rundir.Dir, reports []*Report, round, epoch int, o stats.Options) (FoldRow, error) {
	row := FoldRow{Round: round, Epoch: epoch}
	var columns [][]float64
	var groups []string
	fold := map[string]string{} // of each query
	for i, d := range dirs {
		place := epoch
		for _, e := range reports[i].Rounds[round].Epochs {
			if epoch == chosenEpoch && e.Chosen {
				place = e.Epoch
			}
		}
		side, err := EpochSide(d, round, place, rundir.Dev)
		if err != nil {
			return row, err
		}
		if s.Measures == nil {
			s.Convention, s.Measures = side.Convention, side.Measures
		}
		if side.Convention != s.Convention || !slices.Equal(side.Measures, s.Measures) {
			return row, fmt.Errorf("folds: %s has %v as %s has them, %s has %v as %s has them", s.Runs[0], s.Measures, s.Convention, d.Name(), side.Measures, side.Convention)
		}
		if columns == nil {
			columns, row.Values = make([][]float64, len(s.Measures)), make([]FoldValue, len(s.Measures))
		}
		sums := make([]float64, len(s.Measures))
		for _, q := range side.Queries {
			if other, ok := fold[q.ID]; ok {
				return row, fmt.Errorf("folds: query %q is a dev query of %s and of %s: these are no folds", q.ID, other, d.Name())
			}
			fold[q.ID] = d.Name()
			groups = append(groups, q.Group)
			for m, v := range q.Values {
				columns[m] = append(columns[m], v)
				sums[m] += v
			}
		}
		for m := range sums {
			row.Values[m].Folds = append(row.Values[m].Folds, sums[m]/float64(len(side.Queries)))
		}
	}
	s.Queries = len(groups)
	pooled, err := stats.MeanIntervals(columns, groups, o)
	if err != nil {
		return row, err
	}
	for m := range row.Values {
		v := &row.Values[m]
		v.Pooled, v.Mean, v.Deviation = pooled[m], mean(v.Folds), deviation(v.Folds)
	}
	return row, nil
}

// deviation is the sample standard deviation.
func deviation(values []float64) float64 {
	center, squares := mean(values), 0.0
	for _, v := range values {
		squares += float64((v - center) * (v - center))
	}
	return math.Sqrt(squares / float64(len(values)-1))
}

// Write writes the summary. Equal summaries give equal bytes.
func (s *FoldSummary) Write(w io.Writer, f Format) error {
	var out bytes.Buffer
	switch f {
	case Text:
		for _, line := range s.legend() {
			fmt.Fprintln(&out, line)
		}
		fmt.Fprintln(&out)
		s.table(fixed).text(&out)
	case Markdown:
		fmt.Fprint(&out, "## Folds\n")
		for _, line := range s.legend() {
			fmt.Fprintf(&out, "\n%s\n", escape(line))
		}
		fmt.Fprintln(&out)
		s.table(fixed).markdown(&out)
	case LaTeX:
		for _, line := range s.legend() {
			fmt.Fprintf(&out, "%% %s\n", line)
		}
		s.table(fixed).latex(&out)
	case CSV:
		s.table(number).csv(&out)
	case JSON:
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(s.json()); err != nil {
			return err
		}
	default:
		return fmt.Errorf("format %q is unknown; there are %v", f, Formats())
	}
	_, err := out.WriteTo(w)
	return err
}

func (s *FoldSummary) legend() []string {
	text := ""
	for i, run := range s.Runs {
		if i > 0 {
			text += ", "
		}
		text += oneLine(run)
	}
	return []string{
		fmt.Sprintf("%d folds: %s", len(s.Runs), text),
		fmt.Sprintf("%d queries, measures as %s has them", s.Queries, s.Convention),
		fmt.Sprintf("mean and deviation: of the folds' means, whose trainings share most of their data; pooled: over all queries, with its %g %% bootstrap interval", 100*s.Level),
	}
}

// Legend is what a reader needs to know of the summary, in sentences.
func (s *FoldSummary) Legend() []string { return s.legend() }

// Sheet is the rows of one measure in words.
func (s *FoldSummary) Sheet(measure string) Sheet {
	all := s.table(fixed).sheet()
	all.Rows = slices.DeleteFunc(all.Rows, func(row []string) bool { return row[2] != measure })
	return all
}

// table has a row an epoch and measure.
func (s *FoldSummary) table(number func(float64) string) table {
	t := table{columns: []column{{head: "round"}, {head: "epoch", words: true}, {head: "measure", words: true}}}
	for _, head := range []string{"mean", "deviation", "least", "most", "pooled", "low", "high"} {
		t.columns = append(t.columns, column{head: head})
	}
	for _, row := range s.Rows {
		for m, v := range row.Values {
			t.rows = append(t.rows, []string{
				strconv.Itoa(row.Round), row.epochName(), s.Measures[m], number(v.Mean), number(v.Deviation), number(slices.Min(v.Folds)), number(slices.Max(v.Folds)),
				number(v.Pooled.Mean), number(v.Pooled.Low), number(v.Pooled.High),
			})
		}
	}
	return t
}

func (r FoldRow) epochName() string {
	if r.Epoch == chosenEpoch {
		return "chosen"
	}
	return epochName(r.Epoch)
}

type foldSummaryJSON struct {
	Schema     int           `json:"schema"`
	Runs       []string      `json:"runs"`
	Convention string        `json:"convention"`
	Queries    int           `json:"queries"`
	Rows       []foldRowJSON `json:"rows"`
}

type foldRowJSON struct {
	Round    int                      `json:"round"`
	Epoch    *int                     `json:"epoch"` // null where each fold's own choice is meant
	Measures map[string]foldValueJSON `json:"measures"`
}

type foldValueJSON struct {
	Folds     []float64 `json:"folds"`
	Mean      float64   `json:"mean"`
	Deviation float64   `json:"deviation"`
	Pooled    float64   `json:"pooled"`
	Low       float64   `json:"low"`
	High      float64   `json:"high"`
	Level     float64   `json:"level"`
	Units     int       `json:"units"`
}

func (s *FoldSummary) json() foldSummaryJSON {
	out := foldSummaryJSON{Schema: Schema, Runs: s.Runs, Convention: s.Convention, Queries: s.Queries}
	for _, row := range s.Rows {
		one := foldRowJSON{Round: row.Round, Measures: map[string]foldValueJSON{}}
		if row.Epoch != chosenEpoch {
			one.Epoch = &row.Epoch
		}
		for m, v := range row.Values {
			one.Measures[s.Measures[m]] = foldValueJSON{v.Folds, v.Mean, v.Deviation, v.Pooled.Mean, v.Pooled.Low, v.Pooled.High, v.Pooled.Level, v.Pooled.Units}
		}
		out.Rows = append(out.Rows, one)
	}
	return out
}
