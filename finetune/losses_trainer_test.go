package finetune_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/model"
)

// taught is newTiny with a teacher's scores and a guide's vectors.
func taught(t testing.TB, queries int) tiny {
	t.Helper()
	x := newTiny(t, queries)
	for i := range x.data.Examples {
		e := &x.data.Examples[i]
		e.PositiveScores = []float64{3 + float64(i%3)}
		for k := range e.Negatives {
			e.NegativeScores = append(e.NegativeScores, float64((i+2*k)%5))
		}
	}
	unit := func(key string) []float32 {
		s := draw.New(3, "guide", 0, 0, key)
		angle := 2 * math.Pi * s.Float64()
		return []float32{float32(math.Cos(angle)), float32(math.Sin(angle))}
	}
	x.data.Guide = finetune.Guide{
		Query:   func(i int) []float32 { return unit(x.data.Examples[i].Key) },
		Passage: func(p int32) []float32 { return unit(fmt.Sprint(p)) },
	}
	return x
}

// lossOptions are all losses at once, but for the two ways of distillation.
func lossOptions(method finetune.Method, d finetune.Distillation) finetune.Options {
	o := options(method)
	o.Distill = d
	o.Guide = finetune.GuideOptions{Mask: finetune.RelativeMargin, Margin: 0.05}
	o.Matryoshka = finetune.Matryoshka{Dims: []int{16, 8}, Weights: []float64{1, 0.5}}
	return o
}

// TestLossesWithGradientCachingAreThoseOfTheUncachedStep trains with a teacher, a guide and leading parts, with all
// activations kept and in the least memory, and compares bits; the order of the file does not matter either.
func TestLossesWithGradientCachingAreThoseOfTheUncachedStep(t *testing.T) {
	for _, d := range []finetune.Distillation{finetune.KLDiv, finetune.M3KD} {
		t.Run(string(d), func(t *testing.T) {
			x := taught(t, 14)
			o := lossOptions(finetune.LoRA, d)
			kept := x.trainer(t, o, compute.Options{Workers: 3})
			want, wantOutcome := train(t, kept), outcome(t, kept)
			need := x.need(t, o, compute.Options{Path: exactpath.Fastest, Workers: 1})
			cached := x.trainer(t, o, compute.Options{Workers: 1, Memory: need.Least()})
			if got := train(t, cached); !slices.Equal(got, want) || !bytes.Equal(outcome(t, cached), wantOutcome) {
				t.Errorf("the steps differ:\n%+v\n%+v", got, want)
			}
			turned := x
			turned.data.Examples = slices.Clone(x.data.Examples)
			slices.Reverse(turned.data.Examples)
			place := func(i int) int { return len(x.data.Examples) - 1 - i }
			turned.data.Query = func(i int) model.Sequence { return x.data.Query(place(i)) }
			turned.data.Guide.Query = func(i int) []float32 { return x.data.Guide.Query(place(i)) }
			other := turned.trainer(t, o, compute.Options{Workers: 2})
			train(t, other)
			if !bytes.Equal(outcome(t, other), wantOutcome) {
				t.Error("the weights depend on the order of the file")
			}
		})
	}
}

// TestStepsReportTheirLosses holds the parts of the loss to their sum, and counts what the guide masks.
func TestStepsReportTheirLosses(t *testing.T) {
	x := taught(t, 14)
	plain := train(t, x.trainer(t, options(finetune.Full), compute.Options{Workers: 2}))
	for _, tc := range []struct {
		name    string
		change  func(*finetune.Options)
		adds    func(finetune.Report) float64 // what the loss should be
		teacher bool
		guided  bool
	}{
		{"InfoNCE", func(*finetune.Options) {}, func(r finetune.Report) float64 { return r.Contrastive }, false, false},
		{"kl_div", func(o *finetune.Options) { o.Distill = finetune.KLDiv }, func(r finetune.Report) float64 { return r.Contrastive + r.Distillation }, true, false},
		{"m3_kd_loss", func(o *finetune.Options) { o.Distill = finetune.M3KD }, func(r finetune.Report) float64 { return r.Distillation }, true, false},
		{"a guide", func(o *finetune.Options) { o.Guide.Mask = finetune.AbsoluteMargin }, func(r finetune.Report) float64 { return r.Contrastive }, false, true},
		{"accumulated", func(o *finetune.Options) { o.Distill, o.Accumulate = finetune.KLDiv, 2 }, func(r finetune.Report) float64 { return r.Contrastive + r.Distillation }, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := options(finetune.Full)
			tc.change(&o)
			reports := train(t, x.trainer(t, o, compute.Options{Workers: 2}))
			guided := 0
			for _, r := range reports {
				if want := tc.adds(r); math.Abs(r.Loss-want) > 1e-12*want || (r.Distillation > 0) != tc.teacher {
					t.Errorf("loss %v, contrastive %v, distillation %v", r.Loss, r.Contrastive, r.Distillation)
				}
				guided += r.GuideMasked
			}
			if (guided > 0) != tc.guided {
				t.Errorf("%d pairs masked by the guide", guided)
			}
			// The first step starts from the same weights: a teacher leaves InfoNCE as it is, and a guide lowers it.
			if o.Accumulate == 1 && !tc.guided && reports[0].Contrastive != plain[0].Contrastive || tc.guided && !(reports[0].Loss < plain[0].Loss) {
				t.Errorf("contrastive loss %v, without anything %v", reports[0].Contrastive, plain[0].Contrastive)
			}
		})
	}
}

// TestEvalLossIsWithoutTheTeacher compares with a training that has none, on dev data without scores.
func TestEvalLossIsWithoutTheTeacher(t *testing.T) {
	x := taught(t, 14)
	dev := newTiny(t, 14).data
	want, err := x.trainer(t, options(finetune.Full), compute.Options{Workers: 1}).EvalLoss(t.Context(), dev)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []finetune.Distillation{finetune.KLDiv, finetune.M3KD} {
		o := options(finetune.Full)
		o.Distill = d
		if got, err := x.trainer(t, o, compute.Options{Workers: 1}).EvalLoss(t.Context(), dev); err != nil || got != want {
			t.Errorf("%s: eval_loss %v, %v; want %v", d, got, err, want)
		}
	}
}

func TestLossRefusals(t *testing.T) {
	x := taught(t, 4)
	for _, tc := range []struct {
		name   string
		change func(*finetune.Options, *finetune.Data)
		want   string
	}{
		{"an unknown distillation", func(o *finetune.Options, _ *finetune.Data) { o.Distill = "mse" }, `distill "mse": use kl_div or m3_kd_loss`},
		{"both directions in place of InfoNCE", func(o *finetune.Options, _ *finetune.Data) { o.Distill, o.BothDirections = finetune.M3KD, true }, "both_directions has no part in distill m3_kd_loss"},
		{"no scores", func(o *finetune.Options, d *finetune.Data) {
			o.Distill = finetune.KLDiv
			d.Examples[2].NegativeScores = nil
		}, `query "q02" has a teacher's scores of 1 of 1 positives and 0 of 5 negatives`},
		{"an unknown mask", func(o *finetune.Options, _ *finetune.Data) { o.Guide.Mask = "percent" }, `guide mask "percent": use absolute or relative`},
		{"a margin without a mask", func(o *finetune.Options, _ *finetune.Data) { o.Guide.Margin = 0.1 }, "guide margin 0.1"},
		{"a guide without vectors", func(o *finetune.Options, d *finetune.Data) {
			o.Guide.Mask, d.Guide = finetune.AbsoluteMargin, finetune.Guide{}
		}, "guide masking needs the guide's vectors"},
		{"a part longer than the vector", func(o *finetune.Options, _ *finetune.Data) {
			o.Matryoshka = finetune.Matryoshka{Dims: []int{4096}, Weights: []float64{1}}
		}, "matryoshka dims [4096]: the model's vectors have "},
		{"a part twice", func(o *finetune.Options, _ *finetune.Data) {
			o.Matryoshka = finetune.Matryoshka{Dims: []int{4, 4}, Weights: []float64{1, 1}}
		}, "matryoshka dims [4 4]: different numbers"},
		{"weights that are no match", func(o *finetune.Options, _ *finetune.Data) {
			o.Matryoshka = finetune.Matryoshka{Dims: []int{4, 2}, Weights: []float64{1}}
		}, "matryoshka: 1 weights for 2 dims"},
		{"a weight of 0", func(o *finetune.Options, _ *finetune.Data) {
			o.Matryoshka = finetune.Matryoshka{Dims: []int{4}, Weights: []float64{0}}
		}, "matryoshka weight 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, err := compute.New(compute.Options{Path: exactpath.Fastest, Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			o, d := options(finetune.Full), x.data
			d.Examples = slices.Clone(x.data.Examples)
			tc.change(&o, &d)
			if _, err := finetune.New(x.model, e, d, o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestTrainingSeesWholeVectors: what a model keeps of its vectors changes nothing of how it is trained.
func TestTrainingSeesWholeVectors(t *testing.T) {
	x := newTiny(t, 14)
	want := outcome(t, x.trainer(t, options(finetune.Full), compute.Options{Workers: 1}))
	m, err := model.Open(x.model.Path, model.Options{TruncateDim: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	plain := train(t, x.trainer(t, options(finetune.Full), compute.Options{Workers: 1}))
	x.model = m
	cut := x.trainer(t, options(finetune.Full), compute.Options{Workers: 1})
	if !bytes.Equal(outcome(t, cut), want) || !slices.Equal(train(t, cut), plain) {
		t.Error("a model that keeps 4 numbers is trained otherwise")
	}
}
