package demo

import "fmt"

func percentagesOfAmounts() topic {
	return topic{
		name: "Percentages",
		misconceptions: []Misconception{
			{ID: "percent-of-plain-number", Text: "When finding a percentage of an amount, takes the percentage as a plain number"},
			{ID: "percent-of-divides", Text: "When finding a percentage of an amount, divides by the percentage"},
			{ID: "percent-of-subtracts", Text: "When finding a percentage of an amount, subtracts the percentage from the amount"},
			{ID: "percent-increase-plain-number", Text: "When increasing by a percentage, adds the percentage as a plain number"},
			{ID: "percent-increase-part-only", Text: "When increasing by a percentage, gives only the increase"},
			{ID: "percent-increase-decreases", Text: "When increasing by a percentage, subtracts the increase from the amount"},
			{ID: "percent-decrease-plain-number", Text: "When decreasing by a percentage, subtracts the percentage as a plain number"},
			{ID: "percent-decrease-part-only", Text: "When decreasing by a percentage, gives only the decrease", Unseen: true},
			{ID: "percent-decrease-increases", Text: "When decreasing by a percentage, adds the decrease to the amount"},
			{ID: "percent-reverse-same-percentage", Text: "When finding the price before a discount, adds the same percentage of the reduced price"},
			{ID: "percent-reverse-plain-number", Text: "When finding the price before a discount, adds the percentage as a plain number"},
			{ID: "percent-successive-adds", Text: "Adds the percentages of two changes that follow each other"},
			{ID: "percent-drops-point", Text: "Writes a decimal as a percentage by leaving out the decimal point"},
			{ID: "percent-adds-sign", Text: "Writes a decimal as a percentage by putting a percent sign after it"},
		},
		kinds: []kind{
			{"percentage of", percentageOf},
			{"percentage increase", percentageIncrease},
			{"percentage decrease", percentageDecrease},
			{"reverse percentage", reversePercentage},
			{"successive percentages", successivePercentages},
			{"decimal as percentage", decimalAsPercentage},
		},
	}
}

func percentageOf(d *dice) *question {
	percent := one(d, 5, 10, 20, 25)
	amount := 100 * d.between(1, 9)
	q := d.ask([]string{
		"What is %d%% of %d?",
		"Find %d%% of $%d.",
		"%d%% of the %d pupils at a school cycle. How many pupils cycle?",
	}, percent, amount)
	q.answer(amount * percent / 100)
	q.slip("percent-of-plain-number", percent, "%d%% is %d", percent, percent)
	q.slip("percent-of-divides", amount/percent, "%d ÷ %d = %d", amount, percent, amount/percent)
	q.slip("percent-of-subtracts", amount-percent, "%d - %d = %d", amount, percent, amount-percent)
	return q
}

func percentageIncrease(d *dice) *question {
	percent, amount := 5*d.between(1, 8), 20*d.between(2, 20)
	q := d.ask([]string{
		"Increase %[2]d by %[1]d%%.",
		"A ticket costs $%[2]d. Its price goes up by %[1]d%%. What is the new price in dollars?",
		"%[2]d is increased by %[1]d%%. What is the result?",
	}, percent, amount)
	part := amount * percent / 100
	q.answer(amount + part)
	q.slip("percent-increase-plain-number", amount+percent, "%d + %d = %d", amount, percent, amount+percent)
	q.slip("percent-increase-part-only", part, "%d%% of %d = %d", percent, amount, part)
	q.slip("percent-increase-decreases", amount-part, "%d%% of %d = %d and %d - %d = %d", percent, amount, part, amount, part, amount-part)
	return q
}

func percentageDecrease(d *dice) *question {
	percent, amount := 5*d.between(1, 8), 20*d.between(3, 20)
	q := d.ask([]string{
		"Decrease %[2]d by %[1]d%%.",
		"A coat costs $%[2]d. In a sale its price goes down by %[1]d%%. What is the sale price in dollars?",
		"%[2]d is decreased by %[1]d%%. What is the result?",
	}, percent, amount)
	part := amount * percent / 100
	q.answer(amount - part)
	q.slip("percent-decrease-plain-number", amount-percent, "%d - %d = %d", amount, percent, amount-percent)
	q.slip("percent-decrease-part-only", part, "%d%% of %d = %d", percent, amount, part)
	q.slip("percent-decrease-increases", amount+part, "%d%% of %d = %d and %d + %d = %d", percent, amount, part, amount, part, amount+part)
	return q
}

func reversePercentage(d *dice) *question {
	percent, before := one(d, 10, 20, 30, 40), 100*d.between(1, 9)
	after := before * (100 - percent) / 100
	q := d.ask([]string{
		"After a discount of %d%% a bike costs $%d. What did it cost before, in dollars?",
		"A phone is reduced by %d%% to $%d. Find the original price in dollars.",
		"In a %d%% off sale a lamp costs $%d. How many dollars was it before the sale?",
	}, percent, after)
	q.answer(before)
	part := decimal{after * percent, 2}
	wrong := decimal{after*100 + after*percent, 2}
	q.slip("percent-reverse-same-percentage", wrong.trimmed(), "%d%% of %d = %s and %d + %s = %s",
		percent, after, part.trimmed(), after, part.trimmed(), wrong.trimmed())
	q.slip("percent-reverse-plain-number", after+percent, "%d + %d = %d", after, percent, after+percent)
	return q
}

func successivePercentages(d *dice) *question {
	first, second := 10*d.between(1, 5), 10*d.between(1, 5)
	q := d.ask([]string{
		"A price goes up by %d%% and then by %d%%. What is the overall percentage increase?",
		"A club grows by %d%% one year and %d%% the next. By what percentage does it grow in all?",
		"A number is increased by %d%% and the result by %d%%. What is the total percentage increase?",
	}, first, second)
	q.answer(fmt.Sprintf("%d%%", first+second+first*second/100))
	q.slip("percent-successive-adds", fmt.Sprintf("%d%%", first+second), "%d + %d = %d", first, second, first+second)
	return q
}

func decimalAsPercentage(d *dice) *question {
	n := decimal{10*d.between(0, 4) + d.between(1, 9), 1}
	q := d.ask([]string{
		"Write %v as a percentage.",
		"What is %v as a percentage?",
		"A price is multiplied by %v. What percentage of the old price is the new one?",
	}, n)
	q.answer(fmt.Sprintf("%d%%", 10*n.units))
	q.slip("percent-drops-point", fmt.Sprintf("%d%%", n.units), "%v is %d without the point", n, n.units)
	q.slip("percent-adds-sign", fmt.Sprintf("%v%%", n), "%v and a percent sign", n)
	return q
}
