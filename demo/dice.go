package demo

import (
	"fmt"

	"github.com/quarry-ml/quarry/draw"
)

// dice draws the numbers, names and phrasing of one question.
type dice struct{ source draw.Source }

// roll returns the dice of one question of one kind.
func roll(seed uint64, kind string, ordinal int) *dice {
	return &dice{draw.New(seed, draw.Demo, 0, 0, fmt.Sprintf("%s/%d", kind, ordinal))}
}

// ask starts a question in one of the given phrasings, all of which take the same arguments.
func (d *dice) ask(phrasings []string, args ...any) *question {
	return &question{text: fmt.Sprintf(one(d, phrasings...), args...)}
}

// between draws an integer in [low, high].
func (d *dice) between(low, high int) int { return low + d.source.IntN(high-low+1) }

// distinct draws n different integers in [low, high].
func (d *dice) distinct(n, low, high int) []int {
	drawn := d.source.Sample(high-low+1, n)
	for i := range drawn {
		drawn[i] += low
	}
	return drawn
}

// fraction draws a proper fraction in its lowest terms.
func (d *dice) fraction(maxDenominator int) fraction {
	for {
		bottom := d.between(3, maxDenominator)
		f := fraction{d.between(1, bottom-1), bottom}
		if f.reduced() == f {
			return f
		}
	}
}

// digits draws a number without a zero among its n digits.
func (d *dice) digits(n int) int {
	number := 0
	for range n {
		number = 10*number + d.between(1, 9)
	}
	return number
}

func (d *dice) name() string {
	return one(d, "Amara", "Ben", "Chloe", "Dev", "Ella", "Farid", "Grace", "Hugo", "Isla", "Jamal", "Kira", "Leo")
}

// one draws one of its arguments.
func one[T any](d *dice, from ...T) T { return from[d.source.IntN(len(from))] }
