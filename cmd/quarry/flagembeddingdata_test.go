package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/rundir"
)

// datasetFiles writes a folder of files with 6, 2 and 1 rows and one that is none, and beside it files of 4 rows and of 1. All
// begin with the same row.
func datasetFiles(t *testing.T, p project) {
	t.Helper()
	mustBe(t, os.MkdirAll(p.path("folder"), 0o700))
	for name, rows := range map[string]int{"folder/a.jsonl": 6, "folder/b.json": 2, "folder/c.jsonl": 1, "d.jsonl": 4, "e.jsonl": 1} {
		var text strings.Builder
		for i := range rows {
			own := name[len(name)-7:]
			if i == 0 {
				own = "one"
			}
			fmt.Fprintf(&text, "{\"query\":\"%s %d\",\"pos\":[\"three %d\"],\"neg\":[\"four\",\"five\"]}\n", own, i, i)
		}
		p.write(t, filepath.FromSlash(name), text.String())
	}
	p.write(t, "folder/notes.txt", "no rows\n")
}

// TestDatasets makes datasets as FlagEmbedding does: the rows of each, and with them the batches, are those that the
// AbsEmbedderSameDatasetTrainDataset of FlagEmbedding 1.4.2 makes of such files (each_data_idxs, batch_datas).
func TestDatasets(t *testing.T) {
	for _, tc := range []struct {
		name  string
		paths []string
		mix   TrainData
		batch int
		want  string // datasets and their rows
		rows  int
	}{
		{"files mixed", []string{"folder", "d.jsonl", "e.jsonl"}, TrainData{Most: allRows, Small: 5, Drop: 5}, 2, "", 14},
		{"each file for itself", []string{"d.jsonl", "folder"}, TrainData{Apart: true, Most: allRows}, 1, "d 4, a 6, b 2, c 1", 13},
		{"small files of a folder are one", []string{"folder", "d.jsonl", "e.jsonl"}, TrainData{Apart: true, Small: 3, Drop: 3, Most: allRows}, 3, "a 6, folder 3, d 4", 13},
		{"too small together", []string{"folder", "d.jsonl"}, TrainData{Apart: true, Small: 3, Drop: 4, Most: allRows}, 3, "a 6, d 4", 10},
		{"no more than so many rows of a file", []string{"folder", "d.jsonl"}, TrainData{Apart: true, Small: 3, Drop: 1, Most: 3}, 3, "a 3, folder 3, d 3", 9},
		{"no whole batch", []string{"folder", "d.jsonl"}, TrainData{Apart: true, Most: allRows}, 4, "a 6, d 4", 13},
		{"one name", []string{"d.jsonl", "d.jsonl", "d.jsonl"}, TrainData{Apart: true, Most: allRows}, 4, "d 4, d-2 4, d-3 4", 12},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProject(t, tinymodel.Options{})
			datasetFiles(t, p)
			for _, path := range tc.paths {
				tc.mix.Paths = append(tc.mix.Paths, p.path(path))
			}
			o := FinetuneOptions{Mix: &tc.mix, Tune: finetune.Options{Batch: tc.batch, Seed: 42, GroupSize: 3}}
			set, err := o.readTraining(newTestHost().host)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range set.datasets {
				got = append(got, fmt.Sprint(d.name, " ", d.to-d.from))
			}
			if strings.Join(got, ", ") != tc.want || len(set.train) != tc.rows {
				t.Errorf("got %v of %d rows, want %s of %d", got, len(set.train), tc.want, tc.rows)
			}
			keys := map[string]bool{}
			for i, q := range set.train {
				keys[q.Key] = true
				if f := set.fileOf(i); !slices.ContainsFunc(set.rowsOf(slices.IndexFunc(set.files, func(g trainFile) bool { return g == f })), func(r corpus.Query) bool { return r.Key == q.Key }) {
					t.Errorf("row %d is none of its file %s", i, f.path)
				}
			}
			if len(keys) != len(set.train) {
				t.Errorf("%d keys of %d rows", len(keys), len(set.train))
			}
		})
	}
	p := newProject(t, tinymodel.Options{})
	datasetFiles(t, p)
	o := FinetuneOptions{Mix: &TrainData{Paths: []string{p.path("e.jsonl")}, Apart: true, Small: 2, Most: allRows}, Tune: finetune.Options{Batch: 1}}
	if _, err := o.readTraining(newTestHost().host); err == nil || !strings.Contains(err.Error(), "no rows are left") {
		t.Errorf("nothing is left, and the error is %v", err)
	}
}

func TestFoldersWithoutTrainFiles(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.write(t, "rows.jsonl", `{"query":"one","pos":["two"],"neg":["three"]}`+"\n")
	p.shards(t, "rows.jsonl", "ds/data", "train", 1)
	mustBe(t, os.MkdirAll(p.path("empty"), 0o700))
	for folder, want := range map[string]string{
		"empty": ": no .json or .jsonl file in it\n",
		"ds":    ": no .json or .jsonl file in it, but Parquet files: name a split, such as " + p.path(filepath.FromSlash("ds/train")) + "\n",
	} {
		h := newTestHost()
		code := h.run(t, "finetune", "--model_name_or_path", p.path("model"), "--train_data", p.path(folder), "--output_dir", p.path("out"))
		if want = "--train_data " + p.path(folder) + want; code != exitBadInput || !strings.HasSuffix(h.err.String(), want) {
			t.Errorf("exit code %d: %s, want %s", code, h.err.String(), want)
		}
	}
	o := FinetuneOptions{Train: p.path(filepath.FromSlash("ds/train")), Tune: finetune.Options{Batch: 1, GroupSize: 2}}
	if set, err := o.readTraining(newTestHost().host); err != nil || len(set.train) != 1 {
		t.Errorf("the split that is named: %v", err)
	}
}

func TestRowsThatAskForOtherBatches(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	for _, tc := range []struct{ key, want string }{
		{`"type":"normal"`, ""},
		{`"type":"only_1neg"`, `rows.jsonl:2: "type" "only_1neg" of a row`},
		{`"type":"symmetric_sts"`, `rows.jsonl:2: "type" "symmetric_sts" of a row`},
		{`"batch_size":3`, `rows.jsonl:2: "batch_size" of a row`},
		{`"train_group_size":3`, `rows.jsonl:2: "train_group_size" of a row`},
	} {
		row := `{"query":"one","pos":["two"],"neg":["three"]}` + "\n"
		o := FinetuneOptions{Train: p.write(t, "rows.jsonl", row+strings.Replace(row, "{", "{"+tc.key+",", 1)), Tune: finetune.Options{Batch: 1, GroupSize: 2}}
		if _, err := o.readTraining(newTestHost().host); err != nil {
			t.Errorf("%s without batches of one dataset: %v", tc.key, err)
		}
		o.Kinds = true
		if _, err := o.readTraining(newTestHost().host); tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: got %v, want %q", tc.key, err, tc.want)
		}
	}
}

// TestTrainDatasetsByTheirTrainersCommand trains on batches of one dataset each, and goes on in its directory.
func TestTrainDatasetsByTheirTrainersCommand(t *testing.T) {
	p := newProject(t, tinymodel.Options{Positions: 128})
	datasetFiles(t, p)
	train := func(more ...string) (int, *testHost) {
		h := newTestHost()
		return h.run(t, append([]string{"finetune", "--model_name_or_path", p.path("model"), "--train_data", p.path("folder"), p.path("d.jsonl"), p.path("e.jsonl"), "--output_dir", p.path("out"),
			"--num_train_epochs", "2", "--per_device_train_batch_size", "3", "--train_group_size", "2", "--same_dataset_within_batch", "True", "--small_threshold", "3", "--drop_threshold", "3"}, more...)...), h
	}
	if code, h := train(); code != exitDone || !strings.Contains(h.err.String(), "e.jsonl: 1 rows, fewer than --small_threshold 3: left out") {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	steps, err := rundir.ReadSteps(strings.NewReader(p.read(t, "out/steps.jsonl")), "steps.jsonl")
	mustBe(t, err)
	had := map[string]int{}
	for _, s := range steps {
		had[fmt.Sprint(s.Epoch, s.Set)]++
		if s.Queries != 3 {
			t.Errorf("step %d has %d queries", s.Step, s.Queries)
		}
	}
	for key, want := range map[string]int{"1a": 2, "1folder": 1, "1d": 1, "2a": 2, "2folder": 1, "2d": 1} {
		if had[key] != want {
			t.Errorf("steps by epoch and dataset: %v", had)
		}
	}
	if code, h := train(); code != exitDone || !strings.Contains(h.err.String(), "steps 1 to 8 of 8 are done") {
		t.Errorf("again: exit code %d: %s", code, h.err.String())
	}
	if code, h := train("--drop_threshold", "4"); code != exitBadInput || !strings.Contains(h.err.String(), "drop_threshold") {
		t.Errorf("other datasets: exit code %d: %s", code, h.err.String())
	}
}
