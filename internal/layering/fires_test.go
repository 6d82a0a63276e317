package layering

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// Each rule is tried on a small tree that breaks it and on one that does not: a rule that never fires guards nothing.
func TestRulesFire(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rule  func(tree) []string
		files map[string]string
		want  []string // a part of each violation, in order
	}{
		{"import down", upward, map[string]string{"mine/a.go": importing("mine", "ranking")}, nil},
		{"import up", upward, map[string]string{"ranking/a.go": importing("ranking", "mine")}, []string{"ranking/a.go imports mine: it is 3 floors up"}},
		{"import beside", upward, map[string]string{"mine/a.go": importing("mine", "eval")}, []string{"on one floor"}},
		{"import beside, allowed", upward, map[string]string{"format/trec/a.go": importing("trec", "corpus")}, nil},
		{"import beside, wrong way", upward, map[string]string{"corpus/a.go": importing("corpus", "format/trec")}, []string{"on one floor"}},
		{"import of support", upward, map[string]string{"mine/a.go": importing("mine", "internal/golden")}, []string{"for tests"}},
		{"import of a contract suite", upward, map[string]string{"fuse/a.go": importing("fuse", "search/searchtest")}, []string{"for tests"}},
		{"import of support in a test", upward, map[string]string{"mine/a_test.go": importing("mine", "internal/golden")}, nil},
		{"import of a stranger", upward, map[string]string{"mine/a.go": importing("mine", "stranger")}, []string{"no floor"}},
		{"no floor", upward, map[string]string{"stranger/a.go": "package stranger"}, []string{"stranger has no floor"}},
		{"tool", upward, map[string]string{"compute/kernel/gen/a.go": importing("main", "compute/kernel")}, nil},

		{"prints", worldly, map[string]string{"mine/a.go": "package mine\nimport \"fmt\"\nfunc f() { fmt.Println() }"}, []string{"mine/a.go:3: fmt.Println"}},
		{"prints under another name", worldly, map[string]string{"mine/a.go": "package mine\nimport f \"fmt\"\nvar _, _ = f.Printf(\"\")"}, []string{"f.Printf"}},
		{"formats", worldly, map[string]string{"mine/a.go": "package mine\nimport \"fmt\"\nvar _ = fmt.Sprint()"}, nil},
		{"exits", worldly, map[string]string{"mine/a.go": "package mine\nimport \"os\"\nfunc f() { os.Exit(1) }"}, []string{"os.Exit"}},
		{"reads the environment", worldly, map[string]string{"mine/a.go": "package mine\nimport \"os\"\nvar x = os.Getenv(\"X\")"}, []string{"os.Getenv"}},
		{"writes to standard error", worldly, map[string]string{"mine/a.go": "package mine\nimport \"os\"\nvar x = os.Stderr"}, []string{"os.Stderr"}},
		{"logs", worldly, map[string]string{"mine/a.go": "package mine\nimport \"log\"\nvar _ = log.Default()"}, []string{"imports log"}},
		{"global generator", worldly, map[string]string{"mine/a.go": "package mine\nimport \"math/rand/v2\"\nvar _ = rand.Int()"}, []string{"math/rand/v2"}},
		{"cgo", worldly, map[string]string{"mine/a.go": "package mine\nimport \"C\""}, []string{"no cgo"}},
		{"init", worldly, map[string]string{"mine/a.go": "package mine\nfunc init() {}"}, []string{"initialisation"}},
		{"command", worldly, map[string]string{"cmd/quarry/a.go": "package main\nimport \"os\"\nfunc main() { os.Exit(1) }"}, nil},

		{"vague folder", vagueNames, map[string]string{"mine/util/a.go": "package util"}, []string{"util"}},
		{"vague package", vagueNames, map[string]string{"mine/x/a.go": "package helpers"}, []string{"helpers"}},

		{"one comment", packageComments, map[string]string{"mine/a.go": "// Package mine mines.\npackage mine", "mine/b.go": "package mine"}, nil},
		{"no comment", packageComments, map[string]string{"mine/a.go": "package mine"}, []string{"0 package comments"}},
		{"two comments", packageComments, map[string]string{"mine/a.go": "// Package mine mines.\npackage mine", "mine/b.go": "// Package mine too.\npackage mine"}, []string{"2 package comments"}},
		{"comment of something else", packageComments, map[string]string{"mine/a.go": "// Licence.\npackage mine"}, []string{"does not begin"}},
		{"tests alone", packageComments, map[string]string{"mine/a_test.go": "package mine"}, nil},

		{"bare function", undocumented, map[string]string{"mine/a.go": "package mine\nfunc F() {}"}, []string{"mine/a.go:2: F"}},
		{"bare method", undocumented, map[string]string{"mine/a.go": "package mine\n// T is.\ntype T[K any] int\nfunc (t *T[K]) M() {}"}, []string{"M has no comment"}},
		{"bare type in a group", undocumented, map[string]string{"mine/a.go": "package mine\n// Types.\ntype (\n\tT int\n)"}, []string{"T has no comment"}},
		{"bare constant", undocumented, map[string]string{"mine/a.go": "package mine\nconst C = 1"}, []string{"C has no comment"}},
		{"constants of a group", undocumented, map[string]string{"mine/a.go": "package mine\n// Limits.\nconst (\n\tC = 1\n\tD = 2\n)"}, nil},
		{"method of an unexported type", undocumented, map[string]string{"mine/a.go": "package mine\ntype t int\nfunc (t) String() string { return \"\" }"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := fstest.MapFS{}
			for name, content := range tc.files {
				files[name] = &fstest.MapFile{Data: []byte(content)}
			}
			got := tc.rule(sources(t, files))
			for i := range got {
				if i < len(tc.want) && strings.Contains(got[i], tc.want[i]) {
					got[i] = tc.want[i]
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// importing is a file of a package that imports another of this module.
func importing(name, target string) string {
	return "package " + name + "\nimport _ \"" + module + "/" + target + "\""
}
