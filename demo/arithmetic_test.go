package demo

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The oracle of this file is a calculator of its own: it reads what a query says, not how it was made.

var (
	step       = regexp.MustCompile(`(?:^|[ ,:])(-?[0-9.]+(?: [-+×÷] [0-9.]+)+|[0-9]+\^[0-9]+) = (-?[0-9.]*[0-9])(?: |,|$)`)
	calculable = regexp.MustCompile(`^(?:What is|Work out|Calculate the value of|Which number does a calculator show for) ([-0-9+×÷()^/. ]*[0-9)])[?.]$`)
)

// Every step that a working shows is true: the misconception was applied to the numbers, not written down.
func TestWorkingsAreTrue(t *testing.T) {
	data := generate(t)
	// These two believe a false step; of all others the belief is which steps to take.
	falseStep := []string{"column-zero-gives-digit", "column-zero-gives-zero"}
	steps := 0
	for _, q := range append(slices.Clone(data.Train), data.Dev...) {
		if slices.Contains(falseStep, q.CorrectID) {
			continue
		}
		_, working, _ := strings.Cut(q.Text, "Working: ")
		for _, s := range step.FindAllStringSubmatch(working, -1) {
			steps++
			if got, want := calculate(t, s[1]), rational(t, s[2]); got.Cmp(want) != 0 {
				t.Errorf("%s: working %q says %s", q.CorrectID, working, s[0])
			}
		}
	}
	t.Logf("%d steps", steps)
	if steps < 1500 {
		t.Errorf("only %d steps were found", steps)
	}
}

// Where a question is a calculation, its right answer is what a calculator gives, and the wrong one is not.
func TestAnswersOfCalculations(t *testing.T) {
	data := generate(t)
	checked := 0
	for _, q := range append(slices.Clone(data.Train), data.Dev...) {
		lines := strings.Split(q.Text, "\n")
		asked := calculable.FindStringSubmatch(strings.TrimPrefix(lines[1], "Question: "))
		if asked == nil {
			continue
		}
		value := calculate(t, asked[1])
		right, ok := new(big.Rat).SetString(strings.TrimPrefix(lines[2], "Correct answer: "))
		if !ok {
			continue
		}
		checked++
		if right.Cmp(value) != 0 {
			t.Errorf("%s\n= %s", q.Text, value.RatString())
		}
		if wrong := rational(t, strings.TrimPrefix(lines[3], "Wrong answer: ")); wrong.Cmp(value) == 0 {
			t.Errorf("the wrong answer is right: %s", q.Text)
		}
	}
	t.Logf("%d calculations", checked)
	if checked < 400 {
		t.Errorf("only %d calculations were found", checked)
	}
}

func rational(t *testing.T, text string) *big.Rat {
	t.Helper()
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is not a number", text)
	}
	return value
}

// calculate gives the value of an expression of numbers, fractions, + - × ÷ ^ and brackets, by recursive descent.
func calculate(t *testing.T, expression string) *big.Rat {
	t.Helper()
	// A fraction is one number: 1/2 ÷ 3/4 divides two numbers.
	tokens := regexp.MustCompile(`[0-9.]+(?:/[0-9]+)?|[-+×÷()^]`).FindAllString(expression, -1)
	c := &calculator{t: t, tokens: tokens}
	value := c.sum()
	if len(c.tokens) > 0 {
		t.Fatalf("%q: %v is left over", expression, c.tokens)
	}
	return value
}

type calculator struct {
	t      *testing.T
	tokens []string
}

// next takes the next token if it is one of those wanted.
func (c *calculator) next(wanted ...string) string {
	if len(c.tokens) == 0 || !slices.Contains(wanted, c.tokens[0]) {
		return ""
	}
	token := c.tokens[0]
	c.tokens = c.tokens[1:]
	return token
}

func (c *calculator) sum() *big.Rat {
	value := c.product()
	for {
		switch c.next("+", "-") {
		case "+":
			value = new(big.Rat).Add(value, c.product())
		case "-":
			value = new(big.Rat).Sub(value, c.product())
		default:
			return value
		}
	}
}

func (c *calculator) product() *big.Rat {
	value := c.signed()
	for {
		switch c.next("×", "÷") {
		case "×":
			value = new(big.Rat).Mul(value, c.signed())
		case "÷":
			value = new(big.Rat).Quo(value, c.signed())
		default:
			return value
		}
	}
}

func (c *calculator) signed() *big.Rat {
	if c.next("-") != "" {
		return new(big.Rat).Neg(c.signed())
	}
	return c.power()
}

func (c *calculator) power() *big.Rat {
	base := c.atom()
	if c.next("^") == "" {
		return base
	}
	negative := c.next("-") != ""
	exponent, err := strconv.Atoi(c.tokens[0])
	if err != nil {
		c.t.Fatal(err)
	}
	c.tokens = c.tokens[1:]
	value := big.NewRat(1, 1)
	for range exponent {
		value.Mul(value, base)
	}
	if negative {
		value.Inv(value)
	}
	return value
}

func (c *calculator) atom() *big.Rat {
	if c.next("(") != "" {
		value := c.sum()
		if c.next(")") == "" {
			c.t.Fatalf("no ) before %v", c.tokens)
		}
		return value
	}
	value := rational(c.t, c.tokens[0])
	c.tokens = c.tokens[1:]
	return value
}
