package lora

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// savesWhole reports whether modules_to_save takes a parameter of the wrapped network, by its path there: PEFT does so where the
// name of its module, or of one that holds it, ends with one of the names, in the middle of a word too ("norm" takes
// input_layernorm; peft.utils.other._set_trainable).
func (c Config) savesWhole(path string) bool {
	for {
		at := strings.LastIndex(path, ".")
		if at < 0 {
			return false
		}
		path = path[:at]
		if slices.ContainsFunc(c.ModulesToSave, func(name string) bool { return strings.HasSuffix(prefix+path, name) }) {
			return true
		}
	}
}

// whole are the base's tensors that modules_to_save takes in a network with a wrapping before its names, in the order of the
// base's files: numbers of the network, not of a head that AutoModel does not load.
func (c Config) whole(base *safetensors.File, wrapping string) []safetensors.Tensor {
	var taken []safetensors.Tensor
	for _, t := range base.Tensors() {
		name := unwrap(t.Name)
		isHead := slices.ContainsFunc(heads, func(head string) bool { return strings.HasPrefix(name, head) })
		if _, err := numberOf(t); err == nil && !isHead && c.savesWhole(wrapping+name) {
			taken = append(taken, t)
		}
	}
	return taken
}

// Whole returns the base's tensors that modules_to_save selects, in their order, by PEFT's rules: those of every module whose
// name ends with one of the names, and of the modules inside it. A name that selects none is an error: it is misspelt or meant
// for another network.
func (c Config) Whole(base *safetensors.File) ([]safetensors.Tensor, error) {
	for _, name := range c.ModulesToSave {
		alone := Config{ModulesToSave: []string{name}}
		if name == "" || len(alone.whole(base, "")) == 0 {
			return nil, fmt.Errorf("modules_to_save: %q ends the name of no module with weights of %s", name, base.Name())
		}
	}
	return c.whole(base, ""), nil
}

// TakeWhole copies the tensors of modules_to_save from the base, for training to change. A module that has a layer of the
// adapter, too, is an error: its weight would be trained twice.
func (a *Adapter) TakeWhole(base *safetensors.File) error {
	tensors, err := a.Config.Whole(base)
	if err != nil {
		return err
	}
	saved := map[string]Saved{}
	for _, t := range tensors {
		if i := slices.IndexFunc(a.Layers, func(l Layer) bool { return l.Tensor == t.Name }); i >= 0 {
			return fmt.Errorf("modules_to_save %s: module %q gets an adapter, too: name in full what is trained whole, or leave it out of target_modules",
				strings.Join(a.Config.ModulesToSave, ", "), a.Layers[i].Name)
		}
		if i, bad := safetensors.FirstNonFinite(t); bad {
			return fmt.Errorf("%s: element %d is not a finite number", t.Where(), i)
		}
		values, err := t.Float32s()
		if err != nil {
			return err
		}
		saved[t.Name] = Saved{Shape: slices.Clone(t.Shape), Values: slices.Clone(values)}
	}
	if len(saved) > 0 {
		a.Saved = saved
	}
	return nil
}
