package lora

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/torchfile"
)

// EmbeddingName is the file beside an adapter in which FlagEmbedding's trainers save the base's table of word embeddings where
// tokens were added to it: the module itself, by torch.save.
const EmbeddingName = "embedding/emb.pth"

// OpenEmbedding maps the table [tokens, hidden] of EmbeddingName below an adapter's directory. The error of a directory without
// one is fs.ErrNotExist. The caller closes the file.
func OpenEmbedding(dir string) (*safetensors.File, safetensors.Tensor, error) {
	f, err := torchfile.Open(filepath.Join(dir, filepath.FromSlash(EmbeddingName)))
	if err != nil {
		return nil, safetensors.Tensor{}, err
	}
	table, err := f.Tensor(torchfile.Alone)
	switch {
	case err != nil:
	case len(f.Tensors()) > 1:
		err = fmt.Errorf("%s: holds %d tensors, and one table of word embeddings is wanted", f.Name(), len(f.Tensors()))
	case len(table.Shape) != 2 || len(table.Data) == 0:
		err = fmt.Errorf("%s: shape %v is not that of a table of word embeddings", table.Where(), table.Shape)
	}
	if err != nil {
		return nil, table, errors.Join(err, f.Close())
	}
	return f, table, nil
}

// takeEmbedding takes the table beside an adapter that brings none of its own, which would have stood above it.
func (a *Adapter) takeEmbedding(dir string, base *safetensors.File) (err error) {
	for name := range a.Saved {
		if IsTable(name) {
			return nil
		}
	}
	f, table, err := OpenEmbedding(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	at := slices.IndexFunc(base.Tensors(), func(t safetensors.Tensor) bool { return IsTable(t.Name) })
	if at < 0 {
		return fmt.Errorf("%s: the base %s has no table of word embeddings", table.Where(), base.Name())
	}
	if i, bad := safetensors.FirstNonFinite(table); bad {
		return fmt.Errorf("%s: element %d is not a finite number", table.Where(), i)
	}
	of := base.Tensors()[at]
	var values []float32
	switch {
	case slices.Equal(table.Shape, of.Shape):
		values, err = table.Float32s()
		values = slices.Clone(values) // the view ends with the file
	case shorter(table, of) && namesTokens(dir):
		values, err = filledUp(table, of)
	default:
		return fmt.Errorf("%s: shape %v, but the base's %q has %v: it is the table of another base or vocabulary; tokens that were added must be in a tokenizer.json beside the adapter, or named", table.Where(), table.Shape, of.Name, of.Shape)
	}
	a.Saved[of.Name] = Saved{Shape: slices.Clone(of.Shape), Values: values}
	return err
}

// shorter says whether a table has fewer rows than the base's, of the same width. FlagEmbedding makes a table as long as the
// vocabulary when it adds tokens; a base's may be longer (Qwen2's is), by rows that no token has.
func shorter(table, of safetensors.Tensor) bool {
	return len(table.Shape) == 2 && len(of.Shape) == 2 && table.Shape[1] == of.Shape[1] && table.Shape[0] < of.Shape[0]
}

// filledUp is a table with the rows of the base's behind its own.
func filledUp(table, of safetensors.Tensor) ([]float32, error) {
	values, err := table.Float32s()
	if err != nil {
		return nil, err
	}
	rest := of // alone: the whole table of a large base is most of its memory
	rest.Shape = []int{of.Shape[0] - table.Shape[0], of.Shape[1]}
	rest.Data = of.Data[len(of.Data)/of.Shape[0]*table.Shape[0]:]
	own, err := rest.Float32s()
	if err != nil {
		return nil, err
	}
	return slices.Concat(values, own), nil
}

// namesTokens says whether an adapter says which tokens its table is of.
func namesTokens(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "tokenizer.json"))
	return err == nil
}
