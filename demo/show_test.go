package demo

import (
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/recipe"
)

func TestShowcase(t *testing.T) {
	data := generate(t, func(o *Options) { o.Questions = 2; o.DevShare = 0.9 }) // one train question a kind
	shown := data.Showcase()
	for i, id := range []string{"fractions-add-across", "order-add-before-multiply", "column-smaller-from-larger"} {
		if shown[i].CorrectID != id {
			t.Errorf("query %d is of %s, want %s", i, shown[i].CorrectID, id)
		}
	}
}

// The recipe is one that quarry reads, and fits on one screen.
func TestRecipe(t *testing.T) {
	r, err := recipe.Parse([]byte(Recipe()), "recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rounds) != 3 || r.Round(0).Mine.Source != recipe.None || r.Round(1).Mine.Source != recipe.Dense {
		t.Errorf("rounds: %d, sources %q, %q; want a warm-up and two mined", len(r.Rounds), r.Round(0).Mine.Source, r.Round(1).Mine.Source)
	}
	if r.Data.GroupField != "question_id" {
		t.Errorf("group field %q, want the one that the data has", r.Data.GroupField)
	}
	lines := strings.Split(Recipe(), "\n")
	if len(lines) > 45 {
		t.Errorf("%d lines, want one screen", len(lines))
	}
	for i, line := range lines {
		if len(line) > 120 {
			t.Errorf("recipe.yaml:%d: %d characters, want at most 120", i+1, len(line))
		}
	}
}
