package rundir

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"

	"github.com/quarry-ml/quarry/corpus"
)

// Step is one optimizer step as steps.jsonl records it. It holds no time: the file is the same in every run.
type Step struct {
	Step         int      `json:"step"`          // counted from 1 over the whole round
	Set          string   `json:"set,omitempty"` // of data.sets that the step is of; empty of the run's own data
	Epoch        int      `json:"epoch"`         // counted from 1
	Loss         float64  `json:"loss"`          // mean over the effective batch
	LearningRate float64  `json:"learning_rate"`
	GradientNorm float64  `json:"gradient_norm"`         // before clipping
	Queries      int      `json:"queries"`               // rows of the step
	Columns      int      `json:"columns"`               // passages that a row is scored against
	Masked       int      `json:"masked"`                // pairs left out because the column answers the row
	Temperature  *float64 `json:"temperature,omitempty"` // where it is learned

	Contrastive  *float64 `json:"contrastive_loss,omitempty"`  // where a teacher's scores are learned from
	Distillation *float64 `json:"distillation_loss,omitempty"` // there too
	GuideMasked  *int     `json:"guide_masked,omitempty"`      // pairs that a guide left out besides; where there is one
	Examples     *int     `json:"examples,omitempty"`          // in-context examples before the queries; where there are any in training
	Leaks        *int     `json:"leaks,omitempty"`             // drawn ones that were left out because they answer the query
}

// StepLog appends to steps.jsonl.
type StepLog struct {
	lines *Lines
	last  int
}

// OpenSteps opens a round's step log to go on after step keep: everything later is cut away, as is a line that a crash
// cut short. keep 0 starts anew. A log that does not reach step keep is an error, for the training state to resume from
// is saved after the steps it covers.
func OpenSteps(fsys FS, path string, keep int) (*StepLog, error) {
	if err := fsys.MkdirAll(filepath.Dir(path)); err != nil {
		return nil, Explain(path, err)
	}
	end, size, err := findStep(fsys, path, keep)
	if err != nil {
		return nil, err
	}
	if end < size {
		if err := fsys.Truncate(path, end); err != nil {
			return nil, Explain(path, err)
		}
	}
	lines, err := OpenLines(fsys, path)
	if err != nil {
		return nil, err
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return nil, errors.Join(Explain(path, err), lines.Close())
	}
	return &StepLog{lines: lines, last: keep}, nil
}

// Append adds one step; steps come one by one. A loss, rate or norm that is not a number is an error.
func (l *StepLog) Append(s Step) error {
	if s.Step != l.last+1 {
		return fmt.Errorf("write %s: step %d follows step %d", l.lines.path, s.Step, l.last)
	}
	for _, v := range []float64{s.Loss, s.LearningRate, s.GradientNorm} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("write %s: step %d: loss %v, learning rate %v, gradient norm %v: training has diverged: lower the learning rate or raise the temperature",
				l.lines.path, s.Step, s.Loss, s.LearningRate, s.GradientNorm)
		}
	}
	if err := l.lines.JSON(s); err != nil {
		return err
	}
	l.last = s.Step
	return nil
}

// Sync makes the steps durable. Call it before saving a training state that covers them.
func (l *StepLog) Sync() error { return l.lines.Sync() }

// Close makes the steps durable and closes the log.
func (l *StepLog) Close() error { return l.lines.Close() }

// ReadSteps returns the steps of a log. name is for errors, which tell the line.
func ReadSteps(r io.Reader, name string) ([]Step, error) {
	var steps []Step
	err := eachStep(r, name, func(s Step, _ int64) bool {
		steps = append(steps, s)
		return true
	})
	return steps, err
}

// findStep returns where the line of step keep ends and how long the file is.
func findStep(fsys FS, path string, keep int) (end, size int64, err error) {
	info, err := fsys.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && keep == 0 {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("step log: %w", err)
	}
	if keep == 0 {
		return 0, info.Size(), nil
	}
	file, err := fsys.Open(path)
	if err != nil {
		return 0, 0, fmt.Errorf("step log: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	last := 0
	err = eachStep(file, path, func(s Step, lineEnd int64) bool {
		last, end = s.Step, lineEnd
		return last < keep
	})
	if err != nil {
		return 0, 0, err
	}
	if last != keep {
		return 0, 0, fmt.Errorf("%s: ends at step %d, but training is to go on after step %d: remove the round's training state to train it anew", path, last, keep)
	}
	return end, info.Size(), nil
}

// eachStep calls use with every step and the offset behind its line until use returns false.
func eachStep(r io.Reader, name string, use func(s Step, end int64) bool) error {
	reader := bufio.NewReader(r)
	end := int64(0)
	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: line is cut short", name, number)
		}
		end += int64(len(line))
		s, err := decodeStep(line)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
		if s.Step != number {
			return fmt.Errorf("%s:%d: step %d where step %d is due", name, number, s.Step, number)
		}
		if !use(s, end) {
			return nil
		}
	}
}

func decodeStep(line []byte) (s Step, err error) {
	err = corpus.DecodeStrict(line, &s)
	return s, err
}
