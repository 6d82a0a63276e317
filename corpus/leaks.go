package corpus

import "fmt"

// LeakKind says what two sets of queries share.
type LeakKind string

// The kinds of leak.
const (
	LeakKey   LeakKind = "key"   // the same query
	LeakText  LeakKind = "text"  // another row with the same text
	LeakGroup LeakKind = "group" // another row of the same question
)

// Leak is one query of a held-out set that the training set knows.
type Leak struct {
	Kind      LeakKind
	Value     string // the key, text or group that both have
	TrainLine int    // first line of the training set that has it
	DevLine   int
}

// Leaks lists what the held-out queries share with the training queries, in the order of dev and, for one query, key, text,
// group. Texts are compared without surrounding white space.
func Leaks(train, dev []Query) []Leak {
	kinds := []struct {
		kind  LeakKind
		value func(Query) string
	}{
		{LeakKey, func(q Query) string { return q.Key }},
		{LeakText, func(q Query) string { return q.Stripped() }},
		{LeakGroup, func(q Query) string { return q.Group }},
	}
	lines := make([]map[string]int, len(kinds))
	for k, kind := range kinds {
		lines[k] = map[string]int{}
		for _, q := range train {
			value := kind.value(q)
			if _, known := lines[k][value]; !known && value != "" {
				lines[k][value] = q.Line
			}
		}
	}
	var leaks []Leak
	for _, q := range dev {
		for k, kind := range kinds {
			if line, known := lines[k][kind.value(q)]; known {
				leaks = append(leaks, Leak{kind.kind, kind.value(q), line, q.Line})
			}
		}
	}
	return leaks
}

// shownLeaks is how many leaks a description names.
const shownLeaks = 3

// DescribeLeaks counts the held-out queries that leak, each of which may do so in several ways, and names the first
// leaks, a line each, by the files of both sets.
func DescribeLeaks(leaks []Leak, trainFile, devFile string) (queries int, lines string) {
	rows := map[int]bool{}
	for i, l := range leaks {
		rows[l.DevLine] = true
		if i < shownLeaks {
			lines += fmt.Sprintf("\n  %s:%d has the %s of %s:%d", devFile, l.DevLine, l.Kind, trainFile, l.TrainLine)
		}
	}
	return len(rows), lines
}
