package rundir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// lock is the hold of one process on a run directory. The lock is the system's own and ends with the process, however
// that ends; the file's content only tells the next one who holds it. The file stays, unless the directory goes under the
// lock (Remove, Empty): who had opened it before then sees that what it locked has the name no longer.
type lock struct{ held *flock.Flock }

// owner is the content of the lock file.
type owner struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"`
}

// ErrInUse says that another process has the run directory.
var ErrInUse = errors.New("in use by another quarry")

// acquire locks the directory, or says who has it. It works on the operating system's files, not through an FS: a lock
// is no artefact, and a process that died has none.
func acquire(l Layout) (*lock, error) {
	held := flock.New(l.Lock(), flock.SetPermissions(0o644))
	locked, err := held.TryLock()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errLockGone
	}
	if err != nil {
		return nil, Explain(l.Lock(), err)
	}
	if !locked {
		return nil, fmt.Errorf("run directory %s is %w (%s): wait until it ends or stop it, or use another run directory",
			l, ErrInUse, readOwner(l.Lock()))
	}
	if err := isStill(held, l.Lock()); err != nil {
		_ = held.Unlock() // as below
		return nil, err
	}
	if err := writeOwner(l.Lock()); err != nil {
		_ = held.Unlock() // the first error is the one to tell
		return nil, Explain(l.Lock(), err)
	}
	return &lock{held: held}, nil
}

// errLockGone says that the directory or its lock was removed meanwhile: look again.
var errLockGone = errors.New("the run directory was removed by another process meanwhile: try again")

// isStill returns errLockGone where the locked file is no longer that of the path.
func isStill(held *flock.Flock, path string) error {
	locked, err := held.Stat()
	if err != nil {
		return Explain(path, err)
	}
	named, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(locked, named) {
		return errLockGone
	}
	return Explain(path, err)
}

func (l *lock) release() error { return l.held.Unlock() }

// writeOwner writes into the locked file itself; a renamed one would not be the file that is locked.
func writeOwner(path string) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	content, err := json.Marshal(owner{PID: os.Getpid(), Host: host, Started: time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

// isOwned says whether a file is a lock that a process wrote itself into.
func isOwned(path string) bool {
	o, err := parseOwner(path)
	return err == nil && o.PID > 0 && !o.Started.IsZero()
}

func parseOwner(path string) (o owner, err error) {
	content, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(content, &o)
	}
	return o, err
}

func readOwner(path string) string {
	o, err := parseOwner(path)
	if err != nil {
		return "which one is not recorded"
	}
	return fmt.Sprintf("process %d on host %s, since %s", o.PID, o.Host, o.Started.Format(time.RFC3339))
}
