package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"github.com/quarry-ml/quarry/vectors"
)

// keptVectors is a matrix in a temporary file, mapped: the system may drop its pages from memory and read them again.
type keptVectors struct {
	*vectors.Mapped
	file *os.File
}

// keep writes a matrix to a temporary file and maps it. It goes with Close.
func keep(rows, dim int, fill func(write func(rows []float32) error) error) (*keptVectors, error) {
	f, err := os.CreateTemp("", "quarry-vectors-*.npy")
	if err != nil {
		return nil, fmt.Errorf("keep vectors in a temporary file: %w", err)
	}
	// Where a name may go before its file does, nothing stays of a process that is killed.
	_ = os.Remove(f.Name())
	k := &keptVectors{file: f}
	if err := k.fill(rows, dim, fill); err != nil {
		discard(f)
		return nil, err
	}
	return k, nil
}

func (k *keptVectors) fill(rows, dim int, fill func(write func(rows []float32) error) error) error {
	failed := func(err error) error {
		if err != nil {
			err = fmt.Errorf("keep vectors in a temporary file: %w", asFailure(err))
		}
		return err
	}
	buffered := bufio.NewWriterSize(k.file, 1<<16)
	out, err := vectors.NewNPYWriter(buffered, rows, dim)
	if err != nil {
		return failed(err)
	}
	if err := fill(func(rows []float32) error { return failed(out.Write(rows)) }); err != nil {
		return err
	}
	if err := failed(errors.Join(out.Close(), buffered.Flush())); err != nil {
		return err
	}
	k.Mapped, err = vectors.MapNPY(k.file, k.file.Name())
	return err
}

// Close unmaps the matrix, which must not be used afterwards, and removes its file.
func (k *keptVectors) Close() error {
	err := k.Mapped.Close()
	discard(k.file)
	return err
}

// closeAll closes what is there.
func closeAll(kept ...*keptVectors) error {
	var failed error
	for _, k := range kept {
		if k != nil {
			failed = errors.Join(failed, k.Close())
		}
	}
	return failed
}
