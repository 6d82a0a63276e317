package model_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
)

func TestFilesAreThoseThatMakeTheModel(t *testing.T) {
	const beside = "README.md .gitattributes optimizer.pt train_results.json onnx/model.onnx onnx/config.json"
	source := tiny(t, tinymodel.Options{})
	d := readDirectory(t, source)
	sharded := t.TempDir()
	entries := copies(t, d)
	if err := model.WriteDirectory(into(sharded), d, entries, model.WriteOptions{ShardLimit: 1 << 14}); err != nil {
		t.Fatal(err)
	}
	const tokenizer, modules = " tokenizer.json tokenizer_config.json vocab.txt", "1_Pooling/config.json config.json config_sentence_transformers.json "
	for _, tc := range []struct{ name, dir, want string }{
		{"sentence-transformers", source, modules + "model.safetensors modules.json sentence_bert_config.json" + tokenizer},
		{"transformers", tiny(t, tinymodel.Options{Plain: true}), "config.json model.safetensors" + tokenizer},
		{"sharded, with a contract", sharded, "1_Pooling/config.json 2_Normalize/config.json config.json config_sentence_transformers.json model.safetensors.index.json modules.json quarry.json sentence_bert_config.json" + tokenizer},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, name := range strings.Fields(beside) {
				path := filepath.Join(tc.dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := model.Files(tc.dir)
			if err != nil {
				t.Fatal(err)
			}
			shards := 0
			got = slices.DeleteFunc(got, func(name string) bool {
				shard := strings.HasPrefix(name, "model-") && strings.HasSuffix(name, ".safetensors")
				if shard {
					shards++
				}
				return shard
			})
			if text := strings.Join(got, " "); text != tc.want || (shards > 1) != (tc.dir == sharded) {
				t.Errorf("got  %s and %d shards\nwant %s", text, shards, tc.want)
			}
		})
	}
	if _, err := model.Files(t.TempDir()); err == nil || !strings.Contains(err.Error(), "this is not a model directory") {
		t.Errorf("of an empty folder: %v", err)
	}
}
