package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// OpenOptions says what a command is about to do with a run directory.
type OpenOptions struct {
	FS FS // nil means OS

	// Create makes the directory when it is missing; without it a missing directory is an error.
	Create bool
	// ReadOnly takes no lock and changes nothing, for commands that only look, also while a run is under way.
	ReadOnly bool

	// Data names the recipe's data files and their digests. A name that the directory knows with another digest is an
	// error; new names are added. Nil checks nothing.
	Data []Source
	// Recipe is the name of the recipe that is to be followed. Another one than that of the recipe last followed is an error
	// (RecipeError). Empty checks nothing.
	Recipe string
	// Identity is the numeric identity of this process. Another one than the directory's is an error unless
	// AllowIdentityChange. Empty checks nothing, for commands that compute no numbers.
	Identity            string
	AllowIdentityChange bool
}

// Dir is an open run directory. It embeds the names of its files.
type Dir struct {
	Layout
	FS FS

	identity            string
	earlier             []string // identities whose work counts as this one's
	allowIdentityChange bool
	lock                *lock // nil when read only
}

// Open opens the run directory at path, locks it unless read only, checks that it is this recipe's, and removes what an
// interrupted run left under temporary names. Close it after use.
func Open(path string, o OpenOptions) (*Dir, error) {
	if o.FS == nil {
		o.FS = OS{}
	}
	d := &Dir{Layout: Layout(path), FS: o.FS, identity: o.Identity, allowIdentityChange: o.AllowIdentityChange}
	if o.ReadOnly {
		if err := d.prepare(o); err != nil {
			return nil, err
		}
		if _, err := d.checkFormat(o); err != nil {
			return nil, err
		}
		return d, nil
	}
	if err := d.hold(o); err != nil {
		return nil, err
	}
	if err := d.claim(o); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close gives up the lock. It writes nothing.
func (d *Dir) Close() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.release()
}

// passing is an error that the next look may not find.
type passing struct{ error }

// hold locks the directory, which others may be removing meanwhile.
func (d *Dir) hold(o OpenOptions) error {
	const most = 100 // times that others may be in between
	var err error
	for range most {
		if err = d.prepare(o); o.Create && (errors.Is(err, fs.ErrNotExist) || errors.As(err, &passing{})) {
			continue
		}
		if err != nil {
			return err
		}
		if d.lock, err = acquire(d.Layout); err == nil {
			if err = d.prepare(o); err != nil {
				err = errors.Join(err, d.Close())
			}
			return err
		}
		if !errors.Is(err, errLockGone) {
			return err
		}
	}
	return err
}

// prepare sees that there is a directory which is or may become a run directory.
func (d *Dir) prepare(o OpenOptions) error {
	info, err := d.FS.Stat(string(d.Layout))
	switch {
	case errors.Is(err, fs.ErrNotExist) && o.Create && !o.ReadOnly:
		return Explain(string(d.Layout), d.FS.MkdirAll(string(d.Layout)))
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("run directory %s does not exist: run the recipe first, or name the right one: %w", d.Layout, err)
	case err != nil:
		return fmt.Errorf("run directory: %w", err)
	case !info.IsDir():
		return fmt.Errorf("run directory %s is a file: choose another path", d.Layout)
	}
	if _, err := d.FS.Stat(d.Format()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.checkEmpty(o)
}

// checkEmpty keeps a run from filling a directory that holds something else.
func (d *Dir) checkEmpty(o OpenOptions) error {
	entries, err := d.FS.ReadDir(string(d.Layout))
	if err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	advice := "name that of a run, or its recipe"
	if o.Create && !o.ReadOnly {
		advice = "choose a new or empty one"
	}
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
	}
	if has(formatFile) { // by now
		return nil
	}
	shared := has(lockFile) && o.Create && !o.ReadOnly && d.lock == nil
	if shared && isOwned(d.Lock()) {
		return nil // another process may be at work in it: hold looks when it has the lock
	}
	for _, entry := range entries {
		if name := entry.Name(); name != lockFile && !isTemporary(name) {
			err := fmt.Errorf("%s is not a run directory: it has files (%s) but no %s: %s", d.Layout, name, formatFile, advice)
			if info, statErr := d.FS.Stat(d.Lock()); shared && (statErr != nil || info.Size() == 0) {
				return passing{err} // another process comes or goes
			}
			return err
		}
	}
	if !o.Create || o.ReadOnly {
		return fmt.Errorf("%s is not a run directory: it has no %s: run the recipe first, or name the right one",
			d.Layout, formatFile)
	}
	return nil
}

// claim makes the directory this run's: cleaned, checked, and its format file up to date.
func (d *Dir) claim(o OpenOptions) error {
	format, err := d.checkFormat(o)
	if err != nil {
		return err
	}
	if err := RemoveTemporary(d.FS, string(d.Layout)); err != nil {
		return err
	}
	return d.updateFormat(format, o)
}

// Identity is the numeric identity that the directory was opened with, else the directory's own.
func (d *Dir) Identity() string { return d.identity }

// Name is the last part of the directory's path, for headings.
func (d *Dir) Name() string {
	path := strings.TrimRight(string(d.Layout), `/\`)
	return path[strings.LastIndexAny(path, `/\`)+1:]
}

// Exists says whether there is a file or directory at a path.
func (d *Dir) Exists(path string) (bool, error) {
	_, err := d.FS.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
