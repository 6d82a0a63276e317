package rundir

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"
)

// PartialVersion is the version of the record beside a partial file; a file with another is begun anew.
const PartialVersion = 1

const (
	partialSuffix = ".partial"
	recordSuffix  = ".partial.json"
)

// MarkEvery is how much work between two marks a kill may cost. A mark waits for the disk, which takes far less.
const MarkEvery = 30 * time.Second

// Partial is a file in the making that outlives the process: what it was marked at is there for the next one to go on from.
// Until Finish gives it its name it stands beside the target as "name.partial", with "name.partial.json" that says what it
// is made from and how much of it holds.
type Partial struct {
	fsys     FS
	path     string
	of       func() (string, error)
	file     File
	buffer   *bufio.Writer
	size     int64     // written
	marked   int64     // of that, recorded as lasting
	recorded bool      // there is a record
	begun    time.Time // or marked last
	due      bool      // MarkDue was called
}

// partialRecord is the content of "name.partial.json".
type partialRecord struct {
	Version int    `json:"version"`
	Of      string `json:"of"`    // digest of the stage that makes the file
	Bytes   int64  `json:"bytes"` // from the start that hold; what is behind them a crash may have torn
}

// OpenPartial opens the file of a stage that an earlier process has not finished, cut to what was marked, or an empty one
// where there is none, or one of another stage, input, option or identity. Close it, finished or not.
func (d *Dir) OpenPartial(path string, s Stage) (*Partial, error) {
	stamp, err := d.describe(s)
	if err != nil {
		return nil, err
	}
	stage, err := CanonicalJSON(stamp)
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", s.Name, err)
	}
	return OpenPartial(d.FS, path, func() (string, error) { return DigestBytes(stage), nil })
}

// OpenPartial is Dir.OpenPartial of a file anywhere. of is a digest of all that its bytes depend on; it is asked for when there is
// something to go on from, or to be marked, once.
func OpenPartial(fsys FS, path string, of func() (string, error)) (*Partial, error) {
	p := &Partial{fsys: fsys, path: filepath.Clean(path), of: sync.OnceValues(of), begun: time.Now()}
	if err := p.open(); err != nil {
		return nil, Explain(p.Name(), err)
	}
	return p, nil
}

// Name is the file while it is not finished.
func (p *Partial) Name() string   { return p.path + partialSuffix }
func (p *Partial) record() string { return p.path + recordSuffix }

func (p *Partial) open() error {
	if err := p.fsys.MkdirAll(filepath.Dir(p.path)); err != nil {
		return err
	}
	if err := p.look(); err != nil {
		return err
	}
	open := p.fsys.OpenAppend
	if p.marked == 0 {
		open = p.fsys.Create
		if err := p.forget(); err != nil {
			return err
		}
	} else if err := p.fsys.Truncate(p.Name(), p.marked); err != nil {
		return err
	}
	var err error
	if p.file, err = open(p.Name()); err != nil {
		return err
	}
	p.buffer = bufio.NewWriterSize(p.file, 1<<16)
	p.size = p.marked
	return nil
}

// look finds how many bytes an earlier process has marked. The file is to begin anew where there are none, as it is where the record
// is one that this package has not written: nothing is lost with it that cannot be made again.
func (p *Partial) look() error {
	content, err := ReadFile(p.fsys, p.record())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	p.recorded = true
	var r partialRecord
	if ParseJSON(p.record(), content, &r) != nil || r.Version != PartialVersion {
		return nil
	}
	if of, err := p.of(); err != nil || r.Of != of {
		return err
	}
	info, err := p.fsys.Stat(p.Name())
	if errors.Is(err, fs.ErrNotExist) { // finished, and stopped before the record went
		return nil
	}
	if err != nil {
		return err
	}
	if r.Bytes > 0 && info.Size() >= r.Bytes {
		p.marked = r.Bytes
	}
	return nil
}

// forget removes a record, for good: it may never speak of the bytes of another file.
func (p *Partial) forget() error {
	if !p.recorded {
		return nil
	}
	if err := RemoveAll(p.fsys, p.record()); err != nil {
		return err
	}
	p.recorded = false
	return p.fsys.SyncDir(filepath.Dir(p.path))
}

// Size is how many bytes there are, those of earlier processes included.
func (p *Partial) Size() int64 { return p.size }

// Write implements io.Writer.
func (p *Partial) Write(b []byte) (int, error) {
	n, err := p.buffer.Write(b)
	p.size += int64(n)
	return n, Explain(p.Name(), err)
}

// Mark makes all that was written lasting: a later process goes on behind it.
func (p *Partial) Mark() error {
	if p.size == p.marked {
		return nil
	}
	if err := p.flush(); err != nil {
		return err
	}
	if p.marked == 0 { // the name, too
		if err := p.fsys.SyncDir(filepath.Dir(p.path)); err != nil {
			return Explain(p.Name(), err)
		}
	}
	of, err := p.of()
	if err != nil {
		return err
	}
	p.marked, p.recorded, p.begun = p.size, true, time.Now()
	return WriteJSON(p.fsys, p.record(), partialRecord{Version: PartialVersion, Of: of, Bytes: p.marked})
}

// MarkDue is Mark where so much time has passed since the last one. It is to be called whenever what is written ends well.
func (p *Partial) MarkDue(every time.Duration) error {
	p.due = true
	if time.Since(p.begun) < every {
		return nil
	}
	return p.Mark()
}

// MarkLast is Mark for a process that ends before its time, and says whether there is anything to go on from: what was written
// before the first MarkDue is not worth it.
func (p *Partial) MarkLast() (kept bool, err error) {
	if p.due {
		err = p.Mark()
	}
	return p.marked > 0 && err == nil, err
}

// Finish gives the file its name, with all that was written.
func (p *Partial) Finish() error {
	if err := p.flush(); err != nil {
		return err
	}
	if err := p.close(); err != nil {
		return Explain(p.Name(), err)
	}
	if err := p.fsys.Rename(p.Name(), p.path); err != nil {
		return Explain(p.path, err)
	}
	if err := p.fsys.SyncDir(filepath.Dir(p.path)); err != nil {
		return Explain(p.path, err)
	}
	return Explain(p.record(), p.forget())
}

// Close closes a file that is not finished. What was marked stays; where nothing was, nothing does.
func (p *Partial) Close() error {
	if p.file == nil {
		return nil
	}
	err := p.close()
	if p.marked == 0 {
		_ = RemoveAll(p.fsys, p.Name()) // as in WriteFile
	}
	return Explain(p.Name(), err)
}

// Discard closes a file that is not finished and leaves nothing of it, marked or not: the next one begins anew.
func (p *Partial) Discard() error {
	err := p.close()
	p.marked = 0
	return Explain(p.Name(), errors.Join(err, p.forget(), RemoveAll(p.fsys, p.Name())))
}

func (p *Partial) flush() error {
	err := p.buffer.Flush()
	if err == nil {
		err = p.file.Sync()
	}
	return Explain(p.Name(), err)
}

func (p *Partial) close() error {
	err := p.file.Close()
	p.file = nil
	return err
}
