package model

import (
	"strings"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// renamedEnds are ends of tensors' names of TensorFlow's BERT, which old files keep, and what transformers reads them as.
var renamedEnds = []struct{ old, new string }{
	{"LayerNorm.gamma", "LayerNorm.weight"},
	{"LayerNorm.beta", "LayerNorm.bias"},
}

// renameOld gives tensors the names that their networks have today.
func renameOld(f *safetensors.File) error {
	for _, t := range f.Tensors() {
		for _, r := range renamedEnds {
			if stem, ok := strings.CutSuffix(t.Name, r.old); ok {
				if err := f.Rename(t.Name, stem+r.new); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
