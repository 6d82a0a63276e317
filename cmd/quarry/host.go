package main

import (
	"os"
	"runtime"

	"golang.org/x/term"
)

// host is what surrounds a command: a terminal to talk to and a machine to run on.
type host struct {
	*terminal
	machine machine
	environ []string // for the programs that a recipe names
}

// systemHost is this process's.
func systemHost() *host {
	t := newTerminal(os.Stdout, os.Stderr, term.IsTerminal(int(os.Stderr.Fd())))
	return &host{terminal: t, machine: readMachine(os.DirFS("/"), os.Getenv("QUARRY_CPU"), runtime.GOMAXPROCS(0)), environ: os.Environ()}
}
