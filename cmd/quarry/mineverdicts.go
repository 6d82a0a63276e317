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
	var said []verdicts.Verdict
	err := readInput(h, "verdicts", o.Verdicts, func(r io.Reader) error {
		var err error
		said, err = verdicts.Read(r, o.Verdicts)
		return err
	})
	if err != nil {
		return err
	}
	d.said = review.Of(said, d.corpus, d.queries)
	d.queries = d.said.Queries(d.queries)
	h.note("verdicts of %s: %s", o.Verdicts, d.said)
	return nil
}

// counts are those of the verdicts; nil where none were given.
func (d data) counts() *review.Counts {
	if d.said == nil {
		return nil
	}
	return &d.said.Counts
}
