package finetune

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/quarry-ml/quarry/compute"
)

func readFixture(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// TestInfoNCEAgainstTorch compares losses and gradients with torch in float64; see parity/infonce_fixture.py.
func TestInfoNCEAgainstTorch(t *testing.T) {
	var fixture struct {
		Cases []struct {
			Name, Directions    string
			Group               int
			Temperature         float64
			Masked              [][2]int
			Queries, Passages   [][]float32
			Loss                float64
			RowLosses           []float64   `json:"row_losses"`
			QueryGradients      [][]float64 `json:"query_gradients"`
			PassageGradients    [][]float64 `json:"passage_gradients"`
			TemperatureGradient float64     `json:"temperature_gradient"`
		}
	}
	readFixture(t, "infonce.json", &fixture)
	for _, tc := range fixture.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			masked := map[[2]int]bool{}
			for _, pair := range tc.Masked {
				masked[pair] = true
			}
			c := contrast{dim: 4, queries: tc.Queries, passages: tc.Passages, temperature: tc.Temperature, both: tc.Directions == "both", each: inOrder}
			c.masked = func(i, j int) bool { return masked[[2]int{i, j}] }
			for i := range tc.Queries {
				c.targets = append(c.targets, i*tc.Group)
			}
			got := infoNCE(c)
			n := float64(len(tc.Queries))
			near(t, "loss", got.total/n, tc.Loss)
			near(t, "temperature gradient", got.temperature/n, tc.TemperatureGradient)
			for i, want := range tc.RowLosses {
				near(t, "row loss", got.rows[i], want)
			}
			for i := range tc.QueryGradients {
				for k, want := range tc.QueryGradients[i] {
					near(t, "query gradient", got.queries[i][k]/n, want)
				}
			}
			for i := range tc.PassageGradients {
				for k, want := range tc.PassageGradients[i] {
					near(t, "passage gradient", got.passages[i][k]/n, want)
				}
			}
			if got.masked != len(tc.Masked) {
				t.Errorf("%d pairs masked, want %d", got.masked, len(tc.Masked))
			}
		})
	}
}

// near allows for another order of summation in float64.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	within(t, what, got, want, 1e-9)
}

func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance*(1+math.Abs(want)) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestScheduleAgainstTransformers(t *testing.T) {
	var fixture struct {
		Schedules []struct {
			Kind                  Schedule
			Total, Warmup, Stride int
			Rate                  float64
			Rates                 []float64
		}
	}
	readFixture(t, "adamw.json", &fixture)
	for _, tc := range fixture.Schedules {
		for i, want := range tc.Rates {
			step := i * tc.Stride
			if got := tc.Kind.Rate(tc.Rate, step, tc.Warmup, tc.Total); math.Abs(got-want) > 1e-15+1e-12*want {
				t.Errorf("%s: total %d, warm-up %d, step %d: got %v, want %v", tc.Kind, tc.Total, tc.Warmup, step, got, want)
			}
		}
	}
}

// TestStepsOfTheReference counts the reference pipeline's steps: 3,506 queries, 16 a step, 5 epochs, the last batch dropped.
func TestStepsOfTheReference(t *testing.T) {
	o := Options{Batch: 16, DropLast: true, Epochs: 5}
	if got := o.Epochs * o.StepsPerEpoch(3506); got != 1095 {
		t.Errorf("got %d steps, want 1095", got)
	}
	for _, tc := range []struct {
		schedule Schedule
		want     int
	}{{Linear, 110}, {ConstantWithWarmup, 110}, {Constant, 0}} {
		if got := (Options{Schedule: tc.schedule, WarmupRatio: 0.1}).Warmup(1095); got != tc.want {
			t.Errorf("%s: got %d warm-up steps, want %d", tc.schedule, got, tc.want)
		}
	}
}

// TestWarmupSteps go before the ratio, as in transformers; more than there are of steps end the training on the way up.
func TestWarmupSteps(t *testing.T) {
	o := Options{Schedule: Linear, WarmupRatio: 0.1, WarmupSteps: 40}
	if got := o.Warmup(1095); got != 40 {
		t.Errorf("got %d steps, want 40", got)
	}
	if got := o.Warmup(10); got != 40 || o.Schedule.Rate(1, 9, got, 10) != 9.0/40 {
		t.Errorf("of 10 steps %d, the last at the rate %v", got, o.Schedule.Rate(1, 9, got, 10))
	}
	if o.Schedule = Constant; o.Warmup(1095) != 0 {
		t.Error("a constant rate rises")
	}
	o = DefaultOptions()
	if o.WarmupSteps = -1; o.Validate() == nil {
		t.Error("-1 steps are taken")
	}
}

// TestAdamWAgainstTorch replays 50 steps on given gradients with clipping; see parity/adamw_fixture.py.
func TestAdamWAgainstTorch(t *testing.T) {
	type tensors map[string][]float64
	var fixture struct {
		Optimizer []struct {
			Name          string
			Betas         [2]float64
			Eps           float64
			Decay, Clip   float64
			Decayed       []string
			Initial       tensors
			Gradients     []tensors
			Rates, Norms  []float64
			FirstMoments  tensors `json:"first_moments"`
			SecondMoments tensors `json:"second_moments"`
			After         []struct {
				Step       int
				Parameters tensors
			}
		}
	}
	readFixture(t, "adamw.json", &fixture)
	for _, tc := range fixture.Optimizer {
		t.Run(tc.Name, func(t *testing.T) {
			e, err := compute.New(compute.Options{Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			o := Options{Beta1: tc.Betas[0], Beta2: tc.Betas[1], Epsilon: tc.Eps, WeightDecay: tc.Decay, Clip: tc.Clip}
			var parameters []*parameter
			for _, name := range []string{"dense.weight", "dense.bias", "norm.weight"} {
				w, err := compute.NewWeight(name, 1, len(tc.Initial[name]), floats(tc.Initial[name]))
				if err != nil {
					t.Fatal(err)
				}
				w.Gradient = make([]float32, len(w.Values))
				parameters = append(parameters, newParameter(w, name == "dense.weight"))
			}
			after := map[int]tensors{}
			for _, a := range tc.After {
				after[a.Step] = a.Parameters
			}
			for step, gradients := range tc.Gradients {
				for _, p := range parameters {
					copy(p.Gradient, floats(gradients[p.Name]))
				}
				norm := newGradients(e, parameters).norm(0)
				if math.Abs(norm-tc.Norms[step]) > 1e-5*tc.Norms[step] {
					t.Fatalf("step %d: norm %v, want %v", step, norm, tc.Norms[step])
				}
				clip := clipFactor(norm, o.Clip)
				var updates []compute.Update
				for _, p := range parameters {
					s := o.adam(tc.Rates[step], clip, step+1, p.decays)
					updates = append(updates, compute.Update{Weight: p.Weight, First: p.first, Second: p.second, Step: &s})
				}
				e.AdamW(updates)
				for _, p := range parameters {
					compare(t, p.Name, p.Values, after[step+1][p.Name])
				}
			}
			for _, p := range parameters {
				compare(t, p.Name+" first moment", p.first, tc.FirstMoments[p.Name])
				compare(t, p.Name+" second moment", p.second, tc.SecondMoments[p.Name])
			}
		})
	}
}

func floats(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// compare allows for float32 rounding over 50 steps; no expectation means nothing was recorded at that step.
func compare(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	for i := range want {
		if math.Abs(float64(got[i])-want[i]) > 2e-6*(1+math.Abs(want[i])) {
			t.Fatalf("%s[%d]: got %v, want %v", what, i, got[i], want[i])
		}
	}
}
