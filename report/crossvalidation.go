package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// FoldsOf is the runs of one setting on the folds of a data set.
type FoldsOf struct {
	Name string
	Dirs []*rundir.Dir // by fold
}

// CrossValidation is settings on the same folds, and the one that did best.
type CrossValidation struct {
	Metric   string
	Settings []SettingSummary // as they were given
	Chosen   int              // of Settings
}

// SettingSummary is one setting over all folds.
type SettingSummary struct {
	Name    string
	Folds   *FoldSummary
	Round   int       // the last that has a choice in every fold
	Value   FoldValue // the metric, of what each fold chose there
	Against *Contrast // the chosen setting's queries beside this one's; nil for the chosen one itself
}

// ErrNoChoice says that folds cannot be summed up yet.
var ErrNoChoice = errors.New("there is no round in which every fold has chosen an epoch: choose where a choice is wanted, and run the recipe again")

// CrossValidate summarises settings on the same folds and chooses between them: the greatest mean over the folds of the
// metric, of the epochs that the folds chose in the last round; of equal ones the first. Beside it stands the paired test
// over the queries of all folds of each other setting against the chosen one, corrected over these tests.
func CrossValidate(settings []FoldsOf, metric string, o stats.Options) (*CrossValidation, error) {
	c := &CrossValidation{Metric: metric}
	var sides []Side
	for _, s := range settings {
		one, side, err := summarise(s, metric, o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		c.Settings, sides = append(c.Settings, one), append(sides, side)
		if one.Value.Mean > c.Settings[c.Chosen].Value.Mean {
			c.Chosen = len(c.Settings) - 1
		}
	}
	for i := range c.Settings {
		if i == c.Chosen {
			continue
		}
		found, err := Compare(sides[i], []Side{sides[c.Chosen]}, CompareOptions{Measures: []string{metric}, Stats: o})
		if err != nil {
			return nil, err
		}
		c.Settings[i].Against = &found.Against[0].Rows[0]
	}
	var tested []*Contrast
	for _, s := range c.Settings {
		if s.Against != nil {
			tested = append(tested, s.Against)
		}
	}
	return c, correctRows(tested)
}

// summarise reads one setting; the side is the queries of all folds, each scored by the epoch that its fold chose.
func summarise(s FoldsOf, metric string, o stats.Options) (SettingSummary, Side, error) {
	one, side := SettingSummary{Name: s.Name}, Side{Name: s.Name}
	var err error
	if one.Folds, err = ReadFolds(s.Dirs, o); err != nil {
		return one, side, err
	}
	column := slices.Index(one.Folds.Measures, metric)
	if column < 0 {
		return one, side, fmt.Errorf("%s is not measured: there are %v", metric, one.Folds.Measures)
	}
	found := false
	for _, row := range one.Folds.Rows {
		if row.Epoch == chosenEpoch {
			one.Round, one.Value, found = row.Round, row.Values[column], true
		}
	}
	if !found {
		return one, side, ErrNoChoice
	}
	for _, d := range s.Dirs {
		choice, err := d.ReadChoice(one.Round)
		if err != nil {
			return one, side, err
		}
		fold, err := EpochSide(d, one.Round, choice.Epoch, rundir.Dev)
		if err != nil {
			return one, side, err
		}
		side.Convention, side.Measures = fold.Convention, fold.Measures
		side.Queries = append(side.Queries, fold.Queries...)
	}
	slices.SortFunc(side.Queries, func(a, b SideQuery) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return one, side, nil
}

// Write writes the summary of each setting, and of several which one is chosen. Equal ones give equal bytes.
func (c *CrossValidation) Write(w io.Writer, f Format) error {
	if f == JSON {
		return c.writeJSON(w)
	}
	var out bytes.Buffer
	for i, s := range c.Settings {
		if len(c.Settings) > 1 && f != CSV {
			if i > 0 {
				fmt.Fprintln(&out)
			}
			switch f {
			case Markdown:
				fmt.Fprintf(&out, "# Setting %s\n\n", escape(s.Name))
			case LaTeX:
				fmt.Fprintf(&out, "%% setting %s\n", oneLine(s.Name))
			default:
				fmt.Fprintf(&out, "setting %s\n", s.Name)
			}
		}
		if f != CSV || len(c.Settings) == 1 {
			if err := s.Folds.Write(&out, f); err != nil {
				return err
			}
		}
	}
	if len(c.Settings) > 1 {
		if f != CSV {
			fmt.Fprintln(&out)
		}
		c.writeSettings(&out, f)
	}
	_, err := out.WriteTo(w)
	return err
}

// writeSettings writes the table of settings and what is chosen.
func (c *CrossValidation) writeSettings(w io.Writer, f Format) {
	switch f {
	case Markdown:
		fmt.Fprint(w, "# Settings\n\n")
		c.table(fixed).markdown(w)
		fmt.Fprintf(w, "\n%s\n", escape(c.because()))
	case LaTeX:
		fmt.Fprintf(w, "%% %s\n", oneLine(c.because()))
		c.table(fixed).latex(w, asMeasuredBy(c.convention()))
	case CSV:
		c.numbers().csv(w)
	default:
		c.table(fixed).text(w)
		fmt.Fprintln(w, c.because())
	}
}

func (c *CrossValidation) table(number func(float64) string) table {
	t := table{columns: []column{{head: "setting", words: true}, {head: "round"}}}
	for _, head := range []string{display(c.Metric) + " mean", "deviation", "least", "most", "pooled", "low", "high", "behind the chosen", "behind low", "behind high", "p", "p Holm"} {
		t.columns = append(t.columns, column{head: head})
	}
	for i, s := range c.Settings {
		name, against := s.Name, []string{missing, missing, missing, missing, missing}
		if i == c.Chosen {
			name += " *"
		}
		if s.Against != nil {
			d := s.Against.Difference
			against = []string{number(s.Against.Second - s.Against.First), number(d.Low), number(d.High), number(s.Against.Randomisation), number(s.Against.Holm)}
		}
		v := s.Value
		t.rows = append(t.rows, append([]string{
			name, strconv.Itoa(s.Round), number(v.Mean), number(v.Deviation), number(slices.Min(v.Folds)), number(slices.Max(v.Folds)),
			number(v.Pooled.Mean), number(v.Pooled.Low), number(v.Pooled.High),
		}, against...))
	}
	return t
}

// convention is whose definitions the measures of all settings follow.
func (c *CrossValidation) convention() string { return c.Settings[c.Chosen].Folds.Convention }

// numbers is the table unrounded, with the convention of its measures.
func (c *CrossValidation) numbers() table {
	t := c.table(number)
	t.columns = append(t.columns, column{head: "convention"})
	for i := range t.rows {
		t.rows[i] = append(t.rows[i], c.Settings[i].Folds.Convention)
	}
	return t
}

// Sheet is the table of settings in words.
func (c *CrossValidation) Sheet() Sheet { return c.table(fixed).sheet() }

// Because says which setting is chosen, and why.
func (c *CrossValidation) Because() string { return c.because() }

func (c *CrossValidation) because() string {
	s := c.Settings[c.Chosen]
	return fmt.Sprintf("* setting %s has the greatest mean %s over the folds, %s, of the epochs that they chose; behind: its lead over all queries, with the bootstrap interval; p is of the paired randomisation test, p Holm the same corrected over %s", s.Name, display(c.Metric), fixed(s.Value.Mean), Counted(len(c.Settings)-1, "test", "tests"))
}

type crossValidationJSON struct {
	Schema   int           `json:"schema"`
	Metric   string        `json:"metric"`
	Chosen   string        `json:"chosen,omitempty"`
	Settings []settingJSON `json:"settings"`

	Convention string `json:"convention"` // of the metric
}

type settingJSON struct {
	Name   string          `json:"name"`
	Round  int             `json:"round"`
	Mean   float64         `json:"mean"`
	Behind *float64        `json:"behind,omitempty"` // the chosen setting's mean over all queries less this one's
	Low    *float64        `json:"behind_low,omitempty"`
	High   *float64        `json:"behind_high,omitempty"`
	P      *float64        `json:"p,omitempty"`
	Holm   *float64        `json:"p_holm,omitempty"` // corrected over the settings beside the chosen one
	Folds  foldSummaryJSON `json:"summary"`
}

// writeJSON writes one setting as the summary of its folds alone.
func (c *CrossValidation) writeJSON(w io.Writer) error {
	if len(c.Settings) == 1 {
		return c.Settings[0].Folds.Write(w, JSON)
	}
	out := crossValidationJSON{Schema: Schema, Metric: c.Metric, Chosen: c.Settings[c.Chosen].Name, Convention: c.convention()}
	for _, s := range c.Settings {
		one := settingJSON{Name: s.Name, Round: s.Round, Mean: s.Value.Mean, Folds: s.Folds.json()}
		if s.Against != nil {
			behind, a := s.Against.Second-s.Against.First, s.Against
			one.Behind, one.Low, one.High = &behind, &a.Difference.Low, &a.Difference.High
			one.P, one.Holm = &a.Randomisation, &a.Holm
		}
		out.Settings = append(out.Settings, one)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}
