package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestARecipesTeacherMinesAsTheCommands: a round with a teacher has the negatives that quarry mine has by hand, and asks of
// the same pairs; mined again by what it left, no model is asked.
func TestARecipesTeacherMinesAsTheCommands(t *testing.T) {
	for _, tc := range []struct {
		kind   string
		margin string
		write  func(dir string) error
	}{
		{embedderKind, "0.01", func(dir string) error {
			return tinymodel.Write(dir, tinymodel.Options{Layers: 1, Hidden: 8, Heads: 2, Intermediate: 8})
		}},
		{crossEncoderKind, "0", func(dir string) error { return os.CopyFS(dir, os.DirFS(tinyCrossEncoder)) }},
	} {
		t.Run(tc.kind, func(t *testing.T) {
			p := newTeachingProject(t)
			mustBe(t, tc.write(p.path("teacher")))
			recipe := p.write(t, "recipe.yaml", strings.Replace(runRecipe, "depth: 12}", "depth: 12, teacher: {model: teacher, margin: "+tc.margin+"}}", 1))
			run := func(words ...string) string {
				t.Helper()
				h := p.host()
				if code := h.run(t, append(words, "--cpu", string(exactpath.Fastest))...); code != exitDone {
					t.Fatalf("%s: exit code %d\n%s", strings.Join(words, " "), code, h.err.String())
				}
				return h.out.String() + h.err.String()
			}
			rows := func(path string) []*flagembedding.Row {
				t.Helper()
				f, err := os.Open(path)
				mustBe(t, err)
				defer f.Close()
				all, err := flagembedding.ReadAll(f, path)
				mustBe(t, err)
				return all
			}
			round := p.path(filepath.Join("runs", "tiny", "round-0"))
			if said := run("mine", recipe, "--round", "0"); !strings.Contains(said, "teach: teacher: ") || !strings.Contains(said, "the teacher scores positives") {
				t.Errorf("told %s", said)
			}
			if said := run("plan", recipe); !strings.Contains(said, "round 0  teach          done") || !strings.Contains(said, "  teacher    "+tc.kind+", at most ") {
				t.Errorf("planned %s", said)
			}
			want := rows(filepath.Join(round, "negatives.jsonl"))
			rules := []string{"--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl"), "--window", "1-8", "--negatives", "4"}
			by := func(name string, words ...string) []*flagembedding.Row {
				t.Helper()
				output := p.path(name)
				said := run(append(append([]string{"mine", "--output", output}, rules...), words...)...)
				if strings.Contains(said, "teacher: ") && !strings.Contains(said, ", 0 scored now") {
					t.Errorf("the command asks of other pairs than the recipe: %s", said)
				}
				return rows(output)
			}
			hand := by("hand.jsonl", "--model", p.path("model"), "--teacher", p.path("teacher"), "--teacher-kind", tc.kind, "--teacher-margin", tc.margin)
			stored := []string{"--candidates", filepath.Join(round, "candidates", "train.cand"), "--teacher-scores", filepath.Join(round, "teacher-scores.jsonl")}
			plain := by("plain.jsonl", "--model", p.path("model"))
			mustBe(t, os.RemoveAll(p.path("teacher")))
			replayed := by("replayed.jsonl", append(slices.Clone(stored), "--teacher-margin", tc.margin)...)
			dropped := false
			for i, row := range want {
				for name, other := range map[string]*flagembedding.Row{"by hand": hand[i], "replayed": replayed[i]} {
					if !slices.Equal(row.Neg(), other.Neg()) || !slices.Equal(row.NegScores(), other.NegScores()) || !slices.Equal(row.PosScores(), other.PosScores()) || len(row.PosScores()) != 1 {
						t.Errorf("row %d: the recipe has %q %v, %s %q %v", i, row.Neg(), row.NegScores(), name, other.Neg(), other.NegScores())
					}
				}
				dropped = dropped || !slices.Equal(row.Neg(), plain[i].Neg())
			}
			if !dropped {
				t.Error("the margin changes nothing: the test says nothing")
			}
			table := lines(run(append(append([]string{"mine", "--what-if", "--teacher-margins", "none,0,0.01"}, rules...), stored...)...))
			if len(table) != 4 || !strings.Contains(table[0], "teacher") || table[1] == table[2] {
				t.Errorf("what if:\n%s", strings.Join(table, "\n"))
			}
			h := p.host()
			wide := append(append([]string{"mine", "--output", p.path("wide.jsonl")}, rules...), append(stored, "--teacher-margin", "0", "--window", "0-12")...)
			if code := h.run(t, wide...); code != exitBadInput || !strings.Contains(h.err.String(), "the teacher has no score of candidate") {
				t.Errorf("a window that was not scored: exit code %d\n%s", code, h.err.String())
			}
		})
	}
}
