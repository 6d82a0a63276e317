package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// byRecipe lets the command of a stage take a recipe in place of files and flags: it then does what is missing of the run,
// up to that stage of a round.
func byRecipe(cmd *cobra.Command, h *host, stage string) *cobra.Command {
	o := RunOptions{Until: stage}
	f := cmd.Flags()
	alone := cmd.RunE
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > 1:
			return noWords(cmd, args[1:])
		case len(args) == 1 && bare(cmd.Flags(), "per-query"):
			return badInputf("unexpected word %q: --per-query takes its file behind an equals sign, as in --per-query=%s", args[0], args[0])
		case len(args) == 1 && (args[0] == "true" || args[0] == "false"): // not a file: a switch's value
			return noWords(cmd, args)
		}
		return nil
	}
	// Flags of a recipe's run; a command that stands alone may have some of them too, with the same names.
	own := newFlagSet()
	own.IntVar(&o.Round, "round", 0, "with a recipe: the round, counted from 0, whose "+stage+" is the last thing done")
	own.StringVar(&o.Dir, "dir", "", "with a recipe: run `directory` (runs/NAME beside the recipe)")
	own.BoolVar(&o.AllowIdentityChange, "allow-identity-change", false, "with a recipe: as for quarry run")
	var added []string // have no part without a recipe
	own.VisitAll(func(flag *pflag.Flag) {
		if f.Lookup(flag.Name) == nil {
			f.AddFlag(flag)
			added = append(added, flag.Name)
		}
	})
	cmd.Long += fmt.Sprintf("\n\nWith a recipe in place of the flags, `quarry %s RECIPE --round N` does what `quarry run` would do up to this stage of\nround N, with the run directory's files, and skips what is done.", stage)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			if err := without(f, "a recipe", added...); err != nil {
				return err
			}
			return alone(cmd, args)
		}
		if err := onlyOfRecipe(f, args[0]); err != nil {
			return err
		}
		// Where the command has a flag of its own by the name, that one was set.
		o.Round, _ = f.GetInt("round")
		o.CPU, _ = f.GetString("cpu")
		return runStage(cmd.Context(), h, o, args[0])
	}
	return cmd
}

// bare says whether a flag whose value may be left out was given without one.
func bare(f *pflag.FlagSet, name string) bool {
	flag := f.Lookup(name)
	return flag != nil && flag.Changed && flag.NoOptDefVal != "" && flag.Value.String() == flag.NoOptDefVal
}

// newFlagSet holds flags until they are added to a command.
func newFlagSet() *pflag.FlagSet { return pflag.NewFlagSet("", pflag.ContinueOnError) }

// recipeFlags are those that go with a recipe.
var recipeFlags = map[string]bool{"round": true, "dir": true, "cpu": true, "allow-identity-change": true}

// onlyOfRecipe refuses flags that a recipe owns.
func onlyOfRecipe(f *pflag.FlagSet, file string) error {
	var err error
	f.Visit(func(flag *pflag.Flag) {
		if err == nil && !recipeFlags[flag.Name] {
			err = badInputf("--%s beside the recipe %s: the recipe says it; change it there, or leave the recipe out and give all flags", flag.Name, file)
		}
	})
	return err
}

// without refuses flags that have no part unless something else is given.
func without(f *pflag.FlagSet, what string, names ...string) error {
	for _, name := range names {
		if f.Changed(name) {
			return badInputf("--%s goes with %s", name, what)
		}
	}
	return nil
}

// runStage drives a recipe up to a stage of a round.
func runStage(ctx context.Context, h *host, o RunOptions, path string) error {
	r, err := h.loadRecipe(ctx, path)
	if err != nil {
		return err
	}
	if r.Folds.Count > 0 {
		return badInputf("%s: a recipe with folds is many runs: `quarry run` does them, with --until up to a stage", r.At("folds"))
	}
	o.Exactly = true
	return drive(ctx, h, r, o, showcase{})
}
