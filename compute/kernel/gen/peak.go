package main

import "fmt"

// The kernels that measure what a processor can do at most: rounds of independent multiply-adds on registers, enough of them
// that none waits for another. Only benchmarks call them, so that programs are linked without.

var peakArgs = []arg{{"rounds", "int"}}

func peakComment(perRound int) string {
	return fmt.Sprintf("does rounds of %d operations in float32, a multiply-add being two, that touch no memory.", perRound)
}

// peak repeats sums multiply-adds of vectors, each of so many operations a lane.
func (a *assembly) peak(sums, operations int, multiplyAdd func(sum, x, y int)) {
	a.function("peak", peakComment(sums*operations*a.lanes), peakArgs)
	a.load("rounds", "CX")
	for i := range sums + 2 {
		a.p("VXORPS %s, %s, %s", a.v(i), a.v(i), a.v(i))
	}
	a.label("round")
	for i := range sums {
		multiplyAdd(i, sums, sums+1)
	}
	a.p("DECQ CX")
	a.p("JG round")
	a.ret()
}

// peakFused is peak by fused multiply-adds: two a cycle of a latency of up to five.
func (a *assembly) peakFused() {
	a.peak(12, 2, func(sum, x, y int) { a.p("VFMADD231PS %s, %s, %s", a.v(y), a.v(x), a.v(sum)) })
}

// peakPairs is peak by VDPBF16PS, two multiply-adds a lane.
func (a *assembly) peakPairs() {
	a.peak(24, 4, func(sum, x, y int) { a.multiplyPairs(x, y, sum) })
}

// peakTiles is peak by AMX: six tiles of sums, of two tiles of zeros.
func (a *assembly) peakTiles() {
	const sums = 6
	a.function("peak", peakComment(sums*2*tileSide*tileSide*2*pairs), peakArgs)
	a.p("LEAQ tileconfig<>(SB), AX")
	a.tileConfigure()
	a.load("rounds", "CX")
	for i := range sums + 2 {
		a.tileZero(i)
	}
	a.label("round")
	for i := range sums {
		a.tileMultiply(sums, sums+1, i)
	}
	a.p("DECQ CX")
	a.p("JG round")
	a.tileRelease()
	a.ret()
}

func (n *neon) peak() {
	const sums = 24
	n.function("peak", peakComment(sums*2*n.lanes), peakArgs)
	n.load("rounds", "R0")
	for i := range sums + 2 {
		n.zero(i)
	}
	n.label("round")
	for i := range sums {
		n.multiplyAdd(i, sums, sums+1)
	}
	n.p("SUB $1, R0")
	n.p("CBNZ R0, round")
	n.ret()
}
