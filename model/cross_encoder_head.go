package model

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/draw"
)

// OpenFreshCrossEncoder reads the directory of an encoder and puts a fresh head of one label on its network, for training, as
// transformers' from_pretrained does with a checkpoint that has none: weights drawn from a normal distribution as wide as
// config.json's initializer_range, biases zero. A pooler that the checkpoint has is taken from it, as there. The draws are keyed by seed
// and tensor name. What the directory says of vectors, such as pooling and prompts, has no part. Scores are sigmoids.
func OpenFreshCrossEncoder(dir string, seed uint64) (*CrossEncoder, error) {
	d, err := ReadDirectory(dir, Options{})
	if err != nil {
		return nil, err
	}
	if d.Config.family.scorer == nil {
		return nil, fmt.Errorf("%s: no head is known for a network of model_type %q: %w; supported are %s", dir, d.Config.ModelType, ErrNoCrossEncoder, supportedScorers())
	}
	d.Modules, d.Contract = d.Modules[:1], Contract{} // neither unit length nor leading numbers are a logit's
	c, err := openScorer(dir, d)
	if err != nil {
		return nil, err
	}
	if err := c.drawHead(seed); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// classifier begins the names of a head's own tensors, which are never those of another head in the file.
const classifier = "classifier"

// drawHead makes the layers of the head that the file lacks.
func (c *CrossEncoder) drawHead(seed uint64) error {
	m := c.Network
	o, err := parseObject(m.Config.raw, "config.json")
	if err != nil {
		return err
	}
	width := 0.02
	if _, err := o.take("initializer_range", &width); err != nil {
		return err
	}
	for _, d := range m.head.Dense {
		if _, ok := m.tensors[d.Weight]; ok && !strings.HasPrefix(d.Weight, classifier) {
			continue
		}
		for _, spec := range []tensor.ParamSpec{{Name: d.Weight, Rows: d.Out, Columns: d.In}, {Name: d.Bias, Rows: 1, Columns: d.Out}} {
			values := make([]float32, spec.Rows*spec.Columns)
			if spec.Name == d.Weight {
				normals(values, width, draw.New(seed, draw.Weights, 0, 0, "head:"+strings.TrimPrefix(spec.Name, m.prefix)))
			}
			if m.weights[spec.Name], err = compute.NewWeight(spec.Name, spec.Rows, spec.Columns, values); err != nil {
				return err
			}
		}
	}
	return nil
}

// normals draws values from a normal distribution about 0 (Box and Muller, 1958).
func normals(values []float32, deviation float64, source draw.Source) {
	for i := range values {
		u, v := 1-source.Float64(), source.Float64() // u is in (0, 1]
		values[i] = float32(deviation * math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v))
	}
}

// DropoutOfHead is the probability that config.json states for the head of a classifier.
func (m *Model) DropoutOfHead() float64 { return m.Config.headDropout }

// fullName is a parameter's name in a file of the architecture, whatever prefix the file has that it was read from.
func (c *CrossEncoder) fullName(name string) string {
	m := c.Network
	if strings.HasPrefix(name, classifier) {
		return name
	}
	return m.Config.family.prefixes[0] + strings.TrimPrefix(name, m.prefix)
}
