package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

// TestSearchGoesOn: a run that is stopped while it searches goes on behind the queries that it has kept, by one source or by several,
// ends with the bytes of one that nothing stopped, and makes again what cannot be read.
func TestSearchGoesOn(t *testing.T) {
	plain := tinyProject(t, tinyRecipe)
	several, _ := sourcesProject(t, allSources)
	for _, tc := range []struct {
		name   string
		recipe *recipe.Recipe
		stop   func(t *testing.T, r *recipe.Recipe, dir string)
		notes  []string // when it goes on
	}{
		{"one source, interrupted in dev", plain, interruptDev, []string{"round 0: search train: goes on behind the first 30 of 30 queries, which are searched for already\n", "round 0: search dev: goes on behind the first 10 of 10 queries"}},
		{"one source, killed in train", plain, killInTrain, []string{"round 0: search train: goes on behind the first 16 of 30 queries, which are searched for already\n"}},
		{"several sources, interrupted in dev", several, interruptDev, []string{"round 0: search train: goes on behind the first 30 of 30 queries, which are searched for already\n"}},
		{"several sources, killed in train", several, killInTrain, []string{"round 0: search train: goes on behind the first 16 of 30 queries, which are searched for already\n"}},
		{"damaged", plain, func(t *testing.T, r *recipe.Recipe, dir string) {
			interruptDev(t, r, dir)
			path := filepath.Join(dir, "round-0", "candidates", "train.cand.partial")
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)/2] ^= 1
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
		}, []string{"round 0: search: begins anew: ", "train.cand.partial: record "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			straight := filepath.Join(t.TempDir(), "run")
			if notes, err := runTiny(t, tc.recipe, Options{Dir: straight, Until: StageMine}); err != nil {
				t.Fatalf("%v\n%s", err, notes)
			}
			dir := filepath.Join(t.TempDir(), "run")
			tc.stop(t, tc.recipe, dir)
			notes, err := runTiny(t, tc.recipe, Options{Dir: dir, Until: StageMine})
			if err != nil {
				t.Fatalf("%v\n%s", err, notes)
			}
			for _, want := range tc.notes {
				if !strings.Contains(notes, want) {
					t.Errorf("no %q in\n%s", want, notes)
				}
			}
			sameFiles(t, files(t, dir), files(t, straight))
		})
	}
}

// interruptDev stops a run when it begins to search for dev.
func interruptDev(t *testing.T, r *recipe.Recipe, dir string) {
	t.Helper()
	interrupt(t, r, dir, "search dev")
}

// killInTrain cuts a run's power behind the first mark of train's candidates.
func killInTrain(t *testing.T, r *recipe.Recipe, dir string) {
	t.Helper()
	o := crashOptions(Options{Dir: dir, Until: StageMine})
	count := faultfs.New(dir, faultfs.Fault{})
	o.FS = count
	if notes, err := runTiny(t, r, o); err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	marked := false
	at := slices.IndexFunc(count.Ops(), func(op faultfs.Op) bool {
		marked = marked || op.Kind == faultfs.Rename && strings.Contains(op.Path, "train.cand.partial.json")
		return marked && op.Kind == faultfs.Write && strings.HasSuffix(op.Path, "train.cand.partial")
	})
	if at < 0 {
		t.Fatal("nothing was marked")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	faulty := faultfs.New(dir, faultfs.Fault{At: at + 1, Crash: true})
	o.FS = faulty
	if _, err := runTiny(t, r, o); !errors.Is(err, faultfs.ErrCrashed) {
		t.Fatalf("got %v, want a crash", err)
	}
	if err := faulty.Settle(faultfs.TearUnsynced); err != nil {
		t.Fatal(err)
	}
}
