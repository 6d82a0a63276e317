package finetune

import (
	"fmt"
	"math"
)

// GuideMask names how far below the positive a guide model's score of another passage has to stay, or else the passage
// has no part in the query's loss (Solatorio, 2024).
type GuideMask string

// The masks, with the meaning of sentence-transformers' GISTEmbedLoss.
const (
	AbsoluteMargin GuideMask = "absolute" // a score above the positive's - margin is masked
	RelativeMargin GuideMask = "relative" // a score above the positive's - |the positive's| · margin is masked
)

func (m GuideMask) known() bool { return m == "" || m == AbsoluteMargin || m == RelativeMargin }

// GuideOptions say which columns a guide model masks; without a Mask there is no guide.
type GuideOptions struct {
	Mask   GuideMask `json:"mask"`
	Margin float64   `json:"margin"`
}

// ceiling is the highest guide's score that stays a negative beside a positive of some guide's score.
func (o GuideOptions) ceiling(positive float64) float64 {
	if o.Mask == RelativeMargin {
		return positive - float64(math.Abs(positive)*o.Margin)
	}
	return positive - o.Margin
}

// Guide is the vectors of a guide model, of length 1: of queries by example, of passages by position.
type Guide struct {
	Query   func(example int) []float32
	Passage func(passage int32) []float32
}

// mask is what the guide takes out of a block: any column but the row's own target. nil without a guide.
func (g Guide) mask(o GuideOptions, rows []row, columns []int32, targets []int) func(row, column int) bool {
	if o.Mask == "" {
		return nil
	}
	ceilings := make([]float64, len(rows))
	for i, r := range rows {
		ceilings[i] = o.ceiling(dot(g.Query(r.example), g.Passage(columns[targets[i]])))
	}
	return func(i, j int) bool {
		return j != targets[i] && dot(g.Query(rows[i].example), g.Passage(columns[j])) > ceilings[i]
	}
}

func (g Guide) check() error {
	if g.Query == nil || g.Passage == nil {
		return fmt.Errorf("guide masking needs the guide's vectors")
	}
	return nil
}
