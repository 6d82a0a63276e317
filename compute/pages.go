package compute

// Buffer returns n zeroed float32s for values that products and updates stride through. Where the system has large pages
// on request, it is asked for them: rows of a matrix lie kilobytes apart, and with small pages each costs a translation.
func Buffer(n int) []float32 {
	values := make([]float32, n)
	adviseLargePages(values)
	return values
}
