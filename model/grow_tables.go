package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/compute/half"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// vocabularyHeads are how the names of tensors end that a head of a language model has for each token of the vocabulary.
var vocabularyHeads = []string{
	"lm_head.weight", "lm_head.bias",
	"cls.predictions.bias", "decoder.weight", "decoder.bias",
}

// growTables makes the table of word embeddings as long as a vocabulary that has grown, and with it a language model's head,
// which is the same table or has to fit it. Each new row is the mean of all rows that the tensor had: the centre of what
// transformers' resize_token_embeddings draws new rows of, which stray from it by 3e-5 of the spread of the old ones (its
// mean_resizing: Hewitt, 2021). With the mean itself nothing is drawn, and a next token's chance under the grown head is no
// more than that of the old ones' mean. Sums are taken in float64 in the order of rows, and rounded to float32 and to the
// tensor's type.
func growTables(f *safetensors.File, from, to int) error {
	found := false
	for _, t := range slices.Clone(f.Tensors()) {
		isTable := lora.IsTable(t.Name)
		if !isTable && !endsAny(t.Name, vocabularyHeads) {
			continue
		}
		if len(t.Shape) == 0 || t.Shape[0] != from {
			return fmt.Errorf("%s: shape %v, but config.json's vocab_size is %d: the weights do not belong to this config.json", t.Where(), t.Shape, from)
		}
		grown, err := withMeanRows(t, to)
		if err != nil {
			return err
		}
		shape := slices.Clone(t.Shape)
		shape[0] = to
		if err := f.Replace(t.Name, shape, grown); err != nil {
			return err
		}
		found = found || isTable
	}
	if !found {
		return fmt.Errorf("%s: no table of word embeddings (%s) to add special tokens to", f.Name(), lora.Tables())
	}
	return nil
}

func endsAny(name string, ends []string) bool {
	return slices.ContainsFunc(ends, func(end string) bool { return name == end || strings.HasSuffix(name, "."+end) })
}

// withMeanRows is the content of a tensor with so many rows: its own, and their mean for each that is new.
func withMeanRows(t safetensors.Tensor, rows int) ([]byte, error) {
	values, err := t.Float32s()
	if err != nil {
		return nil, err
	}
	old := t.Shape[0]
	mean := make([]float64, len(values)/old)
	for ; len(values) > 0; values = values[len(mean):] {
		for i, v := range values[:len(mean)] {
			mean[i] += float64(v)
		}
	}
	width := len(t.Data) / old
	grown := make([]byte, rows*width)
	copy(grown, t.Data)
	for at := len(t.Data); at < len(grown); at += width {
		row := grown[at : at : at+width]
		for _, sum := range mean {
			switch v := float32(sum / float64(old)); t.DType {
			case safetensors.F32:
				row = binary.LittleEndian.AppendUint32(row, math.Float32bits(v))
			case safetensors.F16:
				row = binary.LittleEndian.AppendUint16(row, half.F32ToF16(v))
			case safetensors.BF16:
				row = binary.LittleEndian.AppendUint16(row, half.F32ToBF16(v))
			}
		}
	}
	return grown, nil
}
