package demo

func roundingNumbers() topic {
	return topic{
		name: "Rounding",
		misconceptions: []Misconception{
			{ID: "rounding-always-down", Text: "Always rounds down, whatever the next digit is"},
			{ID: "rounding-always-up", Text: "Always rounds up, whatever the next digit is"},
			{ID: "rounding-wrong-place", Text: "Rounds to the nearest hundred when asked for the nearest ten"},
			{ID: "rounding-keeps-later-digits", Text: "Rounds a digit but leaves the digits after it unchanged instead of writing zeros"},
			{ID: "rounding-drops-zeros", Text: "When rounding, leaves out the zeros that keep the place value"},
			{ID: "rounding-truncates-decimals", Text: "When rounding to decimal places, cuts off the extra digits"},
			{ID: "rounding-places-as-figures", Text: "Confuses decimal places with significant figures"},
			{ID: "rounding-counts-leading-zeros", Text: "Counts the zeros at the front of a decimal as significant figures", Unseen: true},
		},
		kinds: []kind{
			{"round up", roundUp},
			{"round down", roundDown},
			{"round decimal places", roundDecimalPlaces},
			{"round significant figures", roundSignificantFigures},
		},
	}
}

// roundUp has a number whose nearest ten lies above it.
func roundUp(d *dice) *question {
	n := 1000*d.between(1, 9) + 100*d.between(1, 8) + 10*d.between(1, 8) + d.between(5, 9)
	q := d.ask(roundings(), n, "ten")
	down := n / 10 * 10
	q.answer(down + 10)
	q.slip("rounding-always-down", down, "%d goes down to %d", n, down)
	q.slip("rounding-keeps-later-digits", n+10, "%d ends in %d, so %d goes up to %d", n, n%10, n/10%10, n/10%10+1)
	q.slip("rounding-wrong-place", (n+50)/100*100, "%d is near %d", n, (n+50)/100*100)
	q.slip("rounding-drops-zeros", (n+5)/10, "%d ends in %d, so %d becomes %d", n, n%10, n/10, (n+5)/10)
	return q
}

// roundDown has a number whose nearest hundred lies below it.
func roundDown(d *dice) *question {
	n := 1000*d.between(1, 9) + 100*d.between(1, 8) + 10*d.between(1, 4) + d.between(1, 9)
	q := d.ask(roundings(), n, "hundred")
	down := n / 100 * 100
	q.answer(down)
	q.slip("rounding-always-up", down+100, "%d goes up to %d", n, down+100)
	q.slip("rounding-drops-zeros", n/100, "%d has %d after the %d, so %d", n, n/10%10, n/100%10, n/100)
	return q
}

func roundings() []string {
	return []string{
		"Round %d to the nearest %s.",
		"What is %d to the nearest %s?",
		"%d people visit a museum. How many is that to the nearest %s?",
	}
}

func roundDecimalPlaces(d *dice) *question {
	n := decimal{d.between(1, 9)*1000 + d.between(1, 8)*100 + d.between(5, 9)*10 + d.between(1, 9), 3}
	q := d.ask([]string{
		"Round %v to 1 decimal place.",
		"What is %v correct to one decimal place?",
		"A snail crawls %v m. Give the distance to 1 decimal place.",
	}, n)
	tenths := decimal{n.units / 100, 1}
	q.answer(decimal{tenths.units + 1, 1})
	q.slip("rounding-truncates-decimals", tenths, "%v stops at %v", n, tenths)
	q.slip("rounding-places-as-figures", (n.units+500)/1000, "%v has 1 figure in %d", n, (n.units+500)/1000)
	return q
}

func roundSignificantFigures(d *dice) *question {
	n := decimal{d.between(1, 9)*100 + d.between(1, 8)*10 + d.between(6, 9), 5}
	q := d.ask([]string{
		"Round %v to 2 significant figures.",
		"What is %v correct to 2 significant figures?",
		"A hair is %v m thick. Give the thickness to two significant figures.",
	}, n)
	q.answer(decimal{n.units/10 + 1, 4})
	q.slip("rounding-places-as-figures", decimal{(n.units + 500) / 1000, 2}, "%v has 2 digits after the point in %v", n, decimal{(n.units + 500) / 1000, 2})
	q.slip("rounding-truncates-decimals", decimal{n.units / 10, 4}, "%v stops at %v", n, decimal{n.units / 10, 4})
	q.slip("rounding-counts-leading-zeros", "0.00", "0 and 0 are the first two figures of %v", n)
	return q
}
