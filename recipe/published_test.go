package recipe_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/quarry-ml/quarry/recipe"
)

// TestPublishedRecipes reads every recipe under examples/.
func TestPublishedRecipes(t *testing.T) {
	found := 0
	err := filepath.WalkDir(filepath.Join("..", "examples"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		found++
		r, err := recipe.Load(path)
		if err != nil {
			t.Error(err)
			return nil
		}
		if want := (recipe.Window{Start: 2, End: 100}); len(r.Rounds) != 2 || r.Round(1).Mine.Window != want {
			t.Errorf("%s: %d rounds, the last with window %v, want 2 and %v", path, len(r.Rounds), r.Round(len(r.Rounds)-1).Mine.Window, want)
		}
		return nil
	})
	if err != nil || found < 2 {
		t.Errorf("%d recipes, error %v", found, err)
	}
}
