package recipe_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/recipe"
)

func FuzzParse(f *testing.F) {
	for _, ending := range []string{".good.yaml", ".bad.yaml"} {
		for _, content := range fixtures(f, ending) {
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := recipe.Parse(content, "dir/recipe.yaml")
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "dir/recipe.yaml:") {
					t.Errorf("%q does not begin with the file", line)
				}
			}
			return
		}
		resolved, err := r.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		again, err := recipe.Parse(resolved, "dir/recipe.yaml")
		if err != nil {
			t.Fatalf("%v in\n%s", err, resolved)
		}
		twice, err := again.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(resolved), string(twice)); diff != "" {
			t.Errorf("resolved twice (-once +twice):\n%s", diff)
		}
	})
}

func FuzzSize(f *testing.F) {
	for _, seed := range []string{"2GiB", "1.5 GB", "800MB", "1B", "0B", "-1GiB", "1e30TiB", "NaNB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var size, again recipe.Size
		if size.UnmarshalText([]byte(text)) != nil {
			return
		}
		if size < 1 {
			t.Errorf("%q is %d bytes", text, size)
		}
		if err := again.UnmarshalText([]byte(size.String())); err != nil || again != size {
			t.Errorf("%q is %d, written %q, read back as %d, %v", text, size, size, again, err)
		}
	})
}
