package main

import "fmt"

// form is an A64 instruction of at most three registers that Go's assembler does not know: its bits with register 0
// everywhere, and how the Arm Architecture Reference Manual (DDI 0487, sections C6.2 and C7.2) writes it. The first
// register is encoded from bit 0 on, the second from bit 5, the third from bit 16.
type form struct {
	word   uint32
	syntax string
}

var forms = map[string]form{
	"fadd":      {0x4e20d400, "fadd v%d.4s, v%d.4s, v%d.4s"},
	"fsub":      {0x4ea0d400, "fsub v%d.4s, v%d.4s, v%d.4s"},
	"fmul":      {0x6e20dc00, "fmul v%d.4s, v%d.4s, v%d.4s"},
	"fdiv":      {0x6e20fc00, "fdiv v%d.4s, v%d.4s, v%d.4s"},
	"fmax":      {0x4e20f400, "fmax v%d.4s, v%d.4s, v%d.4s"}, // NaN if either is
	"fmin":      {0x4ea0f400, "fmin v%d.4s, v%d.4s, v%d.4s"}, // NaN if either is
	"fcmgt":     {0x6ea0e400, "fcmgt v%d.4s, v%d.4s, v%d.4s"},
	"fcmge":     {0x6e20e400, "fcmge v%d.4s, v%d.4s, v%d.4s"},
	"fadd.2d":   {0x4e60d400, "fadd v%d.2d, v%d.2d, v%d.2d"},
	"mul":       {0x4ea09c00, "mul v%d.4s, v%d.4s, v%d.4s"},
	"cmhs":      {0x6ea03c00, "cmhs v%d.4s, v%d.4s, v%d.4s"},
	"bic":       {0x4e601c00, "bic v%d.16b, v%d.16b, v%d.16b"},
	"fsqrt":     {0x6ea1f800, "fsqrt v%d.4s, v%d.4s"},
	"frintn":    {0x4e218800, "frintn v%d.4s, v%d.4s"},
	"fcvtns":    {0x4e21a800, "fcvtns v%d.4s, v%d.4s"},
	"fcvtl":     {0x0e617800, "fcvtl v%d.2d, v%d.2s"},
	"fcvtl2":    {0x4e617800, "fcvtl2 v%d.2d, v%d.4s"},
	"fcvtl.4s":  {0x0e217800, "fcvtl v%d.4s, v%d.4h"},
	"fcvtl2.4s": {0x4e217800, "fcvtl2 v%d.4s, v%d.8h"},
	"shll":      {0x2e613800, "shll v%d.4s, v%d.4h, #16"},
	"shll2":     {0x6e613800, "shll2 v%d.4s, v%d.8h, #16"},
	"fmaxv":     {0x6e30f800, "fmaxv s%d, v%d.4s"},
	"faddp":     {0x7e30d800, "faddp s%d, v%d.2s"},
	"faddp.2d":  {0x7e70d800, "faddp d%d, v%d.2d"},
	"ldr":       {0x3ce06800, "ldr q%d, [x%d, x%d]"},
	"str":       {0x3ca06800, "str q%d, [x%d, x%d]"},
}

// encode returns the bits of an instruction and its text.
func encode(name string, registers ...int) (word uint32, text string) {
	f, known := forms[name]
	if !known {
		panic("no form " + name)
	}
	word = f.word
	operands := make([]any, len(registers))
	for i, r := range registers {
		word |= uint32(r) << [...]int{0, 5, 16}[i]
		operands[i] = r
	}
	return word, fmt.Sprintf(f.syntax, operands...)
}

// encodeElement is FMLA by element: acc += x·y[lane]. A lane is two bits, H:L.
func encodeElement(acc, x, y, lane int) (word uint32, text string) {
	word = 0x4f801000 | uint32(lane&1)<<21 | uint32(lane>>1)<<11 | uint32(y)<<16 | uint32(x)<<5 | uint32(acc)
	return word, fmt.Sprintf("fmla v%d.4s, v%d.4s, v%d.s[%d]", acc, x, y, lane)
}

// simd emits an instruction of forms.
func (n *neon) simd(name string, registers ...int) { n.word(encode(name, registers...)) }

// multiplyElement adds x·y[lane] to acc.
func (n *neon) multiplyElement(acc, x, y, lane int) { n.word(encodeElement(acc, x, y, lane)) }

func (n *neon) word(word uint32, text string) { n.p("WORD $0x%08x // %s", word, text) }

// multiplyAdd adds x·y to acc with one rounding.
func (n *neon) multiplyAdd(acc, x, y int) { n.p("VFMLA V%d.S4, V%d.S4, V%d.S4", y, x, acc) }

// multiplySubtract subtracts x·y from acc with one rounding.
func (n *neon) multiplySubtract(acc, x, y int) { n.p("VFMLS V%d.S4, V%d.S4, V%d.S4", y, x, acc) }

// Whole registers.
func (n *neon) zero(r int)      { n.p("VEOR V%d.B16, V%d.B16, V%d.B16", r, r, r) }
func (n *neon) and(d, x, y int) { n.p("VAND V%d.B16, V%d.B16, V%d.B16", y, x, d) }
func (n *neon) xor(d, x, y int) { n.p("VEOR V%d.B16, V%d.B16, V%d.B16", y, x, d) }
func (n *neon) or(d, x, y int)  { n.p("VORR V%d.B16, V%d.B16, V%d.B16", y, x, d) }
func (n *neon) copy(d, x int)   { n.p("VORR V%d.B16, V%d.B16, V%d.B16", x, x, d) }

// choose replaces the mask in d by the bits of x where it is set and those of y elsewhere.
func (n *neon) choose(d, x, y int) { n.p("VBSL V%d.B16, V%d.B16, V%d.B16", y, x, d) }

// Integers of 32 bits.
func (n *neon) addWords(d, x, y int)      { n.p("VADD V%d.S4, V%d.S4, V%d.S4", y, x, d) }
func (n *neon) shiftLeft(d, x, bits int)  { n.p("VSHL $%d, V%d.S4, V%d.S4", bits, x, d) }
func (n *neon) shiftRight(d, x, bits int) { n.p("VUSHR $%d, V%d.S4, V%d.S4", bits, x, d) }

// spread copies lane 0 of a register to all of it.
func (n *neon) spread(r int) { n.spreadLane(r, r, 0) }

func (n *neon) spreadLane(d, x, lane int) { n.p("VDUP V%d.S[%d], V%d.S4", x, lane, d) }

// sum folds the lanes of register r into lane 0: halves first, then the pair. It clobbers register t.
func (n *neon) sum(r, t int) {
	n.p("VEXT $8, V%d.B16, V%d.B16, V%d.B16", r, r, t)
	n.simd("fadd", r, r, t)
	n.simd("faddp", r, r)
}
