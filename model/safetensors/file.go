package safetensors

import (
	"errors"
	"fmt"
	"maps"
	"os"

	"github.com/edsrzf/mmap-go"
)

// File is a set of named tensors read from one file or from the shards of one index. Its tensors are views of mapped
// memory: Close only when no tensor and no slice taken from one is in use.
type File struct {
	name     string // the path that errors name
	tensors  []Tensor
	byName   map[string]int
	metadata map[string]string
	maps     []mmap.MMap
}

// Open maps a safetensors file and checks its header against its length. Nothing is read until a tensor is touched.
// The file must not be rewritten in place while it is open.
func Open(path string) (*File, error) { return OpenWith(path, Parse) }

// OpenWith maps a file and has parse make tensors of it, which may be views of data: Open for a format of another package.
func OpenWith(path string, parse func(data []byte, name string) (*File, error)) (*File, error) {
	mapped, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	f, err := parse(mapped, path)
	if err != nil {
		return nil, errors.Join(err, unmap(mapped))
	}
	if mapped != nil {
		f.maps = []mmap.MMap{mapped}
	}
	return f, nil
}

// Parse reads a whole file held in memory; name stands for it in errors. The tensors are views of data.
func Parse(data []byte, name string) (*File, error) {
	f := &File{name: name, byName: map[string]int{}}
	header, data, err := split(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	entries, metadata, err := parseHeader(header)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	entries, err = layOut(entries, len(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f.metadata = metadata
	for i, e := range entries {
		f.byName[e.name] = i
		view := data[e.begin:e.end:e.end]
		f.tensors = append(f.tensors, Tensor{Name: e.name, DType: e.dtype, Shape: e.shape, Data: view, file: name})
	}
	return f, nil
}

// FromTensors makes a File of the tensors that a reader of another format has found; name stands for the file in errors. Bytes
// that are not those of type and shape, and a name that comes twice, are errors.
func FromTensors(name string, tensors []Tensor) (*File, error) {
	f := &File{name: name, byName: map[string]int{}}
	for i, t := range tensors {
		t.file = name
		size, err := byteSize(t.DType, t.Shape)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Where(), err)
		}
		if size != len(t.Data) {
			return nil, fmt.Errorf("%s: %d bytes are not those of shape %v", t.Where(), len(t.Data), t.Shape)
		}
		if f.Has(t.Name) {
			return nil, fmt.Errorf("%s: comes twice", t.Where())
		}
		f.byName[t.Name] = i
		f.tensors = append(f.tensors, t)
	}
	return f, nil
}

// Name returns the path that the tensors were opened by: a file, or the index of a sharded set.
func (f *File) Name() string { return f.name }

// Tensors returns all tensors in the order of their bytes (of another format's file: in its reader's order), shard after
// shard. The slice belongs to the File.
func (f *File) Tensors() []Tensor { return f.tensors }

// Tensor returns the tensor of that name, or an error that names the tensor and the file.
func (f *File) Tensor(name string) (Tensor, error) {
	i, ok := f.byName[name]
	if !ok {
		return Tensor{}, fmt.Errorf("%s: has no tensor %q", f.name, name)
	}
	return f.tensors[i], nil
}

// Has reports whether there is a tensor of that name.
func (f *File) Has(name string) bool {
	_, ok := f.byName[name]
	return ok
}

// Replace puts a tensor that lies in memory in the place of the file's of the same name, which must be there. Whoever reads
// the File afterwards sees it alone; the file itself stays as it is.
func (f *File) Replace(name string, shape []int, data []byte) error {
	i, ok := f.byName[name]
	if !ok {
		return fmt.Errorf("%s: has no tensor %q", f.name, name)
	}
	t := &f.tensors[i]
	size, err := byteSize(t.DType, shape)
	if err != nil {
		return fmt.Errorf("%s: %w", t.Where(), err)
	}
	if size != len(data) {
		return fmt.Errorf("%s: %d bytes are not those of shape %v", t.Where(), len(data), shape)
	}
	t.Shape, t.Data, t.inMemory = shape, data, true
	return nil
}

// Rename gives a tensor another name, which no other may have; errors about it go on to name it as the file does.
func (f *File) Rename(from, to string) error {
	i, ok := f.byName[from]
	if !ok {
		return fmt.Errorf("%s: has no tensor %q", f.name, from)
	}
	if f.Has(to) {
		return fmt.Errorf("%s: is another name of %q, which is there, too", f.tensors[i].Where(), to)
	}
	delete(f.byName, from)
	f.byName[to] = i
	f.tensors[i].Name, f.tensors[i].stored = to, from
	return nil
}

// Metadata returns a copy of the header's free-form metadata; that of the first shard for a sharded set.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Close releases the mapped memory. Tensors and views taken from them must not be used afterwards. A second Close does
// nothing.
func (f *File) Close() error {
	var err error
	for _, m := range f.maps {
		err = errors.Join(err, unmap(m))
	}
	f.maps, f.tensors, f.byName = nil, nil, nil
	return err
}

// mapFile maps a file for reading; an empty one, which cannot be mapped, is nil.
func mapFile(path string) (mmap.MMap, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // the mapping outlives the descriptor
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s: is a directory, not a file of weights", path)
	}
	if info.Size() == 0 {
		return nil, nil
	}
	mapped, err := mmap.Map(file, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: map: %w", path, err)
	}
	return mapped, nil
}

func unmap(m mmap.MMap) error {
	if m == nil {
		return nil
	}
	return m.Unmap()
}
