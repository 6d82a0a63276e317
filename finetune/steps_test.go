package finetune

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// stepsCase is a short training on the tiny BERT, as parity/steps_fixture.py reads it: what it starts from, and the rows
// that Quarry draws for each step. What torch makes of them is in steps.json and steps.safetensors.
type stepsCase struct {
	Name     string       `json:"name"`
	Options  stepsOptions `json:"options"`
	Queries  [][]int32    `json:"queries"`  // token ids
	Passages [][]int32    `json:"passages"` // token ids
	Known    [][]int32    `json:"known"`    // by query: passages that answer it
	Steps    [][]stepsRow `json:"steps"`
}

type stepsOptions struct {
	Batch              int      `json:"batch"`
	Accumulate         int      `json:"accumulate"`
	LearningRate       float64  `json:"learning_rate"`
	Schedule           Schedule `json:"schedule"`
	WarmupRatio        float64  `json:"warmup_ratio"`
	WeightDecay        float64  `json:"weight_decay"`
	Epsilon            float64  `json:"eps"`
	Clip               float64  `json:"clip"`
	Temperature        float64  `json:"temperature"`
	LearnTemperature   bool     `json:"learn_temperature"`
	BothDirections     bool     `json:"both_directions"`
	MaskKnownPositives bool     `json:"mask_known_positives"`
}

// stepsRow is one query of a step with its passages, the positive first.
type stepsRow struct {
	Query    int     `json:"query"`
	Passages []int32 `json:"passages"`
}

// stepsOptionsOfCases are the settings of both cases by name: one with everything on, one with everything off.
func stepsOptionsOfCases() (names []string, settings []Options) {
	everything := DefaultOptions()
	everything.Epochs, everything.Batch, everything.GroupSize, everything.Accumulate = 2, 4, 3, 2
	everything.LearningRate, everything.WarmupRatio, everything.WeightDecay = 5e-3, 0.5, 0.1
	everything.Temperature, everything.LearnTemperature, everything.BothDirections = 0.05, true, true
	everything.Clip = 2 // the norms stand on both sides of it
	// The gradient of a key's bias is zero but for rounding, which a smaller eps would make a whole step of.
	everything.Epsilon, everything.Dropout, everything.BlockTokens = 1e-6, false, 40
	plain := everything
	plain.Accumulate, plain.Schedule, plain.WarmupRatio, plain.WeightDecay, plain.Clip = 1, Cosine, 0, 0, 0
	plain.LearnTemperature, plain.BothDirections, plain.MaskKnownPositives, plain.DropLast = false, false, false, true
	return []string{"everything", "plain"}, []Options{everything, plain}
}

// stepsData are seven queries with one to three positives. Passages answer other rows' queries, stand in several rows,
// and are too few for one query.
func stepsData() (queries, passages [][]int32, examples []Example) {
	source := draw.New(1, "training steps", 0, 0, "texts")
	text := func() []int32 {
		ids := make([]int32, 3+source.IntN(9))
		for i := range ids {
			ids[i] = int32(5 + source.IntN(115))
		}
		return ids
	}
	for range 10 {
		passages = append(passages, text())
	}
	positives := [][]int32{{0}, {1, 2}, {2}, {3, 4, 5}, {5}, {6}, {0, 6}}
	negatives := [][]int32{{1, 2, 3, 7}, {3}, {1, 4, 8}, {0, 6, 7, 9}, {2, 3, 4}, {0, 5, 8, 9}, {1, 3, 5}}
	known := [][]int32{{0, 6}, {1, 2}, {1, 2}, {3, 4, 5}, {3, 5}, {6}, {0, 6}}
	for i := range positives {
		queries = append(queries, text())
		examples = append(examples, Example{Key: fmt.Sprintf("q%d", i), Positives: positives[i], Negatives: negatives[i], Known: known[i]})
	}
	return queries, passages, examples
}

func dataOf(queries, passages [][]int32, examples []Example) Data {
	return Data{
		Examples:   examples,
		Query:      func(i int) model.Sequence { return model.Sequence{IDs: queries[i]} },
		Passage:    func(p int32) model.Sequence { return model.Sequence{IDs: passages[p]} },
		PassageKey: func(p int32) string { return fmt.Sprint(p) },
	}
}

func newStepsCase(name string, o Options) stepsCase {
	queries, passages, examples := stepsData()
	c := stepsCase{Name: name, Queries: queries, Passages: passages, Options: stepsOptions{
		o.Batch, o.Accumulate, o.LearningRate, o.Schedule, o.WarmupRatio, o.WeightDecay, o.Epsilon, o.Clip,
		o.Temperature, o.LearnTemperature, o.BothDirections, o.MaskKnownPositives,
	}}
	for _, e := range examples {
		c.Known = append(c.Known, e.Known)
	}
	d := dataOf(queries, passages, examples)
	for epoch := 1; epoch <= o.Epochs; epoch++ {
		order := d.order(o, epoch)
		for step := range o.StepsPerEpoch(len(examples)) {
			var rows []stepsRow
			for _, i := range batchOf(order, step, o.Batch) {
				rows = append(rows, stepsRow{i, d.group(o, i, epoch).passages})
			}
			c.Steps = append(c.Steps, rows)
		}
	}
	return c
}

// TestStepsAgainstTorch trains four steps from the draw of rows to the weights and compares every number that a step
// reports, and the weights that are left, with torch in float64. After a change of the draws:
//
//	go test ./finetune -run TestStepsAgainstTorch -update && python parity/steps_fixture.py
func TestStepsAgainstTorch(t *testing.T) {
	names, settings := stepsOptionsOfCases()
	var input struct {
		Header map[string]string `json:"header"`
		Cases  []stepsCase       `json:"cases"`
	}
	input.Header = map[string]string{"command": "go test ./finetune -run TestStepsAgainstTorch -update"}
	for i, name := range names {
		input.Cases = append(input.Cases, newStepsCase(name, settings[i]))
	}
	raw, err := json.MarshalIndent(input, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/steps_input.json", append(raw, '\n'))
	if t.Failed() {
		return // the rows below would be others than torch's
	}

	var fixture struct {
		Cases []struct {
			Name  string
			Steps []struct {
				Loss, Temperature float64
				LearningRate      float64 `json:"learning_rate"`
				GradientNorm      float64 `json:"gradient_norm"`
				Queries           int
				Columns, Masked   int
			}
			Temperature float64 // after the last step
		}
	}
	readFixture(t, "steps.json", &fixture)
	tensors, err := safetensors.Open("testdata/steps.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer tensors.Close()
	if len(fixture.Cases) != len(names) {
		t.Fatalf("%d cases of torch, want %d", len(fixture.Cases), len(names))
	}
	for i, want := range fixture.Cases {
		t.Run(want.Name, func(t *testing.T) {
			trainer := stepsTrainer(t, settings[i])
			step := 0
			err := trainer.Run(context.Background(), Hooks{Step: func(got Report) error {
				w := want.Steps[step]
				step++
				close := func(what string, got, want, relative float64) {
					t.Helper()
					if math.Abs(got-want) > relative*math.Abs(want) {
						t.Errorf("step %d: %s: got %v, want %v", step, what, got, want)
					}
				}
				close("loss", got.Loss, w.Loss, 2e-5)
				close("norm of the gradient", got.GradientNorm, w.GradientNorm, 2e-5)
				close("learning rate", got.LearningRate, w.LearningRate, 1e-12)
				close("temperature", got.Temperature, w.Temperature, 1e-6)
				if got.Step != step || got.Queries != w.Queries || got.Columns != w.Columns || got.Masked != w.Masked {
					t.Errorf("step %d: got %+v, want %+v", step, got, w)
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			if step != len(want.Steps) {
				t.Fatalf("%d steps, want %d", step, len(want.Steps))
			}
			if got := trainer.Temperature(); math.Abs(got-want.Temperature) > 1e-6*want.Temperature {
				t.Errorf("temperature at the end: got %v, want %v", got, want.Temperature)
			}
			compareWeights(t, trainer, tensors, names[i]+"/")
		})
	}
}

// compareWeights allows a weight a hundredth of what a step may move it: Adam divides by the gradient's size, so that the
// rounding of a small gradient is not small in the step.
func compareWeights(t *testing.T, trainer *Trainer, tensors *safetensors.File, prefix string) {
	t.Helper()
	for _, w := range trainer.Trained() {
		tensor, err := tensors.Tensor(prefix + w.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		want, err := tensor.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		if len(want) != len(w.Values) {
			t.Errorf("%s: %d values, want %d", w.Name, len(w.Values), len(want))
			continue
		}
		most := 0.0
		for i, v := range w.Values {
			most = max(most, math.Abs(float64(v)-float64(want[i])))
		}
		if !(most <= 0.01*trainer.options.LearningRate) {
			t.Errorf("%s: differs by %.2g", w.Name, most)
		}
	}
}

func stepsTrainer(t *testing.T, o Options) *Trainer {
	t.Helper()
	m, err := model.Open("../model/testdata/tiny-bert", model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	e, err := compute.New(compute.Options{Path: kernel.Portable, Precision: compute.F32, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	trainer, err := New(m, e, dataOf(stepsData()), o)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

// TestStepsOfTheFixtureSeeEverything holds the data of the torch fixture to what it is for.
func TestStepsOfTheFixtureSeeEverything(t *testing.T) {
	_, settings := stepsOptionsOfCases()
	c := newStepsCase("everything", settings[0])
	_, _, examples := stepsData()
	var later, repeated, copies bool // another positive than the first, a negative twice in a row, a known positive as a column
	for _, rows := range c.Steps {
		for _, r := range rows {
			later = later || r.Passages[0] != examples[r.Query].Positives[0]
			repeated = repeated || r.Passages[1] == r.Passages[2]
			for _, other := range rows {
				copies = copies || other.Query != r.Query && slices.Contains(c.Known[r.Query], other.Passages[0])
			}
		}
	}
	if !later || !repeated || !copies {
		t.Errorf("a later positive is drawn: %v; a negative is repeated: %v; a known positive is another row's column: %v", later, repeated, copies)
	}
}
