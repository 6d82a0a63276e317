package main

import (
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/provenance"
)

// minedGroup is the group that a query had in the rows that it was mined from; "" where the row does not say.
func minedGroup(row corpus.Object) (string, error) {
	from, _, err := provenance.OfRow(row)
	return from.Group, err
}

// rankersOf are what ranked the candidates of a file, each with its digest.
func rankersOf(h candidates.Header) []provenance.Source {
	if len(h.Sources) == 0 {
		return []provenance.Source{{Source: dense, Kind: dense, Digest: h.ModelDigest}}
	}
	var sources []provenance.Source
	for _, s := range h.Sources {
		sources = append(sources, provenance.Source{Source: s.Name, Kind: s.Kind, Digest: s.ModelDigest, Parameters: s.Parameters})
	}
	return sources
}

// minerOf is the digest of what ranked, of several sources that of the model which the command names.
func minerOf(h candidates.Header) string {
	sources := rankersOf(h)
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
