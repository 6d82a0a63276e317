package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/tokenizer"
)

// Encoder is the size of the demo's encoder: a BERT small enough to learn on two cores while one watches.
type Encoder struct {
	Seed         uint64
	Vocabulary   int // most tokens
	Layers       int
	Hidden       int
	Heads        int
	Intermediate int
	Positions    int
	Spread       float64 // standard deviation of the initial weights
}

// DefaultEncoder returns the encoder of `quarry demo`.
func DefaultEncoder() Encoder {
	return Encoder{Seed: 42, Vocabulary: 2000, Layers: 2, Hidden: 128, Heads: 4, Intermediate: 256, Positions: 128, Spread: 0.02}
}

// WriteModel writes a model directory: a vocabulary learned from the dataset's passages and training queries, and an
// untrained BERT with mean pooling and unit length. The same data and sizes give the same bytes.
func (d *Dataset) WriteModel(out model.Sink, e Encoder) error {
	var texts []string
	for _, p := range d.Passages {
		texts = append(texts, p.Full())
	}
	for _, q := range d.Train {
		texts = append(texts, q.Text)
	}
	learned, err := tokenizer.LearnWordPiece(texts, e.Vocabulary)
	if err != nil {
		return fmt.Errorf("demo vocabulary: %w", err)
	}
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"tokenizer.json", learned.WriteTokenizer},
		{"tokenizer_config.json", learned.WriteConfig},
		{"vocab.txt", learned.WriteVocabulary},
		{"config.json", e.json(e.config(len(learned.Tokens)))},
		{"modules.json", e.json(modules)},
		{"1_Pooling/config.json", e.json(map[string]any{"word_embedding_dimension": e.Hidden, "pooling_mode_mean_tokens": true})},
		{"sentence_bert_config.json", e.json(map[string]any{"max_seq_length": e.Positions, "do_lower_case": false})},
		{safetensors.SingleName, func(w io.Writer) error { return safetensors.Write(w, e.weights(len(learned.Tokens)), nil) }},
	} {
		if err := out(file.name, file.write); err != nil {
			return err
		}
	}
	return nil
}

var modules = []map[string]any{
	{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
	{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
	{"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
}

func (e Encoder) json(v any) func(io.Writer) error {
	return func(w io.Writer) error {
		raw, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return err
		}
		_, err = w.Write(append(raw, '\n'))
		return err
	}
}

func (e Encoder) config(vocabulary int) map[string]any {
	return map[string]any{
		"architectures": []string{"BertModel"}, "model_type": "bert", "dtype": "float32",
		"vocab_size": vocabulary, "hidden_size": e.Hidden, "num_hidden_layers": e.Layers, "num_attention_heads": e.Heads, "intermediate_size": e.Intermediate,
		"hidden_act": "gelu", "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "layer_norm_eps": 1e-12,
		"max_position_embeddings": e.Positions, "type_vocab_size": 2, "pad_token_id": 0, "position_embedding_type": "absolute",
	}
}

// weights are drawn as BERT's are: normal with a small spread, norms the identity, biases zero.
func (e Encoder) weights(vocabulary int) []safetensors.Entry {
	entries := []safetensors.Entry{
		e.normal("embeddings.word_embeddings.weight", vocabulary, e.Hidden),
		e.normal("embeddings.position_embeddings.weight", e.Positions, e.Hidden),
		e.normal("embeddings.token_type_embeddings.weight", 2, e.Hidden),
	}
	entries = append(entries, e.norm("embeddings.LayerNorm")...)
	for layer := range e.Layers {
		name := fmt.Sprintf("encoder.layer.%d.", layer)
		for _, m := range []string{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"} {
			entries = append(entries, e.linear(name+m, e.Hidden, e.Hidden)...)
		}
		entries = append(entries, e.norm(name+"attention.output.LayerNorm")...)
		entries = append(entries, e.linear(name+"intermediate.dense", e.Intermediate, e.Hidden)...)
		entries = append(entries, e.linear(name+"output.dense", e.Hidden, e.Intermediate)...)
		entries = append(entries, e.norm(name+"output.LayerNorm")...)
	}
	return entries
}

func (e Encoder) normal(name string, rows, columns int) safetensors.Entry {
	source := draw.New(e.Seed, draw.Weights, 0, 0, name)
	values := make([]float32, rows*columns)
	for i := 0; i < len(values); i += 2 {
		// Box and Muller: two independent normal numbers of two uniform ones.
		radius := e.Spread * math.Sqrt(-2*math.Log(1-source.Float64()))
		angle := 2 * math.Pi * source.Float64()
		values[i] = float32(radius * math.Cos(angle))
		if i+1 < len(values) {
			values[i+1] = float32(radius * math.Sin(angle))
		}
	}
	return safetensors.Float32(name, []int{rows, columns}, values)
}

func (e Encoder) linear(name string, out, in int) []safetensors.Entry {
	return []safetensors.Entry{e.normal(name+".weight", out, in), safetensors.Float32(name+".bias", []int{out}, make([]float32, out))}
}

func (e Encoder) norm(name string) []safetensors.Entry {
	ones := make([]float32, e.Hidden)
	for i := range ones {
		ones[i] = 1
	}
	return []safetensors.Entry{safetensors.Float32(name+".weight", []int{e.Hidden}, ones), safetensors.Float32(name+".bias", []int{e.Hidden}, make([]float32, e.Hidden))}
}
