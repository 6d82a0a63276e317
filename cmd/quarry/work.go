package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/rundir"
)

// work is the directory in which a command keeps what is costly until it has ended, piece by piece, so that the same command
// goes on from there. A nil work keeps nothing.
type work struct {
	dir   *rundir.Dir // its stamps say what a piece was made from
	host  *host
	keeps bool // after the command has ended, too
	own   bool // nobody else's to go on from: a temporary folder
	given bool // the directory was there before, without work
	made  bool // some piece is there
	ended bool
	gone  bool // removed, as far as that went
}

// openWork opens the directory, or makes it, and holds it against other processes. A directory that holds anything else, such as
// a run, is refused before anything in it changes: it would go at the end. One that the user has named, or made, does not go if it
// was there before.
func openWork(h *host, place string, named bool) (*work, error) {
	there, begun, err := lookAtWork(h, place)
	if err != nil {
		return nil, err
	}
	d, err := rundir.Open(place, rundir.OpenOptions{FS: h.files, Create: true})
	if errors.Is(err, rundir.ErrInUse) {
		return nil, fmt.Errorf("another process has the working directory: %w", err)
	}
	if err != nil {
		return nil, badInputf("--work: %w", err)
	}
	w := &work{dir: d, host: h, given: there && (named || !begun)}
	if err := w.checkOwn(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return w, nil
}

// lookAtWork refuses a directory that holds anything but work, without a change to it, and says whether it is there, and whether with
// work that has begun.
func lookAtWork(h *host, place string) (there, begun bool, err error) {
	if info, err := h.files.Stat(place); err != nil || !info.IsDir() {
		return false, false, nil // opening it tells what is wrong
	}
	w := work{dir: &rundir.Dir{Layout: rundir.Layout(place), FS: h.files}, host: h}
	if err := w.checkOwn(); errors.Is(err, fs.ErrNotExist) { // it goes just now
		return false, false, nil
	} else if err != nil {
		return false, false, err
	}
	begun, err = w.dir.Exists(w.dir.Format())
	return true, begun, err
}

// checkOwn refuses a directory that was not made by openWork.
func (w *work) checkOwn() error {
	sources, err := w.dir.Sources()
	if err != nil {
		return badInputf("--work: %w", err)
	}
	if len(sources) > 0 {
		return badInputf("--work %s is the directory of a run: choose another place", w.dir.Layout)
	}
	foreign, err := w.foreign()
	if err != nil {
		return badInputf("--work: %w", err)
	}
	if foreign != "" {
		return badInputf("--work %s holds something else than work (%s): choose another place", w.dir.Layout, foreign)
	}
	return nil
}

// foreign is a file in the directory that a work does not make; empty where there is none.
func (w *work) foreign() (string, error) {
	root := string(w.dir.Layout)
	found := ""
	var look func(dir string) error
	look = func(dir string) error {
		entries, err := w.dir.FS.ReadDir(dir)
		for _, entry := range entries {
			place := filepath.Join(dir, entry.Name())
			relative, err := filepath.Rel(root, place)
			if err != nil {
				return err
			}
			relative = filepath.ToSlash(relative)
			switch {
			case entry.IsDir() && slices.Contains(foldersOfWork, relative):
				if err := look(place); err != nil {
					return err
				}
			case entry.Type().IsRegular() && ofWork(relative):
				w.made = w.made || pieceName.MatchString(relative)
			case found == "":
				found = relative
			}
		}
		return err
	}
	return found, look(root)
}

// foldersOfWork are those in a working directory, relative to it: of the stamps.
var foldersOfWork = []string{"round-0", "round-0/stamps"}

// pieceName is what files of pieces are called.
var pieceName = regexp.MustCompile(`^(source-\d+\.(passages|queries)-\d{5,}\.npy|candidates-\d{5,}\.cand)$`)

// ofWork says whether a work makes a file of this path relative to its directory, under its name or a temporary one.
func ofWork(relative string) bool {
	folder, name := path.Split(relative)
	if inner, ok := strings.CutPrefix(name, "."); ok {
		name, ok = strings.CutSuffix(inner, ".tmp")
		if !ok {
			return false
		}
	}
	switch folder {
	case "":
		return name == filepath.Base(rundir.Layout("").Format()) || name == filepath.Base(rundir.Layout("").Lock()) || pieceName.MatchString(name)
	case foldersOfWork[1] + "/":
		piece, ok := strings.CutSuffix(name, ".json")
		return ok && pieceName.MatchString(piece)
	}
	return false
}

// temporaryWork is a work that no other command finds.
func temporaryWork(h *host) (*work, error) {
	place, err := os.MkdirTemp("", "quarry-work-*")
	if err != nil {
		return nil, err
	}
	w, err := openWork(h, place, false)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(place))
	}
	w.own, w.given = true, false
	return w, nil
}

// end removes what is kept, unless it is to stay. The command's results are there, so what cannot be removed is told and is no error.
func (w *work) end() {
	if w == nil {
		return
	}
	if w.ended = true; w.keeps {
		return
	}
	if err := w.remove(); err != nil {
		w.host.note("%s is done with and could not be removed: %v", w.dir.Layout, err)
	}
}

// remove gives up the directory without what is kept in it. The directory itself stays where it was there before, or where
// something else lies in it by now.
func (w *work) remove() error {
	foreign, err := w.foreign()
	if err != nil {
		return err
	}
	if foreign != "" {
		w.host.note("%s holds something else than work by now (%s), which is left there", w.dir.Layout, foreign)
	}
	w.gone = true
	if w.given || foreign != "" {
		return w.dir.Empty(ofWork)
	}
	return w.dir.Remove()
}

// close lets others have what end has not removed.
func (w *work) close() error {
	if w == nil {
		return nil
	}
	if !w.gone && (w.own || !w.made) {
		_ = w.remove() // what of a temporary folder stays is the system's to clear
	}
	return w.dir.Close()
}

// goOn adds to an error that ended the command what is left of the work.
func (w *work) goOn(err error) error {
	if err == nil || w == nil || w.own || w.ended || !w.made {
		return err
	}
	said := fmt.Sprintf("what is ready is kept in %s; the same command goes on from there", w.dir.Layout)
	if !errors.Is(err, context.Canceled) {
		w.host.note("%s", said)
	}
	return ifInterrupted(err, said)
}

// path is the file of a piece.
func (w *work) path(s rundir.Stage) string { return filepath.Join(string(w.dir.Layout), s.Name) }

// ready returns the stamp of every piece that is there as it should be, and nil for those to make. Of pieces that were made
// from something else it says so in a line.
func (w *work) ready(ctx context.Context, what string, pieces []rundir.Stage) ([]*rundir.Stamp, error) {
	stamps := make([]*rundir.Stamp, len(pieces))
	kept, stale := 0, 0
	var why []string
	for i, s := range pieces {
		found, err := w.dir.Check(ctx, s)
		if err != nil {
			return nil, err
		}
		switch {
		case found.Fresh():
			stamps[i] = found.Stamp
			w.made = true
			kept++
		case !found.New():
			if stale++; why == nil {
				why = found.Reasons
			}
		}
	}
	if stale > 0 {
		w.host.note("%s: %d of %d %s are made again: %s", w.dir.Layout, stale, len(pieces), what, strings.Join(why, "; "))
	}
	if kept > 0 {
		w.host.note("%s: %d of %d %s are there already", w.dir.Layout, kept, len(pieces), what)
	}
	return stamps, nil
}

// make writes a piece and stamps it, with what write fills in where told points.
func (w *work) make(ctx context.Context, s rundir.Stage, told any, write func(io.Writer) error) (*rundir.Stamp, error) {
	path := w.path(s)
	if err := writeFile(w.dir.FS, path, write); err != nil {
		return nil, err
	}
	s.Told = told
	stamp, err := w.dir.WriteStamp(ctx, s, []string{path})
	if err != nil {
		return nil, err
	}
	w.made = true
	return stamp, nil
}

// span is a run of rows or queries, the end not included.
type span struct{ first, end int }

func (s span) len() int { return s.end - s.first }

// spans cuts n of them into shards, the last of which may be smaller.
func spans(n, shard int) []span {
	var cut []span
	for first := 0; first < n; first += shard {
		cut = append(cut, span{first, min(first+shard, n)})
	}
	return cut
}
