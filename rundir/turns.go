package rundir

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// InTurn does something that one process may do at a time: those that name the same file, which stays. waiting is called
// when another process is at it.
func InTurn(ctx context.Context, file string, waiting func(), do func() error) (err error) {
	const look = 200 * time.Millisecond
	if err := (OS{}).MkdirAll(filepath.Dir(file)); err != nil {
		return Explain(file, err)
	}
	held := flock.New(file, flock.SetPermissions(0o644))
	got, err := held.TryLock()
	if err == nil && !got {
		waiting()
		_, err = held.TryLockContext(ctx, look)
	}
	if err != nil {
		return Explain(file, err)
	}
	defer func() { err = errors.Join(err, held.Unlock()) }()
	return do()
}
