package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// neon writes the kernels for arm64: vectors of four floats, no masks. Instructions are those of Go's assembler where it
// knows them, and words of forms where it does not.
//
// General registers: R0-R5 the pointers, in the order of the arguments; R6 the bytes that are done, R7 bytes in all, R8
// bytes of whole vectors, R9 elements; R10-R13 are free; R14 the constants. R18 and R26-R30 belong to the system and to Go.
// Vector registers: constants that a kernel holds are from heldFrom on, sums from 8 on, the rest is for a loop's body.
type neon struct {
	*assembly
	pool []uint32       // constants of the file, each four times in memory
	held map[uint32]int // registers of the constants that the current kernel holds
}

const heldFrom = 16

func newNeon() *neon {
	return &neon{assembly: newAssembly(isa{name: "neon", lanes: 4, mr: 12, nr: 8})}
}

func (n *neon) kernels() {
	n.gemm()
	n.transpose()
	n.elementwise()
	n.reductions()
	n.norms()
	n.optimizer()
	n.widens()
	n.peak()
}

// load moves an argument of 8 bytes into a general register.
func (n *neon) load(name, register string) { n.p("MOVD %s, %s", n.argument(name), register) }

// loadScalar broadcasts an argument of 4 bytes to a vector register.
func (n *neon) loadScalar(name string, register int) {
	n.p("FMOVS %s, F%d", n.argument(name), register)
	n.spread(register)
}

func (n *neon) ret() { n.p("RET") }

// vectors starts a kernel over n elements. It holds constants in registers.
func (n *neon) vectors(name string, constants ...uint32) {
	s := signatures[name]
	n.function(name, s.comment, s.args())
	for i, p := range s.pointers {
		n.load(p, fmt.Sprintf("R%d", i))
	}
	n.load("n", "R9")
	n.p("LSL $2, R9, R7")
	n.p("AND $~15, R7, R8")
	n.hold(constants)
}

// hold loads constants into registers of their own, for the whole kernel.
func (n *neon) hold(constants []uint32) {
	n.held = map[uint32]int{}
	if len(constants) == 0 {
		return
	}
	n.p("MOVD $constants<>(SB), R14")
	for _, u := range constants {
		if _, again := n.held[u]; again {
			continue
		}
		r := heldFrom + len(n.held)
		n.held[u] = r
		n.loadConstant(u, r)
	}
	if heldFrom+len(n.held) > 32 {
		panic("more constants than registers")
	}
}

// loadConstant reads a constant from memory; R14 must be set.
func (n *neon) loadConstant(u uint32, register int) {
	i := slices.Index(n.pool, u)
	if i < 0 {
		i = len(n.pool)
		n.pool = append(n.pool, u)
	}
	n.p("FMOVQ %d(R14), F%d", 16*i, register)
}

// constant is the register that holds a float.
func (n *neon) constant(x float64) int { return n.constantBits(float(x)) }

func (n *neon) constantBits(u uint32) int {
	r, held := n.held[u]
	if !held {
		panic(fmt.Sprintf("%s: constant %#x is not held", n.name, u))
	}
	return r
}

func float(x float64) uint32 { return math.Float32bits(float32(x)) }

func floats(values ...float64) []uint32 {
	var list []uint32
	for _, x := range values {
		list = append(list, float(x))
	}
	return list
}

// lanes is a step of a loop: a vector, or a single element in lane 0 where less than a vector is left.
type lanes struct {
	n      *neon
	single bool
}

// loop runs body over all elements: whole vectors, then one by one those that are left. Nothing beyond them is touched.
func (n *neon) loop(body func(m lanes)) {
	n.p("MOVD ZR, R6")
	n.loopOn(body)
}

// loopOn is loop from byte R6 on, where a vector begins.
func (n *neon) loopOn(body func(m lanes)) {
	whole, rest, single, done := n.newLabel("whole"), n.newLabel("rest"), n.newLabel("single"), n.newLabel("done")
	n.p("CMP R8, R6")
	n.p("BGE %s", rest)
	n.label(whole)
	body(lanes{n: n})
	n.p("ADD $16, R6")
	n.p("CMP R8, R6")
	n.p("BLT %s", whole)
	n.label(rest)
	n.p("CMP R7, R6")
	n.p("BGE %s", done)
	n.label(single)
	body(lanes{n: n, single: true})
	n.p("ADD $4, R6")
	n.p("CMP R7, R6")
	n.p("BLT %s", single)
	n.label(done)
}

// load reads what the step is about from an array; lanes beyond a single element are zero.
func (m lanes) load(base, register int) { m.loadAt(base, 6, register) }

// loadAt is load at a byte that a general register counts.
func (m lanes) loadAt(base, offset, register int) {
	if m.single {
		m.n.p("FMOVS (R%d)(R%d), F%d", base, offset, register)
		return
	}
	m.n.simd("ldr", register, base, offset)
}

// store writes what the step is about to an array.
func (m lanes) store(register, base int) {
	if m.single {
		m.n.p("FMOVS F%d, (R%d)(R6)", register, base)
		return
	}
	m.n.simd("str", register, base, 6)
}

// zeroRest zeroes what was computed in lanes beyond a single element, so that a sum over lanes ignores it.
func (m lanes) zeroRest(register int) {
	if m.single {
		m.n.p("FMOVS F%d, F%d", register, register) // a scalar write clears the lanes above
	}
}

// repeat copies a single element to the other lanes, so that a maximum over lanes ignores them.
func (m lanes) repeat(register int) {
	if m.single {
		m.n.spread(register)
	}
}

func (n *neon) text() string {
	var b strings.Builder
	b.WriteString("// Code generated by compute/kernel/gen; DO NOT EDIT.\n\n#include \"textflag.h\"\n\n")
	for i, u := range n.pool {
		fmt.Fprintf(&b, "// %g\n", math.Float32frombits(u))
		for half := range 2 {
			fmt.Fprintf(&b, "DATA constants<>+%d(SB)/8, $0x%08x%08x\n", 16*i+8*half, u, u)
		}
	}
	fmt.Fprintf(&b, "GLOBL constants<>(SB), RODATA|NOPTR, $%d\n", 16*len(n.pool))
	b.WriteString("\nDATA iota<>+0(SB)/8, $0x0000000100000000\nDATA iota<>+8(SB)/8, $0x0000000300000002\nGLOBL iota<>(SB), RODATA|NOPTR, $16\n")
	b.WriteString(n.body.String())
	return b.String()
}
