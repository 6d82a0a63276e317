package report

import "strconv"

// Counted is a number with the noun that goes with it: 1 query, 2 queries.
func Counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
