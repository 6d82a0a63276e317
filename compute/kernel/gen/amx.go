package main

import "fmt"

// general registers by the number that encodes them.
var registers = map[string]byte{"AX": 0, "CX": 1, "DX": 2, "BX": 3, "SI": 6, "DI": 7, "R8": 8, "R9": 9, "R10": 10, "R11": 11, "R12": 12, "R13": 13}

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

// tileConfigure takes the configuration at AX.
func (a *assembly) tileConfigure() { a.bytesOf("LDTILECFG (AX)", 0xc4, 0xe2, 0x78, 0x49, 0x00) }

func (a *assembly) tileRelease() { a.bytesOf("TILERELEASE", 0xc4, 0xe2, 0x78, 0x49, 0xc0) }

func (a *assembly) tileZero(tile int) {
	a.bytesOf(fmt.Sprintf("TILEZERO T%d", tile), 0xc4, 0xe2, 0x7b, 0x49, 0xc0|byte(tile)<<3)
}

// tileMultiply adds the product of tiles x (rows by pairs) and y (pairs by columns) to acc.
func (a *assembly) tileMultiply(x, y, acc int) {
	a.bytesOf(fmt.Sprintf("TDPBF16PS T%d, T%d, T%d", y, x, acc), 0xc4, 0xe2, byte(^y&15)<<3|2, 0x5c, 0xc0|byte(acc)<<3|byte(x))
}

// cacheTiles is the tiles along k that a strip of two panels is used for at a time: 24 KiB, so that it stays in a
// first-level cache of 48 KiB beside the rows' scratch.
const cacheTiles = 12

// productTiles is the product by AMX: two row tiles by two column tiles of sums, a single row tile at an odd end. Sums go
// through scratch, unrounded, between the cuts along k and to the vector registers that add bias and addend.
// Tiles are configured and released inside the call, since a goroutine may move to another thread between calls.
//
// Registers: R9 the strip, R11 bytes of a panel, BX bytes of a row of c, DX bytes of a tile's row,
// SI, DI, R14, R10 where the next row tiles are in a, c, addend and scratch, R12 rows that are left.
func (a *assembly) productTiles() {
	a.locals(24)
	const done, chunk, more = "0(SP)", "8(SP)", "16(SP)" // tiles along k that are done, those of this cut, those after it
	a.function("product", productComment+"An element is tiles of 32 along k in order, then bias, then addend; within a tile TDPBF16PS has an order of its own.", productArgs)
	a.p("LEAQ tileconfig<>(SB), AX")
	a.tileConfigure()
	a.load("b", "R9")
	a.load("kTiles", "R11")
	a.p("SHLQ $10, R11")
	a.load("ldc", "BX")
	a.p("SHLQ $2, BX")
	a.p("CMPQ %s, $0", a.argument("columns"))
	a.p("JLE end")
	a.label("strip")
	a.p("MOVQ %s, R10", a.argument("columns"))
	a.columnMasks("R10", 2, 3)
	a.p("MOVQ $0, %s", done)
	a.label("cut")
	a.cutStart(done, chunk, more)
	a.label("rows")
	a.p("CMPQ R12, $%d", tileSide)
	a.p("JLE single")
	a.tileBlock(2, done, chunk)
	a.p("JMP summed")
	a.label("single")
	a.tileBlock(1, done, chunk)
	a.label("summed")
	a.p("CMPQ %s, $0", more)
	a.p("JG next")
	a.epilogue()
	a.label("next")
	// Scratch is one block for all rows unless sums wait in it for the next cut.
	a.p("CMPQ %s, $%d", a.argument("kTiles"), cacheTiles)
	a.p("JLE same")
	a.p("ADDQ $%d, R10", 4*tileBytes)
	a.label("same")
	a.p("SUBQ $%d, R12", 2*tileSide)
	a.p("JG rows")
	a.p("MOVQ %s, AX", chunk)
	a.p("ADDQ AX, %s", done)
	a.p("CMPQ %s, $0", more)
	a.p("JG cut")
	a.p("LEAQ (R9)(R11*2), R9")
	a.nextStrip()
	a.p("SUBQ $%d, %s", 2*tileSide, a.argument("columns"))
	a.p("JG strip")
	a.label("end")
	a.tileRelease()
	a.ret()
}

// cutStart settles how many tiles along k the next cut has, and goes back to the first rows.
func (a *assembly) cutStart(done, chunk, more string) {
	a.load("kTiles", "AX")
	a.p("SUBQ %s, AX", done)
	a.p("MOVQ $%d, CX", cacheTiles)
	a.p("CMPQ AX, CX")
	a.p("CMOVQLT AX, CX")
	a.p("MOVQ CX, %s", chunk)
	a.p("SUBQ CX, AX")
	a.p("MOVQ AX, %s", more)
	a.load("a", "SI")
	a.p("MOVQ %s, AX", done)
	a.p("SHLQ $10, AX")
	a.p("ADDQ AX, SI")
	a.p("MOVQ %s, DI", a.argument("c"))
	a.p("MOVQ %s, R14", a.argument("addend"))
	a.p("MOVQ %s, R10", a.argument("scratch"))
	a.p("MOVQ %s, R12", a.argument("rows"))
}

// fetchedRows is the rows of c that each step along k fetches into the cache, so that the block's 32 rows are there when it
// is stored: they lie far apart, no processor foresees them, and c is rarely in the cache. Measured with c of 12 MB: 1.3
// times as fast.
const fetchedRows = 3

// tileBlock adds height panels at SI times the strip to the scratch block at R10, [32, 32], and moves SI on.
// Sums are tiles 0-3, row by row; the operands are tiles 4 and 5 (rows), 6 and 7 (columns). It clobbers AX, CX, R8, R13, R15.
func (a *assembly) tileBlock(height int, done, chunk string) {
	zero, start, loop, sum := a.newLabel("zero"), a.newLabel("start"), a.newLabel("loop"), a.newLabel("sum")
	a.p("MOVQ $%d, R13", 2*tileSide*4) // bytes of a row of scratch
	block := func(move func(tile int, base, index string, disp int)) {
		for i := range height {
			move(2*i, "R10", "R13", i*2*tileBytes)
			move(2*i+1, "R10", "R13", i*2*tileBytes+64)
		}
	}
	a.p("CMPQ %s, $0", done)
	a.p("JZ %s", zero)
	block(a.tileLoad)
	a.p("JMP %s", start)
	a.label(zero)
	for i := range 2 * height {
		a.tileZero(i)
	}
	a.label(start)
	a.p("MOVQ %s, CX", chunk)
	a.p("MOVQ %s, AX", done)
	a.p("SHLQ $10, AX")
	a.p("ADDQ R9, AX")
	a.p("MOVQ SI, R8")
	a.p("MOVQ $64, DX")
	a.p("MOVQ DI, R15")
	a.p("TESTQ CX, CX")
	a.p("JLE %s", sum)
	a.label(loop)
	a.tileLoad(6, "AX", "DX", 0)
	a.p("LEAQ (AX)(R11*1), R13")
	a.tileLoad(7, "R13", "DX", 0)
	a.tileLoad(4, "R8", "DX", 0)
	for range fetchedRows {
		a.p("PREFETCHT0 (R15)")
		a.p("PREFETCHT0 64(R15)")
		a.p("ADDQ BX, R15")
	}
	a.tileMultiply(4, 6, 0)
	a.tileMultiply(4, 7, 1)
	if height > 1 {
		a.p("LEAQ (R8)(R11*1), R13")
		a.tileLoad(5, "R13", "DX", 0)
		a.tileMultiply(5, 6, 2)
		a.tileMultiply(5, 7, 3)
	}
	a.p("ADDQ $%d, AX", tileBytes)
	a.p("ADDQ $%d, R8", tileBytes)
	a.p("DECQ CX")
	a.p("JG %s", loop)
	a.label(sum)
	a.p("MOVQ $%d, R13", 2*tileSide*4)
	block(a.tileStore)
	for range height {
		a.p("ADDQ R11, SI")
	}
}

// epilogue takes up to 32 rows of sums from scratch to c, with bias (Z2, Z3) and addend, and moves DI and R14 on.
func (a *assembly) epilogue() {
	a.p("MOVQ $%d, CX", 2*tileSide)
	a.p("CMPQ R12, CX")
	a.p("CMOVQLT R12, CX")
	a.p("MOVQ R10, R8")
	row := func(label string, addend bool) {
		a.label(label)
		a.p("VADDPS (R8), Z2, Z0")
		a.p("VADDPS 64(R8), Z3, Z1")
		if addend {
			a.p("VADDPS (R14), Z0, K1, Z0")
			a.p("VADDPS 64(R14), Z1, K2, Z1")
			a.p("ADDQ R15, R14")
		}
		a.p("VMOVUPS Z0, K1, (DI)")
		a.p("VMOVUPS Z1, K2, 64(DI)")
		a.p("ADDQ $%d, R8", 2*tileSide*4)
		a.p("ADDQ BX, DI")
		a.p("DECQ CX")
		a.p("JG %s", label)
	}
	a.p("TESTQ R14, R14")
	a.p("JZ plain")
	a.load("ldAddend", "R15")
	a.p("SHLQ $2, R15")
	row("added", true)
	a.p("JMP next")
	row("plain", false)
}
