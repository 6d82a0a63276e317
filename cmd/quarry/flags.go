package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/recipe"
)

// optional is a flag that may be absent: its variable stays nil then, and the command decides.
type optional[T any] struct {
	into  **T
	parse func(string) (T, error)
	kind  string
}

// Set implements pflag.Value.
func (o optional[T]) Set(text string) error {
	v, err := o.parse(text)
	if err == nil {
		*o.into = &v
	}
	return err
}

// String implements pflag.Value. An absent flag has no default to show.
func (o optional[T]) String() string {
	if o.into == nil || *o.into == nil {
		return ""
	}
	return fmt.Sprint(**o.into)
}

// Type implements pflag.Value.
func (o optional[T]) Type() string { return o.kind }

func optionalFloat(f *pflag.FlagSet, into **float64, name, text string) {
	f.Var(optional[float64]{into, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }, "number"}, name, text)
}

func optionalString(f *pflag.FlagSet, into **string, name, text string) {
	f.Var(optional[string]{into, func(s string) (string, error) { return s, nil }, "template"}, name, text)
}

func optionalBool(f *pflag.FlagSet, into **bool, name, text string) {
	f.Var(optional[bool]{into, strconv.ParseBool, "bool"}, name, text)
	f.Lookup(name).NoOptDefVal = "true"
}

// seed is a flag of a number that draws begin with.
type seed struct{ into *uint64 }

func seedFlag(f *pflag.FlagSet, into *uint64, standard uint64, text string) {
	*into = standard
	f.Var(seed{into}, "seed", text)
}

// Set implements pflag.Value.
func (s seed) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return errors.New("want a whole number from 0 on")
	}
	*s.into = n
	return nil
}

// String implements pflag.Value.
func (s seed) String() string {
	if s.into == nil {
		return "0"
	}
	return strconv.FormatUint(*s.into, 10)
}

// Type implements pflag.Value.
func (s seed) Type() string { return "uint" }

// size is a flag of a number of bytes with its unit; 0 is absent.
type size struct{ into *recipe.Size }

// Set implements pflag.Value.
func (s size) Set(text string) error { return s.into.UnmarshalText([]byte(text)) }

// String implements pflag.Value.
func (s size) String() string {
	if s.into == nil || *s.into == 0 {
		return ""
	}
	return s.into.String()
}

// Type implements pflag.Value.
func (s size) Type() string { return "size" }

// set says which flags of a command line were given, so that one which has no part in it is refused and not passed over.
// Options that a test fills in give none.
type set map[string]bool

// setFlags are the flags that were given.
func setFlags(f *pflag.FlagSet) set {
	given := set{}
	f.Visit(func(flag *pflag.Flag) { given[flag.Name] = true })
	return given
}

// needs refuses flags that were given and have no part without another one, which is not given.
func (s set) needs(what string, flags ...string) error {
	for _, flag := range flags {
		if s[flag] {
			return badInputf("--%s has no part without %s", flag, what)
		}
	}
	return nil
}

// atLeast refuses a number that was given and is too small; 0 may be what an absent flag has.
func (s set) atLeast(least int, numbers map[string]int) error {
	for _, flag := range slices.Sorted(maps.Keys(numbers)) {
		if n := numbers[flag]; n < least && (s[flag] || n < 0) {
			return badInputf("--%s %d: at least %d", flag, n, least)
		}
	}
	return nil
}

// named is an error of options with the flags that were given in place of their keys: "--group-size 0: …" for
// "group_size 0: …".
func (s set) named(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	text = regexp.MustCompile(`\b[a-z]+ [0-9]`).ReplaceAllStringFunc(text, func(valued string) string { // "kept 0.6 and random 0.6"
		if key, _, _ := strings.Cut(valued, " "); s[key] {
			return "--" + valued
		}
		return valued
	})
	flags := regexp.MustCompile(`^[a-z][a-z0-9_]*|\b[a-z]+(?:_[a-z0-9]+)+\b`).ReplaceAllStringFunc(text, func(key string) string {
		if subject, _, _ := strings.Cut(key, "_"); s[flagOf(key)] || s[subject] { // --sampling score lacks --sampling-temperature
			return "--" + flagOf(key)
		}
		return key
	})
	return renamed{err, flags}
}

// renamed is an error in other words.
type renamed struct {
	error
	text string
}

// Error implements error.
func (e renamed) Error() string { return e.text }

func (e renamed) Unwrap() error { return e.error }

// need is an error that names the first flag of a command that must be given and is not.
func need(flags ...string) error {
	for i := 0; i < len(flags); i += 2 {
		if flags[i+1] == "" {
			return badInputf("--%s is needed", flags[i])
		}
	}
	return nil
}
