package demo

func operationOrder() topic {
	return topic{
		name: "Order of operations",
		misconceptions: []Misconception{
			{ID: "order-add-before-multiply", Text: "Confuses the order of operations: believes addition comes before multiplication"},
			{ID: "order-subtract-before-multiply", Text: "Confuses the order of operations: believes subtraction comes before multiplication"},
			{ID: "order-add-before-divide", Text: "Confuses the order of operations: believes addition comes before division"},
			{ID: "order-subtract-before-divide", Text: "Confuses the order of operations: believes subtraction comes before division", Unseen: true},
			{ID: "order-add-before-subtract", Text: "Confuses the order of operations: believes addition comes before subtraction"},
			{ID: "order-multiply-before-divide", Text: "Confuses the order of operations: believes multiplication comes before division"},
			{ID: "order-multiply-before-power", Text: "Confuses the order of operations: believes multiplication comes before powers"},
			{ID: "order-add-before-power", Text: "Confuses the order of operations: believes addition comes before powers"},
			{ID: "order-subtract-before-power", Text: "Confuses the order of operations: believes subtraction comes before powers", Unseen: true},
			{ID: "order-ignores-brackets", Text: "Ignores the brackets in a calculation and keeps the usual order of operations"},
			{ID: "order-bracket-as-addition", Text: "Adds the number in front of a bracket instead of multiplying by it"},
			{ID: "order-multiply-as-add", Text: "Adds two numbers where they should be multiplied"},
			{ID: "order-divide-as-subtract", Text: "Subtracts two numbers where they should be divided"},
			{ID: "order-square-as-double", Text: "Doubles a number instead of squaring it"},
		},
		kinds: []kind{
			{"add then multiply", addThenMultiply},
			{"subtract then multiply", subtractThenMultiply},
			{"add then divide", addThenDivide},
			{"subtract then divide", subtractThenDivide},
			{"subtract then add", subtractThenAdd},
			{"divide then multiply", divideThenMultiply},
			{"multiply a power", multiplyPower},
			{"add a power", addPower},
			{"subtract a power", subtractPower},
			{"brackets", brackets},
		},
	}
}

func addThenMultiply(d *dice) *question {
	a, b, c := d.between(2, 20), d.between(2, 9), d.between(2, 9)
	q := d.ask(calculations("%d + %d × %d"), a, b, c)
	q.answer(a + b*c)
	q.slip("order-add-before-multiply", (a+b)*c, "%d + %d = %d and %d × %d = %d", a, b, a+b, a+b, c, (a+b)*c)
	q.slip("order-multiply-as-add", a+b+c, "%d + %d = %d and %d + %d = %d", b, c, b+c, a, b+c, a+b+c)
	return q
}

func subtractThenMultiply(d *dice) *question {
	b, c := d.between(2, 9), d.between(2, 6)
	a := b*c + d.between(1, 20)
	q := d.ask(calculations("%d - %d × %d"), a, b, c)
	q.answer(a - b*c)
	q.slip("order-subtract-before-multiply", (a-b)*c, "%d - %d = %d and %d × %d = %d", a, b, a-b, a-b, c, (a-b)*c)
	q.slip("order-multiply-as-add", a-(b+c), "%d + %d = %d and %d - %d = %d", b, c, b+c, a, b+c, a-b-c)
	return q
}

func addThenDivide(d *dice) *question {
	c := d.between(2, 6)
	a, b := c*d.between(2, 9), c*d.between(2, 9)
	q := d.ask(calculations("%d + %d ÷ %d"), a, b, c)
	q.answer(a + b/c)
	q.slip("order-add-before-divide", (a+b)/c, "%d + %d = %d and %d ÷ %d = %d", a, b, a+b, a+b, c, (a+b)/c)
	q.slip("order-divide-as-subtract", a+(b-c), "%d - %d = %d and %d + %d = %d", b, c, b-c, a, b-c, a+b-c)
	return q
}

func subtractThenDivide(d *dice) *question {
	c := d.between(2, 6)
	b := c * d.between(2, 6)
	a := b + c*d.between(1, 9)
	q := d.ask(calculations("%d - %d ÷ %d"), a, b, c)
	q.answer(a - b/c)
	q.slip("order-subtract-before-divide", (a-b)/c, "%d - %d = %d and %d ÷ %d = %d", a, b, a-b, a-b, c, (a-b)/c)
	q.slip("order-divide-as-subtract", a-(b-c), "%d - %d = %d and %d - %d = %d", b, c, b-c, a, b-c, a-b+c)
	return q
}

func subtractThenAdd(d *dice) *question {
	b, c := d.between(2, 9), d.between(2, 9)
	a := b + c + d.between(1, 20)
	q := d.ask(calculations("%d - %d + %d"), a, b, c)
	q.answer(a - b + c)
	q.slip("order-add-before-subtract", a-(b+c), "%d + %d = %d and %d - %d = %d", b, c, b+c, a, b+c, a-b-c)
	return q
}

func divideThenMultiply(d *dice) *question {
	b, c := d.between(2, 6), d.between(2, 5)
	a := b * c * d.between(1, 6)
	q := d.ask(calculations("%d ÷ %d × %d"), a, b, c)
	q.answer(a / b * c)
	q.slip("order-multiply-before-divide", a/(b*c), "%d × %d = %d and %d ÷ %d = %d", b, c, b*c, a, b*c, a/(b*c))
	q.slip("order-multiply-as-add", a/b+c, "%d ÷ %d = %d and %d + %d = %d", a, b, a/b, a/b, c, a/b+c)
	return q
}

func multiplyPower(d *dice) *question {
	a, b := d.between(2, 5), d.between(3, 9)
	q := d.ask(calculations("%d × %d^2"), a, b)
	q.answer(a * b * b)
	q.slip("order-multiply-before-power", a*b*a*b, "%d × %d = %d and %d^2 = %d", a, b, a*b, a*b, a*b*a*b)
	q.slip("order-square-as-double", a*2*b, "%d × 2 = %d and %d × %d = %d", b, 2*b, a, 2*b, a*2*b)
	return q
}

func addPower(d *dice) *question {
	a, b := d.between(2, 9), d.between(3, 9)
	q := d.ask(calculations("%d + %d^2"), a, b)
	q.answer(a + b*b)
	q.slip("order-add-before-power", (a+b)*(a+b), "%d + %d = %d and %d^2 = %d", a, b, a+b, a+b, (a+b)*(a+b))
	q.slip("order-square-as-double", a+2*b, "%d × 2 = %d and %d + %d = %d", b, 2*b, a, 2*b, a+2*b)
	return q
}

func subtractPower(d *dice) *question {
	b := d.between(3, 6)
	a := b*b + d.between(1, 30)
	q := d.ask(calculations("%d - %d^2"), a, b)
	q.answer(a - b*b)
	q.slip("order-subtract-before-power", (a-b)*(a-b), "%d - %d = %d and %d^2 = %d", a, b, a-b, a-b, (a-b)*(a-b))
	q.slip("order-square-as-double", a-2*b, "%d × 2 = %d and %d - %d = %d", b, 2*b, a, 2*b, a-2*b)
	return q
}

func brackets(d *dice) *question {
	a, b, c := d.between(2, 9), d.between(2, 9), d.between(2, 9)
	q := d.ask(calculations("%d × (%d + %d)"), a, b, c)
	q.answer(a * (b + c))
	q.slip("order-ignores-brackets", a*b+c, "%d × %d = %d and %d + %d = %d", a, b, a*b, a*b, c, a*b+c)
	q.slip("order-bracket-as-addition", a+b+c, "%d + %d = %d and %d + %d = %d", b, c, b+c, a, b+c, a+b+c)
	return q
}

// calculations are the ways to ask for the value of an expression.
func calculations(expression string) []string {
	return []string{
		"What is " + expression + "?",
		"Work out " + expression + ".",
		"Calculate the value of " + expression + ".",
		"Which number does a calculator show for " + expression + "?",
	}
}
