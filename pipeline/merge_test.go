package pipeline

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/model"
)

// TestAnotherPromptMergesAnew changes a prompt by a space, which gives the same tokens and so the same scores and
// checkpoints: only the merged model's own contract differs.
func TestAnotherPromptMergesAnew(t *testing.T) {
	text := func(prompt string) string {
		return edit(t, secondRound, "", "model: model\n", "model: model\nprompts: {query: \""+prompt+"\"}\n", "epochs: 2", "epochs: 1", "select: {metric: map@25}", "select: {epoch: 0, because: the base will do}")
	}
	r := tinyProject(t, text("find: {}"))
	mustRun(t, r)
	before := look(t, r)
	scores, err := before.ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	r = loadRecipe(t, filepath.Dir(r.File()), text("find:  {}"))
	notes := mustRun(t, r)
	if again, err := look(t, r).ReadScores(0); err != nil || again.Digest() != scores.Digest() {
		t.Fatalf("the scores differ, %v: this test shows nothing", err)
	}
	if !strings.Contains(notes, "round 0: merge: options changed: ") {
		t.Errorf("the merge was kept:\n%s", notes)
	}
	merged, err := model.ReadDirectory(look(t, r).Round(0).Merged(), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := merged.Contract.Query.Template; got != "find:  {}" {
		t.Errorf("the merged model's prompt is %q", got)
	}
}
