package finetune

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// pairTexts are queries with passages, the positive first, as a cross-encoder is trained on.
type pairTexts struct {
	Query    string
	Passages []string
}

// pairData makes training data of texts. Every passage stands in one row alone.
func pairData(c *model.CrossEncoder, texts []pairTexts) Data {
	var d Data
	var passages []string
	for i, row := range texts {
		e := Example{Key: fmt.Sprintf("q%d", i)}
		for k, text := range row.Passages {
			p := int32(len(passages))
			passages = append(passages, text)
			if k == 0 {
				e.Positives, e.Known = []int32{p}, []int32{p}
			} else {
				e.Negatives = append(e.Negatives, p)
			}
		}
		d.Examples = append(d.Examples, e)
	}
	d.Pair = func(i int, p int32) (model.Sequence, error) { return c.Pair(texts[i].Query, passages[p], 0) }
	d.PassageKey = func(p int32) string { return passages[p] }
	return d
}

func openCrossEncoder(t testing.TB, name string) *model.CrossEncoder {
	t.Helper()
	c, err := model.OpenCrossEncoder(filepath.Join("../model/testdata/cross-encoders", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func pairTrainer(t testing.TB, c *model.CrossEncoder, d Data, o Options, engine compute.Options) *Trainer {
	t.Helper()
	e, err := compute.New(engine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	trainer, err := New(c.Network, e, d, o)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

// TestPairLossesAgainstThePeers compares the loss of a step and the gradient of every weight with sentence-transformers'
// BinaryCrossEntropyLoss and FlagEmbedding's cross entropy over groups, by torch in float64; see parity/pairs_fixture.py.
func TestPairLossesAgainstThePeers(t *testing.T) {
	var fixture struct {
		Rows  []pairTexts
		Cases []struct {
			Name, Model    string
			Loss           PairLoss
			PositiveWeight float64 `json:"positive_weight"`
			Value          float64
			Logits         []float64
		}
	}
	readFixture(t, "pairs.json", &fixture)
	gradients, err := safetensors.Open("testdata/pairs.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer gradients.Close()
	for _, tc := range fixture.Cases {
		for _, path := range kernel.Available() {
			t.Run(tc.Name+"/"+string(path), func(t *testing.T) {
				c := openCrossEncoder(t, tc.Model)
				o := DefaultPairOptions()
				o.Pairs, o.GroupSize, o.Dropout, o.BlockTokens = PairOptions{tc.Loss, tc.PositiveWeight}, 3, false, 60
				trainer := pairTrainer(t, c, pairData(c, fixture.Rows), o, compute.Options{Path: path, Precision: compute.F32, Workers: 2})
				var rows []row
				for i, e := range trainer.data.Examples {
					rows = append(rows, row{example: i, passages: append(slices.Clone(e.Positives), e.Negatives...)})
				}
				terms := o.terms(rows)
				got, err := trainer.pairs(t.Context(), rows, nil, terms)
				if err != nil {
					t.Fatal(err)
				}
				within(t, "loss", got.total/float64(terms), tc.Value, 1e-5)
				for i, want := range tc.Logits {
					within(t, "logit", float64(trainer.runner.vectors[i][0]), want, 1e-5)
				}
				compared := 0
				for _, p := range trainer.parameters {
					want, err := gradients.Tensor(tc.Name + "/" + p.Name)
					if err != nil {
						t.Fatal(err)
					}
					values, err := want.Float32s()
					if err != nil {
						t.Fatal(err)
					}
					var difference, size float64
					for i, g := range p.Gradient {
						difference += math.Pow(float64(g)-float64(values[i]), 2)
						size += math.Pow(float64(values[i]), 2)
					}
					compared++
					if math.Sqrt(difference) > 1e-4*math.Sqrt(size)+1e-6 {
						t.Errorf("the gradient of %s differs by %.3g, and is %.3g long", p.Name, math.Sqrt(difference), math.Sqrt(size))
					}
				}
				if compared < 20 {
					t.Errorf("only %d gradients compared", compared)
				}
			})
		}
	}
}

// TestPairLossesDifferAsTheirGradients holds gradients by logit against finite differences, where logits are small and
// where exponentials overflow.
func TestPairLossesDifferAsTheirGradients(t *testing.T) {
	rows := []row{{passages: make([]int32, 3)}, {passages: make([]int32, 1)}, {passages: make([]int32, 2)}}
	at := [][]float32{{0.5}, {-1.25}, {2}, {-3}, {90}, {-800}}
	for _, o := range []PairOptions{{BinaryCrossEntropy, 1}, {BinaryCrossEntropy, 4}, {CrossEntropy, 0}} {
		t.Run(fmt.Sprintf("%s %g", o.Loss, o.PositiveWeight), func(t *testing.T) {
			pull := make([]float64, len(at))
			value := o.loss(rows, at, pull)
			if math.IsNaN(value) || math.IsInf(value, 0) || value < 0 {
				t.Fatalf("the loss is %v", value)
			}
			const h = 1.0 / 64 // exact in float32
			for i := range at {
				moved := func(by float32) float64 {
					logits := slices.Clone(at)
					logits[i] = []float32{at[i][0] + by}
					return o.loss(rows, logits, nil)
				}
				numeric := (moved(h) - moved(-h)) / (2 * h)
				if math.Abs(numeric-pull[i]) > 1e-4 { // the third derivative times h²/6
					t.Errorf("logit %d: the gradient is %v, differences say %v", i, pull[i], numeric)
				}
			}
		})
	}
}

// somePairTexts are queries whose positive holds a word of them.
func somePairTexts(n int) []pairTexts {
	words := strings.Fields("half zero digit order answer wrong numerators fraction sum number")
	var rows []pairTexts
	for i := range n {
		word := words[i%len(words)]
		row := pairTexts{Query: fmt.Sprintf("the %s of %d", word, i), Passages: []string{fmt.Sprintf("a %s", word)}}
		for k := range 4 {
			row.Passages = append(row.Passages, fmt.Sprintf("the %s %d %s", words[(i+k+1)%len(words)], i, strings.Repeat("of a ", k)))
		}
		rows = append(rows, row)
	}
	return rows
}

func pairTrainingOptions(loss PairLoss) Options {
	o := DefaultPairOptions()
	o.Pairs.Loss, o.Epochs, o.Batch, o.GroupSize, o.LearningRate, o.BlockTokens = loss, 2, 4, 3, 2e-3, 40
	return o
}

func runPairs(t testing.TB, trainer *Trainer, hook func(Report) error) []Report {
	t.Helper()
	var reports []Report
	err := trainer.Run(context.Background(), Hooks{Step: func(r Report) error {
		reports = append(reports, r)
		if hook == nil {
			return nil
		}
		return hook(r)
	}})
	if err != nil && hook == nil {
		t.Fatal(err)
	}
	return reports
}

func pairState(t testing.TB, trainer *Trainer) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := trainer.SaveState(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPairTrainingRepeats: memory, workers, the order of the queries and an interruption change no bit, dropout on.
func TestPairTrainingRepeats(t *testing.T) {
	for _, tc := range []struct {
		model string
		loss  PairLoss
	}{{"bert", BinaryCrossEntropy}, {"roberta", CrossEntropy}} {
		t.Run(tc.model+" "+string(tc.loss), func(t *testing.T) {
			c := openCrossEncoder(t, tc.model)
			d, o := pairData(c, somePairTexts(10)), pairTrainingOptions(tc.loss)
			engine := compute.Options{Path: exactpath.Fastest, Precision: compute.F32, Workers: 3}
			straight := pairTrainer(t, c, d, o, engine)
			reports := runPairs(t, straight, nil)
			want := pairState(t, straight)
			if len(reports) != 6 || reports[0].Columns != 12 || reports[0].Queries != 4 {
				t.Fatalf("%d steps, the first %+v", len(reports), reports[0])
			}
			need, err := NeedMemory(c.Network, straight.engine, o, d.longest())
			if err != nil {
				t.Fatal(err)
			}
			for name, limit := range map[string]int64{"one block": need.limit(need.Block), "layers computed again": need.Least()} {
				small := pairTrainer(t, c, d, o, compute.Options{Path: exactpath.Fastest, Precision: compute.F32, Workers: 1, Memory: limit})
				if got := runPairs(t, small, nil); !slices.Equal(got, reports) || !bytes.Equal(pairState(t, small), want) {
					t.Errorf("%s: the training differs", name)
				}
			}
			turned := d
			turned.Examples = slices.Clone(d.Examples)
			slices.Reverse(turned.Examples)
			turned.Pair = func(i int, p int32) (model.Sequence, error) { return d.Pair(len(d.Examples)-1-i, p) }
			if got := runPairs(t, pairTrainer(t, c, turned, o, engine), nil); !slices.Equal(got, reports) {
				t.Error("another order of queries trains otherwise")
			}
			stop := errors.New("stop")
			first := pairTrainer(t, c, d, o, engine)
			runPairs(t, first, func(r Report) error {
				if r.Step == 4 {
					return stop
				}
				return nil
			})
			second := pairTrainer(t, c, d, o, engine)
			if err := second.LoadState(bytes.NewReader(pairState(t, first)), "state"); err != nil {
				t.Fatal(err)
			}
			if rest := runPairs(t, second, nil); !slices.Equal(rest, reports[4:]) || !bytes.Equal(pairState(t, second), want) {
				t.Error("the rest of an interrupted training differs")
			}
			o.Dropout = false
			if got := runPairs(t, pairTrainer(t, c, d, o, engine), nil); got[0].Loss == reports[0].Loss {
				t.Error("dropout changes nothing")
			}
		})
	}
}

// TestPairTrainingLearns: the loss falls on the queries of the training, and eval_loss on others of their kind says so.
func TestPairTrainingLearns(t *testing.T) {
	for _, loss := range []PairLoss{BinaryCrossEntropy, CrossEntropy} {
		t.Run(string(loss), func(t *testing.T) {
			c := openCrossEncoder(t, "bert")
			d, o := pairData(c, somePairTexts(20)), pairTrainingOptions(loss)
			o.Epochs = 15
			trainer := pairTrainer(t, c, d, o, compute.Options{Precision: compute.F32, Workers: 1})
			before, err := trainer.EvalLoss(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			runPairs(t, trainer, nil)
			after, err := trainer.EvalLoss(t.Context(), d)
			if err != nil || after > 0.7*before {
				t.Errorf("eval_loss goes from %v to %v (%v)", before, after, err)
			}
		})
	}
}

// TestKnownPositivesAreNoNegativesOfPairs, as a row of the same query text may mine them.
func TestKnownPositivesAreNoNegativesOfPairs(t *testing.T) {
	c := openCrossEncoder(t, "bert")
	d, o := pairData(c, somePairTexts(4)), pairTrainingOptions(BinaryCrossEntropy)
	o.GroupSize, o.Epochs = 5, 1
	d.Examples[1].Known = append(slices.Clone(d.Examples[1].Positives), d.Examples[1].Negatives[2])
	got := runPairs(t, pairTrainer(t, c, d, o, compute.Options{Path: exactpath.Fastest, Workers: 1}), nil)
	if got[0].Masked != 1 || got[0].Columns != 4*5-1 {
		t.Errorf("%+v", got[0])
	}
	o.MaskKnownPositives = false
	got = runPairs(t, pairTrainer(t, c, d, o, compute.Options{Path: exactpath.Fastest, Workers: 1}), nil)
	if got[0].Masked != 0 || got[0].Columns != 4*5 {
		t.Errorf("unmasked: %+v", got[0])
	}
}

func TestPairOptionsThatCannotBe(t *testing.T) {
	c := openCrossEncoder(t, "bert")
	d := pairData(c, somePairTexts(4))
	e, err := compute.New(compute.Options{Path: exactpath.Fastest, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, tc := range []struct {
		name   string
		change func(*Options, *Data)
		want   string
	}{
		{"another loss", func(o *Options, _ *Data) { o.Pairs.Loss = "mse" }, `loss "mse": use binary_cross_entropy or cross_entropy`},
		{"no weight", func(o *Options, _ *Data) { o.Pairs.PositiveWeight = 0 }, "positive_weight 0"},
		{"a weight of groups", func(o *Options, _ *Data) { o.Pairs = PairOptions{CrossEntropy, 2} }, "positive_weight has no part in loss cross_entropy"},
		{"a weight alone", func(o *Options, _ *Data) { o.Pairs = PairOptions{"", 2} }, "positive_weight has no part without a loss of pairs"},
		{"an adapter", func(o *Options, _ *Data) { o.Method = LoRA }, "trained in full"},
		{"no negatives", func(o *Options, _ *Data) { o.GroupSize = 1 }, "group_size 1"},
		{"blocks of columns", func(o *Options, _ *Data) { o.Accumulate = 2 }, "accumulate 2"},
		{"a temperature", func(o *Options, _ *Data) { o.LearnTemperature = true }, "learn_temperature"},
		{"both directions", func(o *Options, _ *Data) { o.BothDirections = true }, "both_directions"},
		{"distillation", func(o *Options, _ *Data) { o.Distill = KLDiv }, "distill"},
		{"a guide", func(o *Options, _ *Data) { o.Guide.Mask = AbsoluteMargin }, "a guide"},
		{"matryoshka", func(o *Options, _ *Data) { o.Matryoshka = Matryoshka{[]int{1}, []float64{1}} }, "matryoshka"},
		{"examples", func(o *Options, _ *Data) { o.Examples = 1 }, "examples"},
		{"an embedder's loss", func(o *Options, _ *Data) { o.Pairs = PairOptions{} }, "a cross-encoder is trained by a loss of pairs"},
		{"nothing to read", func(_ *Options, d *Data) { d.Pair = nil }, "nothing reads the pairs"},
		{"nothing to tell apart", func(_ *Options, d *Data) {
			d.Examples = slices.Clone(d.Examples)
			for i := range d.Examples {
				d.Examples[i].Negatives = d.Examples[i].Positives
			}
		}, "no query has a negative"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, data := pairTrainingOptions(BinaryCrossEntropy), d
			tc.change(&o, &data)
			if _, err := New(c.Network, e, data, o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	embedder, err := model.Open("../model/testdata/tiny-bert", model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer embedder.Close()
	if _, err := New(embedder, e, d, pairTrainingOptions(CrossEntropy)); err == nil || !strings.Contains(err.Error(), "the model is an embedder") {
		t.Errorf("an embedder: %v", err)
	}
}
