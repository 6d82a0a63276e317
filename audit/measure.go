package audit

import "fmt"

// Measure is what the scores of a row are. Whatever they are, they say what stands above what.
type Measure int

// The measures.
const (
	Scores          Measure = iota // of a model, of words, or weighted of both
	ReciprocalRanks                // sums of them: no margin can be held against one
	Fused                          // either weighted scores or reciprocal ranks: it is not known which
)

// above says that a negative stands above the positive.
func (m Measure) above(negative, positive float64) string {
	switch m {
	case ReciprocalRanks:
		return fmt.Sprintf("ranks above the positive, by reciprocal ranks of %.6g and %.6g", negative, positive)
	case Fused:
		return fmt.Sprintf("ranks above the positive, as fused at %.6g and %.6g", negative, positive)
	default:
		return fmt.Sprintf("scores %.6g, the positive %.6g", negative, positive)
	}
}
