package main

import (
	"fmt"
	"strings"
)

// The layout of bf16 operands, one for every path that multiplies them: tiles of 16 words by 16 words, 1,024 bytes, a word
// being a pair of bf16 neighbours along k. A left panel holds 16 rows: word [row][pair]. A right panel holds 16 columns:
// word [pair][column]. The tiles of a panel follow each other along k; beyond k, rows or columns they hold zeros.
const (
	tileSide  = 16
	tileBytes = 4 * tileSide * tileSide
	pairs     = tileSide // of k in a tile
)

// bytesOf writes an instruction that the Go assembler does not know.
func (a *assembly) bytesOf(comment string, code ...byte) {
	parts := make([]string, len(code))
	for i, b := range code {
		parts[i] = fmt.Sprintf("BYTE $0x%02x", b)
	}
	a.p("%s // %s", strings.Join(parts, "; "), comment)
}

// evex is a 512-bit register form of map 0F38, W0 (Intel SDM, volume 2, section 2.7.1): dst, first source, second source.
func (a *assembly) evex(name string, prefix, opcode byte, dst, first, second int) {
	inverted := func(r, bit int) byte { return byte(^r>>bit) & 1 }
	p0 := inverted(dst, 3)<<7 | inverted(second, 4)<<6 | inverted(second, 3)<<5 | inverted(dst, 4)<<4 | 2
	p1 := byte(^first&15)<<3 | 4 | prefix
	p2 := byte(2<<5) | inverted(first, 4)<<3
	a.bytesOf(fmt.Sprintf("%s Z%d, Z%d, Z%d", name, second, first, dst), 0x62, p0, p1, p2, opcode, 0xc0|byte(dst&7)<<3|byte(second&7))
}

// convert rounds two vectors to bf16, to nearest even: low fills the lower half of dst, high the upper.
func (a *assembly) convert(low, high, dst int) { a.evex("VCVTNE2PS2BF16", 3, 0x72, dst, high, low) }

// multiplyPairs adds to each float of acc the products of two bf16 pairs.
func (a *assembly) multiplyPairs(x, y, acc int) { a.evex("VDPBF16PS", 2, 0x52, acc, x, y) }

// packing emits the kernels that write panels, from rows along k and from rows across it, of floats that they round and of
// bf16 that they take as it is.
func (a *assembly) packing() {
	a.packRows()
	a.packColumns()
	a.copyRows()
	a.copyColumns()
}

// packStart loads the arguments: DI dst, SI src, R8 lines, CX k that is left, R9 stride in bytes, BX transposed. kind is
// the type of src, of 1<<shift bytes an element.
func (a *assembly) packStart(name, comment, kind string, shift int) {
	args := []arg{{"dst", "*float32"}, {"src", kind}, {"lines", "int"}, {"k", "int"}, {"stride", "int"}, {"transposed", "int"}}
	a.function(name, comment, args)
	for i, r := range []string{"DI", "SI", "R8", "CX", "R9", "BX"} {
		a.load(args[i].name, r)
	}
	a.p("SHLQ $%d, R9", shift)
}

// packEnd stores the tile of Z0-Z15, as it is or transposed, and goes on while k is left.
func (a *assembly) packEnd() {
	a.p("TESTQ BX, BX")
	a.p("JZ store")
	a.transposeRegisters()
	a.label("store")
	for i := range tileSide {
		a.p("VMOVUPS Z%d, %d(DI)", i, 64*i)
	}
	a.p("ADDQ $%d, DI", tileBytes)
	a.p("SUBQ $%d, CX", 2*pairs)
	a.p("JG block")
	a.label("end")
	a.ret()
}

func (a *assembly) packRows() {
	a.packStart("packRows", "writes the panel of up to 16 lines of k floats, stride floats apart: word [line][pair], or [pair][line] when transposed.", "*float32", 2)
	a.p("TESTQ CX, CX")
	a.p("JLE end")
	a.label("block")
	// K1 and K2 let in what is left of k, in halves of 16 floats.
	a.p("MOVQ $%d, R10", 2*pairs)
	a.p("CMPQ CX, R10")
	a.p("CMOVQLT CX, R10")
	a.p("MOVL $-1, R11")
	a.p("BZHIL R10, R11, R11")
	a.p("KMOVW R11, K1")
	a.p("SHRL $16, R11")
	a.p("KMOVW R11, K2")
	for i := range tileSide {
		a.p("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	a.p("MOVQ SI, R10")
	for i := range tileSide {
		a.p("CMPQ R8, $%d", i)
		a.p("JLE loaded")
		a.p("VMOVUPS.Z (R10), K1, Z16")
		a.p("VMOVUPS.Z 64(R10), K2, Z17")
		a.convert(16, 17, i)
		a.p("ADDQ R9, R10")
	}
	a.label("loaded")
	a.p("ADDQ $%d, SI", 8*pairs)
	a.packEnd()
}

func (a *assembly) packColumns() {
	a.packStart("packColumns", "writes the panel of up to 16 columns of k lines, stride floats apart: word [pair][column], or [column][pair] when transposed.", "*float32", 2)
	a.p("TESTQ CX, CX")
	a.p("JLE end")
	a.p("MOVL $-1, R11")
	a.p("BZHIL R8, R11, R11")
	a.p("KMOVW R11, K1")
	a.label("block")
	a.p("VMOVDQU32 interleave<>(SB), Z18") // the transposition clobbers it
	for i := range tileSide {
		a.p("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	for i := range pairs {
		a.p("CMPQ CX, $%d", 2*i)
		a.p("JLE loaded")
		a.p("VMOVUPS.Z (SI), K1, Z16")
		a.p("ADDQ R9, SI")
		a.p("VPXORD Z17, Z17, Z17")
		odd := a.newLabel("odd")
		a.p("CMPQ CX, $%d", 2*i+1)
		a.p("JLE %s", odd)
		a.p("VMOVUPS.Z (SI), K1, Z17")
		a.p("ADDQ R9, SI")
		a.label(odd)
		a.convert(16, 17, i)
		a.p("VPERMW Z%d, Z18, Z%d", i, i)
	}
	a.label("loaded")
	a.packEnd()
}

// copyRows is packRows of bf16: a tile's part of a line is one register as it stands.
func (a *assembly) copyRows() {
	a.packStart("copyRows", "is packRows of bf16, stride of them apart.", "*uint16", 1)
	a.p("TESTQ CX, CX")
	a.p("JLE end")
	a.label("block")
	a.p("MOVQ $%d, R10", 2*pairs)
	a.p("CMPQ CX, R10")
	a.p("CMOVQLT CX, R10")
	a.p("MOVL $-1, R11")
	a.p("BZHIL R10, R11, R11")
	a.p("KMOVD R11, K1")
	for i := range tileSide {
		a.p("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	a.p("MOVQ SI, R10")
	for i := range tileSide {
		a.p("CMPQ R8, $%d", i)
		a.p("JLE loaded")
		a.p("VMOVDQU16.Z (R10), K1, Z%d", i)
		a.p("ADDQ R9, R10")
	}
	a.label("loaded")
	a.p("ADDQ $%d, SI", 4*pairs)
	a.packEnd()
}

// copyColumns is packColumns of bf16: two lines of 16 go into the halves of 16 words.
func (a *assembly) copyColumns() {
	a.packStart("copyColumns", "is packColumns of bf16, stride of them apart.", "*uint16", 1)
	a.p("TESTQ CX, CX")
	a.p("JLE end")
	a.p("MOVL $-1, R11")
	a.p("BZHIL R8, R11, R11")
	a.p("KMOVW R11, K1")
	a.label("block")
	for i := range tileSide {
		a.p("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	for i := range pairs {
		a.p("CMPQ CX, $%d", 2*i)
		a.p("JLE loaded")
		a.p("VPMOVZXWD.Z (SI), K1, Z%d", i)
		a.p("ADDQ R9, SI")
		a.p("CMPQ CX, $%d", 2*i+1)
		a.p("JLE loaded")
		a.p("VPMOVZXWD.Z (SI), K1, Z16")
		a.p("ADDQ R9, SI")
		a.p("VPSLLD $16, Z16, Z16")
		a.p("VPORD Z16, Z%d, Z%d", i, i)
	}
	a.label("loaded")
	a.packEnd()
}

// The arguments of a bf16 product: c [rows, columns] = a·b + bias + addend, of panels that are kTiles tiles long. bias and
// addend may be nil; addend may be c. scratch holds 32 columns of the rows, whole tiles.
var productArgs = []arg{
	{"a", "*float32"}, {"b", "*float32"}, {"c", "*float32"}, {"scratch", "*float32"}, {"bias", "*float32"}, {"addend", "*float32"},
	{"kTiles", "int"}, {"rows", "int"}, {"columns", "int"}, {"ldc", "int"}, {"ldAddend", "int"},
}

const productComment = "sets c = a·b + bias + addend, rows by columns; ldc and ldAddend count floats. bias and addend may be nil, addend may be c.\n// "

// columnMasks lets in, by K1 and K2, what is left of the columns of a strip (in register left), in halves of 16, and loads
// the strip's bias to two registers, or zeros. It moves the bias on. It clobbers AX and CX.
func (a *assembly) columnMasks(left string, bias0, bias1 int) {
	none := a.newLabel("none")
	a.p("MOVQ $32, AX")
	a.p("CMPQ %s, AX", left)
	a.p("CMOVQLT %s, AX", left)
	a.p("MOVL $-1, CX")
	a.p("BZHIL AX, CX, CX")
	a.p("KMOVW CX, K1")
	a.p("SHRL $16, CX")
	a.p("KMOVW CX, K2")
	a.p("VPXORD Z%d, Z%d, Z%d", bias0, bias0, bias0)
	a.p("VPXORD Z%d, Z%d, Z%d", bias1, bias1, bias1)
	a.p("MOVQ %s, AX", a.argument("bias"))
	a.p("TESTQ AX, AX")
	a.p("JZ %s", none)
	a.p("VMOVUPS.Z (AX), K1, Z%d", bias0)
	a.p("VMOVUPS.Z 64(AX), K2, Z%d", bias1)
	a.p("ADDQ $128, %s", a.argument("bias"))
	a.label(none)
}

// nextStrip moves c and addend on by 32 columns. It clobbers AX.
func (a *assembly) nextStrip() {
	none := a.newLabel("none")
	a.p("ADDQ $128, %s", a.argument("c"))
	a.p("MOVQ %s, AX", a.argument("addend"))
	a.p("TESTQ AX, AX")
	a.p("JZ %s", none)
	a.p("ADDQ $128, %s", a.argument("addend"))
	a.label(none)
}

// productPairs is the product by VDPBF16PS: 8 rows by 32 columns of sums.
func (a *assembly) productPairs() {
	a.function("product", productComment+"An element is the pairs of k in order, then bias, then addend.", productArgs)
	const rows, b0, broadcast, bias = 8, 16, 18, 22
	a.load("b", "R9")
	a.load("kTiles", "R11")
	a.p("SHLQ $10, R11") // bytes of a panel
	a.load("ldc", "BX")
	a.p("SHLQ $2, BX")
	a.load("ldAddend", "R15")
	a.p("SHLQ $2, R15")
	a.p("CMPQ %s, $0", a.argument("columns"))
	a.p("JLE end")
	a.label("strip")
	a.p("MOVQ %s, R10", a.argument("columns"))
	a.columnMasks("R10", bias, bias+1)
	a.load("a", "SI")
	a.p("MOVQ %s, DI", a.argument("c"))
	a.p("MOVQ %s, R14", a.argument("addend"))
	a.p("MOVQ %s, R12", a.argument("rows"))
	a.p("XORQ R13, R13")
	a.label("half")
	for i := range 2 * rows {
		a.p("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	a.p("MOVQ SI, AX")
	a.p("MOVQ R9, DX")
	a.p("MOVQ R11, CX")
	a.p("TESTQ CX, CX")
	a.p("JLE out")
	a.label("tile")
	a.p("MOVQ $%d, R8", pairs/4)
	a.label("pair")
	for p := range 4 {
		a.p("VMOVUPS %d(DX), Z%d", 64*p, b0)
		a.p("VMOVUPS %d(DX)(R11*1), Z%d", 64*p, b0+1)
		for i := range rows {
			t := broadcast + i&3
			a.p("VPBROADCASTD %d(AX), Z%d", 64*i+4*p, t)
			a.multiplyPairs(b0, t, 2*i)
			a.multiplyPairs(b0+1, t, 2*i+1)
		}
	}
	a.p("ADDQ $16, AX")
	a.p("ADDQ $256, DX")
	a.p("DECQ R8")
	a.p("JNZ pair")
	a.p("ADDQ $%d, AX", tileBytes-64)
	a.p("SUBQ $%d, CX", tileBytes)
	a.p("JG tile")
	a.label("out")
	a.storePairs(rows, bias)
	// The second half of a tile begins 8 rows on; after it, the next panel.
	a.p("ADDQ $%d, SI", 64*rows)
	a.p("XORQ $1, R13")
	a.p("JNZ next")
	a.p("LEAQ -%d(SI)(R11*1), SI", tileBytes)
	a.label("next")
	a.p("SUBQ $%d, R12", rows)
	a.p("JG half")
	a.p("LEAQ (R9)(R11*2), R9")
	a.nextStrip()
	a.p("SUBQ $%d, %s", 2*tileSide, a.argument("columns"))
	a.p("JG strip")
	a.label("end")
	a.ret()
}

// storePairs takes the sums of rows, two registers each, to c, with bias and addend, as far as rows are left.
func (a *assembly) storePairs(rows, bias int) {
	for i := range rows {
		plain := a.newLabel("plain")
		a.p("CMPQ R12, $%d", i)
		a.p("JLE stored")
		a.p("VADDPS Z%d, Z%d, Z%d", bias, 2*i, 2*i)
		a.p("VADDPS Z%d, Z%d, Z%d", bias+1, 2*i+1, 2*i+1)
		a.p("TESTQ R14, R14")
		a.p("JZ %s", plain)
		a.p("VADDPS (R14), Z%d, K1, Z%d", 2*i, 2*i)
		a.p("VADDPS 64(R14), Z%d, K2, Z%d", 2*i+1, 2*i+1)
		a.p("ADDQ R15, R14")
		a.label(plain)
		a.p("VMOVUPS Z%d, K1, (DI)", 2*i)
		a.p("VMOVUPS Z%d, K2, 64(DI)", 2*i+1)
		a.p("ADDQ BX, DI")
	}
	a.label("stored")
}
