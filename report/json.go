package report

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// Schema is the version of the JSON form. Keys are added within a version, never changed or taken away.
const Schema = 1

type reportJSON struct {
	Schema   int         `json:"schema"`
	Run      string      `json:"run"`
	Identity string      `json:"identity,omitempty"`
	Metrics  *metrics    `json:"metrics,omitempty"` // of the result, over all dev queries
	Result   *resultJSON `json:"result,omitempty"`
	Rounds   []roundJSON `json:"rounds"`
	Lost     []string    `json:"lost,omitempty"` // of rounds whose directory is gone

	Convention string `json:"convention,omitempty"` // of the metrics
}

type resultJSON struct {
	Round int `json:"round"`
	Epoch int `json:"epoch"`
}

type roundJSON struct {
	Round      int         `json:"round"`
	Done       bool        `json:"done"`
	Stale      bool        `json:"stale,omitempty"` // of an earlier recipe
	Convention string      `json:"convention,omitempty"`
	Measures   []string    `json:"measures"`
	Epochs     []epochJSON `json:"epochs"`
	Choice     *choiceJSON `json:"choice,omitempty"`
	Notes      []string    `json:"notes,omitempty"`
}

type choiceJSON struct {
	Epoch   int    `json:"epoch"`
	By      string `json:"by"`
	Because string `json:"because"`
}

type epochJSON struct {
	Epoch    int           `json:"epoch"`
	Chosen   bool          `json:"chosen"`
	EvalLoss *float64      `json:"eval_loss"`
	Dev      meansJSON     `json:"dev"`
	Test     *meansJSON    `json:"test,omitempty"`
	Also     []alsoJSON    `json:"also,omitempty"` // the sets of the recipe's data.also, in its order
	Outside  []outsideJSON `json:"outside,omitempty"`
}

type alsoJSON struct {
	Name string `json:"name"`
	meansJSON
}

type outsideJSON struct {
	Label string  `json:"label"`
	Value float64 `json:"value"`
}

type meansJSON struct {
	Queries   int                     `json:"queries"`
	Metrics   metrics                 `json:"metrics"`
	Intervals map[string]intervalJSON `json:"intervals,omitempty"` // where scores are kept by query
	Seen      sliceJSON               `json:"seen"`
	Unseen    sliceJSON               `json:"unseen"`
}

type intervalJSON struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Level float64 `json:"level"`
	Units int     `json:"units"` // what was resampled: groups, and queries without one
}

type sliceJSON struct {
	Queries   int                     `json:"queries"`
	Metrics   *metrics                `json:"metrics,omitempty"`
	Intervals map[string]intervalJSON `json:"intervals,omitempty"`
}

// metrics is one object with the measures in the order of the table.
type metrics struct {
	names  []string
	values []float64
}

// MarshalJSON implements json.Marshaler.
func (m metrics) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, name := range m.names {
		if i > 0 {
			out.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.values[i])
		if err != nil {
			return nil, err
		}
		out.Write(key)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// json writes the report for programs.
func (r *Report) json(w io.Writer) error {
	out := reportJSON{Schema: Schema, Run: r.Run, Identity: r.Identity, Rounds: []roundJSON{}, Lost: r.Lost}
	for _, round := range r.Rounds {
		out.Rounds = append(out.Rounds, round.json())
	}
	if round, epoch, ok := r.Result(); ok {
		out.Metrics, out.Convention = &metrics{round.Measures, epoch.Dev.All}, round.Convention
		out.Result = &resultJSON{round.Round, epoch.Epoch}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

func (r Round) json() roundJSON {
	out := roundJSON{Round: r.Round, Done: r.Done, Stale: r.Stale, Convention: r.Convention, Measures: []string{}, Epochs: []epochJSON{}, Notes: r.Notes}
	out.Measures = append(out.Measures, r.Measures...)
	if c := r.Choice; c != nil {
		out.Choice = &choiceJSON{c.Epoch, c.By, c.Because}
	}
	for _, e := range r.Epochs {
		means := func(split rundir.Split, m rundir.Means) meansJSON { return meansOf(r.Measures, m, e.Intervals[split]) }
		row := epochJSON{Epoch: e.Epoch, Chosen: e.Chosen, EvalLoss: e.EvalLoss, Dev: means(rundir.Dev, e.Dev)}
		if e.Test != nil {
			test := means(rundir.Test, *e.Test)
			row.Test = &test
		}
		for _, a := range e.Also {
			row.Also = append(row.Also, alsoJSON{a.Name, means(rundir.AlsoSplit(a.Name), a.Scores)})
		}
		for _, s := range e.Outside {
			row.Outside = append(row.Outside, outsideJSON{s.Label, s.Value})
		}
		out.Epochs = append(out.Epochs, row)
	}
	return out
}

func meansOf(measures []string, m rundir.Means, i Intervals) meansJSON {
	return meansJSON{
		Queries: m.Queries, Metrics: metrics{measures, m.All}, Intervals: intervalsOf(measures, i.All),
		Seen: sliceOf(measures, m.Seen, i.Seen), Unseen: sliceOf(measures, m.Unseen, i.Unseen),
	}
}

func sliceOf(measures []string, s rundir.Slice, found []stats.Interval) sliceJSON {
	if len(s.Means) == 0 {
		return sliceJSON{Queries: s.Queries}
	}
	return sliceJSON{s.Queries, &metrics{measures, s.Means}, intervalsOf(measures, found)}
}

func intervalsOf(measures []string, found []stats.Interval) map[string]intervalJSON {
	if found == nil {
		return nil
	}
	named := map[string]intervalJSON{}
	for i, interval := range found {
		named[measures[i]] = intervalJSON{interval.Low, interval.High, interval.Level, interval.Units}
	}
	return named
}
