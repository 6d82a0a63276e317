// Package corpus holds the texts that everything else is about: passages and queries, their ids and keys, and the
// readers that turn JSONL files into them with file and line in every error.
package corpus

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/quarry-ml/quarry/ranking"
)

// Passage is one text of the corpus.
type Passage struct {
	ID    string // as given, normalised (1287.0 is "1287"); the 0-based line number where none is given
	Title string
	Text  string
	Group string // value of the group field (a topic, a document), empty where no field is named
}

// Full is the text that is embedded and compared: title, space and text where there is a title, stripped of surrounding
// white space as BEIR's loaders do.
func (p Passage) Full() string {
	if p.Title == "" {
		return Strip(p.Text)
	}
	return Strip(p.Title + " " + p.Text)
}

// Query is one text that asks, with what is known of its answers.
type Query struct {
	ID        string   // as given, normalised; empty where none is given
	Key       string   // identity for keyed draws: the id, else a digest of text, positives and ordinal (semantics: ids and texts)
	Text      string   // without any prompt
	Prompt    string   // the row's own prompt; used only where a recipe says so
	Positives []int32  // positions of the passages that judge it, sorted, grade > 0
	Negatives []string // texts of negatives that the file already gives (`neg`)
	Group     string   // value of the group field (questions that share rows), empty where there is none
	File      string   // that it stands in, as messages name it; empty of one that no file has
	Line      int      // 1-based line in its file

	Fields map[string]string // values of the fields that were asked for; nil where none were
}

// Place is where the query stands, as messages name it: `file:line`, or its key where no file has it.
func (q Query) Place() string {
	if q.File == "" {
		return fmt.Sprintf("query %q", q.Key)
	}
	return fmt.Sprintf("%s:%d", q.File, q.Line)
}

// Corpus is the passages that a search ranges over. It is not changed after it is made and may be shared.
type Corpus struct {
	Passages []Passage

	givenIDs   bool
	positionOf map[string]int32     // by id
	firstOf    map[textDigest]int32 // first passage of each text
	sameAs     map[int32][]int32    // by first passage; only texts that occur more than once
	firstFor   []int32              // by passage, the first passage with its text
	file       string               // that the passages stand in, as messages name it; empty of those that no file has
	lines      []int32              // by passage, its 1-based line there

	ordering sync.Once
	order    ranking.Order // of Order; nil before it is asked for
}

// New makes a corpus of passages. Either all have an id or none has; without ids a passage gets its position as id.
func New(passages []Passage) (*Corpus, error) {
	seen := newIDs("passage")
	for i, p := range passages {
		if err := seen.add(p.ID, i+1); err != nil {
			return nil, fmt.Errorf("passage %d: %w", i+1, err)
		}
	}
	passages = slices.Clone(passages)
	for i := range passages {
		if !seen.given {
			passages[i].ID = strconv.Itoa(i)
		}
	}
	return index(passages, seen.given), nil
}

// Len is the number of passages.
func (c *Corpus) Len() int { return len(c.Passages) }

// ID is the id of the passage at a position.
func (c *Corpus) ID(p int32) string { return c.Passages[p].ID }

// Place is where a passage stands, as messages name it: `file:line`, or its id where no file has it.
func (c *Corpus) Place(p int32) string {
	if c.file == "" {
		return fmt.Sprintf("passage %q", c.ID(p))
	}
	return fmt.Sprintf("%s:%d", c.file, c.lines[p])
}

// IDs are the ids of all passages, in corpus order.
func (c *Corpus) IDs() []string {
	ids := make([]string, len(c.Passages))
	for i, p := range c.Passages {
		ids[i] = p.ID
	}
	return ids
}

// GivenIDs reports whether the passages came with ids; else theirs are their places.
func (c *Corpus) GivenIDs() bool { return c.givenIDs }

// ByID is the position of the passage with an id.
func (c *Corpus) ByID(id string) (int32, bool) {
	p, ok := c.positionOf[id]
	return p, ok
}

// ByText is the positions of all passages whose full text equals text once stripped, in corpus order; nil when there are none.
func (c *Corpus) ByText(text string) []int32 {
	first, ok := c.firstOf[digestText(Strip(text))]
	if !ok {
		return nil
	}
	return c.SameText(first)
}

// SameText is the positions of all passages with the text of passage p, itself included, in corpus order.
func (c *Corpus) SameText(p int32) []int32 {
	if same, ok := c.sameAs[c.firstFor[p]]; ok {
		return same
	}
	return []int32{p}
}

// Texts are the full texts of all passages, in corpus order.
func (c *Corpus) Texts() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range c.Passages {
			if !yield(p.Full()) {
				return
			}
		}
	}
}

// Positions are the positions of all passages in an order of their own: by the string order of ids where the file gave
// ids, so that the order of its lines does not matter, else in corpus order.
func (c *Corpus) Positions() []int32 {
	positions := make([]int32, len(c.Passages))
	for i := range positions {
		positions[i] = int32(i)
	}
	if c.givenIDs {
		slices.SortFunc(positions, func(a, b int32) int { return strings.Compare(c.ID(a), c.ID(b)) })
	}
	return positions
}

// InOrder are passages in the order of Positions, which the order of a file with ids has no part in.
func (c *Corpus) InOrder(passages []int32) []int32 {
	ordered := slices.Clone(passages)
	if c.givenIDs {
		slices.SortFunc(ordered, func(a, b int32) int { return strings.Compare(c.ID(a), c.ID(b)) })
	} else {
		slices.Sort(ordered)
	}
	return ordered
}

// Order breaks ties between equal scores: by the string order of ids where the file gave ids, by corpus order (nil) where not. It is
// made once, whoever asks how often, and belongs to the corpus.
func (c *Corpus) Order() ranking.Order {
	if !c.givenIDs {
		return nil
	}
	c.ordering.Do(func() {
		c.order = make(ranking.Order, len(c.Passages))
		for place, p := range c.Positions() {
			c.order[p] = int32(place)
		}
	})
	return c.order
}

// index builds the look-ups of passages that all have an id.
func index(passages []Passage, givenIDs bool) *Corpus {
	c := &Corpus{
		Passages:   passages,
		givenIDs:   givenIDs,
		positionOf: make(map[string]int32, len(passages)),
		firstOf:    make(map[textDigest]int32, len(passages)),
		sameAs:     map[int32][]int32{},
		firstFor:   make([]int32, len(passages)),
	}
	for i, p := range passages {
		position := int32(i)
		c.positionOf[p.ID] = position
		digest := digestText(p.Full())
		first, repeated := c.firstOf[digest]
		if !repeated {
			c.firstOf[digest], c.firstFor[i] = position, position
			continue
		}
		c.firstFor[i] = first
		if c.sameAs[first] == nil {
			c.sameAs[first] = []int32{first}
		}
		c.sameAs[first] = append(c.sameAs[first], position)
	}
	return c
}

// Strip removes the white space around a text that Python's str.strip does: Unicode's and the four ASCII separators.
func Strip(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f })
}
