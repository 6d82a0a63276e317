package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/recipe"
)

// process holds this process to a memory limit: what is anonymous or shared of its resident memory. Mapped files, which
// the system may drop and read again, are not in it. A nil process, that of tests whose commands share one, has no limit.
type process struct {
	limit int64 // 0 is none
	held  int64 // by texts, models and tables when the rest was shared out
}

// A limit is shared out between what is held, an engine, and a reserve: the program itself with its stacks and buffers,
// the chunks on their way to vectors among them, and what waits to be collected.
const (
	programBytes = 32 << 20
	garbageShare = 8 // an eighth
)

func reserve(limit int64) int64 { return programBytes + limit/garbageShare }

// hold sets the limit; 0 is none.
func (p *process) hold(limit int64) {
	if p == nil || limit == 0 {
		return
	}
	p.limit = limit
	// The runtime does not count the program's own data, and may go a little over while it collects.
	within := max(programBytes/2, limit-limit/32-programBytes/8)
	debug.SetMemoryLimit(min(within, debug.SetMemoryLimit(-1)))
}

// rest is what a limit, no higher than that before, leaves for an engine and a search beside all that is held by now, and more
// that will be: at least a byte, for nothing would be no limit.
func (p *process) rest(limit, more int64) int64 {
	p.hold(limit)
	p.held = liveAfterCollection() + more
	return max(leastRest, p.limit-reserve(p.limit)-p.held)
}

// limitFor is the limit under which an engine gets so many bytes: rest, turned around.
func (p *process) limitFor(engine int64) int64 {
	if p == nil {
		return engine
	}
	return (engine + p.held + programBytes) * garbageShare / (garbageShare - 1)
}

func liveAfterCollection() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// raise adds to an error of memory what --memory would have to be, and what else may be lowered.
func (h *host) raise(err error, less string) error {
	var least, left, beside int64
	var workers int
	switch {
	case as[*finetune.MemoryError](err):
		e := found[*finetune.MemoryError](err)
		least, left, beside, workers = e.Need.Least(), e.Limit, e.Need.Beside, e.Need.Workers
	case as[*embedding.MemoryError](err):
		e := found[*embedding.MemoryError](err)
		least, left, beside, workers = e.Least, e.Limit, e.Beside, e.Workers
	default:
		return err
	}
	of := ""
	if h.process != nil {
		of = fmt.Sprintf(" of the limit of %s", humanSize(h.process.limit, "none"))
	}
	up := fmt.Sprintf("raise --memory to at least %s, for the program and its texts too", recipe.Size(h.process.raised(least)))
	switch {
	case left <= leastRest: // nor would less work fit
		return badInputf("%w%s: %s", err, of, up)
	case workers > h.machine.workers() && beside > least/2:
		less = "--workers"
	}
	return badInputf("%w%s: %s, or lower %s", err, of, up, less)
}

// leastRest is the least that rest gives.
const leastRest = 1

// raised is the limit to raise memory to, in whole MiB, for an engine to get so many bytes.
func (p *process) raised(engine int64) int64 {
	const mib = 1 << 20
	return (p.limitFor(engine)/mib + 2) * mib // what is held varies by some kilobytes
}

// watch ends the reading of an input that memory does not hold, before it is full.
func (p *process) watch(r io.ReadCloser) io.ReadCloser {
	if p == nil || p.limit == 0 {
		return r
	}
	w := &watched{ReadCloser: r, most: p.limit - reserve(p.limit)/2}
	switch at := r.(type) {
	case *os.File:
		if info, err := at.Stat(); err == nil && info.Mode().IsRegular() {
			return watchedFile{w, at, info.Size()}
		}
	case section:
		return watchedFile{w, at, at.Size()}
	}
	return w
}

type watched struct {
	io.ReadCloser
	most int64 // bytes that may be live
	read int   // since the last look
}

// Read implements io.Reader.
func (w *watched) Read(b []byte) (int, error) {
	n, err := w.ReadCloser.Read(b)
	return w.look(n, err)
}

// watchedFile is an input that can be read at any place, as Parquet files are.
type watchedFile struct {
	*watched
	at   io.ReaderAt
	size int64
}

// ReadAt implements io.ReaderAt.
func (w watchedFile) ReadAt(b []byte, offset int64) (int, error) {
	n, err := w.at.ReadAt(b, offset)
	return w.look(n, err)
}

// Size is the length of the input in bytes.
func (w watchedFile) Size() int64 { return w.size }

// look passes a read on, unless what lives has grown too large meanwhile.
func (w *watched) look(n int, err error) (int, error) {
	const look = 1 << 20
	if w.read += n; w.read >= look {
		w.read = 0
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		if v := live[0].Value; v.Kind() == metrics.KindUint64 && v.Uint64() > uint64(max(0, w.most)) {
			return n, fmt.Errorf("what is read of it takes more memory than there is, %d MiB so far: raise --memory", v.Uint64()>>20)
		}
	}
	return n, err
}
