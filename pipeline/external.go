package pipeline

import (
	"bytes"
	"context"
	"fmt"
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
	if err := r.checkEvalLoss(); err != nil {
		return fmt.Errorf("eval_loss of the outside trainer's epochs: %w", err)
	}
	if err := r.forget(); err != nil {
		return err
	}
	out := r.files.External()
	for _, path := range []string{out, filepath.Dir(r.files.Epoch(0)), r.files.Steps(), r.files.TrainingState()} {
		if err := rundir.RemoveAll(r.dir.FS, path); err != nil {
			return err
		}
	}
	if err := r.dir.FS.MkdirAll(out); err != nil {
		return err
	}
	f := r.stages.Finetune
	paths := map[string]string{
		"QUARRY_TRAIN": r.files.Negatives(rundir.Train), "QUARRY_DEV": r.files.Negatives(rundir.Dev), "QUARRY_BASE": r.base.path, "QUARRY_OUTPUT": out,
	}
	if len(r.sets) > 0 {
		if err := r.dropFormerSets(); err != nil {
			return err
		}
		paths["QUARRY_SETS"] = r.files.Sets()
	}
	err := r.command(ctx, f.External.Command, paths, map[string]string{
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

// dropFormerSets removes what was mined of sets that the recipe names no more, with the stamps of their stages: the outside
// trainer takes every folder for a set.
func (r *round) dropFormerSets() error {
	folders, err := r.dir.FS.ReadDir(r.files.Sets())
	if err != nil {
		return rundir.Explain(r.files.Sets(), err)
	}
	for _, folder := range folders {
		name := folder.Name()
		if slices.ContainsFunc(r.sets, func(one *round) bool { return one.set.Name == name }) {
			continue
		}
		for _, stage := range []string{StageEmbed, StageSearch, stageTeach, StageMine} {
			if err := r.dir.DropStamp(r.index, stage+setSeparator+name); err != nil {
				return err
			}
		}
		if err := rundir.RemoveAll(r.dir.FS, r.files.Set(name).Dir()); err != nil {
			return err
		}
		r.note("round %d: %s: what was mined of the set %s, which the recipe names no more, is removed", r.index, StageFinetune, name)
	}
	return nil
}

// outsideInputs are what an outside trainer depends on besides its arguments: the files that the command's list names,
// seen from the recipe's folder, and what finetune.external.inputs names.
func (r *round) outsideInputs(ctx context.Context) ([]rundir.Input, error) {
	var inputs []rundir.Input
	external := r.stages.Finetune.External
	add := func(written, path string) error {
		name := "trainer: " + written
		if slices.ContainsFunc(inputs, func(in rundir.Input) bool { return in.Name == name }) {
			return nil
		}
		digest, err := rundir.SourceDigest(ctx, r.dir.FS, path)
		inputs = append(inputs, r.outside(name, digest))
		return err
	}
	for _, word := range external.Command {
		path := filepath.FromSlash(word)
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(r.recipe.File()), path)
		}
		info, err := r.dir.FS.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue // a flag, a number, a program of the search path
		}
		if err := add(word, path); err != nil {
			return nil, err
		}
	}
	for _, in := range external.Inputs {
		if err := add(in.Written, in.File); err != nil {
			return nil, fmt.Errorf("%s: finetune.external.inputs: %w", r.recipe.At("finetune.external.inputs"), err)
		}
	}
	return inputs, nil
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
