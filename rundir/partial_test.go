package rundir_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/rundir"
)

// TestPartialIsOfItsStage: what was marked is gone on from by the stage that made it, and by nothing else.
func TestPartialIsOfItsStage(t *testing.T) {
	stage := rundir.Stage{Name: "embed", Algorithm: 1, Inputs: []rundir.Input{{Name: "miner", Digest: "c0ffee"}}}
	for _, tc := range []struct {
		name     string
		between  func(t *testing.T, dir string)
		then     rundir.Stage
		identity string
		want     int64
	}{
		{"the same", nothing, stage, "portable/f32", 4},
		{"another algorithm", nothing, rundir.Stage{Name: "embed", Algorithm: 2, Inputs: stage.Inputs}, "portable/f32", 0},
		{"another model", nothing, rundir.Stage{Name: "embed", Algorithm: 1, Inputs: []rundir.Input{{Name: "miner", Digest: "beef"}}}, "portable/f32", 0},
		{"other options", nothing, rundir.Stage{Name: "embed", Algorithm: 1, Inputs: stage.Inputs, Options: 1}, "portable/f32", 0},
		{"another identity", nothing, stage, "avx2/f32", 0},
		{"more than was marked", grow("v.npy.partial", "torn"), stage, "portable/f32", 4},
		{"less than was marked", write("v.npy.partial", "ro"), stage, "portable/f32", 0},
		{"no bytes", without("v.npy.partial"), stage, "portable/f32", 0},
		{"no record", without("v.npy.partial.json"), stage, "portable/f32", 0},
		{"a record that is none", write("v.npy.partial.json", "{"), stage, "portable/f32", 0},
		{"a record of a newer version", write("v.npy.partial.json", `{"version":2,"of":"x","bytes":4}`), stage, "portable/f32", 0},
		{"a record of less than nothing", write("v.npy.partial.json", `{"version":1,"of":"x","bytes":-4}`), stage, "portable/f32", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			begun := openPartial(t, dir, stage, "portable/f32")
			fill(t, begun, "row\n")
			mustMark(t, begun)
			fill(t, begun, "half a r")
			if err := begun.Close(); err != nil {
				t.Fatal(err)
			}
			tc.between(t, dir)
			p := openPartial(t, dir, tc.then, tc.identity)
			if p.Size() != tc.want {
				t.Errorf("%d bytes to go on from, want %d", p.Size(), tc.want)
			}
			content := "row\nrow\n"[p.Size():]
			fill(t, p, content)
			if err := errors.Join(p.Finish(), p.Close()); err != nil {
				t.Fatal(err)
			}
			tree := readTree(t, dir)
			delete(tree, "quarry.json")
			delete(tree, "lock")
			if diff := cmp.Diff(map[string]string{"v.npy": "row\nrow\n"}, tree); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPartialWithoutAMark leaves nothing: there is nothing to go on from, or nothing that took time.
func TestPartialWithoutAMark(t *testing.T) {
	dir := t.TempDir()
	p := openPartial(t, dir, rundir.Stage{Name: "embed"}, "")
	fill(t, p, "head\n")
	if kept, err := p.MarkLast(); kept || err != nil {
		t.Errorf("kept: %t, %v", kept, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "v.npy*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestPartialThatEndsBeforeItsTime keeps what was written since the last mark.
func TestPartialThatEndsBeforeItsTime(t *testing.T) {
	dir := t.TempDir()
	p := openPartial(t, dir, rundir.Stage{Name: "embed"}, "")
	fill(t, p, "row\n")
	if err := p.MarkDue(time.Hour); err != nil {
		t.Fatal(err)
	}
	if kept, err := p.MarkLast(); !kept || err != nil {
		t.Errorf("kept: %t, %v", kept, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if again := openPartial(t, dir, rundir.Stage{Name: "embed"}, ""); again.Size() != 4 {
		t.Errorf("%d bytes to go on from, want 4", again.Size())
	}
}

func openPartial(t *testing.T, dir string, s rundir.Stage, identity string) *rundir.Partial {
	t.Helper()
	d, err := rundir.Open(dir, rundir.OpenOptions{Create: true, Identity: identity, AllowIdentityChange: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	p, err := d.OpenPartial(filepath.Join(dir, "v.npy"), s)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

func fill(t *testing.T, p *rundir.Partial, content string) {
	t.Helper()
	if _, err := io.WriteString(p, content); err != nil {
		t.Fatal(err)
	}
}

func mustMark(t *testing.T, p *rundir.Partial) {
	t.Helper()
	if err := p.Mark(); err != nil {
		t.Fatal(err)
	}
}

func nothing(*testing.T, string) {}

func without(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func grow(name, more string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		old, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		write(name, string(old)+more)(t, dir)
	}
}
