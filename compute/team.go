package compute

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// job is work cut into tasks that may run in any order on any worker.
type job interface {
	run(worker, task int)
}

// team is the goroutines of an engine and the memory each keeps for itself. One job runs at a time.
//
// A network is thousands of short jobs in a row, and putting a goroutine to sleep and waking it takes as long as some of
// them: who waits, for a job or for its end, looks for a while before sleeping.
type team struct {
	size    int
	mu      sync.Mutex // one job at a time
	helpers []*helper  // all workers but the caller's
	job     job
	tasks   int64
	next    atomic.Int64
	busy    atomic.Int64 // helpers that have not finished the job
	finish  waiter       // the caller's, until none is busy
	scratch [][]float32
}

// helper is a worker with a goroutine of its own.
type helper struct {
	jobs  atomic.Uint64 // jobs it was given so far
	ended atomic.Bool
	awake waiter
}

func newTeam(size int) *team {
	// Looking takes a processor from whoever has work, so nobody looks where goroutines outnumber processors.
	looks := time.Duration(0)
	if size <= runtime.GOMAXPROCS(0) {
		looks = patience
	}
	t := &team{size: size, finish: newWaiter(looks), scratch: make([][]float32, size)}
	for worker := 1; worker < size; worker++ {
		h := &helper{awake: newWaiter(looks)}
		t.helpers = append(t.helpers, h)
		go t.help(h, worker)
	}
	return t
}

func (t *team) help(h *helper, worker int) {
	for done := uint64(0); ; done++ {
		h.awake.until(func() bool { return h.jobs.Load() > done || h.ended.Load() })
		if h.jobs.Load() == done {
			return
		}
		t.work(worker)
		if t.busy.Add(-1) == 0 {
			t.finish.wake()
		}
	}
}

func (t *team) close() {
	for _, h := range t.helpers {
		h.ended.Store(true)
		h.awake.wake()
	}
	t.helpers = nil
}

// run does every task of a job and returns when all are done. The caller's goroutine is worker 0.
func (t *team) run(j job, tasks int) {
	if tasks <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.job, t.tasks = j, int64(tasks)
	t.next.Store(0)
	called := t.helpers[:min(len(t.helpers), tasks-1)]
	t.busy.Store(int64(len(called)))
	for _, h := range called {
		h.jobs.Add(1)
		h.awake.wake()
	}
	t.work(0)
	t.finish.until(func() bool { return t.busy.Load() == 0 })
	t.job = nil
}

func (t *team) work(worker int) {
	for {
		task := t.next.Add(1) - 1
		if task >= t.tasks {
			return
		}
		t.job.run(worker, int(task))
	}
}

// memory returns n float32s that belong to a worker until its task ends; they hold whatever the last task left.
func (t *team) memory(worker, n int) []float32 {
	if len(t.scratch[worker]) < n {
		t.scratch[worker] = Buffer(n)
	}
	return t.scratch[worker][:n]
}
