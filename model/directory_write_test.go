package model_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// parity/directories_live.py gives these, to compare what is written with the real libraries.
var (
	rewriteSource = flag.String("rewrite-source", "", "model directory that TestRewrite writes again; a tiny one by default")
	rewriteOutput = flag.String("rewrite-output", "", "folder that TestRewrite writes into; a temporary one by default")
)

// into is the plainest Sink: files of a folder.
func into(dir string) model.Sink {
	return func(name string, write func(io.Writer) error) error {
		var content bytes.Buffer
		if err := write(&content); err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, content.Bytes(), 0o644)
	}
}

func readDirectory(t *testing.T, dir string) *model.Directory {
	t.Helper()
	d, err := model.ReadDirectory(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// copies returns entries for a directory's own weights.
func copies(t *testing.T, d *model.Directory) []safetensors.Entry {
	t.Helper()
	f, err := d.OpenWeights()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	var entries []safetensors.Entry
	for _, tensor := range f.Tensors() {
		entries = append(entries, safetensors.Copy(tensor))
	}
	return entries
}

func tiny(t *testing.T, o tinymodel.Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tiny")
	if err := tinymodel.Write(dir, o); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestRewrite writes a directory again in each form: it reads back as the same model.
func TestRewrite(t *testing.T) {
	source, output := *rewriteSource, *rewriteOutput
	if source == "" {
		source = tiny(t, tinymodel.Options{})
	}
	if output == "" {
		output = t.TempDir()
	}
	src := readDirectory(t, source)
	for _, tc := range []struct {
		name  string
		form  model.Form
		limit int64
	}{
		{"source", model.FormOfSource, 0},
		{"old", model.FormOld, 0},
		{"current", model.FormCurrent, 0},
		{"sharded", model.FormCurrent, 10_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(output, tc.name)
			entries := copies(t, src)
			if err := model.WriteDirectory(into(dir), src, entries, model.WriteOptions{Form: tc.form, ShardLimit: tc.limit}); err != nil {
				t.Fatal(err)
			}
			got := readDirectory(t, dir)
			if differences := src.Contract.Differences(got.Contract); len(differences) > 0 || got.Contract.MaxLength != src.Contract.MaxLength {
				t.Errorf("contract changed: %v, length %d", differences, got.Contract.MaxLength)
			}
			if diff := cmp.Diff(string(src.ConfigJSON()), string(got.ConfigJSON())); diff != "" {
				t.Errorf("config.json changed:\n%s", diff)
			}
			if again := copies(t, got); len(again) != len(entries) {
				t.Errorf("%d tensors became %d", len(entries), len(again))
			}
			if _, err := os.Stat(filepath.Join(dir, safetensors.IndexName)); (err == nil) != (tc.limit > 0) {
				t.Errorf("index: %v", err)
			}
		})
	}
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		found[filepath.ToSlash(name)] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWriteDirectoryFiles(t *testing.T) {
	src := readDirectory(t, tiny(t, tinymodel.Options{Layers: 1, Pooling: "lasttoken"}))
	contract := src.Contract
	contract.Query = model.Prompt{Template: "query: "}
	contract.Passage = model.Prompt{Template: "<{}>"} // sentence-transformers has no word for what follows the text
	contract.MaxLength = 48
	for _, tc := range []struct {
		name string
		form model.Form
		want map[string]string
	}{
		{"old", model.FormOld, map[string]string{
			"modules.json": `[{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},` +
				`{"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"},` +
				`{"idx":2,"name":"2","path":"2_Normalize","type":"sentence_transformers.models.Normalize"}]`,
			"1_Pooling/config.json": `{"word_embedding_dimension":32,"pooling_mode_cls_token":false,"pooling_mode_max_tokens":false,` +
				`"pooling_mode_mean_tokens":false,"pooling_mode_mean_sqrt_len_tokens":false,"pooling_mode_lasttoken":true}`,
			"2_Normalize/config.json":           `{}`,
			"sentence_bert_config.json":         `{"max_seq_length":48,"do_lower_case":false}`,
			"config_sentence_transformers.json": `{"default_prompt_name":null,"prompts":{"query":"query: "},"similarity_fn_name":"cosine"}`,
		}},
		{"current", model.FormCurrent, map[string]string{
			"modules.json": `[{"idx":0,"name":"0","path":"","type":"sentence_transformers.base.modules.transformer.Transformer"},` +
				`{"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.sentence_transformer.modules.pooling.Pooling"},` +
				`{"idx":2,"name":"2","path":"2_Normalize","type":"sentence_transformers.base.modules.normalize.Normalize"}]`,
			"1_Pooling/config.json": `{"embedding_dimension":32,"pooling_mode":"lasttoken","include_prompt":true}`,
			"sentence_bert_config.json": `{"transformer_task":"feature-extraction","modality_config":{"text":{"method":"forward",` +
				`"method_output_name":"last_hidden_state"}},"module_output_name":"token_embeddings","max_seq_length":48}`,
			"config_sentence_transformers.json": `{"default_prompt_name":null,"prompts":{"query":"query: "},"similarity_fn_name":"cosine","model_type":"SentenceTransformer"}`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := model.WriteDirectory(into(dir), src, copies(t, src), model.WriteOptions{Contract: &contract, Form: tc.form}); err != nil {
				t.Fatal(err)
			}
			got := files(t, dir)
			for name, want := range tc.want {
				var compact bytes.Buffer
				if err := json.Compact(&compact, []byte(got[name])); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if diff := cmp.Diff(want, compact.String()); diff != "" {
					t.Errorf("%s:\n%s", name, diff)
				}
			}
			want := `{
  "version": 1,
  "query": {
    "template": "query: "
  },
  "passage": {
    "template": "<{}>"
  },
  "bos": "[CLS]",
  "eos": "[SEP]",
  "pooling": "lasttoken",
  "include_prompt": true,
  "normalize": true,
  "score": "cosine",
  "max_length": 48
}
`
			if diff := cmp.Diff(want, got["quarry.json"]); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(contract, readDirectory(t, dir).Contract); diff != "" {
				t.Errorf("read back:\n%s", diff)
			}
		})
	}
}

// TestWriteDirectoryDType: a type stated in config.json makes transformers load in it, so it follows the weights.
func TestWriteDirectoryDType(t *testing.T) {
	src := readDirectory(t, tiny(t, tinymodel.Options{Layers: 1, DType: safetensors.BF16}))
	full := []safetensors.Entry{safetensors.Float32("w", []int{1}, []float32{1})}
	for _, tc := range []struct {
		name    string
		weights []safetensors.Entry
		want    string
	}{
		{"kept", copies(t, src), `"dtype": "bfloat16"`},
		{"changed", full, `"dtype": "float32"`},
		{"mixed", append(full, copies(t, src)...), `"dtype": "bfloat16"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := model.WriteDirectory(into(dir), src, tc.weights, model.WriteOptions{}); err != nil {
				t.Fatal(err)
			}
			config := files(t, dir)["config.json"]
			if !strings.Contains(config, tc.want) {
				t.Errorf("config.json lacks %s:\n%s", tc.want, config)
			}
			if tc.name != "changed" && config != string(src.ConfigJSON()) {
				t.Error("config.json is not byte for byte the source's")
			}
		})
	}
}

func TestWriteDirectoryDense(t *testing.T) {
	dir := denseModel(t)
	src := readDirectory(t, dir)
	if src.Dimension() != 8 {
		t.Errorf("dimension %d, want 8", src.Dimension())
	}
	out := t.TempDir()
	if err := model.WriteDirectory(into(out), src, copies(t, src), model.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	got := readDirectory(t, out)
	f, err := got.OpenDense(got.Modules[2])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !f.Has("linear.weight") || f.Has("linear.bias") {
		t.Error("the Dense weights did not come along")
	}
	given := [][]safetensors.Entry{{safetensors.Float32("linear.weight", []int{8, 32}, make([]float32, 256))}}
	if err := model.WriteDirectory(into(t.TempDir()), src, nil, model.WriteOptions{Dense: given}); err != nil {
		t.Error(err)
	}
	err = model.WriteDirectory(into(t.TempDir()), src, nil, model.WriteOptions{Dense: [][]safetensors.Entry{{}, {}}})
	if err == nil || !strings.Contains(err.Error(), "weights for 2 Dense modules, but the model has 1") {
		t.Errorf("got %v", err)
	}
}

// denseModel adds 2_Dense, of 8 features without a bias, to a tiny model.
func denseModel(t *testing.T) string {
	t.Helper()
	dir := tiny(t, tinymodel.Options{Layers: 1})
	put(t, dir, "modules.json", `[
		{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
		{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
		{"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}]`)
	put(t, dir, "2_Dense/config.json", `{"in_features": 32, "out_features": 8, "bias": false, "activation_function": "torch.nn.modules.linear.Identity"}`)
	weights := []safetensors.Entry{safetensors.Float32("linear.weight", []int{8, 32}, make([]float32, 256))}
	err := into(dir)("2_Dense/model.safetensors", func(w io.Writer) error { return safetensors.Write(w, weights, nil) })
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	err := into(dir)(name, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWriteDirectoryFails(t *testing.T) {
	dir := tiny(t, tinymodel.Options{Layers: 1})
	src := readDirectory(t, dir)
	full := errors.New("disk full")
	for name := range files(t, dir) {
		t.Run(name, func(t *testing.T) {
			sink := func(at string, write func(io.Writer) error) error {
				if at == name {
					return full
				}
				return write(io.Discard)
			}
			if err := model.WriteDirectory(sink, src, copies(t, src), model.WriteOptions{}); !errors.Is(err, full) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("contract", func(t *testing.T) {
		long := src.Contract
		long.MaxLength = 65
		err := model.WriteDirectory(into(t.TempDir()), src, nil, model.WriteOptions{Contract: &long})
		if err == nil || !strings.Contains(err.Error(), "max_length 65 is above the model's 64 positions") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no tokenizer", func(t *testing.T) {
		for _, name := range []string{"tokenizer.json", "vocab.txt"} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		err := model.WriteDirectory(into(t.TempDir()), src, nil, model.WriteOptions{})
		if err == nil || !strings.Contains(err.Error(), "no tokenizer: neither tokenizer.json nor vocab.txt") {
			t.Errorf("got %v", err)
		}
	})
}
