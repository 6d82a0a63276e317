package demo

import "fmt"

func shapes() topic {
	return topic{
		name: "Shapes",
		misconceptions: []Misconception{
			{ID: "area-as-perimeter", Text: "Finds the perimeter when asked for the area"},
			{ID: "perimeter-as-area", Text: "Finds the area when asked for the perimeter"},
			{ID: "perimeter-two-sides", Text: "Adds only two sides to find the perimeter of a rectangle"},
			{ID: "area-adds-two-sides", Text: "Adds the length and the width to find the area of a rectangle"},
			{ID: "triangle-forgets-half", Text: "Forgets to halve when finding the area of a triangle"},
			{ID: "triangle-adds-sides", Text: "Adds base and height to find the area of a triangle"},
			{ID: "parallelogram-slanted-side", Text: "Uses the slanted side instead of the height to find the area of a parallelogram"},
			{ID: "parallelogram-halves", Text: "Halves the product of base and height to find the area of a parallelogram"},
			{ID: "trapezium-forgets-half", Text: "Forgets to halve when finding the area of a trapezium", Unseen: true},
			{ID: "circle-area-as-circumference", Text: "Finds the circumference when asked for the area of a circle"},
			{ID: "circle-circumference-as-area", Text: "Finds the area when asked for the circumference of a circle"},
			{ID: "circle-area-diameter", Text: "Uses the diameter as the radius when finding the area of a circle"},
			{ID: "circle-circumference-radius", Text: "Uses the radius as the diameter when finding the circumference of a circle"},
			{ID: "volume-adds-edges", Text: "Adds the three edges to find the volume of a cuboid"},
			{ID: "volume-one-face", Text: "Finds the area of one face instead of the volume of a cuboid"},
			{ID: "triangle-angles-360", Text: "Believes that the angles of a triangle add up to 360 degrees"},
			{ID: "line-angles-360", Text: "Believes that the angles on a straight line add up to 360 degrees"},
			{ID: "line-angles-90", Text: "Believes that the angles on a straight line add up to 90 degrees", Unseen: true},
			{ID: "point-angles-180", Text: "Believes that the angles around a point add up to 180 degrees"},
			{ID: "quadrilateral-angles-180", Text: "Believes that the angles of a quadrilateral add up to 180 degrees", Unseen: true},
			{ID: "isosceles-wrong-pair", Text: "Thinks that the angle between the equal sides of an isosceles triangle equals a base angle"},
			{ID: "isosceles-forgets-half", Text: "Forgets to share the rest equally between the two base angles of an isosceles triangle"},
			{ID: "polygon-angles-times-180", Text: "Multiplies the number of sides by 180 to find the angle sum of a polygon"},
			{ID: "angles-co-interior-equal", Text: "Believes that co-interior angles between parallel lines are equal"},
			{ID: "angles-alternate-sum", Text: "Believes that alternate angles between parallel lines add up to 180 degrees"},
		},
		kinds: []kind{
			{"rectangle area", rectangleArea},
			{"rectangle perimeter", rectanglePerimeter},
			{"triangle area", triangleArea},
			{"parallelogram area", parallelogramArea},
			{"trapezium area", trapeziumArea},
			{"circle area", circleArea},
			{"circumference", circumference},
			{"cuboid volume", cuboidVolume},
			{"triangle angle", triangleAngle},
			{"angle on a line", angleOnLine},
			{"angle around a point", angleAroundPoint},
			{"quadrilateral angle", quadrilateralAngle},
			{"isosceles triangle", isoscelesTriangle},
			{"polygon angle sum", polygonAngleSum},
			{"co-interior angle", coInteriorAngle},
			{"alternate angle", alternateAngle},
		},
	}
}

func rectangleArea(d *dice) *question {
	a, b := d.between(2, 12), d.between(2, 12)
	q := d.ask([]string{
		"What is the area of a rectangle of %d cm by %d cm, in square cm?",
		"A garden is %d m long and %d m wide. Find its area in square metres.",
		"How many square metres of carpet does a room of %d m by %d m need?",
	}, a, b)
	q.answer(a * b)
	q.slip("area-as-perimeter", 2*(a+b), "%d + %d + %d + %d = %d", a, b, a, b, 2*(a+b))
	q.slip("area-adds-two-sides", a+b, "%d + %d = %d", a, b, a+b)
	return q
}

func rectanglePerimeter(d *dice) *question {
	a, b := d.between(2, 12), d.between(2, 12)
	q := d.ask([]string{
		"What is the perimeter of a rectangle of %d cm by %d cm, in cm?",
		"A garden is %d m long and %d m wide. How many metres of fence go around it?",
		"Find the perimeter in metres of a room of %d m by %d m.",
	}, a, b)
	q.answer(2 * (a + b))
	q.slip("perimeter-as-area", a*b, "%d × %d = %d", a, b, a*b)
	q.slip("perimeter-two-sides", a+b, "%d + %d = %d", a, b, a+b)
	return q
}

func triangleArea(d *dice) *question {
	a, b := 2*d.between(2, 8), d.between(3, 12)
	q := d.ask([]string{
		"A triangle has base %d cm and height %d cm. What is its area in square cm?",
		"Find the area in square metres of a triangle with base %d m and height %d m.",
		"A sail is a triangle %d m wide and %d m high. How many square metres is it?",
	}, a, b)
	q.answer(a * b / 2)
	q.slip("triangle-forgets-half", a*b, "%d × %d = %d", a, b, a*b)
	q.slip("triangle-adds-sides", a+b, "%d + %d = %d", a, b, a+b)
	return q
}

func parallelogramArea(d *dice) *question {
	a, h := 2*d.between(2, 8), d.between(3, 9)
	side := h + d.between(1, 4)
	q := d.ask([]string{
		"A parallelogram has base %d cm, height %d cm and slanted side %d cm. What is its area in square cm?",
		"Find the area in square metres of a parallelogram with base %d m, height %d m and sloping side %d m.",
		"A field is a parallelogram with base %d m, height %d m and a slanted side of %d m. What is its area in square metres?",
	}, a, h, side)
	q.answer(a * h)
	q.slip("parallelogram-slanted-side", a*side, "%d × %d = %d", a, side, a*side)
	q.slip("parallelogram-halves", a*h/2, "%d × %d = %d and %d ÷ 2 = %d", a, h, a*h, a*h, a*h/2)
	return q
}

func trapeziumArea(d *dice) *question {
	n, h := d.distinct(2, 2, 12), 2*d.between(1, 5)
	a, b := n[0], n[1]
	q := d.ask([]string{
		"A trapezium has parallel sides %d cm and %d cm and height %d cm. What is its area in square cm?",
		"Find the area in square metres of a trapezium with parallel sides %d m and %d m and height %d m.",
		"A roof is a trapezium with parallel edges of %d m and %d m, %d m apart. How many square metres is it?",
	}, a, b, h)
	q.answer((a + b) * h / 2)
	q.slip("trapezium-forgets-half", (a+b)*h, "%d + %d = %d and %d × %d = %d", a, b, a+b, a+b, h, (a+b)*h)
	return q
}

func circleArea(d *dice) *question {
	r := d.between(3, 30)
	q := d.ask([]string{
		"A circle has diameter %d cm. What is its area in terms of pi?",
		"Find the area in terms of pi of a circle with a diameter of %d m.",
		"A pond is a circle %d m across. Give its area in terms of pi.",
	}, 2*r)
	q.answer(fmt.Sprintf("%d pi", r*r))
	q.slip("circle-area-as-circumference", fmt.Sprintf("%d pi", 2*r), "pi × %d = %d pi", 2*r, 2*r)
	q.slip("circle-area-diameter", fmt.Sprintf("%d pi", 4*r*r), "%d × %d = %d", 2*r, 2*r, 4*r*r)
	return q
}

func circumference(d *dice) *question {
	r := d.between(3, 30)
	q := d.ask([]string{
		"A circle has radius %d cm. What is its circumference in terms of pi?",
		"Find the circumference in terms of pi of a circle with a radius of %d m.",
		"A wheel has a radius of %d cm. Give its circumference in terms of pi.",
	}, r)
	q.answer(fmt.Sprintf("%d pi", 2*r))
	q.slip("circle-circumference-as-area", fmt.Sprintf("%d pi", r*r), "%d × %d = %d", r, r, r*r)
	q.slip("circle-circumference-radius", fmt.Sprintf("%d pi", r), "pi × %d = %d pi", r, r)
	return q
}

func cuboidVolume(d *dice) *question {
	a, b, c := d.between(2, 9), d.between(2, 9), d.between(2, 9)
	q := d.ask([]string{
		"What is the volume of a cuboid of %d cm by %d cm by %d cm, in cubic cm?",
		"A box is %d m long, %d m wide and %d m high. Find its volume in cubic metres.",
		"How many 1 cm cubes fill a box of %d cm by %d cm by %d cm?",
	}, a, b, c)
	q.answer(a * b * c)
	q.slip("volume-adds-edges", a+b+c, "%d + %d + %d = %d", a, b, c, a+b+c)
	q.slip("volume-one-face", a*b, "%d × %d = %d", a, b, a*b)
	return q
}
