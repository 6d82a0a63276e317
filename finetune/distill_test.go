package finetune

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/internal/exactpath"
)

// taught is a drawn contrast with a teacher, a guide, and vectors of no particular length.
func taught(rows, group int, d Distillation) contrast {
	c := drawnContrast(rows, group)
	c.each, c.distill = inOrder, d
	source := draw.New(2, "distill test", 0, 0, "")
	for range rows {
		scores := make([]float64, group)
		for k := range scores {
			scores[k] = 4 * source.Float64()
		}
		c.teacher = append(c.teacher, teacherTargets(scores))
	}
	c.guided = func(i, j int) bool { return j != c.targets[i] && (2*i+j)%5 == 0 }
	return c
}

// TestGradientsAreThoseOfFiniteDifferences moves every number of every vector, and the temperature.
func TestGradientsAreThoseOfFiniteDifferences(t *testing.T) {
	nested := Matryoshka{Dims: []int{7, 3, 2}, Weights: []float64{1, 0.5, 2}}
	for _, tc := range []struct {
		name    string
		distill Distillation
		both    bool
		parts   Matryoshka
	}{
		{"InfoNCE", "", false, Matryoshka{}},
		{"kl_div", KLDiv, false, Matryoshka{}},
		{"kl_div, both directions", KLDiv, true, Matryoshka{}},
		{"m3_kd_loss", M3KD, false, Matryoshka{}},
		{"leading parts", "", true, nested},
		{"leading parts and kl_div", KLDiv, false, nested},
		{"leading parts and m3_kd_loss", M3KD, false, nested},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := taught(4, 3, tc.distill)
			c.both, c.temperature = tc.both, 0.3
			r := tc.parts.loss(c)
			total := func() float64 {
				moved := c
				moved.lossOnly = true
				return tc.parts.loss(moved).total
			}
			if got := total(); got != r.total {
				t.Errorf("the loss alone is %v, with gradients %v", got, r.total)
			}
			for side, vectors := range [][][]float32{c.queries, c.passages} {
				gradients := [][][]float64{r.queries, r.passages}[side]
				for i, v := range vectors {
					for k, x := range v {
						const h = 1.0 / 1024
						v[k] = x + h
						above, high := total(), v[k]
						v[k] = x - h
						below, low := total(), v[k]
						v[k] = x
						want := (above - below) / float64(high-low)
						if math.Abs(gradients[i][k]-want) > 1e-3*(1+math.Abs(want)) {
							t.Errorf("side %d, vector %d, number %d: gradient %v, difference %v", side, i, k, gradients[i][k], want)
						}
					}
				}
			}
			const h = 1e-5
			c.temperature = 0.3 + h
			above := total()
			c.temperature = 0.3 - h
			if want := (above - total()) / (2 * h); math.Abs(r.temperature-want) > 1e-5*(1+math.Abs(want)) {
				t.Errorf("temperature: gradient %v, difference %v", r.temperature, want)
			}
		})
	}
}

// TestM3IsItsDefinition takes each target's cross entropy by itself, over copies of the scores without the passages before it.
func TestM3IsItsDefinition(t *testing.T) {
	for _, tc := range []struct{ rows, group int }{{1, 1}, {1, 4}, {5, 3}, {tileRows + 3, 2}} {
		t.Run(fmt.Sprintf("%d rows of %d", tc.rows, tc.group), func(t *testing.T) {
			c := taught(tc.rows, tc.group, M3KD)
			got := infoNCE(c)
			var want float64
			for i := range tc.rows {
				scores := make([]float64, tc.rows*tc.group)
				for j := range scores {
					if own := j / tc.group; own == i {
						scores[j] = dot(c.queries[i], c.passages[j]) // never masked
					} else {
						scores[j] = c.score(i, j)
					}
				}
				for k, share := range c.teacher[i] {
					want += share * standing(scores, c.targets[i]+k, c.temperature).loss
					scores[c.targets[i]+k] = math.Inf(-1)
				}
			}
			near(t, "distance", got.distilled, want)
			if got.total != got.distilled {
				t.Errorf("total %v is not the distance alone, %v", got.total, got.distilled)
			}
		})
	}
}

// TestATeacherThatIsCertainIsInfoNCE holds for m3_kd_loss where the teacher's whole share is the positive's.
func TestATeacherThatIsCertainIsInfoNCE(t *testing.T) {
	c := taught(6, 3, M3KD)
	c.masked, c.guided = func(i, j int) bool { return false }, nil
	for i := range c.teacher {
		c.teacher[i] = []float64{1, 0, 0}
	}
	got := infoNCE(c)
	near(t, "loss", got.distilled, got.contrastive)
	c.distill = ""
	want := infoNCE(c)
	for i := range want.queries {
		for k, g := range want.queries[i] {
			near(t, "query gradient", got.queries[i][k], g)
		}
	}
}

// TestAStudentLikeItsTeacherIsAtRest has kl_div's own gradient vanish where both softmaxes are equal.
func TestAStudentLikeItsTeacherIsAtRest(t *testing.T) {
	own := []float64{0.3, -0.2, 0.9}
	scaled := make([]float64, len(own))
	for k, v := range own {
		scaled[k] = v / 0.1
	}
	pull := make([]float64, 5)
	teacher := teacherTargets(scaled)
	loss := klDistance(own, 1, teacher, 0.1, pull)
	entropy := 0.0
	for _, share := range teacher {
		entropy -= share * math.Log(share)
	}
	near(t, "loss", loss, entropy)
	for _, g := range pull {
		near(t, "pull", g, 0)
	}
}

// TestDistillationDoesNotDependOnWorkers compares bits.
func TestDistillationDoesNotDependOnWorkers(t *testing.T) {
	e, err := compute.New(compute.Options{Path: exactpath.Fastest, Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	parts := Matryoshka{Dims: []int{5, 7}, Weights: []float64{1, 1}}
	for _, d := range []Distillation{KLDiv, M3KD} {
		c := taught(2*tileRows+7, 4, d)
		want := parts.loss(c)
		c.each = e.Each
		if diff := cmp.Diff(want, parts.loss(c), cmp.AllowUnexported(contrastResult{}), cmp.Comparer(sameBits)); diff != "" {
			t.Errorf("%s (-in order +on workers):\n%s", d, diff)
		}
	}
}

// TestGuideMask takes scores of hand: a guide of two directions.
func TestGuideMask(t *testing.T) {
	at := func(cosine float64) []float32 {
		return []float32{float32(cosine), float32(math.Sqrt(1 - cosine*cosine))}
	}
	// Cosines with the query (1, 0).
	positive, above, equal, near, far := 0.5, 0.6, 0.5, 0.45, 0.1
	passages := [][]float32{at(positive), at(above), at(equal), at(near), at(far)}
	below := [][]float32{at(-0.5), at(-0.4), at(-0.5), at(-0.52), at(-0.9)}
	for _, tc := range []struct {
		name     string
		options  GuideOptions
		passages [][]float32
		want     []bool
	}{
		{"no guide", GuideOptions{}, passages, nil},
		{"margin 0 masks what is above the positive", GuideOptions{AbsoluteMargin, 0}, passages, []bool{false, true, false, false, false}},
		{"absolute", GuideOptions{AbsoluteMargin, 0.1}, passages, []bool{false, true, true, true, false}},
		{"relative", GuideOptions{RelativeMargin, 0.05}, passages, []bool{false, true, true, false, false}},
		{"relative to a positive below 0", GuideOptions{RelativeMargin, 0.1}, below, []bool{false, true, true, true, false}},
		{"a margin below 0 spares", GuideOptions{AbsoluteMargin, -0.2}, passages, []bool{false, false, false, false, false}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := Guide{
				Query:   func(int) []float32 { return []float32{1, 0} },
				Passage: func(p int32) []float32 { return tc.passages[p] },
			}
			mask := g.mask(tc.options, []row{{}}, []int32{0, 1, 2, 3, 4}, []int{0})
			if tc.want == nil {
				if mask != nil {
					t.Error("a mask without a guide")
				}
				return
			}
			for j, want := range tc.want {
				if got := mask(0, j); got != want {
					t.Errorf("column %d: masked %t, want %t", j, got, want)
				}
			}
		})
	}
}

// TestOnePartIsTheWholeVector compares a single part of full length with the loss of vectors of length 1.
func TestOnePartIsTheWholeVector(t *testing.T) {
	c := taught(4, 3, "")
	whole := Matryoshka{Dims: []int{7}, Weights: []float64{1}}
	got := whole.loss(c)
	c.queries, c.passages = new(partSpace).unitParts(c.queries, 7).vectors, new(partSpace).unitParts(c.passages, 7).vectors
	near(t, "loss", got.total, infoNCE(c).total)
}
