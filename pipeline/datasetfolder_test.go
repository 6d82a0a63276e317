package pipeline

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/parquet"
	"github.com/quarry-ml/quarry/rundir"
)

// inShards writes the lines of a file as the shards of a split.
func inShards(t *testing.T, file, folder, split string, shards int) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	for i := range shards {
		part := lines[i*len(lines)/shards : (i+1)*len(lines)/shards]
		var schema parquet.Schema
		var content bytes.Buffer
		for _, line := range part {
			if err := schema.Add(line); err != nil {
				t.Fatal(err)
			}
		}
		w, err := parquet.NewWriter(&content, schema)
		for _, line := range part {
			if err == nil {
				err = w.Write(line)
			}
		}
		if err == nil {
			err = w.Close()
		}
		if err == nil {
			err = os.MkdirAll(folder, 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%05d-of-%05d.parquet", split, i, shards)), content.Bytes(), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDataOfDatasetFolders: a recipe's texts in the shards of a data set's folder are those of the JSON lines, in a run and in its
// folds; what is not whole is told of by the recipe's line.
func TestDataOfDatasetFolders(t *testing.T) {
	dir := filepath.Dir(tinyProject(t, tinyRecipe).File())
	inShards(t, filepath.Join(dir, "train.jsonl"), filepath.Join(dir, "hub", "data"), "train", 3)
	inShards(t, filepath.Join(dir, "dev.jsonl"), filepath.Join(dir, "hub", "data"), "validation", 1)
	inShards(t, filepath.Join(dir, "corpus.jsonl"), filepath.Join(dir, "passages"), "corpus", 2)
	want, err := readData(t.Context(), loadRecipe(t, dir, tinyRecipe), rundir.OS{})
	if err != nil {
		t.Fatal(err)
	}
	const named = "data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl"
	in := func(data string) string { return strings.Replace(tinyRecipe, named, "data: {"+data, 1) }
	folders := in("corpus: passages, train: hub/train, dev: hub/validation")
	got, err := readData(t.Context(), loadRecipe(t, dir, folders), rundir.OS{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.queries, got.queries, cmpopts.IgnoreFields(corpus.Query{}, "File")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.corpus.Passages, got.corpus.Passages); diff != "" {
		t.Error(diff)
	}
	for i, name := range []string{"passages", "hub/train", "hub/validation"} {
		if f := got.files[i]; f.Name != name || len(f.Digest) != 64 || f.Digest == want.files[i].Digest || f.Count != want.files[i].Count {
			t.Errorf("the manifest has %+v for %s", f, name)
		}
	}

	cut, err := CutFolds(t.Context(), loadRecipe(t, dir, folders+"folds: {count: 3}\n"), rundir.OS{})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for i := range cut.Cut.Dev {
		rows += len(cut.Cut.Dev[i])
	}
	if all := len(want.queries[rundir.Train]) + len(want.queries[rundir.Dev]); rows != all {
		t.Errorf("%d rows are held out, want %d", rows, all)
	}

	before := got.files[1].Digest
	shard := filepath.Join(dir, "hub", "data", "train-00001-of-00003.parquet")
	inShards(t, filepath.Join(dir, "dev.jsonl"), filepath.Join(dir, "other"), "train", 3)
	if err := os.Rename(filepath.Join(dir, "other", "train-00001-of-00003.parquet"), shard); err != nil {
		t.Fatal(err)
	}
	if changed, err := readData(t.Context(), loadRecipe(t, dir, in("allow_leakage: true, corpus: passages, train: hub/train, dev: hub/validation")), rundir.OS{}); err != nil || changed.files[1].Digest == before {
		t.Errorf("a shard has changed, and the digest has not: %v", err)
	}
	if err := os.Remove(shard); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ data, want string }{
		"a missing shard": {"corpus: passages, train: hub/train, dev: hub/validation", "recipe.yaml:4: data.train: " + filepath.Join(dir, "hub", "data") + ": 2 of 3 shards of train are there, and train-00001-of-00003 is not"},
		"no such split":   {"corpus: passages, train: hub/train, dev: hub/dev", "recipe.yaml:4: data.dev: open " + filepath.Join(dir, "hub", "dev") + ": file does not exist; the splits of "},
		"several splits":  {"corpus: passages, train: hub, dev: dev.jsonl", ": several splits (train, validation): name one, such as " + filepath.Join(dir, "hub", "train")},
	} {
		if _, err := readData(t.Context(), loadRecipe(t, dir, in(tc.data)), rundir.OS{}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}
