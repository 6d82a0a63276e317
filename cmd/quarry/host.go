package main

import (
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/term"

	"github.com/quarry-ml/quarry/rundir"
)

// host is what surrounds a command: a terminal to talk to and a machine to run on.
type host struct {
	*terminal
	machine machine
	in      io.Reader // standard input
	environ []string  // for the programs that a recipe names
	files   rundir.FS // of what is written beside an output, and of outputs
	spools  spools
	process *process // nil where commands share one

	markEvery   time.Duration // that outputs which take long keep what is ready, at most; 0 is rundir.MarkEvery
	calibration time.Duration // that a plan measures a rate for; 0 is as long as it takes to trust one

	peakMemory func() int64 // bytes this process has held at most so far; may be nil
	memoryNow  func() int64 // bytes that it holds now, mapped files apart; may be nil
}

// systemHost is this process's.
func systemHost() *host {
	t := newTerminal(os.Stdout, os.Stderr, term.IsTerminal(int(os.Stderr.Fd())))
	root := os.DirFS("/")
	return &host{
		terminal: t, in: os.Stdin, files: rundir.OS{}, machine: readMachine(root, os.Getenv("QUARRY_CPU"), runtime.GOMAXPROCS(0)), environ: os.Environ(),
		process:    &process{},
		peakMemory: func() int64 { return peakMemory(root) },
		memoryNow:  func() int64 { return memoryNow(root) },
	}
}
