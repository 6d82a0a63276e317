package corpus

import "slices"

// Bundle is queries that must stay together when queries are split: those that share a text or a group, directly or through
// others. Apart, they would tell the answers of one split to the other.
type Bundle struct {
	Name string // does not depend on the order of the queries
	Rows []int  // positions of the queries, ascending
}

// Bundles joins queries that share a text or a group. Each is in one bundle; bundles stand in the order of their first row.
func Bundles(queries []Query) []Bundle {
	root := make([]int, len(queries))
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	first := map[string]int{}
	names := func(q Query) []string {
		all := []string{"text:" + q.Stripped()}
		if q.Group != "" {
			all = append(all, "group:"+q.Group)
		}
		return all
	}
	for i, q := range queries {
		root[i] = i
		for _, name := range names(q) {
			if j, ok := first[name]; ok {
				root[find(i)] = find(j)
			} else {
				first[name] = i
			}
		}
	}
	var bundles []Bundle
	at := map[int]int{}
	for i, q := range queries {
		r := find(i)
		if _, ok := at[r]; !ok {
			at[r] = len(bundles)
			bundles = append(bundles, Bundle{Name: names(q)[0]})
		}
		b := &bundles[at[r]]
		b.Rows = append(b.Rows, i)
		b.Name = min(b.Name, slices.Min(names(q)))
	}
	return bundles
}
