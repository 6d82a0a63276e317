package demo

func negativeNumbers() topic {
	return topic{
		name: "Negative numbers",
		misconceptions: []Misconception{
			{ID: "negative-times-negative", Text: "Believes that a negative number times a negative number is negative"},
			{ID: "negative-divide-negative", Text: "Believes that a negative number divided by a negative number is negative", Unseen: true},
			{ID: "negative-times-adds", Text: "Adds two negative numbers when asked to multiply them"},
			{ID: "negative-times-positive", Text: "Believes that a negative number times a positive number is positive"},
			{ID: "negative-add-keeps-sign", Text: "When adding to a negative number, adds the sizes and keeps the minus sign"},
			{ID: "negative-add-drops-sign", Text: "When adding to a negative number, ignores the minus sign"},
			{ID: "negative-subtract-negative", Text: "Believes that subtracting a negative number makes the result smaller"},
			{ID: "negative-two-minuses-add", Text: "Believes that two minus signs always make a plus, even when subtracting from a negative number"},
			{ID: "negative-subtract-drops-sign", Text: "When subtracting from a negative number, ignores the minus sign"},
			{ID: "negative-order-by-size", Text: "Orders negative numbers by their size as if they were positive"},
			{ID: "negative-square-negative", Text: "Believes that the square of a negative number is negative"},
			{ID: "negative-difference-subtracts", Text: "Finds the difference between a positive and a negative number by subtracting their sizes"},
		},
		kinds: []kind{
			{"negative times negative", negativeTimesNegative},
			{"negative divided by negative", negativeDividedByNegative},
			{"negative times positive", negativeTimesPositive},
			{"add to a negative", addToNegative},
			{"subtract a negative", subtractNegative},
			{"subtract from a negative", subtractFromNegative},
			{"order negatives", orderNegatives},
			{"square a negative", squareNegative},
			{"temperature difference", temperatureDifference},
		},
	}
}

func negativeTimesNegative(d *dice) *question {
	a, b := d.between(2, 9), d.between(2, 9)
	q := d.ask(calculations("-%d × -%d"), a, b)
	q.answer(a * b)
	q.slip("negative-times-negative", -a*b, "%d × %d = %d and it stays minus", a, b, a*b)
	q.slip("negative-times-adds", -a-b, "-%d and -%d together are %d", a, b, -a-b)
	return q
}

func negativeDividedByNegative(d *dice) *question {
	b, c := d.between(2, 9), d.between(2, 9)
	q := d.ask(calculations("-%d ÷ -%d"), b*c, b)
	q.answer(c)
	q.slip("negative-divide-negative", -c, "%d ÷ %d = %d and it stays minus", b*c, b, c)
	return q
}

func negativeTimesPositive(d *dice) *question {
	a, b := d.between(2, 9), d.between(2, 9)
	q := d.ask(calculations("-%d × %d"), a, b)
	q.answer(-a * b)
	q.slip("negative-times-positive", a*b, "%d × %d = %d", a, b, a*b)
	q.slip("order-multiply-as-add", -a+b, "-%d + %d = %d", a, b, -a+b)
	return q
}

func addToNegative(d *dice) *question {
	a, b := d.between(2, 15), d.between(2, 15)
	q := d.ask(append(calculations("-%d + %d"),
		"The temperature is -%d degrees and rises by %d degrees. What is it now, in degrees?"), a, b)
	q.answer(-a + b)
	q.slip("negative-add-keeps-sign", -(a + b), "%d + %d = %d and the minus stays: -%d", a, b, a+b, a+b)
	q.slip("negative-add-drops-sign", a+b, "%d + %d = %d", a, b, a+b)
	return q
}

func subtractNegative(d *dice) *question {
	a, b := d.between(2, 15), d.between(2, 9)
	q := d.ask(calculations("%d - (-%d)"), a, b)
	q.answer(a + b)
	q.slip("negative-subtract-negative", a-b, "%d - %d = %d", a, b, a-b)
	return q
}

func subtractFromNegative(d *dice) *question {
	a, b := d.between(2, 15), d.between(2, 15)
	q := d.ask(append(calculations("-%d - %d"),
		"The temperature is -%d degrees and falls by %d degrees. What is it now, in degrees?"), a, b)
	q.answer(-a - b)
	q.slip("negative-two-minuses-add", a+b, "minus and minus make plus: %d + %d = %d", a, b, a+b)
	q.slip("negative-subtract-drops-sign", a-b, "%d - %d = %d", a, b, a-b)
	return q
}

func orderNegatives(d *dice) *question {
	n := d.distinct(3, 1, 20)
	q := d.ask([]string{
		"Which is the largest: -%d, -%d or -%d?",
		"Which of -%d, -%d and -%d is the greatest number?",
		"The temperatures are -%d, -%d and -%d degrees. Which is the warmest?",
	}, n[0], n[1], n[2])
	largest := max(n[0], n[1], n[2])
	q.answer(-min(n[0], n[1], n[2]))
	q.slip("negative-order-by-size", -largest, "%d is the biggest number", largest)
	return q
}

func squareNegative(d *dice) *question {
	a := d.between(2, 20)
	q := d.ask(calculations("(-%d)^2"), a)
	q.answer(a * a)
	q.slip("negative-square-negative", -a*a, "%d × %d = %d and it stays minus", a, a, a*a)
	q.slip("negative-times-adds", -2*a, "-%d and -%d together are %d", a, a, -2*a)
	return q
}

func temperatureDifference(d *dice) *question {
	a, b := d.between(2, 20), d.between(2, 15)
	q := d.ask([]string{
		"What is the difference between %d and -%d?",
		"It is %d degrees inside and -%d degrees outside. How many degrees is the difference?",
		"How much greater is %d than -%d?",
	}, a, b)
	q.answer(a + b)
	q.slip("negative-difference-subtracts", max(a-b, b-a), "%d - %d = %d", max(a, b), min(a, b), max(a-b, b-a))
	return q
}
