package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// DecodeID reads an id from JSON: a string as it is, a number in plain decimal digits, so that 1287, 1287.0 and "1287" are
// one id (pandas writes floats).
func DecodeID(value json.RawMessage) (string, error) {
	switch kind(value) {
	case "a string":
		id, err := Text(value)
		if err == nil && id == "" {
			err = errors.New("the id is empty")
		}
		return id, err
	case "a number":
		return NumberID(string(value))
	}
	return "", fmt.Errorf("want a string or a number as id, got %s", kind(value))
}

// NumberID writes a decimal number in its one plain form: no exponent, no trailing zeros after the point, no minus zero.
// It works on the digits, so ids beyond 2^53 stay exact.
func NumberID(number string) (string, error) {
	mantissa, exponentText, _ := strings.Cut(strings.ToLower(number), "e")
	exponent := 0
	if exponentText != "" {
		var err error
		if exponent, err = strconv.Atoi(exponentText); err != nil || exponent > 400 || exponent < -400 {
			return "", fmt.Errorf("the number %s is no usable id; write it as a string", number)
		}
	}
	sign := ""
	if rest, negative := strings.CutPrefix(mantissa, "-"); negative {
		sign, mantissa = "-", rest
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", fmt.Errorf("%q is not a number", number)
	}
	point := len(whole) + exponent // digits[:point] is the whole part
	if point < 0 {
		digits, point = strings.Repeat("0", -point)+digits, 0
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole, fraction = strings.TrimLeft(digits[:point], "0"), strings.TrimRight(digits[point:], "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		return sign + whole + "." + fraction, nil
	}
	if whole == "0" {
		sign = ""
	}
	return sign + whole, nil
}

// decodeIDs reads one id or a list of ids.
func decodeIDs(value json.RawMessage) ([]string, error) {
	values := []json.RawMessage{value}
	if kind(value) == "a list" {
		var err error
		if values, err = list(value); err != nil {
			return nil, err
		}
	}
	ids := make([]string, len(values))
	for i, v := range values {
		var err error
		if ids[i], err = DecodeID(v); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// idOf returns the id of a row, "" where it has none. field names the one field that counts; without it `id` and `_id` do.
func idOf(row Object, field string) (string, error) {
	names := []string{"id", "_id"}
	if field != "" {
		names = []string{field}
	}
	id, from := "", ""
	for _, name := range names {
		value, ok := row.Get(name)
		if !ok {
			continue
		}
		found, err := DecodeID(value)
		if err != nil {
			return "", fmt.Errorf("%q: %w", name, err)
		}
		if from != "" && found != id {
			return "", fmt.Errorf("%q is %q but %q is %q; keep one, or say which field holds the id", from, id, name, found)
		}
		id, from = found, name
	}
	if field != "" && from == "" {
		return "", fmt.Errorf("the row has no %q, which was named as the id field%s", field, hasKeys(row))
	}
	return id, nil
}

// hasKeys lists a row's keys for an error about a missing one.
func hasKeys(row Object) string {
	if len(row) == 0 {
		return " (it is empty)"
	}
	keys := make([]string, len(row))
	for i, f := range row {
		keys[i] = strconv.Quote(f.Key)
	}
	return " (it has " + strings.Join(keys, ", ") + ")"
}

// ids keeps which line an id was seen on and that either all rows have one or none.
type ids struct {
	noun     string // what has the ids, for errors
	lineOf   map[string]int
	first    int  // line of the first row
	given    bool // that row has an id
	readRows int
}

func newIDs(noun string) *ids { return &ids{noun: noun, lineOf: map[string]int{}} }

// add records the id of the row on a line.
func (s *ids) add(id string, line int) error {
	given := id != ""
	s.readRows++
	if s.readRows == 1 {
		s.first, s.given = line, given
	}
	if given != s.given {
		return fmt.Errorf("the %s has %s but the one on line %d has %s; give an id to all or to none", s.noun, anID(given), s.first, anID(s.given))
	}
	if !given {
		return nil
	}
	if before, ok := s.lineOf[id]; ok {
		return fmt.Errorf("%s %q: the id is already on line %d; ids must differ", s.noun, id, before)
	}
	s.lineOf[id] = line
	return nil
}

func anID(given bool) string {
	if given {
		return "an id"
	}
	return "no id"
}
