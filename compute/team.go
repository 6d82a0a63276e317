package compute

import (
	"sync"
	"sync/atomic"
)

// job is work cut into tasks that may run in any order on any worker.
type job interface {
	run(worker, task int)
}

// team is the goroutines of an engine and the memory each keeps for itself. One job runs at a time.
type team struct {
	size    int
	mu      sync.Mutex // one job at a time
	start   []chan struct{}
	done    chan struct{}
	job     job
	tasks   int64
	next    atomic.Int64
	scratch [][]float32
}

func newTeam(size int) *team {
	t := &team{size: size, done: make(chan struct{}, size), scratch: make([][]float32, size)}
	for i := 1; i < size; i++ {
		start := make(chan struct{}, 1)
		t.start = append(t.start, start)
		go func() {
			for range start {
				t.work(i)
				t.done <- struct{}{}
			}
		}()
	}
	return t
}

func (t *team) close() {
	for _, start := range t.start {
		close(start)
	}
	t.start = nil
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
	helpers := min(len(t.start), tasks-1)
	for i := range helpers {
		t.start[i] <- struct{}{}
	}
	t.work(0)
	for range helpers {
		<-t.done
	}
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
