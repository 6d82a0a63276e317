package demo

import "fmt"

func powersAndRoots() topic {
	return topic{
		name: "Powers",
		misconceptions: []Misconception{
			{ID: "powers-multiply-multiplies", Text: "When multiplying powers of one base, multiplies the powers instead of adding them"},
			{ID: "powers-multiply-bases", Text: "When multiplying powers of one base, multiplies the bases as well"},
			{ID: "powers-divide-divides", Text: "When dividing powers of one base, divides the powers instead of subtracting them"},
			{ID: "powers-divide-bases", Text: "When dividing powers of one base, divides the bases as well", Unseen: true},
			{ID: "powers-power-adds", Text: "When raising a power to a power, adds the powers instead of multiplying them"},
			{ID: "powers-power-raises", Text: "When raising a power to a power, raises the first power to the second"},
			{ID: "powers-as-product", Text: "Multiplies the base by the power when evaluating a power"},
			{ID: "powers-swapped", Text: "Swaps the base and the power when evaluating a power"},
			{ID: "powers-zero-is-zero", Text: "Believes that a number to the power of zero is zero"},
			{ID: "powers-zero-is-base", Text: "Believes that a number to the power of zero is the number itself"},
			{ID: "powers-negative-is-negative", Text: "Believes that a negative power makes the number negative"},
			{ID: "powers-root-halves", Text: "Halves a number to find its square root"},
			{ID: "powers-root-squares", Text: "Squares a number when asked for its square root"},
			{ID: "powers-cube-root-thirds", Text: "Divides a number by three to find its cube root"},
			{ID: "powers-standard-form-zeros", Text: "Writes as many zeros as the power of ten says when changing standard form to a number"},
		},
		kinds: []kind{
			{"multiply powers", multiplyPowers},
			{"divide powers", dividePowers},
			{"power of a power", powerOfPower},
			{"evaluate a power", evaluatePower},
			{"power of zero", powerOfZero},
			{"negative power", negativePower},
			{"square root", squareRoot},
			{"cube root", cubeRoot},
			{"standard form", standardForm},
		},
	}
}

func multiplyPowers(d *dice) *question {
	base, m, n := d.between(2, 9), d.between(2, 7), d.between(2, 7)
	q := askPower(d, "%[1]d^%[2]d × %[1]d^%[3]d", base, m, n)
	q.answer(power(base, m+n))
	q.slip("powers-multiply-multiplies", power(base, m*n), "%d × %d = %d", m, n, m*n)
	q.slip("powers-multiply-bases", power(base*base, m+n), "%d × %d = %d and %d + %d = %d", base, base, base*base, m, n, m+n)
	return q
}

func dividePowers(d *dice) *question {
	base, n, times := d.between(2, 9), d.between(2, 4), d.between(2, 4)
	m := n * times
	q := askPower(d, "%[1]d^%[2]d ÷ %[1]d^%[3]d", base, m, n)
	q.answer(power(base, m-n))
	q.slip("powers-divide-divides", power(base, m/n), "%d ÷ %d = %d", m, n, m/n)
	q.slip("powers-divide-bases", power(1, m-n), "%d ÷ %d = 1 and %d - %d = %d", base, base, m, n, m-n)
	return q
}

func powerOfPower(d *dice) *question {
	base, m, n := d.between(2, 9), d.between(2, 5), d.between(2, 5)
	q := askPower(d, "(%d^%d)^%d", base, m, n)
	q.answer(power(base, m*n))
	q.slip("powers-power-adds", power(base, m+n), "%d + %d = %d", m, n, m+n)
	q.slip("powers-power-raises", power(base, pow(m, n)), "%d^%d = %d", m, n, pow(m, n))
	return q
}

// askPower asks for an expression as one power.
func askPower(d *dice, expression string, base, m, n int) *question {
	return d.ask([]string{
		"Write " + expression + " as a single power.",
		"Simplify " + expression + ".",
		"Which single power equals " + expression + "?",
	}, base, m, n)
}

func power(base, exponent int) string { return fmt.Sprintf("%d^%d", base, exponent) }

func evaluatePower(d *dice) *question {
	base, exponent := d.between(2, 9), d.between(2, 5)
	q := d.ask(calculations("%d^%d"), base, exponent)
	q.answer(pow(base, exponent))
	q.slip("powers-as-product", base*exponent, "%d × %d = %d", base, exponent, base*exponent)
	q.slip("powers-swapped", pow(exponent, base), "%d^%d = %d", exponent, base, pow(exponent, base))
	return q
}

func powerOfZero(d *dice) *question {
	base := d.between(2, 99)
	q := d.ask(calculations("%d^0"), base)
	q.answer(1)
	q.slip("powers-zero-is-zero", 0, "%d × 0 = 0", base)
	q.slip("powers-zero-is-base", base, "%d stays %d", base, base)
	return q
}

func negativePower(d *dice) *question {
	base, exponent := d.between(2, 9), d.between(2, 3)
	q := d.ask(calculations("%d^-%d"), base, exponent)
	value := pow(base, exponent)
	q.answer(fraction{1, value})
	q.slip("powers-negative-is-negative", -value, "%d^%d = %d with a minus is %d", base, exponent, value, -value)
	q.slip("powers-as-product", -base*exponent, "%d × -%d = %d", base, exponent, -base*exponent)
	return q
}

func squareRoot(d *dice) *question {
	root := 2 * d.between(3, 15)
	q := d.ask(calculations("the square root of %d"), root*root)
	q.answer(root)
	q.slip("powers-root-halves", root*root/2, "%d ÷ 2 = %d", root*root, root*root/2)
	q.slip("powers-root-squares", pow(root, 4), "%d × %d = %d", root*root, root*root, pow(root, 4))
	return q
}

func cubeRoot(d *dice) *question {
	root := 3 * d.between(2, 20)
	cube := pow(root, 3)
	q := d.ask(calculations("the cube root of %d"), cube)
	q.answer(root)
	q.slip("powers-cube-root-thirds", cube/3, "%d ÷ 3 = %d", cube, cube/3)
	return q
}

func standardForm(d *dice) *question {
	n, exponent := decimal{d.digits(2), 1}, d.between(3, 6)
	q := d.ask([]string{
		"Write %v × 10^%d as an ordinary number.",
		"What is %v × 10^%d in full?",
		"A star is %v × 10^%d km away. Write this number out.",
	}, n, exponent)
	q.answer(n.units * pow(10, exponent-1))
	q.slip("powers-standard-form-zeros", n.units*pow(10, exponent), "%d with %d zeros", n.units, exponent)
	q.slip("powers-as-product", n.units*exponent, "%v × 10 × %d = %d", n, exponent, n.units*exponent)
	return q
}
