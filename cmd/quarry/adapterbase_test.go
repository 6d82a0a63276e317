package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/rundir"
)

// An adapter goes on the base that it was trained on, by its digest where Quarry trained it, whatever that is called.
func TestAdapterOnAnotherBase(t *testing.T) {
	p, o := adapted(t)
	mustBe(t, tinymodel.Write(p.path("other"), tinymodel.Options{Seed: 99}))
	mustBe(t, os.CopyFS(p.path("moved"), os.DirFS(p.path("model"))))
	const refusal = "was trained on another base than --"

	same := o
	same.Base = p.path("moved")
	h := newTestHost()
	mustBe(t, runMerge(t.Context(), same, h.host))
	if strings.Contains(h.err.String(), "warning") {
		t.Errorf("the same base elsewhere: %s", h.err.String())
	}
	other := o
	other.Base, other.Output = p.path("other"), p.path("wrong")
	refused(t, runMerge(t.Context(), other, newTestHost().host), refusal+"base "+other.Base)
	nothingLeft(t, p, other.Output)

	on := p.finetuneOptions("second")
	on.Train, on.Dev, on.Tune.Method, on.Adapter, on.Model.Model = p.path("train.jsonl"), "", finetune.LoRA, o.Adapter, p.path("other")
	refused(t, runFinetune(t.Context(), on, newTestHost().host), "--from-adapter: "+o.Adapter+": "+refusal+"model ")

	// In a run the stamp of its training has the digest.
	digest, err := rundir.ModelDigest(t.Context(), rundir.OS{}, p.path("model"))
	mustBe(t, err)
	d, err := rundir.Open(p.path("runs/tiny"), rundir.OpenOptions{Create: true, Identity: "portable/f32/amd64/any"})
	mustBe(t, err)
	inRun := d.Round(0).Epoch(1)
	mustBe(t, os.CopyFS(inRun, os.DirFS(o.Adapter)))
	_, err = d.WriteStamp(t.Context(), rundir.Stage{Name: "finetune", Algorithm: 1, Inputs: []rundir.Input{{Name: "base", Digest: digest}}}, nil)
	mustBe(t, err)
	mustBe(t, d.Close())
	other.Adapter = inRun
	refused(t, runMerge(t.Context(), other, newTestHost().host), refusal+"base "+other.Base)
	same.Adapter, same.Output = inRun, p.path("merged-again")
	mustBe(t, runMerge(t.Context(), same, newTestHost().host))

	// Elsewhere its configuration names the base, which is no proof.
	mustBe(t, os.CopyFS(p.path("foreign"), os.DirFS(o.Adapter)))
	for _, tc := range []struct {
		name, named string
		warned      bool
	}{
		{"its name on the hub", "org/Other", false},
		{"a path of another machine", `C:\\models\\other`, false},
		{"another model", "org/base", true},
	} {
		config := p.read(t, "foreign/adapter_config.json")
		at := strings.Index(config, `"base_model_name_or_path": "`) + len(`"base_model_name_or_path": "`)
		p.write(t, "foreign/adapter_config.json", config[:at]+tc.named+config[at+strings.Index(config[at:], `",`):])
		foreign := other
		foreign.Adapter, foreign.Output = p.path("foreign"), p.path("foreign-"+strings.ReplaceAll(tc.name, " ", "-"))
		h := newTestHost()
		mustBe(t, runMerge(t.Context(), foreign, h.host))
		want := "warning: " + foreign.Adapter + " names " + tc.named + " as its base (base_model_name_or_path), and --base is " + foreign.Base
		if got := strings.Contains(h.err.String(), "warning"); got != tc.warned || tc.warned && !strings.Contains(h.err.String(), want) {
			t.Errorf("%s: told %q", tc.name, h.err.String())
		}
	}
}

func TestModelName(t *testing.T) {
	for written, want := range map[string]string{
		"BAAI/bge-base-en": "bge-base-en", "BAAI/bge-base-en@main": "bge-base-en", "models/BGE-base-en/": "bge-base-en", `C:\models\bge`: "bge", "bge": "bge",
	} {
		if got := modelName(written); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
	if got := modelName("."); got != "quarry" { // the tests' own folder
		t.Errorf("here is %q", got)
	}
}

// TestBaseOfTorchWeights: an adapter goes on the base that it was trained on, in whichever format and folder that has its weights.
func TestBaseOfTorchWeights(t *testing.T) {
	for name, folder := range map[string]string{"in the directory itself": "", "in the folder of the first module, as in early releases": "0_Transformer"} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, tinymodel.Options{})
			base, network := p.path("base"), p.path(filepath.Join("base", folder))
			mustBe(t, os.CopyFS(base, os.DirFS("../../model/testdata/tiny-bert")))
			for _, part := range []string{"expected", "lora", safetensors.SingleName} {
				mustBe(t, os.RemoveAll(filepath.Join(base, part)))
			}
			mustBe(t, os.MkdirAll(network, 0o700))
			mustBe(t, os.CopyFS(network, os.DirFS("../../model/testdata/torch/f32")))
			if folder != "" {
				for _, file := range []string{"config.json", "sentence_bert_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"} {
					mustBe(t, os.Rename(filepath.Join(base, file), filepath.Join(network, file)))
				}
				modules := p.read(t, "base/modules.json")
				p.write(t, "base/modules.json", strings.Replace(modules, `"path": ""`, `"path": "`+folder+`"`, 1))
			}
			o := p.finetuneOptions("tuned")
			o.Train, o.Dev, o.Tune.Epochs, o.Tune.Method, o.Model.Model = p.path("train.jsonl"), "", 1, finetune.LoRA, base
			mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
			h := newTestHost()
			mustBe(t, runMerge(t.Context(), MergeOptions{Base: base, Adapter: p.path("tuned/epoch-1"), Output: p.path("merged"), Seed: 42}, h.host))
			if strings.Contains(h.err.String(), "warning") {
				t.Error(h.err.String())
			}
		})
	}
}

// TestTrainedBaseThatIsBroken: files that cannot be read are named, before any word about another base.
func TestTrainedBaseThatIsBroken(t *testing.T) {
	p, o := adapted(t)
	for _, tc := range []struct {
		name   string
		damage func(dir string) error
		want   string
	}{
		{"truncated", func(dir string) error {
			return os.Truncate(filepath.Join(dir, safetensors.SingleName), int64(len(p.read(t, "model/model.safetensors"))-10))
		}, "the file is truncated"},
		{"no weights", func(dir string) error { return os.Remove(filepath.Join(dir, safetensors.SingleName)) }, "no weights: neither model.safetensors"},
		{"a missing shard", func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, safetensors.SingleName)), writeIndex(dir, "lost"))
		}, "model.safetensors.index.json: shard model-00001-of-00001.safetensors is missing"},
		{"a tensor that the index leaves out", func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, safetensors.SingleName), filepath.Join(dir, "model-00001-of-00001.safetensors")), writeIndex(dir, "lost.weight"))
		}, `tensor "embeddings.word_embeddings.weight": is not listed in `},
	} {
		t.Run(tc.name, func(t *testing.T) {
			broken := o
			broken.Base = filepath.Join(t.TempDir(), "model")
			mustBe(t, os.CopyFS(broken.Base, os.DirFS(o.Base)))
			mustBe(t, tc.damage(broken.Base))
			refused(t, runMerge(t.Context(), broken, newTestHost().host), tc.want)
			on := p.finetuneOptions("second")
			on.Train, on.Dev, on.Tune.Method, on.Adapter, on.Model.Model = p.path("train.jsonl"), "", finetune.LoRA, o.Adapter, broken.Base
			refused(t, runFinetune(t.Context(), on, newTestHost().host), tc.want)
		})
	}
}

// writeIndex lists one tensor in one shard.
func writeIndex(dir, tensor string) error {
	content := `{"metadata": {"total_size": 1}, "weight_map": {"` + tensor + `": "model-00001-of-00001.safetensors"}}`
	return os.WriteFile(filepath.Join(dir, safetensors.IndexName), []byte(content), 0o600)
}
