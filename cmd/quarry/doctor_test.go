package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
)

func TestDoctor(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	h := newTestHost()
	h.machine = machine{CPU: "portable", Cores: 2, Quota: 1.5, MemoryLimit: 4 << 30, MemoryFree: 2 << 30}
	mustBe(t, runDoctor(t.Context(), DoctorOptions{Model: p.path("model")}, h.host))
	for _, want := range []string{
		"portable/f32/", "portable: QUARRY_CPU names it", "grants the time of 1.5; 2 workers", "2.0 GiB free; container's limit 4.0 GiB; activations and packed weights within 1.5 GiB",
		"bert, 2 layers, 32 dimensions", "64 tokens read (64 positions), pooling mean, normalised true, compared by cosine",
	} {
		if !strings.Contains(h.out.String(), want) {
			t.Errorf("told\n%swant %q in it", h.out.String(), want)
		}
	}
}

func TestDoctorAsJSON(t *testing.T) {
	h := newTestHost()
	mustBe(t, runDoctor(t.Context(), DoctorOptions{JSON: true, Engine: EngineOptions{CPU: "portable", Workers: 1, Memory: 1 << 30}}, h.host))
	var got diagnosis
	mustBe(t, json.Unmarshal(h.out.Bytes(), &got))
	if got.Schema != 1 || got.Path != "portable" || got.Because != "--cpu names it" || got.Workers != 1 || got.Memory.Used != 1<<30 || got.Model != nil || got.Go == "" {
		t.Errorf("diagnosis %s", h.out.String())
	}
}

func TestDoctorSaysWhyNoBetterPathIsTaken(t *testing.T) {
	refused := kernel.Lack{Path: kernel.AMX, Because: "the system refuses AMX: operation not permitted"}
	intel := []kernel.Path{kernel.AVX512BF16, kernel.AVX512, kernel.AVX2, kernel.Portable}
	for _, c := range []struct {
		name, flag, environment string
		taken                   kernel.Path
		available               []kernel.Path
		lacks, want             []kernel.Lack
	}{
		{"the kernel refuses", "", "", kernel.AVX512BF16, intel, []kernel.Lack{refused}, []kernel.Lack{refused}},
		{"a flag", "avx512", "", kernel.AVX512, intel, []kernel.Lack{refused}, []kernel.Lack{refused, {Path: kernel.AVX512BF16, Because: "available; avx512 is taken, for --cpu names it"}}},
		{"the environment", "", "avx2", kernel.AVX2, intel[1:], nil, []kernel.Lack{{Path: kernel.AVX512, Because: "available; avx2 is taken, for QUARRY_CPU names it"}}},
		{"the best there can be", "", "", kernel.NEON, []kernel.Path{kernel.NEON, kernel.Portable}, nil, nil},
		{"only portable", "", "", kernel.Portable, []kernel.Path{kernel.Portable}, []kernel.Lack{{Path: kernel.AVX2, Because: "the processor has no AVX2"}}, []kernel.Lack{{Path: kernel.AVX2, Because: "the processor has no AVX2"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := EngineOptions{CPU: c.flag}.notTaken(machine{CPU: c.environment}, c.taken, c.available, c.lacks)
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
	h := newTestHost()
	mustBe(t, runDoctor(t.Context(), DoctorOptions{Engine: EngineOptions{CPU: "portable"}}, h.host))
	if best := kernel.Available()[0]; best != kernel.Portable && !strings.Contains(h.out.String(), "available; portable is taken, for --cpu names it") {
		t.Errorf("nothing says why %s is not taken:\n%s", best, h.out.String())
	}
}

func TestDoctorNamesWhatAModelLeavesOpen(t *testing.T) {
	p := newProject(t, tinymodel.Options{Plain: true})
	h := newTestHost()
	mustBe(t, runDoctor(t.Context(), DoctorOptions{Model: p.path("model")}, h.host))
	for _, want := range []string{"pooling not named", "missing", "pooling: nothing in the directory names it, and no command guesses it: give it with --pooling (cls, mean, …), in a recipe as pooling:", "assumed", "no normalisation (no modules.json)"} {
		if !strings.Contains(h.out.String(), want) {
			t.Errorf("told\n%swant %q in it", h.out.String(), want)
		}
	}
	if strings.Contains(h.out.String(), "mean (no modules.json)") {
		t.Errorf("told of a pooling that no command takes\n%s", h.out.String())
	}
	asJSON := newTestHost()
	mustBe(t, runDoctor(t.Context(), DoctorOptions{Model: p.path("model"), JSON: true}, asJSON.host))
	var got diagnosis
	mustBe(t, json.Unmarshal(asJSON.out.Bytes(), &got))
	if got.Model.Pooling != "" || !slices.Equal(got.Model.Missing, []string{"pooling"}) || len(got.Model.Assumed) != 1 {
		t.Errorf("diagnosis %s", asJSON.out.String())
	}
	refused(t, runDoctor(t.Context(), DoctorOptions{Model: p.path("nowhere")}, h.host), "--model: ")
}

// A model whose pooling nothing names is refused by whatever would embed with it; given, it is not assumed any more.
func TestPoolingIsNotGuessed(t *testing.T) {
	p := newProject(t, tinymodel.Options{Plain: true})
	embed := EmbedOptions{Input: p.path("corpus.jsonl"), Output: p.path("vectors.npy"), Model: ModelOptions{Model: p.path("model")}}
	mine, tune := p.mineOptions(), p.finetuneOptions("tuned")
	tune.Train, tune.Dev, tune.Tune.Epochs, tune.Tune.Method = p.path("train.jsonl"), "", 1, finetune.LoRA
	merge := MergeOptions{Base: p.path("model"), Adapter: p.path("tuned/epoch-1"), Output: p.path("merged"), Seed: 42}
	for _, c := range []struct {
		name  string
		model *ModelOptions
		run   func(*host) error
	}{
		{"embed", &embed.Model, func(h *host) error { return runEmbed(t.Context(), embed, h) }},
		{"mine", &mine.Rank.Model, func(h *host) error { return runMine(t.Context(), mine, h) }},
		{"finetune", &tune.Model, func(h *host) error { return runFinetune(t.Context(), tune, h) }},
		{"merge", &merge.Model, func(h *host) error {
			mustBe(t, os.RemoveAll(filepath.Join(merge.Adapter, model.ContractName))) // which names the pooling of the training
			return runMerge(t.Context(), merge, h)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := "no modules.json says how the vectors of tokens become one: the pooling must be given with --pooling"
			refused(t, c.run(newTestHost().host), p.path("model")+": "+want)
			c.model.Pooling = "cls"
			mustBe(t, c.run(newTestHost().host))
		})
	}
	merged, err := model.ReadDirectory(p.path("merged"), model.Options{})
	mustBe(t, err)
	if merged.Contract.Pooling != model.PoolCLS || len(merged.Assumed) > 0 {
		t.Errorf("the merged model says pooling %s, assumed %v", merged.Contract.Pooling, merged.Assumed)
	}
}

func TestDoctorReadsTheWeights(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.spoil(t, "model/model.safetensors", "encoder.layer.1.output.dense.weight", 3)
	refused(t, runDoctor(t.Context(), DoctorOptions{Model: p.path("model")}, newTestHost().host), p.path("model/model.safetensors")+`: tensor "encoder.layer.1.output.dense.weight": element 3 is not a finite number`)
}
