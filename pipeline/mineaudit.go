package pipeline

import (
	"errors"
	"fmt"

	"github.com/quarry-ml/quarry/audit"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// MissedError says that mined rows hold more of a finding than the recipe expects.
type MissedError struct{ error }

// Unwrap is the findings.
func (e MissedError) Unwrap() error { return e.error }

// auditRows looks over the rows of train as a trainer reads them.
func (r *round) auditRows(rows []minedRow) error {
	if r.stages.Mine.Source == recipe.None {
		return nil
	}
	o := audit.DefaultOptions()
	o.Negatives = r.stages.Mine.Negatives
	auditor, err := audit.New(o)
	if err != nil {
		return err
	}
	for i, m := range rows {
		row, err := audit.FromFlagEmbedding(m.row)
		if err != nil {
			return err
		}
		row.Line = i + 1
		auditor.Add(row)
	}
	report := auditor.Report()
	r.note("round %d: %s: %s", r.index, r.stageName(StageMine), report)
	var missed []error
	for _, l := range r.stages.Mine.Expect {
		if text := l.Missed(report); text != "" {
			missed = append(missed, errors.New(text))
		}
	}
	if missed == nil {
		return nil
	}
	return MissedError{fmt.Errorf("%s: the rows of %s: %w", r.at("mine.expect"), r.files.Negatives(rundir.Train), errors.Join(missed...))}
}
