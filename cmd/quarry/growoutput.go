package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/quarry-ml/quarry/rundir"
)

// growing is an output that a command has begun, or an earlier one.
type growing struct {
	io.Writer
	ready int64        // bytes that are there
	mark  func() error // to be called where what is written ends well: a later command may go on from there
}

// growOutput is writeOutput of what takes long. A regular file that an interrupted or killed command has begun is gone on with,
// where all is the same that its bytes depend on, of which of is a digest; it is asked for only where that matters.
func growOutput(h *host, path string, of func() (string, error), write func(growing) error) (err error) {
	if done, err := h.writeStream(path, func(w io.Writer) error { return write(growing{w, 0, func() error { return nil }}) }); done {
		return err
	}
	file, err := behindLinks(path)
	if err != nil {
		return err
	}
	p, err := rundir.OpenPartial(h.files, file, of)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	every := cmp.Or(h.markEvery, rundir.MarkEvery)
	err = write(growing{failing{p}, p.Size(), func() error { return p.MarkDue(every) }})
	if errors.Is(err, context.Canceled) {
		kept, failed := p.MarkLast()
		if failed != nil {
			return failed
		}
		if kept {
			return ifInterrupted(err, fmt.Sprintf("what is ready is kept in %s; the same command goes on from there", p.Name()))
		}
	}
	if err != nil {
		return err
	}
	return p.Finish()
}
