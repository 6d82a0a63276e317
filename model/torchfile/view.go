package torchfile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// viewer makes tensors of arrays.
type viewer struct {
	*archive
	copies map[string][]byte // by what was copied: tensors may share it
	left   int               // bytes that may yet be copied
}

func (v *viewer) tensor(name string, a *array) (safetensors.Tensor, error) {
	t := safetensors.Tensor{Name: name, DType: a.dtype, Shape: slices.Clone(a.shape)}
	size, err := safetensors.Entry{DType: a.dtype, Shape: a.shape}.Size() // which refuses shapes beyond any file
	if err != nil {
		return t, err
	}
	width, _ := a.dtype.Size()
	stored, err := v.stored(a.storage)
	if err != nil {
		return t, err
	}
	end, err := a.end(len(stored) / width)
	if err != nil {
		return t, err
	}
	switch {
	case size == 0:
		t.Data = []byte{}
	case a.inOrder(): // then its elements are all those up to the last
		t.Data = stored[a.offset*width : end*width : end*width]
	default:
		t.Data, err = v.copied(a, stored, size, width)
		t = t.InMemory()
	}
	return t, err
}

// stored returns a storage's bytes.
func (v *viewer) stored(s *storage) ([]byte, error) {
	data, err := v.read(storageFolder + s.key)
	if err != nil {
		return nil, err
	}
	width := 1
	if s.dtype != "" {
		width, _ = s.dtype.Size()
	}
	if s.count > len(data)/width {
		return nil, fmt.Errorf("its storage %q should have %d elements of %d bytes, and has %d bytes: the file is damaged, get it again", s.key, s.count, width, len(data))
	}
	return data[: s.count*width : s.count*width], nil
}

// end is one behind the last element in the storage, which must have it.
func (a *array) end(elements int) (int, error) {
	if slices.Contains(a.shape, 0) {
		return a.offset, nil
	}
	last := a.offset
	for i, n := range a.shape {
		if n > 1 && (last < 0 || last >= elements || a.strides[i] > elements/(n-1)) { // a product beyond this is beyond the storage, too
			last = elements
			break
		}
		if n > 1 {
			last += a.strides[i] * (n - 1)
		}
	}
	if last < 0 || last >= elements {
		return 0, fmt.Errorf("shape %v with strides %v from element %d on goes beyond its storage %q of %d elements: the file is damaged, get it again",
			a.shape, a.strides, a.offset, a.storage.key, elements)
	}
	return last + 1, nil
}

// inOrder says whether the elements follow each other row by row. The stride of a dimension of one does not matter.
func (a *array) inOrder() bool {
	step := 1
	for i := len(a.shape) - 1; i >= 0; i-- {
		if a.shape[i] != 1 && a.strides[i] != step {
			return false
		}
		step *= a.shape[i]
	}
	return true
}

// copied brings elements into order. What a file has copied is no more than its own length, or a small one could ask for any
// memory.
func (v *viewer) copied(a *array, stored []byte, size, width int) ([]byte, error) {
	key := fmt.Sprint(a.storage.key, a.dtype, a.offset, a.shape, a.strides)
	if data, ok := v.copies[key]; ok {
		return data, nil
	}
	if v.left -= size; v.left < 0 {
		return nil, errors.New("its elements do not stand in order, and to bring them, and those of other such tensors, into order takes more memory than the file has bytes: save them with contiguous()")
	}
	data := make([]byte, 0, size)
	index := make([]int, len(a.shape))
	at := a.offset
	for len(data) < size {
		data = append(data, stored[at*width:(at+1)*width]...)
		for d := len(index) - 1; d >= 0; d-- {
			index[d]++
			at += a.strides[d]
			if index[d] < a.shape[d] {
				break
			}
			at -= a.strides[d] * a.shape[d]
			index[d] = 0
		}
	}
	v.copies[key] = data
	return data, nil
}
