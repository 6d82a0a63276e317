package corpus

import (
	"fmt"
	"io"
	"strconv"
)

// ReadOptions says how a file of passages or queries is read.
type ReadOptions struct {
	IDField    string // the field that holds the id; empty means `id` or `_id`
	GroupField string // the field whose value groups queries of one question, or passages of one topic; empty means no groups

	// OtherGroup finds the group of a query whose row lacks the group field; "" is none. May be nil.
	OtherGroup func(row Object) (string, error)

	Fields        []string // queries: further fields to keep, which every row must have
	AllowUnjudged bool     // queries: a query without positives is no error
	ByTexts       bool     // queries: ids of positives have no part, for their corpus is another one; texts judge
	MaxLine       int      // longest line in bytes; 0 means DefaultMaxLine
}

// Warning is something a reader let pass that its user should know.
type Warning struct {
	File string
	Line int // 1-based
	Text string
}

// String is `file:line: text`.
func (w Warning) String() string { return fmt.Sprintf("%s:%d: %s", w.File, w.Line, w.Text) }

// ReadPassages reads a corpus from JSONL, plain or gzipped: one object a line with `text`, and optionally `title` and an id
// (`id`, `_id` or the one that IDField names). Other keys are ignored. Errors name file and line. An empty passage and a
// repeated text are warnings, each named once with a count.
func ReadPassages(r io.Reader, name string, o ReadOptions) (*Corpus, []Warning, error) {
	lines := NewLines(r, name, LineOptions{MaxLine: o.MaxLine})
	seen := newIDs("passage")
	var passages []Passage
	var numbers []int32 // line of each passage
	for {
		row, err := lines.NextObject()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		p, err := passageOf(row, o)
		if err == nil {
			err = seen.add(p.ID, lines.Number())
		}
		if err != nil {
			return nil, nil, lines.Errorf("%w", err)
		}
		if p.ID == "" {
			p.ID = strconv.Itoa(lines.Number() - 1)
		}
		passages = append(passages, p)
		numbers = append(numbers, int32(lines.Number()))
	}
	if len(passages) == 0 {
		return nil, nil, fmt.Errorf("%s: no passages", name)
	}
	c := index(passages, seen.given)
	c.file, c.lines = name, numbers
	return c, c.warnings(), nil
}

func passageOf(row Object, o ReadOptions) (Passage, error) {
	var p Passage
	var err error
	if p.ID, err = idOf(row, o.IDField); err != nil {
		return p, err
	}
	text, ok := row.Get("text")
	if !ok {
		return p, fmt.Errorf(`the passage has no "text"%s`, hasKeys(row))
	}
	if p.Text, err = Text(text); err != nil {
		return p, fmt.Errorf(`"text": %w`, err)
	}
	if title, ok := row.Get("title"); ok {
		if p.Title, err = Text(title); err != nil {
			return p, fmt.Errorf(`"title": %w`, err)
		}
	}
	p.Group, err = groupOf(row, o.GroupField)
	return p, err
}

// warnings names the first empty passage and the first repeated text, with how many there are.
func (c *Corpus) warnings() []Warning {
	var found []Warning
	empty, repeated, firstEmpty, firstRepeated := 0, 0, 0, 0
	for i, p := range c.Passages {
		if p.Full() == "" {
			if empty++; empty == 1 {
				firstEmpty = i
			}
		}
		if int(c.firstFor[i]) != i {
			if repeated++; repeated == 1 {
				firstRepeated = i
			}
		}
	}
	if empty > 0 {
		text := fmt.Sprintf("passage %q: empty text; it is embedded as its special tokens alone (%d such in the file)", c.Passages[firstEmpty].ID, empty)
		found = append(found, Warning{c.file, int(c.lines[firstEmpty]), text})
	}
	if repeated > 0 {
		first := c.firstFor[firstRepeated]
		text := fmt.Sprintf("passage %q has the text of passage %q on line %d; they count as one for exclusion and as two for judging (%d such in the file)",
			c.Passages[firstRepeated].ID, c.Passages[first].ID, c.lines[first], repeated)
		found = append(found, Warning{c.file, int(c.lines[firstRepeated]), text})
	}
	return found
}
