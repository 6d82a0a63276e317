package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestEncodingsAreThoseOfAnAssembler compares the encoder with a table that another assembler wrote: every form, with
// registers that use every bit of their fields.
func TestEncodingsAreThoseOfAnAssembler(t *testing.T) {
	raw, err := os.ReadFile("testdata/neon_encodings.txt")
	if err != nil {
		t.Fatal(err)
	}
	register := regexp.MustCompile(`\b[vxqsd](\d+)`)
	element := regexp.MustCompile(`\.s\[(\d)\]`)
	names := map[string]string{} // of forms by their text with every register 0
	for name := range forms {
		_, text := encode(name, make([]int, strings.Count(forms[name].syntax, "%d"))...)
		names[text] = name
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		want, text, _ := strings.Cut(line, " ")
		var registers []int
		for _, m := range register.FindAllStringSubmatch(text, -1) {
			r, _ := strconv.Atoi(m[1])
			registers = append(registers, r)
		}
		var word uint32
		var got string
		if m := element.FindStringSubmatch(text); m != nil {
			lane, _ := strconv.Atoi(m[1])
			word, got = encodeElement(registers[0], registers[1], registers[2], lane)
			seen["by element"] = true
		} else {
			name := names[register.ReplaceAllStringFunc(text, func(s string) string { return s[:1] + "0" })]
			if name == "" {
				t.Errorf("no form for %q", text)
				continue
			}
			word, got = encode(name, registers...)
			seen[name] = true
		}
		if fmt.Sprintf("%08x", word) != want || got != text {
			t.Errorf("got %08x %s, want %s %s", word, got, want, text)
		}
	}
	if len(seen) != len(forms)+1 {
		t.Errorf("the table has %d of %d forms", len(seen), len(forms)+1)
	}
}
