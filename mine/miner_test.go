package mine

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/ranking"
)

// everything are options that ask for every rule, of each kind one that drops something.
func everything() Options {
	o := DefaultOptions()
	o.Window = Window{2, 120}
	o.NearText, o.SameGroup = number(0.97), Never
	o.Margin, o.ShareOfPositive, o.MinScore = number(-0.6), number(3), number(-0.5)
	o.Quotas = []Quota{{Window{2, 40}, 4}, {Window{40, 120}, 4}}
	o.Kept, o.Random, o.Given = 0.2, 0.2, Keep
	return o
}

func drawnQuery(key string) Query {
	c, excluded := drawn(key)
	source := draw.New(9, "test", 1, 0, key)
	q := Query{Candidates: c, Excluded: excluded, Text: "asked"}
	for _, p := range source.Sample(400, 8) {
		q.Given, q.Last = append(q.Given, int32(p)), append(q.Last, int32((p+7)%400))
	}
	q.Given = q.Given[:3]
	return q
}

// TestEveryRuleHolds: whatever the source of a negative, no rule that concerns it is broken.
func TestEveryRuleHolds(t *testing.T) {
	o := everything()
	corpus := numbered()
	from := map[Origin]int{}
	for i := range 200 {
		q := drawnQuery(fmt.Sprint(i))
		results, err := mineAll(0, o, q)
		if err != nil {
			t.Fatal(err)
		}
		r := results[0]
		lowest, groups := math.Inf(1), map[string]bool{}
		for _, p := range q.Positives {
			lowest = min(lowest, float64(p.Score))
			groups[corpus.Passages[p.Passage].Group] = true
		}
		seen := map[int32]bool{}
		for j, n := range r.Negatives {
			from[n.From]++
			name := fmt.Sprintf("query %d, negative %d (%+v)", i, j, n)
			if seen[n.Passage] || slices.Contains(q.Excluded, n.Passage) || slices.ContainsFunc(q.Positives, func(p ranking.Positive) bool { return p.Passage == n.Passage }) {
				t.Errorf("%s: a positive, excluded or twice", name)
			}
			seen[n.Passage] = true
			if n.Rank >= 0 && (q.Hits[n.Rank].Passage != n.Passage || q.Hits[n.Rank].Score != n.Score) {
				t.Errorf("%s: another rank or score than the candidates'", name)
			}
			if n.From == FromGiven {
				continue
			}
			if groups[corpus.Passages[n.Passage].Group] {
				t.Errorf("%s: the group of a positive", name)
			}
			if n.Rank >= 0 && (float64(n.Score) > lowest+0.6 || float64(n.Score) < -0.5) {
				t.Errorf("%s: a score beyond a limit, with the positive at %v", name, lowest)
			}
			if n.From == Mined && !o.Window.Contains(int(n.Rank)) {
				t.Errorf("%s: outside the window", name)
			}
		}
		d := r.Dropped
		if sum := d.Window + d.Positive + d.Excluded + d.NearText + d.SameGroup + d.Margin + d.ShareOfPositive + d.MinScore + d.Hub; sum+r.Eligible != len(q.Hits) {
			t.Errorf("query %d: %d dropped and %d eligible of %d hits", i, sum, r.Eligible, len(q.Hits))
		}
	}
	for _, origin := range []Origin{Mined, FromLast, FromRandom, FromGiven} {
		if from[origin] == 0 {
			t.Errorf("no negative is %s: the test shows nothing of those", origin)
		}
	}
}

// optionCase is a set of options for the properties that hold of all of them: every key of Options is in some case
// (TestEveryOptionHasACase).
type optionCase struct {
	name   string
	change func(o *Options)
}

// optionCases are the options, each beside the rest of the defaults, that drop or choose something of drawnQuery's queries.
func optionCases() []optionCase {
	return []optionCase{
		{"everything", func(o *Options) { *o = everything() }},
		{"window", func(o *Options) { o.Window = Window{5, 60} }},
		{"survivors", func(o *Options) { o.Survivors, o.Window, o.Margin = true, Window{3, 40}, number(0) }},
		{"negatives", func(o *Options) { o.Negatives = 4 }},
		{"seed", func(o *Options) { o.Seed = 7 }},
		{"top", func(o *Options) { o.Sampling = Top }},
		{"by rank", func(o *Options) { o.Sampling = ByRank }},
		{"by score", func(o *Options) { o.Sampling, o.SamplingTemperature = ByScore, 0.1 }},
		{"lowest score", func(o *Options) { o.MinScore = number(0.5) }},
		{"highest score", func(o *Options) { o.MaxScore = number(0.6) }},
		{"margin", func(o *Options) { o.Margin = number(-0.2) }},
		{"relative margin", func(o *Options) { o.RelativeMargin = number(0.1) }},
		{"share of positive", func(o *Options) { o.ShareOfPositive = number(1.2) }},
		{"teacher", func(o *Options) { o.TeacherMargin = number(0.1) }},
		{"each", func(o *Options) { o.Reference, o.Margin = Each, number(0.1) }},
		{"each by a teacher", func(o *Options) { o.Reference, o.TeacherMargin = Each, number(0) }},
		{"near text", func(o *Options) { o.NearText = number(0.9) }},
		{"never the same group", func(o *Options) { o.SameGroup = Never }},
		{"only the same group", func(o *Options) { o.SameGroup = Only }},
		{"quotas", func(o *Options) { o.Quotas = []Quota{{Window{2, 40}, 6}, {Window{40, 120}, 3}} }},
		{"kept", func(o *Options) { o.Kept = 0.3 }},
		{"random", func(o *Options) { o.Random = 0.3 }},
		{"given", func(o *Options) { o.Given = Keep }},
		{"verdicts", func(o *Options) { o.Verdicts = true }},
	}
}

// globalPasses are the options whose rules see all queries together: what they choose depends on the others by their nature.
var globalPasses = []string{"HubLimit"}

func (c optionCase) options() Options {
	o := DefaultOptions()
	c.change(&o)
	return o
}

// queryFor is drawnQuery's with what the options ask a query for besides.
func queryFor(o Options, key string) Query {
	q := drawnQuery(key)
	source := draw.New(9, "test", 2, 0, key)
	if o.Verdicts {
		for _, at := range source.Sample(100, 40) {
			q.Struck = append(q.Struck, q.Hits[at].Passage)
		}
		slices.Sort(q.Struck)
	}
	if o.TeacherMargin != nil {
		q.Teacher = map[int32]float32{}
		for p := range int32(400) {
			q.Teacher[p] = float32(source.IntN(100)) / 100
		}
	}
	return q
}

// TestEveryOptionHasACase: the properties of all options are tested of an option that is new, too.
func TestEveryOptionHasACase(t *testing.T) {
	standard := reflect.ValueOf(DefaultOptions())
	for i := range standard.NumField() {
		name := standard.Type().Field(i).Name
		changed := slices.Contains(globalPasses, name)
		for _, tc := range optionCases() {
			changed = changed || !reflect.DeepEqual(standard.Field(i).Interface(), reflect.ValueOf(tc.options()).Field(i).Interface())
		}
		if !changed {
			t.Errorf("no case of optionCases has another %s than the defaults", name)
		}
	}
}

// TestOtherQueriesChangeNothing: neither their number nor their order, whatever the options, the global pass apart.
func TestOtherQueriesChangeNothing(t *testing.T) {
	const asked = 6
	var standard [][]Result
	for i := range asked {
		usual, err := mineAll(0, DefaultOptions(), drawnQuery(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		standard = append(standard, usual)
	}
	for _, tc := range optionCases() {
		t.Run(tc.name, func(t *testing.T) {
			o := tc.options()
			var queries []Query
			var want [][]Result
			for i := range asked {
				queries = append(queries, queryFor(o, fmt.Sprint(i)))
				alone, err := mineAll(0, o, queries[i])
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, alone)
			}
			if slices.EqualFunc(standard, want, func(a, b []Result) bool { return cmp.Equal(a, b, cmpopts.EquateNaNs()) }) {
				t.Error("the option changes nothing of these queries: the test shows nothing of it")
			}
			together, err := mineAll(0, o, queries...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(slices.Concat(want...), together); diff != "" {
				t.Errorf("mined together, -alone +together:\n%s", diff)
			}
			slices.Reverse(queries)
			slices.Reverse(want)
			backwards, err := mineAll(0, o, queries...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(slices.Concat(want...), backwards); diff != "" {
				t.Errorf("mined backwards, -alone +backwards:\n%s", diff)
			}
		})
	}
}

// TestHubLimit: no passage exceeds it, the order of queries does not matter, and without need it changes nothing.
func TestHubLimit(t *testing.T) {
	o := Options{Window: Window{0, 100}, Negatives: 10, Sampling: ByRank}
	var queries []Query
	for i := range 60 {
		q := drawnQuery("same ranking for all")
		q.Query = fmt.Sprint(i)
		queries = append(queries, q)
	}
	uses := func(results []Result) int {
		count, most := map[int32]int{}, 0
		for _, r := range results {
			for _, n := range r.Negatives {
				count[n.Passage]++
				most = max(most, count[n.Passage])
			}
		}
		return most
	}
	free, err := mineAll(0, o, queries...)
	if err != nil {
		t.Fatal(err)
	}
	if uses(free) <= 12 {
		t.Fatalf("the most used passage is a negative of %d queries: no hub to limit", uses(free))
	}
	o.HubLimit = 12
	limited, err := mineAll(0, o, queries...)
	if err != nil {
		t.Fatal(err)
	}
	if uses(limited) != 12 {
		t.Errorf("the most used passage is a negative of %d queries, want 12", uses(limited))
	}
	hubs := 0
	for i, r := range limited {
		hubs += r.Dropped.Hub
		if r.Key != queries[i].Query {
			t.Errorf("result %d is of query %s: not in the order of the queries", i, r.Key)
		}
	}
	if hubs == 0 {
		t.Error("no candidate is counted as dropped by the limit")
	}
	slices.Reverse(queries)
	backwards, err := mineAll(0, o, queries...)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(backwards)
	if diff := cmp.Diff(limited, backwards); diff != "" {
		t.Errorf("queries backwards, -want +got:\n%s", diff)
	}
	o.HubLimit = 60
	loose, err := mineAll(0, o, queries...)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(loose)
	if diff := cmp.Diff(free, loose); diff != "" {
		t.Errorf("a limit that nothing reaches, -without +with:\n%s", diff)
	}
}

func TestShareOfPositive(t *testing.T) {
	for _, tc := range []struct {
		positive float32
		want     []int32 // of scores 0.9, 0.5, 0, -0.5, -0.9 but for the positive
	}{
		{0.9, []int32{2, 3, 4}}, // 0.45 is the limit
		{0.5, []int32{2, 3, 4}}, // 0.25
		{-0.5, []int32{4}},      // -0.75: as far below as 0.25 is below 0.5
		{0, []int32{3, 4}},      // 0
	} {
		c := ranking.Candidates{Query: "q"}
		for i, s := range []float32{0.9, 0.5, 0, -0.5, -0.9} {
			c.Hits = append(c.Hits, ranking.Hit{Passage: int32(i), Score: s})
			if s == tc.positive {
				c.Positives = []ranking.Positive{{Passage: int32(i), Score: s, Rank: int32(i)}}
			}
		}
		got, err := mineOne(c, nil, 0, Options{Window: Window{0, 5}, Negatives: 5, Sampling: Top, ShareOfPositive: number(0.5)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, passagesOf(got)); diff != "" {
			t.Errorf("positive %v, -want +got:\n%s", tc.positive, diff)
		}
	}
}

// TestEachPositive: a row for each, its margin held against that positive, and no positive a negative of another.
func TestEachPositive(t *testing.T) {
	o := Options{Window: Window{0, 10}, Negatives: 10, Sampling: Top, Margin: number(0), Reference: Each}
	rows, err := mineAll(0, o, Query{Candidates: ten()})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].Key != "q#p002" || rows[1].Key != "q#p005" || rows[0].Of != 2 || rows[1].Of != 5 {
		t.Fatalf("rows %+v", rows)
	}
	for i, want := range [][]int32{{3, 4, 6, 7, 8, 9}, {6, 7, 8, 9}} {
		if diff := cmp.Diff(want, passagesOf(rows[i])); diff != "" {
			t.Errorf("row %d, -want +got:\n%s", i, diff)
		}
		if n := rows[i].Negatives[0]; n.PositiveScore != ten().Positives[i].Score {
			t.Errorf("row %d holds its negatives against %v", i, n.PositiveScore)
		}
	}
}

func TestSameGroup(t *testing.T) {
	for rule, want := range map[SameGroup][]int32{ // positives 2 and 5 are of group c, as is 8
		Never: {0, 1, 3, 4, 6, 7, 9},
		Only:  {8},
	} {
		got, err := mineOne(ten(), nil, 0, Options{Window: Window{0, 10}, Negatives: 10, Sampling: Top, SameGroup: rule})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, passagesOf(got)); diff != "" || got.Dropped.SameGroup != 8-len(want) {
			t.Errorf("%s: %d dropped, -want +got:\n%s", rule, got.Dropped.SameGroup, diff)
		}
	}
}

// TestNearText drops what is nearly the query or a positive, and its threshold nests.
func TestNearText(t *testing.T) {
	o := Options{Window: Window{0, 10}, Negatives: 10, Sampling: Top, NearText: number(1)}
	q := Query{Candidates: ten(), Text: "Passage number 7."}
	rows, err := mineAll(0, o, q)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int32{0, 1, 3, 4, 6, 8, 9}; !slices.Equal(want, passagesOf(rows[0])) || rows[0].Dropped.NearText != 1 {
		t.Errorf("got %v, dropped %d, want %v", passagesOf(rows[0]), rows[0].Dropped.NearText, want)
	}
	*o.NearText = 0.5 // all texts of the ten are nearer than that
	if rows, err = mineAll(0, o, q); err != nil || len(rows[0].Negatives) != 0 {
		t.Errorf("threshold 0.5: %v, %v", rows, err)
	}
}

// TestQuotas: each band gives its number, or what it has; a band of its own draws as any other band leaves it.
func TestQuotas(t *testing.T) {
	o := Options{Window: Window{0, 100}, Negatives: 12, Sampling: Uniform, Quotas: []Quota{{Window{0, 10}, 3}, {Window{10, 50}, 5}, {Window{90, 100}, 4}}}
	q := drawnQuery("q")
	rows, err := mineAll(0, o, q)
	if err != nil {
		t.Fatal(err)
	}
	inBand := func(r Result, w Window) (inside []Negative) {
		for _, n := range r.Negatives {
			if w.Contains(int(n.Rank)) {
				inside = append(inside, n)
			}
		}
		return inside
	}
	for _, quota := range o.Quotas {
		if got := len(inBand(rows[0], quota.Window)); got != quota.Negatives {
			t.Errorf("%d negatives in %s", got, quota)
		}
	}
	o.Quotas = o.Quotas[1:2]
	alone, err := mineAll(0, o, q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inBand(rows[0], o.Quotas[0].Window), alone[0].Negatives); diff != "" {
		t.Errorf("the band 10-50 with and without others:\n%s", diff)
	}
}

// TestMix: shares of kept and random ones, and given ones first.
func TestMix(t *testing.T) {
	o := Options{Window: Window{0, 100}, Negatives: 10, Sampling: Uniform, Kept: 0.3, Random: 0.2, Given: Keep}
	q := drawnQuery("q")
	q.Excluded = nil
	q.Positives = []ranking.Positive{{Passage: q.Given[0], Score: 0, Rank: 399}}
	q.Last = []int32{q.Given[1], 11, 12, 13, q.Given[0]}
	rows, err := mineAll(0, o, q)
	if err != nil {
		t.Fatal(err)
	}
	got := map[Origin]int{}
	for _, n := range rows[0].Negatives {
		got[n.From]++
		if n.From == FromLast && !slices.Contains([]int32{11, 12, 13}, n.Passage) {
			t.Errorf("%+v is kept and was no negative, or is given", n)
		}
	}
	if diff := cmp.Diff(map[Origin]int{FromGiven: 2, FromLast: 3, Mined: 3, FromRandom: 2}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	o.Kept, o.Random, o.Given = 0, 1, Replace
	q.Hits = nil
	if rows, err = mineAll(0, o, q); err != nil || len(rows[0].Negatives) != 10 || rows[0].Negatives[0].From != FromRandom || rows[0].Eligible != 400 {
		t.Errorf("nothing was searched: %+v, %v", rows, err)
	}
}

// TestWeightedSampling: over many queries, shares of first draws are those of the weights, and a candidate that a rule
// drops leaves the order of the others as it was.
func TestWeightedSampling(t *testing.T) {
	c := ranking.Candidates{Positives: []ranking.Positive{{Passage: 99, Score: 1, Rank: 0}}}
	for p := range 4 {
		c.Hits = append(c.Hits, ranking.Hit{Passage: int32(p), Score: float32(math.Log(float64(4-p))) / 10})
	}
	for sampling, weights := range map[Sampling][]float64{
		ByRank:  {12. / 25, 6. / 25, 4. / 25, 3. / 25}, // 1, 1/2, 1/3, 1/4
		ByScore: {0.4, 0.3, 0.2, 0.1},                  // exp(score/0.1) is 4, 3, 2, 1
	} {
		o := Options{Window: Window{0, 4}, Negatives: 1, Sampling: sampling}
		if sampling == ByScore {
			o.SamplingTemperature = 0.1
		}
		counts := make([]int, 4)
		const queries = 10000
		for i := range queries {
			c.Query = fmt.Sprint(i)
			r, err := mineOne(c, nil, 0, o)
			if err != nil {
				t.Fatal(err)
			}
			first := r.Negatives[0].Passage
			counts[first]++
			if without, err := mineOne(c, []int32{(first + 1) % 4}, 0, o); err != nil || without.Negatives[0].Passage != first {
				t.Fatalf("%s, query %d: passage %d is drawn, and %v without another one", sampling, i, first, without.Negatives)
			}
		}
		for p, n := range counts {
			// Binomial: 5 standard deviations of at most 50 are one chance in a million.
			if want := weights[p] * queries; math.Abs(float64(n)-want) > 250 {
				t.Errorf("%s: passage %d was drawn %d times, want about %.0f", sampling, p, n, want)
			}
		}
	}
}

// TestPositiveWithoutScore: a ranking that does not hold a positive cannot hold a margin against it.
func TestPositiveWithoutScore(t *testing.T) {
	c := ten()
	c.Positives[1] = ranking.Positive{Passage: 77, Rank: -1}
	o := Options{Window: Window{0, 10}, Negatives: 3, Sampling: Top}
	got, err := mineOne(c, nil, 0, o)
	if err != nil || !math.IsNaN(float64(got.Negatives[0].PositiveScore)) {
		t.Errorf("without a margin: %+v, %v", got, err)
	}
	for name, change := range map[string]func(){
		"margin":            func() { o.Margin = number(0) },
		"relative_margin":   func() { o.Margin, o.RelativeMargin = nil, number(0) },
		"share_of_positive": func() { o.RelativeMargin, o.ShareOfPositive = nil, number(1) },
	} {
		o.Margin, o.RelativeMargin, o.ShareOfPositive = nil, nil, nil
		change()
		if _, err := mineOne(c, nil, 0, o); err == nil || !strings.Contains(err.Error(), `no score of positive "p077", which `+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTrail(t *testing.T) {
	m, err := New(everything(), 0, numbered())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		negative Negative
		want     string
	}{
		{Negative{Rank: 45, From: Mined}, "window 2-120|positive|excluded|repeated_text|near_text 0.97|same_group never|margin -0.6|share_of_positive 3|min_score -0.5|quota 40-120:4|sampling uniform"},
		{Negative{Rank: 1, From: FromLast}, "positive|excluded|repeated_text|near_text 0.97|same_group never|margin -0.6|share_of_positive 3|min_score -0.5|kept"},
		{Negative{Rank: -1, From: FromRandom}, "positive|excluded|repeated_text|near_text 0.97|same_group never|random"},
		{Negative{Rank: 3, From: FromGiven}, "positive|excluded|given"},
	} {
		if got := strings.Join(m.Trail(tc.negative), "|"); got != tc.want {
			t.Errorf("%+v: %s", tc.negative, got)
		}
	}
	o := DefaultOptions()
	o.Survivors, o.HubLimit, o.Sampling, o.SamplingTemperature = true, 9, ByScore, 0.05
	if got := strings.Join(o.Rules(), "|"); got != "positive|excluded|repeated_text|survivors 2-200|hub_limit 9|sampling score 0.05" {
		t.Errorf("rules over survivors: %s", got)
	}
	if m, err = New(o, 0, numbered()); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[Origin]string{FromLast: "positive|excluded|repeated_text|hub_limit 9|kept", FromRandom: "positive|excluded|repeated_text|hub_limit 9|random", FromGiven: "positive|excluded|given"} {
		if got := strings.Join(m.Trail(Negative{Rank: -1, From: from}), "|"); got != want {
			t.Errorf("with a hub limit, %s: %s", from, got)
		}
	}
	o = everything()
	o.Reference = Each
	if got := strings.Join(o.Rules(), "|"); got != "window 2-120|positive|excluded|repeated_text|near_text 0.97|same_group never|margin -0.6|share_of_positive 3|min_score -0.5|reference each|given keep|kept 0.2|quota 2-40:4|quota 40-120:4|sampling uniform|random 0.2" {
		t.Errorf("rules and slots: %s", got)
	}
	o = DefaultOptions()
	o.Random = 1
	if got := strings.Join(o.Rules(), "|"); got != "positive|excluded|repeated_text|random 1" {
		t.Errorf("rules where all are random: %s", got)
	}
}

// TestKeysOfRows: where positives have rows of their own, or rows are kept of the last round, no two rows may go by one key.
func TestKeysOfRows(t *testing.T) {
	query := func(key string, positives ...int32) corpus.Query { return corpus.Query{Key: key, Positives: positives} }
	each, kept := Options{Reference: Each}, Options{Kept: 0.5}
	for _, tc := range []struct {
		name    string
		o       Options
		queries []corpus.Query
		want    string
	}{
		{"a query's key", each, []corpus.Query{query("12", 3, 7), query("12#p007", 1)}, `the row of query "12" and its positive "p007" has the key "12#p007", which is query "12#p007"'s too`},
		{"a query's key, of the last round", kept, []corpus.Query{query("12#p007", 1), query("12", 3, 7)}, `"12#p007"`},
		{"marks", each, []corpus.Query{query("12", 3), query("12#p007", 1), query("a#", 1)}, ""},
		{"one row a query", Options{}, []corpus.Query{query("12", 7), query("12#p007", 1)}, ""},
	} {
		err := tc.o.CheckKeys(tc.queries, numbered())
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// TestEveryNegativeOfARowSaysWhereItIsFrom: rows have the same keys, whatever their negatives are from.
func TestEveryNegativeOfARowSaysWhereItIsFrom(t *testing.T) {
	for _, o := range []Options{
		{Window: Window{0, 5}, Negatives: 3, Sampling: Top},
		{Window: Window{0, 5}, Negatives: 3, Sampling: Top, Random: 0.5},
		{Window: Window{0, 5}, Negatives: 3, Sampling: Top, Random: 1},
	} {
		m, err := New(o, 0, numbered())
		if err != nil {
			t.Fatal(err)
		}
		results, err := m.Mine(t.Context(), []Query{{Candidates: ten()}})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range m.short(corpus.Query{}, Ranker{Source: "dense"}, results[0]).Negatives {
			if n.From != "mined" && n.From != "random" {
				t.Errorf("%s: a negative from %q", o.drawing(), n.From)
			}
		}
	}
}

// TestARowListsNoPositiveWithoutText, where it has another.
func TestARowListsNoPositiveWithoutText(t *testing.T) {
	c := numbered()
	c.Passages[3].Text = " "
	m, err := New(Options{Window: Window{0, 5}, Negatives: 3, Sampling: Top}, 0, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		positives []int32
		want      []string
	}{{[]int32{3, 7}, []string{"p007"}}, {[]int32{3}, []string{"p003"}}} {
		row, err := m.Row(corpus.Query{Text: "q", Positives: tc.positives}, Ranker{Source: "dense"}, Result{Of: -1})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.short(corpus.Query{Positives: tc.positives}, Ranker{}, Result{Of: -1}).Positives; !slices.Equal(got, tc.want) || len(row.Pos()) != len(tc.want) {
			t.Errorf("%v: %v, %q", tc.positives, got, row.Pos())
		}
	}
}
