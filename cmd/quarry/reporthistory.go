package main

import (
	"errors"
	"io"
	"path/filepath"

	"github.com/quarry-ml/quarry/report/history"
	"github.com/quarry-ml/quarry/rundir"
)

// Formats of quarry report for programs that draw curves.
const (
	formatTensorBoard = "tensorboard"
	formatWandB       = "wandb"
)

// exports says whether the format is one of the history rather than of tables.
func (o ReportOptions) exports() bool {
	return !o.JSON && (o.Format == formatTensorBoard || o.Format == formatWandB)
}

// exportHistory writes what a run measured, step by step.
func exportHistory(h *host, o ReportOptions, run string) (err error) {
	if len(o.Scores) > 0 {
		return badInputf("--score has no part beside --format %s", o.Format)
	}
	d, err := openReported(run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	told, err := history.Read(d)
	if err != nil {
		return badInput(err)
	}
	if o.Format == formatWandB {
		return o.write(h, told.JSONLines)
	}
	if err := need("output", o.Output); err != nil {
		return err
	}
	if err := mustBeNew("output", o.Output); err != nil { // TensorBoard would draw another export's curves beside these
		return err
	}
	return told.TensorBoard(func(name string, write func(io.Writer) error) error {
		return rundir.WriteFile(rundir.OS{}, filepath.Join(o.Output, filepath.FromSlash(name)), write)
	})
}
