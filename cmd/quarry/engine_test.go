package main

import (
	"runtime/debug"
	"testing"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
)

// TestMemoryThatAFlagSetsIsNotLowered shares memory out beside mapped weights, with --memory and without.
func TestMemoryThatAFlagSetsIsNotLowered(t *testing.T) {
	const gib = 1 << 30
	for _, tc := range []struct {
		name       string
		flag       recipe.Size
		free, want int64
	}{
		{"a flag", 12 * gib, 24 * gib, 12 * gib},
		{"none", 0, 24 * gib, 7.5 * gib},
		{"none, on a machine that tells nothing", 0, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &host{machine: machine{MemoryFree: tc.free}}
			if got := (EngineOptions{Memory: tc.flag}).memory(h, model.Footprint{Mapped: 14 * gib}); got != tc.want {
				t.Errorf("%d bytes, want %d", got, tc.want)
			}
			if tc.want == 0 {
				return
			}
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1)) // of the tests, which is lowered
			h.process = &process{}
			left := (EngineOptions{Memory: tc.flag}).memory(h, model.Footprint{Mapped: 14 * gib, Held: gib})
			if h.process.limit != tc.want || h.process.held < gib || left > tc.want-reserve(tc.want)-gib {
				t.Errorf("of a limit of %d bytes, want %d, %d are left and %d held", h.process.limit, tc.want, left, h.process.held)
			}
		})
	}
}
