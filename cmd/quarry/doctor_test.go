package main

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
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

func TestDoctorNamesWhatAModelLeavesOpen(t *testing.T) {
	p := newProject(t, tinymodel.Options{Plain: true})
	h := newTestHost()
	mustBe(t, runDoctor(t.Context(), DoctorOptions{Model: p.path("model")}, h.host))
	if !strings.Contains(h.out.String(), "assumed") || !strings.Contains(h.out.String(), "modules.json") {
		t.Errorf("told\n%s", h.out.String())
	}
	refused(t, runDoctor(t.Context(), DoctorOptions{Model: p.path("nowhere")}, h.host), "--model: ")
}

func TestDoctorReadsTheWeights(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	weights := p.read(t, "model/model.safetensors")
	nan := "\x00\x00\xc0\x7f"
	header := 8 + int(binary.LittleEndian.Uint64([]byte(weights)))
	p.write(t, "model/model.safetensors", weights[:header]+nan+weights[header+len(nan):])
	refused(t, runDoctor(t.Context(), DoctorOptions{Model: p.path("model")}, newTestHost().host), "element 0 is not a finite number")
}
