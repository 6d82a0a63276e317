package rerank

import "math"

// OneHot is the share of a softmax from which on it teaches no more than which passage comes first: what is left for all
// others together is one in a hundred.
const OneHot = 0.99

// Saturation tells how much a teacher's scores of rows have to say. Distillation learns to match the softmax over the scores
// of a row's passages at temperature 1 (finetune.Distillation).
type Saturation struct {
	Rows          int     `json:"rows"`           // with a negative
	OneHot        int     `json:"one_hot"`        // of those, rows whose softmax gives one passage a share of OneHot or more
	MeanTop       float64 `json:"mean_top"`       // the largest share of a row's softmax, the mean of rows
	Negatives     int     `json:"negatives"`      // of all rows
	AbovePositive int     `json:"above_positive"` // of those, above the lowest positive of their row
}

// Add counts a row's scores. A row without a positive or a negative has no part.
func (s *Saturation) Add(positives, negatives []float64) {
	if len(positives) == 0 || len(negatives) == 0 {
		return
	}
	lowest, highest := positives[0], positives[0]
	for _, p := range positives {
		lowest, highest = min(lowest, p), max(highest, p)
	}
	for _, n := range negatives {
		if n > lowest {
			s.AbovePositive++
		}
		highest = max(highest, n)
	}
	sum := 0.0
	for _, scores := range [][]float64{positives, negatives} {
		for _, score := range scores {
			sum += math.Exp(score - highest)
		}
	}
	top := 1 / sum
	if top >= OneHot {
		s.OneHot++
	}
	s.Rows++
	s.Negatives += len(negatives)
	s.MeanTop += (top - s.MeanTop) / float64(s.Rows)
}
