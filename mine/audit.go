package mine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/ranking"
)

// hubs is how many of the most repeated negatives an audit names.
const hubs = 10

// Audit counts what deserves a look before training on mined negatives.
type Audit struct {
	Queries       int     `json:"queries"`
	Negatives     int     `json:"negatives"`
	Short         int     `json:"short"`          // queries with fewer negatives than wanted
	Empty         int     `json:"empty"`          // of these, queries with none
	ShortByHub    int     `json:"-"`              // of Short, queries of which the hub limit took candidates
	AbovePositive int     `json:"above_positive"` // negatives that score above the query's lowest positive: unlabelled positives, perhaps
	NearEqual     int     `json:"near_equal"`     // negatives whose text is that of the query or a positive, but for case, spaces and a final stop
	Passages      int     `json:"passages"`       // different passages among the negatives
	Hubs          []Hub   `json:"hubs"`           // the passages that are negatives of most queries
	Dropped       Dropped `json:"dropped"`        // over all queries

	// Of the negatives, where not all are mined: those kept of the last round, drawn from the whole corpus, and given by rows.
	Kept   int `json:"kept,omitempty"`
	Random int `json:"random,omitempty"`
	Given  int `json:"given,omitempty"`
}

// Hub is a passage and the number of queries that it is a negative of.
type Hub struct {
	Passage string `json:"passage"` // its id
	Queries int    `json:"queries"`
}

// Auditor gathers an Audit query by query. The order of queries does not matter.
type Auditor struct {
	wanted   int
	id, text func(passage int32) string
	audit    Audit
	uses     map[int32]int // by passage; sorted before anything is read from it
}

// NewAuditor begins an audit. Id gives a passage's id and text its text; a nil text leaves texts uncompared.
func NewAuditor(o Options, id, text func(passage int32) string) *Auditor {
	return &Auditor{wanted: o.Negatives, id: id, text: text, uses: map[int32]int{}}
}

// Add counts one query: its candidates, its text and what was mined for it.
func (a *Auditor) Add(c ranking.Candidates, query string, r Result) {
	a.audit.Queries++
	a.audit.Negatives += len(r.Negatives)
	if len(r.Negatives) < a.wanted {
		a.audit.Short++
		if r.Dropped.Hub > 0 {
			a.audit.ShortByHub++
		}
	}
	if len(r.Negatives) == 0 {
		a.audit.Empty++
	}
	a.audit.Dropped.add(r.Dropped)
	own := a.ownTexts(c, query)
	for _, n := range r.Negatives {
		a.uses[n.Passage]++
		a.countOrigin(n.From, len(c.Hits) > 0)
		if n.Rank >= 0 && n.Score > n.PositiveScore { // one without a rank has no score
			a.audit.AbovePositive++
		}
		if a.text != nil && slices.Contains(own, corpus.Plain(a.text(n.Passage))) {
			a.audit.NearEqual++
		}
	}
}

// countOrigin counts a negative that was not mined beside others that were. Where nothing was searched all are random.
func (a *Auditor) countOrigin(from Origin, searched bool) {
	switch {
	case from == FromLast:
		a.audit.Kept++
	case from == FromGiven:
		a.audit.Given++
	case from == FromRandom && searched:
		a.audit.Random++
	}
}

// Audit returns the counts so far.
func (a *Auditor) Audit() Audit {
	audit := a.audit
	audit.Passages = len(a.uses)
	all := make([]Hub, 0, len(a.uses))
	for passage, queries := range a.uses {
		all = append(all, Hub{a.id(passage), queries})
	}
	slices.SortFunc(all, func(x, y Hub) int {
		return cmp.Or(cmp.Compare(y.Queries, x.Queries), cmp.Compare(x.Passage, y.Passage))
	})
	audit.Hubs = all[:min(hubs, len(all))]
	return audit
}

// String is the audit in one line of a log.
func (a Audit) String() string {
	line := fmt.Sprintf("%d negatives for %d queries (%d passages); %d queries short, %d of them without any", a.Negatives, a.Queries, a.Passages, a.Short, a.Empty)
	if a.ShortByHub > 0 {
		line += fmt.Sprintf(" (the hub limit took candidates of %d of the short ones: fewer negatives a query, a greater limit or a wider window leave them more)", a.ShortByHub)
	}
	line += fmt.Sprintf("; %d negatives above the positive, %d near-equal in text", a.AbovePositive, a.NearEqual)
	if len(a.Hubs) > 0 {
		queries := "queries"
		if a.Hubs[0].Queries == 1 {
			queries = "query"
		}
		line += fmt.Sprintf("; passage %q is a negative of %d %s", a.Hubs[0].Passage, a.Hubs[0].Queries, queries)
	}
	return line
}

// EmptyError says that mining leaves no query a negative.
type EmptyError struct {
	Rule     string // that dropped most candidates, as Options names it, of those that can be loosened
	Dropped  Dropped
	Window   Window
	Passages int // of the corpus
}

// Error implements error.
func (e *EmptyError) Error() string {
	if e.Rule == windowRule {
		return fmt.Sprintf("no query has a negative left: the window is %s, the corpus has %d passages; widen the window or loosen the limits", e.Window, e.Passages)
	}
	return fmt.Sprintf("no query has a negative left: %s dropped most candidates (%s): loosen it", e.Rule, e.Dropped)
}

// windowRule is the window's name among rules.
const windowRule = "window"

// most is the rule that dropped most candidates, the window where none did. What a query's own answers and people's verdicts
// take out is not for options to give back.
func (d Dropped) most() string {
	rule, most := windowRule, d.Window
	d.each(func(name string, n int) {
		if name != "positive" && name != "excluded" && name != "verdict" && name != repeatedText && n > most {
			rule, most = name, n
		}
	})
	return rule
}

// CheckAny refuses mining that leaves no query a negative (EmptyError): training would go on as if none had been asked for.
// Passages is the size of the corpus, for the message.
func (a Audit) CheckAny(window Window, passages int) error {
	if a.Queries == 0 || a.Empty < a.Queries {
		return nil
	}
	return &EmptyError{Rule: a.Dropped.most(), Dropped: a.Dropped, Window: window, Passages: passages}
}

// CheckWindow refuses a window behind all passages of a corpus (EmptyError), where no other source gives negatives: what CheckAny
// would find once all is ranked. Quotas give none: they take what the window leaves.
func (o Options) CheckWindow(passages int) error {
	if o.Window.From < passages || o.Random > 0 || o.Kept > 0 || o.Given == Keep {
		return nil
	}
	return &EmptyError{Rule: windowRule, Window: o.Window, Passages: passages}
}

// ownTexts are the texts that no negative of this query should have.
func (a *Auditor) ownTexts(c ranking.Candidates, query string) []string {
	if a.text == nil {
		return nil
	}
	own := []string{corpus.Plain(query)}
	for _, p := range c.Positives {
		own = append(own, corpus.Plain(a.text(p.Passage)))
	}
	return own
}

func (d *Dropped) add(other Dropped) {
	d.Window += other.Window
	d.Positive += other.Positive
	d.Excluded += other.Excluded
	d.Margin += other.Margin
	d.RelativeMargin += other.RelativeMargin
	d.MaxScore += other.MaxScore
	d.MinScore += other.MinScore
	d.NearText += other.NearText
	d.SameGroup += other.SameGroup
	d.ShareOfPositive += other.ShareOfPositive
	d.TeacherMargin += other.TeacherMargin
	d.Hub += other.Hub
	d.Verdict += other.Verdict
	d.RepeatedText += other.RepeatedText
}
