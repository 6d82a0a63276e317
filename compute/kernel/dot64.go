package kernel

// Dot64 is the dot product of x and y over len(x) elements in float64, the same bits on every path and processor: eight
// sums, lane j of the products at positions j, j+8, j+16, … in that order, added as ((0+4)+(2+6)) + ((1+5)+(3+7)), which is how
// a vector register folds in halves. The product of two float32 is exact in float64, so fusing it with the addition gives
// the same bits.
func Dot64(x, y []float32) float64 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float64
	for len(x) >= 8 && len(y) >= 8 {
		p, q := (*[8]float32)(x), (*[8]float32)(y)
		s0 += float64(p[0]) * float64(q[0])
		s1 += float64(p[1]) * float64(q[1])
		s2 += float64(p[2]) * float64(q[2])
		s3 += float64(p[3]) * float64(q[3])
		s4 += float64(p[4]) * float64(q[4])
		s5 += float64(p[5]) * float64(q[5])
		s6 += float64(p[6]) * float64(q[6])
		s7 += float64(p[7]) * float64(q[7])
		x, y = x[8:], y[8:]
	}
	sums := [8]float64{s0, s1, s2, s3, s4, s5, s6, s7}
	for i, v := range x {
		sums[i] += float64(v) * float64(y[i])
	}
	return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}
