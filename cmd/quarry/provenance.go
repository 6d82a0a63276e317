package main

import (
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/provenance"
)

// minedGroup is the group that a query had in the rows that it was mined from; "" where the row does not say.
func minedGroup(row corpus.Object) (string, error) {
	from, _, err := provenance.OfRow(row)
	return from.Group, err
}

// minedKeys returns the query keys that rows were mined under, so that training on them draws as a run would; "" where
// a row does not say.
func minedKeys(r io.Reader, name string) ([]string, error) {
	lines := corpus.NewLines(r, name, corpus.LineOptions{})
	var keys []string
	err := lines.Each(func(row corpus.Object) error {
		from, _, err := provenance.OfRow(row)
		if err != nil {
			return lines.Errorf("%w", err)
		}
		keys = append(keys, from.Key)
		return nil
	})
	return keys, err
}
