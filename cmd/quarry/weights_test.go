package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// rounding is a project, and a host whose cache of rounded weights is in it.
func rounding(t *testing.T, o tinymodel.Options) (project, *testHost) {
	p, h := newProject(t, o), newTestHost()
	h.environ = []string{"QUARRY_CACHE=" + p.path("cache")}
	return p, h
}

// copies lists the rounded models in the project's cache.
func (p project) copies(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(p.path("cache/weights/*-bf16"))
	mustBe(t, err)
	return found
}

func TestRoundedWeights(t *testing.T) {
	p, h := rounding(t, tinymodel.Options{})
	embed := func(name string, more ...string) string {
		t.Helper()
		args := append([]string{"embed", "--precision", "f32", "--model", p.path("model"), "--input", p.path("corpus.jsonl"), "--output", p.path(name)}, more...)
		if code := h.run(t, args...); code != exitDone {
			t.Fatalf("exit code %d: %s", code, h.err.String())
		}
		return p.read(t, name)
	}
	stored := embed("stored.npy")
	if made := p.copies(t); len(made) > 0 {
		t.Errorf("copies %v without --weights", made)
	}
	if told := h.err.String(); strings.Contains(told, "/weights-") {
		t.Errorf("told %q", told)
	}
	rounded := embed("rounded.npy", "--weights", "bf16")
	if rounded == stored {
		t.Error("the vectors are those of the stored weights")
	}
	if told := h.err.String(); strings.Count(told, "rounding the weights") != 1 || !strings.Contains(told, "/weights-bf16") {
		t.Errorf("told %q", told)
	}
	// Again: the copy is taken. And it is the model's own, taken as it is.
	if again := embed("again.npy", "--weights", "bf16"); again != rounded || strings.Count(h.err.String(), "rounding the weights") != 1 {
		t.Errorf("the second time, told %q", h.err.String())
	}
	made := p.copies(t)
	if len(made) != 1 {
		t.Fatalf("copies %v", made)
	}
	mustBe(t, os.RemoveAll(p.path("model")))
	mustBe(t, os.Rename(made[0], p.path("model")))
	if own := embed("own.npy"); own != rounded {
		t.Error("the copy by itself gives other vectors")
	}
	refused(t, runEmbed(t.Context(), EmbedOptions{Model: ModelOptions{Model: p.path("model"), Weights: "f16"}, Input: p.path("corpus.jsonl"), Output: p.path("x.npy")}, h.host), `--weights "f16": use stored or bf16`)
}

// TestTrainingOnRoundedWeights: an adapter and what it is merged into go by the same weights, and a training is not gone on
// with by others.
func TestTrainingOnRoundedWeights(t *testing.T) {
	p, h := rounding(t, tinymodel.Options{})
	o := p.finetuneOptions("tuned")
	o.Train, o.Dev, o.Tune.Epochs, o.Tune.Method, o.Model.Weights = p.path("train.jsonl"), "", 1, finetune.LoRA, "bf16"
	mustBe(t, runFinetune(t.Context(), o, h.host))
	o.Model.Weights = ""
	refused(t, runFinetune(t.Context(), o, h.host), "weights-bf16")
	merge := MergeOptions{Base: p.path("model"), Adapter: p.path("tuned/epoch-1"), Output: p.path("merged"), Seed: 1, Model: ModelOptions{Weights: "bf16"}}
	mustBe(t, runMerge(t.Context(), merge, h.host))
	f, err := safetensors.OpenDir(p.path("merged"))
	mustBe(t, err)
	defer f.Close()
	for _, tensor := range f.Tensors() {
		if tensor.DType != safetensors.BF16 {
			t.Errorf("%s is %s", tensor.Name, tensor.DType)
		}
	}
}

func TestARunOnRoundedWeights(t *testing.T) {
	p, h := rounding(t, tinymodel.Options{})
	text := `model: model
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl}
mine: {window: 0-5, negatives: 2}
finetune: {method: lora, epochs: 1, batch: 4, group_size: 3}
eval: {metrics: [map@5]}
select: {metric: map@5}
`
	recipe := p.write(t, "recipe.yaml", text+"weights: bf16\n")
	if code := h.run(t, "run", recipe); code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	manifest := p.read(t, "runs/recipe/round-0/manifest.json")
	if !strings.Contains(manifest, "/weights-bf16") {
		t.Errorf("manifest:\n%s", manifest)
	}
	if len(p.copies(t)) != 1 {
		t.Errorf("copies %v", p.copies(t))
	}
	h.err.Reset()
	if code := h.run(t, "run", recipe); code != exitDone || strings.Contains(h.err.String(), "rounding") {
		t.Errorf("again: exit code %d: %s", code, h.err.String())
	}
	// The run directory refuses the weights as they are stored.
	p.write(t, "recipe.yaml", text)
	h.err.Reset()
	if code := h.run(t, "run", recipe); code != exitBadInput || !strings.Contains(h.err.String(), "weights-bf16") {
		t.Errorf("stored weights: exit code %d: %s", code, h.err.String())
	}
}
