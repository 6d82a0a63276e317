package model

import (
	"io/fs"
	"os"
	"testing"
	"testing/fstest"
)

// FuzzReadCrossEncoder puts arbitrary text into each file: no panic, and what is accepted says how to score.
func FuzzReadCrossEncoder(f *testing.F) {
	source := os.DirFS("testdata/cross-encoders/bert")
	names := []string{"config.json", "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json", "tokenizer_config.json"}
	files := map[string][]byte{}
	for i, name := range names {
		raw, err := fs.ReadFile(source, name)
		if err != nil {
			f.Fatal(err)
		}
		files[name] = raw
		f.Add(uint8(i), string(raw))
	}
	f.Add(uint8(3), `{"activation_fn": "torch.nn.Identity", "model_type": "CrossEncoder"}`)
	f.Fuzz(func(t *testing.T, which uint8, content string) {
		changed := fstest.MapFS{}
		for name, raw := range files {
			changed[name] = &fstest.MapFile{Data: raw}
		}
		changed[names[int(which)%len(names)]] = &fstest.MapFile{Data: []byte(content)}
		d, err := (&reader{files: changed, name: "dir"}).readCrossEncoder()
		if err != nil {
			return
		}
		if n := d.limits.maxLength(); n < 1 || n > d.Config.MaxPositions {
			t.Fatalf("length %d of %d positions", n, d.Config.MaxPositions)
		}
		if d.activation != SigmoidScore && d.activation != IdentityScore {
			t.Fatalf("activation %q", d.activation)
		}
		if d.Config.family.scorer == nil || len(d.Config.family.scorer.head("", d.Config.HiddenSize)) != 2 {
			t.Fatalf("model_type %q has no head", d.Config.ModelType)
		}
	})
}
