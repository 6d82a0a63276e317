package layering

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestTheReadmesMapIsOfTheseFolders(t *testing.T) {
	root := os.DirFS(filepath.Join("..", ".."))
	for _, violation := range mapped(t, root) {
		t.Error(violation)
	}
}

func TestTheMapsRuleFires(t *testing.T) {
	const before, after = "# Quarry\n\n`corpus` is no row.\n\n## Where things are\n\n| folder | what is in it |\n|---|---|\n", "\nPackages import `gone` downwards.\n\n## Licence\n\n| `gone` | |\n"
	for _, tc := range []struct {
		name, rows string
		want       []string
	}{
		{"whole", "| `cmd/quarry` | the program |\n| `mine` `eval` | choices |\n| `corpus` | nouns |\n| `docs` | pages |\n", nil},
		{"one left out", "| `cmd/quarry` | the program |\n| `mine` | choices |\n| `corpus` | nouns |\n", []string{"README.md's map lacks eval"}},
		{"one too many", "| `cmd/quarry` `view` | the program |\n| `mine` `eval` | choices |\n| `corpus` | nouns |\n", []string{"README.md's map names view: there is no such folder"}},
		{"named twice", "| `cmd/quarry` | the program |\n| `mine` `eval` `mine` | choices |\n| `corpus` | nouns |\n", []string{"README.md's map names mine twice"}},
		{"upside down", "| `cmd/quarry` | the program |\n| `corpus` | nouns |\n| `mine` `eval` | choices |\n", []string{"README.md's map has mine below corpus, whose floor is lower", "README.md's map has eval below corpus, whose floor is lower"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := fstest.MapFS{"README.md": {Data: []byte(before + tc.rows + after)}, "docs/a.md": {}}
			for _, folder := range []string{"cmd/quarry", "mine", "eval", "corpus"} {
				root[folder+"/a.go"] = &fstest.MapFile{Data: []byte("package a")}
			}
			if diff := cmp.Diff(tc.want, mapped(t, root)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// mapped returns a line for each folder that README's map has no row of though Go packages lie in it, or names though it is
// not there, and for each that stands below one of a lower floor.
func mapped(t *testing.T, root fs.FS) []string {
	t.Helper()
	readme, err := fs.ReadFile(root, "README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "\n| folder | what is in it |\n|---|---|\n")
	table, _, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatal("README.md has no map of folders")
	}
	var named, violations []string
	violation := func(format string, a ...any) {
		violations = append(violations, fmt.Sprintf("README.md's map "+format, a...))
	}
	lowest, lowestName := len(floors), ""
	for _, row := range strings.Split(table, "\n") {
		folders, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(folders, -1) {
			folder := match[1]
			if slices.Contains(named, folder) {
				violation("names %s twice", folder)
			}
			named = append(named, folder)
			if info, err := fs.Stat(root, folder); err != nil || !info.IsDir() {
				violation("names %s: there is no such folder", folder)
				continue
			}
			floor := floorOf(folder)
			if folder == "format" {
				floor = floorOf("format/trec")
			}
			if floor > lowest {
				violation("has %s below %s, whose floor is lower", folder, lowestName)
			} else if floor >= 0 && floor < lowest {
				lowest, lowestName = floor, folder
			}
		}
	}
	var missing []string
	for _, folder := range sources(t, root).folders {
		top, _, _ := strings.Cut(folder, "/")
		stands := func(name string) bool { return name == top || strings.HasPrefix(name, top+"/") }
		if !slices.ContainsFunc(named, stands) && !slices.Contains(missing, top) {
			missing = append(missing, top)
			violation("lacks %s", top)
		}
	}
	return violations
}
