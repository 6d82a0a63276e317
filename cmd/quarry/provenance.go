package main

import (
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/pipeline"
)

// minedGroup is the group that a query had in the rows that it was mined from; "" where the row does not say.
func minedGroup(row corpus.Object) (string, error) {
	from, _, err := provenance.OfRow(row)
	return from.Group, err
}

// minerOf is the digest of what ranked, of several sources that of the model which the command names.
func minerOf(h candidates.Header) string {
	sources := pipeline.ProvenanceSources(h)
	for _, s := range sources {
		if len(sources) == 1 || s.Source == dense {
			return s.Digest
		}
	}
	return ""
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
