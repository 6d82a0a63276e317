package mine

import (
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
)

// rule is one reason to take a candidate out.
type rule struct {
	name  string              // as options, counts and trails call it
	value string              // the option's, as trails show it; may be empty
	count func(*Dropped) *int // where what it drops is counted
	kind  kind
	drops func(*asked, Negative) bool
}

// kind is what a rule looks at.
type kind int

const (
	byRank  kind = iota // where the candidate stands: nothing to a negative that is kept or random
	byText              // what passage it is: holds for every negative, whatever its source
	byScore             // how it scores: holds for every negative whose score is known
)

// asked is one query as the rules see it.
type asked struct {
	Query
	key       string               // of the draws and the row
	of        int32                // the positive that the row is of; -1 for all
	positives []int32              // sorted
	reference float64              // score that margins are held against; NaN where there is none
	texts     []corpus.Fingerprint // of the query and its positives, for near_text
	groups    map[string]bool      // of the positives, for same_group
	rankOf    map[int32]int        // of each hit; made when needed
	taught    float64              // the teacher's score that teacher_margin is held against
}

// newRules are the rules that options ask for, in the order in which they are held against a candidate. A rule's place in
// this list decides under which one a candidate is counted, and nothing else. The window over survivors and the hub limit
// look at more than one candidate and stand behind them.
func newRules(o Options, near *nearTexts, c *corpus.Corpus) []rule {
	rules := []rule{
		{"positive", "", func(d *Dropped) *int { return &d.Positive }, byText, func(q *asked, n Negative) bool { return contains(q.positives, n.Passage) }},
		{"excluded", "", func(d *Dropped) *int { return &d.Excluded }, byText, func(q *asked, n Negative) bool { return contains(q.Excluded, n.Passage) }},
	}
	if o.Verdicts {
		rules = append(rules, rule{"verdict", "", func(d *Dropped) *int { return &d.Verdict }, byText, func(q *asked, n Negative) bool { return contains(q.Struck, n.Passage) }})
	}
	rules = append(rules, rule{repeatedText, "", func(d *Dropped) *int { return &d.RepeatedText }, byText, func(q *asked, n Negative) bool { return q.repeats(n, c) }})
	if !o.Survivors {
		rules = slices.Insert(rules, 0, rule{"window", o.Window.String(), func(d *Dropped) *int { return &d.Window }, byRank, func(_ *asked, n Negative) bool { return !o.Window.Contains(int(n.Rank)) }})
	}
	if o.NearText != nil {
		rules = append(rules, rule{"near_text", valueText(*o.NearText), func(d *Dropped) *int { return &d.NearText }, byText, func(q *asked, n Negative) bool { return near.any(q.texts, n.Passage, *o.NearText) }})
	}
	if o.SameGroup != "" {
		rules = append(rules, rule{"same_group", string(o.SameGroup), func(d *Dropped) *int { return &d.SameGroup }, byText, func(q *asked, n Negative) bool {
			return q.groups[c.Passages[n.Passage].Group] == (o.SameGroup == Never)
		}})
	}
	rules = append(rules, scoreRules(o)...)
	if o.TeacherMargin != nil {
		rules = append(rules, teacherRule(*o.TeacherMargin))
	}
	return rules
}

// repeatedText is the rule that a text is a negative of a query once.
const repeatedText = "repeated_text"

// repeats reports whether another passage of a candidate's text ranks above it, whatever becomes of that one: so sets of eligible
// candidates nest. Those that no ranking holds are below all others, in the order in which equal scores stand.
func (q *asked) repeats(n Negative, c *corpus.Corpus) bool {
	same := c.SameText(n.Passage)
	if len(same) == 1 {
		return false
	}
	ordered := c.InOrder(same)
	own := slices.Index(ordered, n.Passage)
	for place, p := range ordered {
		rank, ranked := q.rank(p)
		if ranked && (n.Rank < 0 || rank < int(n.Rank)) || !ranked && n.Rank < 0 && place < own {
			return true
		}
	}
	return false
}

// rank is where a passage stands among the query's hits.
func (q *asked) rank(passage int32) (rank int, ranked bool) {
	if q.rankOf == nil {
		q.rankOf = make(map[int32]int, len(q.Hits))
		for rank, h := range q.Hits {
			q.rankOf[h.Passage] = rank
		}
	}
	rank, ranked = q.rankOf[passage]
	return rank, ranked
}

// scoreRules are the limits of scores. Products are converted: never fused, so every processor agrees.
func scoreRules(o Options) []rule {
	var rules []rule
	above := func(name string, value *float64, count func(*Dropped) *int, limit func(p, value float64) float64) {
		if value != nil {
			rules = append(rules, rule{name, valueText(*value), count, byScore, func(q *asked, n Negative) bool { return float64(n.Score) > limit(q.reference, *value) }})
		}
	}
	above("margin", o.Margin, func(d *Dropped) *int { return &d.Margin }, func(p, margin float64) float64 { return p - margin })
	above("relative_margin", o.RelativeMargin, func(d *Dropped) *int { return &d.RelativeMargin }, func(p, margin float64) float64 { return p - float64(math.Abs(p)*margin) })
	above("share_of_positive", o.ShareOfPositive, func(d *Dropped) *int { return &d.ShareOfPositive }, func(p, share float64) float64 {
		if p < 0 {
			return float64(p * (2 - share)) // as far below p as share*p is below a positive p
		}
		return float64(p * share)
	})
	above("max_score", o.MaxScore, func(d *Dropped) *int { return &d.MaxScore }, func(_, most float64) float64 { return most })
	if o.MinScore != nil {
		rules = append(rules, rule{"min_score", valueText(*o.MinScore), func(d *Dropped) *int { return &d.MinScore }, byScore, func(_ *asked, n Negative) bool { return float64(n.Score) < *o.MinScore }})
	}
	return rules
}

func valueText(v float64) string { return fmt.Sprintf("%g", v) }

func (r rule) String() string {
	if r.value == "" {
		return r.name
	}
	return r.name + " " + r.value
}

// Rules are the rules that the options ask for in their order, each with its value, and at the end whose score margins are held
// against, where that is not the lowest positive's, and how the slots of a row are filled, in their order: what a plan shows and a side
// file records. Where all negatives are random nothing of a window is there.
func (o Options) Rules() []string {
	var texts []string
	for _, r := range newRules(o, nil, nil) {
		if r.kind != byRank || o.mines() {
			texts = append(texts, r.String())
		}
	}
	if o.Survivors && o.mines() {
		texts = append(texts, "survivors "+o.Window.String())
	}
	if o.HubLimit > 0 {
		texts = append(texts, o.hubbing())
	}
	if o.Reference == Each {
		texts = append(texts, "reference "+string(o.Reference))
	}
	return append(texts, o.slots()...)
}

// mines says whether some slots are for candidates.
func (o Options) mines() bool { return o.Random < 1 }

// slots says how the slots of a row are filled, in their order.
func (o Options) slots() []string {
	var texts []string
	if o.Given == Keep {
		texts = append(texts, "given "+string(Keep))
	}
	if o.Kept > 0 {
		texts = append(texts, "kept "+valueText(o.Kept))
	}
	for _, q := range o.Quotas {
		texts = append(texts, quotaText(q))
	}
	if o.mines() {
		texts = append(texts, o.drawing())
	}
	if o.Random > 0 {
		texts = append(texts, "random "+valueText(o.Random))
	}
	return texts
}

func quotaText(q Quota) string { return "quota " + q.String() }

func (o Options) hubbing() string { return fmt.Sprintf("hub_limit %d", o.HubLimit) }

// drawing says how the negatives are taken.
func (o Options) drawing() string {
	text := "sampling " + string(o.Sampling)
	if o.Sampling == ByScore {
		text += " " + valueText(o.SamplingTemperature)
	}
	return text
}

// Trail is the rules that a negative has passed and how it was taken, in order. One that is kept or random passed no
// window; one whose score is not known passed no limit of scores.
func (m *Miner) Trail(n Negative) []string {
	var trail []string
	for _, r := range m.rules {
		switch {
		case n.From == FromGiven && r.name != "positive" && r.name != "excluded" && r.name != "verdict":
		case n.From != Mined && r.kind == byRank:
		case n.Rank < 0 && r.kind == byScore:
		default:
			trail = append(trail, r.String())
		}
	}
	if n.From == Mined && m.o.Survivors {
		trail = append(trail, "survivors "+m.o.Window.String())
	}
	if n.From != FromGiven && m.o.HubLimit > 0 {
		trail = append(trail, m.o.hubbing())
	}
	if n.From != Mined {
		return append(trail, string(n.From))
	}
	for _, q := range m.o.Quotas {
		if q.Window.Contains(int(n.Rank)) {
			trail = append(trail, quotaText(q))
		}
	}
	return append(trail, m.o.drawing())
}
