package rundir_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

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
