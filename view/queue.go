package view

import (
	"cmp"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

// near is how close to the score of the weakest positive a negative must come to be doubted, as a share of that score.
const near = 0.05

// suspect is a mined negative that some round scores above the query's weakest positive, or near it, or one of the sources that a
// round fused, or that some round's teacher scores above it.
type suspect struct {
	query, passage int32
	agree          int32   // rounds that score it so
	margin         float32 // the most by which a round scores it above the positive; negative is below
	sources        int32   // single sources of rounds that fused several, which score it so by their own scores
	teachers       int32   // rounds whose teacher scores it at least as high as the weakest positive
}

// suspects is the queue of doubted negatives, most suspicious first, and the state of the files that it was made of.
type suspects struct {
	state string
	all   []suspect
}

// suspectRow is a doubted negative with what every round says of it.
type suspectRow struct {
	Query     queryRow    `json:"query"`
	Positives []textOf    `json:"positives"`
	Passage   textOf      `json:"passage"`
	Agree     int32       `json:"agree"`
	Searches  int         `json:"searches"`          // rounds that could have agreed
	Sources   int32       `json:"sources,omitempty"` // of all rounds that fused several
	Teachers  int32       `json:"teachers,omitempty"`
	Rounds    []pairRound `json:"rounds"`
	Verdict   string      `json:"verdict,omitempty"`
}

// pairRound is what one round says of a query and a passage; its score is absent where the passage is neither among the hits
// kept nor a positive.
type pairRound struct {
	Round    int      `json:"round"`
	Mined    bool     `json:"mined"`
	Rank     int32    `json:"rank"` // counted from 1; 0 is unknown
	Score    *float32 `json:"score,omitempty"`
	Positive *float32 `json:"positive,omitempty"` // score of the weakest positive

	Teacher         *float32 `json:"teacher,omitempty"` // score by the round's teacher, which mined rows have; absent without one
	TeacherPositive *float32 `json:"teacher_positive,omitempty"`

	Sources []pairSource `json:"sources,omitempty"` // of a round that fused several
}

// pairSource is what one of several sources says of a query and a passage, as pairRound does of them together.
type pairSource struct {
	Source   string   `json:"source"`
	Rank     int32    `json:"rank"`
	Score    *float32 `json:"score,omitempty"`
	Positive *float32 `json:"positive,omitempty"`
}

// The filters of the queue.
const (
	openOnly   = "open"   // without a verdict
	judgedOnly = "judged" // with one
	everything = "all"
)

// queue lists doubted negatives, most suspicious first: by the rounds, sources and teachers that agree, then by how far above the positive they
// come, then in the order of queries and passages.
func (v *View) queue(split rundir.Split, filter string, page int) (list[suspectRow], error) {
	set := v.run.sets[split]
	if !set.trained() {
		return list[suspectRow]{}, wrongf("%s is not trained on: negatives are doubted of training queries", split)
	}
	if err := v.findSuspects(set); err != nil {
		return list[suspectRow]{}, err
	}
	if !slices.Contains([]string{openOnly, judgedOnly, everything}, filter) {
		return list[suspectRow]{}, wrongf("filter %q is unknown", filter)
	}
	var places []suspect
	for _, s := range v.suspects[split].all {
		judged := v.verdictOn(set, s.query, s.passage) != ""
		if filter == everything || judged == (filter == judgedOnly) {
			places = append(places, s)
		}
	}
	return pageOf(places, page, func(s suspect) (suspectRow, error) { return v.suspectRow(set, s) })
}

// findSuspects goes over candidates and negatives of a set, where they have changed since the last time.
func (v *View) findSuspects(set *set) error {
	rounds, err := v.run.rounds()
	if err != nil {
		return err
	}
	state := ""
	for _, round := range rounds {
		for _, path := range []string{v.run.files(set, round).Candidates(set.split), v.run.files(set, round).Negatives(set.split)} {
			one, err := stateOf(v.run.dir, path)
			if err != nil {
				return err
			}
			state += one + ";"
		}
	}
	if was := v.suspects[set.name]; was != nil && was.state == state {
		return nil
	}
	all, err := v.run.suspects(set, rounds)
	if err != nil {
		return err
	}
	if v.suspects == nil {
		v.suspects = map[rundir.Split]*suspects{}
	}
	v.suspects[set.name] = &suspects{state, all}
	return nil
}

func (r *run) suspects(set *set, rounds []int) ([]suspect, error) {
	var found []*searched
	var mined [][][]negative
	for _, round := range rounds {
		c, err := r.candidates(round, set.name)
		if err != nil {
			return nil, err
		}
		n, err := r.negatives(round, set.name)
		if err != nil {
			return nil, err
		}
		if c != nil {
			found = append(found, c)
		}
		if n != nil {
			mined = append(mined, n)
		}
	}
	ranks := make([][]int32, len(found)) // of the best positives, for who orders queries by them: each record is read here anyway
	ranked := make([]rankedBy, len(found))
	var all []suspect
	for q := range set.queries {
		for i, round := range found {
			c, err := round.index.At(q)
			if err != nil {
				return nil, err
			}
			ranked[i], ranks[i] = rankedBy{c, fuse.ScoredBy(round.index.Header().Fusion)}, append(ranks[i], bestRank(c))
		}
		all = append(all, suspectsOf(q, ranked, mined)...)
	}
	for i, round := range found {
		round.ranks = ranks[i]
	}
	slices.SortFunc(all, func(a, b suspect) int {
		return cmp.Or(cmp.Compare(b.agree+b.sources+b.teachers, a.agree+a.sources+a.teachers), cmp.Compare(b.margin, a.margin), cmp.Compare(a.query, b.query), cmp.Compare(a.passage, b.passage))
	})
	return all, nil
}

// rankedBy is what a round's search says of a query.
type rankedBy struct {
	ranking.Candidates
	scored bool // its scores compare with a positive's; reciprocal ranks tell what is above, not what is near
}

// suspectsOf doubts the negatives that any round mined for a query, by what all searches say of them.
func suspectsOf(query int, found []rankedBy, mined [][][]negative) []suspect {
	doubted := map[int32]*suspect{}
	for _, round := range mined {
		taught := map[int32]bool{} // a round may have several rows of a query
		for _, n := range round[query] {
			if doubted[n.passage] == nil {
				doubted[n.passage] = &suspect{query: int32(query), passage: n.passage, margin: float32(math.Inf(-1))}
			}
			if n.taughtAbove() && !taught[n.passage] {
				taught[n.passage] = true
				doubted[n.passage].teachers++
			}
		}
	}
	if len(doubted) == 0 {
		return nil
	}
	for _, c := range found {
		share := float32(near)
		if !c.scored {
			share = 0
		}
		eachDoubted(c.Hits, c.Positives, share, func(passage int32, margin float32) {
			if s := doubted[passage]; s != nil {
				if s.agree == 0 || margin > s.margin {
					s.margin = margin
				}
				s.agree++
			}
		})
		for _, source := range c.Sources {
			eachDoubted(source.Hits, source.Positives, near, func(passage int32, _ float32) {
				if s := doubted[passage]; s != nil {
					s.sources++
				}
			})
		}
	}
	var all []suspect
	for _, s := range doubted {
		if s.agree+s.sources+s.teachers > 0 {
			all = append(all, *s)
		}
	}
	return all
}

// eachDoubted visits the hits that score above the weakest positive, or below it by at most a share of its score, each with the margin
// by which it does. A ranking that knows no positive says nothing.
func eachDoubted(hits ranking.Ranking, positives []ranking.Positive, share float32, visit func(passage int32, margin float32)) {
	weakest := weakestOf(hits, positives)
	if weakest == nil {
		return
	}
	for _, h := range hits {
		if margin := h.Score - *weakest; margin >= -share*max(*weakest, -*weakest) {
			visit(h.Passage, margin)
		}
	}
}

// weakestOf is the lowest score of the positives that a ranking has a score of; nil where it has none. One of a run that is not in it
// has no rank, one that shares no word with the query, or is among the hits of no source, has the score 0 behind them.
func weakestOf(hits ranking.Ranking, positives []ranking.Positive) *float32 {
	for _, p := range slices.Backward(positives) {
		if p.Rank >= 0 && (p.Score != 0 || int(p.Rank) < len(hits)) {
			return &p.Score
		}
	}
	return nil
}

func (v *View) suspectRow(set *set, s suspect) (suspectRow, error) {
	q := set.queries[s.query]
	row := suspectRow{
		Query: queryRow{Index: int(s.query), Key: q.Key, Text: q.Text}, Passage: set.over.textOf(s.passage), Positives: []textOf{},
		Agree: s.agree, Sources: s.sources, Teachers: s.teachers, Rounds: []pairRound{}, Verdict: v.verdictOn(set, s.query, s.passage),
	}
	for _, p := range q.Positives {
		row.Positives = append(row.Positives, set.over.textOf(p))
	}
	rounds, err := v.run.rounds()
	if err != nil {
		return row, err
	}
	for _, round := range rounds {
		one, searched, err := v.run.pairRound(set, s.query, s.passage, round)
		if err != nil {
			return row, err
		}
		if searched {
			row.Searches++
		}
		row.Rounds = append(row.Rounds, one)
	}
	return row, nil
}

func (r *run) pairRound(set *set, query, passage int32, round int) (one pairRound, searched bool, err error) {
	one.Round = round
	mined, err := r.negatives(round, set.name)
	if err != nil {
		return one, false, err
	}
	if mined != nil {
		for _, n := range mined[query] {
			if n.passage != passage {
				continue
			}
			one.Mined, one.Rank = true, n.rank+1
			if one.Teacher == nil || n.taughtAbove() {
				one.Teacher, one.TeacherPositive = n.teacher, n.positive
			}
		}
	}
	found, err := r.candidates(round, set.name)
	if found == nil || err != nil {
		return one, false, err
	}
	c, err := found.index.At(int(query))
	if err != nil {
		return one, false, err
	}
	one.Positive = weakestOf(c.Hits, c.Positives)
	if rank, score := placeOf(passage, c.Hits, c.Positives); score != nil {
		one.Rank, one.Score = rank, score
	}
	for i, source := range c.Sources {
		rank, score := placeOf(passage, source.Hits, source.Positives)
		one.Sources = append(one.Sources, pairSource{found.index.Header().Sources[i].Name, rank, score, weakestOf(source.Hits, source.Positives)})
	}
	return one, true, nil
}

// placeOf is a passage's rank, counted from 1, and score in a ranking; 0 and nil where that has neither.
func placeOf(passage int32, hits ranking.Ranking, positives []ranking.Positive) (rank int32, score *float32) {
	for i, h := range hits {
		if h.Passage == passage {
			return int32(i) + 1, &h.Score
		}
	}
	for _, p := range positives {
		if p.Passage == passage && p.Rank >= 0 {
			return p.Rank + 1, &p.Score
		}
	}
	return 0, nil
}
