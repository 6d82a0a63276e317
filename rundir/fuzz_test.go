package rundir_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/rundir"
)

func FuzzReadSteps(f *testing.F) {
	f.Add([]byte(`{"step":1,"epoch":1,"loss":0.5,"learning_rate":0.001,"gradient_norm":1,"queries":2,"columns":4,"masked":0}` + "\n"))
	f.Add([]byte("{\"step\":1}\n{\"step\":2"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		steps, err := rundir.ReadSteps(bytes.NewReader(content), "steps.jsonl")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "steps.jsonl:") {
				t.Errorf("%v names no line", err)
			}
			return
		}
		if len(steps) != bytes.Count(content, []byte("\n")) {
			t.Errorf("%d steps from %d lines", len(steps), bytes.Count(content, []byte("\n")))
		}
	})
}

func FuzzParseTimes(f *testing.F) {
	f.Add([]byte(`{"round":0,"stage":"mine","seconds":1.5,"start":"2026-01-02T03:04:05Z","peak_memory":1024}` + "\n" + `{"round":0,"sta`))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		times, err := rundir.ParseTimes(content, "times.jsonl")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "times.jsonl:") {
				t.Errorf("%v names no line", err)
			}
			return
		}
		if len(times) != bytes.Count(content, []byte("\n")) {
			t.Errorf("%d times from %d lines", len(times), bytes.Count(content, []byte("\n")))
		}
	})
}

func FuzzReadMined(f *testing.F) {
	f.Add([]byte(`{"query":"q","pos":["p"],"neg":["n"],"quarry":{"key":"k","source":"dense","round":1,"positives":["1"],"positive_score":0.5,"negatives":[{"id":"2","rank":3,"score":0.25}]}}` + "\n"))
	f.Add([]byte(`{"quarry":{}}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, content []byte) {
		err := rundir.ReadMined(bytes.NewReader(content), "negatives.jsonl", func(m provenance.Row) error {
			if m.Key == "" {
				t.Error("a row without its key was handed on")
			}
			return nil
		})
		if err != nil && !strings.HasPrefix(err.Error(), "negatives.jsonl") {
			t.Errorf("%v names no file", err)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"version":1,"recipe":"eedi","round":0,"options":{"mine":{}},"stages":[{"stage":"embed","inputs":[{"name":"a","digest":"b"}]}]}`))
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := rundir.ParseManifest(content, "manifest.json")
		if err == nil {
			m.Gaps()
		}
	})
}

// A damaged quarry.json or stamp is an error or a reason to redo, never a panic.
func FuzzDamagedRecords(f *testing.F) {
	f.Add([]byte(`{"format":1,"identity":"x","data":[{"name":"a","digest":"b"}]}`))
	f.Add([]byte(`{"version":1,"stage":"mine","round":0,"algorithm":1,"options":{"a":[1,{"b":2}]},"options_digest":"x","outputs":[{"path":"../..","sha256":"","size":0}]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		write("format/quarry.json", string(content))(t, dir)
		if d, err := rundir.Open(filepath.Join(dir, "format"), rundir.OpenOptions{ReadOnly: true, Identity: "y"}); err == nil {
			_ = d.Close()
		}
		write("stamp/quarry.json", `{"format":1}`)(t, dir)
		write("stamp/round-0/stamps/mine.json", string(content))(t, dir)
		d, err := rundir.Open(filepath.Join(dir, "stamp"), rundir.OpenOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Check(t.Context(), stageForTest()); err != nil {
			t.Fatal(err)
		}
	})
}
