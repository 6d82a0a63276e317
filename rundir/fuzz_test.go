package rundir_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
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

// FuzzReadChoice: whatever choice.json holds is an error that names it, or a choice that is written as it was read.
func FuzzReadChoice(f *testing.F) {
	f.Add([]byte(`{"version":1,"epoch":3,"by":"command","because":"it reads better","scores":"9f86"}`))
	f.Add([]byte(`{"version":2,"epoch":1,"mood":"good"}`))
	f.Add([]byte(`{"version":1,"epoch":1e9}`))
	f.Add([]byte(`{"version":1}{}`))
	fuzzRound(f, rundir.RoundLayout.Choice, func(d *rundir.Dir) (any, error) { return d.ReadChoice(0) })
}

// FuzzReadScores does the same to scores.json, and to the test column that test.json brings.
func FuzzReadScores(f *testing.F) {
	f.Add([]byte(`{"version":1,"round":0,"convention":"sentence-transformers","measures":["map@25"],"epochs":[{"epoch":0,"eval_loss":2.5,"dev":{"queries":4,"all":[0.5]}}]}`))
	f.Add([]byte(`{"version":1,"epochs":[{"epoch":0},{"epoch":0}]}`))
	f.Add([]byte(`{"version":"1"}`))
	fuzzRound(f, rundir.RoundLayout.Scores, func(d *rundir.Dir) (any, error) { return d.ReadScores(0) })
}

// FuzzReadTestScores does the same to test.json, beside a table of two epochs.
func FuzzReadTestScores(f *testing.F) {
	f.Add([]byte(`{"version":1,"epochs":[{"epoch":0,"test":{"queries":1,"all":[0.25]}}]}`))
	f.Add([]byte(`{"version":1,"epochs":[{"epoch":9},{"epoch":0},{"epoch":0}]}`))
	f.Add([]byte(`null`))
	fuzzRound(f, rundir.RoundLayout.TestScores, func(d *rundir.Dir) (any, error) {
		table := `{"version":1,"measures":["map@25"],"epochs":[{"epoch":0},{"epoch":1}]}`
		if err := os.WriteFile(d.Round(0).Scores(), []byte(table), 0o600); err != nil {
			return nil, err
		}
		return d.ReadScores(0)
	})
}

// fuzzRound puts content into a file of round 0 and reads it.
func fuzzRound(f *testing.F, file func(rundir.RoundLayout) string, read func(*rundir.Dir) (any, error)) {
	d, err := rundir.Open(f.TempDir(), rundir.OpenOptions{Create: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	path := file(d.Round(0))
	if err := os.Mkdir(d.Round(0).Dir(), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil { // nothing of it has to be durable
			t.Fatal(err)
		}
		got, err := read(d)
		if err != nil {
			if !strings.HasPrefix(err.Error(), path+":") {
				t.Errorf("%v does not name %s", err, path)
			}
			return
		}
		raw, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		again := reflect.New(reflect.TypeOf(got).Elem()).Interface()
		if err := rundir.ParseJSON(path, raw, again); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("written and read again: %+v (%v), was %+v", again, err, got)
		}
	})
}

// FuzzOpenPartial: whatever stands beside a partial file, it can be begun or gone on with, of bytes that are there.
func FuzzOpenPartial(f *testing.F) {
	f.Add([]byte(`{"version":1,"of":"","bytes":3}`), "rows")
	f.Add([]byte(`{"version":1,"of":"`+strings.Repeat("0", 64)+`","bytes":-3}`), "")
	f.Add([]byte("{"), "row")
	dir, err := rundir.Open(f.TempDir(), rundir.OpenOptions{Create: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = dir.Close() })
	path := filepath.Join(string(dir.Layout), "v.npy")
	f.Fuzz(func(t *testing.T, record []byte, data string) {
		for name, content := range map[string]string{"v.npy.partial.json": string(record), "v.npy.partial": data} {
			write(name, content)(t, string(dir.Layout))
		}
		p, err := dir.OpenPartial(path, rundir.Stage{Name: "embed"})
		if err != nil {
			t.Fatal(err)
		}
		if p.Size() < 0 || p.Size() > int64(len(data)) {
			t.Errorf("%d bytes of %d", p.Size(), len(data))
		}
		if err := errors.Join(p.Finish(), p.Close()); err != nil {
			t.Fatal(err)
		}
		if found := readTree(t, string(dir.Layout))["v.npy"]; found != data[:p.Size()] {
			t.Errorf("%q of %q", found, data)
		}
	})
}
