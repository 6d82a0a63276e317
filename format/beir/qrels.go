package beir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
)

// Judgment is one line of a qrels file.
type Judgment struct {
	Query, Passage string
	Grade          int
	Line           int
}

// ReadQrels reads judgments: a tab-separated file of query, passage and grade, with or without BEIR's head line
// (`query-id corpus-id score`), or JSON lines with those three keys, as MTEB's data sets have them; the first line tells
// which. A grade such as 1.0 is a whole number too. A pair that occurs twice, a grade that is no whole number and another number of columns are errors with file and
// line.
func ReadQrels(r io.Reader, name string) ([]Judgment, error) {
	lines := corpus.NewLines(r, name, corpus.LineOptions{})
	lineOf := map[[2]string]int{}
	var judgments []Judgment
	var parse func(line []byte) (Judgment, error)
	for first := true; ; first = false {
		line, err := lines.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if first {
			parse = parseColumns
			if bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")) {
				parse = parseObject
			} else if isHead(line) {
				continue
			}
		}
		j, err := parse(line)
		if err != nil {
			return nil, lines.Errorf("%w", err)
		}
		pair := [2]string{j.Query, j.Passage}
		if before, ok := lineOf[pair]; ok {
			return nil, lines.Errorf("query %q, passage %q: the pair is already on line %d", pair[0], pair[1], before)
		}
		j.Line = lines.Number()
		lineOf[pair] = j.Line
		judgments = append(judgments, j)
	}
	if len(judgments) == 0 {
		return nil, fmt.Errorf("%s: no judgments", name)
	}
	return judgments, nil
}

// isHead tells BEIR's head line, whose third column is the word score.
func isHead(line []byte) bool {
	fields := strings.Split(string(line), "\t")
	return len(fields) == 3 && strings.TrimSpace(fields[2]) == "score"
}

func parseColumns(line []byte) (Judgment, error) {
	fields := strings.Split(string(line), "\t")
	if len(fields) != 3 {
		return Judgment{}, fmt.Errorf("%d columns parted by tabs, want 3: query-id corpus-id score", len(fields))
	}
	grade, err := strconv.ParseFloat(fields[2], 64)
	if err != nil || !isWhole(grade) || strings.ContainsAny(fields[2], "xX_") { // which Go reads, and no other reader
		return Judgment{}, fmt.Errorf("the grade is %q, want a whole number", fields[2])
	}
	return Judgment{Query: fields[0], Passage: fields[1], Grade: int(grade)}, nil
}

// isWhole says whether a grade is a whole number of 32 bits.
func isWhole(grade float64) bool {
	return grade == math.Trunc(grade) && math.Abs(grade) <= math.MaxInt32
}

// parseObject reads {"query-id": "q", "corpus-id": "d", "score": 1}.
func parseObject(line []byte) (Judgment, error) {
	object, err := corpus.ParseObject(line)
	if err != nil {
		return Judgment{}, err
	}
	var j Judgment
	for _, field := range []struct {
		key  string
		into *string
	}{{"query-id", &j.Query}, {"corpus-id", &j.Passage}} {
		value, ok := object.Get(field.key)
		if !ok {
			return j, fmt.Errorf("the row has no %q", field.key)
		}
		if *field.into, err = corpus.DecodeID(value); err != nil {
			return j, fmt.Errorf("%q: %w", field.key, err)
		}
	}
	value, ok := object.Get("score")
	if !ok {
		return j, fmt.Errorf(`the row has no "score"`)
	}
	var grade float64
	if err := json.Unmarshal(value, &grade); err != nil || !isWhole(grade) {
		return j, fmt.Errorf("the grade is %s, want a whole number", value)
	}
	j.Grade = int(grade)
	return j, nil
}
