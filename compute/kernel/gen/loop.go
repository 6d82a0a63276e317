package main

import "fmt"

// access loads and stores one vector inside a loop body; the last, partial vector goes through a mask.
type access struct {
	a      *assembly
	masked bool
}

// The registers that a loop owns: AX counts elements done, CX the elements in all; the AVX2 tail mask lives in Y15, the AVX-512 one in K1.
const tailMask = 15

// loop runs body over n elements (count in CX), a vector at a time, then once more, masked, for the rest.
// In the body the element offset is AX: an operand is (base)(AX*4).
func (a *assembly) loop(body func(m access)) {
	a.p("XORQ AX, AX")
	a.loopOn(body)
}

// loopOn is loop from the element in AX on.
func (a *assembly) loopOn(body func(m access)) {
	whole, tail, done := a.newLabel("whole"), a.newLabel("tail"), a.newLabel("done")
	a.label(whole)
	a.p("LEAQ %d(AX), DX", a.lanes)
	a.p("CMPQ DX, CX")
	a.p("JGT %s", tail)
	body(access{a: a})
	a.p("ADDQ $%d, AX", a.lanes)
	a.p("JMP %s", whole)
	a.label(tail)
	a.p("MOVQ CX, DX")
	a.p("SUBQ AX, DX")
	a.p("JLE %s", done)
	a.mask()
	body(access{a: a, masked: true})
	a.label(done)
}

// mask makes the tail mask of DX lanes (0 < DX < lanes). It clobbers DX and R15.
func (a *assembly) mask() {
	if a.wide() {
		a.p("MOVQ $1, R15")
		a.p("SHLXQ DX, R15, R15")
		a.p("DECQ R15")
		a.p("KMOVW R15, K1")
		return
	}
	a.p("LEAQ lanemask<>+32(SB), R15")
	a.p("SHLQ $2, DX")
	a.p("SUBQ DX, R15")
	a.p("VMOVUPS (R15), %s", a.v(tailMask))
}

// load reads the vector at base + 4·AX; lanes beyond the end are zero.
func (m access) load(base string, register int) {
	m.loadFrom(fmt.Sprintf("(%s)(AX*4)", base), register)
}

func (m access) loadFrom(operand string, register int) {
	switch a := m.a; {
	case !m.masked:
		a.p("VMOVUPS %s, %s", operand, a.v(register))
	case a.wide():
		a.p("VMOVUPS.Z %s, K1, %s", operand, a.v(register))
	default:
		a.p("VMASKMOVPS %s, %s, %s", operand, a.v(tailMask), a.v(register))
	}
}

// store writes the vector to base + 4·AX; lanes beyond the end are not touched.
func (m access) store(register int, base string) {
	operand := fmt.Sprintf("(%s)(AX*4)", base)
	switch a := m.a; {
	case !m.masked:
		a.p("VMOVUPS %s, %s", a.v(register), operand)
	case a.wide():
		a.p("VMOVUPS %s, K1, %s", a.v(register), operand)
	default:
		a.p("VMASKMOVPS %s, %s, %s", a.v(register), a.v(tailMask), operand)
	}
}

// zeroTail zeroes the lanes beyond the end of a register that was computed, so that a sum over lanes ignores them.
func (m access) zeroTail(register int) {
	switch a := m.a; {
	case !m.masked:
	case a.wide():
		a.p("VMOVAPS.Z %s, K1, %s", a.v(register), a.v(register))
	default:
		a.p("VANDPS %s, %s, %s", a.v(tailMask), a.v(register), a.v(register))
	}
}

// fillTail sets the lanes beyond the end of a register to those of another.
func (m access) fillTail(register, filler, temporary int) {
	switch a := m.a; {
	case !m.masked:
	case a.wide():
		a.p("VMOVAPS %s, %s", a.v(filler), a.v(temporary))
		a.p("VMOVAPS %s, K1, %s", a.v(register), a.v(temporary))
		a.p("VMOVAPS %s, %s", a.v(temporary), a.v(register))
	default:
		a.p("VBLENDVPS %s, %s, %s, %s", a.v(tailMask), a.v(register), a.v(filler), a.v(register))
	}
}

// reduce folds the lanes of register r into lane 0 of it: halves first, then quarters, then pairs (a fixed order).
// op is VADDPS or VMAXPS. It clobbers register t.
func (a *assembly) reduce(op string, r, t int) {
	x, y, tx, ty := fmt.Sprintf("X%d", r), fmt.Sprintf("Y%d", r), fmt.Sprintf("X%d", t), fmt.Sprintf("Y%d", t)
	if a.wide() {
		a.p("VEXTRACTF64X4 $1, Z%d, %s", r, ty)
		a.p("%s %s, %s, %s", op, ty, y, y)
	}
	a.p("VEXTRACTF128 $1, %s, %s", y, tx)
	a.p("%s %s, %s, %s", op, tx, x, x)
	a.p("VPERMILPS $0x4e, %s, %s", x, tx)
	a.p("%s %s, %s, %s", op, tx, x, x)
	a.p("VPERMILPS $0xb1, %s, %s", x, tx)
	a.p("%s %s, %s, %s", op, tx, x, x)
}

// spread broadcasts lane 0 of register r to all of it.
func (a *assembly) spread(r int) { a.p("VBROADCASTSS X%d, %s", r, a.v(r)) }

// zero clears a register.
func (a *assembly) zero(r int) { a.p("VXORPS %s, %s, %s", a.v(r), a.v(r), a.v(r)) }
