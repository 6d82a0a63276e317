package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/weightfiles"
)

// Dense is the configuration of a Dense module: activation(x·Wᵀ + b) on the pooled vector.
type Dense struct {
	In, Out    int
	Bias       bool
	Activation Activation
}

// denseActivations maps the class name, whatever its module path in torch, to what it computes.
var denseActivations = map[string]Activation{"Identity": Identity, "Tanh": Tanh, "ReLU": ReLU, "GELU": GELU}

// torchClasses are the class paths that sentence-transformers writes.
var torchClasses = map[Activation]string{
	Identity: "torch.nn.modules.linear.Identity",
	Tanh:     "torch.nn.modules.activation.Tanh",
	ReLU:     "torch.nn.modules.activation.ReLU",
	GELU:     "torch.nn.modules.activation.GELU",
}

// parseDense reads 2_Dense/config.json. An absent activation is tanh, as in sentence-transformers.
func parseDense(raw []byte, file string) (*Dense, error) {
	o, err := parseObject(raw, file)
	if err != nil {
		return nil, err
	}
	d := &Dense{Bias: true}
	class, residual := torchClasses[Tanh], false
	for _, field := range []struct {
		key  string
		into any
	}{
		{"in_features", &d.In}, {"out_features", &d.Out}, {"bias", &d.Bias},
		{"activation_function", &class}, {"use_residual", &residual},
	} {
		if _, err := o.take(field.key, field.into); err != nil {
			return nil, err
		}
	}
	if err := takeSentenceEmbedding(o); err != nil {
		return nil, err
	}
	if err := o.rest(); err != nil {
		return nil, err
	}
	if residual {
		return nil, fmt.Errorf("%s: use_residual true is not supported", file)
	}
	if d.In < 1 || d.Out < 1 {
		return nil, fmt.Errorf("%s: in_features %d and out_features %d must be positive", file, d.In, d.Out)
	}
	name := class[strings.LastIndex(class, ".")+1:]
	activation, known := denseActivations[name]
	if !known || !strings.HasPrefix(class, "torch.nn.") {
		return nil, fmt.Errorf("%s: activation_function %q is not supported; supported are torch.nn's Identity, Tanh, ReLU, GELU", file, class)
	}
	d.Activation = activation
	return d, nil
}

// encode writes config.json; that of the current form says, too, that the layer takes the text's vector and leaves it.
func (d *Dense) encode(current bool) []byte {
	o := &object{values: map[string]json.RawMessage{}}
	o.set("in_features", d.In)
	o.set("out_features", d.Out)
	o.set("bias", d.Bias)
	o.set("activation_function", torchClasses[d.Activation])
	if current {
		o.set("module_input_name", "sentence_embedding")
		o.set("module_output_name", "sentence_embedding")
	}
	return o.encode("  ")
}

// openDense opens a Dense module's weights and checks that they are linear.weight [out, in] and, with a bias,
// linear.bias [out], and nothing else.
func openDense(dir string, d *Dense) (*safetensors.File, error) {
	f, err := weightfiles.Open(dir)
	if err != nil {
		return nil, err
	}
	want := map[string][]int{"linear.weight": {d.Out, d.In}}
	if d.Bias {
		want["linear.bias"] = []int{d.Out}
	}
	if err := checkDense(f, want); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func checkDense(f *safetensors.File, want map[string][]int) error {
	for _, t := range f.Tensors() {
		shape, known := want[t.Name]
		if !known {
			return fmt.Errorf("%s: a Dense module has no such tensor", t.Where())
		}
		if !slices.Equal(t.Shape, shape) {
			return fmt.Errorf("%s: shape %v, want %v", t.Where(), t.Shape, shape)
		}
	}
	for _, name := range []string{"linear.weight", "linear.bias"} {
		if _, needed := want[name]; needed && !f.Has(name) {
			return fmt.Errorf("%s: has no tensor %q", f.Name(), name)
		}
	}
	return nil
}
