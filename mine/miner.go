package mine

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/ranking"
)

// Query is what mining knows of one query. Without hits nothing was searched for it: all its negatives are then random,
// kept or given.
type Query struct {
	ranking.Candidates         // a positive of rank -1 has no score in this ranking
	Text               string  // for near_text
	Excluded           []int32 // sorted: passages that must not become negatives, such as those with the text of a positive or of the query
	Struck             []int32 // sorted: passages that people struck from its negatives; none without Options.Verdicts
	Given              []int32 // negatives that its row brings, in the row's order
	Last               []int32 // its negatives of the last round, in their order
	Judged             []int32 // sorted: answers that only who asks what rules do knows of; they have no part in mining

	Teacher map[int32]float32 // for teacher_margin: what a teacher says of the passages of Miner.AsksTeacher
}

// Origin is where a negative comes from.
type Origin string

// The origins of negatives.
const (
	Mined      Origin = "mined"  // drawn from the eligible candidates
	FromLast   Origin = "kept"   // a negative of the last round
	FromRandom Origin = "random" // drawn from the whole corpus
	FromGiven  Origin = "given"  // brought by the query's row
)

// Negative is one chosen negative and where it comes from.
type Negative struct {
	Passage       int32
	Rank          int32   // 0-based, in the raw ranking; -1 where the candidates do not hold it
	Score         float32 // the miner's, where the rank is known
	PositiveScore float32 // of the positive that margins are held against; NaN where it has none
	From          Origin
}

// Result is what was mined for one row: a query, or one of its positives where each has negatives of its own.
type Result struct {
	Key       string     // of draws and of training: the query's; with Each the query's and the positive's
	Of        int32      // with Each the passage that is the row's positive, else -1
	Negatives []Negative // by rank; those without a rank behind, in the order in which they were taken
	Eligible  int        // candidates that all rules left, before sampling
	Dropped   Dropped
	Judged    Judged

	Teacher map[int32]float32 // what a teacher says of its passages, as the query brought it; nil without one
}

// Judged is what became of candidates that are answers, though mining does not know it (Query.Judged): how well rules keep
// false negatives out. Known positives and excluded passages are not counted.
type Judged struct {
	Candidates int     `json:"candidates"` // among the hits
	Dropped    Dropped `json:"dropped"`    // by the first rule that takes each out
	Eligible   int     `json:"eligible"`   // that all rules left, before sampling
	Negatives  int     `json:"negatives"`  // that were chosen; random, kept and given ones too
}

// Dropped counts the candidates that each rule took out. A candidate that several rules would take counts for the first
// of them in the order of Options.Rules.
type Dropped struct {
	Window          int `json:"window"`
	Positive        int `json:"positive"`
	Excluded        int `json:"excluded"`
	Margin          int `json:"margin"`
	RelativeMargin  int `json:"relative_margin"`
	MaxScore        int `json:"max_score"`
	MinScore        int `json:"min_score"`
	NearText        int `json:"near_text,omitempty"`
	SameGroup       int `json:"same_group,omitempty"`
	ShareOfPositive int `json:"share_of_positive,omitempty"`
	TeacherMargin   int `json:"teacher_margin,omitempty"`
	Hub             int `json:"hub_limit,omitempty"`
	Verdict         int `json:"verdict,omitempty"`
	RepeatedText    int `json:"repeated_text,omitempty"`
}

// Miner mines the queries of one corpus by one set of options. It is for one goroutine.
type Miner struct {
	o         Options
	round     int
	corpus    *corpus.Corpus
	rules     []rule
	near      *nearTexts
	positions []int32 // the corpus in the order that random draws count in; made when needed
	texts     int     // different ones of the corpus; counted when needed
}

// New checks options and makes a miner for a round.
func New(o Options, round int, c *corpus.Corpus) (*Miner, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("mine: %w", err)
	}
	near := &nearTexts{text: func(p int32) string { return c.Passages[p].Full() }, met: map[int32]corpus.Fingerprint{}}
	return &Miner{o: o, round: round, corpus: c, rules: newRules(o, near, c), near: near}, nil
}

// Mine mines queries in one pass. It ends between two queries with the context's error.
func (m *Miner) Mine(ctx context.Context, queries []Query) ([]Result, error) {
	var results []Result
	pass := m.NewPass(of(queries), func(_ Query, r Result) error {
		results = append(results, r)
		return nil
	})
	for _, q := range queries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := pass.Add(q); err != nil {
			return nil, err
		}
	}
	return results, pass.Close(ctx)
}

// ask turns a query into the rows that are mined for it, with all that rules ask for.
func (m *Miner) ask(q Query) ([]*asked, error) {
	rows, err := m.rowsOf(q)
	if err != nil {
		return nil, err
	}
	return rows, m.askTeacher(rows)
}

// rowsOf turns a query into the rows that are mined for it, but for what a teacher says.
func (m *Miner) rowsOf(q Query) ([]*asked, error) {
	if len(q.Positives) == 0 {
		return nil, ErrNoPositives
	}
	if err := check(q); err != nil {
		return nil, err
	}
	if len(q.Struck) > 0 && !m.o.Verdicts {
		return nil, fmt.Errorf("passages are struck from its negatives, but the options say nothing of verdicts")
	}
	base := asked{Query: q, key: q.Query, of: -1}
	for _, p := range q.Positives {
		base.positives = append(base.positives, p.Passage)
	}
	slices.Sort(base.positives)
	if m.o.NearText != nil {
		base.texts = []corpus.Fingerprint{corpus.NewFingerprint(q.Text)}
		for _, p := range base.positives {
			base.texts = append(base.texts, m.near.of(p))
		}
	}
	if m.o.SameGroup != "" {
		base.groups = map[string]bool{}
		for _, p := range base.positives {
			base.groups[m.corpus.Passages[p].Group] = true
		}
	}
	if m.o.Reference != Each {
		var err error
		base.reference, err = m.referenceOf(q.Positives)
		return []*asked{&base}, err
	}
	rows := make([]*asked, len(q.Positives))
	for i, p := range q.Positives {
		row := base
		var err error
		if row.reference, err = m.referenceOf(q.Positives[i : i+1]); err != nil {
			return nil, err
		}
		row.key, row.of = EachKey(q.Query, m.corpus.ID(p.Passage)), p.Passage
		rows[i] = &row
	}
	return rows, nil
}

// EachKey is the key of the row of one positive, where each positive of a query has a row.
func EachKey(query, positive string) string { return query + rowMark + positive }

// rowMark stands between the two.
const rowMark = "#"

// LastOf are the negatives of a last round by query key, out of those of its rows by theirs: one list for all rows of a query.
func LastOf(rows map[string][]int32, queries []corpus.Query, c *corpus.Corpus) map[string][]int32 {
	last := make(map[string][]int32, len(queries))
	for _, q := range queries {
		all := slices.Clone(rows[q.Key])
		for _, p := range q.Positives {
			all = append(all, rows[EachKey(q.Key, c.ID(p))]...)
		}
		last[q.Key] = all
	}
	return last
}

// CheckKeys refuses queries of which two would draw, and be kept negatives of, by one key: with Each a query's key and a positive of it
// may spell the key of another query, or of another's row. Without Each and Kept a query goes by its key alone, and nothing is refused.
func (o Options) CheckKeys(queries []corpus.Query, c *corpus.Corpus) error {
	marked := func(q corpus.Query) bool { return strings.Contains(q.Key, rowMark) }
	if o.Reference != Each && o.Kept == 0 || !slices.ContainsFunc(queries, marked) {
		return nil // of two keys that are one the longer query's has a mark
	}
	taken := make(map[string]string, 2*len(queries))
	for _, q := range queries {
		taken[q.Key] = q.Key
	}
	for _, q := range queries {
		for _, p := range q.Positives {
			key := EachKey(q.Key, c.ID(p))
			if other, ok := taken[key]; ok && other != q.Key {
				return fmt.Errorf("the row of query %q and its positive %q has the key %q, which is query %q's too: give one of the queries another id", q.Key, c.ID(p), key, other)
			}
			taken[key] = q.Key
		}
	}
	return nil
}

// referenceOf is the lowest score of positives.
func (m *Miner) referenceOf(positives []ranking.Positive) (float64, error) {
	lowest := math.Inf(1)
	for _, p := range positives {
		if p.Rank < 0 {
			if name := m.o.needsReference(); name != "" {
				return 0, fmt.Errorf("the ranking has no score of positive %q, which %s is held against: rank deeper, or leave %s out", m.corpus.ID(p.Passage), name, name)
			}
			return math.NaN(), nil
		}
		lowest = min(lowest, float64(p.Score))
	}
	return lowest, nil
}

// pool is one row's candidates behind the rules, before anything is drawn.
type pool struct {
	*asked
	eligible []Negative // by rank
	dropped  Dropped
	judged   Judged
}

// pool holds the rules against every candidate.
func (m *Miner) pool(q *asked) *pool {
	p := &pool{asked: q}
	for rank, h := range q.Hits {
		n := Negative{Passage: h.Passage, Rank: int32(rank), Score: h.Score, PositiveScore: float32(q.reference), From: Mined}
		r := m.firstThatDrops(q, n, byRank)
		watched := contains(q.Judged, n.Passage) && !contains(q.positives, n.Passage) && !contains(q.Excluded, n.Passage)
		if watched {
			p.judged.Candidates++
		}
		if r != nil {
			*r.count(&p.dropped)++
			if watched {
				*r.count(&p.judged.Dropped)++
			}
			continue
		}
		p.eligible = append(p.eligible, n)
	}
	if m.o.Survivors {
		survivors := p.eligible
		p.eligible = survivors[min(m.o.Window.From, len(survivors)):min(m.o.Window.To, len(survivors))]
		p.dropped.Window = len(survivors) - len(p.eligible)
		p.judged.Dropped.Window = q.judgedOf(survivors) - q.judgedOf(p.eligible)
	}
	p.judged.Eligible = q.judgedOf(p.eligible)
	return p
}

// firstThatDrops is the first rule of a kind from least on that takes a candidate out, nil where it stays.
func (m *Miner) firstThatDrops(q *asked, n Negative, least kind) *rule {
	for i, r := range m.rules {
		if r.kind >= least && r.drops(q, n) {
			return &m.rules[i]
		}
	}
	return nil
}

// judgedOf counts the judged ones among negatives.
func (q *Query) judgedOf(negatives []Negative) int {
	count := 0
	for _, n := range negatives {
		if contains(q.Judged, n.Passage) {
			count++
		}
	}
	return count
}

// check refuses candidates on which ranks and margins mean nothing.
func check(q Query) error {
	if !slices.IsSorted(q.Excluded) {
		return fmt.Errorf("its excluded passages are not sorted")
	}
	if !slices.IsSorted(q.Struck) || !slices.IsSorted(q.Judged) {
		return fmt.Errorf("its struck or judged passages are not sorted")
	}
	for i, h := range q.Hits {
		if h.Score != h.Score || i > 0 && h.Score > q.Hits[i-1].Score {
			return fmt.Errorf("its hits are not sorted by score: rank %d has %v", i, h.Score)
		}
	}
	for _, p := range q.Positives {
		if p.Score != p.Score {
			return fmt.Errorf("the score of positive %d is not a number", p.Passage)
		}
	}
	return nil
}

func contains(sorted []int32, p int32) bool {
	_, ok := slices.BinarySearch(sorted, p)
	return ok
}
