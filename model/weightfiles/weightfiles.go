// Package weightfiles opens the weights of a model directory, whichever of the formats that are read they are in.
package weightfiles

import (
	"fmt"

	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/torchfile"
)

// Layouts are those that a model directory may have. Where it has several, the first holds, as for transformers.
func Layouts() []safetensors.Layout {
	return []safetensors.Layout{safetensors.Weights(), torchfile.Weights()}
}

// Open maps the weights of a model directory.
func Open(dir string) (*safetensors.File, error) {
	l, err := layout(dir)
	if err != nil {
		return nil, err
	}
	return l.Open(dir)
}

// Files lists the names of the files that Open reads.
func Files(dir string) ([]string, error) {
	l, err := layout(dir)
	if err != nil {
		return nil, err
	}
	return l.Files(dir)
}

// layout is the one that holds.
func layout(dir string) (safetensors.Layout, error) {
	for _, l := range Layouts() {
		if in, err := l.In(dir); err != nil || in {
			return l, err
		}
	}
	return safetensors.Layout{}, fmt.Errorf("%s: no weights: neither %s nor %s, with or without an index", dir, safetensors.SingleName, torchfile.SingleName)
}
