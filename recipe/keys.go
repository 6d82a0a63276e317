package recipe

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quarry-ml/quarry/audit"
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/prompt"
)

// Key describes one key of the recipe's language.
type Key struct {
	Path    string // "mine.window"
	Section bool   // it holds keys of its own, which follow it
	List    bool   // of sections: the keys that follow are those of one entry
	Value   string // the values allowed, in words
	Default string // as a recipe would write it; what its absence means where there is none
	Need    bool   // it must be given
	Rounds  bool   // rounds may override it

	Struct, Field string // the Go field, whose comment is the key's
}

// Keys lists every key, a section's behind the section, in the order of the reference.
func Keys() []Key {
	r := reflect.ValueOf(defaults()).Elem()
	var keys []Key
	for _, f := range fieldsOf(r.Type()) {
		keys = append(keys, keysOf(r, f, "")...)
	}
	return keys
}

func keysOf(section reflect.Value, f field, path string) []Key {
	declared := section.Type().FieldByIndex(f.index)
	owner := section.Type()
	for _, i := range f.index[:len(f.index)-1] {
		owner = owner.Field(i).Type
	}
	value := section.FieldByIndex(f.index)
	key := Key{
		Path: join(path, f.key), Section: isSection(f.kind) || isSectionList(f.kind), List: isSectionList(f.kind), Value: f.allowed(), Default: f.defaultText(value), Need: f.need,
		Rounds: len(f.index) > 1, Struct: owner.Name(), Field: declared.Name,
	}
	keys := []Key{key}
	if key.Section {
		kind := f.kind
		if isSectionList(kind) {
			kind = kind.Elem()
			value = reflect.New(kind).Elem()
		}
		for _, inner := range fieldsOf(kind) {
			for _, k := range keysOf(value, inner, key.Path) {
				k.Rounds = key.Rounds
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// allowed says which values a field takes.
func (f field) allowed() string {
	kind := f.kind
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch {
	case f.words != nil:
		return strings.Join(f.words, ", ")
	case isSection(kind):
		return "section"
	case isSectionList(kind):
		return "list of sections"
	}
	name := kindName(kind)
	if f.interval != nil {
		name += ", " + f.interval.String()
	}
	return name
}

func kindName(kind reflect.Type) string {
	switch kind {
	case reflect.TypeFor[Path]():
		return "path"
	case reflect.TypeFor[[]Path]():
		return "list of paths"
	case reflect.TypeFor[Miner]():
		return "merged, base or a path"
	case reflect.TypeFor[Window]():
		return "window such as 2-200"
	case reflect.TypeFor[Size]():
		return "size such as 2GiB"
	case reflect.TypeFor[Command]():
		return "list, or text for the shell"
	case reflect.TypeFor[eval.SelectRule]():
		return "rule"
	case reflect.TypeFor[SetMine]():
		return "keys of mine"
	case reflect.TypeFor[audit.Limit]():
		return "limits"
	case reflect.TypeFor[mine.Quota]():
		return "quotas"
	case reflect.TypeFor[lora.Override]():
		return "modules and numbers"
	case reflect.TypeFor[eval.Measure]():
		return "measures"
	case reflect.TypeFor[prompt.Template]():
		return "template"
	case reflect.TypeFor[[]Stages](), reflect.TypeFor[[]Setting]():
		return "list of sections"
	}
	switch kind.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true, false"
	case reflect.Int, reflect.Uint64:
		return "whole number"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "list of " + kindName(kind.Elem())
	case reflect.Array:
		return fmt.Sprintf("%d numbers", kind.Len())
	}
	panic("recipe: no name for values of type " + kind.String())
}

// defaultText is what a recipe would write to get the default.
func (f field) defaultText(v reflect.Value) string {
	switch {
	case f.unset != "" && v.IsZero():
		return f.unset
	case f.need, isSection(f.kind):
		return ""
	case f.kind == reflect.TypeFor[[]Stages]():
		return "one round"
	}
	node, err := nodeOf(v, f)
	if err == nil {
		node.Style |= yaml.FlowStyle
		var text []byte
		if text, err = yaml.Marshal(node); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	panic(fmt.Sprintf("recipe: the default of %s: %v", f.key, err))
}
