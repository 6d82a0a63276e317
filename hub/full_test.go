package hub

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/quarry-ml/quarry/rundir"
)

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "part", Err: syscall.ENOSPC}
}

func TestAFullDisk(t *testing.T) {
	f := remote{name: "model.safetensors", digest: strings.Repeat("0", 64), lfs: true, size: 5}
	p := &pull{repository: Cache("cache").repository(Name{ID: "a/b"})}
	_, err := p.copy(f, fullDisk{}, strings.NewReader("12345"), 0, newDigest(f))
	var write *rundir.WriteError
	if !errors.As(err, &write) || !strings.Contains(err.Error(), "no room left on the disk") || !strings.Contains(write.Path, f.digest) {
		t.Errorf("error %v", err)
	}
	if errors.As(err, new(PassingError)) {
		t.Error("a full disk is tried again")
	}
}
