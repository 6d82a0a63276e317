package finetune_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
)

// tiny is a tiny model with dropout and the texts it is trained on.
type tiny struct {
	model *model.Model
	data  finetune.Data
}

func newTiny(t testing.TB, queries int) tiny {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := tinymodel.Write(dir, tinymodel.Options{Dropout: 0.1}); err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	source := draw.New(1, "finetune test", 0, 0, "texts")
	text := func() model.Sequence {
		var s model.Sequence
		for range 3 + source.IntN(9) {
			s.IDs = append(s.IDs, int32(5+source.IntN(60)))
		}
		return s
	}
	asked, passages := make([]model.Sequence, queries), make([]model.Sequence, 20)
	for i := range passages {
		passages[i] = text()
	}
	d := finetune.Data{
		Query:      func(i int) model.Sequence { return asked[i] },
		Passage:    func(p int32) model.Sequence { return passages[p] },
		PassageKey: func(p int32) string { return fmt.Sprint(p) },
	}
	for i := range asked {
		asked[i] = text()
		p := int32(i % len(passages))
		e := finetune.Example{Key: fmt.Sprintf("q%02d", i), Positives: []int32{p}, Known: []int32{p}}
		for k := range 5 {
			e.Negatives = append(e.Negatives, (p+int32(k)+1)%int32(len(passages)))
		}
		d.Examples = append(d.Examples, e)
	}
	return tiny{m, d}
}

func options(method finetune.Method) finetune.Options {
	o := finetune.DefaultOptions()
	o.Method, o.Epochs, o.Batch, o.GroupSize, o.LearningRate, o.BlockTokens = method, 2, 6, 3, 1e-3, 40
	o.LoRA.Rank = 4
	return o
}

func (x tiny) trainer(t testing.TB, o finetune.Options, engine compute.Options) *finetune.Trainer {
	t.Helper()
	if engine.Path == "" {
		engine.Path = exactpath.Fastest
	}
	e, err := compute.New(engine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	trainer, err := finetune.New(x.model, e, x.data, o)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

// outcome is everything that a training leaves, as bytes.
func outcome(t testing.TB, trainer *finetune.Trainer) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := trainer.SaveState(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func train(t testing.TB, trainer *finetune.Trainer) []finetune.Report {
	t.Helper()
	var reports []finetune.Report
	err := trainer.Run(context.Background(), finetune.Hooks{Step: func(r finetune.Report) error {
		reports = append(reports, r)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return reports
}

// TestStepsKeepTheirMemory trains one and the same batch again and again and sees that a step allocates the draws
// of its texts alone: no names, rows, vectors, scores, gradients or activations, which here are more.
func TestStepsKeepTheirMemory(t *testing.T) {
	for _, method := range []finetune.Method{finetune.Full, finetune.LoRA} {
		t.Run(string(method), func(t *testing.T) {
			o := options(method)
			o.Batch, o.GroupSize, o.Epochs, o.BlockTokens = 24, 6, 5, 4096 // one block, of all its negatives
			x := newTiny(t, 24)
			trainer := x.trainer(t, o, compute.Options{Workers: 1})
			var before, after runtime.MemStats
			err := trainer.Run(context.Background(), finetune.Hooks{Step: func(r finetune.Report) error {
				runtime.ReadMemStats(&after)
				texts := uint64(r.Queries + r.Columns)
				if took := after.TotalAlloc - before.TotalAlloc; r.Step > 3 && took > 40*texts {
					t.Errorf("step %d allocates %d bytes, %d for each of %d texts", r.Step, took, took/texts, texts)
				}
				runtime.ReadMemStats(&before)
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestGradientCachingIsTheUncachedStep trains with all activations kept, with those of one block, and with layers computed
// again, dropout on, on other workers, and compares bits.
func TestGradientCachingIsTheUncachedStep(t *testing.T) {
	for _, method := range []finetune.Method{finetune.Full, finetune.LoRA} {
		for _, path := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%s", method, path), func(t *testing.T) {
				x := newTiny(t, 14)
				kept := x.trainer(t, options(method), compute.Options{Path: path, Workers: 3})
				want, wantOutcome := train(t, kept), outcome(t, kept)
				need := x.need(t, options(method), compute.Options{Path: path, Workers: 1})
				whole := need
				whole.Lean = 0
				if whole.Least() <= need.Least() {
					t.Fatalf("one block takes %d, and %d with its layers computed again", whole.Least(), need.Least())
				}
				for name, memory := range map[string]int64{"one block": whole.Least(), "not one block": whole.Least() - 1, "the least": need.Least()} {
					cached := x.trainer(t, options(method), compute.Options{Path: path, Workers: 1, Memory: memory})
					if got := train(t, cached); !slices.Equal(got, want) {
						t.Errorf("%s: the steps differ:\n%+v\n%+v", name, got, want)
					}
					if !bytes.Equal(outcome(t, cached), wantOutcome) {
						t.Errorf("%s: the weights differ", name)
					}
				}
			})
		}
	}
}

func TestResumedTrainingEndsWithTheSameBytes(t *testing.T) {
	for _, method := range []finetune.Method{finetune.Full, finetune.LoRA} {
		t.Run(string(method), func(t *testing.T) {
			x := newTiny(t, 14)
			o := options(method)
			o.LearnTemperature = true
			straight := x.trainer(t, o, compute.Options{Workers: 2})
			reports := train(t, straight)
			for _, stop := range []int{1, 3, len(reports) - 1} {
				first := x.trainer(t, o, compute.Options{Workers: 2})
				interrupted := errors.New("interrupted")
				err := first.Run(context.Background(), finetune.Hooks{Step: func(r finetune.Report) error {
					if r.Step == stop {
						return interrupted
					}
					return nil
				}})
				if !errors.Is(err, interrupted) {
					t.Fatal(err)
				}
				second := x.trainer(t, o, compute.Options{Workers: 2})
				if err := second.LoadState(bytes.NewReader(outcome(t, first)), "state"); err != nil {
					t.Fatal(err)
				}
				if rest := train(t, second); !slices.Equal(rest, reports[stop:]) {
					t.Errorf("stopped after step %d: the rest of the steps differs", stop)
				}
				if !bytes.Equal(outcome(t, second), outcome(t, straight)) {
					t.Errorf("stopped after step %d: the weights differ", stop)
				}
			}
		})
	}
}

// TestFileOrderDoesNotMatter trains on the same examples in another order of the file.
func TestFileOrderDoesNotMatter(t *testing.T) {
	x := newTiny(t, 14)
	straight := x.trainer(t, options(finetune.Full), compute.Options{Workers: 2})
	train(t, straight)
	turned := x
	turned.data.Examples = slices.Clone(x.data.Examples)
	slices.Reverse(turned.data.Examples)
	turned.data.Query = func(i int) model.Sequence { return x.data.Query(len(x.data.Examples) - 1 - i) }
	other := turned.trainer(t, options(finetune.Full), compute.Options{Workers: 2})
	train(t, other)
	if !bytes.Equal(outcome(t, straight), outcome(t, other)) {
		t.Error("the weights depend on the order of the file")
	}
}

func TestTrainingLowersTheLoss(t *testing.T) {
	for _, method := range []finetune.Method{finetune.Full, finetune.LoRA} {
		t.Run(string(method), func(t *testing.T) {
			x := newTiny(t, 14)
			o := options(method)
			o.Epochs, o.LearningRate = 12, 5e-3
			trainer := x.trainer(t, o, compute.Options{Workers: 2})
			before, err := trainer.EvalLoss(context.Background(), x.data)
			if err != nil {
				t.Fatal(err)
			}
			train(t, trainer)
			after, err := trainer.EvalLoss(context.Background(), x.data)
			if err != nil {
				t.Fatal(err)
			}
			if !(after < 0.7*before) {
				t.Errorf("eval_loss went from %.3f to %.3f", before, after)
			}
		})
	}
}

// TestTrainingKeepsALearnedTemperatureInItsRange takes steps that are far too long: where queries are their positives, smaller
// temperatures lower the loss; where they are a negative, larger ones do.
func TestTrainingKeepsALearnedTemperatureInItsRange(t *testing.T) {
	for _, tc := range []struct {
		name     string
		asks     func(e finetune.Example) int32 // for the passage that is its text
		from, to float64
	}{
		{"least", func(e finetune.Example) int32 { return e.Positives[0] }, 0.5, finetune.MinTemperature},
		{"most", func(e finetune.Example) int32 { return e.Negatives[0] }, 0.05, finetune.MaxTemperature},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := newTiny(t, 12)
			for i, e := range x.data.Examples {
				x.data.Examples[i].Negatives = e.Negatives[4:]
			}
			x.data.Query = func(i int) model.Sequence { return x.data.Passage(tc.asks(x.data.Examples[i])) }
			o := options(finetune.Full)
			o.Epochs, o.GroupSize, o.LearningRate, o.Schedule, o.WarmupRatio, o.Dropout = 1, 2, 8, finetune.Constant, 0, false
			o.LearnTemperature, o.Temperature = true, tc.from
			reports := train(t, x.trainer(t, o, compute.Options{Workers: 1}))
			if len(reports) != 2 || math.Abs(reports[0].Temperature-tc.from) > 1e-12 || math.Abs(reports[1].Temperature-tc.to) > 1e-12 {
				t.Errorf("steps %+v, want the temperature %v and then %v", reports, tc.from, tc.to)
			}
		})
	}
}

// TestEvalLossTakesBatchesOfTheTrainingSize compares eight queries with the first six and the last two, in the order of epoch 0.
func TestEvalLossTakesBatchesOfTheTrainingSize(t *testing.T) {
	x := newTiny(t, 8)
	o := options(finetune.Full)
	trainer := x.trainer(t, o, compute.Options{Workers: 2})
	place := make([]int, len(x.data.Examples))
	for i := range place {
		place[i] = i
	}
	slices.SortFunc(place, func(a, b int) int {
		hash := func(i int) uint64 { return draw.Hash(o.Seed, draw.Order, o.Round, 0, x.data.Examples[i].Key) }
		return cmp.Compare(hash(a), hash(b))
	})
	loss := func(places []int) float64 {
		part := x.data
		part.Examples = nil
		for _, i := range places {
			part.Examples = append(part.Examples, x.data.Examples[i])
		}
		part.Query = func(i int) model.Sequence { return x.data.Query(places[i]) }
		mean, err := trainer.EvalLoss(context.Background(), part)
		if err != nil {
			t.Fatal(err)
		}
		return mean
	}
	want := (6*loss(place[:6]) + 2*loss(place[6:])) / 8
	if got := loss(place); math.Abs(got-want) > 1e-6 {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestFinished counts epochs after every step, the last one cut short by MaxSteps.
func TestFinished(t *testing.T) {
	x := newTiny(t, 14)
	o := options(finetune.Full)
	o.MaxSteps = 5
	trainer := x.trainer(t, o, compute.Options{Workers: 2})
	got := []int{trainer.Finished()}
	err := trainer.Run(context.Background(), finetune.Hooks{Step: func(finetune.Report) error {
		got = append(got, trainer.Finished())
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 0, 0, 1, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestStepCountsColumnsAndMasks(t *testing.T) {
	x := newTiny(t, 14)
	for _, tc := range []struct {
		name       string
		change     func(*finetune.Options)
		columns    int
		wantMasked bool
	}{
		{"all passages of a step are columns", func(*finetune.Options) {}, 18, true},
		{"accumulated blocks count together", func(o *finetune.Options) { o.Accumulate = 2 }, 18, true},
		{"masking switched off", func(o *finetune.Options) { o.MaskKnownPositives = false }, 18, false},
		{"a group of one", func(o *finetune.Options) { o.GroupSize = 1 }, 6, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := options(finetune.Full)
			o.Epochs = 1
			tc.change(&o)
			reports := train(t, x.trainer(t, o, compute.Options{Workers: 2}))
			if len(reports) != 3 || reports[0].Columns != tc.columns || reports[2].Queries != 2 {
				t.Errorf("got %+v", reports)
			}
			masked := 0
			for _, r := range reports {
				masked += r.Masked
			}
			if (masked > 0) != tc.wantMasked {
				t.Errorf("%d pairs masked", masked)
			}
		})
	}
}

func TestStateRefusals(t *testing.T) {
	x := newTiny(t, 14)
	good := outcome(t, x.trainer(t, options(finetune.Full), compute.Options{Workers: 1}))
	flipped := slices.Clone(good)
	flipped[len(flipped)-100] ^= 1
	other := options(finetune.Full)
	other.LearningRate *= 2
	cases := []struct {
		name    string
		state   []byte
		options finetune.Options
		want    string
	}{
		{"empty", nil, options(finetune.Full), "cut short at its head"},
		{"not a state", bytes.Repeat([]byte("x"), 100), options(finetune.Full), "not a training state"},
		{"cut short", good[:len(good)/2], options(finetune.Full), "cut short in "},
		{"without its checksum", good[:len(good)-10], options(finetune.Full), "cut short at its checksum"},
		{"damaged", flipped, options(finetune.Full), "checksum does not match"},
		{"other options", good, other, "other options"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			err := x.trainer(t, tc.options, compute.Options{Workers: 1}).LoadState(bytes.NewReader(tc.state), "round-0/training-state")
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "round-0/training-state: ") {
				t.Errorf("got %v, want the file's name and %q", err, tc.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	x := newTiny(t, 4)
	e, err := compute.New(compute.Options{Path: exactpath.Fastest, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	without := x.data
	without.Examples = slices.Clone(x.data.Examples)
	without.Examples[1].Positives = nil
	twice := x.data
	twice.Examples = append(slices.Clone(x.data.Examples), x.data.Examples[0])
	cases := []struct {
		name   string
		data   finetune.Data
		change func(*finetune.Options)
		want   string
	}{
		{"no queries", finetune.Data{}, func(*finetune.Options) {}, "no queries"},
		{"no positive", without, func(*finetune.Options) {}, `query "q01" has no positive`},
		{"a key twice", twice, func(*finetune.Options) {}, `query "q00" stands twice`},
		{"accumulate that does not divide", x.data, func(o *finetune.Options) { o.Accumulate = 4 }, "accumulate 4"},
		{"temperature 0", x.data, func(o *finetune.Options) { o.Temperature = 0 }, "temperature 0"},
		{"learned temperature above its range", x.data, func(o *finetune.Options) { o.LearnTemperature, o.Temperature = true, 1.5 }, "temperature 1.5: one that is learned starts and stays between 0.01 and 1"},
		{"learned temperature below its range", x.data, func(o *finetune.Options) { o.LearnTemperature, o.Temperature = true, 0.001 }, "temperature 0.001: "},
		{"NaN rate", x.data, func(o *finetune.Options) { o.LearningRate = math.NaN() }, "learning_rate NaN"},
		{"target modules that match nothing", x.data, func(o *finetune.Options) {
			o.Method, o.LoRA.TargetModules = finetune.LoRA, []string{"q_proj"}
		}, "q_proj"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			o := options(finetune.Full)
			tc.change(&o)
			if _, err := finetune.New(x.model, e, tc.data, o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	t.Run("a loss that is not a number", func(t *testing.T) {
		o := options(finetune.Full)
		o.LearningRate, o.Clip, o.WarmupRatio = 1e38, 0, 0
		trainer, err := finetune.New(x.model, e, x.data, o)
		if err != nil {
			t.Fatal(err)
		}
		err = trainer.Run(context.Background(), finetune.Hooks{})
		if err == nil || !regexp.MustCompile(`^epoch 2, step 2: the loss is (NaN|[+-]Inf); lower learning_rate`).MatchString(err.Error()) {
			t.Errorf("want an error that names the step and what to do, got %v", err)
		}
	})
}

func FuzzLoadState(f *testing.F) {
	x := newTiny(f, 4)
	good := outcome(f, x.trainer(f, options(finetune.LoRA), compute.Options{Workers: 1}))
	f.Add(good)
	f.Add(good[:200])
	f.Add([]byte("QRYTRAIN"))
	trainer := x.trainer(f, options(finetune.LoRA), compute.Options{Workers: 1})
	f.Fuzz(func(t *testing.T, state []byte) {
		err := trainer.LoadState(bytes.NewReader(state), "state")
		if err == nil && !bytes.Equal(state, outcome(t, trainer)) {
			t.Error("a state was taken that is not what would be saved")
		}
	})
}

// need is what a training takes on an engine.
func (x tiny) need(t *testing.T, o finetune.Options, c compute.Options) finetune.Memory {
	t.Helper()
	e, err := compute.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	need, err := finetune.NeedMemory(x.model, e, o, 0)
	if err != nil {
		t.Fatal(err)
	}
	return need
}

// TestMemoryIsRefusedBeforeItIsTaken asks for adapters of many terabytes; one byte less than the least is refused too.
func TestMemoryIsRefusedBeforeItIsTaken(t *testing.T) {
	x := newTiny(t, 14)
	o := options(finetune.LoRA)
	o.LoRA.Rank = 1 << 30
	plain := x.need(t, options(finetune.LoRA), compute.Options{Workers: 1})
	for _, tc := range []struct {
		name   string
		o      finetune.Options
		memory int64
		want   bool
	}{
		{"huge rank", o, 1 << 40, true},
		{"least", options(finetune.LoRA), plain.Least(), false},
		{"less than least", options(finetune.LoRA), plain.Least() - 1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, err := compute.New(compute.Options{Workers: 1, Memory: tc.memory})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			_, err = finetune.New(x.model, e, x.data, tc.o)
			var short *finetune.MemoryError
			if errors.As(err, &short) != tc.want || (err != nil) != tc.want {
				t.Errorf("got %v", err)
			}
			if short != nil && !strings.Contains(err.Error(), "for a block of 40 tokens whose layers are computed again") {
				t.Errorf("the error does not say what was counted: %v", err)
			}
		})
	}
}
