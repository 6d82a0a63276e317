package stats

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/draw"
)

var quick = Options{Level: 0.95, Resamples: 2000, Seed: 1}

func TestQuantile(t *testing.T) {
	sorted := []float64{1, 2, 4, 8}
	for _, tc := range []struct{ q, want float64 }{
		{0, 1}, {1, 8}, {0.5, 3}, // position 1.5: (2 + 4) / 2
		{0.25, 1.75}, // position 0.75: 1 + 0.75 * 1
		{0.9, 6.8},   // position 2.7: 4 + 0.7 * 4
	} {
		if got := quantile(sorted, tc.q); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("quantile %v is %v, want %v", tc.q, got, tc.want)
		}
	}
	if got := quantile([]float64{5}, 0.3); got != 5 {
		t.Errorf("of one value: %v", got)
	}
}

// meanInterval is the interval of one column.
func meanInterval(values []float64, groups []string, o Options) (Interval, error) {
	all, err := MeanIntervals([][]float64{values}, groups, o)
	if err != nil {
		return Interval{}, err
	}
	return all[0], nil
}

func TestMeanIntervalByHand(t *testing.T) {
	for _, tc := range []struct {
		name   string
		values []float64
		groups []string
		want   Interval
	}{
		{"all alike", []float64{0.5, 0.5, 0.5}, nil, Interval{0.5, 0.5, 0.5, 0.95, 3}},
		{"one value", []float64{2}, nil, Interval{2, 2, 2, 0.95, 1}},
		// Two values: a resample is (0,0), (0,1), (1,0) or (1,1), so the ends of 95 % are the extremes.
		{"two values", []float64{0, 1}, nil, Interval{0.5, 0, 1, 0.95, 2}},
		// One group holds everything: every resample is the whole.
		{"one group", []float64{0, 1, 5}, []string{"g", "g", "g"}, Interval{2, 2, 2, 0.95, 1}},
		// A group of three 1s and a lone 0: means of a resample are 1 (3/3 or 6/6), 0, or 3/4.
		{"group and lone value", []float64{1, 1, 0, 1}, []string{"g", "g", "", "g"}, Interval{0.75, 0, 1, 0.95, 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := meanInterval(tc.values, tc.groups, quick)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestMeanIntervalsAreThoseOfEachColumn: columns share draws, and are not mixed.
func TestMeanIntervalsAreThoseOfEachColumn(t *testing.T) {
	columns, groups := make([][]float64, 3), make([]string, 40)
	for c := range columns {
		for i := range groups {
			columns[c] = append(columns[c], float64((i*(c+3))%11)/7)
			groups[i] = fmt.Sprint(i / 3)
		}
	}
	got, err := MeanIntervals(columns, groups, quick)
	if err != nil {
		t.Fatal(err)
	}
	for c, values := range columns {
		want, err := meanInterval(values, groups, quick)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got[c]); diff != "" {
			t.Errorf("column %d, -alone +together:\n%s", c, diff)
		}
	}
	if _, err := MeanIntervals([][]float64{{1, 2}, {1}}, nil, quick); err == nil {
		t.Error("columns of different lengths are taken")
	}
}

// TestMeanIntervalIsNearlyNormal compares with the textbook interval, which a mean of 400 values follows.
func TestMeanIntervalIsNearlyNormal(t *testing.T) {
	values := uniform(400, "normal")
	got, err := meanInterval(values, nil, quick)
	if err != nil {
		t.Fatal(err)
	}
	mean, square := 0.0, 0.0
	for _, v := range values {
		mean += v / 400
		square += v * v / 400
	}
	half := 1.959964 * math.Sqrt((square-mean*mean)/400)
	// 2000 resamples fix the 2.5 % point of a normal to 0.06 standard deviations: 3 % of half the width; allow four times that.
	if math.Abs(got.Low-(mean-half)) > 0.12*half || math.Abs(got.High-(mean+half)) > 0.12*half {
		t.Errorf("got %v to %v, want about %v to %v", got.Low, got.High, mean-half, mean+half)
	}
}

// TestCoverage: over simulated samples, the interval holds the true mean as often as it says. Where groups share their
// value, only an interval that resamples groups does.
func TestCoverage(t *testing.T) {
	const trials, groups, size = 300, 40, 5
	o := Options{Level: 0.9, Resamples: 300}
	covered, coveredGrouped, coveredUngrouped := 0, 0, 0
	holds := func(values []float64, names []string) int {
		interval, err := meanInterval(values, names, o)
		if err != nil {
			t.Fatal(err)
		}
		if interval.Low <= 0.5 && 0.5 <= interval.High {
			return 1
		}
		return 0
	}
	for trial := range trials {
		o.Seed = uint64(trial)
		base := uniform(groups, fmt.Sprint("trial", trial))
		covered += holds(base, nil)
		var values []float64
		var names []string
		for g, v := range base {
			for range size {
				values, names = append(values, v), append(names, fmt.Sprint(g))
			}
		}
		coveredGrouped += holds(values, names)
		coveredUngrouped += holds(values, nil)
	}
	// 90 % of 300 is 270, standard deviation 5.2; the percentile bootstrap is a little short at 40 units.
	for name, n := range map[string]int{"values": covered, "groups": coveredGrouped} {
		if n < 250 || n > 288 {
			t.Errorf("%s: %d of %d intervals hold the mean, want about 270", name, n, trials)
		}
	}
	// Ignoring groups of 5 makes the interval sqrt(5) times too narrow: it covers about 54 %.
	if coveredUngrouped > 200 {
		t.Errorf("without groups %d of %d intervals hold the mean; the simulation shows nothing", coveredUngrouped, trials)
	}
}

// TestCoverageOfReciprocalRanks: values as measures have them, most of them 0, some 1, little between; rows of a question share how
// hard it is, and questions have one to five rows. The percentile bootstrap is short of its level there, which is what it may be
// short by.
func TestCoverageOfReciprocalRanks(t *testing.T) {
	const trials, questions = 300, 60
	found := []float64{0.1, 0.3, 0.8} // share of the rows of a question whose positive is ranked at all, by how hard it is
	// Of those that are found rank r has a share of 1/2, 1/4, 1/8 and so on, and the tenth what is left.
	var whenFound float64
	for r := 1; r <= 10; r++ {
		whenFound += math.Pow(2, -float64(min(r, 9))) / float64(r)
	}
	truth := (found[0] + found[1] + found[2]) / 3 * whenFound
	value := func(found, u float64) float64 {
		if u >= found {
			return 0
		}
		rank := 1 + int(-math.Log2(1-u/found)) // u/found is even between 0 and 1
		return 1 / float64(min(rank, 10))
	}
	o := Options{Level: 0.9, Resamples: 300}
	holds := func(values []float64, names []string) int {
		interval, err := meanInterval(values, names, o)
		if err != nil {
			t.Fatal(err)
		}
		if interval.Low <= truth && truth <= interval.High {
			return 1
		}
		return 0
	}
	single, grouped, ungrouped, zeros, all := 0, 0, 0, 0, 0
	for trial := range trials {
		o.Seed = uint64(trial)
		source := draw.New(1, "test", 0, 0, fmt.Sprint("reciprocal", trial))
		var alone, values []float64
		var names []string
		for question := range questions {
			hard := found[source.IntN(len(found))]
			alone = append(alone, value(hard, source.Float64()))
			same := source.Float64() // rows of a question are answered alike, but for one in three
			for range 1 + source.IntN(5) {
				u := same
				if source.IntN(3) == 0 {
					u = source.Float64()
				}
				values, names = append(values, value(hard, u)), append(names, fmt.Sprint(question))
			}
		}
		for _, v := range values {
			all++
			if v == 0 {
				zeros++
			}
		}
		single += holds(alone, nil)
		grouped += holds(values, names)
		ungrouped += holds(values, nil)
	}
	if share := float64(zeros) / float64(all); share < 0.55 || share > 0.65 { // 1 - 0.4
		t.Fatalf("%.2f of the values are 0: the simulation is not what it says", share)
	}
	// 270 are expected of 300, with a standard deviation of 5.2.
	for name, n := range map[string]int{"values": single, "groups": grouped} {
		if n < 250 || n > 288 {
			t.Errorf("%s: %d of %d intervals hold the mean, want about 270", name, n, trials)
		}
	}
	if ungrouped > 245 {
		t.Errorf("without groups %d of %d intervals hold the mean; the simulation shows nothing", ungrouped, trials)
	}
	t.Logf("of %d: values %d, groups %d, groups passed over %d", trials, single, grouped, ungrouped)
}

func TestCompareByHand(t *testing.T) {
	for _, tc := range []struct {
		name          string
		first, second []float64
		groups        []string
		mean          float64
		randomisation float64
		sign          float64
		counts        [3]int // better, worse, equal
	}{
		// Differences 1, 2, 3: only the patterns +++ and --- reach 6: 2 of 8. Sign: 2 * (1/2)^3.
		{"all better", []float64{0, 0, 0}, []float64{1, 2, 3}, nil, 2, 0.25, 0.25, [3]int{3, 0, 0}},
		// Differences 1, -2, 3 sum to 2. Sums of all patterns: ±6, ±4 (-1+2+3), ±2, ±0: 1+2+3=6, -1+2+3=4, 1-2+3=2, 1+2-3=0: 6 of 8 reach 2.
		{"mixed", []float64{0, 2, 0}, []float64{1, 0, 3}, nil, 2.0 / 3, 0.75, 1, [3]int{2, 1, 0}},
		{"equal", []float64{1, 2}, []float64{1, 2}, nil, 0, 1, 1, [3]int{0, 0, 2}},
		// Groups a (1 + 1) and b (-1): units 2 and -1. |sum| = 1; patterns: 3, 1, -1, -3: all reach 1.
		{"groups", []float64{0, 1, 0}, []float64{1, 0, 1}, []string{"a", "b", "a"}, 1.0 / 3, 1, 1, [3]int{1, 1, 0}},
		// One better group: both patterns reach it.
		{"one group", []float64{0, 0}, []float64{1, 1}, []string{"a", "a"}, 1, 1, 1, [3]int{1, 0, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Compare(tc.first, tc.second, tc.groups, quick)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got.Difference.Mean-tc.mean) > 1e-12 || got.Randomisation != tc.randomisation || math.Abs(got.Sign-tc.sign) > 1e-12 || !got.Exact {
				t.Errorf("got %+v", got)
			}
			if counts := [3]int{got.Better, got.Worse, got.Equal}; counts != tc.counts {
				t.Errorf("better, worse, equal: got %v, want %v", counts, tc.counts)
			}
		})
	}
}

func TestSignTest(t *testing.T) {
	for _, tc := range []struct {
		better, worse int
		want          float64
	}{
		{10, 0, 2.0 / 1024},
		{8, 2, 2 * (1 + 10 + 45) / 1024.0},
		{2, 8, 2 * (1 + 10 + 45) / 1024.0},
		{5, 5, 1},
		{0, 0, 1},
		{600, 400, 2.728464156065947e-10}, // scipy.stats.binomtest(400, 1000).pvalue
	} {
		got := signTest(tc.better, tc.worse)
		if math.Abs(got-tc.want) > 1e-9*tc.want {
			t.Errorf("%d to %d: got %v, want %v", tc.better, tc.worse, got, tc.want)
		}
	}
}

// TestRandomisationSampled: the sampled test agrees with the exact one, and is calibrated under no difference.
func TestRandomisationSampled(t *testing.T) {
	values := uniform(12, "shift")
	for i := range values {
		values[i] -= 0.3
	}
	all, err := gather(values, nil, quick)
	if err != nil {
		t.Fatal(err)
	}
	exact, sampled := all.exchangeAll(all.slack()), all.exchangeSome(all.slack(), quick)
	// 2000 samples: the standard deviation of a share is at most 0.011.
	if math.Abs(exact-sampled) > 0.045 {
		t.Errorf("exact %v, sampled %v", exact, sampled)
	}
	small, trials := 0, 200
	for trial := range trials {
		c, err := Compare(uniform(30, fmt.Sprint("a", trial)), uniform(30, fmt.Sprint("b", trial)), nil, Options{Level: 0.95, Resamples: 199, Seed: uint64(trial)})
		if err != nil {
			t.Fatal(err)
		}
		if c.Exact {
			t.Fatal("30 units were gone through one by one")
		}
		if c.Randomisation <= 0.1 {
			small++
		}
	}
	// 10 % of 200 is 20, standard deviation 4.2.
	if small < 4 || small > 36 {
		t.Errorf("p <= 0.1 in %d of %d trials without a difference, want about 20", small, trials)
	}
}

// TestErrorRatesOfGroups: where nothing differs and rows of a group move together, every test finds a difference as often
// as its level says, and the interval of the difference leaves 0 out that often. A t test that ignores groups does not.
func TestErrorRatesOfGroups(t *testing.T) {
	const trials, groups, size, level = 200, 30, 3, 0.1
	o := Options{Level: 1 - level, Resamples: 199}
	found := map[string]int{}
	for trial := range trials {
		o.Seed = uint64(trial)
		a, b, noise := uniform(groups, fmt.Sprint("first", trial)), uniform(groups, fmt.Sprint("second", trial)), uniform(groups*size, fmt.Sprint("noise", trial))
		var first, second []float64
		var names []string
		for i, n := range noise {
			g := i / size
			first, second, names = append(first, a[g]), append(second, b[g]+0.2*(n-0.5)), append(names, fmt.Sprint(g))
		}
		c, err := Compare(first, second, names, o)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := Compare(first, second, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		for name, yes := range map[string]bool{
			"randomisation": c.Randomisation <= level, "t": c.Student <= level, "sign": c.Sign <= level,
			"interval": c.Difference.Low > 0 || c.Difference.High < 0, "t without groups": alone.Student <= level,
		} {
			if yes {
				found[name]++
			}
		}
	}
	// 10 % of 200 is 20, standard deviation 4.2. At 30 units the bootstrap is a little short, and the sign test's steps are coarse.
	// Three rows that move together look like three times the evidence: about 34 % of tests that ignore it.
	for name, bounds := range map[string][2]int{"randomisation": {7, 34}, "t": {7, 34}, "sign": {2, 34}, "interval": {7, 40}, "t without groups": {45, 100}} {
		if n := found[name]; n < bounds[0] || n > bounds[1] {
			t.Errorf("%s: %d of %d trials without a difference find one, want %v", name, n, trials, bounds)
		}
	}
}

func TestResultsAreKeyed(t *testing.T) {
	a, b := uniform(50, "a"), uniform(50, "b")
	first, err := Compare(a, b, nil, quick)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := Compare(a, b, nil, quick)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the same seed gives another result:\n%s", diff)
	}
	other := quick
	other.Seed++
	if changed, _ := Compare(a, b, nil, other); changed.Difference.Low == first.Difference.Low {
		t.Error("another seed gives the same interval")
	}
	mirrored, _ := Compare(b, a, nil, quick)
	if mirrored.Randomisation != first.Randomisation || mirrored.Sign != first.Sign || mirrored.Difference.Mean != -first.Difference.Mean {
		t.Errorf("exchanging the two: %+v against %+v", mirrored, first)
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		name   string
		values []float64
		groups []string
		o      Options
		want   string
	}{
		{"nothing", nil, nil, quick, "no values"},
		{"NaN", []float64{1, math.NaN()}, nil, quick, "value 1 is NaN"},
		{"groups of others", []float64{1, 2}, []string{"a"}, quick, "2 values, but groups of 1"},
		{"level", []float64{1}, nil, Options{Level: 95, Resamples: 1}, "level 95"},
		{"resamples", []float64{1}, nil, Options{Level: 0.5}, "0 resamples"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := meanInterval(tc.values, tc.groups, tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v does not contain %q", err, tc.want)
			}
			if _, err := Compare(tc.values, tc.values, tc.groups, tc.o); err == nil {
				t.Error("Compare accepts it")
			}
		})
	}
	if _, err := Compare([]float64{1}, nil, nil, quick); err == nil || !strings.Contains(err.Error(), "the same queries") {
		t.Errorf("unpaired: %v", err)
	}
}

// uniform draws numbers in [0, 1), whose mean is 1/2.
func uniform(n int, key string) []float64 {
	source := draw.New(7, "test", 0, 0, key)
	values := make([]float64, n)
	for i := range values {
		values[i] = source.Float64()
	}
	return values
}
