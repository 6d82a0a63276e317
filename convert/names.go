package convert

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/beir"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/trainingset"
)

// names gives passages and queries the ids that a format of several files joins them by. Of rows that hold their passages
// themselves it keeps a digest of each, never the texts.
type names struct {
	out    output
	needed bool // ids are made where none are given
	idOf   map[passageKey]string
	lineOf map[string]int // of the row that first had a passage's id
	given  int            // passages with an id of their own
}

// passageKey is a passage by its id, or without one by its texts.
type passageKey struct {
	id     string
	digest [16]byte
}

func newNames(out output) *names {
	return &names{out: out, idOf: map[passageKey]string{}, lineOf: map[string]int{}}
}

func keyOf(p trainingset.Passage) passageKey {
	if p.ID != "" {
		return passageKey{id: p.ID}
	}
	return passageKey{digest: digestOf(p)}
}

func digestOf(p trainingset.Passage) [16]byte {
	sum := sha256.Sum256([]byte(strconv.Itoa(len(p.Title)) + ":" + p.Title + p.Text))
	return [16]byte(sum[:16])
}

// passages tells all passages: those of the corpus, or the different ones of all rows in order of appearance. It has to be
// called before rows. given says whether the id is the passage's own.
func (n *names) passages(yield func(p corpus.Passage, given bool) error) error {
	if c := n.out.set.Corpus; c != nil {
		for _, p := range c.Passages {
			if err := yield(p, c.GivenIDs()); err != nil {
				return err
			}
		}
		return nil
	}
	clear(n.idOf)
	digests := map[string][16]byte{} // by given id
	return n.out.rows(func(row *trainingset.Row) error {
		for _, p := range row.Passages() {
			key := keyOf(p)
			if p.ID != "" {
				if before, ok := digests[p.ID]; ok && before != digestOf(p) {
					return fmt.Errorf("line %d: passage %q has another text or title than on line %d", row.Line, p.ID, n.lineOf[p.ID])
				}
			}
			if _, ok := n.idOf[key]; ok {
				continue
			}
			if p.ID != "" {
				n.given++
				digests[p.ID], n.lineOf[p.ID] = digestOf(p), row.Line
			}
			if n.given > 0 && n.given < len(n.idOf)+1 {
				return fmt.Errorf("line %d: some passages have an id and some have none; give one to all or to none", row.Line)
			}
			id := p.ID
			if id == "" {
				id = strconv.Itoa(len(n.idOf))
			}
			n.idOf[key] = id
			if err := yield(corpus.Passage{ID: id, Title: p.Title, Text: p.Text}, p.ID != ""); err != nil {
				return err
			}
		}
		return nil
	})
}

// rows tells the rows with ids: where they are needed, all have one.
func (n *names) rows(visit func(*trainingset.Row) error) error {
	keys := corpus.NewKeys()
	lineOf := map[string]int{}
	return n.out.rows(func(row *trainingset.Row) error {
		if row.ID != "" {
			if before, ok := lineOf[row.ID]; ok {
				return fmt.Errorf("line %d: query %q: the id is already on line %d; ids must differ", row.Line, row.ID, before)
			}
			lineOf[row.ID] = row.Line
		}
		if !n.needed {
			return visit(row)
		}
		if row.ID == "" {
			row.ID = row.Key
		}
		if row.ID == "" {
			var positives []string
			for _, p := range row.Positives {
				positives = append(positives, p.Full())
			}
			row.ID = keys.Of(row.Query, positives)
		}
		for _, list := range [][]trainingset.Passage{row.Positives, row.Negatives} {
			for i, p := range list {
				id, ok := n.id(p)
				if !ok {
					return fmt.Errorf("line %d: %.80q is no passage of the corpus", row.Line, p.Text)
				}
				list[i].ID = id
			}
		}
		return visit(row)
	})
}

func (n *names) id(p trainingset.Passage) (string, bool) {
	if n.out.set.Corpus != nil {
		return n.out.set.idOf(p)
	}
	id, ok := n.idOf[keyOf(p)]
	return id, ok
}

// judgments tells the judgments of all rows: a positive has the grade that it was given, or 1, a negative 0 or less. A
// passage that a row has twice is judged once, as it was first.
func (n *names) judgments(yield func(beir.Judgment) error) error {
	return n.rows(func(row *trainingset.Row) error {
		seen := map[string]bool{}
		for i, p := range row.Passages() {
			if seen[p.ID] {
				continue
			}
			seen[p.ID] = true
			grade := min(p.Grade, 0)
			if i < len(row.Positives) {
				grade = max(p.Grade, 1)
			}
			if err := yield(beir.Judgment{Query: row.ID, Passage: p.ID, Grade: grade}); err != nil {
				return err
			}
		}
		return nil
	})
}

// nameByProvenance gives the passages of a mined row the ids that it says under provenance.Key, and the query its key.
func nameByProvenance(row *trainingset.Row) {
	from, ok, err := provenance.OfRow(row.Fields)
	if !ok || err != nil || len(from.Positives) != len(row.Positives) || len(from.Negatives) != len(row.Negatives) {
		return // some other "quarry": the key is nobody's
	}
	for _, p := range row.Passages() {
		if p.ID != "" {
			return
		}
	}
	for i := range row.Positives {
		row.Positives[i].ID = from.Positives[i]
	}
	for i := range row.Negatives {
		row.Negatives[i].ID = from.Negatives[i].ID
	}
	if row.ID == "" {
		row.ID = from.Key
	}
}

func jsonLines(w io.Writer, tell func(write func(corpus.Object) error) error) error {
	to, err := table.NewWriter(w, table.JSONL, table.Schema{}.Schema)
	if err != nil {
		return err
	}
	if err := tell(to.Write); err != nil {
		return err
	}
	return to.Close()
}

func text(key, value string) corpus.Field {
	return corpus.Field{Key: key, Value: table.String(value)}
}

func texts(key string, passages []trainingset.Passage, of func(trainingset.Passage) string) corpus.Field {
	list := make([]string, len(passages))
	for i, p := range passages {
		list[i] = of(p)
	}
	return corpus.Field{Key: key, Value: table.Strings(list)}
}
