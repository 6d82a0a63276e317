package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/quarry-ml/quarry/audit"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// MissedError says that mined rows hold more of a finding than the recipe expects.
type MissedError struct{ error }

// Unwrap is the findings.
func (e MissedError) Unwrap() error { return e.error }

// looks are what is found of the rows of train while they are mined.
type looks struct {
	teacher *TeacherAudit  // nil without one
	rows    *audit.Auditor // as a trainer reads them; nil where nothing is mined
	fused   audit.Measure  // of rows of several sources
	count   int
	samples *samples // nil where nobody asks
}

// newLooks begins to look over a split; nil of others than train.
func (r *round) newLooks(s rundir.Split, scores *taught) (*looks, error) {
	if s != rundir.Train {
		return nil, nil
	}
	l := &looks{teacher: scores.audit(), samples: r.newSamples()}
	if r.stages.Mine.Source == recipe.None {
		return l, nil
	}
	if !r.stages.Mine.Scored() {
		l.fused = audit.ReciprocalRanks
	}
	o := audit.DefaultOptions()
	o.Negatives = r.stages.Mine.Negatives
	var err error
	l.rows, err = audit.New(o)
	return l, err
}

func (l *looks) add(m minedRow) error {
	if l == nil {
		return nil
	}
	l.count++
	l.teacher.Add(m.row)
	l.samples.add(m)
	if l.rows == nil {
		return nil
	}
	row, err := audit.FromFlagEmbedding(m.row, l.fused)
	if err != nil {
		return err
	}
	row.Line = l.count
	l.rows.Add(row)
	return nil
}

// tellLooks writes the audit and tells what was found, with what the miner counted.
func (r *round) tellLooks(ctx context.Context, l *looks, counts mine.Audit) error {
	if err := r.writeAudit(counts, l.teacher); err != nil {
		return err
	}
	if err := r.tellRows(l.rows); err != nil {
		return err
	}
	return r.show(ctx, l.samples)
}

// tellRows tells what an audit found of the rows, and refuses more than the recipe expects.
func (r *round) tellRows(auditor *audit.Auditor) error {
	if auditor == nil {
		return nil
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
