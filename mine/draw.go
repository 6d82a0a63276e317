package mine

import (
	"cmp"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/draw"
)

// draw fills a row's slots: given negatives first, then those kept of the last round, then what is mined, then random
// ones. Each part has a stream of its own, keyed by (seed, mining, round, key), so that no other query, batch or file
// order has a part in it. Uses counts the negatives of queries before, for the hub limit; nil where there is none.
func (m *Miner) draw(p *pool, uses map[int32]int) Result {
	r := Result{Key: p.key, Of: p.of, Dropped: p.dropped, Judged: p.judged, Teacher: p.Teacher}
	eligible := p.eligible
	if m.o.HubLimit > 0 {
		eligible = slices.DeleteFunc(slices.Clone(eligible), func(n Negative) bool { return uses[n.Passage] >= m.o.HubLimit })
		r.Dropped.Hub = len(p.eligible) - len(eligible)
		r.Judged.Eligible = p.judgedOf(eligible)
		r.Judged.Dropped.Hub = p.judged.Eligible - r.Judged.Eligible
	}
	r.Eligible = len(eligible)
	taken := filling{m: m, pool: p, uses: uses, in: map[int32]bool{}}
	if m.o.Given == Keep {
		taken.given(m.o.Negatives)
	}
	random := m.o.part(m.o.Random)
	if len(p.Hits) == 0 && random > 0 { // nothing was searched: the whole corpus is eligible
		r.Eligible = m.textsBut(p.Excluded, p.Struck)
	}
	taken.kept(min(m.o.part(m.o.Kept), m.o.Negatives-len(taken.negatives)))
	taken.mined(eligible, max(0, m.o.Negatives-len(taken.negatives)-random))
	taken.random(min(random, m.o.Negatives-len(taken.negatives)))
	slices.SortStableFunc(taken.negatives, func(a, b Negative) int {
		return cmp.Compare(uint32(a.Rank), uint32(b.Rank)) // -1 is the greatest
	})
	r.Negatives = taken.negatives
	r.Judged.Negatives = p.judgedOf(r.Negatives)
	return r
}

// textsBut counts the different texts of the corpus, those of some passages aside.
func (m *Miner) textsBut(aside ...[]int32) int {
	if m.texts == 0 {
		for p := range int32(m.corpus.Len()) {
			if m.corpus.SameText(p)[0] == p {
				m.texts++
			}
		}
	}
	left := map[int32]bool{}
	for _, passages := range aside {
		for _, p := range passages {
			left[m.corpus.SameText(p)[0]] = true
		}
	}
	return m.texts - len(left)
}

// filling is a row's slots while they are filled.
type filling struct {
	m         *Miner
	pool      *pool
	uses      map[int32]int
	in        map[int32]bool // by the first passage of a text
	negatives []Negative
}

func (f *filling) add(n Negative) {
	f.in[f.m.corpus.SameText(n.Passage)[0]] = true
	f.negatives = append(f.negatives, n)
}

// has reports whether a passage's text is in the row already.
func (f *filling) has(passage int32) bool { return f.in[f.m.corpus.SameText(passage)[0]] }

// given takes the first negatives of the row that are no positives and that nobody struck.
func (f *filling) given(most int) {
	for _, passage := range f.pool.Given {
		n := f.negative(passage, FromGiven)
		if len(f.negatives) < most && !f.has(passage) && !contains(f.pool.positives, passage) && !contains(f.pool.Excluded, passage) && !contains(f.pool.Struck, passage) {
			f.add(n)
		}
	}
}

// kept takes negatives of the last round, all of them as likely.
func (f *filling) kept(slots int) {
	if slots < 1 {
		return
	}
	var old []Negative
	for _, passage := range f.pool.Last {
		if n := f.negative(passage, FromLast); !f.has(passage) && f.admits(n) {
			old = append(old, n)
		}
	}
	source := draw.New(f.m.o.Seed, draw.Mining, f.m.round, 0, "kept:"+f.pool.key)
	for _, i := range source.Sample(len(old), slots) {
		f.add(old[i])
	}
}

// mined takes from the eligible candidates, by bands where there are quotas.
func (f *filling) mined(eligible []Negative, slots int) {
	rest := make([]Negative, 0, len(eligible))
	for _, n := range eligible {
		if !f.has(n.Passage) {
			rest = append(rest, n)
		}
	}
	if len(f.m.o.Quotas) == 0 {
		for _, n := range f.m.sample(rest, slots, f.pool.key) {
			f.add(n)
		}
		return
	}
	for _, q := range f.m.o.Quotas {
		var band []Negative
		for _, n := range rest {
			if q.Window.Contains(int(n.Rank)) {
				band = append(band, n)
			}
		}
		n := min(q.Negatives, slots)
		slots -= n
		for _, chosen := range f.m.sample(band, n, "quota "+q.Window.String()+":"+f.pool.key) {
			f.add(chosen)
		}
	}
}

// random draws from the whole corpus what no rule of texts forbids, nor one of scores where the score is known.
func (f *filling) random(slots int) {
	if slots < 1 {
		return
	}
	if f.m.positions == nil {
		f.m.positions = f.m.corpus.Positions()
	}
	source := draw.New(f.m.o.Seed, draw.Mining, f.m.round, 0, "random:"+f.pool.key)
	for i := range source.Permute(len(f.m.positions)) {
		if slots == 0 {
			return
		}
		if n := f.negative(f.m.positions[i], FromRandom); !f.has(n.Passage) && f.admits(n) {
			f.add(n)
			slots--
		}
	}
}

// negative is a passage that was not drawn from the eligible candidates, with its rank and score where they are known.
func (f *filling) negative(passage int32, from Origin) Negative {
	p := f.pool
	n := Negative{Passage: passage, Rank: -1, PositiveScore: float32(p.reference), From: from}
	if rank, ok := p.rank(passage); ok {
		n.Rank, n.Score = int32(rank), p.Hits[rank].Score
	}
	return n
}

// admits holds every rule but the window against a negative that comes from elsewhere. One that the candidates do not
// hold scores lower than all of them: below every upper limit, and nobody knows whether above a lower one.
func (f *filling) admits(n Negative) bool {
	if f.m.o.HubLimit > 0 && f.uses[n.Passage] >= f.m.o.HubLimit {
		return false
	}
	if n.Rank >= 0 {
		return f.m.firstThatDrops(f.pool.asked, n, byText) == nil
	}
	for _, r := range f.m.rules {
		if r.kind == byText && r.drops(f.pool.asked, n) {
			return false
		}
	}
	return f.m.o.MinScore == nil || n.From == FromRandom && len(f.pool.Hits) == 0
}

// sample takes so many of the candidates, which come and stay in the order of rank.
func (m *Miner) sample(candidates []Negative, wanted int, key string) []Negative {
	if len(candidates) <= wanted || m.o.Sampling == Top {
		return candidates[:min(wanted, len(candidates))]
	}
	var positions []int
	if m.o.Sampling == Uniform {
		source := draw.New(m.o.Seed, draw.Mining, m.round, 0, key)
		positions = source.Sample(len(candidates), wanted)
	} else {
		positions = m.weighted(candidates, wanted, key)
	}
	slices.Sort(positions)
	chosen := make([]Negative, len(positions))
	for i, p := range positions {
		chosen[i] = candidates[p]
	}
	return chosen
}

// weighted draws without replacement, each time in proportion to the weights of what is left: the candidates of which
// log weight plus Gumbel noise is greatest (Vieira, Gumbel-max trick and weighted reservoir sampling, 2014). The noise
// belongs to the rank, so a rule that drops one candidate changes nothing for those that are drawn anyway.
func (m *Miner) weighted(candidates []Negative, wanted int, key string) []int {
	source := draw.New(m.o.Seed, draw.Mining, m.round, 0, string(m.o.Sampling)+":"+key)
	lot := make([]float64, len(candidates))
	order := make([]int, len(candidates))
	next := int32(0)
	for i, n := range candidates {
		var u float64
		for ; next <= n.Rank; next++ {
			u = (float64(source.Uint64()>>11) + 0.5) / (1 << 53) // in (0, 1)
		}
		weight := -math.Log1p(float64(n.Rank))
		if m.o.Sampling == ByScore {
			weight = float64(n.Score) / m.o.SamplingTemperature
		}
		lot[i], order[i] = weight-math.Log(-math.Log(u)), i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(lot[b], lot[a]) })
	return order[:wanted]
}
