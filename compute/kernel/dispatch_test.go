//go:build !race

package kernel

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// assemblyPaths are the paths of a processor whose kernels are assembly, each with those that it builds on: what its own file
// of assembly has not, it takes from the first of them that has it.
var assemblyPaths = map[string]map[Path][]Path{
	"amd64": {AMX: {AVX512BF16, AVX512}, AVX512BF16: {AVX512}, AVX512: nil, AVX2: nil},
	"arm64": {NEON: nil},
}

type exception struct {
	kernel string
	path   Path
	why    string
}

// withoutKernel are the functions that a path may lack, by the name of the kernel; "*" is every path.
var withoutKernel = []exception{
	{"reluGate", "*", "no network has a unit gated by ReLU"},
	{"reluGateGradient", "*", "no network has a unit gated by ReLU"},
	{"tanhGate", "*", "no network has a unit gated by tanh"},
	{"tanhGateGradient", "*", "no network has a unit gated by tanh"},
	{"packRows", AVX512, "multiplies float32 alone"}, {"packRows", AVX2, "the same"}, {"packRows", NEON, "the same"},
	{"packColumns", AVX512, "the same"}, {"packColumns", AVX2, "the same"}, {"packColumns", NEON, "the same"},
	{"copyRows", AVX512, "the same"}, {"copyRows", AVX2, "the same"}, {"copyRows", NEON, "the same"},
	{"copyColumns", AVX512, "the same"}, {"copyColumns", AVX2, "the same"}, {"copyColumns", NEON, "the same"},
	{"product", AVX512, "the same"}, {"product", AVX2, "the same"}, {"product", NEON, "the same"},
}

// TestEveryKernelIsItsPathsOwn looks at each function of each path of this kind of processor, those that this machine lacks too:
// it must be the assembly of that name and path. A path that quietly runs portable Go computes the same, only slowly.
func TestEveryKernelIsItsPathsOwn(t *testing.T) {
	for path, under := range assemblyPaths[runtime.GOARCH] {
		t.Run(string(path), func(t *testing.T) {
			searched := append([]Path{path}, under...)
			var there [][]string // the kernels of each of these
			for _, p := range searched {
				there = append(there, assembled(t, p))
			}
			unused := slices.DeleteFunc(slices.Clone(there[0]), func(name string) bool { return name == "peak" }) // benchmarks alone call it
			for kernel, function := range functionsOf(sets(path)) {
				want := ""
				for i, p := range searched {
					if slices.Contains(there[i], kernel) {
						want = fmt.Sprintf("%s_%s", kernel, p)
						break
					}
				}
				lacks := slices.ContainsFunc(withoutKernel, func(e exception) bool { return e.kernel == kernel && (e.path == "*" || e.path == path) })
				switch {
				case lacks && want != "":
					t.Errorf("%s is listed as lacking, but there is %s", kernel, want)
				case lacks && function != "":
					t.Errorf("%s is listed as lacking, but it is %s", kernel, function)
				case !lacks && want == "":
					t.Errorf("%s has no assembly (it is %q): write it, or list it with the reason", kernel, function)
				case !lacks && function != want:
					t.Errorf("%s is %q, want %s", kernel, function, want)
				}
				unused = slices.DeleteFunc(unused, func(name string) bool { return name == kernel })
			}
			if len(unused) > 0 {
				t.Errorf("assembly that the path does not use: %s", strings.Join(unused, ", "))
			}
		})
	}
}

// TestPortableLacksNoKernel: what every path falls back on, but for what it has no use for.
func TestPortableLacksNoKernel(t *testing.T) {
	for kernel, function := range functionsOf(sets(Portable)) {
		switch kernel {
		case "reluGate", "reluGateGradient", "tanhGate", "tanhGateGradient": // as on every path
		case "packRows", "packColumns", "copyRows", "copyColumns", "product": // float32 alone
		case "widen", "widenF16": // Widen and WidenF16 do it where these are nil
		default:
			if function == "" {
				t.Errorf("%s is nil", kernel)
			}
		}
	}
}

// assembled is the kernels of a path's own file of assembly.
func assembled(t *testing.T, path Path) []string {
	name := fmt.Sprintf("zz_%s_%s.s", path, runtime.GOARCH)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^TEXT ·(\w+)_`+string(path)+`\(SB\)`).FindAllSubmatch(text, -1) {
		names = append(names, string(m[1]))
	}
	if len(names) != strings.Count(string(text), "TEXT ") {
		t.Fatalf("%s has functions that are not named for its path", name)
	}
	return names
}

// functionsOf is the name of each function of a set, without its package, by the kernel's: "" where there is none.
func functionsOf(s *Set) map[string]string {
	names := map[string]string{}
	var walk func(v reflect.Value, prefix string)
	walk = func(v reflect.Value, prefix string) {
		for i := range v.NumField() {
			field, kernel := v.Field(i), v.Type().Field(i).Name
			switch field.Kind() {
			case reflect.Func:
				if prefix != "" {
					kernel = strings.TrimSuffix(prefix+strings.ToUpper(kernel[:1])+kernel[1:], "Value")
				}
				names[kernel] = ""
				if !field.IsNil() {
					full := runtime.FuncForPC(field.Pointer()).Name()
					names[kernel] = full[strings.LastIndex(full, "/kernel.")+len("/kernel."):]
				}
			case reflect.Struct:
				walk(field, map[string]string{"GELU": "gelu", "GELUTanh": "geluTanh", "ReLU": "relu", "SiLU": "silu", "Tanh": "tanh"}[kernel])
			}
		}
	}
	walk(reflect.ValueOf(s).Elem(), "")
	return names
}
