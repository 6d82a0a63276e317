package compute

import (
	"sync/atomic"
	"time"
)

// patience is how long a waiter looks before it sleeps: about what sleeping and waking cost.
const patience = 30 * time.Microsecond

// looksPerClock is how often it looks between two glances at the clock, which take longer.
const looksPerClock = 64

// waiter is where one goroutine waits for what others bring about: it looks for a while, then sleeps until it is woken.
type waiter struct {
	looks  time.Duration
	asleep atomic.Bool
	signal chan struct{} // holds the one signal of whoever took asleep back
}

func newWaiter(looks time.Duration) waiter {
	return waiter{looks: looks, signal: make(chan struct{}, 1)}
}

// until returns once ready is true. Whoever makes it true calls wake afterwards.
func (w *waiter) until(ready func() bool) {
	for start := time.Now(); w.looks > 0 && time.Since(start) < w.looks; {
		for range looksPerClock {
			if ready() {
				return
			}
		}
	}
	for !ready() {
		// A swap, not a store: emulators of arm64 let the look after a store overtake it, and then neither side sees the other.
		w.asleep.Swap(true)
		// What became true before asleep was seen would wake nobody.
		if ready() && w.asleep.CompareAndSwap(true, false) {
			return
		}
		<-w.signal
	}
}

// wake ends the sleep, if there is one, of the goroutine that waits.
func (w *waiter) wake() {
	if w.asleep.Load() && w.asleep.CompareAndSwap(true, false) {
		w.signal <- struct{}{}
	}
}
