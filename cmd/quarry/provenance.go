package main

import (
	"errors"
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/provenance"
)

// minedKeys returns the query keys that rows were mined under, so that training on them draws as a run would; "" where
// a row does not say.
func minedKeys(r io.Reader, name string) ([]string, error) {
	lines := corpus.NewLines(r, name, corpus.LineOptions{})
	var keys []string
	for {
		row, err := lines.NextObject()
		if errors.Is(err, io.EOF) {
			return keys, nil
		}
		if err != nil {
			return nil, err
		}
		from, _, err := provenance.OfRow(row)
		if err != nil {
			return nil, lines.Errorf("%w", err)
		}
		keys = append(keys, from.Key)
	}
}
