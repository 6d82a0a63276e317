package torchfile

import (
	"fmt"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// What a pickle's values become, beside nil, bool, int, float64 and string. Objects are pointers, because the program fills
// them after it has made them, and may keep one in several places. Nothing here walks down into values of values: they may
// nest as deep as the program is long, or contain themselves.
type (
	tuple []any
	list  struct{ items []any }
	dict  struct{ items []item } // in the order of insertion
	item  struct{ key, value any }
	set   struct{} // what it holds does not matter

	global string // a name of Python, with its module; only those in known

	// storage stands for an entry of bytes. dtype is empty where only the tensor knows it.
	storage struct {
		key   string
		dtype safetensors.DType
		count int // elements; bytes where dtype is empty
	}
	// array is a tensor as its pickle describes it, nothing checked against the storage.
	array struct {
		storage *storage
		dtype   safetensors.DType
		offset  int // in elements, as are the strides
		shape   []int
		strides []int
	}
	module struct{ state *dict } // a torch.nn.Embedding
)

// describe says in a word or two what a value is, for errors.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a truth value"
	case int, float64:
		return "a number"
	case string:
		return "a text"
	case tuple, *list, *set:
		return "a list of values"
	case *dict:
		return "a dict"
	case global:
		return "the name " + string(v)
	case *storage:
		return "a storage"
	case *array:
		return "a tensor"
	case *module:
		return "a module"
	}
	return "nothing that is known"
}

// entry is a tensor of what was saved.
type entry struct {
	name  string
	array *array
}

// entriesOf are the tensors of a state dict, of an embedding's parameters or of a tensor.
func entriesOf(saved any) ([]entry, error) {
	switch v := saved.(type) {
	case *array:
		return []entry{{Alone, v}}, nil
	case *dict:
		return v.entries()
	case *module:
		parameters, _ := v.state.get("_parameters").(*dict)
		if parameters == nil {
			return nil, fmt.Errorf("%s: the module that it holds has no _parameters", pickleName)
		}
		return parameters.entries()
	}
	return nil, fmt.Errorf("%s: holds %s, and no state dict: save model.state_dict()", pickleName, describe(saved))
}

func (d *dict) entries() ([]entry, error) {
	var entries []entry
	for _, i := range d.items {
		name, ok := i.key.(string)
		if !ok {
			return nil, fmt.Errorf("%s: the key of a tensor is %s, not a text: no state dict; save model.state_dict()", pickleName, describe(i.key))
		}
		a, ok := i.value.(*array)
		if !ok {
			return nil, fmt.Errorf("%s: %q is %s, not a tensor: what more a training saves beside a state dict is not read; save model.state_dict()", pickleName, name, describe(i.value))
		}
		entries = append(entries, entry{name, a})
	}
	return entries, nil
}

// get is the value of a key that is text; nil where there is none.
func (d *dict) get(key string) any {
	if d == nil {
		return nil
	}
	for _, i := range d.items {
		if i.key == any(key) {
			return i.value
		}
	}
	return nil
}
