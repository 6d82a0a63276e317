package pipeline

import (
	"sync/atomic"
	"testing"
)

// TestAStagesMemoryIsItsOwn: what an earlier stage held is not in what a later one did, and of two stages, one within the other, each
// has seen the highest of its own time.
func TestAStagesMemoryIsItsOwn(t *testing.T) {
	var held, looks atomic.Int64
	now := func() int64 {
		looks.Add(1)
		return held.Load()
	}
	hold := func(bytes int64) {
		held.Store(bytes)
		for seen := looks.Load(); looks.Load() < seen+4; { // both have looked, and not with the value before
		}
	}
	held.Store(1)
	outer := watchMemory(now)
	hold(500)
	hold(2)
	inner := watchMemory(now)
	hold(70)
	hold(3)
	if got := inner(); got != 70 {
		t.Errorf("the inner stage held %d, want 70", got)
	}
	if got := outer(); got != 500 {
		t.Errorf("the outer stage held %d, want 500", got)
	}
	later := watchMemory(now)
	if got := later(); got != 3 {
		t.Errorf("a later stage held %d, want 3", got)
	}
	if got := watchMemory(nil)(); got != 0 {
		t.Errorf("%d bytes of a system that does not say", got)
	}
}
