package demo

func triangleAngle(d *dice) *question {
	a, b := d.between(30, 85), d.between(30, 85)
	q := d.ask([]string{
		"Two angles of a triangle are %d and %d degrees. What is the third angle in degrees?",
		"A triangle has angles of %d degrees, %d degrees and x degrees. Find x.",
		"Find the missing angle in degrees of a triangle with angles %d and %d degrees.",
	}, a, b)
	q.answer(180 - a - b)
	q.slip("triangle-angles-360", 360-a-b, "%d + %d = %d and 360 - %d = %d", a, b, a+b, a+b, 360-a-b)
	return q
}

func angleOnLine(d *dice) *question {
	a := d.between(20, 80)
	q := d.ask([]string{
		"Two angles lie on a straight line. One is %d degrees. What is the other in degrees?",
		"Angles of %d degrees and x degrees make a straight line. Find x.",
		"A straight line is split into an angle of %d degrees and another angle. How many degrees is the other?",
	}, a)
	q.answer(180 - a)
	q.slip("line-angles-360", 360-a, "360 - %d = %d", a, 360-a)
	q.slip("line-angles-90", 90-a, "90 - %d = %d", a, 90-a)
	return q
}

func angleAroundPoint(d *dice) *question {
	a, b := d.between(40, 85), d.between(40, 85)
	q := d.ask([]string{
		"Three angles meet around a point. Two are %d and %d degrees. What is the third in degrees?",
		"Angles of %d, %d and x degrees go all the way around a point. Find x.",
		"Around a point there are angles of %d degrees, %d degrees and one more. How many degrees is it?",
	}, a, b)
	q.answer(360 - a - b)
	q.slip("point-angles-180", 180-a-b, "%d + %d = %d and 180 - %d = %d", a, b, a+b, a+b, 180-a-b)
	return q
}

func quadrilateralAngle(d *dice) *question {
	a, b, c := d.between(40, 58), d.between(40, 58), d.between(40, 58)
	q := d.ask([]string{
		"Three angles of a quadrilateral are %d, %d and %d degrees. What is the fourth in degrees?",
		"A quadrilateral has angles of %d, %d, %d and x degrees. Find x.",
		"Find the missing angle in degrees of a quadrilateral with angles %d, %d and %d degrees.",
	}, a, b, c)
	q.answer(360 - a - b - c)
	q.slip("quadrilateral-angles-180", 180-a-b-c, "%d + %d + %d = %d and 180 - %d = %d", a, b, c, a+b+c, a+b+c, 180-a-b-c)
	return q
}

func isoscelesTriangle(d *dice) *question {
	apex := 2 * d.between(10, 70)
	q := d.ask([]string{
		"The angle between the equal sides of an isosceles triangle is %d degrees. What is each base angle in degrees?",
		"An isosceles triangle has an angle of %d degrees between its equal sides. Find a base angle in degrees.",
		"A roof is an isosceles triangle with %d degrees at the top. How many degrees is each base angle?",
	}, apex)
	q.answer((180 - apex) / 2)
	q.slip("isosceles-wrong-pair", apex, "base angle = %d", apex)
	q.slip("isosceles-forgets-half", 180-apex, "180 - %d = %d", apex, 180-apex)
	q.slip("triangle-angles-360", (360-apex)/2, "360 - %d = %d and %d ÷ 2 = %d", apex, 360-apex, 360-apex, (360-apex)/2)
	return q
}

func polygonAngleSum(d *dice) *question {
	n := d.between(5, 24)
	q := d.ask([]string{
		"What is the sum of the interior angles of a polygon with %d sides, in degrees?",
		"A polygon has %d sides. How many degrees do its interior angles add up to?",
		"Find the interior angle sum in degrees of a shape with %d sides.",
	}, n)
	q.answer((n - 2) * 180)
	q.slip("polygon-angles-times-180", n*180, "%d × 180 = %d", n, n*180)
	return q
}

func coInteriorAngle(d *dice) *question {
	a := d.between(50, 130)
	q := d.ask([]string{
		"Two co-interior angles lie between parallel lines. One is %d degrees. What is the other in degrees?",
		"Angles of %d and x degrees are co-interior between parallel lines. Find x.",
		"A line crosses two parallel lines. An angle is %d degrees. How many degrees is its co-interior angle?",
	}, a)
	q.answer(180 - a)
	q.slip("angles-co-interior-equal", a, "same angle %d", a)
	return q
}

func alternateAngle(d *dice) *question {
	a := d.between(50, 130)
	q := d.ask([]string{
		"Two alternate angles lie between parallel lines. One is %d degrees. What is the other in degrees?",
		"Angles of %d and x degrees are alternate between parallel lines. Find x.",
		"A line crosses two parallel lines. An angle is %d degrees. How many degrees is its alternate angle?",
	}, a)
	q.answer(a)
	q.slip("angles-alternate-sum", 180-a, "180 - %d = %d", a, 180-a)
	return q
}
