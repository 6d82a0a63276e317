package recipe

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/eval"
)

// field is a key of a section: what its tags say.
type field struct {
	key      string
	index    []int // for reflect
	kind     reflect.Type
	words    []string  // allowed; nil for any
	interval *interval // allowed; nil for any
	unset    string    // what no value means; empty where there always is one
	need     bool
	omit     bool // where unset from a recipe that is filled in: it is written as before there was the key
}

// fieldsOf lists the keys of a section in the order of its struct, embedded ones in place.
func fieldsOf(section reflect.Type) []field {
	var fields []field
	for i := range section.NumField() {
		f := section.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if options == "inline" {
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append(slices.Clone(f.Index), inner.index...)
				fields = append(fields, inner)
			}
			continue
		}
		if name == "" {
			continue
		}
		one := field{key: name, index: f.Index, kind: f.Type, unset: f.Tag.Get("unset"), need: f.Tag.Get("need") == "true", omit: f.Tag.Get("omit") == "true"}
		if allowed := f.Tag.Get("in"); strings.HasPrefix(allowed, "[") || strings.HasPrefix(allowed, "(") {
			one.interval = parseInterval(allowed)
		} else if allowed != "" {
			one.words = strings.Split(allowed, "|")
		}
		fields = append(fields, one)
	}
	return fields
}

// isSection says whether a type is a section of keys, rather than one value with a spelling of its own.
func isSection(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[Path]() || t == reflect.TypeFor[eval.SelectRule]() {
		return false
	}
	return !reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// isSectionList says whether a type is a list of sections. Rounds and settings are not: they are decoded over
// what stands before them.
func isSectionList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t != reflect.TypeFor[[]Stages]() && t != reflect.TypeFor[[]Setting]() && isSection(t.Elem())
}

// interval is a range of numbers, written "[0,1)" in tags; an end that is left out is open.
type interval struct {
	low, high         float64
	openLow, openHigh bool
}

func parseInterval(text string) *interval {
	low, high, found := strings.Cut(text[1:len(text)-1], ",")
	if !found {
		panic("recipe: interval " + text)
	}
	end := func(number string, otherwise float64) float64 {
		if number == "" {
			return otherwise
		}
		v, err := strconv.ParseFloat(number, 64)
		if err != nil {
			panic("recipe: interval " + text)
		}
		return v
	}
	return &interval{
		low: end(low, math.Inf(-1)), high: end(high, math.Inf(1)),
		openLow: text[0] == '(', openHigh: text[len(text)-1] == ')',
	}
}

func (i *interval) holds(v float64) bool {
	return (v > i.low || v == i.low && !i.openLow) && (v < i.high || v == i.high && !i.openHigh)
}

// String says the interval in words, for messages and the reference.
func (i *interval) String() string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	switch {
	case i.low == i.high:
		return number(i.low)
	case math.IsInf(i.high, 1) && i.openLow:
		return "more than " + number(i.low)
	case math.IsInf(i.high, 1):
		return number(i.low) + " or more"
	case i.openLow && !i.openHigh:
		return fmt.Sprintf("more than %s, at most %s", number(i.low), number(i.high))
	case i.openHigh:
		return fmt.Sprintf("%s to less than %s", number(i.low), number(i.high))
	}
	return fmt.Sprintf("%s to %s", number(i.low), number(i.high))
}
