package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// pythonFlag is a flag of one of FlagEmbedding's programs, as its parser (HfArgumentParser on argparse) reads it.
type pythonFlag struct {
	name     string
	kind     pythonKind
	standard string   // its default; lists have their words separated by spaces
	choices  []string // all there are, where they are few
	needed   bool
	least    string // the smallest number that it can be; empty is any
	does     string // for a flag without meaning here: what happens instead, printed when it is given
	about    string // for a mode of quarry mine: what it is, a line of the mode's help
	own      bool   // the program has it not: it is Quarry's
}

// pythonKind is how a flag takes its values.
type pythonKind int

const (
	pythonText  pythonKind = iota
	pythonInt              // a whole number
	pythonFloat            // a number
	pythonBool             // True or False in any spelling of HfArgumentParser; without a value it is True
	pythonList             // one or more words
	pythonEach             // a word each time that it is given, which all count: of Quarry's own flags
)

// pythonArgs is a command line that was read: every flag's value, given or not.
type pythonArgs struct {
	flags  []pythonFlag
	values map[string][]string // only of flags that were given
}

// flagEmbeddingPrograms are the programs of FlagEmbedding by the command that takes their flags.
var flagEmbeddingPrograms = map[string]struct {
	flags []pythonFlag
	run   func(ctx context.Context, h *host, words []string) error
}{
	"mine":     {hnMineFlags, runHnMine},
	"finetune": {trainerFlags, runTrainer},
	"merge":    {saveMergedFlags, runSaveMerged},
}

// takeFlagEmbedding makes a command read its words as FlagEmbedding's program does, where they are that program's.
func takeFlagEmbedding(root *cobra.Command, h *host, args []string) {
	if len(args) == 0 {
		return
	}
	program, ok := flagEmbeddingPrograms[args[0]]
	if !ok {
		return
	}
	if mode, words, named := compatibleMode(args[1:]); named && args[0] == "mine" {
		takeMode(root, h, mode, words)
		return
	}
	for _, cmd := range root.Commands() {
		if cmd.Name() != args[0] {
			continue
		}
		theirs, mixed := flagEmbeddingArgs(args[1:], program.flags, func(name string) bool { return cmd.Flags().Lookup(name) != nil })
		if !theirs {
			return
		}
		cmd.DisableFlagParsing = true
		cmd.Args = func(*cobra.Command, []string) error { return mixed }
		cmd.RunE = func(cmd *cobra.Command, words []string) error { return program.run(cmd.Context(), h, words) }
	}
}

// flagEmbeddingArgs says whether words behind a command are FlagEmbedding's: there is a flag that its program has and the
// command has not; most have an underscore. A flag of the command's own beside one is an error; a name that both have says
// nothing.
func flagEmbeddingArgs(words []string, flags []pythonFlag, has func(name string) bool) (bool, error) {
	theirs, ours := "", ""
	for _, word := range words {
		name, isFlag := strings.CutPrefix(word, "--")
		if !isFlag {
			continue
		}
		name, _, _ = strings.Cut(name, "=")
		exact := slices.ContainsFunc(flags, func(f pythonFlag) bool { return f.name == name })
		begins := name != "" && slices.ContainsFunc(flags, func(f pythonFlag) bool { return strings.HasPrefix(f.name, name) })
		switch {
		case has(name) && !exact:
			ours = cmp.Or(ours, name)
		case !has(name) && (begins || strings.Contains(name, "_")):
			theirs = cmp.Or(theirs, name)
		}
	}
	if theirs != "" && ours != "" {
		return true, fmt.Errorf("--%s is FlagEmbedding's and --%s is not: give a command the flags of one of them", theirs, ours)
	}
	return theirs != "", nil
}

// parsePython reads words as argparse does: --flag value, --flag=value, a name cut short where that leaves no doubt.
func parsePython(words []string, flags []pythonFlag) (pythonArgs, error) {
	a := pythonArgs{flags: flags, values: map[string][]string{}}
	for len(words) > 0 {
		name, isFlag := strings.CutPrefix(words[0], "--")
		if !isFlag {
			return a, fmt.Errorf("unexpected word %q: quote a value that has spaces", words[0])
		}
		name, attached, hasValue := strings.Cut(name, "=")
		words = words[1:]
		f, err := findPython(name, flags)
		if err != nil {
			return a, err
		}
		var values []string
		switch {
		case hasValue:
			values = []string{attached}
		case f.kind == pythonList:
			for len(words) > 0 && !strings.HasPrefix(words[0], "--") {
				values, words = append(values, words[0]), words[1:]
			}
		case len(words) > 0 && (!strings.HasPrefix(words[0], "--") || f.kind == pythonText && strings.Contains(words[0], " ")):
			values, words = words[:1], words[1:]
		}
		if f.kind == pythonBool && len(values) == 0 {
			values = []string{"True"}
		}
		if len(values) == 0 {
			return a, fmt.Errorf("--%s needs a value", f.name)
		}
		for _, v := range values {
			if err := f.check(v); err != nil {
				return a, err
			}
		}
		if f.kind == pythonEach {
			values = append(a.values[f.name], values...)
		}
		a.values[f.name] = values
	}
	for _, f := range flags {
		if f.needed && a.values[f.name] == nil {
			return a, fmt.Errorf("--%s is needed", f.name)
		}
	}
	return a, nil
}

// findPython finds the flag of a name or of its beginning.
func findPython(name string, flags []pythonFlag) (pythonFlag, error) {
	var found []pythonFlag
	var names []string
	for _, f := range flags {
		if f.name == name {
			return f, nil
		}
		if name != "" && strings.HasPrefix(f.name, name) {
			found, names = append(found, f), append(names, "--"+f.name)
		}
	}
	switch len(found) {
	case 0:
		return pythonFlag{}, fmt.Errorf("unknown flag --%s", name)
	case 1:
		return found[0], nil
	}
	return pythonFlag{}, fmt.Errorf("--%s may be %s", name, strings.Join(names, " or "))
}

// check refuses a value that the flag cannot have.
func (f pythonFlag) check(value string) error {
	var err error
	switch f.kind {
	case pythonInt:
		_, err = strconv.Atoi(value)
	case pythonFloat:
		_, err = strconv.ParseFloat(value, 64)
	case pythonBool:
		_, err = pythonTruth(value)
	}
	if err != nil {
		return fmt.Errorf("--%s %q: want %s", f.name, value, f.wants())
	}
	if n, _ := strconv.ParseFloat(value, 64); f.least != "" && !(n >= f.smallest()) {
		return fmt.Errorf("--%s %s: at least %s", f.name, value, f.least)
	}
	if f.choices != nil && !slices.Contains(f.choices, value) {
		return fmt.Errorf("--%s %q: want one of %s", f.name, value, strings.Join(f.choices, ", "))
	}
	return nil
}

func (f pythonFlag) smallest() float64 {
	n, _ := strconv.ParseFloat(f.least, 64)
	return n
}

func (f pythonFlag) wants() string {
	switch f.kind {
	case pythonInt:
		return "a whole number"
	case pythonFloat:
		return "a number"
	}
	return "True or False"
}

// pythonTruth reads a truth value as HfArgumentParser does.
func pythonTruth(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "yes", "true", "t", "y", "1":
		return true, nil
	case "no", "false", "f", "n", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", value)
}

// given says whether a flag was.
func (a pythonArgs) given(name string) bool { return a.values[name] != nil }

// text is a flag's value, or its default.
func (a pythonArgs) text(name string) string { return strings.Join(a.list(name), " ") }

func (a pythonArgs) list(name string) []string {
	if v := a.values[name]; v != nil {
		return v
	}
	i := slices.IndexFunc(a.flags, func(f pythonFlag) bool { return f.name == name })
	return strings.Fields(a.flags[i].standard)
}

// number and truth are for values that check has passed, and defaults.
func (a pythonArgs) number(name string) int {
	n, _ := strconv.Atoi(a.text(name))
	return n
}

func (a pythonArgs) float(name string) float64 {
	v, _ := strconv.ParseFloat(a.text(name), 64)
	return v
}

// optional is a flag's number, nil where it is not given.
func (a pythonArgs) optional(name string) *float64 {
	if !a.given(name) {
		return nil
	}
	v := a.float(name)
	return &v
}

func (a pythonArgs) truth(name string) bool {
	v, _ := pythonTruth(a.text(name))
	return v
}

// tell says in a line each what happens instead of what flags ask for that have no meaning here.
func (a pythonArgs) tell(h *host) {
	for _, f := range a.flags {
		if f.does != "" && a.given(f.name) {
			h.note("--%s: %s", f.name, f.does)
		}
	}
}
