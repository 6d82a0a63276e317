package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// keepFlagOrder lists flags in help as they are added: those that belong together stay together.
func keepFlagOrder(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	for _, c := range cmd.Commands() {
		keepFlagOrder(c)
	}
}

// one wants a single word behind the flags, which help calls name.
func one(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return fmt.Errorf("%s is needed", name)
		case 1:
			return nil
		}
		return fmt.Errorf("one %s is wanted, got %d words: %s", name, len(args), strings.Join(args, " "))
	}
}

// noCommand refuses words where only a command may stand.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("unknown command %q%s", args[0], hint)
}

// markStart notes that a command's own code runs: what fails before that is a fault of the command line.
func markStart(cmd *cobra.Command, started *bool) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*started = true
			return run(cmd, args)
		}
	}
	for _, c := range cmd.Commands() {
		markStart(c, started)
	}
}
