package finetune

import "math"

// contrast is one block of InfoNCE (van den Oord et al., 2018): queries and the passages that are their columns.
type contrast struct {
	dim         int
	queries     [][]float32 // [rows][dim]
	passages    [][]float32 // [columns][dim]
	targets     []int       // the column of each row's positive
	masked      func(row, column int) bool
	guided      func(row, column int) bool // what a guide takes out beside; nil without one
	temperature float64
	both        bool         // the mean of both directions, as sentence-transformers' symmetric loss
	distill     Distillation // with teacher
	teacher     [][]float64  // [rows][passages of the row's group], each row adding up to 1
	lossOnly    bool         // no gradients
	// each does the tasks 0 to n-1, in any order and on any goroutines; what it does has no part in a sum's order.
	each  func(n int, do func(task int))
	shown int        // in-context examples before the queries; no part of the loss
	space *lossSpace // that the result lies in; nil for one of its own
}

// contrastResult is the block's loss and gradients, good until the contrast's space is used again. The gradients are those of the sum over rows, so that blocks of any
// size add up; the caller divides by the queries of the step.
type contrastResult struct {
	rows        []float64   // InfoNCE of each row, query to passage
	total       float64     // sum over rows of the loss that is minimised
	contrastive float64     // sum over rows of InfoNCE, in the directions asked for
	distilled   float64     // sum over rows of the distance from the teacher
	queries     [][]float64 // gradient by query
	passages    [][]float64
	temperature float64
	masked      int // pairs that the mask took out
	guided      int // further pairs that the guide took out
	shown       int // in-context examples before the queries
}

// Rows are scored tileRows at a time, so that a step of many columns needs a few rows of scores and not all of them; the
// gradients of tileColumns passages are one task. Neither decides a bit: every sum runs in row and column order.
const (
	tileRows    = 32
	tileColumns = 64
)

// contrastBytes is the memory of a block: its vectors and, unless its loss is all that is wanted, their gradients in
// float32 and in float64 on the way there; the same of leading parts; and a tile of scores and of gradients by score.
func (o Options) contrastBytes(rows, columns, dim int, lossOnly bool) int64 {
	value, part := int64(4), int64(4)
	if !lossOnly {
		value, part = value+4+8, part+8
	}
	leading := 0
	for _, d := range o.Matryoshka.Dims {
		leading = max(leading, d)
	}
	return (value*int64(dim)+part*int64(leading))*int64(rows+columns) + 2*8*tileRows*int64(columns)
}

// scoreBytes is the memory that the scores and gradients of a step take beside the activations, for vectors of a length.
// eval_loss takes a whole batch as one block.
func (o Options) scoreBytes(dim int) int64 {
	if o.pairs() {
		return pairBytes(o.Batch * o.GroupSize)
	}
	rows := o.Batch / o.Accumulate
	return max(o.contrastBytes(rows, rows*o.GroupSize, dim, false), o.contrastBytes(o.Batch, o.Batch*o.GroupSize, dim, true))
}

// infoNCE computes -log softmax(score/temperature)[target] a row, in float64, in row and column order; where there is a
// teacher, with or in place of it the distance of the row's scores from the teacher's.
func infoNCE(c contrast) contrastResult {
	rows, columns := len(c.queries), len(c.passages)
	space := c.space
	if space == nil {
		space = &lossSpace{}
	}
	space.rows = zeroed(space.rows, rows)
	r := contrastResult{rows: space.rows}
	if !c.lossOnly {
		r.queries, r.passages = space.queries.zeros(rows, c.dim), space.passages.zeros(columns, c.dim)
	}
	t := tile{contrast: c, share: 1}
	t.scores, t.pull = space.scores.zeros(min(tileRows, rows), columns), space.pull.zeros(min(tileRows, rows), columns)
	space.masks, space.guides = zeroed(space.masks, rows), zeroed(space.guides, rows)
	t.masks, t.guides = space.masks, space.guides
	if c.distill != "" {
		space.distances = zeroed(space.distances, rows)
		t.distances = space.distances
	}
	if c.both {
		t.share = 0.5
		space.owner, space.columns = resized(space.owner, columns), zeroed(space.columns, rows)
		t.owner, t.columns = space.owner, space.columns
		t.standColumns()
	}
	for first := 0; first < rows; first += tileRows {
		n := min(tileRows, rows-first)
		c.each(n, func(k int) { t.row(first+k, &r) })
		if c.lossOnly {
			continue
		}
		c.each((columns+tileColumns-1)/tileColumns, func(block int) { t.passageGradients(first, n, block*tileColumns, r.passages) })
		for k := range n {
			for j, g := range t.pull[k] {
				if g != 0 {
					r.temperature -= g * t.scores[k][j] / c.temperature
				}
			}
		}
	}
	for i, loss := range r.rows {
		r.contrastive += float64(t.share * loss)
		r.masked += t.masks[i]
		r.guided += t.guides[i]
	}
	for _, column := range t.columns {
		r.contrastive += float64(t.share * column.loss)
	}
	for _, distance := range t.distances {
		r.distilled += distance
	}
	if c.distill != M3KD {
		r.total = r.contrastive
	}
	r.total += r.distilled
	return r
}

// tile is some rows of a block at work: their scores and d total / d score, [tileRows][columns].
type tile struct {
	contrast
	scores, pull [][]float64
	share        float64   // of a direction in the loss
	masks        []int     // masked pairs by row
	guides       []int     // pairs that the guide masked besides
	distances    []float64 // from the teacher, by row; nil without one
	columns      []stand   // of the rows' targets, where both directions count
	owner        []int32   // by column, the row whose target it is, else -1
}

// stand is a softmax over logits: the highest of them, the sum of exp(logit - highest), and -log of the target's share.
type stand struct{ highest, sum, loss float64 }

func (s stand) share(logit float64) float64 { return math.Exp(logit-s.highest) / s.sum }

// standing takes the softmax of scores over a temperature. A score of -Inf has no part.
func standing(scores []float64, target int, temperature float64) stand {
	s := stand{highest: math.Inf(-1)}
	for _, score := range scores {
		if l := score / temperature; l > s.highest || l != l {
			s.highest = l
		}
	}
	for _, score := range scores {
		s.sum += math.Exp(score/temperature - s.highest)
	}
	s.loss = s.highest + math.Log(s.sum) - scores[target]/temperature
	return s
}

// score is cosine or dot product, before the temperature.
func (c *contrast) score(row, column int) float64 {
	if c.masked(row, column) || c.guided != nil && c.guided(row, column) {
		return math.Inf(-1)
	}
	return dot(c.queries[row], c.passages[column])
}

// standColumns lets each target choose among the rows.
func (t *tile) standColumns() {
	rows := len(t.queries)
	for j := range t.owner {
		t.owner[j] = -1
	}
	for i, column := range t.targets {
		t.owner[column] = int32(i)
	}
	for first := 0; first < rows; first += tileRows {
		t.each(min(tileRows, rows-first), func(k int) {
			i := first + k
			scores := t.scores[k][:rows] // a row has its target, so there are as many columns
			for row := range scores {
				scores[row] = t.score(row, t.targets[i])
			}
			t.columns[i] = standing(scores, i, t.temperature)
		})
	}
}

// scoreRow fills a row's scores and counts what is masked.
func (t *tile) scoreRow(i int, scores []float64) {
	for j := range scores {
		switch {
		case t.masked(i, j):
			scores[j] = math.Inf(-1)
			t.masks[i]++
		case t.guided != nil && t.guided(i, j):
			scores[j] = math.Inf(-1)
			t.guides[i]++
		default:
			scores[j] = dot(t.queries[i], t.passages[j])
		}
	}
}

// row scores a row, takes its loss and, unless that is all, its gradients by score and by query.
func (t *tile) row(i int, r *contrastResult) {
	scores, pull := t.scores[i%tileRows], t.pull[i%tileRows]
	t.scoreRow(i, scores)
	across := standing(scores, t.targets[i], t.temperature)
	r.rows[i] = across.loss
	if !t.lossOnly {
		t.contrastPull(i, across, scores, pull)
	}
	if t.distill != "" {
		t.distances[i] = t.distance(i, scores, pull)
	}
	if t.lossOnly {
		return
	}
	for j := range pull {
		pull[j] /= t.temperature
		if pull[j] != 0 {
			addScaled(r.queries[i], t.passages[j], pull[j])
		}
	}
}

// contrastPull is the gradient of a row's InfoNCE by logit; none where distillation takes its place.
func (t *tile) contrastPull(i int, across stand, scores, pull []float64) {
	if t.distill == M3KD {
		clear(pull)
		return
	}
	for j, score := range scores {
		p := across.share(score / t.temperature)
		if j == t.targets[i] {
			p--
		}
		g := float64(t.share * p)
		if t.both && t.owner[j] >= 0 {
			p := t.columns[t.owner[j]].share(score / t.temperature)
			if int(t.owner[j]) == i {
				p--
			}
			g += float64(t.share * p)
		}
		pull[j] = g
	}
}

// passageGradients adds those of a block of columns for n rows from first on.
func (t *tile) passageGradients(first, n, from int, gradients [][]float64) {
	for j := from; j < min(from+tileColumns, len(gradients)); j++ {
		for k := range n {
			if g := t.pull[k][j]; g != 0 {
				addScaled(gradients[j], t.queries[first+k], g)
			}
		}
	}
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
