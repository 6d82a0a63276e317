package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Kind is what a module of sentence-transformers does.
type Kind string

// The modules that are supported.
const (
	KindTransformer Kind = "Transformer"
	KindPooling     Kind = "Pooling"
	KindDense       Kind = "Dense"
	KindNormalize   Kind = "Normalize"
)

var kinds = []Kind{KindTransformer, KindPooling, KindDense, KindNormalize}

// Module is one step of a model: first the Transformer, then Pooling, any number of Dense, and at the end Normalize.
type Module struct {
	Kind    Kind
	Path    string   // folder below the model directory, with slashes; empty is the directory itself
	Pooling *Pooling // of a Pooling
	Dense   *Dense   // of a Dense
}

// readModules reads modules.json and the configuration of each module; nil without a modules.json. Modules are in order
// of their idx.
func (r *reader) readModules() ([]Module, error) {
	raw, err := r.read("modules.json")
	if err != nil || raw == nil {
		return nil, err
	}
	file := r.path("modules.json")
	var listed []json.RawMessage
	if err := json.Unmarshal(raw, &listed); err != nil {
		return nil, fmt.Errorf("%s: is not a list of modules: %w", file, err)
	}
	modules := make([]Module, len(listed))
	for i, item := range listed {
		m, err := parseModule(item, fmt.Sprintf("%s: module %d", file, i), i)
		if err != nil {
			return nil, err
		}
		modules[i] = m
	}
	r.currentForm = strings.Contains(string(raw), ".modules.")
	if err := checkOrder(modules); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i := range modules {
		if err := r.readModule(&modules[i]); err != nil {
			return nil, err
		}
	}
	return modules, nil
}

// parseModule reads {"idx", "name", "path", "type"}. The type is a Python class: "sentence_transformers.models.Pooling"
// up to version 5, "sentence_transformers.sentence_transformer.modules.pooling.Pooling" since.
func parseModule(raw []byte, where string, position int) (Module, error) {
	o, err := parseObject(raw, where)
	if err != nil {
		return Module{}, err
	}
	var class string
	m, index := Module{}, position
	for _, field := range []struct {
		key  string
		into any
	}{{"idx", &index}, {"path", &m.Path}, {"type", &class}} {
		if _, err := o.take(field.key, field.into); err != nil {
			return Module{}, err
		}
	}
	o.ignore("name")
	var kwargs []string
	if _, err := o.take("kwargs", &kwargs); err != nil {
		return Module{}, err
	}
	if len(kwargs) > 0 {
		return Module{}, fmt.Errorf("%s: kwargs %v are not supported", where, kwargs)
	}
	if err := o.rest(); err != nil {
		return Module{}, err
	}
	m.Kind = Kind(class[strings.LastIndex(class, ".")+1:])
	if !strings.HasPrefix(class, "sentence_transformers.") || !slices.Contains(kinds, m.Kind) {
		return Module{}, fmt.Errorf("%s: type %q is not supported; supported are sentence_transformers' %s", where, class, list(kinds))
	}
	if index != position {
		return Module{}, fmt.Errorf("%s: idx %d is out of order", where, index)
	}
	m.Path = strings.TrimSuffix(m.Path, "/")
	if m.Path != "" && (!fs.ValidPath(m.Path) || strings.Contains(m.Path, `\`) || m.Path == ".") {
		return Module{}, fmt.Errorf("%s: path %q is not a folder of the model directory", where, m.Path)
	}
	return m, nil
}

// checkOrder allows Transformer, Pooling, any number of Dense, and a Normalize at the end.
func checkOrder(modules []Module) error {
	if len(modules) < 2 || modules[0].Kind != KindTransformer || modules[1].Kind != KindPooling {
		if len(modules) == 1 && modules[0].Kind == KindTransformer {
			return errors.New("the first two modules must be Transformer and Pooling: a Transformer alone, as cross-encoders have it, gives no vectors of texts")
		}
		return errors.New("the first two modules must be Transformer and Pooling")
	}
	for i, m := range modules[2:] {
		if m.Kind == KindTransformer || m.Kind == KindPooling {
			return fmt.Errorf("module %d: a second %s is not supported", i+2, m.Kind)
		}
		if m.Kind == KindNormalize && i+3 < len(modules) {
			return fmt.Errorf("module %d: Normalize is supported at the end only", i+2)
		}
	}
	return nil
}

// readModule reads the configuration in a module's folder. The Transformer's is read with the network's.
func (r *reader) readModule(m *Module) error {
	if m.Kind == KindTransformer {
		return nil
	}
	name := path.Join(m.Path, "config.json")
	raw, err := r.read(name)
	if err != nil {
		return err
	}
	if raw == nil {
		if m.Kind == KindNormalize { // it has no parameters, and releases before the sixth saved nothing for it
			return nil
		}
		return fmt.Errorf("%s: missing: the %s module needs it", r.path(name), m.Kind)
	}
	if m.Kind == KindNormalize {
		return parseNormalize(raw, r.path(name))
	}
	if m.Kind == KindPooling {
		m.Pooling, err = parsePooling(raw, r.path(name))
		return err
	}
	m.Dense, err = parseDense(raw, r.path(name))
	return err
}

func parseNormalize(raw []byte, file string) error {
	o, err := parseObject(raw, file)
	if err != nil {
		return err
	}
	if err := takeSentenceEmbedding(o); err != nil {
		return err
	}
	return o.rest()
}

// takeSentenceEmbedding allows a module to read and write the sentence embedding only.
func takeSentenceEmbedding(o *object) error {
	for _, key := range []string{"module_input_name", "module_output_name"} {
		feature := "sentence_embedding"
		if _, err := o.take(key, &feature); err != nil {
			return err
		}
		if feature != "sentence_embedding" {
			return fmt.Errorf("%s: %s %q is not supported; supported is sentence_embedding", o.file, key, feature)
		}
	}
	return nil
}
