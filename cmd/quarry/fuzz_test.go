package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/rundir"
)

// FuzzParseRecord reads damaged finetune.json files: an error that names the file, or a record that can be compared.
func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"schema":1,"identity":"x","digests":{"train":"a"},"options":{"Epochs":3},"contract":{"pooling":"mean"},"lengths":[1,2],"metrics":["map@25"]}`))
	f.Add([]byte(`{"schema":1}{}`))
	f.Add([]byte(`{"schema":1,"contract":null}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := parseRecord("finetune.json", content)
		if err != nil {
			namesItsFile(t, err, "finetune.json: ")
			return
		}
		if _, err := rundir.CanonicalJSON(r); err != nil {
			t.Errorf("%v of %q", err, content)
		}
	})
}

// FuzzParseEpochs reads damaged epochs.json files: an error that names the file, or epochs in order that can be told.
func FuzzParseEpochs(f *testing.F) {
	f.Add([]byte(`{"schema":1,"epochs":[{"epoch":0,"steps":0,"loss":null,"eval_loss":1.5,"metrics":{"map@25":0.5}},{"epoch":1,"steps":5,"loss":0.1,"checkpoint":"ab"}]}`))
	f.Add([]byte(`{"schema":1,"epochs":[{"epoch":2,"steps":5,"loss":1,"checkpoint":"ab"},{"epoch":1,"steps":5,"loss":1,"checkpoint":"ab"}]}`))
	f.Add([]byte(`{"schema":1,"epochs":[{"epoch":1,"steps":-5}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := parseEpochs("epochs.json", content)
		if err != nil {
			namesItsFile(t, err, "epochs.json: ")
			return
		}
		for i, r := range file.Epochs {
			if i > 0 && r.Epoch <= file.Epochs[i-1].Epoch || r.Epoch < 0 || r.Steps < 0 {
				t.Errorf("epoch %d at step %d", r.Epoch, r.Steps)
			}
			r.line(nil)
		}
		if _, err := json.Marshal(file); err != nil {
			t.Errorf("%v of %q", err, content)
		}
	})
}

// FuzzTexts reads damaged files of texts, of every kind: an error that names file and line ends them; queries that are
// let through are not empty, and ids fit the network.
func FuzzTexts(f *testing.F) {
	f.Add([]byte("{\"text\":\"one\",\"title\":\"t\"}\n\n{\"query\":\"two\"}\n{\"ids\":[1,2]}\n"))
	f.Add([]byte(`{"ids":[1e3]}`))
	f.Add([]byte(`{"query":" ","text":" "}`))
	f.Add([]byte("{\"text\":\"\\ud800\"}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, kind := range []string{"", kindQuery, kindPassage} {
			file := textFile{path: "texts.jsonl", kind: kind, limits: &idLimits{vocabulary: 10, positions: 4}}
			file.read(strings.NewReader(string(content)), func(text embedding.Text, err error) bool {
				if err != nil {
					namesItsFile(t, err, "texts.jsonl:")
					return true
				}
				if len(text.IDs) > 4 || kind == kindQuery && text.IDs == nil && strings.TrimSpace(text.Text) == "" {
					t.Errorf("kind %q: %+v", kind, text)
				}
				return true
			})
		}
	})
}

func namesItsFile(t *testing.T, err error, file string) {
	t.Helper()
	if !strings.HasPrefix(err.Error(), file) {
		t.Errorf("%v does not name its file", err)
	}
}
