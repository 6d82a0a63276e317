package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestWrongDirectoryAsAModel: what is no model is called by what it is, with what to name in its place.
func TestWrongDirectoryAsAModel(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	adapter := `{"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":["query"],"base_model_name_or_path":"models/tiny"}`
	p.write(t, "adapter/adapter_config.json", adapter)
	p.write(t, "broken/adapter_config.json", "{")
	p.write(t, "tuned/epochs.json", "{}")
	for _, epoch := range []string{"epoch-2", "epoch-10"} {
		p.write(t, "tuned/"+epoch+"/config.json", "{}")
	}
	p.write(t, "adapters/epoch-1/adapter_config.json", adapter)
	p.write(t, "fork/lora_epoch_9/adapter_config.json", adapter)
	p.write(t, "fork/lora_epoch_10/adapter_config.json", adapter)
	p.write(t, "begun/epochs.json", "{}")
	p.write(t, "runs/x/recipe.resolved.yaml", "")
	p.write(t, "runs/x/round-0/merged/config.json", "{}")
	p.write(t, "runs/x/round-0/epochs/epoch-3/adapter_config.json", adapter)
	p.write(t, "runs/x/round-1/merged/config.json", "{}")
	p.write(t, "runs/x/round-2/negatives.jsonl", "")
	p.write(t, "runs/new/recipe.resolved.yaml", "")
	p.write(t, "empty/README.md", "")
	for _, tc := range []struct{ dir, asModel, asAdapter string }{
		{"adapter", "an adapter, not a model: merge it into its base, and name the result: quarry merge --base models/tiny --adapter DIR --output merged", ""},
		{"broken", "an adapter, not a model: merge it into its base, and name the result: quarry merge --base BASE --adapter DIR", ""},
		{"tuned", "the output of a fine-tuning, not a model: meant DIR/epoch-10?", "the output of a fine-tuning, not an adapter, and without one: it holds whole models"},
		{"adapters", "the output of a fine-tuning, not a model: meant DIR/epoch-1?", "not an adapter: meant DIR/epoch-1?"},
		{"fork", "the output of a fine-tuning, not a model: meant DIR/lora_epoch_10?", "not an adapter: meant DIR/lora_epoch_10?"},
		{"begun", "the output of a fine-tuning, not a model, and without one yet", "not an adapter, and without one: it holds whole models"},
		{"runs/x", "a run directory, not a model: meant DIR/round-1/merged?", "a run directory, not an adapter: meant DIR/round-0/epochs/epoch-3?"},
		{"runs/x/round-0", "a round of a run, not a model: meant DIR/merged?", "a round of a run, not an adapter: meant DIR/epochs/epoch-3?"},
		{"runs/new", "a run directory, not a model, and without one yet", "a run directory, not an adapter, and without one"},
		{"model", "", "a whole model, not an adapter: name it as the model"},
		{"empty", "", ""},
	} {
		t.Run(tc.dir, func(t *testing.T) {
			dir := p.path(tc.dir)
			check := func(as string, err error, want string) {
				t.Helper()
				if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(want, "DIR", dir))) {
					t.Errorf("as %s: %v, want %q", as, err, want)
				}
			}
			check("model", refuseNoModel(dir), tc.asModel)
			check("adapter", refuseNoAdapter(dir), tc.asAdapter)
		})
	}
}

// TestCommandsRefuseWrongDirectories: flags of commands and keys of recipes say it.
func TestCommandsRefuseWrongDirectories(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.write(t, "tuned/epoch-1/adapter_config.json", "{}")
	mustBe(t, os.MkdirAll(filepath.Join(string(p), "none"), 0o755))
	for _, tc := range []struct {
		name, want string
		words      []string
	}{
		{"search", "--model: " + p.path("tuned") + ": the output of a fine-tuning, not a model: meant " + p.path("tuned/epoch-1") + "?", []string{"search", "--model", p.path("tuned"), "--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl")}},
		{"an empty directory", "config.json: missing: this is not a model directory", []string{"search", "--model", p.path("none"), "--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl")}},
		{"base", "--base: " + p.path("tuned/epoch-1") + ": an adapter, not a model", []string{"merge", "--base", p.path("tuned/epoch-1"), "--adapter", p.path("tuned/epoch-1"), "--output", p.path("out")}},
		{"adapter", "--adapter: " + p.path("model") + ": a whole model, not an adapter: name it as the model", []string{"merge", "--base", p.path("model"), "--adapter", p.path("model"), "--output", p.path("out")}},
		{"doctor", "an adapter, not a model", []string{"doctor", "--model", p.path("tuned/epoch-1")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			if code := h.run(t, tc.words...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d: %s", code, h.err.String())
			}
		})
	}
}
