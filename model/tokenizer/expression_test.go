package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The patterns that are matched by hand give what the general engine gives.
func TestScansEqualExpressions(t *testing.T) {
	parts := []string{"a", "Z", "the", "é", "中", "\u0301", "\u017f", "'s", "'S", "'ſ", "'re", "'LL", "'v", "'", "1", "23", "٣", "½", "Ⅷ", " ", "  ", "\t", "\n",
		"\r\n", "\u0085", "\u00a0", "\u2028", ".", "?!", "$", "_", "\u200d", "👍🏽", "\x00", "\ufffd"}
	for source, next := range scans {
		e, err := parseExpression(source)
		if err != nil {
			t.Fatal(err)
		}
		draw := rand.New(rand.NewPCG(7, 8))
		for range 20_000 {
			var b strings.Builder
			for range draw.IntN(12) {
				if draw.IntN(5) == 0 {
					b.WriteRune(rune(draw.IntN(1 << (7 + draw.IntN(11)))))
				} else {
					b.WriteString(parts[draw.IntN(len(parts))])
				}
			}
			text := appendValid(nil, b.String())
			in := span{0, len(text)}
			want := matchSplitter{e, isolated, false}.split(nil, text, in)
			if got := (scanSplitter{next}).split(nil, text, in); !slices.Equal(want, got) {
				t.Fatalf("%s\n%+q is split %v, want %v", source, text, got, want)
			}
		}
	}
}

func TestExpressions(t *testing.T) {
	tests := []struct {
		expression, text string
		want             string // matches, with | between them
	}{
		{`a+`, "baab a", "aa|a"},
		{`a+?b`, "aab", "aab"},
		{`a{2}`, "aaaaa", "aa|aa"},
		{`a{2,3}`, "aaaaaaa", "aaa|aaa"},
		{`a{,2}b`, "aaab", "aab"},
		{`a++a|b`, "aaab", "b"},
		{`(?:ab){1,2}c?`, "abababc", "abab|abc"},
		{`(?:ab?){1,3}c`, "abaabacaac", "aabac|aac"},
		{`x(?=y)|y(?!z)`, "xyxzyz", "x|y"},
		{`[^a-c\s]+`, "abcdef gh", "def|gh"},
		{`[a[x-z]\-]+`, "ay-zb", "ay-z"},
		{`(?i:k's)`, "K's k'ſ \u212a'S", "K's|k'ſ|\u212a'S"},
		{`(a|ab)(c|bcd)`, "abcd", "abcd"},
		{`\p{L}\p{M}+`, "xe\u0301y", "e\u0301"},
		{`\P{L}+`, "ab12c", "12"},
		{`.+`, "a\nb", "a|b"},
		{`a$`, "ab a\na", "a|a"},
		{`\.\\`, `..\`, `.\`},
	}
	for _, tc := range tests {
		t.Run(tc.expression, func(t *testing.T) {
			e, err := parseExpression(tc.expression)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for at := 0; ; {
				start, stop := e.find([]byte(tc.text), at, len(tc.text))
				if start < 0 {
					break
				}
				got = append(got, tc.text[start:stop])
				at = stop
			}
			if diff := cmp.Diff(strings.Split(tc.want, "|"), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestExpressionErrors(t *testing.T) {
	for expression, want := range map[string]string{
		``:                                   "it may match nothing",
		`a*`:                                 "it may match nothing",
		`a|`:                                 "it may match nothing",
		`(a`:                                 "a group is not closed",
		`a)`:                                 `")" closes nothing`,
		`[a`:                                 "a set is not closed",
		`[]`:                                 "an empty set",
		`[b-a]`:                              "does not go from one character up to another",
		`[a&&b]`:                             `"&&" in a set`,
		`^a`:                                 `"^" here`,
		`(?<=a)b`:                            `the group "(?<="`,
		`(ab)+`:                              "a group that repeats more than ten times",
		`(a?){2}b`:                           "a group that repeats and may match nothing",
		`a{2}+`:                              "{2}+",
		`a{2,1}`:                             "{2,1",
		`\w`:                                 `"\\w"`,
		`\p{Greek}`:                          `\p{Greek}`,
		`\p{Lu}`:                             "alone",
		`(?i:ss)`:                            `"ss" where case does not matter`,
		`(?i:é)`:                             "other than ASCII characters",
		`a**`:                                "after how often",
		`((((((a{9}){9}){9}){9}){9}){9}){9}`: "it is too large",
	} {
		t.Run(expression, func(t *testing.T) {
			_, err := parseExpression(expression)
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "is not supported") {
				t.Errorf("got error %v, want it to contain %s", err, want)
			}
		})
	}
}
