package layering

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// commandOnly is the selectors that belong to cmd: they print, end the process or look at the world around it.
var commandOnly = map[string][]string{
	"os":  {"Exit", "Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Args", "Stdin", "Stdout", "Stderr"},
	"fmt": {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
}

// commandOnlyImports is the packages that library code never imports, and what to use.
var commandOnlyImports = map[string]string{
	"C":                     "there is no cgo in Quarry",
	"flag":                  "flags belong to cmd",
	"log":                   "return an error or call back; cmd prints",
	"math/rand":             "random draws go through package draw, keyed",
	"math/rand/v2":          "random draws go through package draw, keyed",
	"crypto/rand":           "random draws go through package draw, keyed",
	"gopkg.in/yaml.v3":      "go.yaml.in/yaml/v3 is the maintained one",
	"gopkg.in/yaml.v2":      "go.yaml.in/yaml/v3 is the maintained one",
	"github.com/pkg/errors": "the standard library wraps errors",
}

// vague is the names that say nothing about what a package holds.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "base"}

func TestLibraryLeavesTheWorldToCommands(t *testing.T) {
	source := repository(t)
	for _, violation := range worldly(source) {
		t.Error(violation)
	}
}

func TestPackageNames(t *testing.T) {
	source := repository(t)
	for _, violation := range vagueNames(source) {
		t.Error(violation)
	}
}

// worldly returns a line for each use of a name that belongs to cmd, and for each init function.
func worldly(source tree) []string {
	var violations []string
	source.library(func(folder string, f sourceFile) {
		if supports(folder) {
			return
		}
		report := func(node ast.Node, format string, arguments ...any) {
			line := source.positions.Position(node.Pos()).Line
			violations = append(violations, fmt.Sprintf("%s:%d: ", f.path, line)+fmt.Sprintf(format, arguments...))
		}
		names := importNames(f.syntax)
		for _, spec := range f.syntax.Imports {
			if why, ok := commandOnlyImports[importPath(spec)]; ok {
				report(spec, "imports %s: %s", importPath(spec), why)
			}
		}
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && slices.Contains(commandOnly[names[x.Name]], n.Sel.Name) {
					report(n, "%s.%s belongs to cmd", x.Name, n.Sel.Name)
				}
			case *ast.CallExpr:
				if x, ok := n.Fun.(*ast.Ident); ok && (x.Name == "println" || x.Name == "print") {
					report(n, "%s belongs to cmd", x.Name)
				}
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					report(n, "no work at initialisation: make it a value that somebody asks for")
				}
			}
			return true
		})
	})
	return violations
}

// importNames maps the names that a file gives its imports to their paths.
func importNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		name := path.Base(importPath(spec))
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = importPath(spec)
	}
	return names
}

func importPath(spec *ast.ImportSpec) string {
	unquoted, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value // the parser accepts no such file
	}
	return unquoted
}

func vagueNames(source tree) []string {
	var violations []string
	for _, folder := range source.folders {
		name := strings.TrimSuffix(source.files[folder][0].syntax.Name.Name, "_test")
		for _, word := range []string{name, path.Base(folder)} {
			if slices.Contains(vague, word) {
				violations = append(violations, fmt.Sprintf("%s: a package named %q says nothing of what it holds", folder, word))
				break
			}
		}
	}
	return violations
}
