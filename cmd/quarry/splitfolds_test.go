package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/exactpath"
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
		if code := h.run(t, "run", run, "--cpu", string(exactpath.Fastest)); code != exitDone {
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

// TestASplitIntoFewerFolds leaves nothing of the one before it, and nothing of it where it is not told to.
func TestASplitIntoFewerFolds(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	recipe := p.write(t, "tiny.yaml", runRecipe)
	split := func(folds string, more ...string) (code int, said string) {
		h := newTestHost()
		code = h.run(t, append([]string{"split", "--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl"), "--out", p.path("folds"), "--recipe", recipe, "--folds", folds}, more...)...)
		return code, h.err.String()
	}
	if code, said := split("4"); code != exitDone {
		t.Fatal(said)
	}
	p.write(t, "folds/fold-3/notes.txt", "mine")
	p.write(t, "folds/fold-03/dev.jsonl", "of no split")
	p.write(t, "tiny.fold-x.yaml", "of no split")
	mustBe(t, errors.Join(os.RemoveAll(p.path("folds/fold-0")), os.RemoveAll(p.path("folds/fold-1")), os.Remove(p.path("tiny.fold-0.yaml")), os.Remove(p.path("tiny.fold-1.yaml"))))
	if code, said := split("2"); code != exitBadInput || !strings.Contains(said, "fold-2 is there already, of a split into more folds") {
		t.Errorf("exit code %d: %s", code, said)
	}
	code, said := split("2", "--force")
	if code != exitDone || !strings.Contains(said, "removed of the split before, which had more folds: ") {
		t.Fatalf("exit code %d: %s", code, said)
	}
	var got []string
	for _, pattern := range []string{"folds/*/*", "tiny.fold-*"} {
		found, err := filepath.Glob(p.path(pattern))
		mustBe(t, err)
		for _, path := range found {
			got = append(got, strings.TrimPrefix(path, string(p)+"/"))
		}
	}
	want := []string{
		"folds/fold-0/dev.jsonl", "folds/fold-0/train.jsonl", "folds/fold-03/dev.jsonl", "folds/fold-1/dev.jsonl", "folds/fold-1/train.jsonl", "folds/fold-3/notes.txt",
		"tiny.fold-0.yaml", "tiny.fold-1.yaml", "tiny.fold-x.yaml",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestASplitReplacesNoInput, by force either, and makes no recipes over another corpus.
func TestASplitReplacesNoInput(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	recipe := p.write(t, "recipe.yaml", runRecipe)
	p.write(t, "same.jsonl", p.read(t, "corpus.jsonl"))
	p.write(t, "other.jsonl", p.read(t, "corpus.jsonl")+`{"id":"more","text":"one more"}`+"\n")
	p.write(t, "folds/fold-0/train.jsonl", p.read(t, "train.jsonl"))
	p.write(t, "folds/fold-7/dev.jsonl", p.read(t, "train.jsonl"))
	for _, tc := range []struct {
		name, corpus, queries, recipe, want string
	}{
		{"written over", "corpus.jsonl", "folds/fold-0/train.jsonl", "", "is a file of the folds"},
		{"of more folds", "corpus.jsonl", "folds/fold-7/dev.jsonl", "", "is a file of the folds"},
		{"another corpus", "other.jsonl", "train.jsonl", recipe, "recipe.yaml:4: data.corpus corpus.jsonl is not --corpus "},
		{"a copy of the corpus", "same.jsonl", "train.jsonl", recipe, ""},
	} {
		before := p.read(t, tc.queries)
		h := newTestHost()
		args := []string{"split", "--corpus", p.path(tc.corpus), "--queries", p.path(tc.queries), "--out", p.path("folds"), "--folds", "2", "--force"}
		if tc.recipe != "" {
			args = append(args, "--recipe", tc.recipe)
		}
		code := h.run(t, args...)
		if wanted := map[bool]int{true: exitDone, false: exitBadInput}[tc.want == ""]; code != wanted || !strings.Contains(h.err.String(), tc.want) {
			t.Errorf("%s: exit code %d: %s", tc.name, code, h.err.String())
		}
		if tc.want != "" && p.read(t, tc.queries) != before {
			t.Errorf("%s: the input was changed", tc.name)
		}
	}
}

// TestASplitThatMissesItsShareSaysSo, and says what is reached where it does not.
func TestASplitThatMissesItsShareSaysSo(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	var rows strings.Builder
	for i := range 12 {
		fmt.Fprintf(&rows, `{"query":"what is %d","correct_id":"p00"}`+"\n", i)
	}
	one := p.write(t, "one.jsonl", rows.String())
	for share, missed := range map[string]bool{"0.5": true, "0": false} {
		for _, asJSON := range []bool{false, true} {
			args := []string{"split", "--corpus", p.path("corpus.jsonl"), "--queries", one, "--out", p.path("folds"), "--folds", "2", "--force", "--unseen-share", share}
			if asJSON {
				args = append(args, "--json")
			}
			h := newTestHost()
			if code := h.run(t, args...); code != exitDone {
				t.Fatal(h.err.String())
			}
			if got := strings.Contains(h.err.String(), "warning: --unseen-share: 50.0 % of the dev queries were to be unseen, and 0.0 % are"); got != missed {
				t.Errorf("share %s: %s", share, h.err.String())
			}
			if asJSON {
				var cut foldsJSON
				mustBe(t, json.Unmarshal(h.out.Bytes(), &cut))
				if cut.Unseen != 0 || cut.Wanted == nil || fmt.Sprint(*cut.Wanted) != share {
					t.Errorf("%+v", cut)
				}
			} else if !strings.Contains(h.out.String(), "0.0 % of the dev queries are unseen, ") {
				t.Error(h.out.String())
			}
		}
	}
}
