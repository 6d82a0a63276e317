package layering

import (
	"fmt"
	"go/ast"
	"strings"
	"testing"
)

func TestPackageComments(t *testing.T) {
	source := repository(t)
	for _, violation := range packageComments(source) {
		t.Error(violation)
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	source := repository(t)
	for _, violation := range undocumented(source) {
		t.Error(violation)
	}
}

// packageComments returns a line for each package without exactly one package comment that begins as godoc expects.
func packageComments(source tree) []string {
	var violations []string
	for _, folder := range source.folders {
		var commented []string
		code := false
		for _, f := range source.files[folder] {
			if f.test {
				continue
			}
			code = true
			if f.syntax.Doc == nil {
				continue
			}
			commented = append(commented, f.path)
			start := "Package " + f.syntax.Name.Name + " "
			if f.syntax.Name.Name == "main" {
				start = "Command "
			}
			if !strings.HasPrefix(f.syntax.Doc.Text(), start) {
				violations = append(violations, fmt.Sprintf("%s: the package comment does not begin with %q", f.path, start))
			}
		}
		if code && len(commented) != 1 {
			violations = append(violations, fmt.Sprintf("%s has %d package comments %v, want 1", folder, len(commented), commented))
		}
	}
	return violations
}

// undocumented returns a line for each exported name of library code that has no comment.
func undocumented(source tree) []string {
	var violations []string
	source.library(func(_ string, f sourceFile) {
		report := func(name *ast.Ident) {
			line := source.positions.Position(name.Pos()).Line
			violations = append(violations, fmt.Sprintf("%s:%d: %s has no comment", f.path, line, name.Name))
		}
		for _, declaration := range f.syntax.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
					report(d.Name)
				}
			case *ast.GenDecl:
				undocumentedSpecs(d, report)
			}
		}
	})
	return violations
}

// undocumentedSpecs reports the exported names of a declaration. A comment on a group covers its constants and
// variables; a type has its own unless it stands alone.
func undocumentedSpecs(d *ast.GenDecl, report func(*ast.Ident)) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && (d.Doc == nil || d.Lparen.IsValid()) {
				report(s.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
					report(name)
				}
			}
		}
	}
}

// exportedReceiver reports whether godoc shows a function: it has no receiver, or one of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	receiver := d.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return r.IsExported()
		default:
			return true
		}
	}
}
