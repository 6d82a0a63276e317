package main

import (
	"os"
	"testing"

	"github.com/quarry-ml/quarry/demo"
)

// TestDemoKeepsOutOfOtherFolders: a user's files stay alone in their folder, and a user's recipe is not run.
func TestDemoKeepsOutOfOtherFolders(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"a recipe of one's own", demoRecipe, "recipe.yaml is not as the demo writes it"},
		{"other files", "thesis.tex", "is not empty and holds no demo"},
		{"an own corpus", "corpus.jsonl", "corpus.jsonl is not as the demo writes it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := project(t.TempDir())
			p.write(t, tc.file, "mine\n")
			refused(t, runDemo(t.Context(), newTestHost().host, DemoOptions{Dir: string(p)}), tc.want)
			entries, err := os.ReadDir(string(p))
			mustBe(t, err)
			if len(entries) != 1 || p.read(t, tc.file) != "mine\n" {
				t.Errorf("the folder holds %v", entries)
			}
		})
	}
	data, err := demo.Generate(demo.DefaultOptions())
	mustBe(t, err)
	p := project(t.TempDir())
	mustBe(t, checkDemoDir(p.path("new"), data))
	mustBe(t, writeDemo(string(p), data))
	mustBe(t, os.MkdirAll(p.path("runs"), 0o755))
	mustBe(t, checkDemoDir(string(p), data))
}
