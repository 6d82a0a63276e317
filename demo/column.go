package demo

import "fmt"

func columnMethods() topic {
	return topic{
		name: "Column methods",
		misconceptions: []Misconception{
			{ID: "column-smaller-from-larger", Text: "In column subtraction, subtracts the smaller digit from the larger in every column"},
			{ID: "column-forgets-borrow", Text: "In column subtraction, borrows a ten but forgets to take one from the next column"},
			{ID: "column-zero-gives-digit", Text: "In column subtraction, thinks that zero take away a digit is that digit"},
			{ID: "column-zero-gives-zero", Text: "In column subtraction, thinks that zero take away a digit is zero"},
			{ID: "column-forgets-carry", Text: "In column addition, forgets to carry a ten to the next column"},
			{ID: "column-writes-whole-total", Text: "In column addition, writes both digits of a column total instead of carrying"},
			{ID: "column-carries-ones", Text: "In column addition, writes the tens digit of a column total and carries the ones digit", Unseen: true},
			{ID: "long-multiplication-no-zero", Text: "In long multiplication, forgets the zero at the end of the second row"},
			{ID: "long-multiplication-tens-and-ones", Text: "In long multiplication, multiplies the tens by the tens and the ones by the ones only"},
			{ID: "division-remainder-as-decimal", Text: "Writes the remainder of a division as the digits after the decimal point"},
			{ID: "division-drops-remainder", Text: "Ignores the remainder of a division"},
		},
		kinds: []kind{
			{"column subtraction", columnSubtraction},
			{"column subtraction from zero", columnSubtractionZero},
			{"column addition", columnAddition},
			{"long multiplication", longMultiplication},
			{"division with remainder", divisionWithRemainder},
		},
	}
}

// columnSubtraction takes 2-digit numbers apart where the ones need a borrow.
func columnSubtraction(d *dice) *question {
	tens, ones := d.distinct(2, 2, 9), d.distinct(2, 1, 9)
	a := 10*max(tens[0], tens[1]) + min(ones[0], ones[1])
	b := 10*min(tens[0], tens[1]) + max(ones[0], ones[1])
	q := askDifference(d, a, b)
	t, o := a/10-b/10, b%10-a%10
	q.slip("column-smaller-from-larger", 10*t+o, "%d - %d = %d and %d - %d = %d", b%10, a%10, o, a/10, b/10, t)
	q.slip("column-forgets-borrow", 10*t+10-o, "%d - %d = %d and %d - %d = %d", 10+a%10, b%10, 10-o, a/10, b/10, t)
	return q
}

// columnSubtractionZero subtracts a digit from a zero in the ones.
func columnSubtractionZero(d *dice) *question {
	tens := d.distinct(2, 2, 9)
	a := 10 * max(tens[0], tens[1])
	b := 10*min(tens[0], tens[1]) + d.between(1, 9)
	q := askDifference(d, a, b)
	t, o := a/10-b/10, b%10
	q.slip("column-zero-gives-digit", 10*t+o, "0 - %d = %d and %d - %d = %d", o, o, a/10, b/10, t)
	q.slip("column-zero-gives-zero", 10*t, "0 - %d = 0 and %d - %d = %d", o, a/10, b/10, t)
	q.slip("column-forgets-borrow", 10*t+10-o, "10 - %d = %d and %d - %d = %d", o, 10-o, a/10, b/10, t)
	return q
}

func askDifference(d *dice, a, b int) *question {
	q := d.ask([]string{
		"What is %d - %d?",
		"Work out %d take away %d.",
		d.name() + " has %d marbles and loses %d of them. How many are left?",
	}, a, b)
	q.answer(a - b)
	return q
}

// columnAddition adds 2-digit numbers whose ones carry.
func columnAddition(d *dice) *question {
	a, b := d.digits(2), d.digits(2)
	for a%10+b%10 <= 10 {
		a, b = d.digits(2), d.digits(2)
	}
	q := d.ask([]string{
		"What is %d + %d?",
		"Work out %d plus %d.",
		"A bus has %d passengers and %d more get on. How many passengers are there?",
	}, a, b)
	q.answer(a + b)
	t, o := a/10+b/10, a%10+b%10
	sums := fmt.Sprintf("%d + %d = %d and %d + %d = ", a%10, b%10, o, a/10, b/10)
	q.slip("column-forgets-carry", 10*t+o%10, "%s%d", sums, t)
	q.slip("column-writes-whole-total", fmt.Sprintf("%d%d", t, o), "%s%d, written as %d then %d", sums, t, t, o)
	q.slip("column-carries-ones", 10*(t+o%10)+o/10, "%s%d, plus %d is %d", sums, t, o%10, t+o%10)
	return q
}

func longMultiplication(d *dice) *question {
	a, b := d.digits(2), d.digits(2)
	q := d.ask([]string{
		"What is %d × %d?",
		"Work out %d multiplied by %d.",
		"A box holds %d pens. How many pens do %d boxes hold?",
	}, a, b)
	q.answer(a * b)
	ones, tens := a*(b%10), a*(b/10)
	q.slip("long-multiplication-no-zero", ones+tens, "%d × %d = %d, %d × %d = %d and %d + %d = %d",
		a, b%10, ones, a, b/10, tens, ones, tens, ones+tens)
	o, t := (a%10)*(b%10), (a/10)*(b/10)*100
	q.slip("long-multiplication-tens-and-ones", t+o, "%d × %d = %d, %d × %d = %d and %d + %d = %d",
		a/10*10, b/10*10, t, a%10, b%10, o, t, o, t+o)
	return q
}

func divisionWithRemainder(d *dice) *question {
	by := one(d, 4, 8) // quarters and eighths end, so that the right answer is an exact decimal
	quotient, rest := d.between(2, 12), d.between(1, by-1)
	a := quotient*by + rest
	q := d.ask([]string{
		"What is %d ÷ %d as a decimal?",
		"Divide %d by %d and give a decimal answer.",
		"%d metres of rope are cut into %d equal pieces. How long is each piece in metres?",
	}, a, by)
	q.answer(decimal{a * 1000 / by, 3}.trimmed())
	q.slip("division-remainder-as-decimal", decimal{quotient*10 + rest, 1}, "%d × %d = %d, remainder %d, so %d point %d",
		by, quotient, by*quotient, rest, quotient, rest)
	q.slip("division-drops-remainder", quotient, "%d × %d = %d", by, quotient, by*quotient)
	return q
}
