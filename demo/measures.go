package demo

import "fmt"

func measures() topic {
	return topic{
		name: "Units and time",
		misconceptions: []Misconception{
			{ID: "units-100-metres-in-kilometre", Text: "Thinks there are 100 metres in a kilometre"},
			{ID: "units-10-centimetres-in-metre", Text: "Thinks there are 10 centimetres in a metre"},
			{ID: "units-1000-centimetres-in-metre", Text: "Thinks there are 1000 centimetres in a metre"},
			{ID: "units-100-millimetres-in-centimetre", Text: "Thinks there are 100 millimetres in a centimetre"},
			{ID: "units-100-grams-in-kilogram", Text: "Thinks there are 100 grams in a kilogram"},
			{ID: "units-100-millilitres-in-litre", Text: "Thinks there are 100 millilitres in a litre", Unseen: true},
			{ID: "units-10-millilitres-in-litre", Text: "Thinks there are 10 millilitres in a litre", Unseen: true},
			{ID: "units-wrong-direction", Text: "Divides when changing a large unit into a small unit"},
			{ID: "units-area-as-length", Text: "Changes units of area with the factor for units of length"},
			{ID: "time-100-minutes", Text: "Adds times as if there were 100 minutes in an hour"},
			{ID: "time-100-minutes-subtract", Text: "Subtracts times as if there were 100 minutes in an hour"},
			{ID: "time-decimal-100-minutes", Text: "Changes a decimal part of an hour to minutes as if there were 100 minutes in an hour"},
			{ID: "time-forgets-hour", Text: "When the minutes of two times pass an hour, forgets to add the extra hour"},
			{ID: "time-decimal-as-minutes", Text: "Reads the digits after the point of a number of hours as minutes"},
			{ID: "time-minutes-as-decimal", Text: "Writes minutes as the digits after the point of a number of hours"},
			{ID: "time-100-seconds", Text: "Thinks there are 100 seconds in a minute"},
			{ID: "time-24-hour-adds-ten", Text: "Adds 10 to change an afternoon time to the 24-hour clock"},
			{ID: "time-24-hour-unchanged", Text: "Leaves an afternoon time unchanged on the 24-hour clock"},
		},
		kinds: append(conversions(), []kind{
			{"area units", areaUnits},
			{"add times", addTimes},
			{"subtract times", subtractTimes},
			{"decimal hours", decimalHours},
			{"minutes to hours", minutesToHours},
			{"seconds", seconds},
			{"24-hour clock", clock24},
		}...),
	}
}

// conversions are the changes from a large unit to a small one, alike in all but the unit and the believed factor.
func conversions() []kind {
	type believed struct {
		misconception string
		factor        int
	}
	conversion := func(large, small string, factor int, beliefs ...believed) kind {
		return kind{large + " to " + small, func(d *dice) *question {
			n := d.between(2, 60)
			q := d.ask([]string{
				"Change %d %s to %s.",
				"How many %[3]s are there in %[1]d %[2]s?",
				"%d %s is the same as how many %s?",
			}, n, large, small)
			q.answer(n * factor)
			for _, b := range beliefs {
				q.slip(b.misconception, n*b.factor, "%d × %d = %d", n, b.factor, n*b.factor)
			}
			part := decimal{n * 1000 / factor, 3}.trimmed()
			q.slip("units-wrong-direction", part, "%d ÷ %d = %s", n, factor, part)
			return q
		}}
	}
	return []kind{
		conversion("kilometres", "metres", 1000, believed{"units-100-metres-in-kilometre", 100}),
		conversion("metres", "centimetres", 100, believed{"units-10-centimetres-in-metre", 10}, believed{"units-1000-centimetres-in-metre", 1000}),
		conversion("centimetres", "millimetres", 10, believed{"units-100-millimetres-in-centimetre", 100}),
		conversion("kilograms", "grams", 1000, believed{"units-100-grams-in-kilogram", 100}),
		conversion("litres", "millilitres", 1000, believed{"units-100-millilitres-in-litre", 100}, believed{"units-10-millilitres-in-litre", 10}),
	}
}

func areaUnits(d *dice) *question {
	n := d.between(2, 40)
	q := d.ask([]string{
		"Change %d square metres to square centimetres.",
		"How many square centimetres are there in %d square metres?",
		"A floor has an area of %d square metres. What is its area in square centimetres?",
	}, n)
	q.answer(n * 10000)
	q.slip("units-area-as-length", n*100, "%d × 100 = %d", n, n*100)
	return q
}

func addTimes(d *dice) *question {
	hour, minute, later := d.between(1, 9), d.between(31, 58), d.between(31, 58)
	q := d.ask([]string{
		"A film starts at %d:%d and lasts %d minutes. When does it end?",
		"What time is %[3]d minutes after %[1]d:%[2]d?",
		"A bus leaves at %d:%d and drives for %d minutes. When does it arrive?",
	}, hour, minute, later)
	total := minute + later
	q.answer(clock(hour+total/60, total%60))
	hundred := hour*100 + total
	q.slip("time-100-minutes", clock(hundred/100, hundred%100), "%d%02d + %d = %d", hour, minute, later, hundred)
	q.slip("time-forgets-hour", clock(hour, total%60), "%d + %d = %d and %d - 60 = %d", minute, later, total, total, total%60)
	return q
}

func subtractTimes(d *dice) *question {
	from, minute := d.between(1, 8), d.between(31, 58)
	to, end := from+d.between(1, 3), d.between(1, 29)
	q := d.ask([]string{
		"A lesson runs from %d:%02d to %d:%02d. How many minutes is that?",
		"How many minutes are there between %d:%02d and %d:%02d?",
		"A train leaves at %d:%02d and arrives at %d:%02d. How many minutes does it take?",
	}, from, minute, to, end)
	q.answer((to-from)*60 + end - minute)
	hundred := to*100 + end - from*100 - minute
	q.slip("time-100-minutes-subtract", hundred, "%d%02d - %d%02d = %d", to, end, from, minute, hundred)
	return q
}

func clock(hour, minute int) string { return fmt.Sprintf("%d:%02d", hour, minute) }

func decimalHours(d *dice) *question {
	hours, part := d.between(1, 9), one(d, 1, 2, 4, 5, 6, 7, 8, 9)
	q := d.ask([]string{
		"How long is %v hours in hours and minutes?",
		"Write %v hours in hours and minutes.",
		"A flight takes %v hours. Give this in hours and minutes.",
	}, decimal{10*hours + part, 1})
	q.answer(fmt.Sprintf("%d hours %d minutes", hours, part*6))
	q.slip("time-decimal-as-minutes", fmt.Sprintf("%d hours %d minutes", hours, part), "%d after the point means %d minutes", part, part)
	q.slip("time-decimal-100-minutes", fmt.Sprintf("%d hours %d minutes", hours, part*10), "%d tenths of 100 = %d", part, part*10)
	return q
}

func minutesToHours(d *dice) *question {
	hours, minutes := d.between(1, 9), one(d, 12, 15, 18, 24, 30, 36, 42, 45, 48)
	q := d.ask([]string{
		"Write %d hours %d minutes as a number of hours.",
		"What is %d h %d min in hours, as a decimal?",
		"A shift lasts %d hours and %d minutes. Write it as a decimal number of hours.",
	}, hours, minutes)
	q.answer(decimal{hours*100 + minutes*100/60, 2}.trimmed())
	q.slip("time-minutes-as-decimal", decimal{hours*100 + minutes, 2}, "%d then a point then %d", hours, minutes)
	return q
}

func seconds(d *dice) *question {
	minutes, rest := d.between(2, 12), d.between(1, 59)
	q := d.ask([]string{
		"How many seconds are %d minutes %d seconds?",
		"Change %d min %d s to seconds.",
		"A runner needs %d minutes and %d seconds. How many seconds is that?",
	}, minutes, rest)
	q.answer(minutes*60 + rest)
	q.slip("time-100-seconds", minutes*100+rest, "%d × 100 = %d and %d + %d = %d", minutes, minutes*100, minutes*100, rest, minutes*100+rest)
	return q
}

func clock24(d *dice) *question {
	hour, minute := d.between(1, 9), d.between(10, 59)
	q := d.ask([]string{
		"Write %d:%d pm on the 24-hour clock.",
		"What does a 24-hour clock show at %d:%d pm?",
		"A shop closes at %d:%d pm. Give this as a 24-hour time.",
	}, hour, minute)
	q.answer(clock(hour+12, minute))
	q.slip("time-24-hour-adds-ten", clock(hour+10, minute), "%d + 10 = %d", hour, hour+10)
	q.slip("time-24-hour-unchanged", clock(hour, minute), "%d stays %d", hour, hour)
	return q
}
