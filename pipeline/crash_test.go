package pipeline

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

// everyOperation makes the crash tests run again from what a crash before every operation that changes the disk would leave,
// and stop a run in earnest at every operation of any kind (TestKilledAtAnyOperation), or at those of -stops. CI gives both.
var everyOperation = flag.Bool("every-operation", false, "crash a tiny run at every file operation")

// stops keeps the real stops, of which each is a run and a half, to a part of the operations: CI takes another with every
// commit.
var stops = flag.String("stops", "0/1", "with -every-operation, stop a run at those operations alone whose number leaves I when divided by N, as `I/N`")

// crashRecipe is the least run that has every stage and a save in mid-epoch.
const crashRecipe = `version: 1
name: tiny
model: model
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl}
mine: {window: 1-8, negatives: 3, depth: 12}
finetune: {method: %s, epochs: 1, batch: 12, group_size: 2, learning_rate: 2e-3, save_every: 2, block_tokens: 64}
eval: {metrics: [map@25]}
select: {metric: map@25}
`

// crashRounds make two rounds of it: the second goes on from the first one's model.
const crashRounds = `rounds:
  - {}
  - {mine: {window: 0-6}, train_from: merged}
`

// crashMethods are the ways to train, by name: what stands behind the recipe's method.
var crashMethods = map[string]string{
	recipe.Full: recipe.Full,
	recipe.LoRA: recipe.LoRA,
	"external":  recipe.Full + `, external: {command: 'cp -r "$QUARRY_BASE" "$QUARRY_OUTPUT/epoch-1"'}`,
}

// crashProject makes a project of two rounds, a test split and a set that shows what is forgotten, which runs in a fraction of a second.
func crashProject(t *testing.T, method string) *recipe.Recipe {
	t.Helper()
	dir := t.TempDir()
	if err := tinymodel.Write(filepath.Join(dir, "model"), tinymodel.Options{Layers: 1, Hidden: 8, Heads: 2, Intermediate: 8}); err != nil {
		t.Fatal(err)
	}
	if err := tinymodel.WriteData(dir); err != nil {
		t.Fatal(err)
	}
	writeTestSplit(t, dir)
	writeGeneral(t, dir)
	text := strings.Replace(fmt.Sprintf(crashRecipe, crashMethods[method]), "dev: dev.jsonl", "dev: dev.jsonl, test: test.jsonl, also: [{name: general, queries: general.jsonl, corpus: passages.jsonl}]", 1)
	return loadRecipe(t, dir, text+crashRounds)
}

// writeTestSplit writes test.jsonl: dev.jsonl under other keys and groups.
func writeTestSplit(t *testing.T, dir string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "dev.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(`"d`, `"e`, `"h`, `"i`, `"query":"`, `"query":"query `).Replace(string(raw))
	if err := os.WriteFile(filepath.Join(dir, "test.jsonl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// crashOptions are what a crash test's runs have in common: one worker each, as points are tried side by side, marks wherever
// there may be one, and what an outside trainer needs.
func crashOptions(o Options) Options {
	o.Workers, o.MarkEvery, o.SpanQueries = 1, 1, 16
	o.Environment = []string{"PATH=" + os.Getenv("PATH")}
	return o
}

// crashPoints picks operations, counted from 1: of each kind the ones a quarter from its ends, which fall into both rounds,
// and with -every-operation those of -stops.
func crashPoints(t *testing.T, ops []faultfs.Op) []int {
	points := faultfs.Quarters(ops, func(faultfs.Op) bool { return true })
	if *everyOperation {
		part, err := faultfs.Part(*stops, ops)
		if err != nil {
			t.Fatalf("-stops %v", err)
		}
		points = append(points, part...)
		t.Logf("of %d operations, those of part %s", len(ops), *stops)
	}
	slices.Sort(points)
	points = slices.Compact(points)
	if testing.Short() {
		// Under the race detector a tiny run takes ten times as long.
		points = []int{points[len(points)/3], points[len(points)/2], points[len(points)-3]}
	}
	return points
}

// ofTraining says whether an operation changes the disk in the checkpoints or the merge of the first round, which is where a
// method has file work of its own.
func ofTraining(op faultfs.Op) bool {
	return op.Changing() && slices.ContainsFunc(
		[]string{"round-0/epochs", "round-0/external", "round-0/merge", "round-0/training-state"},
		func(part string) bool { return strings.Contains(op.Path, part) })
}

// TestKilledAtAnyOperationEndsWithTheSameBytes crashes a run at file operations, loses what was not synced, and runs again: at
// two of each kind, and with -every-operation at all, or those of -stops.
func TestKilledAtAnyOperationEndsWithTheSameBytes(t *testing.T) {
	r := crashProject(t, recipe.Full)
	root := t.TempDir()
	calm := faultfs.New(root, faultfs.Fault{})
	if notes, err := runTiny(t, r, crashOptions(Options{FS: calm, Dir: filepath.Join(root, "run")})); err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	want := files(t, filepath.Join(root, "run"))
	for _, at := range crashPoints(t, calm.Ops()) {
		t.Run(fmt.Sprintf("operation %d", at), func(t *testing.T) {
			t.Parallel()
			// The run directory lies in a folder of its own; data and model are read where they are.
			root := t.TempDir()
			dir := filepath.Join(root, "run")
			fsys := faultfs.New(root, faultfs.Fault{At: at, Crash: true})
			if _, err := runTiny(t, r, crashOptions(Options{FS: fsys, Dir: dir})); !fsys.Crashed() || !errors.Is(err, faultfs.ErrCrashed) {
				t.Fatalf("a crash must end the run with its error, not %v", err)
			}
			if err := fsys.Settle(faultfs.LoseUnsynced); err != nil {
				t.Fatal(err)
			}
			if notes, err := runTiny(t, r, crashOptions(Options{Dir: dir})); err != nil {
				t.Fatalf("the second run: %v\n%s", err, notes)
			}
			sameFiles(t, files(t, dir), want)
		})
	}
}

// TestKilledAnywhereEndsWithTheSameBytes looks, before every operation of an undisturbed run that changes the disk, at what a
// power cut there would leave, and at every eighth also at what a kill and the nastiest cut would; a new run goes on from each
// such state. Most operations leave after a power cut what the one before left, so that all of them take few runs.
func TestKilledAnywhereEndsWithTheSameBytes(t *testing.T) {
	for _, method := range []string{recipe.Full, recipe.LoRA, "external"} {
		t.Run(method, func(t *testing.T) {
			r := crashProject(t, method)
			root := t.TempDir()
			calm := faultfs.New(root, faultfs.Fault{})
			which := faultfs.Op.Changing
			if method != recipe.Full { // other file work is that of full fine-tuning
				which = ofTraining
			}
			found := watch(calm, which)
			if notes, err := runTiny(t, r, crashOptions(Options{FS: calm, Dir: filepath.Join(root, "run")})); err != nil {
				t.Fatalf("%v\n%s", err, notes)
			}
			want := files(t, filepath.Join(root, "run"))
			every := 1
			if !*everyOperation {
				every = len(found.left) / 2
			}
			found.goOn(t, r, every, want)
		})
	}
}

// leftovers are what crashes of one run would leave, each named by its loss and the first operation that leaves it.
type leftovers struct {
	names []string
	left  []faultfs.Left
}

// goOn runs a recipe from each of so many states to the files of an undisturbed run.
func (l *leftovers) goOn(t *testing.T, r *recipe.Recipe, every int, want map[string]string) {
	for i := every / 2; i < len(l.left); i += every {
		t.Run(l.names[i], func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if err := l.left[i].Write(root); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(root, "run")
			if notes, err := runTiny(t, r, crashOptions(Options{Dir: dir})); err != nil {
				t.Fatalf("%v\n%s", err, notes)
			}
			sameFiles(t, files(t, dir), want)
		})
	}
}

// watch gathers the states that crashes of a run on fsys would leave at the operations asked for, each once.
func watch(fsys *faultfs.FS, which func(faultfs.Op) bool) *leftovers {
	found, seen, looks := &leftovers{}, map[[sha256.Size]byte]bool{}, 0
	keep := func(name string, state faultfs.Left) {
		digest := sha256.New()
		for _, path := range slices.Sorted(maps.Keys(state)) {
			fmt.Fprintf(digest, "%q %d\n%s", path, len(state[path]), state[path])
		}
		if sum := [sha256.Size]byte(digest.Sum(nil)); !seen[sum] {
			seen[sum] = true
			found.names = append(found.names, name)
			found.left = append(found.left, state)
		}
	}
	fsys.Watch(func(number int, op faultfs.Op, left func(faultfs.Loss) faultfs.Left) {
		if !which(op) {
			return
		}
		keep(fmt.Sprintf("operation %d, unsynced lost", number), left(faultfs.LoseUnsynced))
		if looks++; looks%8 == 0 {
			keep(fmt.Sprintf("operation %d, killed", number), left(faultfs.LoseNothing))
			keep(fmt.Sprintf("operation %d, unsynced torn", number), left(faultfs.TearUnsynced))
		}
	})
	return found
}

// killedWhile crashes a run up to mine at operations that change files whose paths hold one of some words, loses what was not
// synced or half of it, and runs again to the files of an undisturbed one: at about so many operations, which lose the one or the
// other in turn, and with -every-operation at all, which lose each.
func killedWhile(t *testing.T, r *recipe.Recipe, points int, words ...string) {
	t.Helper()
	run := func(fsys rundir.FS, dir string) (string, error) {
		return runTiny(t, r, crashOptions(Options{FS: fsys, Dir: dir, Until: StageMine}))
	}
	root := t.TempDir()
	calm := faultfs.New(root, faultfs.Fault{})
	if notes, err := run(calm, filepath.Join(root, "run")); err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	want := files(t, filepath.Join(root, "run"))
	var at []int
	for i, op := range calm.Ops() {
		if op.Changing() && slices.ContainsFunc(words, func(word string) bool { return strings.Contains(op.Path, word) }) {
			at = append(at, i+1)
		}
	}
	if len(at) < points {
		t.Fatalf("%d operations change files of %q, fewer than %d", len(at), words, points)
	}
	every, losses := len(at)/points, []faultfs.Loss{faultfs.LoseUnsynced, faultfs.TearUnsynced}
	if *everyOperation {
		every = 1
	}
	for k, i := 0, every/2; i < len(at); k, i = k+1, i+every {
		for n, loss := range losses {
			if !*everyOperation && n != k%len(losses) {
				continue
			}
			root := t.TempDir()
			dir := filepath.Join(root, "run")
			fsys := faultfs.New(root, faultfs.Fault{At: at[i], Crash: true})
			if _, err := run(fsys, dir); !errors.Is(err, faultfs.ErrCrashed) {
				t.Fatalf("operation %d: %v", at[i], err)
			}
			if err := fsys.Settle(loss); err != nil {
				t.Fatal(err)
			}
			if notes, err := run(nil, dir); err != nil {
				t.Fatalf("operation %d: the second run: %v\n%s", at[i], err, notes)
			}
			sameFiles(t, files(t, dir), want)
		}
	}
}

// TestKilledWhileAPersonChooses crashes `quarry select` at every operation: the choice is made or it is not, and choosing
// again ends with the same bytes.
func TestKilledWhileAPersonChooses(t *testing.T) {
	r := crashProject(t, recipe.Full)
	dir := filepath.Dir(r.File())
	raw, err := os.ReadFile(r.File())
	if err != nil {
		t.Fatal(err)
	}
	r = loadRecipe(t, dir, strings.Replace(string(raw), "select: {metric: map@25}", "select: ask", 1))
	choose := func(dir string, fsys rundir.FS) error {
		d, err := rundir.Open(dir, rundir.OpenOptions{FS: fsys})
		if err != nil {
			return err
		}
		return errors.Join(Select(d, 0, 1, "it reads better"), d.Close())
	}
	// run goes to the question that round 1 asks.
	run := func(dir string) {
		if notes, err := runTiny(t, r, Options{Dir: dir}); !errors.Is(err, ErrChoiceWanted) || !strings.Contains(err.Error(), "round 1") {
			t.Fatalf("want round 1's question, got %v\n%s", err, notes)
		}
	}
	asked := filepath.Join(t.TempDir(), "asked")
	if _, err := runTiny(t, r, Options{Dir: asked}); !errors.Is(err, ErrChoiceWanted) {
		t.Fatalf("want a question, got %v", err)
	}
	fresh := func() (root, dir string) {
		root = t.TempDir()
		dir = filepath.Join(root, "run")
		if err := os.CopyFS(dir, os.DirFS(asked)); err != nil {
			t.Fatal(err)
		}
		return root, dir
	}
	root, calmDir := fresh()
	calm := faultfs.New(root, faultfs.Fault{})
	if err := choose(calmDir, calm); err != nil {
		t.Fatal(err)
	}
	run(calmDir)
	want := files(t, calmDir)
	for at := 1; at <= len(calm.Ops()); at++ {
		root, dir := fresh()
		fsys := faultfs.New(root, faultfs.Fault{At: at, Crash: true})
		_ = choose(dir, fsys) // It may have made the choice before the crash.
		if err := fsys.Settle(faultfs.LoseUnsynced); err != nil {
			t.Fatal(err)
		}
		left, err := rundir.Open(dir, rundir.OpenOptions{ReadOnly: true})
		if err != nil {
			t.Fatalf("operation %d: %v", at, err)
		}
		c, err := left.ReadChoice(0)
		if err == nil && c.Epoch != 1 || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("operation %d: half a choice: %+v, %v", at, c, err)
		}
		if err := left.Close(); err != nil {
			t.Fatal(err)
		}
		if !*everyOperation && at%4 != 0 {
			continue // the look was cheap; the run is not
		}
		if err := choose(dir, faultfs.New(root, faultfs.Fault{})); err != nil {
			t.Fatalf("operation %d: choosing again: %v", at, err)
		}
		run(dir)
		sameFiles(t, files(t, dir), want)
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
			var full *rundir.WriteError
			if !errors.As(err, &full) {
				t.Fatalf("the error names no file: %v", err)
			}
			// The file that was to be, not the name that it is written under.
			written := calm.Ops()[at-1].Path
			below, ok := strings.CutPrefix(filepath.ToSlash(written), "runs/tiny/")
			file := filepath.Join(dir, filepath.FromSlash(regexp.MustCompile(`\.([^/]+)\.tmp\b`).ReplaceAllString(below, "$1")))
			if !ok || full.Path != file {
				t.Errorf("writing %s failed, and the error names %s, want %s", written, full.Path, file)
			}
			for _, want := range []string{"write " + file + ": no room left on the disk", "free some, or choose another directory, and run again", "finished work is kept"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
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
		paths := slices.DeleteFunc(kernel.Available(), func(path kernel.Path) bool { return path == exactpath.Fastest })
		if len(paths) == 0 {
			t.Skip("one path only: this machine has no second numeric identity")
		}
		run := filepath.Join(t.TempDir(), "run")
		notes, err := runTiny(t, r, Options{Dir: run, Until: StageMine})
		if err != nil {
			t.Fatalf("%v\n%s", err, notes)
		}
		before := files(t, run)
		refused := func(path kernel.Path, was, now kernel.Path) {
			t.Helper()
			_, err := runTiny(t, r, Options{Dir: run, Path: path})
			var other *rundir.IdentityError
			if !errors.As(err, &other) || other.Dir != run || !strings.HasPrefix(other.Was, string(was)+"/") || !strings.HasPrefix(other.Now, string(now)+"/") {
				t.Fatalf("want an error that names %s, %s and %s, got %v", run, was, now, err)
			}
			if want := "use the same processor path and precision"; !strings.Contains(err.Error(), want) {
				t.Errorf("no %q in: %v", want, err)
			}
		}
		refused(paths[0], exactpath.Fastest, paths[0])
		sameFiles(t, files(t, run), before)

		// Allowed, it goes on behind what is there, to the end, and is of the other identity from then on.
		if notes, err = runTiny(t, r, Options{Dir: run, Path: paths[0], AllowIdentityChange: true}); err != nil {
			t.Fatalf("%v\n%s", err, notes)
		}
		for _, stage := range []string{StageEmbed, StageSearch, StageMine} {
			if want := "round 0: " + stage + ": done before, unchanged"; !strings.Contains(notes, want) {
				t.Errorf("no %q in\n%s", want, notes)
			}
		}
		d, err := rundir.Open(run, rundir.OpenOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		m, err := d.ReadManifest(0)
		if err := errors.Join(err, d.Close()); err != nil {
			t.Fatal(err)
		}
		for i, s := range append(m.Stages, rundir.ManifestStage{Stage: "the round", Identity: m.Identity}) {
			want := paths[0]
			if i < 3 {
				want = exactpath.Fastest
			}
			if !strings.HasPrefix(s.Identity, string(want)+"/") {
				t.Errorf("%s is of %s, want %s", s.Stage, s.Identity, want)
			}
		}
		if notes, err = runTiny(t, r, Options{Dir: run, Path: paths[0]}); err != nil || !strings.Contains(notes, "round 0: every stage done before, unchanged") {
			t.Errorf("the next run: %v\n%s", err, notes)
		}
		refused(exactpath.Fastest, paths[0], exactpath.Fastest)
	})
	t.Run("two runs at once", func(t *testing.T) {
		first, err := Open(t.Context(), r, Options{Path: exactpath.Fastest})
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		if _, err := runTiny(t, r, Options{}); err == nil || !strings.Contains(err.Error(), r.Dir()) {
			t.Errorf("want an error that names the locked directory, got %v", err)
		}
	})
	t.Run("another recipe", func(t *testing.T) {
		was, err := os.ReadFile(filepath.Join(r.Dir(), "quarry.json"))
		if err != nil {
			t.Fatal(err)
		}
		other := loadRecipe(t, dir, strings.Replace(tinyRecipe, "name: tiny", "name: other", 1))
		for name, run := range map[string]func(o Options) error{
			"run":  func(o Options) error { _, err := runTiny(t, other, o); return err },
			"plan": func(o Options) error { _, err := tinyPlan(t, other, o); return err },
		} {
			err := run(Options{Dir: r.Dir(), Path: exactpath.Fastest, Workers: 2})
			if refused := (*rundir.RecipeError)(nil); !errors.As(err, &refused) || refused.Was != r.Name || refused.Now != "other" {
				t.Errorf("%s: want an error that names both recipes, got %v", name, err)
			}
		}
		if now, err := os.ReadFile(filepath.Join(r.Dir(), "quarry.json")); err != nil || string(now) != string(was) {
			t.Errorf("the directory was changed: %v\n%s", err, now)
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
