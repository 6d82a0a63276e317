package main

import "fmt"

var widenArgs = []arg{{"dst", "*float32"}, {"src", "*uint16"}, {"blocks", "int"}}

// widens emits the kernels that make float32 of 16 bits: of bf16 its bits and 16 zeros below, of F16 what VCVTPH2PS makes of it.
func (a *assembly) widens() {
	a.widen("widen", "bf16", func() {
		a.p("VPMOVZXWD (SI), %s", a.v(0))
		a.p("VPSLLD $16, %s, %s", a.v(0), a.v(0))
	})
	a.widen("widenF16", "F16", func() { a.p("VCVTPH2PS (SI), %s", a.v(0)) })
}

// widen is the loop over blocks of a vector each, which load brings from SI to register 0.
func (a *assembly) widen(name, kind string, load func()) {
	a.function(name, fmt.Sprintf("sets dst to src, %d·blocks %s.", a.lanes, kind), widenArgs)
	for i, r := range []string{"DI", "SI", "CX"} {
		a.load(widenArgs[i].name, r)
	}
	a.p("TESTQ CX, CX")
	a.p("JLE end")
	a.label("block")
	load()
	a.p("VMOVUPS %s, (DI)", a.v(0))
	a.p("ADDQ $%d, SI", a.bytes()/2)
	a.p("ADDQ $%d, DI", a.bytes())
	a.p("DECQ CX")
	a.p("JNZ block")
	a.label("end")
	a.ret()
}
