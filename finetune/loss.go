package finetune

import "math"

// contrast is one block of InfoNCE (van den Oord et al., 2018): queries and the passages that are their columns.
type contrast struct {
	dim         int
	queries     [][]float32 // [rows][dim]
	passages    [][]float32 // [columns][dim]
	targets     []int       // the column of each row's positive
	masked      func(row, column int) bool
	temperature float64
	both        bool // the mean of both directions, as sentence-transformers' symmetric loss
}

// contrastResult is the block's loss and gradients. The gradients are those of the sum over rows, so that blocks of any
// size add up; the caller divides by the queries of the step.
type contrastResult struct {
	rows        []float64   // loss of each row, query to passage
	total       float64     // sum over rows of the loss that is minimised
	queries     [][]float64 // gradient by query
	passages    [][]float64
	temperature float64
	masked      int // pairs that the mask took out
}

// infoNCE computes -log softmax(score/temperature)[target] a row, in float64, in row and column order.
func infoNCE(c contrast) contrastResult {
	rows, columns := len(c.queries), len(c.passages)
	r := contrastResult{rows: make([]float64, rows), queries: matrix(rows, c.dim), passages: matrix(columns, c.dim)}
	scores := matrix(rows, columns) // cosine or dot product, before the temperature
	pull := matrix(rows, columns)   // d total / d (score/temperature)
	for i, q := range c.queries {
		for j, p := range c.passages {
			if c.masked(i, j) {
				scores[i][j] = math.Inf(-1)
				r.masked++
				continue
			}
			scores[i][j] = dot(q, p)
		}
	}
	share := 1.0
	if c.both {
		share = 0.5
	}
	for i := range rows {
		r.rows[i] = crossEntropy(columns, c.targets[i], func(j int) float64 { return scores[i][j] / c.temperature }, func(j int, g float64) { pull[i][j] += share * g })
		r.total += share * r.rows[i]
	}
	if c.both {
		for i := range rows {
			column := c.targets[i]
			r.total += share * crossEntropy(rows, i, func(k int) float64 { return scores[k][column] / c.temperature }, func(k int, g float64) { pull[k][column] += share * g })
		}
	}
	for i := range rows {
		for j := range columns {
			g := pull[i][j] / c.temperature
			if g == 0 {
				continue
			}
			addScaled(r.queries[i], c.passages[j], g)
			addScaled(r.passages[j], c.queries[i], g)
			r.temperature -= g * scores[i][j] / c.temperature
		}
	}
	return r
}

// crossEntropy returns -log softmax(logit)[target] over n logits and reports its gradient by logit. A logit of -Inf has no part.
func crossEntropy(n, target int, logit func(int) float64, gradient func(int, float64)) float64 {
	highest := math.Inf(-1)
	for j := range n {
		if l := logit(j); l > highest || l != l {
			highest = l
		}
	}
	var sum float64
	for j := range n {
		sum += math.Exp(logit(j) - highest)
	}
	for j := range n {
		p := math.Exp(logit(j)-highest) / sum
		if j == target {
			p--
		}
		gradient(j, p)
	}
	return highest + math.Log(sum) - logit(target)
}

func matrix(rows, columns int) [][]float64 {
	all := make([]float64, rows*columns)
	m := make([][]float64, rows)
	for i := range m {
		m[i] = all[i*columns : (i+1)*columns : (i+1)*columns]
	}
	return m
}

func dot(a, b []float32) float64 {
	var sum float64
	for i, v := range a {
		sum += float64(float64(v) * float64(b[i])) // not fused: the same on every processor
	}
	return sum
}

func addScaled(dst []float64, x []float32, g float64) {
	for i, v := range x {
		dst[i] += float64(g * float64(v))
	}
}
