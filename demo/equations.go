package demo

import "fmt"

func equations() topic {
	return topic{
		name: "Equations",
		misconceptions: []Misconception{
			{ID: "equation-adds-instead", Text: "To solve an equation with a number added, adds the number again instead of subtracting it"},
			{ID: "equation-subtracts-instead", Text: "To solve an equation with a number subtracted, subtracts the number again instead of adding it", Unseen: true},
			{ID: "equation-subtracts-coefficient", Text: "To solve an equation with a coefficient, subtracts the coefficient instead of dividing by it"},
			{ID: "equation-multiplies-coefficient", Text: "To solve an equation with a coefficient, multiplies by the coefficient instead of dividing by it"},
			{ID: "equation-divides-again", Text: "To solve an equation with a division, divides again instead of multiplying"},
			{ID: "equation-stops-before-dividing", Text: "Stops after subtracting the constant and forgets to divide by the coefficient"},
			{ID: "equation-both-sides-adds", Text: "With the unknown on both sides, adds the terms of the unknown instead of subtracting them"},
			{ID: "equation-both-sides-adds-constants", Text: "With the unknown on both sides, adds the constants instead of subtracting them"},
			{ID: "equation-square-halves", Text: "To solve an equation with a square, halves the number instead of taking the square root"},
			{ID: "equation-square-one-root", Text: "To solve an equation with a square, gives only the positive root"},
			{ID: "factorise-wrong-signs", Text: "When factorising a quadratic, uses the right numbers with the wrong signs"},
			{ID: "factorise-coefficients-as-numbers", Text: "When factorising a quadratic, copies the coefficient and the constant into the brackets"},
			{ID: "factorise-difference-as-square", Text: "Factorises a difference of two squares as the square of a difference"},
			{ID: "factorise-first-term-only", Text: "When taking out a common factor, divides only the first term by it"},
			{ID: "factorise-not-fully", Text: "When taking out a common factor, stops before the highest common factor"},
			{ID: "factorise-subtracts-factor", Text: "When taking out a common factor, subtracts the factor from each term", Unseen: true},
		},
		kinds: []kind{
			{"solve addition", solveAddition},
			{"solve subtraction", solveSubtraction},
			{"solve multiplication", solveMultiplication},
			{"solve division", solveDivision},
			{"solve two steps", solveTwoSteps},
			{"solve both sides", solveBothSides},
			{"solve square", solveSquare},
			{"factorise quadratic", factoriseQuadratic},
			{"factorise difference", factoriseDifference},
			{"common factor", commonFactor},
		},
	}
}

func solveAddition(d *dice) *question {
	x, a, root := letter(d), d.between(2, 12), d.between(1, 20)
	q := d.ask(solves("%s + %d = %d"), x, a, root+a)
	q.answer(root)
	q.slip("equation-adds-instead", root+2*a, "%d + %d = %d", root+a, a, root+2*a)
	return q
}

func solveSubtraction(d *dice) *question {
	x, a, root := letter(d), d.between(2, 12), d.between(13, 30)
	q := d.ask(solves("%s - %d = %d"), x, a, root-a)
	q.answer(root)
	q.slip("equation-subtracts-instead", root-2*a, "%d - %d = %d", root-a, a, root-2*a)
	return q
}

func solveMultiplication(d *dice) *question {
	x, a, root := letter(d), d.between(2, 9), d.between(2, 12)
	q := d.ask(solves("%[2]d%[1]s = %[3]d"), x, a, a*root)
	q.answer(root)
	q.slip("equation-subtracts-coefficient", a*root-a, "%d - %d = %d", a*root, a, a*root-a)
	q.slip("equation-multiplies-coefficient", a*root*a, "%d × %d = %d", a*root, a, a*root*a)
	return q
}

func solveDivision(d *dice) *question {
	x, a := letter(d), d.between(2, 6)
	b := a * d.between(2, 9)
	q := d.ask(solves("%s ÷ %d = %d"), x, a, b)
	q.answer(a * b)
	q.slip("equation-divides-again", b/a, "%d ÷ %d = %d", b, a, b/a)
	return q
}

func solveTwoSteps(d *dice) *question {
	x, a, b, root := letter(d), d.between(2, 9), d.between(2, 12), d.between(2, 9)
	c := a*root + b
	q := d.ask(solves("%[2]d%[1]s + %[3]d = %[4]d"), x, a, b, c)
	q.answer(root)
	q.slip("equation-stops-before-dividing", a*root, "%d - %d = %d", c, b, a*root)
	q.slip("equation-subtracts-coefficient", a*root-a, "%d - %d = %d and %d - %d = %d", c, b, a*root, a*root, a, a*root-a)
	if (c+b)%a == 0 {
		q.slip("equation-adds-instead", (c+b)/a, "%d + %d = %d and %d ÷ %d = %d", c, b, c+b, c+b, a, (c+b)/a)
	}
	return q
}

func solveBothSides(d *dice) *question {
	x, c, root := letter(d), d.between(2, 5), d.between(2, 9)
	a, b := c+d.between(2, 5), d.between(1, 12)
	e := (a-c)*root + b
	q := d.ask(solves("%[2]d%[1]s + %[3]d = %[4]d%[1]s + %[5]d"), x, a, b, c, e)
	q.answer(root)
	q.slip("equation-both-sides-adds", fraction{e - b, a + c}.simplest(), "%d%s + %d%s = %d%s and %d - %d = %d", a, x, c, x, a+c, x, e, b, e-b)
	q.slip("equation-both-sides-adds-constants", fraction{e + b, a - c}.simplest(), "%d%s - %d%s = %d%s and %d + %d = %d", a, x, c, x, a-c, x, e, b, e+b)
	return q
}

func solveSquare(d *dice) *question {
	x, root := letter(d), 2*d.between(2, 10)
	q := d.ask([]string{
		"Solve %s^2 = %d.",
		"Find all solutions of %s^2 = %d.",
		"Which numbers make %s^2 = %d true?",
	}, x, root*root)
	q.answer(fmt.Sprintf("%d or -%d", root, root))
	q.slip("equation-square-halves", root*root/2, "%d ÷ 2 = %d", root*root, root*root/2)
	q.slip("equation-square-one-root", root, "%d × %d = %d", root, root, root*root)
	return q
}

func solves(equation string) []string {
	return []string{
		"Solve " + equation + ".",
		"Find the unknown: " + equation,
		"Which number makes " + equation + " true?",
	}
}

func factoriseQuadratic(d *dice) *question {
	x, n := letter(d), d.distinct(2, 2, 9)
	a, b := n[0], n[1]
	q := d.ask(factorisations("%s"), quadratic(x, -a-b, a*b))
	q.answer(fmt.Sprintf("(%s - %d)(%s - %d)", x, a, x, b))
	q.slip("factorise-wrong-signs", fmt.Sprintf("(%s + %d)(%s + %d)", x, a, x, b), "%d × %d = %d and %d + %d = %d", a, b, a*b, a, b, a+b)
	q.slip("factorise-coefficients-as-numbers", fmt.Sprintf("(%s - %d)(%s + %d)", x, a+b, x, a*b), "%d and %d are the numbers", a+b, a*b)
	return q
}

func factoriseDifference(d *dice) *question {
	x, a := letter(d), d.between(2, 12)
	q := d.ask(factorisations("%s^2 - %d"), x, a*a)
	q.answer(fmt.Sprintf("(%s + %d)(%s - %d)", x, a, x, a))
	q.slip("factorise-difference-as-square", fmt.Sprintf("(%s - %d)^2", x, a), "%d × %d = %d", a, a, a*a)
	return q
}

func commonFactor(d *dice) *question {
	x, factor, n := letter(d), 2*d.between(2, 4), d.distinct(2, 2, 9)
	for gcd(n[0], n[1]) != 1 {
		n = d.distinct(2, 2, 9)
	}
	a, b := factor*n[0], factor*n[1]
	q := d.ask(factorisations("%[2]d%[1]s + %[3]d"), x, a, b)
	q.answer(fmt.Sprintf("%d(%d%s + %d)", factor, n[0], x, n[1]))
	q.slip("factorise-first-term-only", fmt.Sprintf("%d(%d%s + %d)", factor, n[0], x, b), "%d ÷ %d = %d", a, factor, n[0])
	q.slip("factorise-not-fully", fmt.Sprintf("2(%d%s + %d)", a/2, x, b/2), "%d ÷ 2 = %d and %d ÷ 2 = %d", a, a/2, b, b/2)
	q.slip("factorise-subtracts-factor", fmt.Sprintf("%d(%d%s + %d)", factor, a-factor, x, b-factor), "%d - %d = %d and %d - %d = %d", a, factor, a-factor, b, factor, b-factor)
	return q
}

func factorisations(expression string) []string {
	return []string{
		"Factorise " + expression + " fully.",
		"Write " + expression + " as a product of factors.",
		"Which product of factors equals " + expression + "?",
	}
}
