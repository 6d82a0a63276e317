package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// studentTest is the two-sided p of the paired t test that the mean difference is zero, with one degree of freedom less than
// there are units. Where units hold several values the standard error is that of a ratio (Cochran, 1977, section 6.3), the
// one that regressions call clustered; with one value a unit it is the textbook's. Without any spread the mean itself
// decides: p is 1 where it is zero, else 0. With one unit there is nothing to estimate from, and p is 1.
func (u units) studentTest() float64 {
	if len(u) < 2 {
		return 1
	}
	mean, count, squares := u.mean(), 0, 0.0
	for _, one := range u {
		count += one.n
		residual := one.sum - float64(float64(one.n)*mean)
		squares += float64(residual * residual)
	}
	n := float64(len(u))
	scale := u.slack() / float64(count)
	variance := n / (n - 1) * squares / float64(float64(count)*float64(count))
	if variance <= scale*scale {
		if math.Abs(mean) <= scale {
			return 1
		}
		return 0
	}
	freedom := n - 1
	t2 := mean * mean / variance
	return mathext.RegIncBeta(freedom/2, 0.5, freedom/(freedom+t2))
}
