package model

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/weightfiles"
)

// WeightTypes lists the types of the network's float tensors, each once, sorted.
func (d *Directory) WeightTypes() ([]safetensors.DType, error) {
	f, err := d.OpenWeights()
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	var types []safetensors.DType
	for _, t := range f.Tensors() {
		switch t.DType {
		case safetensors.F32, safetensors.F16, safetensors.BF16:
			types = append(types, t.DType)
		}
	}
	slices.Sort(types)
	return slices.Compact(types), nil
}

// WriteBF16 writes the model with the network's F32 weights rounded to bf16 (safetensors.Rounded), in shards of at most
// limit bytes (0 is safetensors.ShardLimit), little of them in memory at a time. All else that Open reads is copied byte for
// byte, but for the dtype in config.json: what the directory leaves open stays open.
func (d *Directory) WriteBF16(ctx context.Context, out Sink, limit int64) error {
	names, err := Files(d.Path)
	if err != nil {
		return err
	}
	weights, err := weightfiles.Files(d.Transformer())
	if err != nil {
		return err
	}
	root := d.Modules[0].Path
	below := func(name string, write func(io.Writer) error) error { return out(path.Join(root, name), write) }
	f, err := d.OpenWeights()
	if err != nil {
		return err
	}
	defer f.Close() // read only
	var entries []safetensors.Entry
	for _, t := range f.Tensors() {
		entries = append(entries, safetensors.Rounded(ctx, t))
	}
	w := &directoryWriter{out: below, src: d}
	for _, name := range names {
		if path.Dir(name) == path.Clean(root) && slices.Contains(weights, path.Base(name)) {
			continue
		}
		content, err := fs.ReadFile(d.files, name)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Path, err)
		}
		if name == path.Join(root, "config.json") {
			content = d.Config.encode(floatType(entries))
		}
		if err := (&directoryWriter{out: out}).bytes(name, content); err != nil {
			return err
		}
	}
	if limit == 0 {
		limit = safetensors.ShardLimit
	}
	return w.weights(entries, limit)
}
