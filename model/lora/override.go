package lora

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseOverride reads "q_proj=8": a regular expression, the last equals sign, and a number.
func ParseOverride(text string) (Override, error) {
	at := strings.LastIndex(text, "=")
	if at < 1 {
		return Override{}, fmt.Errorf("%q is not a module's name and a number, such as \"q_proj=8\"", text)
	}
	value, err := strconv.ParseFloat(text[at+1:], 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return Override{}, fmt.Errorf("%q: %q is not a number", text, text[at+1:])
	}
	o := Override{text[:at], value}
	if _, err := compileOverrides(o.Pattern, []Override{o}); err != nil {
		return Override{}, err
	}
	return o, nil
}

// String is the form that ParseOverride reads.
func (o Override) String() string {
	return o.Pattern + "=" + strconv.FormatFloat(o.Value, 'g', -1, 64)
}

// MarshalText writes the form that ParseOverride reads.
func (o Override) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what ParseOverride reads.
func (o *Override) UnmarshalText(text []byte) error {
	parsed, err := ParseOverride(string(text))
	if err == nil {
		*o = parsed
	}
	return err
}
