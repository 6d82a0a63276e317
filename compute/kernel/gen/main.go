// Command gen writes the assembly of package kernel. For amd64, one file for each vector width, from one description of each
// kernel, and the products of bf16; for arm64, that of NEON.
//
// Run it with `go generate ./compute/kernel`. A test regenerates the files and compares.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", ".", "folder that receives the generated files")
	flag.Parse()
	for name, text := range Files() {
		if err := os.WriteFile(filepath.Join(*out, name), []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}

// Files returns every generated file by name.
func Files() map[string]string {
	files := map[string]string{}
	add := func(a *assembly) {
		files["zz_"+a.name+"_amd64.s"] = a.text()
		files["zz_"+a.name+"_amd64.go"] = a.stubs()
	}
	for _, width := range []isa{avx512, avx2} {
		a := newAssembly(width)
		a.gemm()
		a.transpose()
		a.elementwise()
		a.reductions()
		a.norms()
		a.optimizer()
		a.widens()
		a.peakFused()
		add(a)
	}
	a := newAssembly(avx512bf16)
	a.packing()
	a.productPairs()
	a.peakPairs()
	add(a)
	a = newAssembly(amx)
	a.productTiles()
	a.peakTiles()
	add(a)
	n := newNeon()
	n.kernels()
	files["zz_neon_arm64.s"] = n.text()
	files["zz_neon_arm64.go"] = n.stubs()
	return files
}
