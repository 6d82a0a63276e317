package beir

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/ranking"
)

// QueryResults is the scores of one query's passages, in the order of the file.
type QueryResults struct {
	Query string
	Hits  []Result
}

// Result is one passage and its score.
type Result struct {
	Passage string
	Score   float64
}

// ReadResults reads rankings as BEIR, pytrec_eval and ranx keep them in JSON: `{"query": {"passage": score, …}, …}`, and
// MTEB's files of predictions, where that stands under a subset and a split (`{"default": {"test": …}}`) of which there
// may be one alone. A query or passage that occurs twice, and a score that is no finite number, are errors with the file
// and the byte.
func ReadResults(r io.Reader, name string) ([]QueryResults, error) {
	decoder := json.NewDecoder(r)
	decoder.UseNumber()
	p := &resultParser{decoder: decoder, rest: r}
	root, err := p.value(0)
	if err == nil {
		if _, end := decoder.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: byte %d: %w", name, decoder.InputOffset(), err)
	}
	queries, err := unwrap(root)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(queries) == 0 {
		return nil, fmt.Errorf("%s: no queries", name)
	}
	var results []QueryResults
	for _, q := range queries {
		one := QueryResults{Query: q.key}
		if q.value.members == nil {
			return nil, fmt.Errorf("%s: query %q: want an object of passages and scores", name, q.key)
		}
		for _, hit := range *q.value.members {
			if hit.value.members != nil {
				return nil, fmt.Errorf("%s: query %q, passage %q: want a score, got an object", name, q.key, hit.key)
			}
			one.Hits = append(one.Hits, Result{hit.key, hit.value.score})
		}
		results = append(results, one)
	}
	return results, nil
}

// resultValue is a score, or an object where members is not nil.
type resultValue struct {
	members *[]resultMember
	score   float64
}

type resultMember struct {
	key   string
	value resultValue
}

// modelMeta is the one key of MTEB's predictions that names no subset.
const modelMeta = "mteb_model_meta"

// deepest is the levels of MTEB's predictions: subset, split, query, passage. What describes the model may be deeper.
const deepest = 4

type resultParser struct {
	decoder *json.Decoder
	rest    io.Reader // what the decoder has not read
	keys    []string  // of the objects around the place
}

func (p *resultParser) value(level int) (resultValue, error) {
	token, err := p.decoder.Token()
	if word := p.noNumber(err); word != "" {
		return resultValue{}, p.noScore(word)
	}
	if err != nil {
		return resultValue{}, cut(err)
	}
	switch v := token.(type) {
	case json.Number:
		score, err := v.Float64()
		if err != nil || math.IsInf(score, 0) {
			return resultValue{}, p.noScore(string(v))
		}
		return resultValue{score: score}, nil
	case json.Delim:
		if v == '{' && level < deepest {
			return p.object(level)
		}
	}
	return resultValue{}, fmt.Errorf("want an object of queries, passages and scores, got %v", token)
}

// noNumber is the word at the place of a syntax error that JSON does not have and Python's writer gives all the same; empty
// where there is another fault.
func (p *resultParser) noNumber(err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	var next [len("-Infinity")]byte
	n, _ := io.ReadFull(io.MultiReader(p.decoder.Buffered(), p.rest), next[:]) // fewer bytes are told by n
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if strings.HasPrefix(string(next[:n]), word) {
			return word
		}
	}
	return ""
}

// noScore refuses a score, by query and passage where it stands under both.
func (p *resultParser) noScore(score string) error {
	if n := len(p.keys); n > 1 {
		return fmt.Errorf("query %q, passage %q: the score is %s, want a finite number", p.keys[n-2], p.keys[n-1], score)
	}
	return fmt.Errorf("the score is %s, want a finite number", score)
}

func (p *resultParser) object(level int) (resultValue, error) {
	members := []resultMember{}
	seen := map[string]bool{}
	for p.decoder.More() {
		token, err := p.decoder.Token()
		if err != nil {
			return resultValue{}, cut(err)
		}
		key, ok := token.(string)
		switch {
		case !ok:
			return resultValue{}, fmt.Errorf("want a key, got %v", token)
		case seen[key]:
			return resultValue{}, fmt.Errorf("%q stands twice in one object", key)
		}
		seen[key] = true
		if level == 0 && key == modelMeta {
			var ignored json.RawMessage
			if err := p.decoder.Decode(&ignored); err != nil {
				return resultValue{}, cut(err)
			}
			continue
		}
		p.keys = append(p.keys, key)
		value, err := p.value(level + 1)
		if err != nil {
			return resultValue{}, err
		}
		p.keys = p.keys[:len(p.keys)-1]
		members = append(members, resultMember{key, value})
	}
	if _, err := p.decoder.Token(); err != nil {
		return resultValue{}, cut(err)
	}
	return resultValue{members: &members}, nil
}

// unwrap returns the queries, whether or not they stand under a subset and a split.
func unwrap(root resultValue) ([]resultMember, error) {
	if root.members == nil {
		return nil, errors.New("want an object of queries, got a number")
	}
	if depth(root) < deepest {
		return *root.members, nil
	}
	at := root
	for _, level := range []string{"subset", "split"} {
		if n := len(*at.members); n != 1 {
			return nil, fmt.Errorf("the file holds %d %ss; write one of them to a file of its own", n, level)
		}
		at = (*at.members)[0].value
		if at.members == nil {
			return nil, fmt.Errorf("the %s holds a number, want an object", level)
		}
	}
	return *at.members, nil
}

// depth is the levels of objects in a value.
func depth(v resultValue) int {
	if v.members == nil {
		return 0
	}
	deep := 0
	for _, m := range *v.members {
		deep = max(deep, depth(m.value))
	}
	return deep + 1
}

// cut names the end of a file that ends too early.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the file ends in the middle of an object")
	}
	return err
}

// ResultsWriter writes rankings as ReadResults reads them, query by query.
type ResultsWriter struct {
	w    *bufio.Writer
	seen map[string]bool
}

// NewResultsWriter begins a file. Call Flush at the end.
func NewResultsWriter(w io.Writer) *ResultsWriter {
	return &ResultsWriter{bufio.NewWriter(w), map[string]bool{}}
}

// Write writes the ranking of one query, best first; id names its passages. A score has the fewest digits that give the
// same float32 back. A query that was written before, a passage that is there twice and a score that is not finite are
// errors.
func (w *ResultsWriter) Write(query string, hits ranking.Ranking, id func(passage int32) string) error {
	if w.seen[query] {
		return fmt.Errorf("query %q is in the file already", query)
	}
	before := ",\n"
	if len(w.seen) == 0 {
		before = "{\n"
	}
	w.seen[query] = true
	w.put(before, quote(query), ": {")
	passages := map[int32]bool{}
	for i, h := range hits {
		score := float64(h.Score)
		switch {
		case math.IsNaN(score) || math.IsInf(score, 0):
			return fmt.Errorf("query %q, passage %q: the score is %v, want a finite number", query, id(h.Passage), score)
		case passages[h.Passage]:
			return fmt.Errorf("query %q, passage %q: ranked twice", query, id(h.Passage))
		}
		passages[h.Passage] = true
		if i > 0 {
			w.put(", ")
		}
		w.put(quote(id(h.Passage)), ": ", strconv.FormatFloat(score, 'f', -1, 32))
	}
	w.put("}")
	return nil
}

// Flush ends the object and writes what is buffered.
func (w *ResultsWriter) Flush() error {
	if len(w.seen) == 0 {
		w.put("{")
	}
	w.put("\n}\n")
	return w.w.Flush()
}

// put keeps its error until Flush, as bufio does.
func (w *ResultsWriter) put(texts ...string) {
	for _, text := range texts {
		w.w.WriteString(text)
	}
}

func quote(text string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // A string is always JSON.
	}
	return strings.TrimSuffix(b.String(), "\n")
}
