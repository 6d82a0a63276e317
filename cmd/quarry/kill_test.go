package main

import (
	"bufio"
	"context"
	"errors"
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
	"github.com/quarry-ml/quarry/internal/exactpath"
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

// kills is how many instants are tried: QUARRY_KILLS, else so many.
func kills(t *testing.T, otherwise int) int {
	text := os.Getenv("QUARRY_KILLS")
	if text == "" {
		return otherwise
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
	b := buildForKills(t)
	source := draw.New(uint64(time.Now().UnixNano()), "kill test", 0, 0, "instants")
	for i := range kills(t, 1) {
		// Over the whole run and a little beyond, so that the end is hit too.
		after := time.Duration(source.Float64() * 1.1 * float64(b.took))
		t.Run(fmt.Sprintf("%d after %v", i, after.Round(time.Millisecond)), func(t *testing.T) {
			t.Parallel() // much of a run's time is waiting for the disk
			c, dir := b.run(fmt.Sprintf("killed-%d", i))
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(after)
			_ = c.Process.Kill() // It may have ended by itself.
			_ = c.Wait()
			b.goesOn(t, dir)
		})
	}
	t.Run("Ctrl-C", b.interrupt)
	t.Run("mine", b.killMining)
	t.Run("reader that has seen enough", b.closePipe)
}

// closePipe reads a little of what `quarry mine` writes to a pipe and goes away: the command ends as others in a pipeline do, says
// nothing, and leaves nothing in the temporary folder that its shards were in.
func (b killed) closePipe(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	c := exec.Command(b.binary, "mine", "--model", filepath.Join(b.home, "model"), "--corpus", filepath.Join(b.home, "corpus.jsonl"), "--queries", filepath.Join(b.home, "train.jsonl"),
		"--window", "0-12", "--negatives", "4", "--shard", "2", "--output", "-")
	c.Env = append(os.Environ(), "TMPDIR="+temporary)
	var said strings.Builder
	c.Stderr = &said
	r, w, err := os.Pipe()
	mustBe(t, err)
	c.Stdout = w
	mustBe(t, c.Start())
	mustBe(t, errors.Join(w.Close(), r.Close()))
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitUnread || strings.Contains(said.String(), "broken pipe") {
		t.Errorf("%v, want exit code %d\n%s", c.ProcessState, exitUnread, said.String())
	}
	left, err := os.ReadDir(temporary)
	mustBe(t, err)
	if len(left) > 0 {
		t.Errorf("%s is left", left[0].Name())
	}
}

// killMining kills `quarry mine` at random instants and runs it again, to the bytes of a mining that was not cut into shards.
func (b killed) killMining(t *testing.T) {
	mining := func(dir, shard string) *exec.Cmd {
		return exec.Command(b.binary, "mine", "--model", filepath.Join(b.home, "model"), "--corpus", filepath.Join(b.home, "corpus.jsonl"), "--queries", filepath.Join(b.home, "train.jsonl"),
			"--cpu", "portable", "--window", "1-12", "--negatives", "4", "--shard", shard, "--output", filepath.Join(dir, "mined.jsonl"), "--save-candidates", filepath.Join(dir, "mined.cand"))
	}
	ended := func(c *exec.Cmd) time.Duration {
		t.Helper()
		start := time.Now()
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return time.Since(start)
	}
	whole := t.TempDir()
	ended(mining(whole, "100"))
	want := outputsOf(t, whole)
	took := ended(mining(t.TempDir(), "2"))
	source := draw.New(uint64(time.Now().UnixNano()), "kill test of mine", 0, 0, "instants")
	for i := range kills(t, 2) {
		after := time.Duration(source.Float64() * 1.1 * float64(took))
		t.Run(fmt.Sprintf("%d after %v", i, after.Round(time.Millisecond)), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c := mining(dir, "2")
			mustBe(t, c.Start())
			time.Sleep(after)
			_ = c.Process.Kill() // It may have ended by itself.
			_ = c.Wait()
			if out, err := mining(dir, "2").CombinedOutput(); err != nil {
				t.Fatalf("the second mining: %v\n%s", err, out)
			}
			sameOutputs(t, outputsOf(t, dir), want)
		})
	}
}

// interrupt sends the built binary SIGINT while it trains: it ends with the exit code of interruptions and says how to go on,
// which ends with the bytes of an undisturbed run.
func (b killed) interrupt(t *testing.T) {
	t.Parallel()
	c, dir := b.run("interrupted")
	told, err := c.StderrPipe()
	mustBe(t, err)
	mustBe(t, c.Start())
	var said strings.Builder
	for lines := bufio.NewScanner(told); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if lines.Text() == "round 0: eval-epoch-0: starts" { // behind the first step's preparations, before most of the run
			mustBe(t, c.Process.Signal(os.Interrupt))
		}
	}
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("%v, want exit code %d\n%s", c.ProcessState, exitInterrupted, said.String())
	}
	if _, goOn, ok := strings.Cut(said.String(), "quarry run: interrupted: everything done so far is kept; `quarry run "); !ok || !strings.Contains(goOn, b.recipe) || !strings.Contains(goOn, dir) || !strings.HasSuffix(goOn, "` goes on from there\n") {
		t.Errorf("what is told does not end with how to go on:\n%s", said.String())
	}
	if _, err := os.Stat(rundir.Layout(dir).Round(1).Manifest()); err == nil {
		t.Error("the run came to its end")
	}
	b.goesOn(t, dir)
}

// killed is what runs that are killed have in common.
type killed struct {
	home, binary, recipe string
	want                 map[string]string // of an undisturbed run
	took                 time.Duration     // that it took
}

// buildForKills builds the program and lets it run undisturbed.
func buildForKills(t *testing.T) killed {
	t.Helper()
	home := t.TempDir()
	b := killed{home: home, binary: filepath.Join(home, "quarry"), recipe: filepath.Join(home, "recipe.yaml")}
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", b.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	mustBe(t, tinymodel.Write(filepath.Join(home, "model"), tinymodel.Options{Dropout: 0.1}))
	mustBe(t, tinymodel.WriteData(home))
	mustBe(t, os.WriteFile(b.recipe, []byte(killRecipe), 0o600))
	c, calm := b.run("calm")
	start := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b.took = time.Since(start)
	b.want = reproducible(t, calm)
	return b
}

// run is a run in a directory of its own.
func (b killed) run(name string) (c *exec.Cmd, dir string) {
	dir = filepath.Join(b.home, name)
	return exec.Command(b.binary, "run", b.recipe, "--cpu", string(exactpath.Fastest), "--dir", dir), dir
}

// goesOn runs again to the files of the undisturbed run.
func (b killed) goesOn(t *testing.T, dir string) {
	t.Helper()
	c, _ := b.run(filepath.Base(dir))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("the second run: %v\n%s", err, out)
	}
	got := reproducible(t, dir)
	for path, digest := range b.want {
		if got[path] != digest {
			t.Errorf("%s differs or is missing", path)
		}
	}
	if len(got) != len(b.want) {
		t.Errorf("%d files, want %d", len(got), len(b.want))
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
