package model_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/transformer"
)

// written writes a cross-encoder with its weights as they are.
func written(t *testing.T, c *model.CrossEncoder, maxLength int, trained model.TrainedQueries) string {
	t.Helper()
	g, err := c.Network.Graph(transformer.Mode{Whole: true})
	if err != nil {
		t.Fatal(err)
	}
	weights, err := c.Network.Weights(g)
	if err != nil {
		t.Fatal(err)
	}
	wide := make([]*compute.Weight, len(weights))
	for i, w := range weights {
		if wide[i], err = compute.NewWeight(w.Name, w.Rows, w.Columns, w.Float32s()); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := c.Write(into(dir), wide, maxLength, trained); err != nil {
		t.Fatal(err)
	}
	return dir
}

var writtenPairs = [][2]string{{"half", "the order of zero"}, {"the sum of the digits and more", "a fraction"}, {"zero", ""}}

func pairsOf(t *testing.T, c *model.CrossEncoder) []model.Sequence {
	t.Helper()
	var sequences []model.Sequence
	for _, pair := range writtenPairs {
		s, err := c.Pair(pair[0], pair[1], 0)
		if err != nil {
			t.Fatal(err)
		}
		sequences = append(sequences, s)
	}
	return sequences
}

// TestWrittenCrossEncodersScoreTheSame, whatever form the directory had that they were read from.
func TestWrittenCrossEncodersScoreTheSame(t *testing.T) {
	for _, tc := range crossEncoders {
		t.Run(tc.name, func(t *testing.T) {
			c := openCrossEncoder(t, crossEncoderDir(tc.name))
			trained := model.TrainedQueries{}
			trained.Add("half")
			dir := written(t, c, 0, trained)
			again := openCrossEncoder(t, dir)
			if again.MaxLength != c.MaxLength || again.Activation != c.Activation || !again.Trained.Has(" half\n\x1f") || again.Trained.Has("zero") || c.Trained.Has("half") {
				t.Errorf("%d tokens, %s, trained on %v", again.MaxLength, again.Activation, again.Trained)
			}
			want := logitsOf(t, c, kernel.Portable, pairsOf(t, c)...)
			if got := logitsOf(t, again, kernel.Portable, pairsOf(t, again)...); !slices.Equal(got, want) {
				t.Errorf("logits %v, want %v", got, want)
			}
			if other := written(t, again, 0, again.Trained); !slices.Equal(readAll(t, dir), readAll(t, other)) {
				t.Error("written again it is other files")
			}
			short := openCrossEncoder(t, written(t, again, 12, nil)) // nor does its config.json speak of a list
			if short.MaxLength != 12 || len(short.Trained) != 0 {
				t.Errorf("%d tokens, trained on %v", short.MaxLength, short.Trained)
			}
			if err := c.Write(into(t.TempDir()), nil, 1000, nil); err == nil || !strings.Contains(err.Error(), "positions") {
				t.Errorf("longer than the positions: %v", err)
			}
		})
	}
}

// readAll is the names and contents of a directory's files.
func readAll(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Name(), string(raw))
	}
	return all
}

// TestFreshHeads are drawn by seed and tensor, on encoders with and without a prefix and a pooler, and are written under the names of the
// whole architecture.
func TestFreshHeads(t *testing.T) {
	type outcome struct{ classifier, pooler []float32 }
	open := func(o tinymodel.Options, seed uint64) (*model.CrossEncoder, string, outcome) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "model")
		if err := tinymodel.Write(dir, o); err != nil {
			t.Fatal(err)
		}
		c, err := model.OpenFreshCrossEncoder(dir, seed)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		to := written(t, c, 0, nil)
		f, err := safetensors.Open(filepath.Join(to, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		tensor := func(name string) []float32 {
			v, err := f.Tensor(name)
			if err != nil {
				t.Fatal(err)
			}
			values, err := v.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			return slices.Clone(values)
		}
		if bias := tensor("classifier.bias"); !slices.Equal(bias, []float32{0}) {
			t.Errorf("the bias is %v", bias)
		}
		for _, v := range f.Tensors() {
			if !strings.HasPrefix(v.Name, "bert.") && !strings.HasPrefix(v.Name, "classifier.") {
				t.Errorf("tensor %s", v.Name)
			}
			if v.Name == "classifier.weight" && !slices.Equal(v.Shape, []int{1, 32}) {
				t.Errorf("%s has the shape %v", v.Name, v.Shape)
			}
		}
		return c, to, outcome{tensor("classifier.weight"), tensor("bert.pooler.dense.weight")}
	}
	plain, dir, of := open(tinymodel.Options{}, 1)
	_, _, prefixed := open(tinymodel.Options{Prefix: "bert."}, 1)
	_, _, other := open(tinymodel.Options{}, 2)
	_, _, without := open(tinymodel.Options{NoPooler: true}, 1)
	if !slices.Equal(of.classifier, prefixed.classifier) || slices.Equal(of.classifier, other.classifier) {
		t.Error("the classifier is not drawn by the seed alone")
	}
	if !slices.Equal(of.pooler, other.pooler) || slices.Equal(of.pooler, without.pooler) {
		t.Error("the pooler is not the file's where it has one")
	}
	plain.Network.CompareByCosine() // as trainings of embedders do: no logit becomes 1
	if logits := logitsOf(t, plain, kernel.Portable, pairsOf(t, plain)...); logits[0] == logits[1] {
		t.Errorf("logits %v", logits)
	}
	if mean, deviation := moments(without.pooler); math.Abs(mean) > 0.002 || math.Abs(deviation-0.02) > 0.002 { // of 1024 values
		t.Errorf("drawn with mean %g and deviation %g", mean, deviation)
	}
	again := openCrossEncoder(t, dir)
	if again.MaxLength != plain.MaxLength || again.Activation != model.SigmoidScore {
		t.Errorf("%d tokens and %s", again.MaxLength, again.Activation)
	}
	want := logitsOf(t, plain, kernel.Portable, pairsOf(t, plain)...)
	if got := logitsOf(t, again, kernel.Portable, pairsOf(t, again)...); !slices.Equal(got, want) {
		t.Errorf("logits %v, want %v", got, want)
	}
	var config struct {
		Architectures []string          `json:"architectures"`
		Labels        map[string]string `json:"id2label"`
		Settings      map[string]string `json:"sentence_transformers"`
	}
	raw, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &config); err != nil || config.Architectures[0] != "BertForSequenceClassification" || len(config.Labels) != 1 || !strings.HasSuffix(config.Settings["activation_fn"], "Sigmoid") {
		t.Errorf("config.json %s (%v)", raw, err)
	}
	if _, err := model.OpenFreshCrossEncoder("testdata/decoders/mistral", 1); err == nil || !strings.Contains(err.Error(), "no head is known for a network of model_type \"mistral\"") {
		t.Errorf("a decoder: %v", err)
	}
}

func moments(values []float32) (mean, deviation float64) {
	for _, v := range values {
		mean += float64(v) / float64(len(values))
	}
	for _, v := range values {
		deviation += (float64(v) - mean) * (float64(v) - mean) / float64(len(values))
	}
	return mean, math.Sqrt(deviation)
}

// FuzzParseTrainedQueries: what is read is written the same, and nothing else is read.
func FuzzParseTrainedQueries(f *testing.F) {
	q := model.TrainedQueries{}
	f.Add(q.Encode())
	q.Add("half")
	q.Add("zero")
	f.Add(q.Encode())
	f.Add([]byte(`{"version":2,"queries":[]}`))
	f.Add([]byte(`{"version":1,"queries":["00"],"more":1}`))
	f.Add([]byte("{\"version\":1,\"queries\":[\"" + strings.Repeat("0", 32) + "\",\"" + strings.Repeat("0", 32) + "\"]}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := model.ParseTrainedQueries(raw, "trained.json")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "trained.json: ") {
				t.Errorf("%v does not name the file", err)
			}
			return
		}
		if !bytes.Equal(got.Encode(), raw) {
			t.Errorf("read %q, written %q", raw, got.Encode())
		}
	})
}

// TestDamagedTrainedQueriesAreNoModel: a list that is not whole would let a model judge what it learnt.
func TestDamagedTrainedQueriesAreNoModel(t *testing.T) {
	c := openCrossEncoder(t, crossEncoderDir("bert"))
	trained := model.TrainedQueries{}
	trained.Add("half")
	dir := written(t, c, 0, trained)
	path := filepath.Join(dir, model.TrainedQueriesName)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	others := model.TrainedQueries{}
	others.Add("zero")
	for name, tc := range map[string][2]string{
		"cut short":       {string(raw[:len(raw)-5]), "not valid JSON"},
		"a newer version": {`{"version":2,"queries":[]}`, "version 2; this program reads version 1"},
		"a short digest":  {`{"version":1,"queries":["00"]}`, `query 0 is "00", want 32 hex digits`},
		"another form":    {`{"version":1,"queries":[]}`, "is not as it is written"},
		"missing":         {"", "missing: config.json (quarry_trained) says that the model was written with it"},
		"another's":       {string(others.Encode()), "is not the list that the model was written with"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if tc[0] != "" {
				if err := os.WriteFile(path, []byte(tc[0]), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := model.OpenCrossEncoder(dir); err == nil || !strings.Contains(err.Error(), tc[1]) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
		})
	}
}
