package recipe_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/recipe"
)

const named = `model: acme/a
data: {corpus: c, train: t, dev: d}
mine_with: acme/b@v1
rounds:
  - {}
  - mine_with: base
  - mine_with: acme/c
    mine: {teacher: {model: acme/t, margin: 0}}
`

func TestLocate(t *testing.T) {
	r, err := recipe.Parse([]byte(named), "dir/recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	err = r.Locate(func(p recipe.Path) (recipe.Path, error) {
		return recipe.Path{Written: p.Written, File: "/cache/" + p.Written, Revision: "x"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range []recipe.Path{r.Model, r.MineWith.Dir, r.Round(0).MineWith.Dir, r.Round(1).MineWith.Dir, r.Round(2).MineWith.Dir, r.Round(1).Mine.Teacher.Model, r.Round(2).Mine.Teacher.Model} {
		got = append(got, p.File+" "+p.Revision)
	}
	want := []string{"/cache/acme/a x", "/cache/acme/b@v1 x", "/cache/acme/b@v1 x", " ", "/cache/acme/c x", " ", "/cache/acme/t x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	if resolved, err := r.Resolved(); err != nil || strings.Contains(string(resolved), "/cache") {
		t.Errorf("the resolved recipe has places in it, or %v:\n%s", err, resolved)
	}
}

func TestLocateErrors(t *testing.T) {
	for _, tc := range []struct{ missing, want string }{
		{"acme/a", "recipe.yaml:1: model: not here"},
		{"acme/b@v1", "recipe.yaml:3: mine_with: not here"},
		{"acme/c", "recipe.yaml:7: rounds[2].mine_with: not here"},
		{"acme/t", "recipe.yaml:8: rounds[2].mine.teacher.model: not here"},
	} {
		t.Run(tc.missing, func(t *testing.T) {
			r, err := recipe.Parse([]byte(named), "recipe.yaml")
			if err != nil {
				t.Fatal(err)
			}
			err = r.Locate(func(p recipe.Path) (recipe.Path, error) {
				if p.Written == tc.missing {
					return p, errors.New("not here")
				}
				return p, nil
			})
			if err == nil || err.Error() != tc.want {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}
