package demo

import (
	"fmt"
	"math/big"
	"strings"
)

// topic is what one file of the demo knows: misconceptions that belong together, and the questions that show them.
type topic struct {
	name           string
	misconceptions []Misconception
	kinds          []kind
}

// kind is a family of questions: one way to draw numbers, a few ways to ask, and the slips that pupils make on it.
type kind struct {
	name  string // names the stream of its draws, so a kind keeps its questions when others are added
	write func(*dice) *question
}

// question is one question with its right answer and the wrong answers that misconceptions lead to.
type question struct {
	text    string
	correct string
	slips   []slip
}

// slip is a misconception applied to one question: the answer that it gives and the steps that led there.
type slip struct {
	misconception string // id
	answer        string
	working       string
}

// answer sets the right answer.
func (q *question) answer(a any) { q.correct = fmt.Sprint(a) }

// slip adds the wrong answer that a misconception gives, with its working.
func (q *question) slip(misconception string, answer any, working string, args ...any) {
	q.slips = append(q.slips, slip{
		misconception: misconception,
		answer:        fmt.Sprint(answer),
		working:       fmt.Sprintf(working, args...),
	})
}

// check reports why a question cannot be used: a misconception that happens to give the right answer, or two that give
// the same wrong one, so that nobody could tell which was applied.
func (q *question) check() error {
	if len(q.slips) == 0 {
		return fmt.Errorf("question %q has no wrong answer", q.text)
	}
	for i, s := range q.slips {
		if sameAnswer(s.answer, q.correct) {
			return fmt.Errorf("question %q: misconception %q gives the right answer %s", q.text, s.misconception, q.correct)
		}
		for _, other := range q.slips[:i] {
			if sameAnswer(s.answer, other.answer) {
				return fmt.Errorf("question %q: misconceptions %q and %q both give %s", q.text, other.misconception, s.misconception, s.answer)
			}
		}
	}
	return nil
}

// sameAnswer reports whether two answers are the same: equal texts, or equal numbers in the same unit (2/4 is 1/2).
func sameAnswer(a, b string) bool {
	if a == b {
		return true
	}
	x, unitX, ok := number(a)
	if !ok {
		return false
	}
	y, unitY, ok := number(b)
	return ok && unitX == unitY && x.Cmp(y) == 0
}

// number reads an answer that begins with an integer, decimal or fraction; the rest is its unit.
func number(answer string) (value *big.Rat, unit string, ok bool) {
	digits, unit, _ := strings.Cut(answer, " ")
	value, ok = new(big.Rat).SetString(digits)
	return value, unit, ok
}
