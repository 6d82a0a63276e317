package main

import (
	"encoding/json"
	"path/filepath"
	"reflect"
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

// FuzzParseFolds reads damaged folds.json files: an error that names the file, or two models or more, each in a place of its own
// below the directory, that are written as they were read.
func FuzzParseFolds(f *testing.F) {
	f.Add([]byte(`{"schema":1,"folds":[{"model":"fold-0/epoch-3","digest":"9c","trained":8,"held_out":2,"loss":0.2,"eval_loss":0.3},{"model":"fold-1/epoch-3","digest":"9d","trained":8,"held_out":2,"loss":null,"eval_loss":null}]}`))
	f.Add([]byte(`{"schema":1,"folds":[{"model":"a","digest":"d"},{"model":"./a","digest":"d"}]}`))
	f.Add([]byte(`{"schema":1,"folds":[{"model":"a/../..","digest":"d"},{"model":".","digest":"d"}]}`))
	f.Add([]byte(`{"schema":1,"folds":[{"model":"a","digest":""},{"model":"b","trained":-1}]}`))
	f.Add([]byte(`{"schema":2}{}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		list, err := rundir.ParseFoldModels("folds.json", content)
		if err != nil {
			namesItsFile(t, err, "folds.json: ")
			return
		}
		places := map[string]bool{}
		for _, m := range list.Folds {
			place := filepath.Join("dir", filepath.FromSlash(m.Model))
			if !strings.HasPrefix(place, "dir"+string(filepath.Separator)) || m.Digest == "" || m.Trained < 0 || m.HeldOut < 0 {
				t.Errorf("%+v", m)
			}
			places[place] = true
		}
		if len(places) != len(list.Folds) || len(places) < 2 {
			t.Errorf("%d places of %d folds", len(places), len(list.Folds))
		}
		raw, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := rundir.ParseFoldModels("folds.json", raw); err != nil || !reflect.DeepEqual(again, list) {
			t.Errorf("written and read again: %+v (%v), was %+v", again, err, list)
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
			file.read(strings.NewReader(string(content)), func(line int, text embedding.Text, err error) bool {
				if err != nil {
					namesItsFile(t, err, "texts.jsonl:")
					return true
				}
				if line < 1 || len(text.IDs) > 4 || kind == kindQuery && text.IDs == nil && strings.TrimSpace(text.Text) == "" {
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
