package beir

import (
	"fmt"
	"io"
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

// ReadQrels reads a tab-separated file of query, passage and grade, with or without BEIR's head line
// (`query-id corpus-id score`). A pair that occurs twice, a grade that is no whole number and another number of columns are
// errors with file and line.
func ReadQrels(r io.Reader, name string) ([]Judgment, error) {
	lines := corpus.NewLines(r, name, corpus.LineOptions{})
	lineOf := map[[2]string]int{}
	var judgments []Judgment
	for first := true; ; first = false {
		line, err := lines.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		fields := strings.Split(string(line), "\t")
		if len(fields) != 3 {
			return nil, lines.Errorf("%d columns parted by tabs, want 3: query-id corpus-id score", len(fields))
		}
		grade, err := strconv.ParseInt(fields[2], 10, 32)
		if err != nil {
			if first && strings.TrimSpace(fields[2]) == "score" {
				continue
			}
			return nil, lines.Errorf("the grade is %q, want a whole number", fields[2])
		}
		pair := [2]string{fields[0], fields[1]}
		if before, ok := lineOf[pair]; ok {
			return nil, lines.Errorf("query %q, passage %q: the pair is already on line %d", pair[0], pair[1], before)
		}
		lineOf[pair] = lines.Number()
		judgments = append(judgments, Judgment{fields[0], fields[1], int(grade), lines.Number()})
	}
	if len(judgments) == 0 {
		return nil, fmt.Errorf("%s: no judgments", name)
	}
	return judgments, nil
}
