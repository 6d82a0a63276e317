package model

import (
	"slices"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// Entries are the model's tensors in the order of its files, with the given weights in place of those of the same name:
// the network's, and those of each Dense module in order, for WriteDirectory. Replaced tensors are F32; all others are
// copied as they are, but for tied heads (TieHeads). The weights are read when the entries are written.
func (m *Model) Entries(weights []*compute.Weight) (network []safetensors.Entry, dense [][]safetensors.Entry) {
	byName := make(map[string]*compute.Weight, len(weights))
	for _, w := range weights {
		byName[w.Name] = w
	}
	entries := func(f *safetensors.File, rename func(string) string) []safetensors.Entry {
		var list []safetensors.Entry
		for _, t := range f.Tensors() {
			if w, ok := byName[rename(t.Name)]; ok {
				list = append(list, safetensors.Float32(t.Name, slices.Clone(t.Shape), w.Values))
			} else {
				list = append(list, safetensors.Copy(t))
			}
		}
		return list
	}
	network = entries(m.files[0], func(name string) string { return name })
	network = m.TieHeads(m.files[0], func(name string) bool { return byName[name] != nil }, network)
	at := 1
	for _, module := range m.Modules {
		if module.Kind == KindDense {
			dense = append(dense, entries(m.files[at], func(name string) string { return denseName(module, name) }))
			at++
		}
	}
	return network, dense
}
