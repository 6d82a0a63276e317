package model

import (
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// Activation is a function applied element by element.
type Activation string

// The activations: the first four in the network, those from Tanh on in a Dense module only.
const (
	GELU     Activation = "gelu"      // x·Φ(x) with the exact error function
	GELUTanh Activation = "gelu_tanh" // the tanh approximation, which transformers knows under three names
	ReLU     Activation = "relu"
	SiLU     Activation = "silu"
	Tanh     Activation = "tanh"
	Identity Activation = "identity"
)

var activations = map[Activation]tensor.Activation{
	GELU: tensor.GELU, GELUTanh: tensor.GELUTanh, ReLU: tensor.ReLU, SiLU: tensor.SiLU, Tanh: tensor.Tanh, Identity: tensor.Identity,
}

// hiddenActivations maps config.json's names to what they compute (transformers.activations.ACT2FN).
var hiddenActivations = map[string]Activation{
	"gelu": GELU, "gelu_python": GELU,
	"gelu_new": GELUTanh, "gelu_fast": GELUTanh, "gelu_pytorch_tanh": GELUTanh,
	"relu": ReLU,
	"silu": SiLU, "swish": SiLU,
}

// The names that a network takes: where the activation follows a linear map, and where it is one side of a gated unit.
var (
	plainActivations = []string{"gelu", "gelu_python", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "relu"}
	gatedActivations = []string{"silu", "swish", "gelu", "gelu_python", "gelu_new", "gelu_fast", "gelu_pytorch_tanh"}
)

// takeActivation reads the name of an activation, which must be among the allowed.
func (o *object) takeActivation(key, fallback string, allowed []string) (tensor.Activation, error) {
	name := fallback
	if _, err := o.take(key, &name); err != nil {
		return 0, err
	}
	if !slices.Contains(allowed, name) {
		return 0, fmt.Errorf("%s: %s %q is not supported; supported are %s", o.file, key, name, list(allowed))
	}
	return activations[hiddenActivations[name]], nil
}
