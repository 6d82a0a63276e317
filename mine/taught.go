package mine

// Taught is a teacher's scores of passages by query: 8 bytes a pair.
type Taught struct {
	passages [][]int32
	scores   [][]float32
}

// Add adds the next query's scores. Both slices are kept.
func (t *Taught) Add(passages []int32, scores []float32) {
	t.passages, t.scores = append(t.passages, passages), append(t.scores, scores)
}

// Of is what the teacher says of a query's passages, as Query.Teacher takes it; nil without one.
func (t *Taught) Of(query int) map[int32]float32 {
	if t == nil {
		return nil
	}
	said := make(map[int32]float32, len(t.passages[query]))
	for i, p := range t.passages[query] {
		said[p] = t.scores[query][i]
	}
	return said
}

// Known leaves out passages whose scores are not known.
func Known(passages []int32, scores []float32, known []bool) ([]int32, []float32) {
	var some []int32
	var said []float32
	for i, p := range passages {
		if known[i] {
			some, said = append(some, p), append(said, scores[i])
		}
	}
	return some, said
}
