package corpus

import (
	"fmt"
	"slices"
	"strings"
)

// judge turns what rows say of their positives into positions of the corpus.
type judge struct {
	corpus      *Corpus
	shared      []textUse // pos texts that several passages own
	sharedSeen  map[int32]int
	contrary    int // queries with a given negative that equals a positive
	contraryRow Query
	contraryNeg string
	pending     []int32 // first passages of the shared texts of the row being read

	byTextsAlone bool // ids have no part
}

// textUse is a text and the rows that named it.
type textUse struct {
	first int32 // first passage with the text
	line  int   // first query with it
	rows  int
}

func newJudge(c *Corpus) *judge { return &judge{corpus: c, sharedSeen: map[int32]int{}} }

// positives are the positions that judge a row, sorted and without repeats.
func (j *judge) positives(row Object) ([]int32, error) {
	j.pending = j.pending[:0]
	var byID []int32
	var err error
	if !j.byTextsAlone {
		if byID, err = j.byIDs(row); err != nil {
			return nil, err
		}
	}
	var texts []string
	if value, ok := row.Get("pos"); ok {
		if texts, err = Texts(value); err != nil {
			return nil, fmt.Errorf(`"pos": %w`, err)
		}
	}
	if len(byID) > 0 {
		return byID, j.check(byID, texts)
	}
	return j.byTexts(texts)
}

func (j *judge) byIDs(row Object) ([]int32, error) {
	var found []int32
	for _, field := range []string{"correct_id", "positive_ids"} {
		value, ok := row.Get(field)
		if !ok {
			continue
		}
		ids, err := decodeIDs(value)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", field, err)
		}
		for _, id := range ids {
			p, ok := j.corpus.ByID(id)
			if !ok {
				return nil, fmt.Errorf("%q: the corpus has no passage %q%s", field, id, j.corpus.nearestID(id))
			}
			found = append(found, p)
		}
	}
	return sortedSet(found), nil
}

// check compares pos texts with the passages that the ids name, both ways.
func (j *judge) check(byID []int32, texts []string) error {
	if len(texts) == 0 {
		return nil
	}
	left := map[int32]bool{}
	for _, p := range byID {
		left[j.corpus.firstFor[p]] = true
	}
	named := map[int32]bool{}
	for i, text := range texts {
		owners := j.corpus.ByText(text)
		if len(owners) == 0 || !left[owners[0]] {
			return fmt.Errorf(`"pos"[%d] is %s but the ids name %s; the ids judge: correct the text or the id`, i, excerpt(text), j.describe(byID))
		}
		named[owners[0]] = true
	}
	for _, p := range byID {
		if !named[j.corpus.firstFor[p]] {
			return fmt.Errorf(`the ids name %s but "pos" lacks its text; the ids judge: add the text or remove "pos"`, j.describe([]int32{p}))
		}
	}
	return nil
}

func (j *judge) byTexts(texts []string) ([]int32, error) {
	var found []int32
	for i, text := range texts {
		if Strip(text) == "" {
			return nil, fmt.Errorf(`"pos"[%d] is empty`, i)
		}
		owners := j.corpus.ByText(text)
		if len(owners) == 0 {
			return nil, fmt.Errorf(`"pos"[%d] is not in the corpus: %s%s`, i, excerpt(text), j.corpus.nearestText(text))
		}
		if len(owners) > 1 {
			j.pending = append(j.pending, owners[0])
		}
		found = append(found, owners...)
	}
	return sortedSet(found), nil
}

// note collects what the row just read deserves a warning for.
func (j *judge) note(q Query) {
	for _, first := range sortedSet(j.pending) {
		at, ok := j.sharedSeen[first]
		if !ok {
			at = len(j.shared)
			j.sharedSeen[first] = at
			j.shared = append(j.shared, textUse{first: first, line: q.Line})
		}
		j.shared[at].rows++
	}
	j.pending = j.pending[:0]
	for _, negative := range q.Negatives {
		if j.isPositive(q, negative) {
			if j.contrary++; j.contrary == 1 {
				j.contraryRow, j.contraryNeg = q, negative
			}
			break
		}
	}
}

func (j *judge) isPositive(q Query, text string) bool {
	if len(q.Positives) == 0 {
		return false
	}
	owners := j.corpus.ByText(text)
	return slices.ContainsFunc(q.Positives, func(p int32) bool { return slices.Contains(owners, p) })
}

func (j *judge) warnings(name string) []Warning {
	var found []Warning
	for _, use := range j.shared {
		text := fmt.Sprintf(`the "pos" text is that of %s; all of them judge it (%d such queries in the file)`, j.describe(j.corpus.SameText(use.first)), use.rows)
		found = append(found, Warning{name, use.line, text})
	}
	if j.contrary > 0 {
		text := fmt.Sprintf(`"neg" holds a text that is also a positive: %s (%d such queries in the file)`, excerpt(j.contraryNeg), j.contrary)
		found = append(found, Warning{name, j.contraryRow.Line, text})
	}
	return found
}

// identities are what the positives of a query are called in its key: ids where given, else texts, so that a key never
// depends on the corpus's order.
func (j *judge) identities(q Query) []string {
	names := make([]string, len(q.Positives))
	for i, p := range q.Positives {
		names[i] = j.corpus.Passages[p].ID
		if !j.corpus.givenIDs {
			names[i] = j.corpus.Passages[p].Full()
		}
	}
	return names
}

// describe names passages with their texts: `passage "17" ("Adds …")`.
func (j *judge) describe(passages []int32) string {
	names := make([]string, len(passages))
	for i, p := range passages {
		names[i] = fmt.Sprintf("passage %q (%s)", j.corpus.ID(p), excerpt(j.corpus.Passages[p].Full()))
	}
	return strings.Join(names, " and ")
}

func sortedSet(positions []int32) []int32 {
	slices.Sort(positions)
	return slices.Compact(positions)
}
