package compute

import (
	"sync/atomic"
	"testing"
	"time"
)

type countedJob struct {
	counts []atomic.Int32
	delay  func(worker, task int)
}

func (c *countedJob) run(worker, task int) {
	if c.delay != nil {
		c.delay(worker, task)
	}
	c.counts[task].Add(1)
}

// Every task of every job is done once before run returns, however long workers look, sleep or lag behind.
func TestTeamDoesEveryTaskOnce(t *testing.T) {
	for _, tc := range []struct {
		name  string
		size  int
		delay func(worker, task int)
		pause time.Duration // between jobs, so that helpers fall asleep
		jobs  int
	}{
		{"alone", 1, nil, 0, 50},
		{"two", 2, nil, 0, 1000},
		{"more than processors", 9, nil, 0, 300},
		{"more than 64", 130, nil, 0, 30},
		{"asleep between jobs", 2, nil, time.Millisecond, 30},
		{"the caller waits", 2, func(worker, _ int) {
			if worker > 0 {
				time.Sleep(300 * time.Microsecond)
			}
		}, 0, 30},
		{"the helpers wait", 3, func(worker, _ int) {
			if worker == 0 {
				time.Sleep(300 * time.Microsecond)
			}
		}, 0, 30},
	} {
		t.Run(tc.name, func(t *testing.T) {
			team := newTeam(tc.size)
			defer team.close()
			for n := range tc.jobs {
				j := &countedJob{counts: make([]atomic.Int32, n%7), delay: tc.delay}
				team.run(j, len(j.counts))
				for task := range j.counts {
					if c := j.counts[task].Load(); c != 1 {
						t.Fatalf("job %d: task %d of %d was done %d times", n, task, len(j.counts), c)
					}
				}
				time.Sleep(tc.pause)
			}
		})
	}
}

// A waiter that a late wake reaches goes on waiting for its own cause.
func TestWaiterIgnoresALateWake(t *testing.T) {
	for _, looks := range []time.Duration{0, patience} {
		w := newWaiter(looks)
		var ready atomic.Bool
		done := make(chan struct{})
		go func() { w.until(ready.Load); close(done) }()
		for range 100 {
			w.wake()
			time.Sleep(10 * time.Microsecond)
		}
		select {
		case <-done:
			t.Fatal("woken before its cause")
		default:
		}
		ready.Store(true)
		w.wake()
		<-done
	}
}
