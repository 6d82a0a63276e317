// Package vectors reads and writes matrices of embeddings: NumPy's .npy files and the lists of ids that go with them.
package vectors

import "fmt"

// Matrix is rows of float32 vectors, one after the other.
type Matrix struct {
	Rows, Dim int
	Data      []float32 // [Rows, Dim]
}

// Row is the vector of one row; it aliases Data.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Dim : (i+1)*m.Dim : (i+1)*m.Dim] }

// CheckFinite is an error that names the first row with a value that is not a number or infinite.
func (m Matrix) CheckFinite(name string) error {
	for i, v := range m.Data {
		// The difference of a finite number and itself is zero; of the others it is NaN.
		if v-v != 0 {
			return fmt.Errorf("%s: row %d, column %d is %v; the vectors are broken, embed the texts again", name, i/m.Dim, i%m.Dim, float64(v))
		}
	}
	return nil
}

// CheckRows is an error unless there is one row for each of n texts.
func (m Matrix) CheckRows(name string, n int) error {
	if m.Rows != n {
		return fmt.Errorf("%s: %d vectors for %d texts; give the ids of the rows, or vectors of these texts", name, m.Rows, n)
	}
	return nil
}

// Places finds rows by id, where ids[i] is the id of row i: places[j] is the row of wanted[j]. Rows that nobody wants are
// left out; an id without a row is an error. Places is nil where ids and wanted are equal.
func Places(m Matrix, name string, ids, wanted []string) (places []int, err error) {
	if len(ids) != m.Rows {
		return nil, fmt.Errorf("%s: %d vectors but %d ids", name, m.Rows, len(ids))
	}
	rowOf := make(map[string]int, len(ids))
	for i, id := range ids {
		if before, ok := rowOf[id]; ok {
			return nil, fmt.Errorf("%s: rows %d and %d have the same id %q", name, before, i, id)
		}
		rowOf[id] = i
	}
	places, inOrder := make([]int, len(wanted)), len(wanted) == len(ids)
	for i, id := range wanted {
		row, ok := rowOf[id]
		if !ok {
			return nil, fmt.Errorf("%s: no vector has the id %q", name, id)
		}
		places[i] = row
		inOrder = inOrder && row == i
	}
	if inOrder {
		return nil, nil
	}
	return places, nil
}
