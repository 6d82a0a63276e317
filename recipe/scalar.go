package recipe

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// scalar sets a text, number or boolean. A value of another type is an error: 3.7 epochs are not 3, and "yes" is not
// true.
func (d *decoder) scalar(node *yaml.Node, into reflect.Value, t target) {
	switch into.Kind() {
	case reflect.String:
		var text string
		if d.text(node, &text, t) {
			into.SetString(text)
			d.checkWord(node, text, t)
		}
	case reflect.Bool:
		var truth bool
		if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!bool" || node.Decode(&truth) != nil {
			d.fail(node.Line, "%s: want true or false, not %s", t.path, describe(node))
			return
		}
		into.SetBool(truth)
	case reflect.Int:
		var number int
		if d.number(node, &number, "a whole number", t) {
			into.SetInt(int64(number))
			d.checkNumber(node, float64(number), t)
		}
	case reflect.Uint64:
		var number uint64
		if d.number(node, &number, "a whole number from 0 to 18446744073709551615", t) {
			into.SetUint(number)
		}
	case reflect.Float64:
		var number float64
		if d.number(node, &number, "a number", t) {
			into.SetFloat(number)
			d.checkNumber(node, number, t)
		}
	default:
		panic(fmt.Sprintf("recipe: no decoder for %s of type %s", t.path, into.Type()))
	}
}

// text reads a string. Numbers and booleans have to be quoted, so that an id 007 or a name 1.10 is not changed in
// passing.
func (d *decoder) text(node *yaml.Node, into *string, t target) bool {
	if node.Kind != yaml.ScalarNode {
		d.fail(node.Line, "%s: want text, not %s", t.path, describe(node))
		return false
	}
	if node.ShortTag() != "!!str" {
		d.fail(node.Line, "%s: want text, not %s: put it in quotes", t.path, describe(node))
		return false
	}
	*into = node.Value
	return true
}

// number reads an int, uint64 or float64.
func (d *decoder) number(node *yaml.Node, into any, what string, t target) bool {
	_, real := into.(*float64)
	good := node.Kind == yaml.ScalarNode && (node.ShortTag() == "!!int" || real && node.ShortTag() == "!!float")
	if node.Kind == yaml.ScalarNode && node.Style == 0 && beyond(node.Value, into) {
		size := "large"
		if strings.HasPrefix(node.Value, "-") {
			size = "small"
		}
		d.fail(node.Line, "%s: %s is too %s: want %s", t.path, node.Value, size, what)
		return false
	}
	if !good || node.Decode(into) != nil {
		d.fail(node.Line, "%s: want %s, not %s", t.path, what, describe(node))
		return false
	}
	if number, ok := into.(*float64); ok && (math.IsNaN(*number) || math.IsInf(*number, 0)) {
		d.fail(node.Line, "%s: want a number, not %s", t.path, describe(node))
		return false
	}
	return true
}

// beyond says whether a text is a whole number that an int or uint64 has no room for.
func beyond(text string, into any) bool {
	var err error
	switch into.(type) {
	case *int:
		_, err = strconv.ParseInt(text, 10, strconv.IntSize)
	case *uint64:
		_, err = strconv.ParseUint(text, 10, 64)
	}
	return errors.Is(err, strconv.ErrRange)
}

// checkWord holds a text against the words that the field allows.
func (d *decoder) checkWord(node *yaml.Node, text string, t target) {
	if t.words == nil {
		return
	}
	for _, word := range t.words {
		if text == word {
			return
		}
	}
	d.fail(node.Line, "%s is %q; want one of %s%s", t.path, text, strings.Join(t.words, ", "), didYouMean(text, t.words))
}

// checkNumber holds a number against the interval that the field allows.
func (d *decoder) checkNumber(node *yaml.Node, number float64, t target) {
	if t.interval == nil || t.interval.holds(number) {
		return
	}
	d.fail(node.Line, "%s is %s; want %s", t.path, strconv.FormatFloat(number, 'g', -1, 64), t.interval)
}

func trimPrefix(text, prefix, replacement string) string {
	return replacement + strings.TrimPrefix(text, prefix)
}
