package convert

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/table"
)

// inShards writes the rows of a Parquet file, one after the other, as shards of a split in a folder.
func inShards(t *testing.T, file, folder, split string, shards int) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := table.NewReader(f, file, table.Parquet)
	if err != nil {
		t.Fatal(err)
	}
	var schema table.Schema
	var all []corpus.Object
	for {
		row, err := rows.NextObject()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var kept corpus.Object
		for _, field := range row {
			kept = append(kept, corpus.Field{Key: field.Key, Value: append([]byte(nil), field.Value...)})
		}
		all = append(all, kept)
		if err := schema.Write(kept); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < shards {
		t.Fatalf("%d rows for %d shards", len(all), shards)
	}
	sink := toFolder(folder)
	for i := range shards {
		err := sink(fmt.Sprintf("%s-%05d-of-%05d.parquet", split, i, shards), func(w io.Writer) error {
			to, err := table.NewWriter(w, table.Parquet, schema.Schema)
			if err != nil {
				return err
			}
			for _, row := range all[i*len(all)/shards : (i+1)*len(all)/shards] {
				if err := to.Write(row); err != nil {
					return err
				}
			}
			return to.Close()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDatasetFolder: rows in the shards of a data set's folder are those of the one file, though a query's lie in two of them.
func TestDatasetFolder(t *testing.T) {
	for _, f := range Formats() {
		if f.Folder() {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			set := setOf(scored)
			s, err := set.Look()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "rows.parquet")
			if err := f.Write(set, s, Options{Kind: table.Parquet}, toFolder(file)); err != nil {
				t.Fatal(err)
			}
			whole, err := f.Read(file, ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := read(t, whole)
			folder := t.TempDir()
			inShards(t, file, filepath.Join(folder, "data"), "train", 2)
			inShards(t, file, folder, "validation", 1)
			for path, o := range map[string]ReadOptions{folder: {Split: "train"}, filepath.Join(folder, "train"): {}, filepath.Join(folder, "data"): {}, filepath.Join(folder, "validation"): {}} {
				found, err := Detect(path, o)
				if err != nil || found.Name != f.Name {
					t.Errorf("%s is taken for %s: %v", path, found.Name, err)
				}
				set, err := f.Read(path, o)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, read(t, set)); diff != "" {
					t.Errorf("%s: %s", path, diff)
				}
			}
			if _, err := Detect(filepath.Join(folder, "dev"), ReadOptions{}); err == nil || !strings.Contains(err.Error(), "the splits of "+folder+" are train, validation") {
				t.Errorf("a split that is not there: %v", err)
			}
			if _, err := Detect(filepath.Join(folder, "none.jsonl"), ReadOptions{}); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a file that is not there: %v", err)
			}
			fails := func(want string, o ReadOptions) {
				t.Helper()
				if _, err := Detect(folder, o); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				if _, err := f.Read(folder, o); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
			}
			fails("several splits (train, validation): name one", ReadOptions{})
			fails(`no split "dev" (there is train, validation)`, ReadOptions{Split: "dev"})
			if err := os.Remove(filepath.Join(folder, "data", "train-00000-of-00002.parquet")); err != nil {
				t.Fatal(err)
			}
			fails("1 of 2 shards of train are there, and train-00000-of-00002 is not; download the rest", ReadOptions{Split: "train"})
		})
	}
}
