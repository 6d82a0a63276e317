package compute

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
)

// TestTheNextLayersWeightsAreAskedFor records what is asked for, layer by layer: behind each layer's name the weights that are
// asked for as it begins.
func TestTheNextLayersWeightsAreAskedFor(t *testing.T) {
	const onwards = "0: q0 k0 v0 o0 up0 down0; 1: q1 k1 v1 o1 up1 down1; 2: q2 k2 v2 o2 up2 down2" // layer 0 is the table of words
	const back = "0: down1 up1 o1 v1 k1 q1; 1: down0 up0 o0 v0 k0 q0"
	const twice = "0: q1 k1 v1 o1 up1 down1; 1: q0 k0 v0 o0 up0 down0"
	for _, c := range []struct {
		name              string
		memory            int64
		plan              func(g *tensor.Graph, trainable []bool, tokens, sequences int) *tensor.Plan
		forward, backward string
	}{
		{"weights are packed for every batch", 1, tensor.NewPlan, onwards, back},
		{"layers are computed again", 1, tensor.NewRecomputingPlan, onwards, twice},
		{"packed weights are kept", 0, tensor.NewPlan, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := stack(3, false)
			weights := testWeights(t, g, false)
			trainable := make([]bool, len(weights))
			weights[1].Gradient, trainable[1] = make([]float32, len(weights[1].Values)), true // of positions: all layers pass a gradient on
			w, err := testEngine(t, arithmetic{kernel.Portable, F32}, 1, c.memory).NewWorkspace(c.plan(g, trainable, 20, 4), weights)
			if err != nil {
				t.Fatal(err)
			}
			var asked []string
			w.ahead.ask = func(weights []*Weight) {
				line := string(rune('0'+w.ahead.next-1)) + ":"
				for _, x := range weights {
					line += " " + x.Name
				}
				asked = append(asked, line)
			}
			pass := func() (fore, behind string) {
				_, direction := loss(forward(t, w, testBatch(3, 9)))
				fore, asked = strings.Join(asked, "; "), nil
				if err := w.Backward(t.Context(), direction); err != nil {
					t.Fatal(err)
				}
				behind, asked = strings.Join(asked, "; "), nil
				return fore, behind
			}
			pass() // packs what is kept
			if fore, behind := pass(); fore != c.forward || behind != c.backward {
				t.Errorf("forward %q, want %q\nbackward %q, want %q", fore, c.forward, behind, c.backward)
			}
		})
	}
}

// TestNoWeightIsLookedAtAfterAPass lets the asking of one layer last until the pass is over.
func TestNoWeightIsLookedAtAfterAPass(t *testing.T) {
	g := stack(3, false)
	e := testEngine(t, arithmetic{kernel.Portable, F32}, 1, 1)
	var mu sync.Mutex
	var names []string
	var busy atomic.Bool
	e.advise = func(w *Weight, ended *atomic.Bool) {
		busy.Store(true)
		defer busy.Store(false)
		mu.Lock()
		defer mu.Unlock()
		names = append(names, w.Name)
	}
	w := testWorkspace(t, e, g, testWeights(t, g, false), false)
	for range 3 {
		forward(t, w, testBatch(3, 9))
		if busy.Load() {
			t.Error("a weight is looked at when the pass is over")
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if last := names[len(names)-1]; last != "down2" || names[0] != "q0" && names[0] != "q1" && names[0] != "q2" {
		t.Errorf("asked for %v", names)
	}
}
