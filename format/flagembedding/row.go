// Package flagembedding reads and writes FlagEmbedding's training rows: JSONL with `query`, `pos`, `neg`, their scores, `prompt`
// and `type`. Unknown keys and the order of keys survive, and the output is what Python's json.dumps writes.
package flagembedding

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
)

// Row is one row. Its values are changed through the setters, so that what is not touched stays as it was read.
type Row struct {
	fields corpus.Object
	line   int

	query, prompt, kind  string
	pos, neg             []string
	posScores, negScores []float64
}

// NewRow makes a row with the keys query and pos.
func NewRow(query string, pos []string) *Row {
	r := &Row{query: query}
	r.set("query", appendString(nil, query, false))
	r.pos = pos
	r.set("pos", appendStrings(nil, pos))
	return r
}

// Line is the row's 1-based line, 0 where it was made, not read.
func (r *Row) Line() int { return r.line }

// Query is the text that asks, without prompt.
func (r *Row) Query() string { return r.query }

// Pos are the texts of the positives.
func (r *Row) Pos() []string { return r.pos }

// Neg are the texts of the negatives; nil where the row has none.
func (r *Row) Neg() []string { return r.neg }

// PosScores are a teacher's scores of the positives, by index; nil where the row has none.
func (r *Row) PosScores() []float64 { return r.posScores }

// NegScores are a teacher's scores of the negatives, by index; nil where the row has none.
func (r *Row) NegScores() []float64 { return r.negScores }

// Prompt is the row's own instruction.
func (r *Row) Prompt() string { return r.prompt }

// Type is how a trainer treats the row: normal, only_1neg, symmetric_class, symmetric_sts or symmetric_clustering.
func (r *Row) Type() string { return r.kind }

// Get is any key's value as JSON.
func (r *Row) Get(key string) (json.RawMessage, bool) { return r.fields.Get(key) }

// SetNeg sets the negatives: in the place of `neg` where the row has the key, else last. Scores of other negatives would no
// longer fit, so `neg_scores` goes unless the texts stay the same.
func (r *Row) SetNeg(texts []string) {
	same := len(texts) == len(r.neg)
	for i := 0; same && i < len(texts); i++ {
		same = texts[i] == r.neg[i]
	}
	r.neg = texts
	r.set("neg", appendStrings(nil, texts))
	if !same {
		r.negScores = nil
		r.remove("neg_scores")
	}
}

// SetScores sets a teacher's scores of the positives and negatives. Another number than there are texts, and scores that are
// not finite, are errors.
func (r *Row) SetScores(pos, neg []float64) error {
	for _, s := range []struct {
		key    string
		scores []float64
		texts  []string
	}{{"pos_scores", pos, r.pos}, {"neg_scores", neg, r.neg}} {
		if err := checkScores(s.key, s.scores, len(s.texts)); err != nil {
			return err
		}
	}
	r.posScores, r.negScores = pos, neg
	r.set("pos_scores", appendFloats(nil, pos))
	r.set("neg_scores", appendFloats(nil, neg))
	return nil
}

// SetPrompt sets the row's own instruction.
func (r *Row) SetPrompt(prompt string) {
	r.prompt = prompt
	r.set("prompt", appendString(nil, prompt, false))
}

// SetType sets how a trainer treats the row.
func (r *Row) SetType(kind string) {
	r.kind = kind
	r.set("type", appendString(nil, kind, false))
}

// Set sets a key that this package does not interpret, such as a negative's provenance, to a JSON value.
func (r *Row) Set(key string, value json.RawMessage) error {
	if err := uninterpreted(key); err != nil {
		return err
	}
	if !json.Valid(value) {
		return fmt.Errorf("the value of %q is no JSON", key)
	}
	r.set(key, append(json.RawMessage(nil), value...))
	return nil
}

// Remove takes away a key that Set could set; a row without it stays as it is.
func (r *Row) Remove(key string) error {
	if err := uninterpreted(key); err != nil {
		return err
	}
	r.remove(key)
	return nil
}

func uninterpreted(key string) error {
	if strings.Contains(" query pos neg pos_scores neg_scores prompt type ", " "+key+" ") {
		return fmt.Errorf("the key %q has a setter of its own", key)
	}
	return nil
}

func (r *Row) set(key string, value []byte) {
	for i := range r.fields {
		if r.fields[i].Key == key {
			r.fields[i].Value = value
			return
		}
	}
	r.fields = append(r.fields, corpus.Field{Key: key, Value: value})
}

func (r *Row) remove(key string) {
	for i := range r.fields {
		if r.fields[i].Key == key {
			r.fields = append(r.fields[:i], r.fields[i+1:]...)
			return
		}
	}
}

// parse reads the keys that this package knows from the fields.
func (r *Row) parse() error {
	var err error
	text := func(key string, into *string) {
		if value, ok := r.fields.Get(key); ok && err == nil {
			*into, err = corpus.Text(value)
			err = about(key, err)
		}
	}
	texts := func(key string, into *[]string) {
		if value, ok := r.fields.Get(key); ok && err == nil {
			*into, err = corpus.Texts(value)
			err = about(key, err)
		}
	}
	scores := func(key string, into *[]float64, texts []string) {
		if value, ok := r.fields.Get(key); ok && err == nil {
			if *into, err = numbers(value); err != nil {
				err = about(key, err)
				return
			}
			err = checkScores(key, *into, len(texts))
		}
	}
	text("query", &r.query)
	texts("pos", &r.pos)
	texts("neg", &r.neg)
	scores("pos_scores", &r.posScores, r.pos)
	scores("neg_scores", &r.negScores, r.neg)
	text("prompt", &r.prompt)
	text("type", &r.kind)
	if err != nil {
		return err
	}
	if strings.TrimSpace(r.query) == "" {
		return errors.New(`"query" is missing or empty`)
	}
	if _, ok := r.fields.Get("pos"); !ok {
		return errors.New(`the row has no "pos"`)
	}
	return nil
}

func about(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%q: %w", key, err)
}

// numbers reads a list of numbers; null is none.
func numbers(value json.RawMessage) ([]float64, error) {
	var list []*float64
	if json.Unmarshal(value, &list) != nil || slices.Contains(list, nil) {
		return nil, errors.New("want a list of numbers")
	}
	if list == nil {
		return nil, nil
	}
	found := make([]float64, len(list))
	for i, n := range list {
		found[i] = *n
	}
	return found, nil
}

func checkScores(key string, scores []float64, texts int) error {
	if len(scores) != texts {
		return fmt.Errorf("%q: %d scores for %d texts", key, len(scores), texts)
	}
	for i, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return fmt.Errorf("%q[%d] is %v, want a finite number", key, i, s)
		}
	}
	return nil
}
