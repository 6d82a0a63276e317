package stats

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// TestAgainstScipyAndStatsmodels compares with parity/stats_fixture.py's values. The tolerance covers the order of sums and
// the series behind the incomplete beta function.
func TestAgainstScipyAndStatsmodels(t *testing.T) {
	text, err := os.ReadFile("testdata/tests.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct {
		Cases []struct {
			Name          string
			First, Second []float64
			Groups        []string
			T             float64
			Sign          *float64
			Better, Worse int
			Randomisation *float64
		}
		Corrections []struct{ P, Holm, BH []float64 }
	}
	if err := json.Unmarshal(text, &fixture); err != nil {
		t.Fatal(err)
	}
	near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-9*math.Max(1, want) }
	for _, tc := range fixture.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			c, err := Compare(tc.First, tc.Second, tc.Groups, quick)
			if err != nil {
				t.Fatal(err)
			}
			if !near(c.Student, tc.T) {
				t.Errorf("t test: %v, want %v", c.Student, tc.T)
			}
			if tc.Sign != nil && (!near(c.Sign, *tc.Sign) || c.Better != tc.Better || c.Worse != tc.Worse) {
				t.Errorf("sign test: %v of %d and %d, want %v of %d and %d", c.Sign, c.Better, c.Worse, *tc.Sign, tc.Better, tc.Worse)
			}
			if tc.Randomisation != nil && (!near(c.Randomisation, *tc.Randomisation) || !c.Exact) {
				t.Errorf("randomisation: %v, want %v", c.Randomisation, *tc.Randomisation)
			}
		})
	}
	for _, tc := range fixture.Corrections {
		for correction, want := range map[Correction][]float64{Holm: tc.Holm, BenjaminiHochberg: tc.BH} {
			got, err := correction.Adjust(tc.P)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if !near(got[i], want[i]) {
					t.Errorf("%s of %v: %v, want %v", correction, tc.P, got, want)
					break
				}
			}
		}
	}
	if len(fixture.Cases) < 6 || len(fixture.Corrections) < 5 {
		t.Error("the fixture is cut short")
	}
}

func TestStudentWithoutSpread(t *testing.T) {
	for _, tc := range []struct {
		name          string
		first, second []float64
		want          float64
	}{
		{"equal", []float64{0.1, 0.2}, []float64{0.1, 0.2}, 1},
		{"all better alike", []float64{0.1, 0.2, 0.7}, []float64{0.3, 0.4, 0.9}, 0},
		{"one unit", []float64{0.1}, []float64{0.9}, 1},
	} {
		c, err := Compare(tc.first, tc.second, nil, quick)
		if err != nil || c.Student != tc.want {
			t.Errorf("%s: %v, %v; want %v", tc.name, c.Student, err, tc.want)
		}
	}
}

func TestAdjustErrors(t *testing.T) {
	for _, tc := range []struct {
		correction Correction
		p          []float64
		want       string
	}{
		{Holm, []float64{0.5, math.NaN()}, "p value 1 is NaN"},
		{BenjaminiHochberg, []float64{-0.1}, "p value 0 is -0.1"},
		{"bonferroni", []float64{0.5}, "use holm or bh"},
	} {
		if _, err := tc.correction.Adjust(tc.p); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
	if got, err := Holm.Adjust(nil); err != nil || len(got) != 0 {
		t.Errorf("of no test: %v, %v", got, err)
	}
}

// TestErrorRates: without a difference, every test says "below 0.1" about a tenth of the time; so it is that the
// corrections find nothing among twenty such tests nine times of ten.
func TestErrorRates(t *testing.T) {
	const trials, n = 200, 30
	o := Options{Level: 0.9, Resamples: 200}
	hits := map[string]int{}
	var all []float64
	for trial := range trials {
		o.Seed = uint64(trial)
		first, second := uniform(n, fmt.Sprint("first", trial)), uniform(n, fmt.Sprint("second", trial))
		c, err := Compare(first, second, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c.Student)
		for name, p := range map[string]float64{"randomisation": c.Randomisation, "t": c.Student, "sign": c.Sign} {
			if p <= 0.1 {
				hits[name]++
			}
		}
	}
	// 10 % of 200 is 20, standard deviation 4.2. The sign test's steps are coarse: its level at 30 is 4.3 % to 10 %.
	for name, bounds := range map[string][2]int{"randomisation": {8, 33}, "t": {8, 33}, "sign": {2, 33}} {
		if n := hits[name]; n < bounds[0] || n > bounds[1] {
			t.Errorf("%s: %d of %d tests below 0.1 without a difference, want %v", name, n, trials, bounds)
		}
	}
	false20 := 0
	for i := 0; i < trials; i += 20 {
		adjusted, err := Holm.Adjust(all[i : i+20])
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range adjusted {
			if p <= 0.1 {
				false20++
				break
			}
		}
	}
	// 10 families at 10 %: more than 4 happens once in 600.
	if false20 > 4 {
		t.Errorf("Holm finds something in %d of %d families without a difference", false20, trials/20)
	}
}
