package rundir_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

const (
	miniSteps     = 7
	miniSaveEvery = 2
)

// miniRun is a run in small: mined negatives, a resumable training with its step log, and a merged directory, each
// stamped. It skips what is fresh, as the pipeline does.
func miniRun(fsys rundir.FS, path string) (err error) {
	d, err := rundir.Open(path, rundir.OpenOptions{
		FS: fsys, Create: true, Identity: "portable f32", Data: []rundir.Source{{Name: "corpus.jsonl", Digest: "c0ffee"}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	log, err := rundir.OpenLines(fsys, d.Log())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	round := d.Round(0)
	for _, s := range []struct {
		name    string
		outputs []string
		run     func() error
	}{
		{"embed", []string{round.PassageVectors()}, func() error { return miniEmbed(d) }},
		{"search", []string{round.Candidates(rundir.Train), round.Candidates(rundir.Dev)}, func() error { return miniSearch(d) }},
		{"mine", []string{round.Negatives(rundir.Train)}, func() error {
			return rundir.WriteFile(fsys, round.Negatives(rundir.Train), text("{\"query\":\"a\"}\n"))
		}},
		{"finetune", []string{round.Epoch(1), round.Steps()}, func() error { return miniTrain(d) }},
		{"merge", []string{round.Merged()}, func() error {
			return rundir.WriteDir(fsys, round.Merged(), func(dir string) error {
				return errors.Join(
					rundir.WriteFile(fsys, filepath.Join(dir, "model.safetensors"), text(strings.Repeat("weights ", 20))),
					rundir.WriteFile(fsys, filepath.Join(dir, "1_Pooling", "config.json"), text("{}")),
				)
			})
		}},
	} {
		stage := rundir.Stage{Name: s.name, Options: map[string]int{"steps": miniSteps}}
		verdict, err := d.Check(context.Background(), stage)
		if err != nil {
			return err
		}
		if verdict.Fresh() {
			continue
		}
		if err := log.Line(s.name + ": " + strings.Join(verdict.Reasons, ", ")); err != nil {
			return err
		}
		if err := s.run(); err != nil {
			return err
		}
		if _, err := d.WriteStamp(context.Background(), stage, s.outputs); err != nil {
			return err
		}
	}
	return d.WriteManifest(&rundir.Manifest{Recipe: "mini", Round: 0})
}

// miniEmbed goes on with the vectors behind what was last marked.
func miniEmbed(d *rundir.Dir) (err error) {
	file, err := d.OpenPartial(d.Round(0).PassageVectors(), rundir.Stage{Name: "embed"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for row := int(file.Size()) / len("row 0\n"); row < 4; row++ {
		if _, err := fmt.Fprintf(file, "row %d\n", row); err != nil {
			return err
		}
		if row%2 == 0 {
			continue
		}
		if err := file.Mark(); err != nil {
			return err
		}
	}
	return file.Finish()
}

// miniSearch goes on with files that get their names together: the first is whole while the second grows.
func miniSearch(d *rundir.Dir) (err error) {
	var files []*rundir.Partial
	for _, s := range []rundir.Split{rundir.Train, rundir.Dev} {
		file, err := d.OpenPartial(d.Round(0).Candidates(s), rundir.Stage{Name: "search"})
		if err != nil {
			return err
		}
		defer file.Close()
		files = append(files, file)
		for row := int(file.Size()) / len("query 0\n"); row < 2; row++ {
			if _, err := fmt.Fprintf(file, "query %d\n", row); err != nil {
				return err
			}
		}
		if err := file.Mark(); err != nil {
			return err
		}
	}
	for _, file := range files {
		if _, err := file.Write([]byte("end")); err != nil {
			return err
		}
		if err := file.Finish(); err != nil {
			return err
		}
	}
	return nil
}

// miniTrain takes up the training where its state was last saved.
func miniTrain(d *rundir.Dir) (err error) {
	round := d.Round(0)
	state := 0
	content, err := rundir.ReadFile(d.FS, round.TrainingState())
	if err == nil {
		if state, err = strconv.Atoi(string(content)); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	steps, err := rundir.OpenSteps(d.FS, round.Steps(), state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, steps.Close()) }()
	for step := state + 1; step <= miniSteps; step++ {
		if err := steps.Append(rundir.Step{Step: step, Epoch: 1, Loss: 1 / float64(step), Queries: 2, Columns: 4}); err != nil {
			return err
		}
		if step%miniSaveEvery != 0 && step != miniSteps {
			continue
		}
		if err := steps.Sync(); err != nil {
			return err
		}
		if err := rundir.WriteFile(d.FS, round.TrainingState(), text(strconv.Itoa(step))); err != nil {
			return err
		}
	}
	return rundir.WriteFile(d.FS, filepath.Join(round.Epoch(1), "adapter.safetensors"), text("adapter"))
}

func TestInterruptedRunEndsWithTheSameBytes(t *testing.T) {
	straight := filepath.Join(t.TempDir(), "run")
	counting := faultfs.New(straight, faultfs.Fault{})
	if err := miniRun(counting, straight); err != nil {
		t.Fatal(err)
	}
	want := readTree(t, straight)
	if len(want) < 10 {
		t.Fatalf("the mini run wrote only %d files", len(want))
	}
	operations := counting.Ops()
	for _, loss := range []faultfs.Loss{faultfs.LoseNothing, faultfs.LoseUnsynced, faultfs.TearUnsynced} {
		t.Run(fmt.Sprintf("loss %d", loss), func(t *testing.T) {
			for at := 1; at <= len(operations); at++ {
				switch operations[at-1].Kind {
				case faultfs.Open, faultfs.Stat, faultfs.ReadDir, faultfs.Close:
					continue // they change nothing: a crash there is a crash at the next operation
				}
				if loss != faultfs.LoseUnsynced && at%5 != 0 {
					continue // the plainest loss is tried everywhere, the others at a fifth
				}
				path := filepath.Join(t.TempDir(), "run")
				faulty := faultfs.New(path, faultfs.Fault{At: at, Crash: true})
				if err := miniRun(faulty, path); !errors.Is(err, faultfs.ErrCrashed) {
					t.Fatalf("operation %d %v: got %v, want a crash", at, operations[at-1], err)
				}
				if err := faulty.Settle(loss); err != nil {
					t.Fatal(err)
				}
				if err := miniRun(faultfs.New(path, faultfs.Fault{}), path); err != nil {
					t.Fatalf("resumed after operation %d %v: %v", at, operations[at-1], err)
				}
				if diff := cmp.Diff(want, readTree(t, path)); diff != "" {
					t.Fatalf("resumed after operation %d %v: (-straight +resumed)\n%s", at, operations[at-1], diff)
				}
			}
		})
	}
}

// A second crash must not find the run weaker than the first did.
func TestRunInterruptedTwice(t *testing.T) {
	straight := filepath.Join(t.TempDir(), "run")
	if err := miniRun(rundir.OS{}, straight); err != nil {
		t.Fatal(err)
	}
	want := readTree(t, straight)
	for first := 20; first <= 100; first += 20 {
		for second := 5; second <= 45; second += 8 {
			path := filepath.Join(t.TempDir(), "run")
			for _, at := range []int{first, second} {
				faulty := faultfs.New(path, faultfs.Fault{At: at, Crash: true})
				if err := miniRun(faulty, path); err != nil && !errors.Is(err, faultfs.ErrCrashed) {
					t.Fatal(err)
				}
				if err := faulty.Settle(faultfs.LoseUnsynced); err != nil {
					t.Fatal(err)
				}
			}
			if err := miniRun(faultfs.New(path, faultfs.Fault{}), path); err != nil {
				t.Fatalf("after %d and %d: %v", first, second, err)
			}
			if diff := cmp.Diff(want, readTree(t, path)); diff != "" {
				t.Fatalf("after %d and %d: (-straight +resumed)\n%s", first, second, diff)
			}
		}
	}
}

// A disk that fills at any operation leaves an error that names a path and says what to do, and a run that resumes.
func TestFullDiskAtEveryOperation(t *testing.T) {
	straight := filepath.Join(t.TempDir(), "run")
	counting := faultfs.New(straight, faultfs.Fault{})
	if err := miniRun(counting, straight); err != nil {
		t.Fatal(err)
	}
	want := readTree(t, straight)
	for i, op := range counting.Ops() {
		switch op.Kind {
		case faultfs.Create, faultfs.OpenAppend, faultfs.Write, faultfs.MkdirAll:
		default:
			continue // the system does not run out of room there
		}
		path := filepath.Join(t.TempDir(), "run")
		err := miniRun(faultfs.New(path, faultfs.Fault{At: i + 1, Sticky: true}), path)
		if err == nil {
			t.Fatalf("operation %d %v: no error", i+1, op)
		}
		if !strings.Contains(err.Error(), "no room left on the disk") || !strings.Contains(err.Error(), path) {
			t.Errorf("operation %d %v: %v does not name the disk and a path", i+1, op, err)
		}
		if err := miniRun(faultfs.New(path, faultfs.Fault{}), path); err != nil {
			t.Fatalf("operation %d %v, then room again: %v", i+1, op, err)
		}
		if diff := cmp.Diff(want, readTree(t, path)); diff != "" {
			t.Fatalf("operation %d %v: (-straight +resumed)\n%s", i+1, op, diff)
		}
	}
}

// text writes a fixed content.
func text(content string) func(w io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}
}

// readTree returns the files of a run directory that are the same in every run.
func readTree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := rundir.Layout(root).Relative(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(relative, ".tmp") {
			t.Errorf("temporary file left: %s", relative)
		}
		if !rundir.Layout(root).Reproducible(relative) {
			return nil
		}
		content, err := os.ReadFile(path)
		files[relative] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
