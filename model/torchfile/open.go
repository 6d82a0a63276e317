package torchfile

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// The names under which transformers kept a model's weights before safetensors.
const (
	SingleName = "pytorch_model.bin"
	IndexName  = "pytorch_model.bin.index.json"
)

// Alone is the name of a tensor that was saved by itself, and not in a state dict.
const Alone = "weight"

// Weights is the layout of a model directory whose weights torch.save wrote.
func Weights() safetensors.Layout {
	return safetensors.Layout{Single: SingleName, Index: IndexName, OpenFile: Open}
}

// Open maps a file of torch.save and finds its tensors: those of a state dict, under their names and in its order, the
// parameters of a torch.nn.Embedding, or a single tensor, named Alone. Tensors are views of the file but for those whose
// elements do not stand in order there, which are copied. The file must not be rewritten in place while it is open.
func Open(path string) (*safetensors.File, error) { return safetensors.OpenWith(path, Parse) }

// Parse reads a whole file held in memory; name stands for it in errors. The tensors are views of data.
func Parse(data []byte, name string) (*safetensors.File, error) {
	tensors, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return safetensors.FromTensors(name, tensors)
}

func parse(data []byte) ([]safetensors.Tensor, error) {
	if err := refuseOther(data); err != nil {
		return nil, err
	}
	a, err := openArchive(data)
	if err != nil {
		return nil, err
	}
	program, err := a.read(pickleName)
	if err != nil {
		return nil, err
	}
	saved, err := run(program)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pickleName, err)
	}
	entries, err := entriesOf(saved)
	if err != nil {
		return nil, err
	}
	v := viewer{archive: a, copies: map[string][]byte{}, left: len(data)}
	var tensors []safetensors.Tensor
	for _, e := range entries {
		t, err := v.tensor(e.name, e.array)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.name, err)
		}
		tensors = append(tensors, t)
	}
	return tensors, a.checkApart()
}

// refuseOther tells what a file is that is no archive.
func refuseOther(data []byte) error {
	const again = "save it again with a newer one: torch.save(torch.load(file, weights_only=True), file)"
	switch {
	case len(data) == 0:
		return errors.New("is empty")
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return nil
	case bytes.HasPrefix(data, []byte("version https://git-lfs")):
		return errors.New("is a pointer of Git LFS, not the file itself: get it with git lfs pull")
	case data[0] == 0x80: // PROTO: a bare pickle
		return errors.New("is in the form of torch before 1.6, which is not read; " + again)
	}
	return errors.New("is no file of torch.save, or was damaged: it does not begin as a zip archive")
}
