package main

import (
	"strings"
	"testing"
)

func TestBeginningOfAText(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"one\n two\tthree ", "one two three"},
		{"a\x1b[2Jb", "a [2Jb"},
		{strings.Repeat("é", lineText), strings.Repeat("é", lineText)},
		{strings.Repeat("é", lineText+1), strings.Repeat("é", lineText-1) + "…"},
	} {
		if got := beginning(tc.text); got != tc.want {
			t.Errorf("%q is shown as %q, want %q", tc.text, got, tc.want)
		}
	}
}

func TestCountOf(t *testing.T) {
	if got := countOf(1, "shard") + ", " + countOf(12, "shard"); got != "1 shard, 12 shards" {
		t.Error(got)
	}
}
