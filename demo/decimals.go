package demo

func decimalNumbers() topic {
	return topic{
		name: "Decimals",
		misconceptions: []Misconception{
			{ID: "decimals-longer-is-larger", Text: "Thinks that the decimal with more digits after the point is larger"},
			{ID: "decimals-shorter-is-larger", Text: "Thinks that the decimal with fewer digits after the point is larger"},
			{ID: "decimals-add-right-aligned", Text: "When adding decimals, lines up the last digits instead of the decimal points"},
			{ID: "decimals-subtract-right-aligned", Text: "When subtracting decimals, lines up the last digits instead of the decimal points", Unseen: true},
			{ID: "decimals-add-separate-parts", Text: "When adding decimals, adds the digits before and after the point separately without carrying"},
			{ID: "decimals-subtract-separate-parts", Text: "When subtracting decimals, subtracts the digits before and after the point separately"},
			{ID: "decimals-multiply-keeps-places", Text: "When multiplying decimals, keeps the number of decimal places of the factors"},
			{ID: "decimals-multiply-drops-point", Text: "When multiplying decimals, leaves the decimal point out"},
			{ID: "decimals-times-ten-adds-zero", Text: "Multiplies a decimal by a power of ten by writing zeros at its end"},
			{ID: "decimals-times-ten-wrong-way", Text: "Moves the digits the wrong way when multiplying by a power of ten"},
			{ID: "decimals-divide-ten-wrong-way", Text: "Moves the digits the wrong way when dividing by a power of ten"},
			{ID: "decimals-power-one-place", Text: "Moves the digits only one place whatever the power of ten is"},
			{ID: "decimals-fraction-as-point", Text: "Writes a fraction as a decimal by putting the point between numerator and denominator"},
			{ID: "decimals-fraction-denominator", Text: "Writes a fraction as a decimal by putting the denominator after the point"},
		},
		kinds: []kind{
			{"compare decimals", compareDecimals},
			{"add decimals", addDecimals},
			{"subtract decimals", subtractDecimals},
			{"multiply decimals", multiplyDecimals},
			{"decimal times power of ten", decimalTimesTen},
			{"decimal divided by power of ten", decimalDividedByTen},
			{"fraction as decimal", fractionAsDecimal},
		},
	}
}

// compareDecimals has a long, a middle and a short decimal, of which the middle is the largest.
func compareDecimals(d *dice) *question {
	lead := d.distinct(3, 1, 8)
	short, long := decimal{min(lead[0], lead[1]), 1}, decimal{min(lead[1], lead[2])*100 + d.digits(2), 3}
	middle := decimal{(max(lead[0], lead[1], lead[2])+1)*10 + d.between(1, 9), 2}
	q := d.ask([]string{
		"Which is the largest: %v, %v or %v?",
		"Which of %v, %v and %v is the greatest?",
		"Three plants are %v m, %v m and %v m tall. How tall is the tallest?",
	}, short, middle, long)
	q.answer(middle)
	q.slip("decimals-longer-is-larger", long, "%d is more than %d and %d", long.units, middle.units, short.units)
	q.slip("decimals-shorter-is-larger", short, "%v has tenths only", short)
	return q
}

func addDecimals(d *dice) *question {
	a, b := decimal{d.digits(2), 1}, decimal{d.digits(3), 2}
	q := d.ask([]string{
		"What is %v + %v?",
		"Work out %v plus %v.",
		d.name() + " buys %v kg of apples and %v kg of pears. How many kilograms is that?",
	}, a, b)
	q.answer(decimal{10*a.units + b.units, 2}.trimmed())
	total := a.units + b.units
	q.slip("decimals-add-right-aligned", decimal{total, 2}, "%d + %d = %d", a.units, b.units, total)
	whole, part := a.whole()+b.whole(), a.part()+b.part()
	q.slip("decimals-add-separate-parts", joined(whole, part), "%d + %d = %d and %d + %d = %d",
		a.whole(), b.whole(), whole, a.part(), b.part(), part)
	return q
}

func subtractDecimals(d *dice) *question {
	a, b := decimal{d.digits(3), 2}, decimal{d.digits(2), 1}
	for a.units <= 10*b.units {
		a, b = decimal{d.digits(3), 2}, decimal{d.digits(2), 1}
	}
	q := d.ask([]string{
		"What is %v - %v?",
		"Work out %v take away %v.",
		"A plank is %v m long and " + d.name() + " saws off %v m. How many metres are left?",
	}, a, b)
	q.answer(decimal{a.units - 10*b.units, 2}.trimmed())
	rest := a.units - b.units
	q.slip("decimals-subtract-right-aligned", decimal{rest, 2}, "%d - %d = %d", a.units, b.units, rest)
	whole, part := a.whole()-b.whole(), a.part()-b.part()
	q.slip("decimals-subtract-separate-parts", joined(whole, part), "%d - %d = %d and %d - %d = %d",
		a.whole(), b.whole(), whole, a.part(), b.part(), part)
	return q
}

// joined writes the digits before and after the point side by side.
func joined(whole, part int) decimal {
	places := len(decimal{part, 0}.String())
	return decimal{whole*pow(10, places) + part, places}
}

func multiplyDecimals(d *dice) *question {
	a, b := d.between(2, 9), d.between(2, 9)
	x, y := decimal{a, 1}, decimal{b, 1}
	q := d.ask([]string{
		"What is %v × %v?",
		"Work out %v multiplied by %v.",
		"A stamp is %v m by %v m. What is its area in square metres?",
	}, x, y)
	q.answer(decimal{a * b, 2}.trimmed())
	q.slip("decimals-multiply-keeps-places", decimal{a * b, 1}, "%d × %d = %d, with one place", a, b, a*b)
	q.slip("decimals-multiply-drops-point", a*b, "%d × %d = %d", a, b, a*b)
	return q
}

func decimalTimesTen(d *dice) *question {
	n, zeros := decimal{d.digits(2), 1}, d.between(2, 3)
	q := d.ask([]string{
		"What is %v × %d?",
		"Multiply %v by %d.",
		"One bead weighs %v g. How many grams do %d beads weigh?",
	}, n, pow(10, zeros))
	q.answer(n.units * pow(10, zeros-1))
	q.slip("decimals-times-ten-adds-zero", decimal{n.units * pow(10, zeros), 1 + zeros}, "%v with %d zeros", n, zeros)
	q.slip("decimals-times-ten-wrong-way", decimal{n.units, 1 + zeros}, "%v moves %d places right", n, zeros)
	q.slip("decimals-power-one-place", n.units, "%v moves 1 place left", n)
	return q
}

func decimalDividedByTen(d *dice) *question {
	n, zeros := decimal{d.digits(2), 1}, d.between(2, 3)
	q := d.ask([]string{
		"What is %v ÷ %d?",
		"Divide %v by %d.",
		"%v litres of paint fill %d equal pots. How many litres are in one pot?",
	}, n, pow(10, zeros))
	q.answer(decimal{n.units, 1 + zeros})
	q.slip("decimals-divide-ten-wrong-way", n.units*pow(10, zeros-1), "%v moves %d places left", n, zeros)
	q.slip("decimals-power-one-place", decimal{n.units, 2}, "%v moves 1 place right", n)
	return q
}

func fractionAsDecimal(d *dice) *question {
	bottom := one(d, 4, 5, 8)
	f := fraction{d.between(1, bottom-1), bottom}
	q := d.ask([]string{
		"Write %v as a decimal.",
		"What is %v as a decimal number?",
		"A tank is %v full. Write this as a decimal.",
	}, f)
	q.answer(decimal{f.top * 1000 / bottom, 3}.trimmed())
	q.slip("decimals-fraction-as-point", decimal{f.top*10 + bottom, 1}, "%d then a point then %d", f.top, bottom)
	q.slip("decimals-fraction-denominator", decimal{bottom, 1}, "a point then %d", bottom)
	return q
}
