// Package history is what a run measured step by step, for the programs that draw such curves: TensorBoard's event files
// and the JSON lines of Weights & Biases.
package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/quarry-ml/quarry/format/tfevents"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// History is a run's rounds, one behind the other.
type History struct {
	Run    string
	Rounds []Round
}

// Round is what a round measured.
type Round struct {
	Round int
	First int // what its step 0, the base, is called where rounds share one axis: one more than the step before
	Rows  []Row
}

// Row is what was measured at one step of a round.
type Row struct {
	Step   int // optimizer steps taken; of an outside trainer's round, which tells of none, epochs
	Epoch  int
	Values []Value

	Convention string // of the measures among the values; empty where there are none
}

// Value is one number of a row. Names have the split, or train, before a slash: train/loss, dev/map@25, also-general/map@25.
type Value struct {
	Name  string
	Value float64
}

// Read reads a run directory. The run may be under way.
func Read(d *rundir.Dir) (*History, error) {
	told, err := report.Read(d)
	if err != nil {
		return nil, err
	}
	h := &History{Run: told.Run}
	first := 0
	for _, round := range told.Rounds {
		if round.Stale {
			continue
		}
		steps, err := readSteps(d, round.Round)
		if err != nil {
			return nil, err
		}
		one := Round{Round: round.Round, First: first, Rows: rows(round, steps)}
		if n := len(one.Rows); n > 0 {
			first += one.Rows[n-1].Step + 1
		}
		h.Rounds = append(h.Rounds, one)
	}
	return h, nil
}

// readSteps returns the whole lines of a round's log of steps, none where there is no log.
func readSteps(d *rundir.Dir, round int) ([]rundir.Step, error) {
	file := d.Round(round).Steps()
	content, err := rundir.ReadFile(d.FS, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	content = content[:bytes.LastIndexByte(content, '\n')+1] // the run may be writing the next
	return rundir.ReadSteps(bytes.NewReader(content), file)
}

// rows joins steps and epochs: an epoch's scores stand at its last step.
func rows(round report.Round, steps []rundir.Step) []Row {
	all := []Row{{}}
	last := map[int]int{} // row of the last step of each epoch
	for _, s := range steps {
		last[s.Epoch] = len(all)
		all = append(all, Row{Step: s.Step, Epoch: s.Epoch, Values: stepValues(s)})
	}
	for _, e := range round.Epochs {
		at, known := last[e.Epoch]
		if !known && e.Epoch > 0 {
			if len(steps) > 0 {
				continue // of another training than the log's
			}
			at = len(all)
			all = append(all, Row{Step: e.Epoch, Epoch: e.Epoch})
		}
		all[at].Values = append(all[at].Values, epochValues(round.Measures, e)...)
		all[at].Convention = round.Convention
	}
	return slices.DeleteFunc(all, func(r Row) bool { return len(r.Values) == 0 })
}

func stepValues(s rundir.Step) []Value {
	values := []Value{{"train/loss", s.Loss}, {"train/learning_rate", s.LearningRate}, {"train/gradient_norm", s.GradientNorm}, {"train/masked", float64(s.Masked)}}
	for _, optional := range []struct {
		name  string
		value *float64
	}{{"train/temperature", s.Temperature}, {"train/contrastive_loss", s.Contrastive}, {"train/distillation_loss", s.Distillation}} {
		if optional.value != nil {
			values = append(values, Value{optional.name, *optional.value})
		}
	}
	for _, optional := range []struct {
		name  string
		value *int
	}{{"train/guide_masked", s.GuideMasked}, {"train/examples", s.Examples}, {"train/leaks", s.Leaks}} {
		if optional.value != nil {
			values = append(values, Value{optional.name, float64(*optional.value)})
		}
	}
	return values
}

func epochValues(measures []string, e report.Epoch) []Value {
	var values []Value
	if e.EvalLoss != nil {
		values = append(values, Value{"dev/eval_loss", *e.EvalLoss})
	}
	add := func(split rundir.Split, m *rundir.Means) {
		if m == nil {
			return
		}
		for _, part := range []struct {
			suffix string
			means  []float64
		}{{"", m.All}, {"-seen", m.Seen.Means}, {"-unseen", m.Unseen.Means}} {
			for i, v := range part.means {
				values = append(values, Value{string(split) + part.suffix + "/" + measures[i], v})
			}
		}
	}
	add(rundir.Dev, &e.Dev)
	for i := range e.Also {
		add(rundir.AlsoSplit(e.Also[i].Name), &e.Also[i].Scores)
	}
	add(rundir.Test, e.Test)
	return values
}

// ConventionTag is the tag of the text that names the convention of a round's measures in its event file.
const ConventionTag = "convention"

// TensorBoard writes an event file for each round, in a directory of the round's own, so that TensorBoard lays the rounds'
// curves over each other. At the first step with measures a text says whose definitions they follow. create makes a file of a name with slashes.
func (h *History) TensorBoard(create func(name string, write func(io.Writer) error) error) error {
	for _, round := range h.Rounds {
		err := create(fmt.Sprintf("round-%d/%s", round.Round, tfevents.FileName), func(w io.Writer) error {
			events, err := tfevents.NewWriter(w)
			if err != nil {
				return err
			}
			told := false
			for _, row := range round.Rows {
				var texts []tfevents.Text
				if row.Convention != "" && !told {
					texts, told = []tfevents.Text{{Tag: ConventionTag, Words: row.Convention}}, true
				}
				scalars := make([]tfevents.Scalar, len(row.Values))
				for i, v := range row.Values {
					scalars[i] = tfevents.Scalar{Tag: v.Name, Value: float32(v.Value)}
				}
				if err := events.Write(int64(row.Step), scalars, texts...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// JSONLines writes a line a step, as Weights & Biases keeps its history: flat names, and _step, which rises over all rounds.
func (h *History) JSONLines(w io.Writer) error {
	for _, round := range h.Rounds {
		for _, row := range round.Rows {
			line := map[string]any{"_step": round.First + row.Step, "round": round.Round, "epoch": row.Epoch, "step": row.Step}
			for _, v := range row.Values {
				line[v.Name] = v.Value
			}
			if row.Convention != "" {
				line["convention"] = row.Convention
			}
			raw, err := json.Marshal(line) // which sorts the names
			if err != nil {
				return err
			}
			if _, err := w.Write(append(raw, '\n')); err != nil {
				return err
			}
		}
	}
	return nil
}
