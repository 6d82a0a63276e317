package eval

import (
	"cmp"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Part is the scores of the queries that share a label.
type Part struct {
	Label   string
	Queries []int     // positions in Scores.Queries, ascending
	Means   []float64 // [measure]
}

// Parts tells queries apart by the label of their key. Labels are in order: those that begin with a number by the number,
// behind them the others as strings. Sums run in the order of keys.
func (s Scores) Parts(label func(query string) string) []Part {
	at := map[string]int{} // looked up, never ranged over
	var parts []Part
	for q, key := range s.Queries {
		name := label(key)
		i, ok := at[name]
		if !ok {
			i = len(parts)
			at[name] = i
			parts = append(parts, Part{Label: name, Means: make([]float64, len(s.Measures))})
		}
		parts[i].Queries = append(parts[i].Queries, q)
		for m, v := range s.PerQuery[q] {
			parts[i].Means[m] += v
		}
	}
	for i := range parts {
		for m := range parts[i].Means {
			parts[i].Means[m] /= float64(len(parts[i].Queries))
		}
	}
	slices.SortFunc(parts, func(a, b Part) int { return compareLabels(a.Label, b.Label) })
	return parts
}

// Columns are the values of each measure over the queries of a part, and the groups of these queries.
func (s Scores) Columns(p Part) (columns [][]float64, groups []string) {
	columns = make([][]float64, len(s.Measures))
	for _, q := range p.Queries {
		for m, v := range s.PerQuery[q] {
			columns[m] = append(columns[m], v)
		}
		groups = append(groups, s.Groups[q])
	}
	return columns, groups
}

// Doubling is the label of a count in classes that double: 0, 1, 2-3, 4-7, 8-15, …. A negative count is a programmer's error.
func Doubling(n int) string {
	if n < 0 {
		panic("eval: Doubling of a negative count")
	}
	if n < 2 {
		return strconv.Itoa(n)
	}
	low := 1 << (bits.Len(uint(n)) - 1)
	return strconv.Itoa(low) + "-" + strconv.Itoa(2*low-1)
}

// compareLabels orders labels as people would: 2-3 before 10, numbers before words.
func compareLabels(a, b string) int {
	x, aIs := leadingNumber(a)
	y, bIs := leadingNumber(b)
	switch {
	case aIs && bIs:
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
	case aIs:
		return -1
	case bIs:
		return 1
	}
	return strings.Compare(a, b)
}

func leadingNumber(label string) (float64, bool) {
	end := 0
	for end < len(label) && (label[end] >= '0' && label[end] <= '9' || label[end] == '.') {
		end++
	}
	n, err := strconv.ParseFloat(label[:end], 64)
	return n, err == nil
}
