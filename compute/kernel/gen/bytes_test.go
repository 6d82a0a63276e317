package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestBytesAreThoseOfAnAssembler compares the instructions of AVX512-BF16 and AMX, which are written as bytes, with a table that
// another assembler wrote: those of the generated files, every one, and others that use every bit of each field. A machine
// without such instructions checks them so, too.
func TestBytesAreThoseOfAnAssembler(t *testing.T) {
	raw, err := os.ReadFile("testdata/amd64_encodings.txt")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{} // bytes by the line that the generator writes for them
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		want, text, _ := strings.Cut(strings.TrimSpace(line), " | ")
		got, known := encodeGNU(text)
		if !known {
			t.Errorf("no encoder of %q", text)
			continue
		}
		if code, _, _ := strings.Cut(got, " // "); strings.ReplaceAll(strings.ReplaceAll(code, "BYTE $0x", ""), ";", "") != want {
			t.Errorf("%s: got %s, want %s", text, code, want)
		}
		table[got] = want
	}
	written := 0
	for name, text := range Files() {
		if !strings.HasSuffix(name, "_amd64.s") {
			continue
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); !byHand.MatchString(line) {
				continue
			}
			written++
			if table[line] == "" {
				t.Errorf("%s: the table has no %s", name, line)
			}
		}
	}
	if written == 0 {
		t.Error("no instruction is written as bytes")
	}
}

var (
	byHand = regexp.MustCompile(`^(BYTE|WORD|LONG|QUAD)\b`)

	gnuPairs = regexp.MustCompile(`^(vcvtne2ps2bf16|vdpbf16ps) %zmm(\d+),%zmm(\d+),%zmm(\d+)$`)
	gnuTiles = regexp.MustCompile(`^tdpbf16ps %tmm(\d),%tmm(\d),%tmm(\d)$`)
	gnuZero  = regexp.MustCompile(`^tilezero %tmm(\d)$`)
	gnuLoad  = regexp.MustCompile(`^{disp32} tileloadd (-?\d+)\(%r(\w+),%r(\w+),1\),%tmm(\d)$`)
	gnuStore = regexp.MustCompile(`^{disp32} tilestored %tmm(\d),(-?\d+)\(%r(\w+),%r(\w+),1\)$`)
)

// encodeGNU is the line that the generator writes for an instruction in AT&T syntax, sources first.
func encodeGNU(text string) (line string, known bool) {
	a := newAssembly(amx)
	number := func(s string) int {
		n, _ := strconv.Atoi(s)
		return n
	}
	register := func(s string) string { // without its r
		if s[0] >= '0' && s[0] <= '9' {
			return "R" + s
		}
		return strings.ToUpper(s)
	}
	if m := gnuPairs.FindStringSubmatch(text); m != nil {
		second, first, dst := number(m[2]), number(m[3]), number(m[4])
		if m[1] == "vdpbf16ps" {
			a.multiplyPairs(first, second, dst)
		} else {
			a.convert(second, first, dst)
		}
	} else if m := gnuTiles.FindStringSubmatch(text); m != nil {
		a.tileMultiply(number(m[2]), number(m[1]), number(m[3]))
	} else if m := gnuZero.FindStringSubmatch(text); m != nil {
		a.tileZero(number(m[1]))
	} else if m := gnuLoad.FindStringSubmatch(text); m != nil {
		a.tileLoad(number(m[4]), register(m[2]), register(m[3]), number(m[1]))
	} else if m := gnuStore.FindStringSubmatch(text); m != nil {
		a.tileStore(number(m[1]), register(m[3]), register(m[4]), number(m[2]))
	} else if text == "ldtilecfg (%rax)" {
		a.tileConfigure()
	} else if text == "tilerelease" {
		a.tileRelease()
	} else {
		return "", false
	}
	return strings.TrimSpace(a.body.String()), true
}
