package review

import (
	"cmp"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/ranking"
)

// Near is how close to the score of the weakest positive a negative must come to be doubted, as a share of that score.
const Near = 0.05

// Ranked is what a search says of a query.
type Ranked struct {
	ranking.Candidates
	Scored bool    // its scores compare with a positive's; reciprocal ranks tell what is above, not what is near
	Places []int32 // of Hits among all candidates but the known positives, from 0; nil where Hits are all candidates
}

// Mined is a negative of a query.
type Mined struct {
	Passage int32
	Taught  bool // a teacher scores it at least as high as the weakest positive of its row
}

// Suspect is a mined negative that some search scores above the query's weakest positive, or near it, or one of the sources that a
// search fused, or that a teacher scores above it.
type Suspect struct {
	Query, Passage int32
	Agree          int32   // searches that score it so
	Place          int32   // its best in a search: the candidates above it that are no known positives; math.MaxInt32 where none ranks it
	Margin         float32 // the most by which a search scores it above the positive; negative is below, and -Inf says that none scores it so
	Sources        int32   // single sources of searches that fused several, which score it so by their own scores
	Teachers       int32   // of rounds, that score it so
}

// Suspects doubts the negatives that rounds mined for a query, by what all searches say of them. Their order is that of passages.
func Suspects(query int32, found []Ranked, mined [][]Mined) []Suspect {
	doubted := map[int32]*Suspect{}
	for _, round := range mined {
		taught := map[int32]bool{} // a round may have several rows of a query
		for _, n := range round {
			if doubted[n.Passage] == nil {
				doubted[n.Passage] = &Suspect{Query: query, Passage: n.Passage, Place: math.MaxInt32, Margin: float32(math.Inf(-1))}
			}
			if n.Taught && !taught[n.Passage] {
				taught[n.Passage] = true
				doubted[n.Passage].Teachers++
			}
		}
	}
	if len(doubted) == 0 {
		return nil
	}
	for _, c := range found {
		for i, place := range c.places() {
			if s := doubted[c.Hits[i].Passage]; s != nil {
				s.Place = min(s.Place, place)
			}
		}
		share := float32(Near)
		if !c.Scored {
			share = 0
		}
		eachDoubted(c.Hits, c.Positives, share, func(passage int32, margin float32) {
			if s := doubted[passage]; s != nil {
				if s.Agree == 0 || margin > s.Margin {
					s.Margin = margin
				}
				s.Agree++
			}
		})
		for _, source := range c.Sources {
			eachDoubted(source.Hits, source.Positives, Near, func(passage int32, _ float32) {
				if s := doubted[passage]; s != nil {
					s.Sources++
				}
			})
		}
	}
	var all []Suspect
	for _, s := range doubted { // sorted below
		if s.Agree+s.Sources+s.Teachers > 0 {
			all = append(all, *s)
		}
	}
	slices.SortFunc(all, func(a, b Suspect) int { return cmp.Compare(a.Passage, b.Passage) })
	return all
}

// places are those of the hits. That of a known positive says nothing.
func (r Ranked) places() []int32 {
	if r.Places != nil {
		return r.Places
	}
	known := make(map[int32]bool, len(r.Positives))
	for _, p := range r.Positives {
		known[p.Passage] = true
	}
	places, next := make([]int32, len(r.Hits)), int32(0)
	for i, h := range r.Hits {
		places[i] = next
		if !known[h.Passage] {
			next++
		}
	}
	return places
}

// SortSuspects puts the most suspicious first: by the searches, sources and teachers that agree, then by place, then by how far above the
// positive they come, then in the order of queries and passages. Margins alone would put the queries first whose positive ranks low.
func SortSuspects(all []Suspect) {
	slices.SortFunc(all, func(a, b Suspect) int {
		return cmp.Or(cmp.Compare(b.Agree+b.Sources+b.Teachers, a.Agree+a.Sources+a.Teachers), cmp.Compare(a.Place, b.Place), cmp.Compare(b.Margin, a.Margin),
			cmp.Compare(a.Query, b.Query), cmp.Compare(a.Passage, b.Passage))
	})
}

// Doubted is whether a ranking alone doubts a passage, and the margin by which it scores it above the weakest positive.
func Doubted(r ranking.Ranked, scored bool, passage int32) (margin float32, doubted bool) {
	share := float32(Near)
	if !scored {
		share = 0
	}
	eachDoubted(r.Hits, r.Positives, share, func(p int32, by float32) {
		if p == passage {
			margin, doubted = by, true
		}
	})
	return margin, doubted
}

// eachDoubted visits the hits that score above the weakest positive, or below it by at most a share of its score, each with the margin
// by which it does. A ranking that knows no positive says nothing.
func eachDoubted(hits ranking.Ranking, positives []ranking.Positive, share float32, visit func(passage int32, margin float32)) {
	weakest := Weakest(hits, positives)
	if weakest == nil {
		return
	}
	for _, h := range hits {
		if margin := h.Score - *weakest; margin >= -share*max(*weakest, -*weakest) {
			visit(h.Passage, margin)
		}
	}
}

// Weakest is the lowest score of the positives that a ranking has a score of; nil where it has none. One of a run that is not in it
// has no rank, one that shares no word with the query, or is among the hits of no source, has the score 0 behind them.
func Weakest(hits ranking.Ranking, positives []ranking.Positive) *float32 {
	for _, p := range slices.Backward(positives) {
		if p.Rank >= 0 && (p.Score != 0 || int(p.Rank) < len(hits)) {
			return &p.Score
		}
	}
	return nil
}
