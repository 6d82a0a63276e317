package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestCrossValidation cuts folds, runs a recipe on each and shows them together.
func TestCrossValidation(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	all := p.write(t, "all.jsonl", p.read(t, "train.jsonl")+p.read(t, "dev.jsonl"))
	recipe := p.write(t, "recipe.yaml", strings.Replace(runRecipe, "name: tiny\n", "# of mine\nname: tiny\n", 1))
	args := []string{"split", "--corpus", p.path("corpus.jsonl"), "--queries", all, "--group-field", "group", "--folds", "2", "--unseen-share", "0.5", "--out", p.path("folds"), "--recipe", recipe, "--json"}
	h := newTestHost()
	if code := h.run(t, args...); code != exitDone {
		t.Fatal(h.err.String())
	}
	var cut foldsJSON
	mustBe(t, json.Unmarshal(h.out.Bytes(), &cut))
	var held []string
	for i, fold := range cut.Folds {
		dev := lines(p.read(t, fmt.Sprintf("folds/fold-%d/dev.jsonl", i)))
		train := lines(p.read(t, fmt.Sprintf("folds/fold-%d/train.jsonl", i)))
		if len(dev) != fold.Dev || len(train) != fold.Train || len(dev)+len(train) != cut.Queries || math.Abs(fold.Share-0.5) > 0.1 {
			t.Errorf("fold %d: %+v, %d and %d lines", i, fold, len(train), len(dev))
		}
		held = append(held, dev...)
	}
	rows := lines(p.read(t, "all.jsonl"))
	if slices.Sort(held); len(slices.Compact(held))+cut.Kept != len(rows) {
		t.Errorf("%d of %d rows are held out, %d kept", len(held), len(rows), cut.Kept)
	}
	h = newTestHost()
	if code := h.run(t, args...); code != exitBadInput || !strings.Contains(h.err.String(), "fold-0 is there already") {
		t.Errorf("a second cut: %d, %s", code, h.err.String())
	}
	h = newTestHost()
	if code := h.run(t, slices.DeleteFunc(append(args, "--force"), func(a string) bool { return a == "--json" })...); code != exitDone || !strings.Contains(h.out.String(), "units of dev") {
		t.Errorf("with --force: %d, %s%s", code, h.err.String(), h.out.String())
	}
	runs := []string{p.path("recipe.fold-0.yaml"), p.path("recipe.fold-1.yaml")}
	for i, run := range runs {
		if text, err := os.ReadFile(run); err != nil || !strings.Contains(string(text), fmt.Sprintf("# of mine\nname: tiny.fold-%d\n", i)) || !strings.Contains(string(text), fmt.Sprintf("folds/fold-%d/train.jsonl", i)) {
			t.Fatalf("%v\n%s", err, text)
		}
		h := newTestHost()
		if code := h.run(t, "run", run, "--cpu", "portable"); code != exitDone {
			t.Fatal(h.err.String())
		}
	}
	h = newTestHost()
	if code := h.run(t, append([]string{"report", "--folds", "--json"}, runs...)...); code != exitDone {
		t.Fatal(h.err.String())
	}
	var told struct {
		Queries int
		Rows    []struct {
			Epoch    *int
			Measures map[string]struct {
				Folds                              []float64
				Mean, Deviation, Pooled, Low, High float64
				Units                              int
			}
		}
	}
	mustBe(t, json.Unmarshal(h.out.Bytes(), &told))
	if len(told.Rows) != 3 || told.Rows[2].Epoch != nil || told.Queries != cut.Folds[0].Dev+cut.Folds[1].Dev {
		t.Fatalf("%+v", told)
	}
	for _, row := range told.Rows {
		m := row.Measures["map@25"]
		mean := (m.Folds[0] + m.Folds[1]) / 2
		pooled := (m.Folds[0]*float64(cut.Folds[0].Dev) + m.Folds[1]*float64(cut.Folds[1].Dev)) / float64(told.Queries)
		// The deviation of two values is their distance over the root of two.
		if math.Abs(m.Mean-mean) > 1e-12 || math.Abs(m.Pooled-pooled) > 1e-12 || math.Abs(m.Deviation-math.Abs(m.Folds[0]-m.Folds[1])/math.Sqrt2) > 1e-12 || !(m.Low <= pooled && pooled <= m.High) || m.Units != cut.Folds[0].Units+cut.Folds[1].Units {
			t.Errorf("%+v", m)
		}
	}
	for _, format := range []string{"text", "markdown", "csv", "latex"} {
		h := newTestHost()
		if code := h.run(t, append([]string{"report", "--folds", "--format", format}, runs...)...); code != exitDone || !strings.Contains(h.out.String(), "chosen") || !strings.Contains(h.out.String(), "map@25") {
			t.Errorf("%s: %d, %s%s", format, code, h.err.String(), h.out.String())
		}
	}
	h = newTestHost()
	if code := h.run(t, append([]string{"report", "--folds", "--format", "html"}, runs...)...); code != exitDone || !strings.HasPrefix(h.out.String(), "<!DOCTYPE html>") {
		t.Errorf("%d, %s", code, h.err.String())
	}
	for want, args := range map[string][]string{
		"these are no folds":         {"--folds", runs[0], runs[0]},
		"two runs or more":           {"--folds", runs[0]},
		"--score is for one run":     {"--folds", runs[0], runs[1], "--score", "0/0=1:LB"},
		"one RUN is wanted":          runs,
		`format "pdf" is unknown`:    {"--folds", runs[0], runs[1], "--format", "pdf"},
		"name a file, as in --html=": {"--folds", runs[0], runs[1], "--html"},
		"a run directory or a reci":  {"--folds", runs[0], p.path("none.yaml")},
	} {
		h := newTestHost()
		if code := h.run(t, append([]string{"report"}, args...)...); code != exitBadInput || !strings.Contains(h.err.String(), want) {
			t.Errorf("exit code %d, %q; want %q", code, h.err.String(), want)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := SplitOptions{Data: DataOptions{Corpus: p.path("corpus.jsonl"), Queries: p.path("train.jsonl")}, Folds: 5, Out: p.path("folds")}
	for want, change := range map[string]func(o *SplitOptions){
		"--out is needed":                    func(o *SplitOptions) { o.Out = "" },
		"--queries is needed":                func(o *SplitOptions) { o.Data.Queries = "" },
		"folds: 1, want 2 or more":           func(o *SplitOptions) { o.Folds = 1 },
		"31 folds of 30 queries":             func(o *SplitOptions) { o.Folds = 31 },
		"make fewer folds":                   func(o *SplitOptions) { o.Folds = 1_000_000_000 },
		"none.yaml":                          func(o *SplitOptions) { o.Recipe = p.path("none.yaml") },
		"unseen share: 2 is not from 0 to 1": func(o *SplitOptions) { two := 2.0; o.UnseenShare = &two },
	} {
		changed := o
		change(&changed)
		refused(t, runSplit(t.Context(), changed, newTestHost().host), want)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := runSplit(ended, o, newTestHost().host); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted, it ended with %v", err)
	}
}
