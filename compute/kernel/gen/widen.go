package main

import "fmt"

var widenArgs = []arg{{"dst", "*float32"}, {"src", "*uint16"}, {"blocks", "int"}}

// widen emits the kernel that makes float32 of bf16: its bits, and 16 zeros below.
func (a *assembly) widen() {
	a.function("widen", fmt.Sprintf("sets dst to src, %d·blocks bf16.", a.lanes), widenArgs)
	for i, r := range []string{"DI", "SI", "CX"} {
		a.load(widenArgs[i].name, r)
	}
	a.p("TESTQ CX, CX")
	a.p("JLE end")
	a.label("block")
	a.p("VPMOVZXWD (SI), %s", a.v(0))
	a.p("VPSLLD $16, %s, %s", a.v(0), a.v(0))
	a.p("VMOVUPS %s, (DI)", a.v(0))
	a.p("ADDQ $%d, SI", a.bytes()/2)
	a.p("ADDQ $%d, DI", a.bytes())
	a.p("DECQ CX")
	a.p("JNZ block")
	a.label("end")
	a.ret()
}
