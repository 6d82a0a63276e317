package pipeline

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// foldsOf cuts a project's queries in three.
func foldsOf(t *testing.T, dir string) (*recipe.Recipe, *Folds, error) {
	t.Helper()
	r := loadRecipe(t, dir, tinyRecipe+"folds: {count: 3}\n")
	f, err := CutFolds(t.Context(), r, rundir.OS{})
	return r, f, err
}

// TestFoldsDoNotDependOnTheOrderOfFiles cuts the same queries with the rows of both files mixed.
func TestFoldsDoNotDependOnTheOrderOfFiles(t *testing.T) {
	dir := filepath.Dir(tinyProject(t, tinyRecipe).File())
	_, before, err := foldsOf(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(before.Dir); err == nil {
		t.Error("a cut writes")
	}
	swap(t, filepath.Join(dir, "train.jsonl"), filepath.Join(dir, "dev.jsonl"))
	_, after, err := foldsOf(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range before.files {
		if !bytes.Equal(sorted(file.content), sorted(after.files[i].content)) {
			t.Errorf("%s holds other rows", file.path)
		}
	}
}

// swap changes the contents of two files.
func swap(t *testing.T, a, b string) {
	t.Helper()
	first, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{a: second, b: first} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func sorted(content []byte) []byte {
	lines := bytes.Split(content, []byte("\n"))
	slices.SortFunc(lines, bytes.Compare)
	return bytes.Join(lines, []byte("\n"))
}

// TestFoldsUnwrittenAreThereToRead reads what a plan reads, and what is written afterwards: the same.
func TestFoldsUnwrittenAreThereToRead(t *testing.T) {
	r, f, err := foldsOf(t, filepath.Dir(tinyProject(t, tinyRecipe).File()))
	if err != nil {
		t.Fatal(err)
	}
	dev := f.Runs[0][2].Data.Dev.File
	read := func(fsys rundir.FS) string {
		t.Helper()
		in, err := fsys.Open(dev)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		info, err := fsys.Stat(dev)
		if err != nil || info.Size() != int64(len(content)) || info.Name() != "dev.jsonl" || info.IsDir() {
			t.Errorf("%v, %v", info, err)
		}
		return string(content)
	}
	planned := read(f.Unwritten(rundir.OS{}))
	if err := f.Write(rundir.OS{}); err != nil {
		t.Fatal(err)
	}
	if written := read(rundir.OS{}); written != planned || strings.Count(written, "\n") != len(f.Cut.Dev[2]) {
		t.Errorf("planned with\n%swritten\n%s", planned, written)
	}
	if want := filepath.Join(filepath.Dir(r.File()), "runs", "tiny.folds", "fold-2", "dev.jsonl"); dev != want {
		t.Errorf("dev of fold 2 is %s, want %s", dev, want)
	}
}

func TestFoldsRefuseAQueryTwice(t *testing.T) {
	dir := filepath.Dir(tinyProject(t, tinyRecipe).File())
	row := `{"id":"t0","query":"other digits","positive_ids":["p00"],"group":"z"}` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "dev.jsonl"), []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := foldsOf(t, dir); err == nil || !strings.Contains(err.Error(), "recipe.yaml:12: folds: dev.jsonl:1 has the key of train.jsonl:1: ") {
		t.Errorf("got %v", err)
	}
}

// TestFoldsRefuseWhatIsHeldOut before the first fold, of which only some would: test and the sets of data.also, against the rows of
// both files that are cut.
func TestFoldsRefuseWhatIsHeldOut(t *testing.T) {
	const allowed = "allow_leakage: true, "
	for _, tc := range []struct{ name, data, row, want string }{
		{"test has the id of a row of train", "test: held.jsonl, ", `{"id":"t4","query":"other digits","positive_ids":["p00"],"group":"z"}`,
			"recipe.yaml:4: folds: 1 test queries are known from training, of all folds but one; remove them, or set data.allow_leakage: true"},
		{"also has the text of a row of dev", "also: [{name: general, queries: held.jsonl}], ", `{"id":"x","query":"%dev","positive_ids":["p00"],"group":"z"}`,
			"recipe.yaml:4: folds: 1 also-general queries are known from training, of all folds but one;"},
		{"test has the group of a row of train", "test: held.jsonl, ", `{"id":"x","query":"other digits","positive_ids":["p00"],"group":"g4"}`,
			"1 test queries are known from training, of all folds but one;"},
		{"what is known is allowed", "test: held.jsonl, " + allowed, `{"id":"t4","query":"other digits","positive_ids":["p00"],"group":"z"}`, ""},
		{"nothing leaks", "test: held.jsonl, ", `{"id":"x","query":"other digits","positive_ids":["p00"],"group":"z"}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Dir(tinyProject(t, tinyRecipe).File())
			d, err := readData(t.Context(), loadRecipe(t, dir, tinyRecipe), rundir.OS{})
			if err != nil {
				t.Fatal(err)
			}
			row := strings.ReplaceAll(tc.row, "%dev", d.queries[rundir.Dev][2].Text) + "\n"
			if err := os.WriteFile(filepath.Join(dir, "held.jsonl"), []byte(row), 0o600); err != nil {
				t.Fatal(err)
			}
			r := loadRecipe(t, dir, strings.Replace(tinyRecipe, "data: {", "data: {"+tc.data, 1)+"folds: {count: 3}\n")
			_, err = CutFolds(t.Context(), r, rundir.OS{})
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
