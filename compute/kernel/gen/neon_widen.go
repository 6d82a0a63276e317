package main

import "fmt"

// widens emits the kernels that make float32 of 16 bits. SHLL shifts by the width of an element, which is what bf16 lacks;
// FCVTL takes IEEE 754's half precision, as long as FPCR.AHP is 0, which it is in Go and C.
func (n *neon) widens() {
	n.widen("widen", "bf16", "shll", "shll2")
	n.widen("widenF16", "F16", "fcvtl.4s", "fcvtl2.4s")
}

// widen takes two vectors a step by two instructions, one of the lower and one of the upper four, then the vector that is left.
func (n *neon) widen(name, kind, lower, upper string) {
	n.function(name, fmt.Sprintf("sets dst to src, %d·blocks %s.", n.lanes, kind), widenArgs)
	for i, arg := range widenArgs {
		n.load(arg.name, fmt.Sprintf("R%d", i))
	}
	n.label("two")
	n.p("CMP $2, R2")
	n.p("BLT one")
	n.p("FMOVQ.P 16(R1), F0")
	n.simd(lower, 1, 0)
	n.simd(upper, 2, 0)
	n.p("FSTPQ.P (F1, F2), 32(R0)")
	n.p("SUB $2, R2")
	n.p("JMP two")
	n.label("one")
	n.p("CMP $1, R2")
	n.p("BLT end")
	n.p("FMOVD (R1), F0")
	n.simd(lower, 1, 0)
	n.p("FMOVQ F1, (R0)")
	n.label("end")
	n.ret()
}
