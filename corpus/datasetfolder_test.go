package corpus

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder writes files with their contents and returns where they are.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// empty are files whose names alone count.
func empty(names ...string) map[string]string {
	files := map[string]string{}
	for _, name := range names {
		files[name] = ""
	}
	return files
}

func TestFindRows(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files []string
		path  string // below the folder
		split string
		want  string // files below the folder, or an error
	}{
		{"in data", []string{"README.md", "data/train-00002-of-00003.parquet", "data/train-00000-of-00003.parquet", "data/train-00001-of-00003.parquet"}, "", "",
			"data/train-00000-of-00003.parquet data/train-00001-of-00003.parquet data/train-00002-of-00003.parquet"},
		{"at the top", []string{"train-00000-of-00001.parquet"}, "", "", "train-00000-of-00001.parquet"},
		{"a split of another name", []string{"default/sft-00000-of-00002.parquet", "default/sft-00001-of-00002.parquet"}, "", "", "default/sft-00000-of-00002.parquet default/sft-00001-of-00002.parquet"},
		{"old names", []string{"data/train-00000-of-00002-0123456789abcdef.parquet", "data/train-00001-of-00002-fedcba9876543210.parquet"}, "", "",
			"data/train-00000-of-00002-0123456789abcdef.parquet data/train-00001-of-00002-fedcba9876543210.parquet"},
		{"the folder of the files", []string{"data/train-00000-of-00001.parquet"}, "data", "", "data/train-00000-of-00001.parquet"},
		{"one file", []string{"data/train.parquet"}, "", "", "data/train.parquet"},
		{"one of several, behind the folder", []string{"data/train-00000-of-00001.parquet", "test.parquet"}, "test", "", "test.parquet"},
		{"one of several, by itself", []string{"data/train-00000-of-00001.parquet", "test.parquet"}, "", "train", "data/train-00000-of-00001.parquet"},
		{"another one is not whole", []string{"data/train-00000-of-00001.parquet", "data/test-00000-of-00002.parquet"}, "train", "", "data/train-00000-of-00001.parquet"},
		{"a file of that very name", []string{"train", "train.parquet"}, "train", "", "train"},
		{"nothing", []string{"x.jsonl"}, "y.jsonl", "", "y.jsonl"},
		{"a file's name beside Parquet files", []string{"train.parquet"}, "train.jsonl", "", "train.jsonl"},

		{"several", []string{"data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"}, "", "", "several splits (test, train): name one, such as "},
		{"no such split", []string{"data/train-00000-of-00001.parquet"}, "", "dev", `no split "dev" (there is train)`},
		{"a split of a file", []string{"x.jsonl"}, "x.jsonl", "train", `x.jsonl: a file has no splits: leave the split "train" out, or name the folder of a data set that has it`},
		{"no such split behind the folder", []string{"data/train-00000-of-00001.parquet"}, "dev", "", "dev: file does not exist; the splits of "},
		{"the last missing", []string{"train-00000-of-00003.parquet", "train-00001-of-00003.parquet"}, "", "", "2 of 3 shards of train are there, and train-00002-of-00003 is not; download the rest"},
		{"one missing", []string{"train-00000-of-00003.parquet", "train-00002-of-00003.parquet"}, "train", "", "2 of 3 shards of train are there, and train-00001-of-00003 is not; download the rest"},
		{"two totals", []string{"train-00000-of-00002.parquet", "train-00000-of-00003.parquet", "train-00001-of-00002.parquet"}, "", "",
			"train-00000-of-00002.parquet and train-00000-of-00003.parquet both hold train, in another number of files; remove those of one"},
		{"one file beside shards", []string{"train.parquet", "train-00000-of-00001.parquet"}, "", "", "both hold train, in another number of files"},
		{"a shard twice", []string{"train-00000-of-00001-0123456789abcdef.parquet", "train-00000-of-00001.parquet"}, "", "", "are the same shard of train; remove one"},
		{"beyond the last", []string{"train-00000-of-00001.parquet", "train-00001-of-00001.parquet"}, "", "", "train-00001-of-00001.parquet: there is no such shard: they count from 0"},
		{"in two places", []string{"train-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"}, "", "", "train-00000-of-00001.parquet and data/train-00000-of-00001.parquet both hold the split train; remove one"},
		{"configurations", []string{"pair/train-00000-of-00001.parquet", "triplet/train-00000-of-00001.parquet"}, "", "", "the Parquet files are in folders of their own (pair, triplet): name one, such as "},
		{"saved to disk", []string{"data-00000-of-00001.arrow", "state.json"}, "", "", "are not read: write the data set with to_parquet"},
		{"no Parquet", []string{"x.jsonl"}, "", "", "is a directory: name a file, or a data set's folder"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := folder(t, empty(tc.files...))
			found, err := FindRows(Disk{}, filepath.Join(dir, tc.path), tc.split)
			if err != nil {
				if !strings.Contains(filepath.ToSlash(err.Error()), tc.want) {
					t.Errorf("got %v, want %s", err, tc.want)
				}
				return
			}
			for i := range found {
				found[i] = relative(dir, found[i])
			}
			if got := strings.Join(found, " "); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
	if _, err := FindRows(Disk{}, filepath.Join(folder(t, empty("train.parquet")), "dev"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a split that is not there is no missing file: %v", err)
	}
}

// TestOpenRows: shards are read as one table, each opened in its turn and closed behind; errors name the shard and the row in it.
func TestOpenRows(t *testing.T) {
	part := func(rows ...string) string {
		content, err := io.ReadAll(parquetOf(t, rows...))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	files := map[string]string{
		"data/train-00000-of-00003.parquet": part(`{"query":"a","pos":["x"]}`, `{"query":"b","pos":["y"]}`),
		"data/train-00001-of-00003.parquet": part(`{"query":"c","pos":["x","y"]}`),
		"data/train-00002-of-00003.parquet": part(`{"query":"d","pos":["x"]}`, `{"query":" ","pos":["x"]}`),
	}
	dir := folder(t, files)
	c, err := New([]Passage{{Text: "x"}, {Text: "y"}})
	if err != nil {
		t.Fatal(err)
	}
	disk := &counted{}
	open := func() io.ReadCloser {
		t.Helper()
		r, err := OpenRows(disk, dir, "")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := open()
	if disk.opened != 0 {
		t.Errorf("%d files are opened before any is read", disk.opened)
	}
	_, _, err = ReadQueries(r, dir, c, ReadOptions{})
	if want := filepath.Join("data", "train-00002-of-00003.parquet") + ":2: empty query"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := r.Close(); err != nil || disk.opened != 3 || disk.closed != 3 || disk.most != 1 {
		t.Errorf("%v: %d files opened, %d closed, %d at once", err, disk.opened, disk.closed, disk.most)
	}

	if err := os.WriteFile(filepath.Join(dir, "data", "train-00002-of-00003.parquet"), []byte(part(`{"query":"d","pos":["x"]}`)), 0o600); err != nil {
		t.Fatal(err)
	}
	r = open()
	queries, _, err := ReadQueries(r, dir, c, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, q := range queries {
		got = append(got, fmt.Sprintf("%s %d", q.Text, q.Line))
	}
	if diff := cmp.Diff([]string{"a 1", "b 2", "c 3", "d 4"}, got); diff != "" {
		t.Error(diff)
	}
	if err := r.Close(); err != nil || disk.opened != disk.closed {
		t.Errorf("%v: %d files opened, %d closed", err, disk.opened, disk.closed)
	}

	r = open()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		t.Fatal(err)
	}
	want := sha256.New()
	for i := range 3 {
		content, err := os.ReadFile(filepath.Join(dir, "data", fmt.Sprintf("train-%05d-of-00003.parquet", i)))
		if err != nil {
			t.Fatal(err)
		}
		want.Write(content)
	}
	if string(sum.Sum(nil)) != string(want.Sum(nil)) {
		t.Error("the bytes are not those of the shards in their order")
	}
}

// counted is the machine's file system, and how many files are open.
type counted struct {
	Disk
	opened, closed, most int
}

func (c *counted) Open(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	c.opened++
	c.most = max(c.most, c.opened-c.closed)
	return countedFile{f, c}, err
}

type countedFile struct {
	*os.File
	by *counted
}

func (f countedFile) Close() error {
	f.by.closed++
	return f.File.Close()
}
