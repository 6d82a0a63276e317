package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/recipe"
)

// states joins "round stage state" of a plan's stages.
func states(t *testing.T, r *recipe.Recipe) string {
	t.Helper()
	plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range plan.Stages {
		lines = append(lines, strings.Join([]string{string(rune('0' + s.Round)), s.Stage, s.State}, " "))
	}
	return strings.Join(lines, "\n")
}

func TestPlanFollowsWhatIsDoneAndChanged(t *testing.T) {
	r := tinyProject(t, tinyRecipe)
	first := states(t, r)
	if strings.Contains(first, PlanDone) || strings.Count(first, PlanRun) != 2*len(Stages()) {
		t.Errorf("before the first run every stage runs:\n%s", first)
	}
	if notes, err := runTiny(t, r, Options{}); err != nil || !strings.Contains(notes, "round 0: finetune: starts\n") {
		t.Fatalf("%v\n%s", err, notes)
	}
	if second := states(t, r); strings.Contains(second, " "+PlanRun) || strings.Contains(second, PlanDepends) {
		t.Errorf("after a run nothing is left:\n%s", second)
	}
	changed := loadRecipe(t, filepath.Dir(r.File()), strings.Replace(tinyRecipe, "window: 0-6", "window: 0-7", 1))
	third := states(t, changed)
	notes, err := runTiny(t, loadRecipe(t, filepath.Dir(r.File()), strings.Replace(tinyRecipe, "negatives: 4", "negatives: 5", 1)), Options{Until: StageMine})
	if err != nil || !strings.Contains(notes, "round 0: mine: options changed: mine.negatives 4 → 5") {
		t.Errorf("reasons in words of the recipe: %v\n%s", err, notes)
	}
	for _, want := range []string{"0 merge done", "1 embed done", "1 search done", "1 mine run", "1 finetune depends", "1 merge depends"} {
		if !strings.Contains(third, want) {
			t.Errorf("want %q in\n%s", want, third)
		}
	}
}

// TestPlanSaysWhatAnInterruptedTrainingLoses: a setting of the training that changed meanwhile makes it begin anew, which
// plan and run say with what is lost; unchanged it goes on, and loses nothing.
func TestPlanSaysWhatAnInterruptedTrainingLoses(t *testing.T) {
	text := edit(t, secondRound, "")
	r := tinyProject(t, text)
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Path: exactpath.Fastest, Workers: 2}
	o.Events.Progress = func(p Progress) {
		if p.Stage == StageFinetune && p.Done == 5 {
			cancel()
		}
	}
	p, err := Open(ctx, r, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Run(ctx), p.Close()); !errors.Is(err, context.Canceled) {
		t.Fatalf("want the context's error, got %v", err)
	}
	reasons := func(r *recipe.Recipe) string {
		plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range plan.Stages {
			if s.Stage == StageFinetune {
				return strings.Join(s.Reasons, "; ")
			}
		}
		t.Fatal("no training is planned")
		return ""
	}
	if got := reasons(r); got != "not done yet" {
		t.Errorf("unchanged: %q", got)
	}
	changed := loadRecipe(t, filepath.Dir(r.File()), strings.Replace(text, "epochs: 2", "epochs: 3", 1))
	want := "not done yet; the 5 steps (finished epochs: 1) of an interrupted training are done anew: options changed: finetune.epochs 2 → 3"
	if got := reasons(changed); got != want {
		t.Errorf("changed: %q, want %q", got, want)
	}
	if notes := mustRun(t, changed); !strings.Contains(notes, "round 0: finetune: "+want) || strings.Contains(notes, "going on after step") {
		t.Errorf("the run does not say %q:\n%s", want, notes)
	}
}

func TestPlanCountsTheStepsOfTheRecipe(t *testing.T) {
	r := tinyProject(t, tinyRecipe)
	plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	// 30 queries, 8 a step, 3 passages each, 2 epochs; warm-up is a tenth of the steps, rounded up.
	c := plan.Rounds[0]
	if c.StepsPerEpoch != 4 || c.Steps != 8 || c.QueriesPerStep != 8 || c.ColumnsPerRow != 24 || c.WarmupSteps != 1 {
		t.Errorf("got %+v", c)
	}
	if plan.Seconds <= 0 || c.TrainTokens <= 0 || c.Memory <= 0 || c.Disk <= 0 {
		t.Errorf("costs are missing: %+v", plan)
	}
}

// TestPlanCountsExamplesOfTraining: queries are longer by what training shows before them, as far as that fits.
func TestPlanCountsExamplesOfTraining(t *testing.T) {
	tokens := func(examples string) int {
		plan, err := tinyPlan(t, tinyProject(t, edit(t, secondRound, "", "select:", examples+"select:")), Options{Path: exactpath.Fastest, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		return plan.Rounds[0].TrainTokens
	}
	const queries, epochs = 30, 2
	none := tokens("")
	if one := tokens("examples: {train: 3, tokens: 1}\n"); one != none {
		t.Errorf("%d tokens where no example fits, %d without", one, none)
	}
	few, many := tokens("examples: {train: 1, tokens: 40}\n"), tokens("examples: {train: 3, tokens: 40}\n")
	if few <= none || many <= few || many > none+queries*epochs*40 {
		t.Errorf("%d tokens without examples, %d with one at most, %d with three", none, few, many)
	}
}

// TestPlanAddsUpWhatIsLeft counts what is left after a finished run whose last merge, or whose epoch's scores, are gone.
func TestPlanAddsUpWhatIsLeft(t *testing.T) {
	r := tinyProject(t, edit(t, "  - mine: {window: 0-6}\n", ""))
	mustRun(t, r)
	left := func() (seconds float64, c RoundCosts, rate float64) {
		plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		return plan.Seconds, plan.Rounds[0], plan.TokensPerSecond
	}
	if seconds, _, _ := left(); seconds != 0 {
		t.Errorf("nothing is left, and it takes %v s", seconds)
	}
	drop := func(stages ...string) {
		for _, stage := range stages {
			if err := os.Remove(look(t, r).Stamp(0, stage)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Two epochs, the base and the merge are evaluated: four times the same texts.
	for _, tc := range []struct {
		stages []string
		parts  float64
	}{{[]string{StageMerge}, 1}, {[]string{evalStage(2)}, 2}, {[]string{evalStage(0)}, 4}} {
		drop(tc.stages...)
		seconds, c, rate := left()
		if want := tc.parts / 4 * float64(c.EvalTokens) / rate; math.Abs(seconds-want) > 1e-9 || seconds >= c.Seconds {
			t.Errorf("without %v: %v s are left, want %v of %v", tc.stages, seconds, want, c.Seconds)
		}
	}
}

func TestPlanCountsTheWarmUpOfTheSchedule(t *testing.T) {
	for schedule, want := range map[string]int{"linear": 1, "constant": 0, "constant_with_warmup": 1} {
		r := tinyProject(t, edit(t, "finetune: {", "finetune: {schedule: "+schedule+", "))
		plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.Rounds[0].WarmupSteps; got != want {
			t.Errorf("%s: %d warm-up steps, want %d", schedule, got, want)
		}
	}
}

func TestPlanCountsAdapters(t *testing.T) {
	costs := func(rank string) RoundCosts {
		t.Helper()
		r := tinyProject(t, strings.Replace(tinyRecipe, "finetune: {", "finetune: {method: lora, lora: {r: "+rank+"}, ", 1))
		plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		return plan.Rounds[0]
	}
	small, large := costs("8"), costs("800")
	if large.Memory < 10*small.Memory || large.Disk < 10*small.Disk {
		t.Errorf("a hundred times the rank takes memory %d → %d, disk %d → %d", small.Memory, large.Memory, small.Disk, large.Disk)
	}
	r := tinyProject(t, strings.Replace(tinyRecipe, "finetune: {", "finetune: {method: lora, lora: {r: 100000000}, ", 1))
	_, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 2, Memory: 1 << 30})
	if err == nil || !strings.Contains(err.Error(), "lower finetune.lora.r") {
		t.Errorf("a rank that no memory holds: %v", err)
	}
}

func TestPlanWarnsOfWindowsBehindTheCorpus(t *testing.T) {
	r := tinyProject(t, edit(t, "window: 1-8, negatives: 4, depth: 12", "window: 1-40, negatives: 4, depth: 40"))
	plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := "recipe.yaml:5: round 0: the window is 1-40, the corpus has 30 passages: of its 39 ranks there are 29"
	if len(plan.Warnings) != 1 || !strings.HasSuffix(plan.Warnings[0], want) { // the other round has a window of its own
		t.Errorf("warnings %q, want %q", plan.Warnings, want)
	}
}

// TestPlanTellsOfAllMissingFiles: not of the first alone, and of one that two keys name once.
func TestPlanTellsOfAllMissingFiles(t *testing.T) {
	r := tinyProject(t, `model: model
data:
  corpus: corpus.jsonl
  train: train.jsonl
  dev: dev.jsonl
  test: none-test.jsonl
  also:
    - {name: faq, queries: none-faq.jsonl, corpus: none-corpus.jsonl}
  sets:
    - {name: more, train: none-more.jsonl, corpus: none-corpus.jsonl}
`)
	_, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1})
	if err == nil {
		t.Fatal("planned")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{"recipe.yaml:6: data.test: ", "recipe.yaml:8: data.also[0].queries: ", "recipe.yaml:8: data.also[0].corpus: ", "recipe.yaml:10: data.sets[0].train: "} {
		if len(lines) != 4 || !strings.Contains(lines[i], want) || !strings.HasSuffix(lines[i], "no such file or directory") {
			t.Errorf("line %d, want %q, of:\n%v", i, want, err)
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is no missing file", err)
	}
}
