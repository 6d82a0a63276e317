package main

// gemm emits the tile of the matrix product: mr x nr accumulators in registers, two vectors of B and a broadcast of A for each k.
func (a *assembly) gemm() {
	a.startGemm()
	for i, r := range []string{"R8", "R9", "DI", "CX", "SI", "BX"} {
		a.load(gemmArgs[i].name, r)
	}
	a.p("SHLQ $2, SI")
	columns := a.nr / a.lanes
	tile := func(i, j int) string { return a.v(i*columns + j) }
	b0 := a.mr * columns
	for i := range a.mr {
		for j := range columns {
			r := tile(i, j)
			a.p("VXORPS %s, %s, %s", r, r, r)
		}
	}
	a.p("TESTQ CX, CX")
	a.p("JLE store")
	a.label("loop")
	for j := range columns {
		a.p("VMOVUPS %d(R9), %s", j*a.bytes(), a.v(b0+j))
	}
	for i := range a.mr {
		broadcast := b0 + columns + i&1
		a.p("VBROADCASTSS %d(R8), %s", 4*i, a.v(broadcast))
		for j := range columns {
			a.p("VFMADD231PS %s, %s, %s", a.v(b0+j), a.v(broadcast), tile(i, j))
		}
	}
	a.p("ADDQ $%d, R8", 4*a.mr)
	a.p("ADDQ $%d, R9", 4*a.nr)
	a.p("DECQ CX")
	a.p("JNZ loop")
	a.label("store")
	a.p("TESTQ BX, BX")
	a.p("JNZ add")
	for i := range a.mr {
		for j := range columns {
			a.p("VMOVUPS %s, %d(DI)", tile(i, j), j*a.bytes())
		}
		a.p("ADDQ SI, DI")
	}
	a.ret()
	a.label("add")
	for i := range a.mr {
		for j := range columns {
			a.p("VADDPS %d(DI), %s, %s", j*a.bytes(), tile(i, j), tile(i, j))
			a.p("VMOVUPS %s, %d(DI)", tile(i, j), j*a.bytes())
		}
		a.p("ADDQ SI, DI")
	}
	a.ret()
}

// transpose emits the packing of rows into columns: lanes rows of blocks·lanes elements each become blocks·lanes rows of lanes elements.
func (a *assembly) transpose() {
	a.startTranspose()
	for i, r := range []string{"DI", "SI", "CX", "R8", "R9"} {
		a.load(transposeArgs[i].name, r)
	}
	a.p("SHLQ $2, R8")
	a.p("SHLQ $2, R9")
	a.p("TESTQ CX, CX")
	a.p("JLE end")
	a.label("block")
	a.p("MOVQ SI, R10")
	for i := range a.lanes {
		a.p("VMOVUPS (R10), %s", a.v(i))
		if i < a.lanes-1 {
			a.p("ADDQ R8, R10")
		}
	}
	if a.wide() {
		a.transposeRegisters()
		for i := range 16 {
			a.p("VMOVUPS Z%d, (DI)", i)
			a.p("ADDQ R9, DI")
		}
	} else {
		a.transpose8()
	}
	a.p("ADDQ $%d, SI", a.bytes())
	a.p("DECQ CX")
	a.p("JNZ block")
	a.label("end")
	a.ret()
}

// transposeRegisters transposes the 16 x 16 words of Z0-Z15. It clobbers Z16-Z31.
func (a *assembly) transposeRegisters() {
	// Pairs of rows, then pairs of pairs: after these two steps register 4q+c holds, in lane group g, column 4g+c of rows 4q..4q+3.
	for i := 0; i < 16; i += 2 {
		a.p("VUNPCKLPS Z%d, Z%d, Z%d", i+1, i, 16+i)
		a.p("VUNPCKHPS Z%d, Z%d, Z%d", i+1, i, 17+i)
	}
	for q := 0; q < 16; q += 4 {
		a.p("VUNPCKLPD Z%d, Z%d, Z%d", 18+q, 16+q, q)
		a.p("VUNPCKHPD Z%d, Z%d, Z%d", 18+q, 16+q, q+1)
		a.p("VUNPCKLPD Z%d, Z%d, Z%d", 19+q, 17+q, q+2)
		a.p("VUNPCKHPD Z%d, Z%d, Z%d", 19+q, 17+q, q+3)
	}
	// Then the 4 x 4 transpose of lane groups.
	for c := range 4 {
		a.p("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 4+c, c, 16+c)
		a.p("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 4+c, c, 20+c)
		a.p("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 12+c, 8+c, 24+c)
		a.p("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 12+c, 8+c, 28+c)
	}
	for c := range 4 {
		a.p("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 24+c, 16+c, c)
		a.p("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 28+c, 20+c, 4+c)
		a.p("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 24+c, 16+c, 8+c)
		a.p("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 28+c, 20+c, 12+c)
	}
}

// transpose8 transposes Y0-Y7 through Y8-Y15 and stores the 8 rows at DI.
func (a *assembly) transpose8() {
	for i := 0; i < 8; i += 2 {
		a.p("VUNPCKLPS Y%d, Y%d, Y%d", i+1, i, 8+i)
		a.p("VUNPCKHPS Y%d, Y%d, Y%d", i+1, i, 9+i)
	}
	for q := 0; q < 8; q += 4 {
		a.p("VUNPCKLPD Y%d, Y%d, Y%d", 10+q, 8+q, q)
		a.p("VUNPCKHPD Y%d, Y%d, Y%d", 10+q, 8+q, q+1)
		a.p("VUNPCKLPD Y%d, Y%d, Y%d", 11+q, 9+q, q+2)
		a.p("VUNPCKHPD Y%d, Y%d, Y%d", 11+q, 9+q, q+3)
	}
	for c := range 4 {
		a.p("VPERM2F128 $0x20, Y%d, Y%d, Y%d", 4+c, c, 8+c)
		a.p("VPERM2F128 $0x31, Y%d, Y%d, Y%d", 4+c, c, 12+c)
	}
	for i := range 8 {
		a.p("VMOVUPS Y%d, (DI)", 8+i)
		a.p("ADDQ R9, DI")
	}
}
