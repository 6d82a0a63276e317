package demo

func fractionProducts() topic {
	return topic{
		name: "Fractions",
		misconceptions: []Misconception{
			{ID: "fractions-multiply-cross", Text: "When multiplying fractions, multiplies each numerator by the other denominator"},
			{ID: "fractions-multiply-adds-denominators", Text: "When multiplying fractions, multiplies the numerators but adds the denominators"},
			{ID: "fractions-multiply-adds-numerators", Text: "When multiplying fractions, adds the numerators but multiplies the denominators", Unseen: true},
			{ID: "fractions-multiply-keeps-denominator", Text: "When multiplying fractions with the same denominator, keeps the denominator as it is"},
			{ID: "fractions-divide-flips-first", Text: "When dividing fractions, flips the first fraction instead of the second"},
			{ID: "fractions-divide-no-flip", Text: "When dividing fractions, multiplies them without flipping either fraction"},
			{ID: "fractions-divide-flips-both", Text: "When dividing fractions, flips both fractions before multiplying"},
			{ID: "fractions-whole-both", Text: "When multiplying a fraction by a whole number, multiplies the numerator and the denominator"},
			{ID: "fractions-whole-denominator", Text: "When multiplying a fraction by a whole number, multiplies only the denominator"},
			{ID: "fractions-whole-adds", Text: "When multiplying a fraction by a whole number, adds the whole number to the numerator"},
			{ID: "fractions-of-inverted", Text: "When finding a fraction of an amount, divides by the numerator and multiplies by the denominator"},
			{ID: "fractions-of-unit-only", Text: "When finding a fraction of an amount, divides by the denominator and forgets the numerator"},
			{ID: "fractions-of-ignores-denominator", Text: "When finding a fraction of an amount, multiplies by the numerator and forgets the denominator"},
		},
		kinds: []kind{
			{"multiply fractions", multiplyFractions},
			{"multiply fractions with one denominator", multiplyLikeFractions},
			{"divide fractions", divideFractions},
			{"fraction times whole", fractionTimesWhole},
			{"fraction of an amount", fractionOfAmount},
		},
	}
}

func multiplyFractions(d *dice) *question {
	f, g := d.fraction(9), d.fraction(9)
	for f.bottom == g.bottom {
		g = d.fraction(9)
	}
	q := askProduct(d, f, g)
	top, bottom := f.top*g.top, f.bottom*g.bottom
	q.slip("fractions-multiply-cross", fraction{f.top * g.bottom, f.bottom * g.top},
		"%d × %d = %d and %d × %d = %d", f.top, g.bottom, f.top*g.bottom, f.bottom, g.top, f.bottom*g.top)
	q.slip("fractions-multiply-adds-denominators", fraction{top, f.bottom + g.bottom},
		"%d × %d = %d and %d + %d = %d", f.top, g.top, top, f.bottom, g.bottom, f.bottom+g.bottom)
	q.slip("fractions-multiply-adds-numerators", fraction{f.top + g.top, bottom},
		"%d + %d = %d and %d × %d = %d", f.top, g.top, f.top+g.top, f.bottom, g.bottom, bottom)
	return q
}

func multiplyLikeFractions(d *dice) *question {
	f := d.fraction(9)
	g := fraction{d.between(1, f.bottom-1), f.bottom}
	q := askProduct(d, f, g)
	q.slip("fractions-multiply-keeps-denominator", fraction{f.top * g.top, f.bottom},
		"%d × %d = %d, over %d", f.top, g.top, f.top*g.top, f.bottom)
	q.slip("fractions-multiply-adds-denominators", fraction{f.top * g.top, f.bottom + g.bottom},
		"%d × %d = %d and %d + %d = %d", f.top, g.top, f.top*g.top, f.bottom, g.bottom, f.bottom+g.bottom)
	return q
}

// askProduct asks for the product of two fractions.
func askProduct(d *dice, f, g fraction) *question {
	q := d.ask([]string{
		"What is %v × %v?",
		"Work out %v × %v.",
		"A rectangle is %v m wide and %v m long. What is its area in square metres?",
	}, f, g)
	q.answer(fraction{f.top * g.top, f.bottom * g.bottom}.simplest())
	return q
}

func divideFractions(d *dice) *question {
	f, g := d.fraction(9), d.fraction(9)
	q := d.ask([]string{
		"What is %v ÷ %v?",
		"Work out %v ÷ %v.",
		"A rope of %v m is cut into pieces of %v m. How many pieces is that?",
	}, f, g)
	q.answer(fraction{f.top * g.bottom, f.bottom * g.top}.simplest())
	f1, g1 := fraction{f.bottom, f.top}, fraction{g.bottom, g.top}
	q.slip("fractions-divide-flips-first", fraction{f1.top * g.top, f1.bottom * g.bottom}, "%v × %v", f1, g)
	q.slip("fractions-divide-no-flip", fraction{f.top * g.top, f.bottom * g.bottom}, "%v × %v", f, g)
	q.slip("fractions-divide-flips-both", fraction{f1.top * g1.top, f1.bottom * g1.bottom}, "%v × %v", f1, g1)
	return q
}

func fractionTimesWhole(d *dice) *question {
	f, times := d.fraction(9), d.between(2, 9)
	q := d.ask([]string{
		"What is %v × %d?",
		"Work out %v multiplied by %d.",
		"One lap is %v km. How many kilometres are %d laps?",
	}, f, times)
	q.answer(fraction{f.top * times, f.bottom}.simplest())
	q.slip("fractions-whole-both", fraction{f.top * times, f.bottom * times},
		"%d × %d = %d and %d × %d = %d", f.top, times, f.top*times, f.bottom, times, f.bottom*times)
	q.slip("fractions-whole-denominator", fraction{f.top, f.bottom * times},
		"%d × %d = %d under %d", f.bottom, times, f.bottom*times, f.top)
	q.slip("fractions-whole-adds", fraction{f.top + times, f.bottom},
		"%d + %d = %d over %d", f.top, times, f.top+times, f.bottom)
	return q
}

func fractionOfAmount(d *dice) *question {
	f := d.fraction(9)
	for f.top == 1 {
		f = d.fraction(9)
	}
	part := f.top * d.between(1, 9)
	amount := part * f.bottom
	q := d.ask([]string{
		"What is %v of %d?",
		"Find %v of $%d.",
		d.name() + " gives away %v of %d stickers. How many stickers is that?",
	}, f, amount)
	q.answer(part * f.top)
	q.slip("fractions-of-inverted", amount/f.top*f.bottom,
		"%d ÷ %d = %d and %d × %d = %d", amount, f.top, amount/f.top, amount/f.top, f.bottom, amount/f.top*f.bottom)
	q.slip("fractions-of-unit-only", part, "%d ÷ %d = %d", amount, f.bottom, part)
	q.slip("fractions-of-ignores-denominator", amount*f.top, "%d × %d = %d", amount, f.top, amount*f.top)
	return q
}
