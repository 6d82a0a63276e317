package main

import (
	"fmt"
	"strconv"

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

// need is an error that names the first flag of a command that must be given and is not.
func need(flags ...string) error {
	for i := 0; i < len(flags); i += 2 {
		if flags[i+1] == "" {
			return badInputf("--%s is needed", flags[i])
		}
	}
	return nil
}
