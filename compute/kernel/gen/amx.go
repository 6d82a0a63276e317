package main

import "fmt"

// general registers by the number that encodes them.
var registers = map[string]byte{"AX": 0, "CX": 1, "DX": 2, "BX": 3, "SI": 6, "DI": 7, "R8": 8, "R9": 9, "R10": 10, "R11": 11, "R12": 12, "R13": 13, "R14": 14}

// tileMove emits TILELOADD or TILESTORED (Intel SDM, volume 2): a tile at base + disp, its rows index bytes apart.
func (a *assembly) tileMove(name string, prefix byte, tile int, base, index string, disp int) {
	b, i := registers[base], registers[index]
	p1 := byte(0xe2) &^ (b >> 3 << 5) &^ (i >> 3 << 6)
	code := []byte{0xc4, p1, 0x78 | prefix, 0x4b, 0x84 | byte(tile)<<3, i&7<<3 | b&7, byte(disp), byte(disp >> 8), byte(disp >> 16), byte(disp >> 24)}
	a.bytesOf(fmt.Sprintf("%s T%d, %d(%s)(%s*1)", name, tile, disp, base, index), code...)
}

func (a *assembly) tileLoad(tile int, base, index string, disp int) {
	a.tileMove("TILELOADD", 3, tile, base, index, disp)
}

func (a *assembly) tileStore(tile int, base, index string, disp int) {
	a.tileMove("TILESTORED", 2, tile, base, index, disp)
}

func (a *assembly) tileZero(tile int) {
	a.bytesOf(fmt.Sprintf("TILEZERO T%d", tile), 0xc4, 0xe2, 0x7b, 0x49, 0xc0|byte(tile)<<3)
}

// tileMultiply adds the product of tiles x (rows by pairs) and y (pairs by columns) to acc.
func (a *assembly) tileMultiply(x, y, acc int) {
	a.bytesOf(fmt.Sprintf("TDPBF16PS T%d, T%d, T%d", y, x, acc), 0xc4, 0xe2, byte(^y&15)<<3|2, 0x5c, 0xc0|byte(acc)<<3|byte(x))
}

// productTiles is the product by AMX: two row tiles by two column tiles of sums, a single row tile at an odd end.
// Tiles are configured and released inside the call, since a goroutine may move to another thread between calls.
func (a *assembly) productTiles() {
	a.function("product", productComment("An element is the addend, then tiles of 32 along k in order; within a tile TDPBF16PS has an order of its own."), productArgs)
	a.p("LEAQ tileconfig<>(SB), AX")
	a.bytesOf("LDTILECFG (AX)", 0xc4, 0xe2, 0x78, 0x49, 0x00)
	a.load("b", "R9")
	a.load("strips", "R10")
	a.load("panelTiles", "R11")
	a.p("SHLQ $10, R11") // bytes of a panel
	a.load("ldc", "BX")
	a.p("SHLQ $2, BX")
	a.p("MOVQ $64, DX") // bytes of a tile's row
	a.p("TESTQ R10, R10")
	a.p("JLE end")
	a.label("strip")
	a.load("a", "SI")
	a.p("MOVQ %s, DI", a.argument("c"))
	a.p("MOVQ %s, R12", a.argument("rowTiles"))
	a.label("rows")
	a.p("CMPQ R12, $2")
	a.p("JLT single")
	a.tileBlock(2)
	a.p("SUBQ $2, R12")
	a.p("JMP rows")
	a.label("single")
	a.p("TESTQ R12, R12")
	a.p("JLE next")
	a.tileBlock(1)
	a.label("next")
	a.p("LEAQ (R9)(R11*2), R9")
	a.p("ADDQ $128, %s", a.argument("c"))
	a.p("DECQ R10")
	a.p("JG strip")
	a.label("end")
	a.bytesOf("TILERELEASE", 0xc4, 0xe2, 0x78, 0x49, 0xc0)
	a.ret()
}

// tileBlock multiplies height panels from SI on with the strip at R9 into c at DI, and moves SI and DI on.
// Sums are tiles 0-3, row by row; the operands are tiles 4 and 5 (rows), 6 and 7 (columns).
func (a *assembly) tileBlock(height int) {
	zero, loop, done := a.newLabel("zero"), a.newLabel("loop"), a.newLabel("done")
	start := a.newLabel("start")
	each := func(do func(tile int, base string, disp int)) {
		a.p("MOVQ DI, AX")
		for i := range height {
			do(2*i, "AX", 0)
			do(2*i+1, "AX", 64)
			if i+1 < height {
				a.p("MOVQ BX, R13")
				a.p("SHLQ $4, R13")
				a.p("ADDQ R13, AX")
			}
		}
	}
	a.p("MOVQ %s, AX", a.argument("accumulate"))
	a.p("TESTQ AX, AX")
	a.p("JZ %s", zero)
	each(func(tile int, base string, disp int) { a.tileLoad(tile, base, "BX", disp) })
	a.p("JMP %s", start)
	a.label(zero)
	for i := range 2 * height {
		a.tileZero(i)
	}
	a.label(start)
	a.p("MOVQ %s, CX", a.argument("kTiles"))
	a.p("TESTQ CX, CX")
	a.p("JLE %s", done)
	a.p("MOVQ R9, AX")
	a.p("LEAQ (R9)(R11*1), R13")
	a.p("MOVQ SI, R14")
	a.p("LEAQ (SI)(R11*1), R8")
	a.label(loop)
	a.tileLoad(6, "AX", "DX", 0)
	a.tileLoad(7, "R13", "DX", 0)
	a.tileLoad(4, "R14", "DX", 0)
	a.tileMultiply(4, 6, 0)
	a.tileMultiply(4, 7, 1)
	if height > 1 {
		a.tileLoad(5, "R8", "DX", 0)
		a.tileMultiply(5, 6, 2)
		a.tileMultiply(5, 7, 3)
		a.p("ADDQ $%d, R8", tileBytes)
	}
	a.p("ADDQ $%d, AX", tileBytes)
	a.p("ADDQ $%d, R13", tileBytes)
	a.p("ADDQ $%d, R14", tileBytes)
	a.p("DECQ CX")
	a.p("JG %s", loop)
	a.label(done)
	each(func(tile int, base string, disp int) { a.tileStore(tile, base, "BX", disp) })
	// c goes on below this block, a at the next panel.
	a.p("MOVQ BX, R13")
	a.p("SHLQ $4, R13")
	a.p("LEAQ (AX)(R13*1), DI")
	for range height {
		a.p("ADDQ R11, SI")
	}
}
