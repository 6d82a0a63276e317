package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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

// noWords refuses words behind the flags.
func noWords(_ *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case args[0] == "true" || args[0] == "false":
		return fmt.Errorf("unexpected word %q: a flag that is on or off takes its value behind an equals sign, as in --normalize=%s", args[0], args[0])
	}
	return fmt.Errorf("unexpected word %q: the command takes flags alone; quote a value that has spaces", args[0])
}

// unknownFlag adds to pflag's error about a flag that a command has not the one that may have been meant, and says of a
// number that is too large just that.
func unknownFlag(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) && strings.Contains(err.Error(), strconv.ErrRange.Error()) {
		size := "large"
		if strings.HasPrefix(invalid.GetValue(), "-") {
			size = "small"
		}
		return fmt.Errorf("--%s %s: the number is too %s", invalid.GetFlag().Name, invalid.GetValue(), size)
	}
	if invalid != nil && strings.Contains(err.Error(), "strconv.") { // whose words are for programmers
		want := map[string]string{"int": "a whole number", "float64": "a number", "number": "a number", "bool": "true or false"}[invalid.GetFlag().Value.Type()]
		if want == "" {
			want = "a value of kind " + invalid.GetFlag().Value.Type()
		}
		return fmt.Errorf("invalid argument %q for \"--%s\": want %s", invalid.GetValue(), invalid.GetFlag().Name, want)
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	name := unknown.GetSpecifiedName()
	if name == "data" && cmd.Flags().Lookup("corpus") != nil && cmd.Flags().Lookup("queries") != nil {
		return fmt.Errorf("%w; a folder in BEIR's or MTEB's layout becomes --corpus and --queries by: quarry convert --data DIR --to quarry --out FOLDER", err)
	}
	best, limit := "", min(3, max(1, len(name)/2)) // a swap of letters is two edits
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if distance := levenshtein.ComputeDistance(name, f.Name); distance <= limit {
			best, limit = f.Name, distance-1
		}
	})
	if best == "" {
		return err
	}
	return fmt.Errorf("%w; did you mean --%s?", err, best)
}

// strictHelp makes help of a command that is not there an error.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() != "help" {
			continue
		}
		c.Run = nil
		c.Args = func(_ *cobra.Command, args []string) error {
			for found := root; len(args) > 0; args = args[1:] {
				next, _, err := found.Find(args[:1])
				if err != nil || next == found {
					return noCommand(found, args)
				}
				found = next
			}
			return nil
		}
		c.RunE = func(_ *cobra.Command, args []string) error {
			found, _, err := root.Find(args)
			if err != nil {
				return err
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		}
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
