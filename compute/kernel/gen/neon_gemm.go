package main

import "fmt"

// gemm emits the tile of the matrix product: mr x nr sums in registers, for each k three vectors of A, two of B, and each
// lane of A times the vectors of B.
func (n *neon) gemm() {
	const a, b, more = 24, 27, 24 // registers of A, of B, and of C once the sums are done
	n.startGemm()
	for i, arg := range gemmArgs {
		n.load(arg.name, fmt.Sprintf("R%d", i))
	}
	n.p("LSL $2, R4")
	for r := range n.mr * 2 {
		n.zero(r)
	}
	n.p("CBZ R3, store")
	n.label("loop")
	n.p("FLDPQ.P 32(R1), (F%d, F%d)", b, b+1)
	n.p("FLDPQ (R0), (F%d, F%d)", a, a+1)
	n.p("FMOVQ 32(R0), F%d", a+2)
	n.p("ADD $%d, R0", 4*n.mr)
	for i := range n.mr {
		for j := range 2 {
			n.multiplyElement(2*i+j, b+j, a+i/n.lanes, i%n.lanes)
		}
	}
	n.p("SUB $1, R3")
	n.p("CBNZ R3, loop")
	n.label("store")
	n.p("CBNZ R5, add")
	row := func(i int) {
		n.p("FSTPQ (F%d, F%d), (R2)", 2*i, 2*i+1)
		n.p("ADD R4, R2")
	}
	for i := range n.mr {
		row(i)
	}
	n.ret()
	n.label("add")
	for i := range n.mr {
		n.p("FLDPQ (R2), (F%d, F%d)", more, more+1)
		for j := range 2 {
			n.simd("fadd", 2*i+j, 2*i+j, more+j)
		}
		row(i)
	}
	n.ret()
}

// transpose emits the packing of rows into columns, in blocks of 4 x 4.
func (n *neon) transpose() {
	n.startTranspose()
	for i, arg := range transposeArgs {
		n.load(arg.name, fmt.Sprintf("R%d", i))
	}
	n.p("LSL $2, R3")
	n.p("LSL $2, R4")
	n.p("CBZ R2, end")
	n.label("block")
	n.p("MOVD R1, R10")
	for i := range n.lanes {
		n.p("FMOVQ (R10), F%d", i)
		n.p("ADD R3, R10")
	}
	for i := 0; i < n.lanes; i += 2 { // pairs of rows: even columns in 4 and 6, odd ones in 5 and 7
		n.p("VTRN1 V%d.S4, V%d.S4, V%d.S4", i+1, i, 4+i)
		n.p("VTRN2 V%d.S4, V%d.S4, V%d.S4", i+1, i, 5+i)
	}
	for i := range 2 { // pairs of pairs
		n.p("VTRN1 V%d.D2, V%d.D2, V%d.D2", 6+i, 4+i, i)
		n.p("VTRN2 V%d.D2, V%d.D2, V%d.D2", 6+i, 4+i, 2+i)
	}
	for i := range n.lanes {
		n.p("FMOVQ F%d, (R0)", i)
		n.p("ADD R4, R0")
	}
	n.p("ADD $16, R1")
	n.p("SUB $1, R2")
	n.p("CBNZ R2, block")
	n.label("end")
	n.ret()
}
