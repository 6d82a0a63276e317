package tinymodel

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/quarry-ml/quarry/compute/half"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// weights returns every tensor of BertModel under transformers' names, in their order there.
func (o Options) weights() []safetensors.Entry {
	var entries []safetensors.Entry
	add := func(name string, shape ...int) { entries = append(entries, o.entry(name, shape)) }
	linear := func(name string, out, in int) {
		add(name+".weight", out, in)
		add(name+".bias", out)
	}
	norm := func(name string) {
		add(name+".LayerNorm.weight", o.Hidden)
		add(name+".LayerNorm.bias", o.Hidden)
	}
	add("embeddings.word_embeddings.weight", len(o.Vocabulary), o.Hidden)
	add("embeddings.position_embeddings.weight", o.Positions, o.Hidden)
	add("embeddings.token_type_embeddings.weight", 2, o.Hidden)
	norm("embeddings")
	for layer := range o.Layers {
		prefix := fmt.Sprintf("encoder.layer.%d.", layer)
		for _, projection := range []string{"query", "key", "value"} {
			linear(prefix+"attention.self."+projection, o.Hidden, o.Hidden)
		}
		linear(prefix+"attention.output.dense", o.Hidden, o.Hidden)
		norm(prefix + "attention.output")
		linear(prefix+"intermediate.dense", o.Intermediate, o.Hidden)
		linear(prefix+"output.dense", o.Hidden, o.Intermediate)
		norm(prefix + "output")
	}
	if !o.NoPooler {
		linear("pooler.dense", o.Hidden, o.Hidden)
	}
	return entries
}

// entry draws a tensor from the seed and its name, so that no tensor depends on another. Norms scale by about one; all
// else is about zero, larger than BERT's 0.02 so that two texts differ clearly.
func (o Options) entry(name string, shape []int) safetensors.Entry {
	spread, centre := 0.15, 0.0
	if strings.HasSuffix(name, "LayerNorm.weight") {
		centre = 1
	}
	n := 1
	for _, size := range shape {
		n *= size
	}
	source := draw.New(o.Seed, draw.Weights, 0, 0, "tinymodel:"+name)
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(centre + float64(spread*normal(&source))) // the conversion keeps compilers from fusing
	}
	e := safetensors.Float32(o.Prefix+name, shape, values)
	if o.DType == safetensors.F32 {
		return e
	}
	round := half.F32ToBF16
	if o.DType == safetensors.F16 {
		round = half.F32ToF16
	}
	e.DType = o.DType
	e.Write = func(w io.Writer) error {
		raw := make([]byte, 0, 2*len(values))
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint16(raw, round(v))
		}
		_, err := w.Write(raw)
		return err
	}
	return e
}

// normal is the sum of twelve uniform numbers less six: mean 0, variance 1, and, unlike the usual ways to a normal
// number, free of functions whose last bit depends on the machine.
func normal(s *draw.Source) float64 {
	sum := -6.0
	for range 12 {
		sum += s.Float64()
	}
	return sum
}
