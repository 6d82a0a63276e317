package demo

import (
	"fmt"
	"strings"
	"testing"
)

func TestSameAnswer(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"4/9", "4/9", true},
		{"2/4", "1/2", true},
		{"0.5", "1/2", true},
		{"3.40", "3.4", true},
		{"6", "6/1", true},
		{"-6", "6", false},
		{"36 pi", "36.0 pi", true},
		{"36 pi", "36", false},
		{"2:85", "3:25", false},
		{"3x + 4", "7x", false},
		{"4 or -4", "4", false},
		{"20%", "20", false},
	} {
		t.Run(tc.a+" and "+tc.b, func(t *testing.T) {
			if got := sameAnswer(tc.a, tc.b); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			if sameAnswer(tc.b, tc.a) != tc.want {
				t.Error("not the same the other way round")
			}
		})
	}
}

func TestCheckRefusesQuestions(t *testing.T) {
	for _, tc := range []struct {
		name  string
		slips []slip
		want  string // part of the error; empty: good
	}{
		{"two wrong answers", []slip{{"a", "3/4", ""}, {"b", "1/4", ""}}, ""},
		{"none", nil, "has no wrong answer"},
		{"right by chance", []slip{{"a", "2/4", ""}}, `misconception "a" gives the right answer 1/2`},
		{"two alike", []slip{{"a", "3/4", ""}, {"b", "0.75", ""}}, `misconceptions "a" and "b" both give 0.75`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := question{text: "What is 1/2?", correct: "1/2", slips: tc.slips}
			err := q.check()
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestNumbersAsWritten(t *testing.T) {
	for _, tc := range []struct {
		name, got, want string
	}{
		{"fraction", fmt.Sprint(fraction{2, 4}), "2/4"},
		{"simplest", fraction{6, 8}.simplest(), "3/4"},
		{"simplest whole", fraction{12, 4}.simplest(), "3"},
		{"simplest negative", fraction{-6, 8}.simplest(), "-3/4"},
		{"decimal", decimal{345, 2}.String(), "3.45"},
		{"decimal below one", decimal{5, 3}.String(), "0.005"},
		{"decimal negative", decimal{-5, 1}.String(), "-0.5"},
		{"decimal whole", decimal{50, 0}.String(), "50"},
		{"trimmed", decimal{3400, 3}.trimmed(), "3.4"},
		{"trimmed to whole", decimal{3000, 3}.trimmed(), "3"},
		{"trimmed whole", decimal{300, 0}.trimmed(), "300"},
		{"joined", joined(5, 92).String(), "5.92"},
		{"clock", clock(2, 5), "2:05"},
		{"quadratic", quadratic("x", -5, 6), "x^2 - 5x + 6"},
		{"quadratic with one", quadratic("x", 1, -6), "x^2 + x - 6"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got %q, want %q", tc.got, tc.want)
			}
		})
	}
}
