package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/term"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// standard is what stands for standard input or output where a flag names a file.
const standard = "-"

// mayWrite refuses an output that is a directory, one of the command's inputs, or in one that is a directory, such as a
// model's, before anything is computed: the file that replaces it would be the end of what a user gave, and a further one
// there may change what the directory means. Flags and paths of inputs alternate, as in need.
func mayWrite(flag, output string, inputs ...string) error {
	if output == standard || output == "" {
		return nil
	}
	if os.IsPathSeparator(output[len(output)-1]) {
		return badInputf("--%s %s names a directory: name a file", flag, output)
	}
	to, err := os.Stat(output)
	if err == nil && to.IsDir() {
		return badInputf("--%s %s is a directory: name a file", flag, output)
	}
	if err := mayWriteBeside(flag, output, inputs...); err != nil {
		return err
	}
	if err != nil {
		return nil // There is no such file yet, or writing it tells what is wrong.
	}
	for i := 0; i < len(inputs); i += 2 {
		if from, err := os.Stat(inputs[i+1]); err == nil && from.Mode().IsRegular() && os.SameFile(from, to) {
			return badInputf("--%s %s is also --%s: choose another file, or the input would be lost", flag, output, inputs[i])
		}
	}
	return nil
}

// mayWriteBeside refuses an output, of whatever kind, that is or would be in an input that is a directory.
func mayWriteBeside(flag, output string, inputs ...string) error {
	for i := 0; i < len(inputs); i += 2 {
		if inputs[i+1] != "" && isIn(output, inputs[i+1]) {
			return badInputf("--%s %s is in the directory of --%s: choose another place, or the input would be lost or changed", flag, output, inputs[i])
		}
	}
	return nil
}

// mayWriteBesideRuns refuses an output that is a recipe or a file of rankings among a command's arguments, a file of texts that
// such a recipe or run names, or in the directory of a run, but for the place of its page.
func mayWriteBesideRuns(flag, output string, args ...string) error {
	if output == standard || output == "" {
		return nil
	}
	for _, arg := range args {
		path, _, isRun := runPlace(arg)
		if sameFile(output, path) {
			return badInputf("--%s %s is what %s names: choose another file, or it would be lost", flag, output, arg)
		}
		if !isRun {
			continue
		}
		dirs, texts := partsOfRun(path)
		for _, dir := range dirs {
			if isIn(output, dir) && !isPlaceOfPage(output, dir) {
				return badInputf("--%s %s is in the run directory %s, which holds what the run made: choose another place", flag, output, dir)
			}
		}
		for _, file := range texts {
			if sameFile(output, file) {
				return badInputf("--%s %s holds texts that %s was made from: choose another file, or they would be lost", flag, output, arg)
			}
		}
	}
	return nil
}

// partsOfRun are the directories of a run, or of the runs of a recipe with folds, and the files of texts that they were made
// from: those that the recipe names, and those that it named when it was last followed. What cannot be read is passed over,
// for reading the run tells of it.
func partsOfRun(path string) (dirs, texts []string) {
	beside := filepath.Dir(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		dirs, beside = []string{path}, filepath.Join(path, "..", "..") // runs/NAME beside the recipe
	} else if r, err := recipe.Load(path); err == nil {
		dirs, texts = dirsOfRecipe(r), textsOfRecipe(r)
	}
	for _, dir := range dirs {
		d, err := rundir.Open(dir, rundir.OpenOptions{ReadOnly: true})
		if err != nil {
			continue
		}
		names, err := d.DataNames()
		if err != nil {
			continue
		}
		for _, name := range names.Files() {
			texts = append(texts, (&runTexts{folder: beside}).path(name))
		}
	}
	return dirs, texts
}

// dirsOfRecipe are the directories of what a recipe makes.
func dirsOfRecipe(r *recipe.Recipe) []string {
	if r.Folds.Count == 0 {
		return []string{r.Dir()}
	}
	dirs := []string{r.FoldsDir()}
	for _, variant := range r.Variants() {
		for i := range r.Folds.Count {
			dirs = append(dirs, variant.Fold(i, "train.jsonl", "dev.jsonl").Dir())
		}
	}
	return dirs
}

// textsOfRecipe are the files of texts that a recipe names.
func textsOfRecipe(r *recipe.Recipe) []string {
	paths := []recipe.Path{r.Data.Corpus, r.Data.Train, r.Data.Dev, r.Data.Test, r.Data.Examples}
	for _, set := range r.Data.Also {
		paths = append(paths, set.Queries, set.Corpus)
	}
	for _, set := range r.Data.Sets {
		paths = append(paths, set.Train, set.Corpus, set.Dev, set.Examples)
	}
	var texts []string
	for _, p := range paths {
		if p.File != "" {
			texts = append(texts, p.File)
		}
	}
	return texts
}

// sameFile says whether two paths are of one regular file.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil || !first.Mode().IsRegular() {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// samePlace says whether two files, there or not, are one: by their paths, links or the directories that they are in.
func samePlace(a, b string) bool {
	if a == "" || b == "" || a == standard || b == standard {
		return a == b
	}
	first, errA := filepath.Abs(a)
	second, errB := filepath.Abs(b)
	return errA == nil && errB == nil && first == second || sameFile(a, b) || sameEntry(a, b)
}

// isPlaceOfPage says whether a path is the place of a run's page with charts, or would be.
func isPlaceOfPage(path, dir string) bool { return sameEntry(path, rundir.Layout(dir).Page()) }

// sameEntry says whether two paths are of one name in one directory that is there.
func sameEntry(a, b string) bool {
	folder, err := os.Stat(filepath.Dir(a))
	if err != nil {
		return false
	}
	other, err := os.Stat(filepath.Dir(b))
	return err == nil && os.SameFile(folder, other) && filepath.Base(a) == filepath.Base(b)
}

// isIn says whether a path, as it is written or behind links, is that of a directory or of anything in it, or whether it is
// a file that the directory shows by a link, as the Hugging Face cache shows its blobs. What is no directory has nothing
// in it.
func isIn(path, dir string) bool {
	folder, err := os.Stat(dir)
	if err != nil || !folder.IsDir() {
		return false
	}
	if path, err = filepath.Abs(path); err != nil {
		return false
	}
	places := []string{path, filepath.Dir(path)} // a link in the directory leads out of it and is in it all the same
	if target, err := behindLinks(path); err == nil {
		places = append(places, target)
	}
	if slices.ContainsFunc(places, func(place string) bool { return isUnder(place, folder) }) {
		return true
	}
	to, err := os.Stat(path)
	if err != nil || !to.Mode().IsRegular() {
		return false
	}
	found := false
	_ = filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error { // what cannot be read cannot be an input
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := os.Stat(file); err == nil && os.SameFile(info, to) {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// wouldLieIn says whether a path is that of a directory or of anything in it, links followed, whether or not they are there yet.
func wouldLieIn(path, dir string) bool {
	places := []string{path}
	if target, err := behindLinks(path); err == nil && target != path {
		places = append(places, target)
	}
	folder := placeOf(dir)
	info, err := os.Stat(dir)
	for _, place := range places {
		if relative, err := filepath.Rel(folder, placeOf(place)); err == nil && filepath.IsLocal(relative) {
			return true
		}
		if absolute, errAbs := filepath.Abs(place); err == nil && errAbs == nil && isUnder(absolute, info) { // under another spelling
			return true
		}
	}
	return false
}

// placeOf is the real place of a path, of which parts may not be there yet.
func placeOf(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	real, err := nearest(path)
	if err != nil {
		return path
	}
	for at, rest := path, ""; ; at, rest = filepath.Dir(at), filepath.Join(filepath.Base(at), rest) {
		if _, err := filepath.EvalSymlinks(at); err == nil || at == filepath.Dir(at) {
			return filepath.Join(real, rest)
		}
	}
}

// isUnder says whether an absolute path is a directory's or leads through it, links followed. Last parts of the path that
// are not there yet are passed over.
func isUnder(path string, folder os.FileInfo) bool {
	path, err := nearest(path)
	if err != nil {
		return false
	}
	for {
		if info, err := os.Stat(path); err == nil && os.SameFile(info, folder) {
			return true
		}
		if path == filepath.Dir(path) {
			return false
		}
		path = filepath.Dir(path)
	}
}

// nearest is the real place of a path, or of the nearest folder above it that is there.
func nearest(path string) (string, error) {
	for {
		place, err := filepath.EvalSymlinks(path)
		if err == nil || path == filepath.Dir(path) {
			return place, err
		}
		path = filepath.Dir(path)
	}
}

// writeOutput writes the file that a flag names: standard output where it names none, or "-", or that very file. A regular
// file is written whole or not at all, behind any links to it. What is no regular file, such as a pipe or a device, is
// opened and written: a file renamed to its place would be the end of it, and its reader would get nothing. A name that ends
// in .gz or .zst has it packed so.
func writeOutput(h *host, path string, write func(io.Writer) error) error {
	write = packed(path, write)
	if done, err := h.writeStream(path, write); done {
		return err
	}
	file, err := behindLinks(path)
	if err != nil {
		return err
	}
	return writeFile(h.files, file, write)
}

// writeStream is writeOutput of what is no regular file; of one it does nothing and says so.
func (h *host) writeStream(path string, write func(io.Writer) error) (done bool, err error) {
	info, err := os.Stat(path)
	switch {
	case path == "" || path == standard || err == nil && h.isOut(info):
		return true, write(failing{h.out})
	case err == nil && !info.Mode().IsRegular() && !info.IsDir():
		return true, writeThrough(path, write)
	}
	return false, nil
}

// writeFile is rundir.WriteFile, but an error of what makes the content says nothing of the file.
func writeFile(files rundir.FS, path string, write func(io.Writer) error) error {
	var content error
	watched := &watchedWriter{}
	err := rundir.WriteFile(files, path, func(w io.Writer) error {
		watched.Writer = failing{w}
		content = write(watched)
		return content
	})
	if content != nil && !watched.failed {
		return content
	}
	return err
}

// watchedWriter knows whether writing has failed.
type watchedWriter struct {
	io.Writer
	failed bool
}

// Write implements io.Writer.
func (w *watchedWriter) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	w.failed = w.failed || err != nil
	return n, err
}

// failing marks what is wrong with writing as a failure, through whatever takes other errors for the input's.
type failing struct{ io.Writer }

// Write implements io.Writer.
func (f failing) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	return n, asFailure(err)
}

// isOut says whether a file is the one that standard output goes to.
func (h *host) isOut(info os.FileInfo) bool {
	f, ok := h.out.(*os.File)
	if !ok {
		return false
	}
	out, err := f.Stat()
	return err == nil && os.SameFile(info, out)
}

// showsOut says whether a person watches standard output.
func (h *host) showsOut() bool {
	f, ok := h.out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func writeThrough(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriterSize(failing{f}, 1<<16)
	if err := write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// behindLinks is the path that symbolic links lead to, whether there is anything yet or not.
func behindLinks(path string) (string, error) {
	const most = 40 // as Linux follows
	for range most {
		target, err := os.Readlink(path)
		if err != nil {
			return path, nil // It is no link; if something else is wrong with it, writing tells.
		}
		if !filepath.IsAbs(target) {
			// Only from the folder's real place does ".." lead where the system goes.
			folder, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				return "", err
			}
			target = filepath.Join(folder, target)
		}
		path = target
	}
	return "", fmt.Errorf("%s: too many symbolic links", path)
}
