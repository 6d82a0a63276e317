package recipe_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/recipe"
)

// What the reference calls a default is the default: a recipe that writes them all out resolves to the shortest one.
func TestKeysTellTheDefaults(t *testing.T) {
	var written strings.Builder
	list := "none"
	for _, key := range recipe.Keys() {
		if strings.HasPrefix(key.Path, list+".") {
			continue // of an entry, and the list is left out
		}
		indent := strings.Repeat("  ", strings.Count(key.Path, "."))
		name := key.Path[strings.LastIndex(key.Path, ".")+1:]
		switch {
		case key.List:
			list = key.Path
			fmt.Fprintf(&written, "%s%s: null\n", indent, name)
		case key.Section:
			fmt.Fprintf(&written, "%s%s:\n", indent, name)
		case key.Need:
			fmt.Fprintf(&written, "%s%s: %s\n", indent, name, map[string]string{"model": "m", "data.corpus": "c", "data.train": "t", "data.dev": "d"}[key.Path])
		case key.Path == "rounds":
			fmt.Fprintf(&written, "rounds: [{}]\n")
		case key.Default == "" || strings.Contains(key.Default, " ") && !strings.HasPrefix(key.Default, "[") && !strings.HasPrefix(key.Default, "{") || key.Default == "none" || key.Default == "nothing":
			fmt.Fprintf(&written, "%s%s: null\n", indent, name)
		default:
			fmt.Fprintf(&written, "%s%s: %s\n", indent, name, key.Default)
		}
	}
	long, err := recipe.Parse([]byte(written.String()), "recipe.yaml")
	if err != nil {
		t.Fatalf("%v in\n%s", err, written.String())
	}
	short, err := recipe.Parse([]byte("model: m\ndata: {corpus: c, train: t, dev: d}\n"), "recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(short, long, fieldsOnly); diff != "" {
		t.Errorf("(-short +long):\n%s", diff)
	}
}
