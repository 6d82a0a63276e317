package mine

import (
	"context"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
)

// Outcome is what options would mine from candidates.
type Outcome struct {
	Queries   int     `json:"queries"`   // rows that are mined
	Survivors float64 `json:"survivors"` // eligible candidates a row, the mean
	Negatives float64 `json:"negatives"` // chosen a row, the mean
	Short     int     `json:"short"`     // rows with fewer negatives than wanted
	Filler    int     `json:"filler"`    // slots of all rows that mined candidates do not fill: random negatives, and those left empty
	Dropped   Dropped `json:"dropped"`

	// Gap is the positive's score less the negative's, the mean over all negatives with a score; absent where there is none.
	Gap *float64 `json:"gap,omitempty"`
	// Overlap is the share of the negatives that were negatives of the last round; absent where that is not known.
	Overlap *float64 `json:"overlap,omitempty"`
	// FalseNegatives is the share of the negatives that further judgments call positive; absent without such judgments.
	FalseNegatives *float64 `json:"false_negatives,omitempty"`
	// Judged is what became of what further judgments call positive; absent without them.
	Judged *Judged `json:"judged,omitempty"`
	// KeptOut is the share of these, of those within the window, that rules keep from being negatives; absent where there are none.
	KeptOut *float64 `json:"kept_out,omitempty"`
}

// WhatIf mines queries by options and tells what comes of it, or ends between two queries with the context's error. Judged are
// passages that are known to answer a query beside its positives, by the query's key and sorted; nil where there are no such judgments.
func WhatIf(ctx context.Context, o Options, round int, c *corpus.Corpus, queries []Query, judged map[string][]int32) (Outcome, error) {
	m, err := New(o, round, c)
	if err != nil {
		return Outcome{}, err
	}
	var t tally
	asked := func(n int) (Query, error) {
		q := queries[n]
		q.Judged = judged[q.Query]
		return q, nil
	}
	pass := m.NewPass(asked, func(q Query, r Result) error {
		t.add(o, q, r)
		return nil
	})
	for n := range queries {
		if err := ctx.Err(); err != nil {
			return Outcome{}, err
		}
		q, err := asked(n)
		if err != nil {
			return Outcome{}, err
		}
		t.last = t.last || len(q.Last) > 0
		if err := pass.Add(q); err != nil {
			return Outcome{}, err
		}
	}
	if err := pass.Close(ctx); err != nil {
		return Outcome{}, err
	}
	return t.outcome(judged != nil), nil
}

// tally sums up results.
type tally struct {
	Outcome
	eligible, negatives, scored, before int
	judged                              Judged
	gap                                 float64
	last                                bool // some query had a last round
}

func (t *tally) add(o Options, q Query, r Result) {
	t.Queries++
	t.eligible += r.Eligible
	t.negatives += len(r.Negatives)
	t.Dropped.add(r.Dropped)
	t.Filler += o.Negatives - len(r.Negatives)
	if len(r.Negatives) < o.Negatives {
		t.Short++
	}
	for _, n := range r.Negatives {
		if n.From == FromRandom {
			t.Filler++
		}
		if n.Rank >= 0 && !math.IsNaN(float64(n.PositiveScore)) {
			t.scored++
			t.gap += float64(n.PositiveScore) - float64(n.Score)
		}
		if slices.Contains(q.Last, n.Passage) {
			t.before++
		}
	}
	t.judged.Candidates += r.Judged.Candidates
	t.judged.Dropped.add(r.Judged.Dropped)
	t.judged.Eligible += r.Judged.Eligible
	t.judged.Negatives += r.Judged.Negatives
}

func (t *tally) outcome(judged bool) Outcome {
	o := t.Outcome
	if t.Queries > 0 {
		o.Survivors, o.Negatives = float64(t.eligible)/float64(t.Queries), float64(t.negatives)/float64(t.Queries)
	}
	share := func(n int) *float64 {
		s := float64(n) / float64(max(1, t.negatives))
		return &s
	}
	if t.scored > 0 {
		mean := t.gap / float64(t.scored)
		o.Gap = &mean
	}
	if t.last {
		o.Overlap = share(t.before)
	}
	if judged {
		o.FalseNegatives, o.Judged = share(t.judged.Negatives), &t.judged
		if within := t.judged.Candidates - t.judged.Dropped.Window; within > 0 {
			kept := float64(within-t.judged.Eligible) / float64(within)
			o.KeptOut = &kept
		}
	}
	return o
}

// Grid are values that options are varied over. An empty list leaves the option as it is; an absent limit (nil) is a value.
type Grid struct {
	Windows          []Window
	NearTexts        []*float64
	Margins          []*float64
	RelativeMargins  []*float64
	SharesOfPositive []*float64
	MaxScores        []*float64
	MinScores        []*float64
	TeacherMargins   []*float64
	HubLimits        []int // 0 is none
}

// Options are every combination of the grid's values, the last list the fastest. Lists are in the order of the rules.
func (g Grid) Options(base Options) []Options {
	all := []Options{base}
	all = varied(all, g.Windows, func(o *Options, w Window) { o.Window = w })
	all = varied(all, g.NearTexts, func(o *Options, v *float64) { o.NearText = v })
	all = varied(all, g.Margins, func(o *Options, v *float64) { o.Margin = v })
	all = varied(all, g.RelativeMargins, func(o *Options, v *float64) { o.RelativeMargin = v })
	all = varied(all, g.SharesOfPositive, func(o *Options, v *float64) { o.ShareOfPositive = v })
	all = varied(all, g.MaxScores, func(o *Options, v *float64) { o.MaxScore = v })
	all = varied(all, g.MinScores, func(o *Options, v *float64) { o.MinScore = v })
	all = varied(all, g.TeacherMargins, func(o *Options, v *float64) { o.TeacherMargin = v })
	return varied(all, g.HubLimits, func(o *Options, n int) { o.HubLimit = n })
}

// Fixed are the rules of a base that no list replaces, as Options.Rules tells them.
func (g Grid) Fixed(base Options) []string {
	for _, limit := range []struct {
		values []*float64
		of     **float64
	}{
		{g.NearTexts, &base.NearText}, {g.Margins, &base.Margin}, {g.RelativeMargins, &base.RelativeMargin}, {g.SharesOfPositive, &base.ShareOfPositive},
		{g.MaxScores, &base.MaxScore}, {g.MinScores, &base.MinScore}, {g.TeacherMargins, &base.TeacherMargin},
	} {
		if len(limit.values) > 0 {
			*limit.of = nil
		}
	}
	if len(g.HubLimits) > 0 {
		base.HubLimit = 0
	}
	rules := base.Rules()
	if len(g.Windows) == 0 {
		return rules
	}
	window := base.Window.String()
	return slices.DeleteFunc(rules, func(rule string) bool { return rule == windowRule+" "+window || rule == "survivors "+window })
}

func varied[T any](all []Options, values []T, set func(*Options, T)) []Options {
	if len(values) == 0 {
		return all
	}
	var more []Options
	for _, o := range all {
		for _, v := range values {
			changed := o
			set(&changed, v)
			more = append(more, changed)
		}
	}
	return more
}
