package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/pipeline"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitBadInput    = 2 // usage or bad input
	exitMissed      = 3 // a stated expectation was missed
	exitInterrupted = 130
	exitUnread      = 141 // standard output has no reader any more: what a shell gives for SIGPIPE
)

// inputError is a fault of the command line or of what the user gave: a file, a model, a recipe.
type inputError struct{ error }

func (e inputError) Unwrap() error { return e.error }

// badInput marks an error as a fault of what the user gave. An interruption stays one.
func badInput(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return inputError{err}
}

// badInputf is badInput of a formatted error.
func badInputf(format string, args ...any) error { return badInput(fmt.Errorf(format, args...)) }

// usage is an error that cobra found in the command line.
type usage struct {
	cmd *cobra.Command
	error
}

func (e usage) Unwrap() error { return e.error }

// missedError says that a number is not what the user said it would be.
type missedError struct{ error }

// interruption is an interrupted command that left something to go on from.
type interruption struct {
	error
	goOn string // what to do
}

func (e interruption) Unwrap() error { return e.error }

// ifInterrupted adds what to do to an error, where that is an interruption.
func ifInterrupted(err error, goOn string) error {
	if errors.Is(err, context.Canceled) {
		return interruption{err, goOn}
	}
	return err
}

func exitCode(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case unread(err):
		return exitUnread
	case as[failure](err):
		return exitFailed
	case as[inputError](err), as[usage](err):
		return exitBadInput
	case as[missedError](err), as[pipeline.MissedError](err):
		return exitMissed
	}
	return exitFailed
}

// unread says whether the reader of standard output is gone, as head is when it has seen enough.
func unread(err error) bool {
	var path *fs.PathError
	return errors.Is(err, syscall.EPIPE) && errors.As(err, &path) && path.Path == os.Stdout.Name()
}

// found is the error of a type that as has found.
func found[E error](err error) (e E) {
	errors.As(err, &e)
	return e
}

func as[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// tell prints what ended a command.
func tell(w io.Writer, cmd *cobra.Command, code int, err error) {
	if err == nil || code == exitUnread {
		return
	}
	if code == exitInterrupted {
		goOn := "nothing is left half written; the same command starts again"
		var i interruption
		if errors.As(err, &i) {
			goOn = i.goOn
		}
		fmt.Fprintf(w, "%s: interrupted: %s\n", cmd.CommandPath(), goOn)
		return
	}
	fmt.Fprintf(w, "%s: %v\n", cmd.CommandPath(), err)
	if as[usage](err) {
		fmt.Fprintf(w, "`%s --help` lists commands and flags\n", cmd.CommandPath())
	}
}

// failure is an error of this side, such as a full disk, on its way through a function whose other errors are the
// input's.
type failure struct{ error }

func (e failure) Unwrap() error { return e.error }

func asFailure(err error) error {
	if err == nil {
		return nil
	}
	return failure{err}
}

func inputUnlessFailure(err error) error {
	if as[failure](err) {
		return err
	}
	return badInput(err)
}
