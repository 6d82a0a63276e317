package main

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/rundir"
)

// TestThePageIsThereHoweverARunEnds: done, stopped, waiting, failed or interrupted, a run leaves report.html with what it has, before
// on_finish, which takes a copy here.
func TestThePageIsThereHoweverARunEnds(t *testing.T) {
	const underWay = "Round 0: under way: nothing is scored yet."
	for _, tc := range []struct {
		name, recipe string
		command      []string
		interrupted  bool
		code         int
		outcome      string
		has, hasNot  []string // of the page
	}{
		{"done", finishRecipe, []string{"run"}, false, exitDone, "done", []string{"Measures are as sentence-transformers has them.", "Round 0 goes on with epoch", `id="measure-map-at-25"`, `id="lineage"`}, []string{"under way"}},
		{"stopped", finishRecipe, []string{"run", "--until", "mine"}, false, exitDone, "stopped", []string{underWay, `id="scores"`}, []string{`id="measure-map-at-25"`}},
		{"waiting", finishRecipe + "select: ask\n", []string{"run"}, false, exitDone, "choice wanted", []string{"Round 0: under way: no epoch is chosen yet.", `id="measure-map-at-25"`}, []string{"Round 0 goes on with"}},
		{"failed", strings.Replace(finishRecipe, "finetune: {", "finetune: {external: {command: 'exit 7'}, ", 1), []string{"run"}, false, exitFailed, "failed", []string{underWay, `id="scores"`}, []string{`id="measure-map-at-25"`}},
		{"interrupted", finishRecipe, []string{"run"}, true, exitInterrupted, "interrupted", []string{underWay, `id="scores"`}, []string{`id="measure-map-at-25"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProject(t, tinymodel.Options{})
			file := p.write(t, "recipe.yaml", tc.recipe+`on_finish: 'cp "$QUARRY_RUN/report.html" sent.html; printf %s "$QUARRY_OUTCOME" > heard.txt'`+"\n")
			h := newTestHost()
			h.environ = []string{"PATH=" + os.Getenv("PATH")}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			h.memoryNow = func() int64 { return 64 << 20 }
			if tc.interrupted { // as the stage after mining begins, which asks for the memory
				h.memoryNow = func() int64 {
					if _, err := os.Stat(p.path("runs/recipe/round-0/stamps/mine.json")); err == nil {
						cancel()
					}
					return 0
				}
			}
			if code := execute(ctx, h.host, append(tc.command, file)); code != tc.code {
				t.Errorf("exit code %d, want %d\n%s", code, tc.code, h.err.String())
			}
			if heard := p.read(t, "heard.txt"); heard != tc.outcome {
				t.Errorf("the run ended as %q, want %q", heard, tc.outcome)
			}
			page := p.read(t, "runs/recipe/report.html")
			if sent := p.read(t, "sent.html"); sent != page {
				t.Error("on_finish found another page")
			}
			for _, want := range append(tc.has, "</html>") {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			for _, not := range tc.hasNot {
				if strings.Contains(page, not) {
					t.Errorf("the page has %q", not)
				}
			}
			if tc.outcome == "done" {
				hasTimes(t, p, page)
			}
		})
	}
}

// hasTimes checks that times.jsonl has seconds and memory of every stage of a whole round, and the page's tables each of them.
func hasTimes(t *testing.T, p project, page string) {
	t.Helper()
	var stages []string
	for _, line := range lines(p.read(t, "runs/recipe/times.jsonl")) {
		var time rundir.StageTime
		mustBe(t, json.Unmarshal([]byte(line), &time))
		if time.Seconds <= 0 || time.Memory != 64<<20 {
			t.Errorf("stage without seconds or memory: %s", line)
		}
		stages = append(stages, time.Stage)
	}
	slices.Sort(stages)
	if want := []string{"card", "embed", "eval", "eval-epoch-0", "eval-epoch-1", "finetune", "merge", "mine", "search", "select"}; !slices.Equal(stages, want) {
		t.Errorf("times of %q, want %q", stages, want)
	}
	tag := regexp.MustCompile(`\s*<[^>]*>\s*`)
	for id, values := range map[string]string{"seconds": `\d+\.\d\|+\d+`, "memory": "64"} { // MiB
		_, drawn, _ := strings.Cut(page, `<figure id="`+id+`"`)
		table, _, _ := strings.Cut(drawn, "</table>")
		cells := tag.ReplaceAllString(table, "|")
		for _, stage := range []string{"embed", "search", "mine", "finetune", "scoring of epochs", "merge"} {
			if !regexp.MustCompile(`\|round 0: ` + stage + `\|+` + values + `\|`).MatchString(cells) {
				t.Errorf("the figure %s lacks %s in\n%s", id, stage, cells)
			}
		}
	}
}
