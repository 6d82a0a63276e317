package mine

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/ranking"
)

// Ranker is what provenance says of a ranking.
type Ranker struct {
	Source  string   // dense, random, bm25, …
	Model   string   // digest of the model; may be empty
	Sources []string // names of the sources that were fused, in the candidates' order
	Teacher string   // digest of the teacher's model; empty without one
}

// Row is a mined row in FlagEmbedding's form, with where its negatives come from in the key "quarry", and with a teacher's
// scores of its positives and negatives where a teacher was asked of them (pos_scores and neg_scores).
func (m *Miner) Row(q corpus.Query, by Ranker, r Result) (*flagembedding.Row, error) {
	from := m.short(q, by, r)
	var positives, negatives []string
	for _, id := range from.Positives {
		p, _ := m.corpus.ByID(id)
		positives = append(positives, m.corpus.Passages[p].Full())
	}
	for _, n := range r.Negatives {
		negatives = append(negatives, m.corpus.Passages[n.Passage].Full())
	}
	row := flagembedding.NewRow(q.Text, positives)
	row.SetNeg(negatives)
	if q.Prompt != "" {
		row.SetPrompt(q.Prompt)
	}
	if pos, neg, ok := r.taught(m.positivesOf(q, r)); ok {
		if err := row.SetScores(pos, neg); err != nil {
			return nil, fmt.Errorf("query %q: the teacher's scores: %w", q.Key, err)
		}
	}
	raw, err := json.Marshal(from)
	if err != nil {
		return nil, fmt.Errorf("query %q: provenance: %w", q.Key, err)
	}
	return row, row.Set(provenance.Key, raw)
}

// short is the provenance that a row carries itself. Every negative says where it is from, those that were mined too: load_dataset,
// by which FlagEmbedding's trainer reads rows, takes the keys of a file's first ten megabytes for those of all, and fails where a later row has one more.
func (m *Miner) short(q corpus.Query, by Ranker, r Result) provenance.Row {
	row := provenance.Row{Key: r.Key, Group: q.Group, Source: by.Source, Round: m.round, Miner: by.Model, Eligible: r.Eligible, Negatives: []provenance.Negative{}}
	for _, p := range m.positivesOf(q, r) {
		row.Positives = append(row.Positives, m.corpus.ID(p))
	}
	for _, n := range r.Negatives {
		side := provenance.Negative{ID: m.corpus.ID(n.Passage), From: string(n.From)}
		if n.Rank >= 0 {
			side.Rank, side.Score = &n.Rank, &n.Score
			row.PositiveScore = known(n.PositiveScore)
		}
		row.Negatives = append(row.Negatives, side)
	}
	return row
}

// positivesOf is the positives of the row that a query's result is of.
func (r Result) positivesOf(q corpus.Query) []int32 {
	if r.Of >= 0 {
		return []int32{r.Of}
	}
	return q.Positives
}

// positivesOf is the positives as a row lists them: by id, so that it is the same whatever the corpus's order. One without a text
// is left out where another has one: a trainer has nothing to learn of it, and Quarry's refuses the row.
func (m *Miner) positivesOf(q corpus.Query, r Result) []int32 {
	all := m.corpus.InOrder(r.positivesOf(q))
	texts := slices.DeleteFunc(slices.Clone(all), func(p int32) bool { return m.corpus.Passages[p].Full() == "" })
	if len(texts) == 0 {
		return all
	}
	return texts
}

// Provenance is all that is known of where a row's negatives come from: a row of the side file.
func (m *Miner) Provenance(q corpus.Query, c ranking.Candidates, by Ranker, r Result) provenance.Row {
	row := m.short(q, by, r)
	row.Dropped = r.Dropped.byName()
	if pos, neg, ok := r.taught(m.positivesOf(q, r)); ok {
		lowest := float32(slices.Min(pos))
		row.Teacher, row.TeacherPositive = by.Teacher, &lowest
		for i := range row.Negatives {
			score := float32(neg[i])
			row.Negatives[i].TeacherScore = &score
		}
	}
	for i, n := range r.Negatives {
		side := &row.Negatives[i]
		side.Trail = m.Trail(n)
		if n.Rank >= 0 {
			side.PositiveScore = known(n.PositiveScore)
		}
		for s, source := range c.Sources {
			for rank, h := range source.Hits {
				if h.Passage == n.Passage {
					side.Sources = append(side.Sources, provenance.Place{Source: by.Sources[s], Rank: int32(rank), Score: h.Score})
				}
			}
		}
	}
	ranks := func(source string, positives []ranking.Positive) {
		for _, p := range positives {
			if p.Rank >= 0 {
				row.Ranks = append(row.Ranks, provenance.Place{Passage: m.corpus.ID(p.Passage), Source: source, Rank: p.Rank, Score: p.Score})
			}
		}
	}
	if len(c.Hits) > 0 {
		ranks(by.Source, c.Positives)
	}
	for s, source := range c.Sources {
		ranks(by.Sources[s], source.Positives)
	}
	return row
}

// known is a score that there is, nil for one that is not a number.
func known(score float32) *float32 {
	if math.IsNaN(float64(score)) {
		return nil
	}
	return &score
}

// each visits the counts by the names of their rules, in the order of the fields.
func (d Dropped) each(visit func(name string, n int)) {
	v := reflect.ValueOf(d)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		visit(name, int(v.Field(i).Int()))
	}
}

// byName are the counts that are not 0.
func (d Dropped) byName() map[string]int {
	counts := map[string]int{}
	d.each(func(name string, n int) {
		if n > 0 {
			counts[name] = n
		}
	})
	return counts
}

// String lists the counts that are not 0, such as "window 5, positive 2".
func (d Dropped) String() string {
	var counts []string
	d.each(func(name string, n int) {
		if n > 0 {
			counts = append(counts, fmt.Sprintf("%s %d", name, n))
		}
	})
	if counts == nil {
		return "no rule"
	}
	return strings.Join(counts, ", ")
}
