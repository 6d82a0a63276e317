package rundir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

func TestOpenRefuses(t *testing.T) {
	made := rundir.OpenOptions{
		Create: true, Identity: "avx2 f32", Data: []rundir.Source{{Name: "data/corpus.jsonl", Digest: "1111"}},
	}
	for _, tc := range []struct {
		name    string
		arrange func(t *testing.T, path string)
		open    rundir.OpenOptions
		want    []string // parts of the message; none: it opens
	}{
		{"the same again", nil, made, nil},
		{"no claim at all", nil, rundir.OpenOptions{}, nil},
		{"another file under another name", nil, rundir.OpenOptions{Data: []rundir.Source{{Name: "data/other.jsonl", Digest: "2222"}}}, nil},
		{
			"other data under the same name", nil,
			rundir.OpenOptions{Data: []rundir.Source{{Name: "data/corpus.jsonl", Digest: "2222"}}},
			[]string{"made from other data", "data/corpus.jsonl has digest 2222 now and had 1111", "--dir"},
		},
		{
			"other data, only looking", nil,
			rundir.OpenOptions{ReadOnly: true, Data: []rundir.Source{{Name: "data/corpus.jsonl", Digest: "2222"}}},
			[]string{"made from other data", "put back the file that the run was made from"},
		},
		{"the same recipe", write("recipe.resolved.yaml", "version: 1\nname: eedi\n"), rundir.OpenOptions{Recipe: "eedi"}, nil},
		{"a recipe before any was followed", nil, rundir.OpenOptions{Recipe: "other"}, nil},
		{
			"another recipe", write("recipe.resolved.yaml", "version: 1\nname: eedi\n"),
			rundir.OpenOptions{Recipe: "other", Data: []rundir.Source{{Name: "data/other.jsonl", Digest: "2222"}}},
			[]string{`is of the recipe "eedi"`, `this one is called "other"`, "choose another directory with --dir", "write `name: eedi` in it"},
		},
		{
			"another recipe, only looking", write("recipe.resolved.yaml", "version: 1\nname: eedi\n"),
			rundir.OpenOptions{Recipe: "other", ReadOnly: true}, []string{`is of the recipe "eedi"`},
		},
		{"a resolved recipe that is none", write("recipe.resolved.yaml", "name: ["), rundir.OpenOptions{Recipe: "other"}, []string{"recipe.resolved.yaml: name: "}},
		{
			"another numeric identity", nil, rundir.OpenOptions{Identity: "avx512 f32"},
			[]string{`computed as "avx2 f32"`, `computes as "avx512 f32"`, "the same processor path and precision (precision: in the recipe)"},
		},
		{"another numeric identity, allowed", nil, rundir.OpenOptions{Identity: "avx512 f32", AllowIdentityChange: true}, nil},
		{
			"newer format", write("quarry.json", `{"format": 2, "novelty": true}`), made,
			[]string{"quarry.json: format 2 is newer than this quarry knows (1)", "update quarry"},
		},
		{"no format", write("quarry.json", `{}`), made, []string{"quarry.json: format 0"}},
		{"unknown key", write("quarry.json", `{"format": 1, "novelty": true}`), made, []string{"quarry.json", `"novelty"`}},
		{"truncated format file", write("quarry.json", `{"format": 1`), made, []string{"quarry.json: not the file of a run directory"}},
		{
			"files of something else", func(t *testing.T, path string) {
				remove(t, filepath.Join(path, "quarry.json"))
				write("thesis.tex", "")(t, path)
			}, made,
			[]string{"is not a run directory", "thesis.tex", "no quarry.json"},
		},
		{
			"files of something else, to make one", func(t *testing.T, path string) {
				remove(t, filepath.Join(path, "quarry.json"))
				write("thesis.tex", "")(t, path)
			}, rundir.OpenOptions{Create: true},
			[]string{"no quarry.json: choose a new or empty one"},
		},
		{
			"files of something else, to look at", func(t *testing.T, path string) {
				remove(t, filepath.Join(path, "quarry.json"))
				write("thesis.tex", "")(t, path)
			}, rundir.OpenOptions{ReadOnly: true},
			[]string{"no quarry.json: name that of a run, or its recipe"},
		},
		{
			"empty, and nothing to make", func(t *testing.T, path string) { remove(t, filepath.Join(path, "quarry.json")) },
			rundir.OpenOptions{ReadOnly: true},
			[]string{"is not a run directory: it has no quarry.json"},
		},
		{
			"missing", func(t *testing.T, path string) { remove(t, path) }, rundir.OpenOptions{},
			[]string{"does not exist", "run the recipe first"},
		},
		{
			"a file", func(t *testing.T, path string) {
				remove(t, path)
				if err := os.WriteFile(path, nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}, made,
			[]string{"is a file"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run")
			d := open(t, path, made)
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			if tc.arrange != nil {
				tc.arrange(t, path)
			}
			d, err := rundir.Open(path, tc.open)
			if len(tc.want) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatalf("no error, want %q", tc.want)
			}
			for _, part := range append(tc.want, path) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v\ndoes not say %q", err, part)
				}
			}
		})
	}
}

func TestDataOfEveryRecipeIsRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	for _, name := range []string{"b.jsonl", "a.jsonl"} {
		d := open(t, path, rundir.OpenOptions{Create: true, Data: []rundir.Source{{Name: name, Digest: "1"}}})
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := rundir.Open(path, rundir.OpenOptions{Data: []rundir.Source{{Name: "b.jsonl", Digest: "2"}}})
	if err == nil || !strings.Contains(err.Error(), "b.jsonl") {
		t.Errorf("got %v, want an error about b.jsonl", err)
	}
}

func TestSecondRunIsKeptOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	first := open(t, path, rundir.OpenOptions{Create: true})
	_, err := rundir.Open(path, rundir.OpenOptions{})
	if err == nil {
		t.Fatal("two runs opened one directory")
	}
	if !errors.Is(err, rundir.ErrInUse) {
		t.Errorf("%v is not ErrInUse", err)
	}
	host, _ := os.Hostname()
	for _, part := range []string{path, "in use by another quarry", "process ", host} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v\ndoes not say %q", err, part)
		}
	}
	if _, err := rundir.Open(path, rundir.OpenOptions{ReadOnly: true}); err != nil {
		t.Errorf("looking at a run under way: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path, rundir.OpenOptions{}).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRemovesWhatACrashLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	if err := open(t, path, rundir.OpenOptions{Create: true}).Close(); err != nil {
		t.Fatal(err)
	}
	write(".log.txt.tmp", "")(t, path)
	write("round-0/.merged.tmp/model.safetensors", "half")(t, path)
	write("round-0/epochs/epoch-1/.adapter.tmp", "half")(t, path)
	write("round-0/kept.tmp", "not ours")(t, path)
	if _, err := rundir.Open(path, rundir.OpenOptions{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, ".log.txt.tmp")); err != nil {
		t.Errorf("read only, yet cleaned: %v", err)
	}
	if err := open(t, path, rundir.OpenOptions{}).Close(); err != nil {
		t.Fatal(err)
	}
	var left []string
	err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if strings.HasSuffix(file, ".tmp") {
			left = append(left, filepath.Base(file))
		}
		return err
	})
	if err != nil || len(left) != 1 || left[0] != "kept.tmp" {
		t.Errorf("left: %q, %v; want kept.tmp alone", left, err)
	}
}

func TestUnwritableDirectory(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EACCES, syscall.EROFS} {
		t.Run(errno.Error(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run")
			faulty := faultfs.New(path, faultfs.Fault{At: 2, Err: errno}) // the first operation looks whether it exists
			_, err := rundir.Open(path, rundir.OpenOptions{FS: faulty, Create: true})
			if err == nil {
				t.Fatalf("no error; operations %v", faulty.Ops())
			}
			for _, part := range []string{path, "cannot be written", "choose another"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v\ndoes not say %q", err, part)
				}
			}
		})
	}
}

func open(t *testing.T, path string, o rundir.OpenOptions) *rundir.Dir {
	t.Helper()
	d, err := rundir.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// write arranges a file below the run directory.
func write(name, content string) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		t.Helper()
		file := filepath.Join(path, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
