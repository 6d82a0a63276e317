package demo

import "fmt"

func ratios() topic {
	return topic{
		name: "Ratio and proportion",
		misconceptions: []Misconception{
			{ID: "ratio-share-divides-by-part", Text: "When sharing in a ratio, divides the amount by one part of the ratio instead of by all parts"},
			{ID: "ratio-share-one-part", Text: "When sharing in a ratio, gives the value of one part"},
			{ID: "ratio-share-other", Text: "When sharing in a ratio, gives the share of the other person"},
			{ID: "ratio-share-equally", Text: "When sharing in a ratio, shares the amount equally"},
			{ID: "ratio-as-fraction", Text: "Writes a ratio as a fraction of the whole by putting one part over the other"},
			{ID: "ratio-fraction-other-part", Text: "Writes a ratio as a fraction of the whole with the wrong part as numerator", Unseen: true},
			{ID: "proportion-adds", Text: "In proportion, adds the same amount instead of multiplying by the same factor"},
			{ID: "proportion-multiplies-only", Text: "In proportion, multiplies the whole amount without first finding the amount for one"},
			{ID: "proportion-inverse-as-direct", Text: "Treats inverse proportion as direct proportion"},
			{ID: "proportion-direct-as-inverse", Text: "Treats direct proportion as inverse proportion"},
			{ID: "speed-multiplies", Text: "Multiplies distance and time to find the speed"},
			{ID: "speed-inverts", Text: "Divides time by distance to find the speed"},
			{ID: "distance-divides", Text: "Divides speed by time to find the distance", Unseen: true},
			{ID: "distance-adds", Text: "Adds speed and time to find the distance"},
		},
		kinds: []kind{
			{"share in a ratio", shareInRatio},
			{"ratio as fraction", ratioAsFraction},
			{"scale a recipe", scaleRecipe},
			{"inverse proportion", inverseProportion},
			{"direct proportion", directProportion},
			{"speed", speed},
			{"distance", distance},
		},
	}
}

func shareInRatio(d *dice) *question {
	n := d.distinct(2, 1, 6)
	a, b := n[0], n[1]
	part := a * d.between(2, 6)
	amount := part * (a + b)
	q := d.ask([]string{
		"Share %[3]d in the ratio %[1]d:%[2]d. What is the first share?",
		"Two friends split $%[3]d in the ratio %[1]d:%[2]d. How many dollars does the first friend get?",
		"Paint is mixed from red and white in the ratio %[1]d:%[2]d. How many litres of red are in %[3]d litres?",
	}, a, b, amount)
	q.answer(a * part)
	q.slip("ratio-share-divides-by-part", amount/a, "%d ÷ %d = %d", amount, a, amount/a)
	q.slip("ratio-share-one-part", part, "%d + %d = %d and %d ÷ %d = %d", a, b, a+b, amount, a+b, part)
	q.slip("ratio-share-other", b*part, "%d ÷ %d = %d and %d × %d = %d", amount, a+b, part, part, b, b*part)
	q.slip("ratio-share-equally", decimal{amount * 5, 1}.trimmed(), "%d ÷ 2 = %s", amount, decimal{amount * 5, 1}.trimmed())
	return q
}

func ratioAsFraction(d *dice) *question {
	n := d.distinct(2, 1, 9)
	for gcd(n[0], n[1]) != 1 {
		n = d.distinct(2, 1, 9)
	}
	a, b := n[0], n[1]
	q := d.ask([]string{
		"Boys and girls are in the ratio %d:%d. What fraction are boys?",
		"Red and blue beads are in the ratio %d:%d. What fraction of the beads is red?",
		"Cats and dogs are in the ratio %d:%d. What fraction of the pets are cats?",
	}, a, b)
	q.answer(fraction{a, a + b})
	q.slip("ratio-as-fraction", fraction{a, b}, "%d over %d", a, b)
	q.slip("ratio-fraction-other-part", fraction{b, a + b}, "%d + %d = %d and %d over %d", a, b, a+b, b, a+b)
	return q
}

func scaleRecipe(d *dice) *question {
	n := d.distinct(2, 2, 9)
	people, more := min(n[0], n[1]), max(n[0], n[1])
	each := 10 * d.between(2, 9)
	amount := each * people
	q := d.ask([]string{
		"A recipe for %d people needs %d g of flour. How many grams are needed for %d people?",
		"Soup for %d guests takes %d ml of milk. How many millilitres does soup for %d guests take?",
		"%d cakes need %d g of sugar. How many grams of sugar do %d cakes need?",
	}, people, amount, more)
	q.answer(each * more)
	q.slip("proportion-adds", amount+more-people, "%d - %d = %d and %d + %d = %d", more, people, more-people, amount, more-people, amount+more-people)
	q.slip("proportion-multiplies-only", amount*more, "%d × %d = %d", amount, more, amount*more)
	return q
}

func inverseProportion(d *dice) *question {
	few, times := d.between(2, 6), d.between(2, 4)
	days := times * d.between(2, 8)
	q := d.ask([]string{
		"%d painters need %d days for a house. How many days do %d painters need?",
		"%d pumps empty a pool in %d hours. How many hours do %d pumps take?",
		"%d horses eat a bale in %d days. How many days does the bale last for %d horses?",
	}, few, days, few*times)
	q.answer(days / times)
	q.slip("proportion-inverse-as-direct", days*times, "%d ÷ %d = %d and %d × %d = %d", few*times, few, times, days, times, days*times)
	q.slip("proportion-adds", days+few*times-few, "%d - %d = %d and %d + %d = %d", few*times, few, few*times-few, days, few*times-few, days+few*times-few)
	return q
}

func directProportion(d *dice) *question {
	few, times := d.between(2, 6), d.between(2, 4)
	cost := times * d.between(2, 9)
	q := d.ask([]string{
		"%d pens cost $%d. How many dollars do %d pens cost?",
		"%d sacks weigh %d kg. How many kilograms do %d sacks weigh?",
		"%d taps fill %d buckets in a minute. How many buckets do %d taps fill in a minute?",
	}, few, cost, few*times)
	q.answer(cost * times)
	q.slip("proportion-direct-as-inverse", cost/times, "%d ÷ %d = %d and %d ÷ %d = %d", few*times, few, times, cost, times, cost/times)
	q.slip("proportion-adds", cost+few*times-few, "%d - %d = %d and %d + %d = %d", few*times, few, few*times-few, cost, few*times-few, cost+few*times-few)
	return q
}

func speed(d *dice) *question {
	hours, kmh := d.between(2, 5), 4*d.between(3, 25)
	km := hours * kmh
	q := d.ask([]string{
		"A train travels %d km in %d hours. What is its speed in km per hour?",
		"A car covers %d km in %d hours. Find its average speed in km per hour.",
		"How fast is a bus in km per hour that goes %d km in %d hours?",
	}, km, hours)
	q.answer(kmh)
	q.slip("speed-multiplies", km*hours, "%d × %d = %d", km, hours, km*hours)
	q.slip("speed-inverts", fmt.Sprintf("%d/%d", hours, km), "%d ÷ %d", hours, km)
	return q
}

func distance(d *dice) *question {
	hours := d.between(2, 5)
	kmh := hours * d.between(3, 25)
	q := d.ask([]string{
		"A train travels at %d km per hour for %d hours. How many kilometres does it travel?",
		"A ship sails at %d km per hour. What distance in km does it cover in %d hours?",
		"How many kilometres does a lorry go at %d km per hour in %d hours?",
	}, kmh, hours)
	q.answer(kmh * hours)
	q.slip("distance-divides", kmh/hours, "%d ÷ %d = %d", kmh, hours, kmh/hours)
	q.slip("distance-adds", kmh+hours, "%d + %d = %d", kmh, hours, kmh+hours)
	return q
}
