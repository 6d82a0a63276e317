package rundir

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// lock is the hold of one process on a run directory. The lock is the system's own and ends with the process, however
// that ends; the file's content only tells the next one who holds it. The file stays: removing it would let two
// processes lock two files of one name.
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
	if err != nil {
		return nil, Explain(l.Lock(), err)
	}
	if !locked {
		return nil, fmt.Errorf("run directory %s is %w (%s): wait until it ends or stop it, or use another run directory",
			l, ErrInUse, readOwner(l.Lock()))
	}
	if err := writeOwner(l.Lock()); err != nil {
		_ = held.Unlock() // the first error is the one to tell
		return nil, Explain(l.Lock(), err)
	}
	return &lock{held: held}, nil
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

func readOwner(path string) string {
	var o owner
	content, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(content, &o)
	}
	if err != nil {
		return "which one is not recorded"
	}
	return fmt.Sprintf("process %d on host %s, since %s", o.PID, o.Host, o.Started.Format(time.RFC3339))
}
