package main

import (
	"errors"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// tellResult says what a finished run has come to: where its last model and its charts are, and what it gained. Of a run
// that waits for something there is nothing to say yet.
func tellResult(h *host, dir string) (err error) {
	d, err := rundir.Open(dir, rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	r, err := report.Read(d)
	if err != nil {
		return err
	}
	rounds, _, err := d.Rounds()
	if err != nil {
		return err
	}
	round, _, ok := r.Result()
	if !ok || !round.Done || round.Round != rounds-1 {
		return nil
	}
	if err := h.printf("model   %s\ncharts  %s\n", d.Round(round.Round).Merged(), d.Page()); err != nil {
		return err
	}
	gain, ok := r.Gain()
	if !ok {
		return nil
	}
	if round.Better != "" {
		gain += "; " + round.Better
	}
	return h.printf("%s\n", gain)
}
