package main

import (
	"os"
	"regexp"
	"testing"
)

// TestEveryFlagIsOnThePage: docs/migrate-from-flagembedding.md says of every flag that is taken what it does here.
func TestEveryFlagIsOnThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/migrate-from-flagembedding.md")
	mustBe(t, err)
	for command, program := range flagEmbeddingPrograms {
		for _, f := range program.flags {
			if !regexp.MustCompile("`(--)?" + f.name + "[` =]").Match(page) {
				t.Errorf("quarry %s: --%s is not on the page", command, f.name)
			}
		}
	}
}
