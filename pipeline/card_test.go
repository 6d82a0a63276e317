package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/modelcard"
	"github.com/quarry-ml/quarry/rundir"
)

// TestEveryModelHasACard holds the card of a round to the scores of the run, and to what made it.
func TestEveryModelHasACard(t *testing.T) {
	r := alsoProject(t, generalSet)
	dir := filepath.Dir(r.File())
	writeTestSplit(t, dir)
	text := edit(t, secondRound, "", "group_field: group}", "group_field: group, test: test.jsonl, also: ["+generalSet+"]}")
	r = loadRecipe(t, dir, text)
	mustRun(t, r)
	d := look(t, r)
	table, err := d.ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	choice, err := d.ReadChoice(0)
	if err != nil {
		t.Fatal(err)
	}
	card := readCard(t, d)
	general := also(t, r, "general")
	base, chosen := table.Epochs[0], table.Epochs[choice.Epoch]
	for i, m := range table.Measures {
		for _, want := range []string{
			fmt.Sprintf("| dev | 10 | %s | %.4f | %.4f | ", m, base.Dev.All[i], chosen.Dev.All[i]),
			fmt.Sprintf("| test | 10 | %s | %.4f | %.4f | ", m, base.Test.All[i], chosen.Test.All[i]),
			fmt.Sprintf("| general | 3 | %s | %.4f | %.4f | ", m, general[0].Scores.All[i], general[choice.Epoch].Scores.All[i]),
		} {
			if _, line, ok := strings.Cut(card, want); !ok || !regexp.MustCompile(`^[01]\.\d{4} to [01]\.\d{4} \(95 %\) \|\n`).MatchString(line) {
				t.Errorf("the card has no %q, or no interval behind it", want)
			}
		}
	}
	m, err := d.ReadManifest(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range m.Data {
		if !strings.Contains(card, fmt.Sprintf("| %s | %s | %d | `%s` |", data.Role, data.Name, data.Count, data.Digest)) {
			t.Errorf("the card has no %s", data.Role)
		}
	}
	for _, want := range []string{"# tiny, round 0\n", "base: `model`, digest `" + m.Base.Digest + "`", "  window: 1-8\n", fmt.Sprintf("The model is epoch %d of 2, chosen by rule: ", choice.Epoch)} {
		if !strings.Contains(card, want) {
			t.Errorf("the card has no %q", want)
		}
	}

	// What changes in the card alone makes no other model.
	for _, tc := range []struct {
		name   string
		change func()
	}{
		{"another reason", func() {
			r = loadRecipe(t, dir, strings.Replace(text, "select: {metric: map@25}", fmt.Sprintf("select: {epoch: %d, because: to see it in the card}", choice.Epoch), 1))
		}},
		{"an edited card", func() {
			if err := os.WriteFile(filepath.Join(d.Round(0).Merged(), modelcard.Name), []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.change()
			notes := mustRun(t, r)
			if !strings.Contains(notes, "round 0: merge: done before, unchanged") || strings.Contains(notes, "round 0: card: done before") {
				t.Errorf("want a card anew and nothing of the merge:\n%s", notes)
			}
			if card := readCard(t, d); !strings.Contains(card, "chosen by recipe: to see it in the card.") {
				t.Errorf("the card is\n%s", card)
			}
		})
	}
}

func readCard(t *testing.T, d *rundir.Dir) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(d.Round(0).Merged(), modelcard.Name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestOnlyModelsOfTheHubAreNamedByIt: the hub links the base of a card by its name there, and knows no path.
func TestOnlyModelsOfTheHubAreNamedByIt(t *testing.T) {
	for _, tc := range []struct {
		source source
		want   modelcard.Model
	}{
		{source{path: "/cache/x", name: "org/name@main", digest: "d", revision: "c0ffee"}, modelcard.Model{Name: "org/name", Hub: true, Revision: "c0ffee", Digest: "d"}},
		{source{path: "/models/x", name: "models/x", digest: "d"}, modelcard.Model{Name: "models/x", Digest: "d"}},
	} {
		if got := cardModel(tc.source); got != tc.want {
			t.Errorf("got %+v, want %+v", got, tc.want)
		}
	}
}
