package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

const tinyRecipe = `version: 1
name: tiny
model: model
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl, group_field: group}
mine: {window: 1-8, negatives: 4, depth: 12}
finetune: {epochs: 2, batch: 8, group_size: 3, learning_rate: 2e-3, save_every: 3, block_tokens: 64}
eval: {metrics: [map@25, recall@5]}
select: {metric: map@25}
rounds:
  - {}
  - mine: {window: 0-6}
`

// tinyProject makes a folder with model, data and recipe, and loads the recipe.
func tinyProject(t testing.TB, text string) *recipe.Recipe {
	t.Helper()
	dir := t.TempDir()
	if err := tinymodel.Write(filepath.Join(dir, "model"), tinymodel.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := tinymodel.WriteData(dir); err != nil {
		t.Fatal(err)
	}
	return loadRecipe(t, dir, text)
}

func loadRecipe(t testing.TB, dir, text string) *recipe.Recipe {
	t.Helper()
	path := filepath.Join(dir, "recipe.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// runTiny runs a recipe on the tests' path and returns the notes. Nothing is synced to the disk unless the options
// bring a file system of their own: syncing was more than half of the time of a run.
func runTiny(t testing.TB, r *recipe.Recipe, o Options) (string, error) {
	t.Helper()
	var notes strings.Builder
	if o.Path == "" {
		o.Path = exactpath.Fastest
	}
	if o.Workers == 0 {
		o.Workers = tinyWorkers()
	}
	if o.FS == nil {
		o.FS = faultfs.New(filepath.Dir(r.File()), faultfs.Fault{})
	}
	o.Events.Note = func(line string) { notes.WriteString(line + "\n") }
	p, err := Open(context.Background(), r, o)
	if err != nil {
		return notes.String(), err
	}
	err = p.Run(context.Background())
	return notes.String(), errors.Join(err, p.Close())
}

// tinyPlan is MakePlan with rates measured as fast as they can be: nothing here depends on them.
func tinyPlan(t testing.TB, r *recipe.Recipe, o Options) (*Plan, error) {
	t.Helper()
	o.Calibration = 1
	return MakePlan(t.Context(), r, o)
}

// tinyWorkers is one: of a tiny network's workers a second mostly waits, and packages are tested side by side. The race
// detector, for which tests are short, has to see two.
func tinyWorkers() int {
	if testing.Short() {
		return 2
	}
	return 1
}

// files returns the digest of every reproducible file of a run directory.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	tree, err := rundir.DigestTree(context.Background(), rundir.OS{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	for _, f := range tree {
		if rundir.Layout(dir).Reproducible(f.Path) {
			digests[f.Path] = f.SHA256
		}
	}
	return digests
}

func sameFiles(t testing.TB, got, want map[string]string) {
	t.Helper()
	for path, digest := range want {
		if got[path] == "" {
			t.Errorf("%s is missing", path)
		} else if got[path] != digest {
			t.Errorf("%s differs", path)
		}
	}
	for path := range got {
		if want[path] == "" {
			t.Errorf("%s should not be there", path)
		}
	}
}

func TestRunTwiceSkipsEverything(t *testing.T) {
	r := tinyProject(t, tinyRecipe)
	notes, err := runTiny(t, r, Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	before := files(t, r.Dir())
	notes, err = runTiny(t, r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, said, _ := strings.Cut(notes, "\n")
	if want := "round 0: every stage done before, unchanged\nround 1: every stage done before, unchanged\ndone\n"; said != want {
		t.Errorf("the second run says\n%swant\n%s", said, want)
	}
	sameFiles(t, files(t, r.Dir()), before)
}

func TestPoolingIsNotGuessed(t *testing.T) {
	r := tinyProject(t, tinyRecipe)
	if err := os.RemoveAll(r.Model.File); err != nil {
		t.Fatal(err)
	}
	if err := tinymodel.Write(r.Model.File, tinymodel.Options{Plain: true}); err != nil {
		t.Fatal(err)
	}
	_, planned := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1})
	_, ran := runTiny(t, r, Options{})
	for what, err := range map[string]error{"plan": planned, "run": ran} {
		if err == nil || !strings.Contains(err.Error(), r.Model.File+": no modules.json") || !strings.Contains(err.Error(), "by the recipe's key pooling") {
			t.Errorf("%s: %v", what, err)
		}
	}
	given := loadRecipe(t, filepath.Dir(r.File()), "pooling: cls\n"+tinyRecipe)
	if _, err := tinyPlan(t, given, Options{Path: exactpath.Fastest, Workers: 1}); err != nil {
		t.Errorf("a given pooling: %v", err)
	}
}

// leastMemory is the least that a run of the recipe works in, as the error of one that has less says.
func leastMemory(t *testing.T, r *recipe.Recipe) int64 {
	t.Helper()
	_, err := runTiny(t, r, Options{Dir: filepath.Join(t.TempDir(), "run"), Memory: 1})
	var short *finetune.MemoryError
	if !errors.As(err, &short) || !errors.As(err, new(InputError)) {
		t.Fatalf("a run in one byte of memory: %v", err)
	}
	return short.Need.Least()
}

// TestMemoryAndWorkersChangeNoByte runs the same recipe kept whole in memory and with gradient caching on one worker.
func TestMemoryAndWorkersChangeNoByte(t *testing.T) {
	methods := []string{"full", "lora"}
	if testing.Short() {
		methods = methods[1:] // the race detector makes a run ten times as long
	}
	for _, method := range methods {
		t.Run(method, func(t *testing.T) {
			text := strings.Replace(tinyRecipe, "finetune: {", "finetune: {method: "+method+", ", 1)
			plenty := tinyProject(t, text)
			if _, err := runTiny(t, plenty, Options{Workers: 3}); err != nil {
				t.Fatal(err)
			}
			tight := loadRecipe(t, filepath.Dir(plenty.File()), text)
			dir := filepath.Join(t.TempDir(), "run")
			if _, err := runTiny(t, tight, Options{Dir: dir, Workers: 1, Memory: leastMemory(t, tight)}); err != nil {
				t.Fatal(err)
			}
			sameFiles(t, files(t, dir), files(t, plenty.Dir()))
		})
	}
}
