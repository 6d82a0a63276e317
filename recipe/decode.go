package recipe

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// decoder turns YAML nodes into sections and collects what is wrong, so that a user sees all of it at once.
type decoder struct {
	file     string
	lines    map[string]int // of each key path
	problems []problem
	rounds   *yaml.Node // kept until the sections that rounds override are whole
	settings *yaml.Node // kept until the rounds are

	mines map[string]*yaml.Node // of data.sets by path, kept until rounds and settings are
}

type problem struct {
	line int
	text string
}

// document returns the mapping that is the recipe.
func (d *decoder) document(content []byte) (*yaml.Node, error) {
	if err := d.checkText(content); err != nil {
		return nil, err
	}
	reader := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	if err := reader.Decode(&document); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the recipe is empty", d.file)
	} else if err != nil {
		return nil, d.syntaxError(content, err)
	}
	if err := reader.Decode(&second); err == nil {
		return nil, fmt.Errorf("%s:%d: a second document: a recipe is one", d.file, second.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, d.syntaxError(content, err)
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: want keys and values such as \"model: DIR\", not %s", d.file, root.Line, describe(root))
	}
	return root, nil
}

// recipe decodes the root, then the rounds, each of which starts from the sections, then the settings, which start from
// the rounds, then what sets mine differently in all of these.
func (d *decoder) recipe(root *yaml.Node, r *Recipe) {
	d.section(root, reflect.ValueOf(r).Elem(), "")
	d.decodeRounds(r)
	d.decodeSettings(r)
	d.decodeSets(r)
}

func (d *decoder) decodeRounds(r *Recipe) {
	if d.rounds == nil {
		r.Rounds = []Stages{r.Stages.clone()}
		return
	}
	if d.rounds.Kind != yaml.SequenceNode {
		d.fail(d.rounds.Line, "rounds: want a list with one entry a round, {} for one without changes, not %s", describe(d.rounds))
		return
	}
	if len(d.rounds.Content) == 0 {
		d.fail(d.rounds.Line, "rounds: the list is empty: want one entry a round, {} for one without changes")
		return
	}
	for i, node := range d.rounds.Content {
		path := fmt.Sprintf("rounds[%d]", i)
		node = resolveAlias(node)
		d.lines[path] = node.Line
		round := r.Stages.clone()
		if node.Kind != yaml.MappingNode {
			d.fail(node.Line, "%s: want what the round does differently, or {}, not %s", path, describe(node))
		} else {
			d.section(node, reflect.ValueOf(&round).Elem(), path)
		}
		r.Rounds = append(r.Rounds, round)
	}
}

// section sets the fields of a struct from a mapping; keys that the mapping lacks keep their value.
func (d *decoder) section(node *yaml.Node, into reflect.Value, path string) {
	fields := fieldsOf(into.Type())
	given := map[string]int{}
	if m, ok := into.Addr().Interface().(*Mine); ok {
		before := *m
		defer func() { m.settleSources(d, before, given, path) }()
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolveAlias(node.Content[i+1])
		if key.Kind != yaml.ScalarNode {
			d.fail(key.Line, "want a key%s, not %s", within(path), describe(key))
			continue
		}
		if first, twice := given[key.Value]; twice {
			d.fail(key.Line, "%s is given twice, first in line %d", join(path, key.Value), first)
			continue
		}
		given[key.Value] = key.Line
		position := slices.IndexFunc(fields, func(f field) bool { return f.key == key.Value })
		if position < 0 {
			d.fail(key.Line, "unknown key %q%s%s", key.Value, within(path), suggest(key.Value, path, fields))
			continue
		}
		d.lines[join(path, key.Value)] = key.Line
		f := fields[position]
		d.value(value, into.FieldByIndex(f.index), target{field: f, path: join(path, key.Value)})
	}
}

// target is where a value goes: its field's tags and its key path.
type target struct {
	field
	path string
}

func (d *decoder) fail(line int, format string, arguments ...any) {
	d.problems = append(d.problems, problem{line, fmt.Sprintf(format, arguments...)})
}

// err returns all problems in the order of the file, one a line.
func (d *decoder) err() error {
	slices.SortStableFunc(d.problems, func(a, b problem) int { return cmp.Compare(a.line, b.line) })
	var all []error
	for _, p := range d.problems {
		if p.line > 0 {
			all = append(all, fmt.Errorf("%s:%d: %s", d.file, p.line, p.text))
		} else {
			all = append(all, fmt.Errorf("%s: %s", d.file, p.text))
		}
	}
	return errors.Join(all...)
}

func resolveAlias(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func within(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}

// describe says what a node is, for a message that says what it should be.
func describe(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "keys and values"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null":
		return "nothing"
	}
	const longest = 40
	if runes := []rune(node.Value); len(runes) > longest {
		return strconv.Quote(string(runes[:longest]) + "…")
	}
	return strconv.Quote(node.Value)
}
