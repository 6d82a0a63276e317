package finetune

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/internal/exactpath"
)

// inOrder does tasks one after the other.
func inOrder(n int, do func(task int)) {
	for i := range n {
		do(i)
	}
}

// TestTilesAreThePlainLoss compares bits with whole matrices, for blocks smaller and larger than a tile, on one worker and several.
func TestTilesAreThePlainLoss(t *testing.T) {
	e, err := compute.New(compute.Options{Path: exactpath.Fastest, Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var used lossSpace
	for _, tc := range []struct {
		rows, group int
		both        bool
	}{{1, 1, false}, {5, 3, true}, {tileRows, 2, false}, {2*tileRows + 7, 4, true}, {2*tileRows + 7, 1, false}} {
		t.Run(fmt.Sprintf("%d rows of %d, both directions %t", tc.rows, tc.group, tc.both), func(t *testing.T) {
			c := drawnContrast(tc.rows, tc.group)
			c.both = tc.both
			want := plainInfoNCE(c)
			for name, each := range map[string]func(int, func(int)){"in order": inOrder, "on workers": e.Each} {
				c.each, c.lossOnly = each, false
				c.space = &used // by other shapes before
				if diff := cmp.Diff(want, infoNCE(c), cmp.AllowUnexported(contrastResult{}), cmp.Comparer(sameBits)); diff != "" {
					t.Errorf("%s (-plain +tiles):\n%s", name, diff)
				}
				c.lossOnly = true
				if got := infoNCE(c); got.total != want.total || got.queries != nil || got.passages != nil {
					t.Errorf("%s: the loss alone is %v, want %v", name, got.total, want.total)
				}
			}
		})
	}
}

func sameBits(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

// drawnContrast has passages of several rows masked.
func drawnContrast(rows, group int) contrast {
	source := draw.New(1, "infonce test", 0, 0, "")
	vectors := func(n int) [][]float32 {
		all := make([][]float32, n)
		for i := range all {
			for range 7 {
				all[i] = append(all[i], float32(source.Float64()-0.5))
			}
		}
		return all
	}
	c := contrast{dim: 7, queries: vectors(rows), passages: vectors(rows * group), temperature: 0.05}
	for i := range rows {
		c.targets = append(c.targets, i*group)
	}
	c.masked = func(i, j int) bool { return j != c.targets[i] && (i+2*j)%9 == 0 }
	return c
}

// plainInfoNCE holds whole matrices of scores and gradients, in row and column order: -log softmax(score/temperature)[target] a row, in float64, in row and column order.
func plainInfoNCE(c contrast) contrastResult {
	rows, columns := len(c.queries), len(c.passages)
	r := contrastResult{rows: make([]float64, rows), queries: new(matrix).zeros(rows, c.dim), passages: new(matrix).zeros(columns, c.dim)}
	scores := new(matrix).zeros(rows, columns) // cosine or dot product, before the temperature
	pull := new(matrix).zeros(rows, columns)   // d total / d (score/temperature)
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
	r.contrastive = r.total
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
