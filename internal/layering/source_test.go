package layering

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/quarry-ml/quarry"

// sourceFile is one parsed Go file of the tree, whatever its build constraints.
type sourceFile struct {
	path   string // slash-separated, below the repository's root
	test   bool
	syntax *ast.File
}

// tree is the files of the repository by folder ("mine", "cmd/quarry").
type tree struct {
	positions *token.FileSet
	folders   []string // sorted
	files     map[string][]sourceFile
}

// sources parses every Go file below root, apart from testdata and hidden folders.
func sources(t *testing.T, root fs.FS) tree {
	t.Helper()
	parsed := tree{positions: token.NewFileSet(), files: map[string][]sourceFile{}}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if entry.IsDir() {
			if name != "." && (base == "testdata" || base == "runs" || strings.HasPrefix(base, ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(parsed.positions, name, content, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		parsed.add(sourceFile{path: name, test: strings.HasSuffix(name, "_test.go"), syntax: syntax})
		return nil
	})
	if err != nil {
		t.Fatalf("read the tree: %v", err)
	}
	return parsed
}

// repository is the whole tree that this test stands in.
func repository(t *testing.T) tree {
	t.Helper()
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the repository's root is not two folders up: %v", err)
	}
	return sources(t, os.DirFS(root))
}

// add appends a file; the walk is in lexical order, so folders stay sorted by first sight.
func (t *tree) add(f sourceFile) {
	folder := path.Dir(f.path)
	if _, seen := t.files[folder]; !seen {
		t.folders = append(t.folders, folder)
	}
	t.files[folder] = append(t.files[folder], f)
}

// library calls visit for each file that other packages or users run: no tests, no commands, no generators.
func (t *tree) library(visit func(folder string, f sourceFile)) {
	for _, folder := range t.folders {
		for _, f := range t.files[folder] {
			if !f.test && f.syntax.Name.Name != "main" {
				visit(folder, f)
			}
		}
	}
}

// imports returns the import paths of a file: those of this module as folders ("mine"), the others as they are.
func (f sourceFile) imports() (inside, outside []string) {
	for _, spec := range f.syntax.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		if rest, ok := strings.CutPrefix(name, module+"/"); ok {
			inside = append(inside, rest)
		} else {
			outside = append(outside, name)
		}
	}
	return inside, outside
}
