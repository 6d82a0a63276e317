package pipeline

import (
	"cmp"
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
	if err := errors.Join(err, p.Close()); err != nil {
		return notes.String(), err
	}
	if o.Until == "" {
		wholeChain(t, cmp.Or(o.Dir, r.Dir()), len(r.Rounds))
	}
	return notes.String(), nil
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

// wholeChain checks, of every run that a test ends, that the manifests of a finished run trace its last result to what the user gave: every input of every stage has the
// digest of a source or of what an earlier stage left, and every round that mines with a result, or trains from it, does so
// with the one before. It returns the manifests.
func wholeChain(t testing.TB, dir string, rounds int) []*rundir.Manifest {
	t.Helper()
	var all []*rundir.Manifest
	var made []string // digests of what earlier rounds left
	for i := range rounds {
		d, err := rundir.Open(dir, rundir.OpenOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		m, err := d.ReadManifest(i)
		if err := errors.Join(err, d.Close()); err != nil {
			t.Fatal(err)
		}
		for _, gap := range m.Gaps(made...) {
			t.Errorf("round %d: %s", i, gap)
		}
		for role, model := range map[string]rundir.ManifestModel{"miner": m.Miner, "base": m.Base} {
			if strings.HasPrefix(model.Name, "round-") && (i == 0 || model != all[i-1].Result) {
				t.Errorf("round %d: the %s is %+v, and no result of the round before", i, role, model)
			}
		}
		for _, s := range m.Stages {
			for _, o := range s.Outputs {
				made = append(made, o.SHA256)
			}
		}
		all = append(all, m)
	}
	return all
}

func TestRunTwiceSkipsEverything(t *testing.T) {
	r := tinyProject(t, tinyRecipe)
	notes, err := runTiny(t, r, Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	before := files(t, r.Dir())
	chain := wholeChain(t, r.Dir(), len(r.Rounds))
	if one, two := chain[0], chain[1]; two.Miner != one.Result || two.Base != one.Base || one.Miner != one.Base {
		t.Errorf("round 1 mines with %+v and trains from %+v; round 0 made %+v from %+v", two.Miner, two.Base, one.Result, one.Base)
	}
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
