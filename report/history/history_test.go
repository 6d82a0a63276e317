package history

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/rundir"
)

func tiny(t *testing.T) (*tinyrun.Run, *History) {
	t.Helper()
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Epochs: 2, Also: []string{"general"}})
	if err != nil {
		t.Fatal(err)
	}
	return run, read(t, run)
}

func read(t *testing.T, run *tinyrun.Run) *History {
	t.Helper()
	d, err := rundir.Open(run.Dir, rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	h, err := Read(d)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// The lines' _step rises over all rounds, and an epoch's scores stand at its last step.
func TestJSONLines(t *testing.T) {
	run, h := tiny(t)
	var out bytes.Buffer
	if err := h.JSONLines(&out); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/history.jsonl", out.Bytes())
	d, err := rundir.Open(run.Dir, rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	last, scored := -1.0, 0
	for line := range strings.Lines(out.String()) {
		var words map[string]any
		if err := json.Unmarshal([]byte(line), &words); err != nil {
			t.Fatal(err)
		}
		row := map[string]float64{}
		for name, v := range words {
			if number, ok := v.(float64); ok {
				row[name] = number
			}
		}
		if _, measured := row["dev/map@25"]; measured != (words["convention"] == "sentence-transformers") || len(words)-len(row) > 1 {
			t.Errorf("%s: a line with measures names their convention, and others none", line)
		}
		if row["_step"] <= last {
			t.Errorf("_step %v behind %v", row["_step"], last)
		}
		last = row["_step"]
		value, ok := row["dev/map@25"]
		if !ok {
			continue
		}
		scored++
		table, err := d.ReadScores(int(row["round"]))
		if err != nil {
			t.Fatal(err)
		}
		if e := table.Epochs[int(row["epoch"])]; e.Dev.All[0] != value || row["step"] != 5*row["epoch"] || row["dev/eval_loss"] != *e.EvalLoss {
			t.Errorf("%s: the table has %+v", line, e)
		}
		if _, ok := row["also-general/map@25"]; !ok {
			t.Errorf("no score on the other set: %s", line)
		}
	}
	if scored != 6 {
		t.Errorf("%d rows with scores, want 6: two rounds of the base and two epochs", scored)
	}
}

// TestTensorBoard writes the export that parity/tensorboard_fixture.py has TensorBoard read, and holds it to what that found.
func TestTensorBoard(t *testing.T) {
	_, h := tiny(t)
	err := h.TensorBoard(func(name string, write func(io.Writer) error) error {
		var out bytes.Buffer
		err := write(&out)
		golden.Check(t, filepath.Join("testdata", "tensorboard", filepath.FromSlash(name)), out.Bytes())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("testdata/found-by-tensorboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Rounds map[string]map[string][][2]float64
		Texts  map[string]map[string][][2]any
	}
	if err := json.Unmarshal(raw, &found); err != nil {
		t.Fatal(err)
	}
	texts := map[string]map[string][][2]any{}
	for _, round := range []string{"round-0", "round-1"} { // once, at the base
		texts[round] = map[string][][2]any{ConventionTag: {{0.0, "sentence-transformers"}}}
	}
	if diff := cmp.Diff(texts, found.Texts); diff != "" {
		t.Errorf("texts (-want +what TensorBoard read):\n%s", diff)
	}
	want := map[string]map[string][][2]float64{}
	for _, round := range h.Rounds {
		tags := map[string][][2]float64{}
		for _, row := range round.Rows {
			for _, v := range row.Values {
				tags[v.Name] = append(tags[v.Name], [2]float64{float64(row.Step), float64(float32(v.Value))})
			}
		}
		want["round-"+string(rune('0'+round.Round))] = tags
	}
	if diff := cmp.Diff(want, found.Rounds, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Abs(a) })); diff != "" {
		t.Errorf("(-run +what TensorBoard read):\n%s", diff)
	}
}

// A run under way has the whole lines of its log; rounds of an outside trainer, without one, have their epochs.
func TestReadWhatThereIs(t *testing.T) {
	run, err := tinyrun.Begin(t.TempDir(), tinyrun.Options{Epochs: 2})
	if err != nil {
		t.Fatal(err)
	}
	if h := read(t, run); len(h.Rounds) != 0 {
		t.Errorf("nothing has begun: %+v", h)
	}
	if err := run.Score(0); err != nil {
		t.Fatal(err)
	}
	h := read(t, run)
	if rows := h.Rounds[0].Rows; len(rows) != 3 || rows[2].Step != 2 || rows[2].Epoch != 2 {
		t.Errorf("epochs without steps: %+v", rows)
	}
	if err := run.Train(0); err != nil {
		t.Fatal(err)
	}
	steps := rundir.Layout(run.Dir).Round(0).Steps()
	f, err := os.OpenFile(steps, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"step":11,"epo`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	h = read(t, run)
	if rows := h.Rounds[0].Rows; len(rows) != 11 || rows[10].Step != 10 {
		t.Errorf("a line cut short: %+v", rows)
	}
}
