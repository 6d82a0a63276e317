package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/prepare"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// Folds is a recipe's cross-validation: its queries cut, and the recipe of each run.
type Folds struct {
	Dir   string // of the folds' queries
	Cut   prepare.Folds
	Runs  [][]*recipe.Recipe // [setting, fold]
	Miss  string             // how far the folds are from folds.unseen_share; empty where they are near it
	files []foldFile
}

// foldFile is a file of a fold's queries.
type foldFile struct {
	path    string
	content []byte
}

// CutFolds cuts the queries of a recipe with folds. It reads and writes nothing but what it is asked for: Write writes the
// folds' files.
func CutFolds(ctx context.Context, r *recipe.Recipe, fsys rundir.FS) (*Folds, error) {
	queries, lines, err := foldRows(ctx, r, fsys)
	if err != nil {
		return nil, err
	}
	f := &Folds{Dir: r.FoldsDir()}
	o := prepare.FoldOptions{Folds: r.Folds.Count, UnseenShare: r.Folds.UnseenShare, Seed: r.Seed}
	if f.Cut, err = prepare.Cut(ctx, queries, o); err != nil {
		return nil, fmt.Errorf("%s: folds: %w", r.At("folds"), err)
	}
	if err := checkFoldLeaks(ctx, r, fsys); err != nil {
		return nil, err
	}
	if share := r.Folds.UnseenShare; share != nil {
		f.Miss = f.Cut.Missed(*share)
	}
	for _, variant := range r.Variants() {
		var runs []*recipe.Recipe
		for i := range f.Cut.Dev {
			runs = append(runs, variant.Fold(i, foldPath(r, i, rundir.Train), foldPath(r, i, rundir.Dev)))
		}
		f.Runs = append(f.Runs, runs)
	}
	for i, held := range f.Cut.Dev {
		var train, dev bytes.Buffer
		isHeld := make([]bool, len(queries))
		for _, row := range held {
			isHeld[row] = true
		}
		for row, line := range lines {
			into := &train
			if isHeld[row] {
				into = &dev
			}
			into.Write(line)
			into.WriteByte('\n')
		}
		f.files = append(f.files, foldFile{filepath.Join(f.Dir, foldName(i), "train.jsonl"), train.Bytes()}, foldFile{filepath.Join(f.Dir, foldName(i), "dev.jsonl"), dev.Bytes()})
	}
	return f, nil
}

func foldName(i int) string { return fmt.Sprintf("fold-%d", i) }

// foldPath is a fold's file as the recipe would write it.
func foldPath(r *recipe.Recipe, i int, split rundir.Split) string {
	return fmt.Sprintf("runs/%s/%s/%s.jsonl", filepath.Base(r.FoldsDir()), foldName(i), split)
}

// foldRows reads the queries that are cut, those of train and then those of dev, with the lines that they stand in.
func foldRows(ctx context.Context, r *recipe.Recipe, fsys rundir.FS) (queries []corpus.Query, lines [][]byte, err error) {
	whole := *r
	// The halves may know each other: no cut has both in different places.
	whole.Data.AllowLeakage, whole.Data.Test, whole.Data.Also, whole.Data.Sets, whole.Data.Examples = true, recipe.Path{}, nil, nil, recipe.Path{}
	d, err := readData(ctx, &whole, fsys)
	if err != nil {
		return nil, nil, err
	}
	known := map[string]string{}
	for _, part := range []struct {
		split rundir.Split
		path  recipe.Path
	}{{rundir.Train, r.Data.Train}, {rundir.Dev, r.Data.Dev}} {
		rows := d.queries[part.split]
		for _, q := range rows {
			at := fmt.Sprintf("%s:%d", part.path.Written, q.Line)
			if first, twice := known[q.Key]; twice {
				return nil, nil, fmt.Errorf("%s: folds: %s has the key of %s: a query is held out once; give it an id of its own, or remove it", r.At("folds"), at, first)
			}
			known[q.Key] = at
		}
		all, err := linesOf(fsys, part.path, rows)
		if err != nil {
			return nil, nil, err
		}
		queries, lines = append(queries, rows...), append(lines, all...)
	}
	return queries, lines, nil
}

// checkFoldLeaks holds all rows that are cut, each of which every fold but one trains on, against test, data.also and what data.sets
// hold out, and the training queries of the sets against the rows, each of which some fold holds out. A fold by itself would
// find that when others have run.
func checkFoldLeaks(ctx context.Context, r *recipe.Recipe, fsys rundir.FS) error {
	if r.Data.AllowLeakage || len(r.Data.Sets) == 0 && len(r.Data.Also) == 0 && r.Data.Test.Written == "" {
		return nil
	}
	whole := *r
	whole.Data.AllowLeakage, whole.Data.Examples = true, recipe.Path{}
	d, err := readData(ctx, &whole, fsys)
	if err != nil {
		return err
	}
	refuse := func(at, held, known, from, to string, leaks []corpus.Leak) error {
		if len(leaks) == 0 {
			return nil
		}
		rows, text := corpus.DescribeLeaks(leaks, from, to)
		return fmt.Errorf("%s: folds: %d %s are known from %s; remove them, or set data.allow_leakage: true%s", r.At(at), rows, held, known, text)
	}
	for _, split := range []rundir.Split{rundir.Train, rundir.Dev} {
		cut, file := d.set(split), d.manifestOf(string(split)).Name
		for i, one := range d.sets {
			err := refuse(fmt.Sprintf("data.sets[%d].train", i), "queries that some fold holds out", "training, by the set "+one.name,
				r.Data.Sets[i].Train.Written, file, d.leaksOf(one.queries[rundir.Train], one.corpus, cut))
			if err != nil {
				return err
			}
		}
		for _, held := range append([]evalSet{d.set(rundir.Test)}, d.also...) {
			to := d.manifestOf(string(held.split)).Name
			if err := refuse(held.at, string(held.split)+" queries", "training, of all folds but one", file, to, d.leaksOf(cut.queries, cut.corpus, held)); err != nil {
				return err
			}
		}
	}
	return nil
}

// linesOf reads the lines of a file's queries.
func linesOf(fsys rundir.FS, path recipe.Path, queries []corpus.Query) (all [][]byte, err error) {
	f, err := rundir.RowFiles(fsys).Open(path.File)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := corpus.NewLines(f, path.Written, corpus.LineOptions{})
	for len(all) < len(queries) {
		line, err := lines.Next()
		if err != nil {
			return nil, err
		}
		if lines.Number() == queries[len(all)].Line {
			all = append(all, bytes.Clone(line))
		}
	}
	return all, nil
}

// Write writes the folds' files, those that are not there as they should be.
func (f *Folds) Write(fsys rundir.FS) error {
	for _, file := range f.files {
		if err := writeIfChanged(fsys, file.path, file.content); err != nil {
			return err
		}
	}
	return nil
}

// CheckCut refuses a cut other than the one that a run of the folds was made from, before Write replaces the files of that.
func (f *Folds) CheckCut(r *recipe.Recipe, fsys rundir.FS) error {
	for _, file := range f.files {
		before, err := rundir.ReadFile(fsys, file.path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && bytes.Equal(before, file.content) {
			continue
		}
		if err != nil {
			return err
		}
		for _, runs := range f.Runs {
			for _, run := range runs {
				if _, err := rundir.ReadFile(fsys, rundir.Layout(run.Dir()).Recipe()); err == nil {
					return fmt.Errorf("%s: folds: %s was made from another cut: folds.count, folds.unseen_share, seed or the queries have changed since; put them back, give the recipe another name, or remove the runs of its folds and %s",
						r.At("folds"), run.Dir(), f.Dir)
				}
			}
		}
	}
	return nil
}

// Unwritten is a file system in which the folds' files are there, whether or not they are written yet: for a plan, which
// writes nothing.
func (f *Folds) Unwritten(fsys rundir.FS) rundir.FS {
	files := map[string][]byte{}
	for _, file := range f.files {
		files[filepath.Clean(file.path)] = file.content
	}
	return unwritten{fsys, files}
}

type unwritten struct {
	rundir.FS
	files map[string][]byte
}

// Open opens a fold's file, or another.
func (u unwritten) Open(path string) (io.ReadCloser, error) {
	if content, ok := u.files[filepath.Clean(path)]; ok {
		return io.NopCloser(bytes.NewReader(content)), nil
	}
	return u.FS.Open(path)
}

// Stat describes a fold's file, or another.
func (u unwritten) Stat(path string) (fs.FileInfo, error) {
	if content, ok := u.files[filepath.Clean(path)]; ok {
		return fileInfo{filepath.Base(path), int64(len(content))}, nil
	}
	return u.FS.Stat(path)
}

// fileInfo is what is known of a file that is not written.
type fileInfo struct {
	name string
	size int64
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return 0o644 }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return false }
func (i fileInfo) Sys() any           { return nil }
