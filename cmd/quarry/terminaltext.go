package main

import (
	"fmt"
	"strings"
	"unicode"
)

// lineText is the characters of a text that are shown on one line of a terminal.
const lineText = 80

// beginning is a text on one line, cut where a terminal's line would end.
func beginning(text string) string {
	runes := []rune(oneLine(text))
	if len(runes) > lineText {
		return string(runes[:lineText-1]) + "…"
	}
	return string(runes)
}

// oneLine is a text with one space for each stretch of white space, and without what would move a terminal's cursor.
func oneLine(text string) string {
	visible := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(visible), " ")
}

// countOf is a number of things: "1 shard", "2 shards".
func countOf(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
