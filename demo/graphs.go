package demo

import "fmt"

func graphsAndSequences() topic {
	return topic{
		name: "Graphs and sequences",
		misconceptions: []Misconception{
			{ID: "gradient-inverted", Text: "Finds the gradient as the change in x over the change in y"},
			{ID: "gradient-change-in-y", Text: "Believes that the gradient is only the change in y"},
			{ID: "gradient-adds-coordinates", Text: "Adds the coordinates instead of subtracting them to find the gradient", Unseen: true},
			{ID: "midpoint-subtracts", Text: "Subtracts the coordinates instead of adding them to find the midpoint"},
			{ID: "midpoint-forgets-half", Text: "Adds the coordinates to find the midpoint and forgets to halve"},
			{ID: "line-swaps-gradient-intercept", Text: "Swaps the gradient and the intercept of a line"},
			{ID: "line-gradient-with-x", Text: "Includes the letter x in the gradient of a line"},
			{ID: "coordinates-swapped", Text: "Gives the coordinates of a point in the wrong order"},
			{ID: "sequence-adds-difference", Text: "Writes the rule of a sequence as n plus the difference"},
			{ID: "sequence-first-term-constant", Text: "Uses the first term as the constant in the rule of a sequence"},
			{ID: "sequence-multiple-only", Text: "Writes the rule of a sequence as a multiple of n and forgets the constant"},
			{ID: "sequence-geometric-adds", Text: "Continues a sequence that multiplies by adding the last difference again"},
			{ID: "sequence-skips-term", Text: "Gives the term after the next when asked for the next term of a sequence"},
		},
		kinds: []kind{
			{"gradient", gradient},
			{"midpoint", midpoint},
			{"gradient of a line", gradientOfLine},
			{"point", point},
			{"rule of a sequence", sequenceRule},
			{"next term", nextTerm},
		},
	}
}

func gradient(d *dice) *question {
	x, y, right, steep := d.between(1, 9), d.between(1, 9), d.between(2, 5), d.between(2, 5)
	x2, y2 := x+right, y+right*steep
	q := d.ask([]string{
		"What is the gradient of the line through (%d, %d) and (%d, %d)?",
		"Find the gradient of the straight line from (%d, %d) to (%d, %d).",
		"A line passes through (%d, %d) and (%d, %d). How steep is it?",
	}, x, y, x2, y2)
	q.answer(steep)
	q.slip("gradient-inverted", fraction{right, right * steep}, "%d - %d = %d and %d - %d = %d, so %d over %d",
		x2, x, right, y2, y, right*steep, right, right*steep)
	q.slip("gradient-change-in-y", right*steep, "%d - %d = %d", y2, y, right*steep)
	q.slip("gradient-adds-coordinates", fraction{y + y2, x + x2}, "%d + %d = %d and %d + %d = %d, so %d over %d",
		y2, y, y+y2, x2, x, x+x2, y+y2, x+x2)
	return q
}

func midpoint(d *dice) *question {
	x, y, right, up := d.between(1, 9), d.between(1, 9), 2*d.between(1, 5), 2*d.between(1, 5)
	x2, y2 := x+right, y+up
	q := d.ask([]string{
		"What is the midpoint of (%d, %d) and (%d, %d)?",
		"Find the point halfway between (%d, %d) and (%d, %d).",
		"A line segment joins (%d, %d) and (%d, %d). Where is its middle?",
	}, x, y, x2, y2)
	q.answer(at(x+right/2, y+up/2))
	q.slip("midpoint-subtracts", at(right/2, up/2), "%d - %d = %d and %d - %d = %d, halved", x2, x, right, y2, y, up)
	q.slip("midpoint-forgets-half", at(x+x2, y+y2), "%d + %d = %d and %d + %d = %d", x, x2, x+x2, y, y2, y+y2)
	return q
}

func at(x, y int) string { return fmt.Sprintf("(%d, %d)", x, y) }

func gradientOfLine(d *dice) *question {
	n := d.distinct(2, 2, 12)
	q := d.ask([]string{
		"What is the gradient of the line y = %dx + %d?",
		"Give the gradient of y = %dx + %d.",
		"A straight line has the equation y = %dx + %d. What is its gradient?",
	}, n[0], n[1])
	q.answer(n[0])
	q.slip("line-swaps-gradient-intercept", n[1], "%d is the gradient and %d the intercept", n[1], n[0])
	q.slip("line-gradient-with-x", fmt.Sprintf("%dx", n[0]), "%dx is in front", n[0])
	return q
}

func point(d *dice) *question {
	n := d.distinct(2, 1, 12)
	q := d.ask([]string{
		"A point lies %d across and %d up from the origin. What are its coordinates?",
		"Start at the origin, go %d right and %d up. Which point is this?",
		"A point has x = %d and y = %d. Write its coordinates.",
	}, n[0], n[1])
	q.answer(at(n[0], n[1]))
	q.slip("coordinates-swapped", at(n[1], n[0]), "%d first and then %d", n[1], n[0])
	return q
}

func sequenceRule(d *dice) *question {
	step, constant := d.between(2, 9), d.between(1, 9)
	first := step + constant
	q := d.ask([]string{
		"What is the nth term of %d, %d, %d, %d, ...?",
		"Find the rule for the nth term of the sequence %d, %d, %d, %d, ...",
		"A pattern uses %d, %d, %d, %d, ... tiles. How many tiles does pattern n use?",
	}, first, first+step, first+2*step, first+3*step)
	q.answer(fmt.Sprintf("%dn + %d", step, constant))
	q.slip("sequence-adds-difference", fmt.Sprintf("n + %d", step), "%d - %d = %d, so + %d", first+step, first, step, step)
	q.slip("sequence-first-term-constant", fmt.Sprintf("%dn + %d", step, first), "%d - %d = %d and the start is %d", first+step, first, step, first)
	q.slip("sequence-multiple-only", fmt.Sprintf("%dn", step), "%d - %d = %d, so %d times n", first+step, first, step, step)
	return q
}

func nextTerm(d *dice) *question {
	first, ratio := d.between(2, 12), d.between(2, 4)
	a, b, c := first, first*ratio, first*ratio*ratio
	q := d.ask([]string{
		"What is the next term of %d, %d, %d, ...?",
		"Each term of %d, %d, %d, ... is a fixed multiple of the one before. What comes next?",
		"Continue the sequence %d, %d, %d, ... by one term.",
	}, a, b, c)
	q.answer(c * ratio)
	q.slip("sequence-geometric-adds", c+c-b, "%d - %d = %d and %d + %d = %d", c, b, c-b, c, c-b, c+c-b)
	q.slip("sequence-skips-term", c*ratio*ratio, "%d × %d = %d and %d × %d = %d", c, ratio, c*ratio, c*ratio, ratio, c*ratio*ratio)
	return q
}
