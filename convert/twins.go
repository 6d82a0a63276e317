package convert

import (
	"crypto/sha256"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/trainingset"
)

// twins finds the passages that their text alone does not name, for another one has it.
type twins struct {
	corpus *corpus.Corpus          // nil where the rows alone hold the passages
	first  map[[16]byte]passageKey // of each text, by a digest, in the order of the rows
}

func (s *Set) newTwins() twins { return twins{s.Corpus, map[[16]byte]passageKey{}} }

// of says whether a row has a negative, or a positive without an id, that is not the first passage of its text. Every row has to be
// looked at once, in order.
func (t twins) of(row *trainingset.Row) bool {
	found := false
	for i, p := range row.Passages() {
		other := t.firstOf(p) != keyOf(p)
		found = found || other && (p.ID == "" || i >= len(row.Positives))
	}
	return found
}

// firstOf is the first passage of a passage's text. One that the corpus lacks is its own.
func (t twins) firstOf(p trainingset.Passage) passageKey {
	if t.corpus != nil {
		same := t.corpus.ByText(p.Full())
		if len(same) == 0 || p.ID == "" && t.corpus.GivenIDs() {
			return keyOf(p) // its text is all that the row has of it
		}
		return keyOf(passageOf(t.corpus, same[0]))
	}
	sum := sha256.Sum256([]byte(corpus.Strip(p.Full())))
	text := [16]byte(sum[:16])
	if _, met := t.first[text]; !met {
		t.first[text] = keyOf(p)
	}
	return t.first[text]
}
