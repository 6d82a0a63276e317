package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/review"
)

// rowQueue gathers the doubted negatives of mined rows, as quarry view ranks them.
type rowQueue struct {
	rows, path string
	form       verdicts.Form
	header     provenance.Header         // of the side file; the zero value without one
	side       map[string]provenance.Row // by key; nil without a side file
	verdicts   string                    // file of what was given
	given      *review.Given
	top        int

	asked    []doubtedRow
	suspects []review.Suspect
	seen     map[[2]string]bool // texts: a query may have several rows
	judged   int                // suspects that are not asked again
	against  []string           // negatives that a verdict took out, which the rows have all the same
}

// doubtedRow is a row with its passages, the positives first: their places are what its rankings call them.
type doubtedRow struct {
	from     provenance.Row
	query    string
	pos, neg []string
	ranked   review.Ranked
	names    []string // of the sources
}

// newQueue begins a queue; nil where none is asked for.
func (o AuditOptions) newQueue(h *host) (*rowQueue, error) {
	if o.Queue == "" {
		for _, f := range []struct {
			name  string
			given bool
		}{{"provenance", o.Provenance != ""}, {"verdicts", o.Verdicts != ""}, {"top-k", o.TopK != 0}} {
			if f.given {
				return nil, badInputf("--%s has no part without --queue", f.name)
			}
		}
		return nil, nil
	}
	if o.TopK < 0 {
		return nil, badInputf("--top-k %d is negative", o.TopK)
	}
	q := &rowQueue{rows: o.Rows, path: o.Queue, verdicts: o.Verdicts, top: o.TopK, seen: map[[2]string]bool{}}
	switch endingOf(o.Queue) {
	case ".csv":
		q.form = verdicts.CSV
	case ".jsonl":
		q.form = verdicts.JSONL
	default:
		return nil, badInputf("--queue %s: want a file that ends in .jsonl or .csv, perhaps with .gz or .zst behind", o.Queue)
	}
	if err := mayWrite("queue", o.Queue, "rows", o.Rows, "provenance", o.Provenance, "verdicts", o.Verdicts); err != nil {
		return nil, err
	}
	if o.Verdicts != "" {
		said, err := readVerdictsFile(h, o.Verdicts)
		if err != nil {
			return nil, err
		}
		q.given = review.GivenOf(said)
	}
	if o.Provenance == "" {
		return q, nil
	}
	return q, readInput(h, "provenance", o.Provenance, func(r io.Reader) error {
		header, rows, err := provenance.Read(r, o.Provenance)
		q.header, q.side = header, make(map[string]provenance.Row, len(rows))
		for _, row := range rows {
			q.side[row.Key] = row
		}
		return err
	})
}

// add looks at a row.
func (q *rowQueue) add(row *flagembedding.Row) error {
	d := doubtedRow{query: row.Query(), pos: row.Pos(), neg: row.Neg()}
	raw, ok := row.Get(provenance.Key)
	if !ok {
		return fmt.Errorf("%s:%d: the row has no %q, which ranks and scores are read of: --queue is of rows that quarry mined", q.rows, row.Line(), provenance.Key)
	}
	if err := corpus.Decode(raw, &d.from); err != nil {
		return fmt.Errorf("%s:%d: %q: %w", q.rows, row.Line(), provenance.Key, err)
	}
	if q.side != nil {
		known, ok := q.side[d.from.Key]
		if !ok || !slices.Equal(known.Positives, d.from.Positives) || !slices.EqualFunc(known.Negatives, d.from.Negatives, func(a, b provenance.Negative) bool { return a.ID == b.ID }) {
			return fmt.Errorf("%s:%d: the file of provenance has no row %q of the same passages: it is of other rows", q.rows, row.Line(), d.from.Key)
		}
		d.from = known
	}
	if len(d.from.Positives) != len(d.pos) || len(d.from.Negatives) != len(d.neg) {
		return fmt.Errorf("%s:%d: the key %q names other passages than the row has: it was changed since it was mined", q.rows, row.Line(), provenance.Key)
	}
	if q.side == nil {
		d.takeTeacher(row)
	}
	d.rank(q.header.Fusion)
	mined := make([]review.Mined, len(d.neg))
	for i, n := range d.from.Negatives {
		mined[i] = review.Mined{Passage: d.place(i), Taught: n.TeacherScore != nil && d.from.TeacherPositive != nil && *n.TeacherScore >= *d.from.TeacherPositive}
	}
	said := make([]verdicts.Kind, len(d.neg))
	for i := range d.neg {
		if said[i] = q.given.On(d.pair(i)); said[i] == verdicts.Drop || said[i] == verdicts.Promote {
			q.against = append(q.against, fmt.Sprintf("%s:%d: negative %d, the passage %q: %s", q.rows, row.Line(), i, d.from.Negatives[i].ID, said[i]))
		}
	}
	place := int32(len(q.asked))
	for _, s := range review.Suspects(place, []review.Ranked{d.ranked}, [][]review.Mined{mined}) {
		negative := d.negative(s.Passage)
		texts := [2]string{strings.TrimSpace(d.query), strings.TrimSpace(d.neg[negative])}
		switch {
		case q.seen[texts]:
		case said[negative] != "":
			q.judged++
		default:
			q.suspects = append(q.suspects, s)
		}
		q.seen[texts] = true
	}
	q.asked = append(q.asked, d)
	return nil
}

// place is what rankings call a negative, and negative the reverse.
func (d *doubtedRow) place(negative int) int32 { return int32(len(d.pos) + negative) }

func (d *doubtedRow) negative(place int32) int { return int(place) - len(d.pos) }

// takeTeacher takes the teacher's scores that the row itself has.
func (d *doubtedRow) takeTeacher(row *flagembedding.Row) {
	pos, neg := row.PosScores(), row.NegScores()
	if len(pos) == 0 || len(pos) != len(d.pos) || len(neg) != len(d.neg) {
		return
	}
	lowest := float32(slices.Min(pos))
	d.from.TeacherPositive = &lowest
	for i := range d.from.Negatives {
		score := float32(neg[i])
		d.from.Negatives[i].TeacherScore = &score
	}
}

// rank makes rankings of what the provenance says of the row's own passages.
func (d *doubtedRow) rank(fusion string) {
	d.ranked.Scored = fusion == "" && d.from.Source != "fused" || fusion != "" && fuse.ScoredBy(fusion)
	for i, n := range d.from.Negatives {
		if n.Rank != nil && n.Score != nil {
			d.ranked.Hits = append(d.ranked.Hits, ranking.Hit{Passage: d.place(i), Score: *n.Score})
			d.ranked.Places = append(d.ranked.Places, d.among(*n.Rank))
		}
		for _, p := range n.Sources {
			s := d.source(p.Source)
			s.Hits = append(s.Hits, ranking.Hit{Passage: d.place(i), Score: p.Score})
		}
	}
	for _, p := range d.from.Ranks {
		one := ranking.Positive{Passage: int32(slices.Index(d.from.Positives, p.Passage)), Rank: p.Rank, Score: p.Score}
		if p.Source == d.from.Source {
			d.ranked.Positives = append(d.ranked.Positives, one)
		} else if slices.Contains(d.names, p.Source) { // one that has none of the negatives says nothing of them
			s := d.source(p.Source)
			s.Positives = append(s.Positives, one)
		}
	}
	if len(d.from.Ranks) == 0 && d.from.PositiveScore != nil {
		d.ranked.Positives = []ranking.Positive{{Score: *d.from.PositiveScore}}
	}
	for _, positives := range append([][]ranking.Positive{d.ranked.Positives}, positivesIn(d.ranked.Sources)...) {
		slices.SortStableFunc(positives, func(a, b ranking.Positive) int { return cmp.Compare(a.Rank, b.Rank) })
	}
}

// among is the place of a rank among the candidates that are no known positives.
func (d *doubtedRow) among(rank int32) int32 {
	place := rank
	for _, p := range d.from.Ranks {
		if p.Source == d.from.Source && p.Rank >= 0 && p.Rank < rank {
			place--
		}
	}
	return place
}

func positivesIn(sources []ranking.Ranked) (all [][]ranking.Positive) {
	for _, s := range sources {
		all = append(all, s.Positives)
	}
	return all
}

// source is the ranking of a source by its name.
func (d *doubtedRow) source(name string) *ranking.Ranked {
	i := slices.Index(d.names, name)
	if i < 0 {
		i = len(d.names)
		d.names, d.ranked.Sources = append(d.names, name), append(d.ranked.Sources, ranking.Ranked{})
	}
	return &d.ranked.Sources[i]
}

// write writes the queue, most suspicious first.
func (q *rowQueue) write(h *host) error {
	review.SortSuspects(q.suspects)
	first := q.suspects
	if q.top > 0 {
		first = first[:min(q.top, len(first))]
	}
	queue := make([]verdicts.Suspect, len(first))
	for i, s := range first {
		queue[i] = q.asked[s.Query].suspect(s)
	}
	if err := writeOutput(h, q.path, func(w io.Writer) error { return verdicts.WriteQueue(w, q.form, queue) }); err != nil {
		return err
	}
	which := ""
	if len(first) < len(q.suspects) {
		which = fmt.Sprintf(", the first %d of them in", len(first))
	}
	h.note("%d negatives of %d rows may be answers:%s %s; fill in drop, promote or keep, and name the file by --verdicts of quarry mine or mine.verdicts of a recipe", len(q.suspects), len(q.asked), which, q.path)
	q.noteGiven(h)
	return nil
}

// noteGiven says what verdicts that were given made of the queue.
func (q *rowQueue) noteGiven(h *host) {
	if q.given == nil {
		return
	}
	h.note("%d more have a verdict in %s and are not asked again", q.judged, q.verdicts)
	if len(q.against) > 0 {
		h.note("%d negatives of the rows were dropped or promoted there and are negatives all the same: mine with --verdicts %s; the first is\n  %s", len(q.against), q.verdicts, q.against[0])
	}
}

// pair is a negative of the row as a verdict names it, which is yet to be given.
func (d *doubtedRow) pair(negative int) verdicts.Verdict {
	keys := d.from.QueryKeys()
	return verdicts.Verdict{
		Query: keys[len(keys)-1], QueryText: d.query, Passage: d.from.Negatives[negative].ID, PassageText: d.neg[negative], Round: d.from.Round,
	}
}

// suspect is a doubted negative of the row as the file has it.
func (d *doubtedRow) suspect(s review.Suspect) verdicts.Suspect {
	i := d.negative(s.Passage)
	n := d.from.Negatives[i]
	one := verdicts.Suspect{
		Verdict: d.pair(i),
		Evidence: verdicts.Evidence{
			Rank: n.Rank, Score: n.Score, PositiveScore: review.Weakest(d.ranked.Hits, d.ranked.Positives), Teacher: n.TeacherScore, Reasons: []string{},
		},
	}
	for j, text := range d.pos {
		one.Evidence.Positives = append(one.Evidence.Positives, verdicts.Positive{ID: d.from.Positives[j], Text: text})
	}
	for _, p := range n.Sources {
		one.Evidence.Sources = append(one.Evidence.Sources, verdicts.Place{Source: p.Source, Rank: p.Rank, Score: p.Score})
	}
	because := func(format string, args ...any) {
		one.Evidence.Reasons = append(one.Evidence.Reasons, fmt.Sprintf(format, args...))
	}
	doubt := func(name string, r ranking.Ranked, scored bool) {
		switch margin, doubted := review.Doubted(r, scored, s.Passage); {
		case doubted && margin >= 0:
			because("%s: not below the positive", name)
		case doubted:
			because("%s: within %g %% of the positive", name, 100*review.Near)
		}
	}
	doubt(d.from.Source, ranking.Ranked{Hits: d.ranked.Hits, Positives: d.ranked.Positives}, d.ranked.Scored)
	for j, r := range d.ranked.Sources {
		doubt(d.names[j], r, true)
	}
	if n.TeacherScore != nil {
		one.Evidence.TeacherPositive = d.from.TeacherPositive
	}
	if s.Teachers > 0 {
		because("teacher: not below the positive")
	}
	return one
}
