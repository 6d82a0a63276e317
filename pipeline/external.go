package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// trainOutside lets the recipe's command train: it gets the mined file and the base in its environment and leaves a
// model or an adapter for each epoch, which Quarry then judges, chooses from and merges as its own.
func (r *round) trainOutside(ctx context.Context) error {
	if err := r.forget(); err != nil {
		return err
	}
	out := filepath.Join(r.files.Dir(), "external")
	for _, path := range []string{out, filepath.Dir(r.files.Epoch(0)), r.files.Steps(), r.files.TrainingState()} {
		if err := rundir.RemoveAll(r.dir.FS, path); err != nil {
			return err
		}
	}
	if err := r.dir.FS.MkdirAll(out); err != nil {
		return err
	}
	f := r.stages.Finetune
	err := r.command(ctx, f.External.Command, map[string]string{
		"QUARRY_TRAIN": r.files.Negatives(rundir.Train), "QUARRY_DEV": r.files.Negatives(rundir.Dev), "QUARRY_BASE": r.base.path, "QUARRY_OUTPUT": out,
	}, map[string]string{
		"QUARRY_ROUND": strconv.Itoa(r.index), "QUARRY_EPOCHS": strconv.Itoa(f.Epochs), "QUARRY_SEED": strconv.FormatUint(r.recipe.Seed, 10),
	})
	if err != nil {
		return fmt.Errorf("%s: the outside trainer: %w", r.recipe.At("finetune.external"), err)
	}
	if err := r.takeEpochs(ctx, out); err != nil {
		return err
	}
	if err := rundir.RemoveAll(r.dir.FS, out); err != nil {
		return err
	}
	// Before the stage is stamped: a power cut would bring the folder back, and nothing would remove it again.
	return r.dir.FS.SyncDir(r.files.Dir())
}

// takeEpochs moves epoch-1, epoch-2, … of an outside trainer into the round and checks that each opens.
func (r *round) takeEpochs(ctx context.Context, out string) error {
	if err := r.adopt(ctx, "", 0); err != nil {
		return err
	}
	for epoch := 1; ; epoch++ {
		from := filepath.Join(out, fmt.Sprintf("epoch-%d", epoch))
		if _, err := r.dir.FS.Stat(from); errors.Is(err, fs.ErrNotExist) {
			if epoch == 1 {
				return fmt.Errorf("%s: the outside trainer left no %s", r.recipe.At("finetune.external"), from)
			}
			return nil
		}
		if err := r.adopt(ctx, from, epoch); err != nil {
			return err
		}
		m, err := r.openEpoch(epoch)
		if err != nil {
			return fmt.Errorf("%s: the outside trainer's epoch %d: %w", r.recipe.At("finetune.external"), epoch, err)
		}
		if err := m.Close(); err != nil {
			return err
		}
	}
}

// adopt copies an epoch's files and notes that its eval_loss is unknown.
func (r *round) adopt(ctx context.Context, from string, epoch int) error {
	return rundir.WriteDir(r.dir.FS, r.files.Epoch(epoch), func(dir string) error {
		if from != "" {
			files, err := rundir.DigestTree(ctx, r.dir.FS, from)
			if err != nil {
				return err
			}
			for _, f := range files {
				if err := r.copyFile(filepath.Join(from, filepath.FromSlash(f.Path)), filepath.Join(dir, filepath.FromSlash(f.Path))); err != nil {
					return err
				}
			}
		}
		return rundir.WriteJSON(r.dir.FS, filepath.Join(dir, epochInfoName), epochInfo{Version: 1, Epoch: epoch})
	})
}

// killDelay is how long a command may take to end after it was asked to.
const killDelay = 10 * time.Second

// command runs a program of the recipe in the recipe's folder; its output goes to the log, line by line. It gets paths
// whole, for its folder need not be this process's.
func (p *Run) command(ctx context.Context, argv recipe.Command, paths, values map[string]string) error {
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Dir = filepath.Dir(p.recipe.File())
	c.Env = slices.Clone(p.options.Environment)
	for _, name := range sortedKeys(paths) {
		whole, err := filepath.Abs(paths[name])
		if err != nil {
			return err
		}
		c.Env = append(c.Env, name+"="+whole)
	}
	for _, name := range sortedKeys(values) {
		c.Env = append(c.Env, name+"="+values[name])
	}
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = killDelay
	lines := &lineWriter{write: func(line string) { p.note("  %s", line) }}
	c.Stdout, c.Stderr = lines, lines
	err := c.Run()
	lines.flush()
	return err
}

// longestLine is the bytes of a line that are waited for before they are handed on as one.
const longestLine = 1 << 16

// lineWriter hands on whole lines; a bar that is drawn over and over on one line is many. Empty lines are left out.
type lineWriter struct {
	write func(string)
	rest  []byte
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		at := bytes.IndexAny(w.rest, "\r\n")
		if at < 0 {
			if len(w.rest) > longestLine {
				w.flush()
			}
			return len(p), nil
		}
		if at > 0 {
			w.write(string(w.rest[:at]))
		}
		w.rest = w.rest[at+1:]
	}
}

func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.write(string(w.rest))
		w.rest = nil
	}
}
