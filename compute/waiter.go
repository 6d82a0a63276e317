package compute

import "sync/atomic"

// patience is how often a waiter looks before it sleeps: some tens of microseconds, about what sleeping and waking cost.
const patience = 20_000

// waiter is where one goroutine waits for what others bring about: it looks for a while, then sleeps until it is woken.
type waiter struct {
	looks  int
	asleep atomic.Bool
	signal chan struct{} // holds the one signal of whoever took asleep back
}

func newWaiter(looks int) waiter { return waiter{looks: looks, signal: make(chan struct{}, 1)} }

// until returns once ready is true. Whoever makes it true calls wake afterwards.
func (w *waiter) until(ready func() bool) {
	for range w.looks {
		if ready() {
			return
		}
	}
	for !ready() {
		w.asleep.Store(true)
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
