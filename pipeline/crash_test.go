package pipeline

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

// everyOperation makes the crash test stop the run at every file operation instead of at a few of each kind.
var everyOperation = flag.Bool("every-operation", false, "crash at every file operation of a tiny run")

// crashRecipe is the least run that has every stage, a save in mid-epoch and a second round.
const crashRecipe = `version: 1
name: tiny
model: model
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl}
mine: {window: 1-8, negatives: 3, depth: 12}
finetune: {method: %s, epochs: 1, batch: 12, group_size: 2, learning_rate: 2e-3, save_every: 2, block_tokens: 64}
eval: {metrics: [map@25]}
select: {metric: map@25}
`

// crashPoints picks operations: the first, the last and one between of every kind.
func crashPoints(ops []faultfs.Op) []int {
	if *everyOperation {
		points := make([]int, len(ops))
		for i := range points {
			points[i] = i + 1
		}
		return points
	}
	byKind := map[faultfs.Kind][]int{}
	for i, op := range ops {
		byKind[op.Kind] = append(byKind[op.Kind], i+1)
	}
	var points []int
	for _, at := range byKind {
		points = append(points, at[0], at[len(at)/2], at[len(at)-1])
	}
	slices.Sort(points)
	points = slices.Compact(points)
	if testing.Short() {
		// Under the race detector a tiny run takes ten times as long.
		points = []int{points[len(points)/3], points[len(points)/2], points[len(points)-3]}
	}
	return points
}

// TestKilledAtAnyOperationEndsWithTheSameBytes crashes a run at file operations, loses what was not synced, and runs again.
func TestKilledAtAnyOperationEndsWithTheSameBytes(t *testing.T) {
	for _, method := range []string{recipe.Full, recipe.LoRA} {
		t.Run(method, func(t *testing.T) {
			r := tinyProject(t, fmt.Sprintf(crashRecipe, method))
			calm := faultfs.New(filepath.Dir(r.File()), faultfs.Fault{})
			if _, err := runTiny(t, r, Options{FS: calm}); err != nil {
				t.Fatal(err)
			}
			want := files(t, r.Dir())
			points := crashPoints(calm.Ops())
			if method == recipe.LoRA && !*everyOperation {
				// The file work of both methods is the same but for the merge.
				points = points[len(points)-min(3, len(points)):]
			}
			for _, at := range points {
				t.Run(fmt.Sprintf("operation %d", at), func(t *testing.T) {
					// The run directory lies in a folder of its own; data and model are read where they are.
					root := t.TempDir()
					dir := filepath.Join(root, "run")
					fsys := faultfs.New(root, faultfs.Fault{At: at, Crash: true})
					if _, err := runTiny(t, r, Options{FS: fsys, Dir: dir}); fsys.Crashed() && !errors.Is(err, faultfs.ErrCrashed) {
						t.Fatalf("a crash must end the run with its error, not %v", err)
					}
					if err := fsys.Settle(faultfs.LoseUnsynced); err != nil {
						t.Fatal(err)
					}
					if notes, err := runTiny(t, r, Options{Dir: dir}); err != nil {
						t.Fatalf("the second run: %v\n%s", err, notes)
					}
					sameFiles(t, files(t, dir), want)
				})
			}
		})
	}
}

// TestKilledBetweenTheLastStepOfAnEpochAndItsCheckpoint saves the state at every step: none may be behind a checkpoint
// that is not there yet.
func TestKilledBetweenTheLastStepOfAnEpochAndItsCheckpoint(t *testing.T) {
	r := tinyProject(t, strings.Replace(fmt.Sprintf(crashRecipe, recipe.Full), "save_every: 2", "save_every: 1", 1))
	calm := faultfs.New(filepath.Dir(r.File()), faultfs.Fault{})
	if _, err := runTiny(t, r, Options{FS: calm}); err != nil {
		t.Fatal(err)
	}
	at := 1 + slices.IndexFunc(calm.Ops(), func(op faultfs.Op) bool { return strings.Contains(op.Path, "epochs/.epoch-1") })
	if at == 0 {
		t.Fatal("the run wrote no first epoch")
	}
	root := t.TempDir()
	dir := filepath.Join(root, "run")
	fsys := faultfs.New(root, faultfs.Fault{At: at, Crash: true})
	if _, err := runTiny(t, r, Options{FS: fsys, Dir: dir}); !errors.Is(err, faultfs.ErrCrashed) {
		t.Fatal(err)
	}
	if err := fsys.Settle(faultfs.LoseUnsynced); err != nil {
		t.Fatal(err)
	}
	if notes, err := runTiny(t, r, Options{Dir: dir}); err != nil {
		t.Fatalf("the second run: %v\n%s", err, notes)
	}
	sameFiles(t, files(t, dir), files(t, r.Dir()))
}

// TestALostOrDamagedCheckpointIsTrainedAgain harms what a finished training left.
func TestALostOrDamagedCheckpointIsTrainedAgain(t *testing.T) {
	for _, tc := range []struct {
		name string
		harm func(path string) error
	}{
		{"lost", os.RemoveAll},
		{"damaged", func(path string) error {
			return os.WriteFile(filepath.Join(path, "model.safetensors"), []byte("rubbish"), 0o600)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tinyProject(t, fmt.Sprintf(crashRecipe, recipe.Full))
			mustRun(t, r)
			want := files(t, r.Dir())
			if err := tc.harm(rundir.Layout(r.Dir()).Round(0).Epoch(1)); err != nil {
				t.Fatal(err)
			}
			mustRun(t, r)
			sameFiles(t, files(t, r.Dir()), want)
		})
	}
}

// TestADamagedCheckpointWithoutItsStageStampIsTrainedAgain harms a checkpoint and takes away what would tell of a finished
// training: the state at the last step must not pass the checkpoint off as good.
func TestADamagedCheckpointWithoutItsStageStampIsTrainedAgain(t *testing.T) {
	for _, tc := range []struct {
		name string
		harm func(path string) error
	}{
		{"stamp lost", os.RemoveAll},
		{"stamp unreadable", func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tinyProject(t, fmt.Sprintf(crashRecipe, recipe.Full))
			mustRun(t, r)
			want := files(t, r.Dir())
			l := rundir.Layout(r.Dir())
			if err := tc.harm(l.Stamp(0, StageFinetune)); err != nil {
				t.Fatal(err)
			}
			if notes := mustRun(t, r); !strings.Contains(notes, "going on after step 3 of 3") {
				t.Errorf("whole checkpoints were not kept:\n%s", notes)
			}
			sameFiles(t, files(t, r.Dir()), want)
			if err := tc.harm(l.Stamp(0, StageFinetune)); err != nil {
				t.Fatal(err)
			}
			weights := filepath.Join(l.Round(0).Epoch(1), "model.safetensors")
			raw, err := os.ReadFile(weights)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)-1] ^= 1
			if err := os.WriteFile(weights, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if notes := mustRun(t, r); !strings.Contains(notes, "the checkpoint of epoch 1 is not as it was left (output round-0/epochs/epoch-1/model.safetensors changed): training anew") {
				t.Errorf("a damaged checkpoint was kept:\n%s", notes)
			}
			sameFiles(t, files(t, r.Dir()), want)
		})
	}
}

// TestFullDiskIsAnErrorAndLosesNothing fills the disk at writes and runs again with room.
func TestFullDiskIsAnErrorAndLosesNothing(t *testing.T) {
	r := tinyProject(t, fmt.Sprintf(crashRecipe, recipe.Full))
	calm := faultfs.New(filepath.Dir(r.File()), faultfs.Fault{})
	if _, err := runTiny(t, r, Options{FS: calm}); err != nil {
		t.Fatal(err)
	}
	want := files(t, r.Dir())
	var writes []int
	for i, op := range calm.Ops() {
		if op.Kind == faultfs.Write && !strings.HasSuffix(op.Path, "log.txt") && !strings.HasSuffix(op.Path, "times.jsonl") {
			writes = append(writes, i+1)
		}
	}
	for _, at := range []int{writes[0], writes[len(writes)/2], writes[len(writes)-1]} {
		t.Run(fmt.Sprintf("operation %d", at), func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, "run")
			fsys := faultfs.New(root, faultfs.Fault{At: at, Sticky: true})
			_, err := runTiny(t, r, Options{FS: fsys, Dir: dir})
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("want the disk's error, got %v", err)
			}
			if notes, err := runTiny(t, r, Options{Dir: dir}); err != nil {
				t.Fatalf("the second run: %v\n%s", err, notes)
			}
			sameFiles(t, files(t, dir), want)
		})
	}
}

func TestOtherDataOrIdentityOrASecondRunIsRefused(t *testing.T) {
	r := tinyProject(t, fmt.Sprintf(crashRecipe, recipe.Full))
	if _, err := runTiny(t, r, Options{}); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(r.File())
	t.Run("other identity", func(t *testing.T) {
		paths := kernel.Available()
		if len(paths) < 2 {
			t.Skip("one path only: this machine has no second numeric identity")
		}
		_, err := runTiny(t, r, Options{Path: paths[0]})
		if err == nil || !strings.Contains(err.Error(), "identity") {
			t.Errorf("want an error about the numeric identity, got %v", err)
		}
	})
	t.Run("two runs at once", func(t *testing.T) {
		first, err := Open(t.Context(), r, Options{Path: kernel.Portable})
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		if _, err := runTiny(t, r, Options{}); err == nil || !strings.Contains(err.Error(), r.Dir()) {
			t.Errorf("want an error that names the locked directory, got %v", err)
		}
	})
	t.Run("other data", func(t *testing.T) {
		path := filepath.Join(dir, "dev.jsonl")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(raw), "\n")
		if err := os.WriteFile(path, []byte(strings.Join(lines[:5], "")), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := runTiny(t, r, Options{}); err == nil || !strings.Contains(err.Error(), "dev.jsonl") {
			t.Errorf("want an error that names dev.jsonl, got %v", err)
		}
	})
}
