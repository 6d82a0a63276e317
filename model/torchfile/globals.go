package torchfile

import (
	"errors"
	"fmt"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// storages are torch's types of storages.
var storages = map[global]safetensors.DType{
	"torch.FloatStorage": safetensors.F32, "torch.DoubleStorage": safetensors.F64, "torch.HalfStorage": safetensors.F16,
	"torch.BFloat16Storage": safetensors.BF16, "torch.LongStorage": safetensors.I64, "torch.IntStorage": safetensors.I32,
	"torch.ShortStorage": safetensors.I16, "torch.CharStorage": safetensors.I8, "torch.ByteStorage": safetensors.U8,
	"torch.BoolStorage": safetensors.Bool, "torch.storage.UntypedStorage": "",
}

// dtypes are those of tensors whose storage has no type of its own (_rebuild_tensor_v3).
var dtypes = map[global]safetensors.DType{
	"torch.float32": safetensors.F32, "torch.float64": safetensors.F64, "torch.float16": safetensors.F16,
	"torch.bfloat16": safetensors.BF16, "torch.int64": safetensors.I64, "torch.int32": safetensors.I32,
	"torch.int16": safetensors.I16, "torch.int8": safetensors.I8, "torch.uint8": safetensors.U8, "torch.bool": safetensors.Bool,
	"torch.uint16": safetensors.U16, "torch.uint32": safetensors.U32, "torch.uint64": safetensors.U64,
	"torch.float8_e4m3fn": safetensors.F8E4M3, "torch.float8_e5m2": safetensors.F8E5M2,
}

// What a pickle of weights calls. Of each, call says what it makes; none of them is Python's own.
const (
	orderedDict        global = "collections.OrderedDict"
	pythonSet          global = "__builtin__.set" // as protocol 2 names it
	rebuildTensor      global = "torch._utils._rebuild_tensor_v2"
	rebuildTyped       global = "torch._utils._rebuild_tensor_v3"
	rebuildParameter   global = "torch._utils._rebuild_parameter"
	rebuildWithState   global = "torch._utils._rebuild_parameter_with_state"
	embedding          global = "torch.nn.modules.sparse.Embedding" // FlagEmbedding saves the module itself
	maxDimensions             = 64                                  // torch's own limit
	unexpectedArgument        = "has other arguments than torch writes: " + damagedOrForeign
)

func known(g global) bool {
	switch g {
	case orderedDict, pythonSet, rebuildTensor, rebuildTyped, rebuildParameter, rebuildWithState, embedding:
		return true
	}
	_, isStorage := storages[g]
	_, isType := dtypes[g]
	return isStorage || isType
}

// call is REDUCE and NEWOBJ.
func call(g global, arguments tuple) (any, error) {
	switch g {
	case orderedDict:
		if len(arguments) == 0 {
			return &dict{}, nil
		}
	case pythonSet:
		return &set{}, nil
	case embedding:
		if len(arguments) == 0 {
			return &module{}, nil
		}
	case rebuildTensor, rebuildTyped:
		return rebuild(g, arguments)
	case rebuildParameter, rebuildWithState: // of the tensor, whether it is trained, hooks and attributes
		if len(arguments) >= 3 {
			if a, ok := arguments[0].(*array); ok {
				return a, nil
			}
		}
	}
	return nil, errors.New(unexpectedArgument)
}

// rebuild makes a tensor of storage, offset, shape, strides, whether it is trained and hooks, then its type where the storage
// has none, and what else torch knows of it.
func rebuild(g global, arguments tuple) (*array, error) {
	plain := 6
	if g == rebuildTyped {
		plain = 7
	}
	if len(arguments) != plain && len(arguments) != plain+1 {
		return nil, errors.New(unexpectedArgument)
	}
	s, isStorage := arguments[0].(*storage)
	offset, isOffset := arguments[1].(int)
	shape, isShape := integers(arguments[2])
	strides, isStrides := integers(arguments[3])
	if !isStorage || !isOffset || !isShape || !isStrides || len(shape) != len(strides) {
		return nil, errors.New(unexpectedArgument)
	}
	if len(arguments) > plain { // flags such as that of a negated view, whose bytes mean something else
		if extra, ok := arguments[plain].(*dict); !ok || len(extra.items) > 0 {
			return nil, errors.New("the tensor is a view that negates or conjugates: save a copy of it (clone)")
		}
	}
	a := &array{storage: s, dtype: s.dtype, offset: offset, shape: shape, strides: strides}
	if g == rebuildTyped {
		name, _ := arguments[6].(global)
		dtype, ok := dtypes[name]
		if !ok || s.dtype != "" {
			return nil, errors.New(unexpectedArgument)
		}
		a.dtype = dtype
	}
	if a.dtype == "" {
		return nil, errors.New(unexpectedArgument)
	}
	return a, nil
}

// integers are the numbers of a tuple, none of them negative.
func integers(v any) ([]int, bool) {
	t, ok := v.(tuple)
	if !ok || len(t) > maxDimensions {
		return nil, false
	}
	numbers := make([]int, len(t))
	for i, v := range t {
		n, ok := v.(int)
		if !ok || n < 0 {
			return nil, false
		}
		numbers[i] = n
	}
	return numbers, true
}

// storageOf reads a persistent id: "storage", its type, its key, the device that it was on, its elements.
func storageOf(id any) (*storage, error) {
	t, _ := id.(tuple)
	if len(t) != 5 || t[0] != any("storage") {
		return nil, fmt.Errorf("a persistent id is not that of a storage: %s", damagedOrForeign)
	}
	class, isClass := t[1].(global)
	dtype, known := storages[class]
	key, isKey := t[2].(string)
	count, isCount := t[4].(int)
	if !isClass || !known || !isKey || !isCount || count < 0 {
		return nil, fmt.Errorf("a storage is not described as torch does: %s", damagedOrForeign)
	}
	return &storage{key: key, dtype: dtype, count: count}, nil
}

// build is BUILD: of a state dict it brings attributes, such as versions of modules, which do not matter.
func build(object, state any) error {
	switch o := object.(type) {
	case *dict:
		return nil
	case *module:
		d, ok := state.(*dict)
		if ok {
			o.state = d
			return nil
		}
	}
	return fmt.Errorf("sets the state of %s to %s: %s", describe(object), describe(state), damagedOrForeign)
}
