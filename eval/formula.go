package eval

import (
	"errors"
	"math"
)

// score is the value of one measure for one query whose positives stand as found. A query without positives scores 0. Of NDCG
// the gains must be finite (found.checkGains).
func (m Measure) score(f found, r rules) float64 {
	if f.positives() == 0 {
		return 0
	}
	switch m.Kind {
	case MAP:
		return averagePrecision(f, m.K, r.divideByCutoff)
	case Recall:
		return float64(f.within(m.K)) / float64(f.positives())
	case Hit:
		return float64(min(f.within(m.K), 1))
	case MRR:
		if f.within(m.K) == 0 {
			return 0
		}
		return 1 / float64(f.ranks[0]+1)
	case NDCG:
		return discounted(f.gains, f.ranks, f.within(m.K)) / discounted(f.ideal, nil, cut(f.positives(), m.K))
	case Precision:
		return float64(f.within(m.K)) / float64(m.K)
	case RPrecision:
		return float64(f.within(f.positives())) / float64(f.positives())
	}
	panic("eval: measure of unknown kind " + m.Kind) // Evaluate has checked it
}

// checkGains refuses grades that nDCG has no value for: gains that a float64 does not hold, as those of 2^grade-1 from a grade
// of 1024 on, and gains that vanish beside 1.
func (f found) checkGains() error {
	if f.positives() == 0 {
		return nil
	}
	switch best := discounted(f.ideal, nil, f.positives()); {
	case math.IsInf(best, 0):
		return errors.New("the gains of its grades are larger than a float64 holds, so that nDCG has no value: use smaller grades, or a convention with another gain")
	case best == 0:
		return errors.New("the gains of its grades are zero, so that nDCG has no value: use larger grades, or a convention with another gain")
	}
	return nil
}

// within counts the positives among the first k ranks; k of 0 is all.
func (f found) within(k int) int {
	n := 0
	for n < len(f.ranks) && (k == 0 || f.ranks[n] < k) {
		n++
	}
	return n
}

// averagePrecision sums the precision at the rank of each positive found, over R or, as the convention has it, min(k, R).
func averagePrecision(f found, k int, divideByCutoff bool) float64 {
	sum := 0.0
	for i := range f.within(k) {
		sum += float64(i+1) / float64(f.ranks[i]+1)
	}
	if divideByCutoff {
		return sum / float64(cut(f.positives(), k))
	}
	return sum / float64(f.positives())
}

// discounted is the DCG of the first n gains: each over log2(rank+2), its rank 0-based. Nil ranks are 0, 1, 2, ….
func discounted(gains []float64, ranks []int, n int) float64 {
	sum := 0.0
	for i, gain := range gains[:n] {
		rank := i
		if ranks != nil {
			rank = ranks[i]
		}
		sum += gain / math.Log2(float64(rank+2))
	}
	return sum
}

// cut is min(n, k), where k of 0 cuts nothing.
func cut(n, k int) int {
	if k == 0 {
		return n
	}
	return min(n, k)
}

// binaryGain counts every positive alike.
func binaryGain(float64) float64 { return 1 }

// linearGain is Järvelin and Kekäläinen's (2002): the grade itself.
func linearGain(grade float64) float64 { return grade }

// exponentialGain is that of Burges et al. (2005): 2^grade - 1.
func exponentialGain(grade float64) float64 { return math.Exp2(grade) - 1 }
