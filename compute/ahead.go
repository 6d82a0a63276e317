package compute

import (
	"slices"
	"sync"
	"sync/atomic"
)

// ahead asks the system for the next layer's weights while a layer computes, so that weights which are packed anew for every
// batch come from the disk meanwhile: those of a model larger than the memory. It asks for one layer, never for more.
type ahead struct {
	layout            layout
	forward, backward []layer // in the order of the passes
	next              int     // layer of the running pass that is yet to begin
	ask               func([]*Weight)

	advise func(w *Weight, ended *atomic.Bool) // asks for one weight, until it is asked for or the pass has ended
	queue  chan []*Weight                      // of the running pass; nil until something is asked for
	ended  atomic.Bool
	wait   sync.WaitGroup
}

// layer is the weights that a layer packs in a pass, in order.
type layer struct {
	from   int // its first operation, or its first step of the backward pass
	reads  []read
	wanted []*Weight // of reads, those that the running pass packs anew
}

// read is one packed form of a weight.
type read struct {
	weight     *Weight
	transposed bool
}

func (w *Workspace) newAhead() *ahead {
	a := &ahead{layout: w.engine.layout, advise: w.engine.advise}
	if a.advise != nil {
		a.ask = a.send
	}
	of := w.plan.Graph.Layers()
	steps := func(n int, op func(step int) (op int, again bool)) (layers []layer) {
		last := -1
		for step := range n {
			i, forward := op(step)
			if of[i] != last {
				layers, last = append(layers, layer{from: step}), of[i]
			}
			o, ok := w.operations[i].(*linear)
			if ok && !o.weight(0).Trainable() && (forward || o.wants(0)) {
				l := &layers[len(layers)-1]
				l.reads = append(l.reads, read{o.weight(0), forward})
			}
		}
		return layers
	}
	a.forward = steps(len(w.operations), func(step int) (int, bool) { return step, true })
	a.backward = steps(len(w.plan.Backward), func(step int) (int, bool) { return w.plan.Backward[step].Op, w.plan.Backward[step].Again })
	return a
}

// start begins a pass.
func (a *ahead) start() { a.next = 0 }

// reach says that a pass is about to do a step, and asks for the layer after that of the step if nobody has.
func (a *ahead) reach(layers []layer, step int) {
	begun := a.next
	for a.next < len(layers) && layers[a.next].from <= step {
		a.next++
	}
	if a.ask == nil || a.next == begun || a.next == len(layers) {
		return
	}
	l := &layers[a.next]
	l.wanted = l.wanted[:0]
	for _, r := range l.reads {
		if !r.weight.panels(r.transposed).holds(r.weight, a.layout) && !slices.Contains(l.wanted, r.weight) {
			l.wanted = append(l.wanted, r.weight)
		}
	}
	if len(l.wanted) > 0 {
		a.ask(l.wanted)
	}
}

// send has weights asked for on a goroutine, for the system may let who asks wait. Of a layer that nobody has begun to ask for
// when the next one is due, nothing is left to gain.
func (a *ahead) send(weights []*Weight) {
	if a.queue == nil {
		queue := make(chan []*Weight, 1)
		a.queue = queue
		a.ended.Store(false)
		a.wait.Go(func() {
			for weights := range queue {
				for _, w := range weights {
					a.advise(w, &a.ended)
				}
			}
		})
	}
	select {
	case <-a.queue:
	default:
	}
	a.queue <- weights
}

// end ends a pass: afterwards nobody looks at a weight, which may then be unmapped.
func (a *ahead) end() {
	if a.queue == nil {
		return
	}
	a.ended.Store(true)
	close(a.queue)
	a.queue = nil
	a.wait.Wait()
}
