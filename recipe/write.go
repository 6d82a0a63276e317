package recipe

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/quarry-ml/quarry/eval"
)

// Resolved returns the recipe with everything filled in, as YAML that Parse reads back to the same recipe when it lies
// where the recipe does. Every round holds all of its settings, so the sections that rounds override are left out.
func (r *Recipe) Resolved() ([]byte, error) {
	root, err := r.resolved()
	if err != nil {
		return nil, fmt.Errorf("resolved recipe: %w", err)
	}
	text, err := writeYAML(root)
	if err != nil {
		return nil, fmt.Errorf("resolved recipe: %w", err)
	}
	return text, nil
}

// Brief returns what Resolved does, for people: of a round after the first what differs from the first, under a key "as" that
// no recipe has.
func (r *Recipe) Brief() ([]byte, error) {
	root, err := r.resolved()
	if err != nil {
		return nil, fmt.Errorf("resolved recipe: %w", err)
	}
	for i := 0; i < len(root.Content); i += 2 {
		if root.Content[i].Value != "rounds" {
			continue
		}
		rounds := root.Content[i+1].Content
		for k := 1; k < len(rounds); k++ {
			brief := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{textNode("as"), textNode("round 0")}}
			brief.Content = append(brief.Content, differing(rounds[0], rounds[k]).Content...)
			rounds[k] = brief
		}
	}
	text, err := writeYAML(root)
	if err != nil {
		return nil, fmt.Errorf("resolved recipe: %w", err)
	}
	return text, nil
}

// differing is the keys of a mapping whose values are others than in the first one, which has the same keys.
func differing(first, other *yaml.Node) *yaml.Node {
	found := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(other.Content); i += 2 {
		key, value := other.Content[i], other.Content[i+1]
		at := slices.IndexFunc(first.Content, func(n *yaml.Node) bool { return n.Value == key.Value })
		if at < 0 || at%2 != 0 {
			found.Content = append(found.Content, key, value)
			continue
		}
		was := first.Content[at+1]
		if reflect.DeepEqual(was, value) {
			continue
		}
		if was.Kind == yaml.MappingNode && value.Kind == yaml.MappingNode && key.Value != "select" { // a rule is taken whole
			value = differing(was, value)
		}
		found.Content = append(found.Content, key, value)
	}
	return found
}

func (r *Recipe) resolved() (*yaml.Node, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	value := reflect.ValueOf(*r)
	for _, f := range fieldsOf(value.Type()) {
		if len(f.index) > 1 {
			continue // one that rounds override
		}
		node, err := nodeOf(value.FieldByIndex(f.index), f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.key, err)
		}
		root.Content = append(root.Content, textNode(f.key), node)
	}
	return root, nil
}

// settingsApart are the keys that change no result of a round, or that the files of a run tell otherwise.
var settingsApart = []string{"version", "name", "memory", "workers", "rounds", "folds", "on_finish"}

// Settings returns what decides the result of round i, counted from 0, as YAML with everything filled in.
func (r *Recipe) Settings(i int) ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	whole := *r
	whole.Stages = r.Rounds[i]
	value := reflect.ValueOf(whole)
	for _, f := range fieldsOf(value.Type()) {
		if slices.Contains(settingsApart, f.key) {
			continue
		}
		node, err := nodeOf(value.FieldByIndex(f.index), f)
		if err != nil {
			return nil, fmt.Errorf("settings of round %d: %s: %w", i, f.key, err)
		}
		root.Content = append(root.Content, textNode(f.key), node)
	}
	return writeYAML(root)
}

func writeYAML(root *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

// MarshalJSON writes the section with the recipe's keys, unset ones left out and paths as written: what stamps digest.
func (s Stages) MarshalJSON() ([]byte, error) { return canonicalJSON(s) }

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (m Mine) MarshalJSON() ([]byte, error) { return canonicalJSON(m) }

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (f Finetune) MarshalJSON() ([]byte, error) { return canonicalJSON(f) }

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (l LoRAOptions) MarshalJSON() ([]byte, error) { return canonicalJSON(l) }

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (e Eval) MarshalJSON() ([]byte, error) { return canonicalJSON(e) }

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (p Prompts) MarshalJSON() ([]byte, error) { return canonicalJSON(p) }

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (d Data) MarshalJSON() ([]byte, error) { return canonicalJSON(d) }

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (l Lengths) MarshalJSON() ([]byte, error) { return canonicalJSON(l) }

// nodeOf is a value as YAML. One that is unset is null, with what that means beside it.
func nodeOf(v reflect.Value, f field) (*yaml.Node, error) {
	if f.unset != "" && v.IsZero() {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null", LineComment: "# " + f.unset}, nil
	}
	switch value := v.Interface().(type) {
	case Path:
		return textNode(value.Written), nil
	case Command:
		return encoded([]string(value))
	case SetMine:
		return value.node()
	case []Setting:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, s := range value {
			list.Content = append(list.Content, s.given)
		}
		return list, nil
	case eval.SelectRule:
		if value.Ask {
			return textNode("ask"), nil
		}
		return encoded(value)
	case []eval.Measure, [2]float64, []string, []int, []float64:
		node, err := encoded(value)
		if err == nil {
			node.Style = yaml.FlowStyle
		}
		return node, err
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		return textNode(string(text)), err
	}
	switch v.Kind() {
	case reflect.Pointer:
		return nodeOf(v.Elem(), field{}) // a margin of 0 is set
	case reflect.Struct:
		return sectionNode(v)
	case reflect.Slice:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			node, err := nodeOf(v.Index(i), field{})
			if err != nil {
				return nil, err
			}
			list.Content = append(list.Content, node)
		}
		return list, nil
	case reflect.String:
		return textNode(v.String()), nil
	}
	return encoded(v.Interface())
}

func sectionNode(v reflect.Value) (*yaml.Node, error) {
	section := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fieldsOf(v.Type()) {
		if f.omit && v.FieldByIndex(f.index).IsZero() {
			continue
		}
		node, err := nodeOf(v.FieldByIndex(f.index), f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.key, err)
		}
		section.Content = append(section.Content, textNode(f.key), node)
	}
	return section, nil
}

// textNode is a string, quoted where YAML would take it for something else.
func textNode(text string) *yaml.Node {
	node := &yaml.Node{}
	node.SetString(text)
	if strings.ContainsFunc(text, unicode.IsControl) {
		node.Style = yaml.DoubleQuotedStyle // a block would show a prompt's newlines, but not its spaces before them
	}
	return node
}

func encoded(v any) (*yaml.Node, error) {
	node := &yaml.Node{}
	return node, node.Encode(v)
}

// canonicalJSON writes a section with sorted keys.
func canonicalJSON(section any) ([]byte, error) {
	v, err := plain(reflect.ValueOf(section))
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// plain turns a section into maps, which JSON writes with sorted keys, and leaves out what is unset.
func plain(v reflect.Value) (any, error) {
	switch value := v.Interface().(type) {
	case Path:
		return value.Written, nil
	case SetMine:
		var keys map[string]any
		err := yaml.Unmarshal([]byte(value), &keys)
		return keys, err
	case []Path:
		written := make([]string, len(value))
		for i, path := range value {
			written[i] = path.Written
		}
		return written, nil
	case encoding.TextMarshaler:
		return value, nil
	}
	switch {
	case isSectionList(v.Type()):
		sections := make([]any, v.Len())
		for i := range sections {
			var err error
			if sections[i], err = plain(v.Index(i)); err != nil {
				return nil, err
			}
		}
		return sections, nil
	case v.Kind() == reflect.Pointer:
		return plain(v.Elem())
	case v.Kind() != reflect.Struct:
		return v.Interface(), nil
	}
	keys := map[string]any{}
	for _, f := range fieldsOf(v.Type()) {
		inner := v.FieldByIndex(f.index)
		if inner.IsZero() && (f.unset != "" || v.Type() == reflect.TypeFor[eval.SelectRule]()) {
			continue
		}
		value, err := plain(inner)
		if err != nil {
			return nil, err
		}
		keys[f.key] = value
	}
	return keys, nil
}
