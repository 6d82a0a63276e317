package corpus

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Words is the number of words of the query, parted by white space: its length as people count it.
func (q Query) Words() int { return len(strings.Fields(q.Text)) }

// Frequencies counts, for each passage that is a positive, the queries that have it.
func Frequencies(queries []Query) map[int32]int {
	counts := map[int32]int{}
	for _, q := range queries {
		for _, p := range q.Positives {
			counts[p]++
		}
	}
	return counts
}

// Label is a field of a row as a word to tell rows apart by: a string, a number in its plain form, or true or false.
// Anything else is an error.
func Label(value json.RawMessage) (string, error) {
	switch k := kind(value); k {
	case "a string":
		return Text(value)
	case "a number":
		return NumberID(string(value))
	case "a boolean", "null":
		return string(value), nil
	default:
		return "", fmt.Errorf("want a string, a number, true or false to tell rows apart by, got %s", k)
	}
}
