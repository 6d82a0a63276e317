package model

import (
	"encoding/json"
	"strings"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// Write writes a directory that transformers loads as a sequence classifier of one label, and sentence-transformers as a
// CrossEncoder with the same scores: config.json, the tokenizer and the weights, in shards where they are large. weights are
// all parameters of the graph, in order; a pair has at most maxLength tokens there, 0 as many as here. Where trained is not empty
// it is written too, and config.json says so. What else the source has, such as buffers and other heads, is left out.
func (c *CrossEncoder) Write(out Sink, weights []*compute.Weight, maxLength int, trained TrainedQueries) error {
	if maxLength == 0 {
		maxLength = c.MaxLength
	}
	if _, err := c.Pair("", "", maxLength); err != nil {
		return err
	}
	w := &directoryWriter{out: out, src: c.Network.Directory, tokenizerOf: c.Network.Directory, maxLength: maxLength}
	if err := w.bytes("config.json", c.config(trained)); err != nil {
		return err
	}
	if err := w.tokenizer(); err != nil {
		return err
	}
	if len(trained) > 0 {
		if err := w.bytes(TrainedQueriesName, trained.Encode()); err != nil {
			return err
		}
	}
	entries := make([]safetensors.Entry, len(weights))
	for i, p := range weights {
		entries[i] = safetensors.Float32(c.fullName(p.Name), c.shape(p), p.Values)
	}
	return w.weights(entries, safetensors.ShardLimit)
}

// shape is that of a parameter's tensor.
func (c *CrossEncoder) shape(p *compute.Weight) []int {
	if t, ok := c.Network.tensors[p.Name]; ok && !strings.HasPrefix(p.Name, classifier) {
		return t.Shape
	}
	if strings.HasSuffix(p.Name, ".bias") {
		return []int{p.Columns}
	}
	return []int{p.Rows, p.Columns}
}

// activationNames are the names of the activations as sentence-transformers writes them.
var activationNames = map[ScoreActivation]string{
	SigmoidScore: "torch.nn.modules.activation.Sigmoid", IdentityScore: "torch.nn.modules.linear.Identity",
}

// config is config.json of the architecture with one label, and the activation where sentence-transformers 4 and later look
// for it in a directory of transformers.
func (c *CrossEncoder) config(trained TrainedQueries) []byte {
	o, err := parseObject(c.Network.Config.encode("float32"), "config.json")
	if err != nil {
		panic(err) // it was parsed before
	}
	o.set("architectures", []string{c.Network.Config.family.scorer.class})
	o.set("id2label", map[string]string{"0": "LABEL_0"})
	o.set("label2id", map[string]int{"LABEL_0": 0})
	if _, present := o.values["num_labels"]; present {
		o.set("num_labels", 1)
	}
	if _, present := o.values[trainedKey]; present || len(trained) > 0 {
		o.set(trainedKey, trained.digest())
	}
	settings := map[string]json.RawMessage{}
	if _, err := o.take("sentence_transformers", &settings); err != nil {
		settings = map[string]json.RawMessage{} // of an embedder; that of a cross-encoder was read before
	}
	settings["activation_fn"] = encodeJSON(activationNames[c.Activation], "")
	o.set("sentence_transformers", settings)
	return o.encode("  ")
}

// withMaxLength is tokenizer_config.json with another model_max_length, where transformers and sentence-transformers take the
// tokens of a pair from; nil is a directory without the file.
func withMaxLength(raw []byte, file string, maxLength int) ([]byte, error) {
	if raw == nil {
		raw = []byte("{}")
	}
	o, err := parseObject(raw, file)
	if err != nil {
		return nil, err
	}
	o.set("model_max_length", maxLength)
	return o.encode("  "), nil
}
