package demo

func fractionSums() topic {
	return topic{
		name: "Fractions",
		misconceptions: []Misconception{
			{ID: "fractions-add-across", Text: "When adding fractions, adds the numerators and adds the denominators"},
			{ID: "fractions-add-unscaled", Text: "When adding fractions, finds a common denominator but adds the numerators unchanged"},
			{ID: "fractions-add-larger-denominator", Text: "When adding fractions, adds the numerators and keeps the larger denominator"},
			{ID: "fractions-add-multiplies", Text: "When adding fractions, multiplies the numerators and multiplies the denominators"},
			{ID: "fractions-subtract-across", Text: "When subtracting fractions, subtracts the numerators and subtracts the denominators"},
			{ID: "fractions-subtract-unscaled", Text: "When subtracting fractions, finds a common denominator but subtracts the numerators unchanged"},
			{ID: "fractions-subtract-larger-denominator", Text: "When subtracting fractions, subtracts the numerators and keeps the larger denominator", Unseen: true},
			{ID: "mixed-adds-whole", Text: "When writing a mixed number as an improper fraction, adds the whole number to the numerator"},
			{ID: "mixed-multiplies-whole", Text: "When writing a mixed number as an improper fraction, multiplies the whole number by the numerator"},
			{ID: "mixed-joins-digits", Text: "When writing a mixed number as an improper fraction, writes the whole number in front of the numerator"},
			{ID: "equivalent-adds", Text: "Makes an equivalent fraction by adding the same number to the numerator and the denominator"},
			{ID: "equivalent-keeps-numerator", Text: "Makes an equivalent fraction by changing the denominator and leaving the numerator as it is"},
			{ID: "compare-larger-denominator", Text: "Thinks that the fraction with the larger denominator is the larger fraction"},
			{ID: "compare-larger-numerator", Text: "Thinks that the fraction with the larger numerator is the larger fraction"},
			{ID: "compare-equal-gaps", Text: "Thinks that fractions are equal when the gap between numerator and denominator is equal"},
		},
		kinds: []kind{
			{"add fractions", addFractions},
			{"subtract fractions", subtractFractions},
			{"mixed number", mixedNumber},
			{"equivalent fraction", equivalentFraction},
			{"compare unit fractions", compareUnitFractions},
			{"compare numerators", compareNumerators},
			{"compare gaps", compareGaps},
		},
	}
}

func addFractions(d *dice) *question {
	f, g := d.fraction(9), d.fraction(9)
	q := d.ask([]string{
		"What is %v + %v?",
		"Work out %v + %v.",
		d.name() + " eats %v of a pizza and then %v of another pizza. How much is eaten?",
	}, f, g)
	bottom := f.bottom * g.bottom
	q.answer(fraction{f.top*g.bottom + g.top*f.bottom, bottom}.simplest())
	top, larger := f.top+g.top, max(f.bottom, g.bottom)
	q.slip("fractions-add-across", fraction{top, f.bottom + g.bottom},
		"%d + %d = %d and %d + %d = %d", f.top, g.top, top, f.bottom, g.bottom, f.bottom+g.bottom)
	q.slip("fractions-add-unscaled", fraction{top, bottom},
		"%d × %d = %d so both are over %d, and %d + %d = %d", f.bottom, g.bottom, bottom, bottom, f.top, g.top, top)
	q.slip("fractions-add-larger-denominator", fraction{top, larger},
		"%d + %d = %d, over the bigger number %d", f.top, g.top, top, larger)
	q.slip("fractions-add-multiplies", fraction{f.top * g.top, bottom},
		"%d × %d = %d and %d × %d = %d", f.top, g.top, f.top*g.top, f.bottom, g.bottom, bottom)
	return q
}

func subtractFractions(d *dice) *question {
	f, g := d.fraction(12), d.fraction(12)
	for f.top <= g.top || f.bottom == g.bottom || !g.less(f) {
		f, g = d.fraction(12), d.fraction(12)
	}
	q := d.ask([]string{
		"What is %v - %v?",
		"Work out %v - %v.",
		"A jug is %v full and " + d.name() + " pours out %v of a jug. How much of the jug is left?",
	}, f, g)
	bottom := f.bottom * g.bottom
	q.answer(fraction{f.top*g.bottom - g.top*f.bottom, bottom}.simplest())
	top, larger, smaller := f.top-g.top, max(f.bottom, g.bottom), min(f.bottom, g.bottom)
	q.slip("fractions-subtract-across", fraction{top, larger - smaller},
		"%d - %d = %d and %d - %d = %d", f.top, g.top, top, larger, smaller, larger-smaller)
	q.slip("fractions-subtract-unscaled", fraction{top, bottom},
		"%d × %d = %d so both are over %d, and %d - %d = %d", f.bottom, g.bottom, bottom, bottom, f.top, g.top, top)
	q.slip("fractions-subtract-larger-denominator", fraction{top, larger},
		"%d - %d = %d, over the bigger number %d", f.top, g.top, top, larger)
	return q
}

func mixedNumber(d *dice) *question {
	whole, f := d.between(2, 9), d.fraction(9)
	q := d.ask([]string{
		"Write %d %v as an improper fraction.",
		"What is the mixed number %d %v as a single fraction?",
		"Change %d %v from a mixed number to an improper fraction.",
	}, whole, f)
	q.answer(fraction{whole*f.bottom + f.top, f.bottom})
	q.slip("mixed-adds-whole", fraction{whole + f.top, f.bottom},
		"%d + %d = %d", whole, f.top, whole+f.top)
	q.slip("mixed-multiplies-whole", fraction{whole * f.top, f.bottom},
		"%d × %d = %d", whole, f.top, whole*f.top)
	q.slip("mixed-joins-digits", fraction{10*whole + f.top, f.bottom},
		"%d and %d make %d", whole, f.top, 10*whole+f.top)
	return q
}

func equivalentFraction(d *dice) *question {
	f, times := d.fraction(9), d.between(2, 6)
	bottom := f.bottom * times
	q := d.ask([]string{
		"What is the missing number: %v = ?/%d",
		"Fill in the gap to make equivalent fractions: %v = __/%d",
		"%v is equivalent to a fraction with denominator %d. What is its numerator?",
	}, f, bottom)
	q.answer(f.top * times)
	added := bottom - f.bottom
	q.slip("equivalent-adds", f.top+added, "%d + %d = %d so %d + %d = %d", f.bottom, added, bottom, f.top, added, f.top+added)
	q.slip("equivalent-keeps-numerator", f.top, "%d × %d = %d and the top stays %d", f.bottom, times, bottom, f.top)
	return q
}

func compareUnitFractions(d *dice) *question {
	top := d.between(1, 3)
	bottoms := d.distinct(2, 4, 12)
	f, g := fraction{top, bottoms[0]}, fraction{top, bottoms[1]}
	q := compare(d, f, g)
	larger := max(bottoms[0], bottoms[1])
	q.slip("compare-larger-denominator", fraction{top, larger}, "%d is bigger than %d", larger, min(bottoms[0], bottoms[1]))
	return q
}

func compareNumerators(d *dice) *question {
	f, g := d.fraction(12), d.fraction(12)
	for f.top <= g.top || !f.less(g) {
		f, g = d.fraction(12), d.fraction(12)
	}
	q := compare(d, f, g)
	q.slip("compare-larger-numerator", f, "%d is more than %d", f.top, g.top)
	return q
}

func compareGaps(d *dice) *question {
	gap, tops := d.between(1, 3), d.distinct(2, 1, 9)
	f, g := fraction{tops[0], tops[0] + gap}, fraction{tops[1], tops[1] + gap}
	q := compare(d, f, g)
	q.slip("compare-equal-gaps", "they are equal", "%d - %d = %d and %d - %d = %d", f.bottom, f.top, gap, g.bottom, g.top, gap)
	return q
}

// compare asks which of two fractions is larger.
func compare(d *dice, f, g fraction) *question {
	larger := g
	if g.less(f) {
		larger = f
	}
	q := d.ask(comparisons(), one(d, []any{f, g}, []any{g, f})...)
	q.answer(larger)
	return q
}

func comparisons() []string {
	return []string{
		"Which is larger, %v or %v?",
		"Which fraction is greater: %v or %v?",
		"Two ribbons are %v m and %v m long. How long in metres is the longer ribbon?",
	}
}
