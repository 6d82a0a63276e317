package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/recipe"
)

func TestReferenceIsUpToDate(t *testing.T) {
	got, err := reference("..")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("..", "..", "docs", "recipe.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/recipe.md is not what the code says; run go generate ./recipe (-file +code):\n%s", diff)
	}
}

// The page has every key once, with a meaning.
func TestReferenceHasEveryKey(t *testing.T) {
	page, err := reference("..")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.SplitSeq(string(page), "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		rows++
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "/"), " | ")
		if len(cells) != 4 || strings.TrimSpace(strings.TrimSuffix(cells[3], "|")) == "" {
			t.Errorf("not four cells with a meaning: %s", line)
		}
	}
	if want := len(recipe.Keys()); rows != want {
		t.Errorf("%d rows, %d keys", rows, want)
	}
}

func TestReferenceOfNoPackage(t *testing.T) {
	if _, err := reference(t.TempDir()); err == nil {
		t.Error("no error")
	}
}
