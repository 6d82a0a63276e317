package pipeline

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
)

// TestARunWithSpecialTokens: each round trains from the model as it is published, with the tokens added, and its merged
// model, which has them, mines the next.
func TestARunWithSpecialTokens(t *testing.T) {
	r := tinyProject(t, edit(t, "finetune: {epochs: 2", adapterMethod, withoutExamples, "group_field: group}\nadditional_special_tokens: [<query>, the]\nprompts: {query: '<query>{}'}\n"))
	dir := filepath.Join(filepath.Dir(r.File()), "model")
	var words []string // each once: behind ids with gaps no token can be added
	for _, word := range tinymodel.Vocabulary() {
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	if err := tinymodel.Write(dir, tinymodel.Options{Vocabulary: words}); err != nil {
		t.Fatal(err)
	}
	mustRun(t, r)
	d := look(t, r)
	for round := range 2 {
		m, err := model.Open(d.Round(round).Merged(), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		id, ok := m.Tokenizer.ID("<query>")
		if !ok || int(id) != len(words) || m.Config.VocabSize != len(words)+1 {
			t.Errorf("round %d: <query> is %d (%t) of %d, want %d", round, id, ok, m.Config.VocabSize, len(words))
		}
	}
	for _, note := range strings.Split(mustRun(t, r), "\n") {
		if strings.HasPrefix(note, "round ") && strings.Contains(note, "changed") && !strings.Contains(note, "unchanged") {
			t.Errorf("a second run redid: %s", note)
		}
	}
}
