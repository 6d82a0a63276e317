package demo

import (
	"fmt"
	"slices"
	"strings"
)

func statistics() topic {
	return topic{
		name: "Statistics and probability",
		misconceptions: []Misconception{
			{ID: "median-unordered", Text: "Finds the median without putting the numbers in order"},
			{ID: "median-as-mean", Text: "Finds the mean when asked for the median"},
			{ID: "median-as-mode", Text: "Finds the mode when asked for the median"},
			{ID: "mean-as-median", Text: "Finds the median when asked for the mean"},
			{ID: "mean-as-mode", Text: "Finds the mode when asked for the mean", Unseen: true},
			{ID: "mean-total-only", Text: "Adds the numbers to find the mean and forgets to divide"},
			{ID: "mode-as-frequency", Text: "Gives how often the mode occurs instead of the mode"},
			{ID: "mode-as-largest", Text: "Gives the largest number as the mode"},
			{ID: "range-as-largest", Text: "Gives the largest number as the range"},
			{ID: "range-first-last", Text: "Finds the range as the difference of the first and the last number of an unordered list"},
			{ID: "probability-odds", Text: "Writes a probability as the wanted outcomes over the unwanted outcomes"},
			{ID: "probability-even-chance", Text: "Believes that every event has an even chance"},
			{ID: "probability-one-over-total", Text: "Writes a probability as one over the number of outcomes whatever is wanted"},
			{ID: "probability-both-adds", Text: "Adds probabilities to find the chance that both events happen"},
			{ID: "probability-either-multiplies", Text: "Multiplies probabilities to find the chance that one of two events happens", Unseen: true},
			{ID: "probability-not-same", Text: "Gives the probability of an event when asked for the probability that it does not happen"},
			{ID: "probability-replaces", Text: "Does not take away the first item when the second is chosen without replacement"},
			{ID: "probability-expected-divides", Text: "Divides the number of trials by the number of outcomes and forgets how many are wanted"},
		},
		kinds: []kind{
			{"median", median},
			{"mean", mean},
			{"mode", mode},
			{"range", rangeOfList},
			{"single probability", singleProbability},
			{"both events", bothEvents},
			{"either event", eitherEvent},
			{"complement", complement},
			{"without replacement", withoutReplacement},
			{"expected frequency", expectedFrequency},
		},
	}
}

// sample is an unordered list of five numbers, one of which occurs twice, with a whole mean.
func sample(d *dice) []int {
	for {
		n := d.distinct(4, 1, 20)
		list := []int{n[0], n[1], n[2], n[3], n[d.between(0, 3)]}
		order := d.source.Sample(5, 5)
		for i, j := range order {
			order[i] = list[j]
		}
		if total(order)%5 == 0 && !slices.IsSorted(order) {
			return order
		}
	}
}

func total(list []int) int {
	sum := 0
	for _, n := range list {
		sum += n
	}
	return sum
}

func middle(list []int) int { return slices.Sorted(slices.Values(list))[len(list)/2] }

func modeOf(list []int) int {
	sorted := slices.Sorted(slices.Values(list))
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return sorted[i]
		}
	}
	return sorted[0]
}

func median(d *dice) *question {
	list := sample(d)
	q := askList(d, "median", list)
	q.answer(middle(list))
	q.slip("median-unordered", list[2], "the third of %s is %d", commas(list), list[2])
	q.slip("median-as-mean", total(list)/5, "%s = %d and %d ÷ 5 = %d", plus(list), total(list), total(list), total(list)/5)
	q.slip("median-as-mode", modeOf(list), "%d comes 2 times", modeOf(list))
	return q
}

func mean(d *dice) *question {
	list := sample(d)
	q := askList(d, "mean", list)
	q.answer(total(list) / 5)
	ordered := slices.Sorted(slices.Values(list))
	q.slip("mean-as-median", middle(list), "in order %s, the third is %d", commas(ordered), middle(list))
	q.slip("mean-as-mode", modeOf(list), "%d comes 2 times", modeOf(list))
	q.slip("mean-total-only", total(list), "%s = %d", plus(list), total(list))
	return q
}

func mode(d *dice) *question {
	list := sample(d)
	q := askList(d, "mode", list)
	q.answer(modeOf(list))
	q.slip("mode-as-frequency", 2, "%d comes 2 times", modeOf(list))
	q.slip("mode-as-largest", slices.Max(list), "%d is the biggest", slices.Max(list))
	return q
}

func rangeOfList(d *dice) *question {
	list := sample(d)
	q := askList(d, "range", list)
	q.answer(slices.Max(list) - slices.Min(list))
	q.slip("range-as-largest", slices.Max(list), "%d is the biggest", slices.Max(list))
	first, last := list[0], list[4]
	q.slip("range-first-last", max(first-last, last-first), "%d - %d = %d", max(first, last), min(first, last), max(first-last, last-first))
	return q
}

func askList(d *dice, measure string, list []int) *question {
	return d.ask([]string{
		"What is the %s of %s?",
		"Find the %s of these numbers: %s.",
		"Five pupils score these marks. What is the %s? %s",
	}, measure, commas(list))
}

func commas(list []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ", ")
}

func plus(list []int) string { return strings.ReplaceAll(commas(list), ",", " +") }

func singleProbability(d *dice) *question {
	red, blue := d.between(2, 9), d.between(2, 9)
	all := red + blue
	q := d.ask([]string{
		"A bag holds %d red and %d blue counters. One is taken. What is the probability that it is red?",
		"There are %d red sweets and %d green sweets in a jar. What is the probability of picking a red one?",
		"A spinner has %d winning and %d losing sections of one size. What is the probability of winning?",
	}, red, blue)
	q.answer(fraction{red, all})
	q.slip("probability-odds", fraction{red, blue}, "%d over %d", red, blue)
	q.slip("probability-even-chance", "1/2", "it happens or not, 1 of 2")
	q.slip("probability-one-over-total", fraction{1, all}, "%d + %d = %d and 1 of %d", red, blue, all, all)
	return q
}

func bothEvents(d *dice) *question {
	f, g := d.fraction(8), d.fraction(8)
	q := d.ask([]string{
		"Two independent events have probabilities %v and %v. What is the probability that both happen?",
		"It rains with probability %v and, independently, a bus is late with probability %v. What is the probability of both?",
		d.name() + " wins a game with probability %v and, independently, another with probability %v. What is the probability of winning both?",
	}, f, g)
	q.answer(fraction{f.top * g.top, f.bottom * g.bottom}.simplest())
	top, bottom := f.top*g.bottom+g.top*f.bottom, f.bottom*g.bottom
	q.slip("probability-both-adds", fraction{top, bottom}, "%d × %d = %d and %v + %v = %d/%d", f.bottom, g.bottom, bottom, f, g, top, bottom)
	return q
}

func eitherEvent(d *dice) *question {
	bottom := d.between(6, 15)
	a, b := d.between(1, bottom/2), d.between(1, bottom/2-1)
	f, g := fraction{a, bottom}, fraction{b, bottom}
	q := d.ask([]string{
		"A counter is red with probability %v and blue with probability %v. What is the probability that it is red or blue?",
		"A team wins with probability %v and draws with probability %v. What is the probability that it wins or draws?",
		"A spinner lands on A with probability %v and on B with probability %v. What is the probability of A or B?",
	}, f, g)
	q.answer(fraction{a + b, bottom}.simplest())
	q.slip("probability-either-multiplies", fraction{a * b, bottom * bottom}, "%d × %d = %d and %d × %d = %d", a, b, a*b, bottom, bottom, bottom*bottom)
	return q
}

func complement(d *dice) *question {
	p := decimal{d.between(1, 99), 2}
	q := d.ask([]string{
		"The probability of rain is %v. What is the probability that it does not rain?",
		"A train is late with probability %v. What is the probability that it is not late?",
		"The probability of losing is %v. What is the probability of not losing?",
	}, p)
	q.answer(decimal{100 - p.units, 2}.trimmed())
	q.slip("probability-not-same", p, "it is %v", p)
	q.slip("probability-even-chance", "0.5", "it happens or not, 1 of 2")
	return q
}

func withoutReplacement(d *dice) *question {
	red, blue := d.between(3, 9), d.between(2, 9)
	all := red + blue
	q := d.ask([]string{
		"A bag holds %d red and %d blue counters. Two are taken without replacement. What is the probability that both are red?",
		"A box has %d ripe and %d unripe apples. Two are eaten one after the other. What is the probability that both are ripe?",
		"From %d girls and %d boys two different pupils are chosen. What is the probability that both are girls?",
	}, red, blue)
	q.answer(fraction{red * (red - 1), all * (all - 1)}.simplest())
	q.slip("probability-replaces", fraction{red * red, all * all}, "%d/%d × %d/%d", red, all, red, all)
	sum := fraction{red*(all-1) + (red-1)*all, all * (all - 1)}
	q.slip("probability-both-adds", sum, "%d/%d + %d/%d", red, all, red-1, all-1)
	return q
}

func expectedFrequency(d *dice) *question {
	sides, wanted := d.between(4, 10), d.between(2, 3)
	trials := sides * d.between(3, 20)
	q := d.ask([]string{
		"A fair spinner has %d sections, %d of them red. How many times is red expected in %d spins?",
		"Of %d equal tickets %d win. How many wins are expected in %d draws with replacement?",
		"A fair die with %d faces has %d green faces. How many green results are expected in %d rolls?",
	}, sides, wanted, trials)
	q.answer(trials / sides * wanted)
	q.slip("probability-expected-divides", trials/sides, "%d ÷ %d = %d", trials, sides, trials/sides)
	return q
}
