package stats

import (
	"fmt"
	"math"
	"strconv"
	"testing"
)

// TestFalseDiscoveryRate: of twenty tests half are of a difference. Benjamini and Hochberg's correction promises that of what it
// finds at q the share without one is, in the mean, q times the half; taken as they are the p values find more than that, and
// Holm's correction finds less of what is there.
func TestFalseDiscoveryRate(t *testing.T) {
	const families, tests, real, n, q = 250, 20, 10, 20, 0.2
	share := map[string]float64{}
	found := map[string]int{}
	for family := range families {
		p := make([]float64, tests)
		for i := range p {
			first, second := uniform(n, fmt.Sprint("first", family, "/", i)), uniform(n, fmt.Sprint("second", family, "/", i))
			for j := range second {
				if i < real {
					second[j] += 0.25
				}
			}
			c, err := Compare(first, second, nil, Options{Level: 0.9, Resamples: 1, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			p[i] = c.Student
		}
		holm, err := Holm.Adjust(p)
		if err != nil {
			t.Fatal(err)
		}
		bh, err := BenjaminiHochberg.Adjust(p)
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range map[string][]float64{"as they are": p, "holm": holm, "bh": bh} {
			right, wrong := 0, 0
			for i, v := range values {
				switch {
				case v > q:
				case i < real:
					right++
				default:
					wrong++
				}
			}
			found[name] += right
			share[name] += float64(wrong) / float64(max(1, right+wrong)) / families
		}
	}
	// 0.2 x 10/20 is 0.1; a family's share has a standard deviation of about 0.09, the mean of 250 one of 0.006.
	if math.Abs(share["bh"]-0.1) > 0.024 {
		t.Errorf("of what Benjamini and Hochberg find a share of %.3f is not there, want about 0.1", share["bh"])
	}
	if share["as they are"] < 0.13 || share["holm"] > 0.05 {
		t.Errorf("the simulation shows nothing: shares %v", share)
	}
	if found["bh"] <= found["holm"] || found["bh"] > found["as they are"] {
		t.Errorf("differences found: %v", found)
	}
	t.Logf("shares %v, found of %d: %v", share, families*real, found)
}

// TestErrorRatesOfExactRandomisation: up to sixteen units all patterns are gone through, and without a difference every p value
// that can come up is as frequent as it says: that of ten units is a multiple of 2/1024, and below 0.1 in 51 of 512 cases.
func TestErrorRatesOfExactRandomisation(t *testing.T) {
	for _, tc := range []struct {
		name         string
		units, rows  int // rows of a unit
		trials       int
		level        float64
		fewest, most int
		expected     string
	}{
		{"ten", 10, 1, 600, 0.1, 35, 85, "59.8, standard deviation 7.3"},
		{"ten, at 0.05", 10, 1, 600, 0.05, 12, 47, "29.3, standard deviation 5.3"},
		{"ten groups of three rows", 10, 3, 600, 0.1, 35, 85, "59.8, standard deviation 7.3"},
		{"sixteen", 16, 1, 30, 0.5, 6, 24, "15, standard deviation 2.7"},
		{"four, of which none can be below 2/16", 4, 1, 600, 0.1, 0, 0, "none"},
		{"four, at 2/16", 4, 1, 600, 0.125, 45, 105, "75, standard deviation 8.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			small := 0
			for trial := range tc.trials {
				a, b, noise := uniform(tc.units, fmt.Sprint("exact a", trial)), uniform(tc.units, fmt.Sprint("exact b", trial)), uniform(tc.units*tc.rows, fmt.Sprint("exact noise", trial))
				var first, second []float64
				var names []string
				for i, n := range noise {
					g := i / tc.rows // rows of a unit move together
					first, second, names = append(first, a[g]), append(second, b[g]+0.2*(n-0.5)), append(names, strconv.Itoa(g))
				}
				c, err := Compare(first, second, names, Options{Level: 0.95, Resamples: 1, Seed: 1})
				if err != nil {
					t.Fatal(err)
				}
				if !c.Exact {
					t.Fatalf("%d units were drawn", tc.units)
				}
				if c.Randomisation <= tc.level {
					small++
				}
			}
			if small < tc.fewest || small > tc.most {
				t.Errorf("p <= %v in %d of %d trials without a difference, want about %s", tc.level, small, tc.trials, tc.expected)
			}
			t.Logf("%d of %d, expected %s", small, tc.trials, tc.expected)
		})
	}
}

// TestCoverageAtTheDefaultLevel: intervals of 95 %, which is what is printed where nobody asks for another, with and without groups.
func TestCoverageAtTheDefaultLevel(t *testing.T) {
	const trials, groups = 300, 40
	o := Options{Level: DefaultOptions().Level, Resamples: 400}
	if o.Level != 0.95 {
		t.Fatalf("the default level is %v", o.Level)
	}
	covered := map[string]int{}
	for trial := range trials {
		o.Seed = uint64(trial)
		base, noise := uniform(groups, fmt.Sprint("at 95", trial)), uniform(3*groups, fmt.Sprint("noise at 95", trial))
		var values []float64
		var names []string
		for g, v := range base {
			for i := range 1 + g%3 { // one to three rows
				values, names = append(values, v+noise[3*g+i]-0.5), append(names, strconv.Itoa(g))
			}
		}
		for name, of := range map[string]struct {
			values []float64
			names  []string
		}{"values": {base, nil}, "groups": {values, names}} {
			interval, err := meanInterval(of.values, of.names, o)
			if err != nil {
				t.Fatal(err)
			}
			if interval.Low <= 0.5 && 0.5 <= interval.High {
				covered[name]++
			}
		}
	}
	// 95 % of 300 is 285, standard deviation 3.8; at 40 units the percentile bootstrap is a point or two short.
	for name, n := range covered {
		if n < 267 || n > 297 {
			t.Errorf("%s: %d of %d intervals hold the mean, want about 282", name, n, trials)
		}
	}
	t.Logf("of %d: %v", trials, covered)
}
