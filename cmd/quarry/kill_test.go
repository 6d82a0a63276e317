package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/rundir"
)

const killRecipe = `version: 1
name: tiny
workers: 1
model: model
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl, group_field: group}
mine: {window: 1-8, negatives: 4, depth: 12}
finetune: {epochs: 2, batch: 6, group_size: 3, learning_rate: 2e-3, save_every: 2, block_tokens: 64}
eval: {metrics: [map@25, recall@5]}
rounds:
  - {}
  - {finetune: {method: lora}}
`

// kills is how many instants are tried: QUARRY_KILLS, else 5.
func kills(t *testing.T) int {
	text := os.Getenv("QUARRY_KILLS")
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("QUARRY_KILLS=%q is not a number of kills", text)
	}
	return n
}

// TestKillAtRandomInstants kills the built binary with SIGKILL, runs it again, and compares every reproducible byte.
func TestKillAtRandomInstants(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("kill -9 is a signal of Unix")
	}
	home := t.TempDir()
	binary := filepath.Join(home, "quarry")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if err := tinymodel.Write(filepath.Join(home, "model"), tinymodel.Options{Dropout: 0.1}); err != nil {
		t.Fatal(err)
	}
	if err := tinymodel.WriteData(home); err != nil {
		t.Fatal(err)
	}
	recipePath := filepath.Join(home, "recipe.yaml")
	if err := os.WriteFile(recipePath, []byte(killRecipe), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(dir string) *exec.Cmd {
		return exec.Command(binary, "run", recipePath, "--cpu", "portable", "--dir", dir)
	}
	calm := filepath.Join(home, "calm")
	start := time.Now()
	if out, err := run(calm).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(start)
	want := reproducible(t, calm)
	source := draw.New(uint64(start.UnixNano()), "kill test", 0, 0, "instants")
	for i := range kills(t) {
		// Over the whole run and a little beyond, so that the end is hit too.
		after := time.Duration(source.Float64() * 1.1 * float64(took))
		t.Run(fmt.Sprintf("%d after %v", i, after.Round(time.Millisecond)), func(t *testing.T) {
			t.Parallel() // much of a run's time is waiting for the disk
			dir := filepath.Join(home, fmt.Sprintf("killed-%d", i))
			c := run(dir)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(after)
			_ = c.Process.Kill() // It may have ended by itself.
			_ = c.Wait()
			if out, err := run(dir).CombinedOutput(); err != nil {
				t.Fatalf("the second run: %v\n%s", err, out)
			}
			got := reproducible(t, dir)
			for path, digest := range want {
				if got[path] != digest {
					t.Errorf("%s differs or is missing", path)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d files, want %d", len(got), len(want))
			}
		})
	}
}

// reproducible is the digest of every file of a run directory that must not change.
func reproducible(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree, err := rundir.DigestTree(context.Background(), rundir.OS{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	for _, f := range tree {
		if rundir.Layout(dir).Reproducible(f.Path) && !strings.HasPrefix(f.Path, ".") {
			digests[f.Path] = f.SHA256
		}
	}
	return digests
}
