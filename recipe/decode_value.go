package recipe

import (
	"encoding"
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/prompt"
)

// value sets one field from a node, whatever its kind.
func (d *decoder) value(node *yaml.Node, into reflect.Value, t target) {
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
		d.null(node, into, t)
		return
	}
	switch v := into.Addr().Interface().(type) {
	case *[]Stages:
		d.rounds = node
		return
	case *[]Setting:
		d.settings = node
		return
	case *SetMine:
		if node.Kind != yaml.MappingNode {
			d.fail(node.Line, "%s: want keys and values, not %s", t.path, describe(node))
			return
		}
		d.mines[t.path] = node
		var keys map[string]any
		if err := node.Decode(&keys); err != nil {
			d.fail(node.Line, "%s: %v", t.path, err)
			return
		}
		text, err := yaml.Marshal(keys)
		if err != nil {
			panic(err) // They were YAML before.
		}
		*v = SetMine(text)
		return
	case *eval.SelectRule:
		d.selectRule(node, v, t)
		return
	case *Source:
		d.source(node, v, t)
		return
	case *Command:
		d.command(node, v, t)
		return
	case *Path:
		d.text(node, &v.Written, t)
		if v.Written == "" && node.Kind == yaml.ScalarNode {
			d.fail(node.Line, "%s is empty: name a file or directory", t.path)
		}
		return
	case *prompt.Template:
		d.template(node, v, t)
		return
	case encoding.TextUnmarshaler:
		d.unmarshalText(node, v, t)
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		set := reflect.New(into.Type().Elem())
		d.value(node, set.Elem(), t)
		into.Set(set)
	case reflect.Struct:
		if node.Kind != yaml.MappingNode {
			d.fail(node.Line, "%s: want keys and values, not %s", t.path, describe(node))
			return
		}
		d.section(node, into, t.path)
	case reflect.Slice, reflect.Array:
		d.list(node, into, t)
	default:
		d.scalar(node, into, t)
	}
}

// null leaves an optional key unset and a section empty; anything else needs a value.
func (d *decoder) null(node *yaml.Node, into reflect.Value, t target) {
	switch {
	case into.Kind() == reflect.Struct && t.unset == "" && isSection(into.Type()):
		// every key of the section is commented out
	case t.unset != "":
		into.SetZero()
	default:
		d.fail(node.Line, "%s has no value: give one, or leave the key out for the default", t.path)
	}
}

// list sets a slice or array from a sequence; it replaces what was there.
func (d *decoder) list(node *yaml.Node, into reflect.Value, t target) {
	if node.Kind != yaml.SequenceNode {
		d.fail(node.Line, "%s: want a list such as [%s], not %s", t.path, "a, b", describe(node))
		return
	}
	if into.Kind() == reflect.Array && len(node.Content) != into.Len() {
		d.fail(node.Line, "%s: want %d values, not %d", t.path, into.Len(), len(node.Content))
		return
	}
	if len(node.Content) == 0 {
		d.fail(node.Line, "%s: the list is empty", t.path)
		return
	}
	if into.Kind() == reflect.Slice {
		into.Set(reflect.MakeSlice(into.Type(), len(node.Content), len(node.Content)))
	}
	for i, element := range node.Content {
		inner := t.element()
		if isSection(into.Index(i).Type()) { // whose keys have lines of their own
			inner.path = fmt.Sprintf("%s[%d]", t.path, i)
			d.lines[inner.path] = resolveAlias(element).Line
		}
		d.value(resolveAlias(element), into.Index(i), inner)
	}
}

// element is the target of a list's elements, which have to be there.
func (t target) element() target {
	t.unset = ""
	return t
}

func (d *decoder) template(node *yaml.Node, into *prompt.Template, t target) {
	var written string
	if !d.text(node, &written, t) {
		return
	}
	parsed, err := prompt.Parse(written)
	if err != nil {
		d.fail(node.Line, "%s: %v", t.path, err)
		return
	}
	*into = parsed
}

func (d *decoder) unmarshalText(node *yaml.Node, into encoding.TextUnmarshaler, t target) {
	if node.Kind != yaml.ScalarNode {
		d.fail(node.Line, "%s: want one value, not %s", t.path, describe(node))
		return
	}
	if err := into.UnmarshalText([]byte(node.Value)); err != nil {
		d.fail(node.Line, "%s: %v", t.path, err)
	}
}

// command reads a list of program and arguments, or a string for the shell.
func (d *decoder) command(node *yaml.Node, into *Command, t target) {
	if node.Kind == yaml.SequenceNode {
		var words []string
		if d.list(node, reflect.ValueOf(&words).Elem(), t); len(words) == 0 {
			return
		}
		*into = words
	} else {
		var line string
		if !d.text(node, &line, t) {
			return
		}
		if *into = (Command{"sh", "-c", line}); line == "" {
			*into = Command{""}
		}
	}
	if (*into)[0] == "" {
		d.fail(node.Line, "%s: want a program: a list of program and arguments, or one string for the shell", t.path)
	}
}

// selectRule reads the word ask or a section, which is taken whole: a rule by number does not inherit a metric.
func (d *decoder) selectRule(node *yaml.Node, into *eval.SelectRule, t target) {
	if node.Kind == yaml.ScalarNode && node.Value == "ask" {
		*into = eval.SelectRule{Ask: true}
		return
	}
	if node.Kind != yaml.MappingNode {
		d.fail(node.Line, "%s: want ask, {metric: map@25} or {epoch: 3, because: \"…\"}, not %s", t.path, describe(node))
		return
	}
	before := len(d.problems)
	var rule eval.SelectRule
	d.section(node, reflect.ValueOf(&rule).Elem(), t.path)
	if rule.Metric == "" && rule.Epoch == nil && !rule.Ask && rule.Because == "" {
		rule.Metric = eval.DefaultSelectRule().Metric
	}
	*into = rule
	if err := rule.Validate(); err != nil && len(d.problems) == before {
		d.fail(node.Line, "%s", trimPrefix(err.Error(), "select: ", t.path+": "))
	}
}
