// Package review lets what people said of mined negatives count: which passages answer a query after all, and which are
// too close to an answer to be its negatives.
package review

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/ranking"
)

// Verdicts are what was said, found in a corpus and a set of queries. They are of texts: what is said of one row holds for
// every row of its text, and for every passage of the passage's text. The zero value says nothing.
type Verdicts struct {
	promoted, struck map[string][]int32 // by the query's text without surrounding white space; sorted

	Counts Counts
	Stale  []Stale // in the order of the file

	promotions, drops Effect
}

// Effect is the verdicts of a kind that change something.
type Effect struct {
	Pairs  int    // of a query's text and a passage's
	Digest string // of these, in any order, and of nothing else; empty for none
}

// Counts are the verdicts that hold, the last on each pair of texts, by what was said.
type Counts struct {
	Drop    int `json:"drop"`
	Promote int `json:"promote"`
	Keep    int `json:"keep"`
	Stale   int `json:"stale"` // of all these, those that judge nothing: their query or their passage is not there
}

// Stale is a verdict that judges nothing here.
type Stale struct {
	verdicts.Verdict
	NoQuery, NoPassage bool // which of the two texts is not there
}

// Of finds the texts of verdicts, as a file has them line by line, among the queries that are mined and in their corpus. A
// promotion of what is a positive already changes nothing, nor does a drop of what never becomes a negative anyway.
func Of(said []verdicts.Verdict, c *corpus.Corpus, queries []corpus.Query) *Verdicts {
	v := &Verdicts{promoted: map[string][]int32{}, struck: map[string][]int32{}}
	asked := make(map[string]corpus.Query, len(queries))
	for _, q := range queries {
		asked[q.Stripped()] = q
	}
	answers := c.AnswersOf(queries)
	var promotions, drops [][2]string
	for _, one := range verdicts.Latest(withLineEnds(said, c, asked, queries)) {
		v.Counts.add(one.Verdict)
		q, known := asked[corpus.Query{Text: one.QueryText}.Stripped()]
		passages := c.ByText(one.PassageText)
		if !known || passages == nil {
			v.Counts.Stale++
			v.Stale = append(v.Stale, Stale{one, !known, passages == nil})
			continue
		}
		text := q.Stripped()
		switch {
		case one.Verdict == verdicts.Promote && !holds(answers.Of(q), passages[0]):
			v.promoted[text] = append(v.promoted[text], passages...)
			promotions = append(promotions, [2]string{text, c.Passages[passages[0]].Full()})
		case one.Verdict == verdicts.Drop && !holds(answers.Excluded(q), passages[0]):
			v.struck[text] = append(v.struck[text], passages...)
			drops = append(drops, [2]string{text, c.Passages[passages[0]].Full()})
		}
	}
	for _, byText := range []map[string][]int32{v.promoted, v.struck} {
		for _, passages := range byText {
			slices.Sort(passages)
		}
	}
	v.promotions, v.drops = effectOf(promotions), effectOf(drops)
	return v
}

// withLineEnds gives verdicts whose texts have other line ends than here, as a table leaves them, the texts that their keys and ids
// have. Those of which a text is not there either way stay as they are.
func withLineEnds(said []verdicts.Verdict, c *corpus.Corpus, asked map[string]corpus.Query, queries []corpus.Query) []verdicts.Verdict {
	var byKey map[string]corpus.Query // made when needed
	queryOf := func(v verdicts.Verdict) (string, bool) {
		if _, known := asked[corpus.Query{Text: v.QueryText}.Stripped()]; known {
			return v.QueryText, true
		}
		if byKey == nil {
			byKey = make(map[string]corpus.Query, len(queries))
			for _, q := range queries {
				byKey[q.Key] = q
			}
		}
		q, known := byKey[v.Query]
		return q.Text, known && sameButLineEnds(q.Text, v.QueryText)
	}
	passageOf := func(v verdicts.Verdict) (string, bool) {
		if c.ByText(v.PassageText) != nil {
			return v.PassageText, true
		}
		p, known := c.ByID(v.Passage)
		if !known {
			return "", false
		}
		text := c.Passages[p].Full()
		return text, sameButLineEnds(text, v.PassageText)
	}
	said = slices.Clone(said)
	for i, v := range said {
		query, ok := queryOf(v)
		passage, there := passageOf(v)
		if ok && there {
			said[i].QueryText, said[i].PassageText = query, passage
		}
	}
	return said
}

// sameButLineEnds says whether texts are equal but for surrounding white space and for how their lines end.
func sameButLineEnds(a, b string) bool {
	plain := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	return corpus.Strip(plain.Replace(a)) == corpus.Strip(plain.Replace(b))
}

// JudgedIn takes what judges something in another set of queries, which the same file was found in, from what judges nothing.
func (v *Verdicts) JudgedIn(other *Verdicts) {
	nothing := make(map[verdicts.Verdict]bool, len(other.Stale))
	for _, s := range other.Stale {
		nothing[s.Verdict] = true
	}
	v.Stale = slices.DeleteFunc(v.Stale, func(s Stale) bool { return !nothing[s.Verdict] })
	v.Counts.Stale = len(v.Stale)
}

func (c *Counts) add(kind verdicts.Kind) {
	switch kind {
	case verdicts.Drop:
		c.Drop++
	case verdicts.Promote:
		c.Promote++
	case verdicts.Keep:
		c.Keep++
	}
}

func holds(sorted []int32, p int32) bool {
	_, ok := slices.BinarySearch(sorted, p)
	return ok
}

func effectOf(pairs [][2]string) Effect {
	if len(pairs) == 0 {
		return Effect{}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	raw, err := json.Marshal(pairs)
	if err != nil {
		panic(err) // Strings are always JSON.
	}
	sum := sha256.Sum256(raw)
	return Effect{len(pairs), hex.EncodeToString(sum[:])}
}

// Queries are queries with what was promoted among their positives. Keys stay: a verdict changes no draw but through what
// may be drawn.
func (v *Verdicts) Queries(queries []corpus.Query) []corpus.Query {
	if v == nil || len(v.promoted) == 0 {
		return queries
	}
	judged := slices.Clone(queries)
	for i, q := range judged {
		if more := v.Promoted(q); more != nil {
			positives := slices.Concat(q.Positives, more)
			slices.Sort(positives)
			judged[i].Positives = slices.Compact(positives)
		}
	}
	return judged
}

// Promoted is the passages that were said to answer a query and are not known to otherwise, sorted.
func (v *Verdicts) Promoted(q corpus.Query) []int32 {
	if v == nil {
		return nil
	}
	return v.promoted[q.Stripped()]
}

// Struck is the passages that were said to be too close to an answer to be negatives of a query, sorted.
func (v *Verdicts) Struck(q corpus.Query) []int32 {
	if v == nil {
		return nil
	}
	return v.struck[q.Stripped()]
}

// Candidates are candidates that were kept of a query with what was promoted since among the positives: at the rank and with
// the score that each source's hits have of it, at rank -1 where they do not hold it.
func (v *Verdicts) Candidates(q corpus.Query, c ranking.Candidates) ranking.Candidates {
	promoted := v.Promoted(q)
	if promoted == nil {
		return c
	}
	c.Positives = withPromoted(c.Hits, c.Positives, promoted)
	c.Sources = slices.Clone(c.Sources)
	for i, source := range c.Sources {
		c.Sources[i].Positives = withPromoted(source.Hits, source.Positives, promoted)
	}
	return c
}

// withPromoted adds promoted passages to the positives of a ranking, in the order of the ranking.
func withPromoted(hits ranking.Ranking, positives []ranking.Positive, promoted []int32) []ranking.Positive {
	positives = slices.Clone(positives)
	for _, p := range promoted {
		if slices.ContainsFunc(positives, func(known ranking.Positive) bool { return known.Passage == p }) {
			continue
		}
		one := ranking.Positive{Passage: p, Rank: -1}
		if rank := slices.IndexFunc(hits, func(h ranking.Hit) bool { return h.Passage == p }); rank >= 0 {
			one.Rank, one.Score = int32(rank), hits[rank].Score
		}
		positives = append(positives, one)
	}
	slices.SortStableFunc(positives, func(a, b ranking.Positive) int { return cmp.Compare(uint32(a.Rank), uint32(b.Rank)) }) // -1 is the greatest
	return positives
}

// Promotions is the promotions of what was no positive.
func (v *Verdicts) Promotions() Effect {
	if v == nil {
		return Effect{}
	}
	return v.promotions
}

// Drops is the drops of what might have become a negative.
func (v *Verdicts) Drops() Effect {
	if v == nil {
		return Effect{}
	}
	return v.drops
}

// shownStale is how many verdicts that judge nothing a description names.
const shownStale = 10

// String counts the verdicts and names those that judge nothing, a line each.
func (v *Verdicts) String() string {
	var b strings.Builder
	c := v.Counts
	fmt.Fprintf(&b, "%d drop, %d promote, %d keep; %d of them judge nothing", c.Drop, c.Promote, c.Keep, c.Stale)
	for i, s := range v.Stale {
		if i == shownStale {
			fmt.Fprintf(&b, "\n  and %d more", len(v.Stale)-shownStale)
			break
		}
		fmt.Fprintf(&b, "\n  %s", s)
	}
	return b.String()
}

// String names the verdict and what of it is not there.
func (s Stale) String() string {
	query := fmt.Sprintf("query %q (%.60q)", s.Query, strings.TrimSpace(s.QueryText))
	passage := fmt.Sprintf("passage %q (%.60q)", s.Passage, strings.TrimSpace(s.PassageText))
	switch {
	case s.NoQuery && s.NoPassage:
		return fmt.Sprintf("%s: no query has the text of %s, and no passage that of %s", s.Verdict.Verdict, query, passage)
	case s.NoQuery:
		return fmt.Sprintf("%s: no query has the text of %s", s.Verdict.Verdict, query)
	}
	return fmt.Sprintf("%s of %s: no passage has the text of %s", s.Verdict.Verdict, query, passage)
}
