package corpus

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
