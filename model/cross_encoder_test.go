package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/transformer"
)

// crossEncoders are small random models of each architecture and what sentence-transformers makes of pairs; see
// parity/cross_encoder_fixture.py.
var crossEncoders = []struct {
	name       string
	activation model.ScoreActivation
}{{"bert", model.SigmoidScore}, {"roberta", model.IdentityScore}, {"xlm-roberta", model.SigmoidScore}}

func crossEncoderDir(name string) string { return filepath.Join("testdata/cross-encoders", name) }

type expectedPairs struct {
	MaxLength      int `json:"max_length"`
	Pairs          [][2]string
	IDs, Types     [][]int32
	Logits, Scores []float32
}

func readExpectedPairs(t *testing.T, name string) expectedPairs {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(crossEncoderDir(name), "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var e expectedPairs
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func openCrossEncoder(t *testing.T, dir string) *model.CrossEncoder {
	t.Helper()
	c, err := model.OpenCrossEncoder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCrossEncodersAgainstSentenceTransformers(t *testing.T) {
	for _, tc := range crossEncoders {
		want := readExpectedPairs(t, tc.name)
		c := openCrossEncoder(t, crossEncoderDir(tc.name))
		if c.MaxLength != want.MaxLength || c.Activation != tc.activation {
			t.Fatalf("%s: %d tokens and %s, want %d and %s", tc.name, c.MaxLength, c.Activation, want.MaxLength, tc.activation)
		}
		sequences := sequencesOf(t, c, want)
		for _, path := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%s", tc.name, path), func(t *testing.T) {
				logits := logitsOf(t, c, path, sequences...)
				equalWithin(t, "logits", logits, want.Logits, 1e-4)
				scores := make([]float32, len(logits))
				for i, logit := range logits {
					scores[i] = c.Activation.Apply(logit)
				}
				equalWithin(t, "scores", scores, want.Scores, 1e-4)
				for i, s := range sequences {
					if alone := logitsOf(t, c, path, s); alone[0] != logits[i] {
						t.Fatalf("pair %d alone has the logit %v, beside others %v", i, alone[0], logits[i])
					}
				}
			})
		}
	}
}

// sequencesOf tokenizes the pairs and holds ids and types to what is expected.
func sequencesOf(t *testing.T, c *model.CrossEncoder, want expectedPairs) []model.Sequence {
	t.Helper()
	var sequences []model.Sequence
	for i, pair := range want.Pairs {
		s, err := c.Pair(pair[0], pair[1], 0)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.IDs, want.IDs[i]) {
			t.Errorf("pair %d: ids %v, want %v", i, s.IDs, want.IDs[i])
		}
		if want.Types == nil && s.Types != nil || want.Types != nil && !slices.Equal(s.Types, want.Types[i]) {
			t.Errorf("pair %d: types %v, want %v", i, s.Types, want.Types)
		}
		if s.Truncated && len(s.IDs) != want.MaxLength {
			t.Errorf("pair %d was cut to %d tokens", i, len(s.IDs))
		}
		sequences = append(sequences, s)
	}
	return sequences
}

func logitsOf(t *testing.T, c *model.CrossEncoder, path kernel.Path, sequences ...model.Sequence) []float32 {
	t.Helper()
	b := compute.Batch{Offsets: []int32{0}}
	for _, s := range sequences {
		b.IDs, b.Types = append(b.IDs, s.IDs...), append(b.Types, s.Types...)
		b.Offsets = append(b.Offsets, int32(len(b.IDs)))
	}
	return newRunner(t, c.Network, path, graphOf(t, c.Network), nil).forward(b)
}

// TestTokenTypesTellTextsApart: with the type of all tokens 0 BERT's logit is another one.
func TestTokenTypesTellTextsApart(t *testing.T) {
	c := openCrossEncoder(t, crossEncoderDir("bert"))
	s, err := c.Pair("half", "the order of zero", 0)
	if err != nil {
		t.Fatal(err)
	}
	with := logitsOf(t, c, kernel.Portable, s)
	s.Types = make([]int32, len(s.IDs))
	zeros := logitsOf(t, c, kernel.Portable, s)
	s.Types = nil
	if without := logitsOf(t, c, kernel.Portable, s); with[0] == zeros[0] || zeros[0] != without[0] {
		t.Errorf("logits %v with types, %v with zeros and %v without", with, zeros, without)
	}
}

// TestGradientsOfTokenTypes holds the gradient of the table of types, which embedders never see beyond its first row, to
// finite differences.
func TestGradientsOfTokenTypes(t *testing.T) {
	c := openCrossEncoder(t, crossEncoderDir("bert"))
	s, err := c.Pair("half", "the order of zero", 0)
	if err != nil {
		t.Fatal(err)
	}
	g, err := c.Network.Graph(transformer.Mode{Whole: true})
	if err != nil {
		t.Fatal(err)
	}
	const name = "bert.embeddings.token_type_embeddings.weight"
	at := slices.IndexFunc(g.Params, func(p tensor.ParamSpec) bool { return p.Name == name })
	r := newRunner(t, c.Network, kernel.Portable, g, func(trained string) bool { return trained == name })
	table := r.weights[at]
	table.Values = slices.Clone(table.Values) // those of the file are mapped
	b := batchOf(s.IDs)
	b.Types = s.Types
	r.forward(b)
	r.backward([]float32{1})
	for _, i := range []int{0, 7, 24, 40} { // of both rows
		const step = 1e-2
		value := table.Values[i]
		table.Values[i] = value + step
		above := r.forward(b)[0]
		table.Values[i] = value - step
		below := r.forward(b)[0]
		table.Values[i] = value
		if slope := float64(above-below) / (2 * step); math.Abs(slope-float64(table.Gradient[i])) > 1e-3 {
			t.Errorf("element %d has the gradient %v, finite differences say %v", i, table.Gradient[i], slope)
		}
	}
}

func TestCrossEncoderFiles(t *testing.T) {
	got, err := model.CrossEncoderFiles(crossEncoderDir("bert"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"config.json", "config_sentence_transformers.json", "model.safetensors", "modules.json", "sentence_bert_config.json", "tokenizer.json", "tokenizer_config.json"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A sequence classifier is no embedder, whatever pooling is given; its encoder is one where the directory itself says so.
func TestCrossEncodersAreNoEmbedders(t *testing.T) {
	mean := model.Options{Pooling: model.PoolMean}
	for _, o := range []model.Options{{}, mean, {AssumeMean: true}} {
		_, err := model.Open(crossEncoderDir("roberta"), o)
		if want := "roberta: RobertaForSequenceClassification is a sequence classifier, such as a cross-encoder"; !errors.Is(err, model.ErrScorer) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
	if _, err := model.Open(crossEncoderDir("bert"), mean); err == nil || !strings.Contains(err.Error(), "a Transformer alone, as cross-encoders have it, gives no vectors of texts") {
		t.Errorf("a Transformer alone: %v", err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(crossEncoderDir("roberta"))); err != nil {
		t.Fatal(err)
	}
	withFile("modules.json", `[{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},{"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"}]`)(t, dir)
	if err := os.Mkdir(filepath.Join(dir, "1_Pooling"), 0o755); err != nil {
		t.Fatal(err)
	}
	hidden := 0
	if d, err := model.ReadDirectory(crossEncoderDir("roberta"), mean); err == nil {
		hidden = d.Config.HiddenSize
	}
	withFile("1_Pooling/config.json", fmt.Sprintf(`{"word_embedding_dimension":%d,"pooling_mode_mean_tokens":true}`, hidden))(t, dir)
	if m, err := model.Open(dir, model.Options{}); errors.Is(err, model.ErrScorer) {
		t.Errorf("with a Pooling: %v", err)
	} else if err == nil {
		m.Close()
	}
}

func TestCrossEncodersAreRefused(t *testing.T) {
	const supported = "supported are BertForSequenceClassification, RobertaForSequenceClassification, XLMRobertaForSequenceClassification"
	sentence := func(text string) func(*testing.T, string) { return withFile("config_sentence_transformers.json", text) }
	for _, tc := range []struct {
		name, of, want string
		change         func(t *testing.T, dir string)
	}{
		{"an embedder", "../tiny-bert", "a Pooling makes this an embedder", nil},
		{"an encoder without a head", "roberta", `architecture "RobertaModel" of model_type "roberta": no cross-encoder that is supported; ` + supported,
			set("config.json", "architectures", []string{"RobertaModel"})},
		{"another architecture", "bert", `"DebertaV2ForSequenceClassification" of model_type "deberta-v2": no cross-encoder that is supported; ` + supported,
			both(set("config.json", "architectures", []string{"DebertaV2ForSequenceClassification"}), set("config.json", "model_type", "deberta-v2"))},
		{"no architecture", "bert", "architecture (none is named)", set("config.json", "architectures", nil)},
		{"two labels", "bert", "a head of 2 labels", set("config.json", "id2label", map[string]string{"0": "no", "1": "yes"})},
		{"labels by default", "bert", "a head of 2 labels", set("config.json", "id2label", nil)},
		{"an activation", "bert", `activation_fn: "torch.nn.modules.activation.Tanh" is not supported; supported are torch.nn.modules.activation.Sigmoid`,
			sentence(`{"activation_fn": "torch.nn.modules.activation.Tanh"}`)},
		{"an old activation", "roberta", `sbert_ce_default_activation_function: "mine.Own" is not supported`,
			set("config.json", "sbert_ce_default_activation_function", "mine.Own")},
		{"a prompt", "bert", `default_prompt_name "web" is not supported`, sentence(`{"default_prompt_name": "web", "prompts": {"web": "x"}}`)},
		{"another kind of model", "bert", `model_type "SparseEncoder" is no CrossEncoder`, sentence(`{"model_type": "SparseEncoder"}`)},
		{"another task", "bert", `transformer_task "text-generation"`, withFile("sentence_bert_config.json", `{"transformer_task": "text-generation"}`)},
		{"another module", "bert", "a Transformer alone is supported",
			withFile("modules.json", `[{"idx":0,"path":"","type":"sentence_transformers.models.Transformer"},{"idx":1,"path":"1","type":"sentence_transformers.models.Dense"}]`)},
		{"no head", "roberta", `no tensor "classifier.dense.`,
			both(set("config.json", "num_hidden_layers", 2), func(t *testing.T, dir string) { copyFile(t, "testdata/encoders/roberta/model.safetensors", dir) })},
		{"fewer layers", "bert", "weights that config.json leaves without use", set("config.json", "num_hidden_layers", 1)},
		{"one type of tokens", "bert", "type 1, config.json's type_vocab_size is 1", set("config.json", "type_vocab_size", 1)},
		{"no template for pairs", "bert", "no template for pairs", set("tokenizer.json", "post_processor", nil)},
		{"no room", "bert", "max length 3 leaves no room", set("tokenizer_config.json", "model_max_length", 3)},
		{"no configuration", "bert", "this is not a model directory", func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "config.json"))) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.CopyFS(dir, os.DirFS(crossEncoderDir(tc.of))))
			if tc.change != nil {
				tc.change(t, dir)
			}
			c, err := model.OpenCrossEncoder(dir)
			if err == nil {
				_, err = c.Network.Weights(graphOf(t, c.Network))
				must(t, c.Close())
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestActivationsAreFoundInTheirOrder: config_sentence_transformers.json, then both keys of config.json.
func TestActivationsAreFoundInTheirOrder(t *testing.T) {
	const sigmoid, identity = "torch.nn.modules.activation.Sigmoid", "torch.nn.modules.linear.Identity"
	old := set("config.json", "sbert_ce_default_activation_function", identity)
	for _, tc := range []struct {
		name   string
		change func(*testing.T, string)
		want   model.ScoreActivation
	}{
		{"of the oldest form", both(withFile("config_sentence_transformers.json", `{}`), old), model.IdentityScore},
		{"of the newer before it", both(both(withFile("config_sentence_transformers.json", `{}`), old), set("config.json", "sentence_transformers", map[string]any{"activation_fn": sigmoid, "version": "4.0.1"})), model.SigmoidScore},
		{"of the newest before both", both(withFile("config_sentence_transformers.json", `{"activation_fn": "`+identity+`"}`), set("config.json", "sentence_transformers", map[string]any{"activation_fn": sigmoid})), model.IdentityScore},
		{"of none", withFile("config_sentence_transformers.json", `{}`), model.SigmoidScore},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.CopyFS(dir, os.DirFS(crossEncoderDir("bert"))))
			tc.change(t, dir)
			if c := openCrossEncoder(t, dir); c.Activation != tc.want {
				t.Errorf("got %s, want %s", c.Activation, tc.want)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// withFile gives a file of a directory another content.
func withFile(name, content string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
}

// set gives a key of a JSON file another value; nil takes it away.
func set(name, key string, value any) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, name)
		raw, err := os.ReadFile(path)
		must(t, err)
		var content map[string]any
		must(t, json.Unmarshal(raw, &content))
		if content[key] = value; value == nil {
			delete(content, key)
		}
		raw, err = json.Marshal(content)
		must(t, err)
		must(t, os.WriteFile(path, raw, 0o600))
	}
}

func both(first, second func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, dir string) { first(t, dir); second(t, dir) }
}

func copyFile(t *testing.T, from, dir string) {
	raw, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, filepath.Base(from)), raw, 0o600))
}
