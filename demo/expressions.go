package demo

import "fmt"

func expressions() topic {
	return topic{
		name: "Expressions",
		misconceptions: []Misconception{
			{ID: "expand-square-each-term", Text: "When squaring a bracket, squares each term and leaves out the middle term"},
			{ID: "expand-square-single-middle", Text: "When squaring a bracket, forgets to double the middle term"},
			{ID: "expand-square-doubles", Text: "When squaring a bracket, doubles each term"},
			{ID: "expand-first-term-only", Text: "When expanding a bracket, multiplies only the first term"},
			{ID: "expand-second-term-only", Text: "When expanding a bracket, multiplies only the second term"},
			{ID: "expand-adds", Text: "When expanding a bracket, adds the number in front to each term", Unseen: true},
			{ID: "expand-minus-keeps-sign", Text: "When expanding a bracket with a negative number in front, keeps the sign of the second term"},
			{ID: "expand-double-first-last", Text: "When expanding two brackets, multiplies only the first terms and the last terms"},
			{ID: "expand-double-adds-constants", Text: "When expanding two brackets, adds the constants instead of multiplying them"},
			{ID: "terms-combines-unlike", Text: "Adds a number to a term with a letter as if they were like terms"},
			{ID: "terms-adds-powers", Text: "When adding like terms, adds the powers of the letter as well"},
			{ID: "terms-subtract-leaves-number", Text: "When subtracting like terms, takes away the letter and leaves the number"},
			{ID: "substitute-joins-digits", Text: "When substituting, writes the number beside the coefficient instead of multiplying"},
			{ID: "substitute-adds", Text: "When substituting, adds the number to the coefficient instead of multiplying"},
			{ID: "substitute-multiplies-before-square", Text: "When substituting, multiplies by the coefficient before squaring"},
		},
		kinds: []kind{
			{"square a bracket", squareBracket},
			{"expand a bracket", expandBracket},
			{"expand a negative bracket", expandNegativeBracket},
			{"expand two brackets", expandTwoBrackets},
			{"collect unlike terms", collectUnlikeTerms},
			{"collect like terms", collectLikeTerms},
			{"subtract like terms", subtractLikeTerms},
			{"substitute", substitute},
			{"substitute in a square", substituteSquare},
		},
	}
}

func squareBracket(d *dice) *question {
	x, a := letter(d), d.between(2, 12)
	q := d.ask(expansions("(%s + %d)^2"), x, a)
	q.answer(quadratic(x, 2*a, a*a))
	q.slip("expand-square-each-term", fmt.Sprintf("%s^2 + %d", x, a*a), "%s × %s = %s^2 and %d × %d = %d", x, x, x, a, a, a*a)
	q.slip("expand-square-single-middle", quadratic(x, a, a*a), "%s × %s = %s^2, %s × %d = %d%s and %d × %d = %d", x, x, x, x, a, a, x, a, a, a*a)
	q.slip("expand-square-doubles", fmt.Sprintf("2%s + %d", x, 2*a), "%s × 2 = 2%s and %d × 2 = %d", x, x, a, 2*a)
	return q
}

func expandBracket(d *dice) *question {
	x, a, b := letter(d), d.between(2, 9), d.between(2, 12)
	q := d.ask(expansions("%d(%s + %d)"), a, x, b)
	q.answer(fmt.Sprintf("%d%s + %d", a, x, a*b))
	q.slip("expand-first-term-only", fmt.Sprintf("%d%s + %d", a, x, b), "%d × %s = %d%s", a, x, a, x)
	q.slip("expand-second-term-only", fmt.Sprintf("%s + %d", x, a*b), "%d × %d = %d", a, b, a*b)
	q.slip("expand-adds", fmt.Sprintf("%s + %d", x, a+a+b), "%s + %d and %d + %d = %d", x, a, b, a, a+b)
	return q
}

func expandNegativeBracket(d *dice) *question {
	x, a, b := letter(d), d.between(2, 9), d.between(2, 12)
	q := d.ask(expansions("-%d(%s - %d)"), a, x, b)
	q.answer(fmt.Sprintf("-%d%s + %d", a, x, a*b))
	q.slip("expand-minus-keeps-sign", fmt.Sprintf("-%d%s - %d", a, x, a*b), "-%d × %s = -%d%s and %d × %d = %d", a, x, a, x, a, b, a*b)
	q.slip("expand-first-term-only", fmt.Sprintf("-%d%s - %d", a, x, b), "-%d × %s = -%d%s", a, x, a, x)
	return q
}

func expandTwoBrackets(d *dice) *question {
	x, a, b := letter(d), d.between(2, 9), d.between(2, 9)
	q := d.ask(expansions("(%[1]s + %[2]d)(%[1]s + %[3]d)"), x, a, b)
	q.answer(quadratic(x, a+b, a*b))
	q.slip("expand-double-first-last", fmt.Sprintf("%s^2 + %d", x, a*b), "%s × %s = %s^2 and %d × %d = %d", x, x, x, a, b, a*b)
	q.slip("expand-double-adds-constants", quadratic(x, a+b, a+b), "%d%s + %d%s = %d%s and %d + %d = %d", a, x, b, x, a+b, x, a, b, a+b)
	return q
}

func expansions(expression string) []string {
	return []string{
		"Expand " + expression + ".",
		"Multiply out " + expression + ".",
		"Write " + expression + " without brackets.",
	}
}

func collectUnlikeTerms(d *dice) *question {
	x, a, b, c := letter(d), d.between(2, 9), d.between(2, 9), d.between(2, 9)
	q := d.ask(simplifications("%[2]d%[1]s + %[3]d + %[4]d%[1]s"), x, a, b, c)
	q.answer(fmt.Sprintf("%d%s + %d", a+c, x, b))
	q.slip("terms-combines-unlike", fmt.Sprintf("%d%s", a+b+c, x), "%d + %d + %d = %d", a, b, c, a+b+c)
	q.slip("terms-adds-powers", fmt.Sprintf("%d%s^2 + %d", a+c, x, b), "%d + %d = %d and %s + %s = %s^2", a, c, a+c, x, x, x)
	return q
}

func collectLikeTerms(d *dice) *question {
	x, a, b := letter(d), d.between(2, 9), d.between(2, 9)
	q := d.ask(simplifications("%[2]d%[1]s + %[3]d%[1]s"), x, a, b)
	q.answer(fmt.Sprintf("%d%s", a+b, x))
	q.slip("terms-adds-powers", fmt.Sprintf("%d%s^2", a+b, x), "%d + %d = %d and %s + %s = %s^2", a, b, a+b, x, x, x)
	return q
}

func subtractLikeTerms(d *dice) *question {
	x, b := letter(d), d.between(2, 8)
	a := b + d.between(2, 9)
	q := d.ask(simplifications("%[2]d%[1]s - %[3]d%[1]s"), x, a, b)
	q.answer(fmt.Sprintf("%d%s", a-b, x))
	q.slip("terms-subtract-leaves-number", a-b, "%d - %d = %d and %s - %s is gone", a, b, a-b, x, x)
	return q
}

func simplifications(expression string) []string {
	return []string{
		"Simplify " + expression + ".",
		"Collect like terms: " + expression,
		"Write " + expression + " as simply as possible.",
	}
}

func substitute(d *dice) *question {
	x, a, n := letter(d), d.between(2, 9), d.between(2, 9)
	q := d.ask([]string{
		"What is %[2]d%[1]s when %[1]s = %[3]d?",
		"Find the value of %[2]d%[1]s if %[1]s = %[3]d.",
		"%[1]s = %[3]d. Work out %[2]d%[1]s.",
	}, x, a, n)
	q.answer(a * n)
	q.slip("substitute-joins-digits", 10*a+n, "%d beside %d", a, n)
	q.slip("substitute-adds", a+n, "%d + %d = %d", a, n, a+n)
	return q
}

func substituteSquare(d *dice) *question {
	x, a, n := letter(d), d.between(2, 5), d.between(2, 9)
	q := d.ask([]string{
		"What is %[2]d%[1]s^2 when %[1]s = %[3]d?",
		"Find the value of %[2]d%[1]s^2 if %[1]s = %[3]d.",
		"%[1]s = %[3]d. Work out %[2]d%[1]s^2.",
	}, x, a, n)
	q.answer(a * n * n)
	q.slip("substitute-multiplies-before-square", a*n*a*n, "%d × %d = %d and %d × %d = %d", a, n, a*n, a*n, a*n, a*n*a*n)
	q.slip("substitute-adds", a+n*n, "%d × %d = %d and %d + %d = %d", n, n, n*n, a, n*n, a+n*n)
	return q
}

// letter draws the unknown.
func letter(d *dice) string { return one(d, "x", "y", "n", "p", "t") }

// quadratic writes x^2 + bx + c.
func quadratic(x string, b, c int) string {
	middle := fmt.Sprintf("%s%s", signed(b), x)
	if b == 1 || b == -1 {
		middle = signed(b)[:2] + x
	}
	return fmt.Sprintf("%s^2 %s %s", x, middle, signed(c))
}
