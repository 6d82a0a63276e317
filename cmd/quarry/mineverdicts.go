package main

import (
	"io"

	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/review"
)

// readVerdicts reads what people said of the queries' negatives, and takes what they promoted for positives.
func (o MineOptions) readVerdicts(h *host, d *data) error {
	if o.Verdicts == "" {
		return nil
	}
	said, err := readVerdictsFile(h, o.Verdicts)
	if err != nil {
		return err
	}
	d.said = review.Of(said, d.corpus, d.queries)
	d.queries = d.said.Queries(d.queries)
	h.note("verdicts of %s: %s", o.Verdicts, d.said)
	return nil
}

// readVerdictsFile reads the file of --verdicts.
func readVerdictsFile(h *host, path string) (said []verdicts.Verdict, err error) {
	err = readInput(h, "verdicts", path, func(r io.Reader) error {
		said, err = verdicts.Read(r, path)
		return err
	})
	return said, err
}

// counts are those of the verdicts; nil where none were given.
func (d data) counts() *review.Counts {
	if d.said == nil {
		return nil
	}
	return &d.said.Counts
}
