package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/vectors"
)

const runRecipe = `version: 1
name: tiny
model: model
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl, group_field: group}
mine: {window: 1-8, negatives: 4, depth: 12}
finetune: {epochs: 1, batch: 8, group_size: 3, max_steps: 1, block_tokens: 64}
eval: {metrics: [map@25]}
select: {metric: map@25}
rounds: [{}]
`

// TestRunCallsBadInputSo: what a user can mend is exit code 2, under run as under plan and elsewhere.
func TestRunCallsBadInputSo(t *testing.T) {
	weights := filepath.Join("model", "model.safetensors")
	for _, tc := range []struct {
		name, old, new string // in the recipe
		spoil          func(t *testing.T, p project)
		want           string
		planToo        bool
	}{
		{"length beyond the model", "rounds:", "lengths: {query: 600}\nrounds:", nil, "recipe.yaml:9: lengths.query: max length 600", true},
		{"cut weights", "", "", func(t *testing.T, p project) {
			raw := []byte(p.read(t, weights))
			mustBe(t, os.WriteFile(p.path(weights), raw[:len(raw)-8], 0o644))
		}, "recipe.yaml:3: model: ", true},
		{"weights that are no numbers", "", "", func(t *testing.T, p project) {
			p.spoil(t, weights, "encoder.layer.1.output.dense.weight", 3)
		}, `model.safetensors: tensor "encoder.layer.1.output.dense.weight": element 3 is not a finite number`, true},
		{"no negative left", "window: 1-8, negatives: 4", "window: 1-8, negatives: 4, min_score: 5", nil, "train: no query has a negative left", false},
		{"window behind the corpus", "window: 1-8, negatives: 4, depth: 12", "window: 400-500, negatives: 4", nil, "no query can have a negative: the window is 400-500, the corpus has 30 passages", true},
		{"memory", "rounds:", "memory: 64KiB\nrounds:", nil, "training takes at least", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProject(t, tinymodel.Options{})
			recipe := p.write(t, "recipe.yaml", strings.Replace(runRecipe, tc.old, tc.new, 1))
			if tc.spoil != nil {
				tc.spoil(t, p)
			}
			for _, command := range []string{"run", "plan"} {
				if command == "plan" && !tc.planToo {
					continue
				}
				h := newTestHost()
				if code := h.run(t, command, recipe, "--cpu", string(exactpath.Fastest)); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
					t.Errorf("%s: exit code %d, want %d with %q\n%s", command, code, exitBadInput, tc.want, h.err.String())
				}
			}
		})
	}
}

// TestRunTellsItsResult: where the model and the charts are, and what was gained, is told in three lines, once all is done.
func TestRunTellsItsResult(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	worse := "rounds:\n  - select: {epoch: 1, because: trained}\n  - train_from: base\n    select: {epoch: 0, because: the base}\n"
	file := p.write(t, "recipe.yaml", strings.Replace(runRecipe, "rounds: [{}]\n", worse, 1))
	run := func(words ...string) (out, told string) {
		h := newTestHost()
		if code := h.run(t, append([]string{"run", file, "--cpu", string(exactpath.Fastest)}, words...)...); code != exitDone {
			t.Fatalf("exit code %d\n%s", code, h.err.String())
		}
		return h.out.String(), h.err.String()
	}
	if out, told := run("--until", "mine"); strings.Contains(out, "merged") || !strings.Contains(told, "run of tiny in "+p.path("runs/tiny")+" on "+string(exactpath.Fastest)+"/f32") {
		t.Errorf("stopped after mine:\n%s%s", out, told)
	}
	run()
	out, _ := run()
	last := lines(out)
	last = last[max(0, len(last)-3):]
	want := []string{"model   " + p.path("runs/tiny/round-1/merged"), "charts  " + p.path("runs/tiny/report.html")}
	if !slices.Equal(last[:2], want) || !regexp.MustCompile(`^map@25 0\.\d{4} on 10 dev queries, \+0\.0000 over the base's 0\.\d{4} \(as sentence-transformers has it\)(; round 0 was better: 0\.\d+ against 0\.\d+ \(map@25\))?$`).MatchString(last[2]) {
		t.Errorf("the end:\n%s", strings.Join(last, "\n"))
	}
}

// TestPlanRepeatsNoRound: a round after the first is shown by what differs from it, in the recipe and in what it takes.
func TestPlanRepeatsNoRound(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	file := p.write(t, "recipe.yaml", strings.Replace(runRecipe, "rounds: [{}]", "rounds: [{}, {}, {mine: {window: 2-8}, finetune: {epochs: 2}}]", 1))
	plan := func(words ...string) string {
		h := newTestHost()
		if code := h.run(t, append([]string{"plan", file, "--cpu", string(exactpath.Fastest)}, words...)...); code != exitDone {
			t.Fatalf("exit code %d\n%s", code, h.err.String())
		}
		return h.out.String()
	}
	got := plan()
	brief, useful, _ := strings.Cut(got, "\nrun directory ")
	if want := "  - as: round 0\n  - as: round 0\n    mine:\n      window: 2-8\n    finetune:\n      epochs: 2\n"; !strings.Contains(brief, want) || strings.Count(brief, "learning_rate:") != 1 {
		t.Errorf("want\n%sin\n%s", want, brief)
	}
	if !strings.Contains(useful, "\nround 1, all of it: as round 0\n") || !strings.Contains(useful, "\nround 2, all of it\n") {
		t.Error(useful)
	}
	whole := plan("--resolved")
	if again, err := recipe.Parse([]byte(whole), file); err != nil || len(again.Rounds) != 3 || again.Round(2).Finetune.Epochs != 2 {
		t.Errorf("%v\n%s", err, whole)
	}
}

// TestAnotherIdentity: the advice names flags that run and plan have.
func TestAnotherIdentity(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	recipe := p.write(t, "recipe.yaml", runRecipe)
	p.write(t, "runs/other/quarry.json", `{"format":1,"identity":"other/f32"}`)
	for _, command := range []string{"run", "plan"} {
		h := newTestHost()
		code := h.run(t, command, recipe, "--cpu", string(exactpath.Fastest), "--dir", p.path("runs/other"))
		for _, want := range []string{`was computed as "other/f32" and this process computes as "` + string(exactpath.Fastest) + `/f32/`, "precision: in the recipe", "(--cpu, --dir, or --allow-identity-change of quarry run)"} {
			if code != exitBadInput || !strings.Contains(h.err.String(), want) {
				t.Errorf("%s: exit code %d, want %d with %q\n%s", command, code, exitBadInput, want, h.err.String())
			}
		}
		if strings.Contains(h.err.String(), "--precision") {
			t.Errorf("%s advises --precision, which it lacks:\n%s", command, h.err.String())
		}
	}
}

func TestGivenVectorsThatOverflow(t *testing.T) {
	p := project(t.TempDir())
	for name, value := range map[string]float32{"corpus.npy": math.MaxFloat32, "queries.npy": 1} {
		var raw bytes.Buffer
		w, err := vectors.NewNPYWriter(&raw, 1, 2)
		mustBe(t, err)
		mustBe(t, w.Write([]float32{value, value}))
		mustBe(t, w.Close())
		p.write(t, name, raw.String())
	}
	h := newTestHost()
	code := h.run(t, "search", "--corpus-vectors", p.path("corpus.npy"), "--query-vectors", p.path("queries.npy"))
	if code != exitBadInput || !strings.Contains(h.err.String(), "normalise the vectors") {
		t.Errorf("exit code %d\n%s", code, h.err.String())
	}
}

func TestCommandThatGoesOn(t *testing.T) {
	for _, tc := range []struct {
		o    RunOptions
		file string
		want string
	}{
		{RunOptions{}, "recipe.yaml", "quarry run recipe.yaml"},
		{RunOptions{MetricsListen: "127.0.0.1:9464"}, "recipe.yaml", "quarry run recipe.yaml --metrics-listen 127.0.0.1:9464"},
		{RunOptions{Until: "mine", Round: 1, Exactly: true}, "recipe.yaml", "quarry mine recipe.yaml --round 1"},
		{RunOptions{Dir: "my runs/a", CPU: "avx2", AllowIdentityChange: true, Until: "mine"}, "it's.yaml", `quarry run 'it'\''s.yaml' --dir 'my runs/a' --cpu avx2 --allow-identity-change --until mine`},
	} {
		if got := tc.o.command(tc.file); got != tc.want {
			t.Errorf("%s\nwant %s", got, tc.want)
		}
	}
}

// TestTimesHaveTheMemoryOfEachStage reads times.jsonl of a run on a host that knows its memory, which falls between two stages.
func TestTimesHaveTheMemoryOfEachStage(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	recipe := p.write(t, "recipe.yaml", finishRecipe)
	h := newTestHost()
	h.memoryNow = func() int64 {
		if _, err := os.Stat(p.path("runs/recipe/round-0/stamps/embed.json")); err == nil {
			return 5 << 20
		}
		return 123 << 20
	}
	h.peakMemory = func() int64 { return 500 << 20 }
	if code := h.run(t, "run", recipe, "--until", "search"); code != exitDone {
		t.Fatalf("exit code %d\n%s", code, h.err.String())
	}
	got := lines(p.read(t, "runs/recipe/times.jsonl"))
	for i, want := range []string{`"memory":128974848}`, `"memory":5242880}`} {
		if !strings.Contains(got[i], `"seconds":`) || !strings.HasSuffix(got[i], want) || strings.Contains(got[i], "peak") {
			t.Errorf("line %d of times.jsonl: %s", i, got[i])
		}
	}
}
