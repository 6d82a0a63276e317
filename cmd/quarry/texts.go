package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/embedding"
)

// Kinds of texts.
const (
	kindQuery   = "query"
	kindPassage = "passage"
)

// textFile is a JSONL file of texts to embed or tokenize.
type textFile struct {
	host   *host
	path   string
	flag   string    // that names it; empty is input
	kind   string    // query, passage or empty
	limits *idLimits // of lines of token ids; nil leaves them unchecked
	reads  string    // a flag that says how texts are read, and so has no part in token ids; may be empty
}

// idLimits is what a network can take.
type idLimits struct{ vocabulary, positions int }

// count reads the whole file and returns the number of its texts.
func (t textFile) count() (int, error) {
	n, empty := 0, 0
	for text, err := range t.texts {
		if err != nil {
			return 0, err
		}
		n++
		if text.IDs == nil && text.Text == "" {
			empty++
		}
	}
	if n == 0 {
		return 0, badInputf("%s: no texts", t.path)
	}
	if empty > 0 {
		t.host.note("warning: %s: %d empty texts; they are embedded as their special tokens alone", t.path, empty)
	}
	return n, nil
}

// texts yields the texts one by one; an error ends them.
func (t textFile) texts(yield func(embedding.Text, error) bool) {
	t.numbered(func(_ int, text embedding.Text, err error) bool { return yield(text, err) })
}

// place is where the text at a position stands: the file is read once more up to it, since nobody kept the numbers of its lines.
func (t textFile) place(i int) string {
	at := 0
	t.numbered(func(line int, _ embedding.Text, _ error) bool {
		at = line
		i--
		return i >= 0
	})
	return fmt.Sprintf("%s:%d", t.path, at)
}

// numbered yields the texts with the numbers of their lines.
func (t textFile) numbered(yield func(line int, text embedding.Text, err error) bool) {
	flag := cmp.Or(t.flag, "input")
	f, err := t.host.open(flag, t.path)
	if err != nil {
		yield(0, embedding.Text{}, badInputf("--%s: %w", flag, err))
		return
	}
	defer f.Close()
	t.read(f, yield)
}

func (t textFile) read(r io.Reader, yield func(line int, text embedding.Text, err error) bool) {
	lines := corpus.NewLines(r, t.path, corpus.LineOptions{})
	for {
		row, err := lines.NextObject()
		if err == io.EOF {
			return
		}
		var text embedding.Text
		if err == nil {
			if text, err = t.text(row); err != nil {
				err = lines.Errorf("%w", err)
			}
		}
		if !yield(lines.Number(), text, badInput(err)) || err != nil {
			return
		}
	}
}

// text reads a row: ids, a query, or a text with its title.
func (t textFile) text(row corpus.Object) (embedding.Text, error) {
	raw, isIDs := row.Get("ids")
	query, isQuery := row.Get("query")
	passage, isText := row.Get("text")
	switch {
	case isIDs && (isQuery || isText):
		return embedding.Text{}, errors.New(`"ids" beside a text: keep one`)
	case isIDs && t.reads != "":
		return embedding.Text{}, fmt.Errorf(`"ids" are taken as they are, and --%s has no part in them`, t.reads)
	case isIDs:
		ids, err := t.ids(raw)
		return embedding.Text{IDs: ids}, err
	case isQuery && isText && string(query) != string(passage):
		return embedding.Text{}, errors.New(`"query" and "text" differ; keep one`)
	case isQuery:
		return t.plain("query", query)
	case isText && t.kind == kindQuery:
		return t.plain("text", passage)
	case isText:
		return titled(row, passage)
	}
	return embedding.Text{}, errors.New(`the row has none of "text", "query" and "ids"`)
}

func (t textFile) plain(key string, raw []byte) (embedding.Text, error) {
	text, err := corpus.Text(raw)
	if err != nil {
		return embedding.Text{}, fmt.Errorf("%q: %w", key, err)
	}
	if strings.TrimSpace(text) == "" && (t.kind == kindQuery || key == "query") {
		return embedding.Text{}, errors.New("empty query")
	}
	return embedding.Text{Text: text}, nil
}

// titled is a passage as search embeds it.
func titled(row corpus.Object, raw []byte) (embedding.Text, error) {
	var p corpus.Passage
	var err error
	if p.Text, err = corpus.Text(raw); err != nil {
		return embedding.Text{}, fmt.Errorf(`"text": %w`, err)
	}
	if title, ok := row.Get("title"); ok {
		if p.Title, err = corpus.Text(title); err != nil {
			return embedding.Text{}, fmt.Errorf(`"title": %w`, err)
		}
	}
	return embedding.Text{Text: p.Full()}, nil
}
