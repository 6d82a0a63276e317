package vectors

import (
	"fmt"
	"io"

	"github.com/quarry-ml/quarry/corpus"
)

// ReadIDs reads the ids of a matrix's rows, one a line, exactly as they stand: white space is part of an id. A blank line
// and a repeated id are errors that name the line.
func ReadIDs(r io.Reader, name string) ([]string, error) {
	lines := corpus.NewLines(r, name, corpus.LineOptions{KeepBlanks: true})
	lineOf := map[string]int{}
	var ids []string
	for {
		line, err := lines.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		id := string(line)
		if id == "" {
			return nil, lines.Errorf("a blank line; every line is the id of one row")
		}
		if before, ok := lineOf[id]; ok {
			return nil, lines.Errorf("the id %q is already on line %d", id, before)
		}
		lineOf[id] = lines.Number()
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%s: no ids", name)
	}
	return ids, nil
}
