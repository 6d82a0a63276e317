package demo

import (
	"fmt"
	"strconv"
	"strings"
)

// fraction is top/bottom exactly as a pupil would write it: never reduced unless asked.
type fraction struct{ top, bottom int }

func (f fraction) String() string { return fmt.Sprintf("%d/%d", f.top, f.bottom) }

// reduced returns the fraction in its lowest terms.
func (f fraction) reduced() fraction {
	g := gcd(f.top, f.bottom)
	return fraction{f.top / g, f.bottom / g}
}

// simplest writes the value as a right answer is written: lowest terms, whole numbers without a denominator.
func (f fraction) simplest() string {
	r := f.reduced()
	if r.bottom == 1 {
		return strconv.Itoa(r.top)
	}
	return r.String()
}

// less compares the values of two fractions with positive denominators.
func (f fraction) less(g fraction) bool { return f.top*g.bottom < g.top*f.bottom }

// decimal is units / 10^places, written with exactly that many places. Floating point never enters an answer.
type decimal struct{ units, places int }

func (v decimal) String() string {
	sign, units := "", v.units
	if units < 0 {
		sign, units = "-", -units
	}
	digits := fmt.Sprintf("%0*d", v.places+1, units)
	whole, part := digits[:len(digits)-v.places], digits[len(digits)-v.places:]
	if v.places == 0 {
		return sign + whole
	}
	return sign + whole + "." + part
}

// trimmed writes the decimal without zeros at its end, as a right answer is written.
func (v decimal) trimmed() string {
	if v.places == 0 {
		return v.String()
	}
	return strings.TrimSuffix(strings.TrimRight(v.String(), "0"), ".")
}

// part returns the digits after the point.
func (v decimal) part() int { return v.units % pow(10, v.places) }

// whole returns the digits before the point.
func (v decimal) whole() int { return v.units / pow(10, v.places) }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, -a)
}

func pow(base, exponent int) int {
	p := 1
	for range exponent {
		p *= base
	}
	return p
}

// signed writes a term of a sum with its sign: "+ 3" or "- 3".
func signed(n int) string {
	if n < 0 {
		return fmt.Sprintf("- %d", -n)
	}
	return fmt.Sprintf("+ %d", n)
}
