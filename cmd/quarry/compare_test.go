package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/internal/tinyrun"
)

// compared is what these tests read of compare --json.
type compared struct {
	Base    string
	On      string
	Queries int
	Sets    []compared
	Notes   []string
	Against []struct {
		Name     string
		Measures map[string]struct {
			Base, Other, Difference, P float64
			Holm                       float64 `json:"p_holm"`
		}
		Parts []struct {
			By, Label string
			Queries   int
		}
		PerQuery []struct{ ID string } `json:"per_query"`
	}
}

func compare(t *testing.T, args ...string) compared {
	t.Helper()
	h := newTestHost()
	if code := h.run(t, append([]string{"compare", "--json"}, args...)...); code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	var got compared
	mustBe(t, json.Unmarshal(h.out.Bytes(), &got))
	return got
}

func TestCompareRankings(t *testing.T) {
	p := project(t.TempDir())
	a := p.write(t, "a.trec", smallRun)
	b := p.write(t, "b.json", `{"q1": {"b": 3, "a": 2, "c": 1}, "q2": {"a": 9, "q2": 8, "d": 7}}`)
	qrels := p.write(t, "qrels.txt", smallQrels)
	rows := p.write(t, "queries.jsonl", `{"id":"q1","query":"one two","kind":"x"}`+"\n"+`{"id":"q2","query":"one","kind":"y"}`+"\n")
	one := p.write(t, "one.trec", "q1 Q0 a 1 3 t\n")
	got := compare(t, a, b, "--qrels", qrels, "--queries", rows, "--metrics", "map,mrr", "--by", "kind,length", "--per-query")
	// map of q1 is 1/4 and 1/2, of q2 1/3 twice.
	m := got.Against[0].Measures["map"]
	if got.Queries != 2 || math.Abs(m.Difference-0.125) > 1e-12 || m.P != 1 || m.Holm != 1 || got.Base != a || got.Against[0].Name != b {
		t.Errorf("%+v", got)
	}
	if len(got.Against[0].Parts) != 4 || got.Against[0].Parts[0].Label != "x" || got.Against[0].Parts[2].Label != "1" || len(got.Against[0].PerQuery) != 2 {
		t.Errorf("%+v", got.Against[0])
	}
	h := newTestHost()
	if code := h.run(t, "compare", a, b, "--qrels", qrels, "--metrics", "map,mrr", "--convention", "trec_eval", "--output", p.path("out.md"), "--format", "markdown"); code != exitDone || h.out.Len() > 0 {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	golden.Check(t, "testdata/compare.md", []byte(strings.ReplaceAll(p.read(t, "out.md"), string(p)+"/", "")))
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "BASE is needed"},
		{"one file", []string{a, "--qrels", qrels}, "a.trec alone has nothing to compare"},
		{"no judgments", []string{a, b}, "a.trec needs judgments: --qrels FILE"},
		{"a corpus without queries", []string{a, b, "--qrels", qrels, "--corpus", rows}, "--corpus beside " + a + " goes with --queries"},
		{"a set of runs", []string{a, b, "--qrels", qrels, "--on", "dev"}, "--on has no part beside files of rankings alone"},
		{"groups without rows", []string{a, b, "--qrels", qrels, "--group-field", "kind"}, "--group-field beside " + a + " needs --queries"},
		{"ids without rows", []string{a, b, "--qrels", qrels, "--id-field", "key"}, "--id-field beside " + a + " needs --queries"},
		{"other queries", []string{a, one, "--qrels", qrels, "--convention", "trec_eval"}, "a paired comparison needs the same queries: --missing-queries zero counts"},
		{"no such file", []string{a, p.path("none.trec"), "--qrels", qrels}, "none.trec"},
		{"no such file and no judgments", []string{a, p.path("none.trec")}, "none.trec: no such file"},
		{"a recipe with folds", []string{p.write(t, "cv.yaml", runRecipe+"folds: {count: 2}\n"), a}, "a recipe with folds is many runs: name the directory of one, such as "},
		{"no such run", []string{p.path("runs") + "@0/1"}, "a run directory or a recipe is wanted"},
		{"all conventions", []string{a, b, "--qrels", qrels, "--convention", "all"}, "a comparison follows one"},
		{"level", []string{a, b, "--qrels", qrels, "--level", "95"}, "--level 95 is not between 0 and 1"},
		{"resamples", []string{a, b, "--qrels", qrels, "--resamples", "0"}, "--resamples 0: at least 1"},
		{"queries of train", []string{a, b, "--qrels", qrels, "--on", "train"}, "--on has no part beside files of rankings alone"},
		{"per query in text", []string{a, b, "--qrels", qrels, "--per-query"}, "--per-query has no part without --json"},
		{"two formats", []string{a, b, "--qrels", qrels, "--json", "--format", "csv"}, "--json and --format csv contradict"},
		{"no such format", []string{a, b, "--qrels", qrels, "--format", "pdf"}, `format "pdf" is unknown`},
		{"by twice", []string{a, b, "--qrels", qrels, "--by", "kind,kind", "--queries", rows}, "given twice"},
		{"output over an input", []string{a, b, "--qrels", qrels, "--output", qrels}, "is also --qrels"},
		{"show fewer than none", []string{a, b, "--qrels", qrels, "--show", "-1"}, "--show -1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			if code := h.run(t, append([]string{"compare"}, tc.args...)...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d, %q; want %q", code, h.err.String(), tc.want)
			}
		})
	}
}

// TestCompareRuns compares within a run and between two, to the table's own means.
func TestCompareRuns(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.write(t, "again.jsonl", p.read(t, "dev.jsonl"))
	recipe := p.write(t, "recipe.yaml", strings.NewReplacer("max_steps: 1", "learning_rate: 5e-2", "select: {metric: map@25}", "select: {epoch: 1, because: to compare it}",
		"group_field: group", "group_field: group, also: [{name: again, queries: again.jsonl, group_field: group}]").Replace(runRecipe))
	h := newTestHost()
	if code := h.run(t, "run", recipe, "--cpu", string(exactpath.Fastest)); code != exitDone {
		t.Fatal(h.err.String())
	}
	h = newTestHost()
	if code := h.run(t, "report", recipe, "--json"); code != exitDone {
		t.Fatal(h.err.String())
	}
	var told struct {
		Rounds []struct {
			Epochs []struct {
				Dev struct{ Metrics map[string]float64 }
			}
		}
	}
	mustBe(t, json.Unmarshal(h.out.Bytes(), &told))
	epochs := told.Rounds[0].Epochs
	got := compare(t, recipe+"@0", "--by", "group,frequency", "--queries", p.path("dev.jsonl"))
	if len(got.Against) != len(epochs)-1 || got.Queries != 10 || !strings.HasSuffix(got.Base, "round 0 epoch 0") {
		t.Fatalf("%+v", got)
	}
	for i, against := range got.Against {
		for name, m := range against.Measures {
			if math.Abs(m.Base-epochs[0].Dev.Metrics[name]) > 1e-12 || math.Abs(m.Other-epochs[i+1].Dev.Metrics[name]) > 1e-12 {
				t.Errorf("%s of %s: %+v", name, against.Name, m)
			}
		}
		if len(against.Parts) != 11 { // ten groups, and one class of frequencies
			t.Errorf("parts %+v", against.Parts)
		}
	}
	for _, run := range []string{recipe, p.path("runs/tiny")} { // the rows that the run's recipe names
		if diff := cmp.Diff(got.Against[0].Parts, compare(t, run+"@0", "--by", "group,frequency").Against[0].Parts); diff != "" {
			t.Errorf("%s: %s", run, diff)
		}
	}
	h = newTestHost()
	code := h.run(t, "compare", recipe+"@0", "--show", "10")
	shown := regexp.MustCompile(`(?m)^d\d+ .*  (\w+ \w+ \w+)$`).FindAllStringSubmatch(h.out.String(), -1)
	if code != exitDone || len(shown) == 0 {
		t.Errorf("exit code %d, no query with its text:\n%s%s", code, h.out.String(), h.err.String())
	}
	for _, m := range shown {
		if !strings.Contains(p.read(t, "dev.jsonl"), `"query":"`+m[1]+`"`) {
			t.Errorf("%q is no dev query", m[1])
		}
	}
	runDir := p.path("runs/tiny")
	alone, two := compare(t, runDir), compare(t, runDir+"@0/0", recipe)
	if len(alone.Against) != 1 || len(two.Against) != 1 || alone.Against[0].Measures["map@25"] != two.Against[0].Measures["map@25"] {
		t.Errorf("%+v and %+v", alone, two)
	}
	again := compare(t, runDir, "--on", "also-again")
	if again.Against[0].Measures["map@25"] != alone.Against[0].Measures["map@25"] {
		t.Errorf("dev under another name gives %+v, dev %+v", again, alone)
	}
	// Without --on, every set that both sides are scored on; test is not, for the recipe has none.
	if len(alone.Sets) != 1 || alone.On != "dev" || alone.Sets[0].On != "also-again" || alone.Sets[0].Against[0].Measures["map@25"] != again.Against[0].Measures["map@25"] {
		t.Errorf("%+v, and alone on the other set %+v", alone, again)
	}
	// The set's rows are its own: the run finds them, and the dev file has them too.
	if diff := cmp.Diff(compare(t, runDir, "--on", "also-again", "--by", "group", "--queries", p.path("dev.jsonl")), compare(t, runDir, "--on", "also-again", "--by", "group")); diff != "" {
		t.Errorf("rows of the recipe's file (-given +found):\n%s", diff)
	}
	if one := compare(t, runDir, "--queries", p.path("dev.jsonl"), "--by", "group"); len(one.Sets) > 0 {
		t.Errorf("given rows are those of one set, and %d more were compared", len(one.Sets))
	}
	p.write(t, "r.json", `{"d0": {"p01": 1}}`)
	for flag, value := range map[string]string{
		"qrels": p.path("q.txt"), "data": p.path("folder"), "split": "test", "convention": "trec_eval", "missing-queries": "zero", "train": p.path("train.jsonl"), "group-field": "group",
	} {
		h := newTestHost()
		if code := h.run(t, "compare", runDir, recipe+"@0/0", "--"+flag, value); code != exitBadInput || !strings.Contains(h.err.String(), "--"+flag+" has no part beside runs alone, which ") {
			t.Errorf("--%s: exit code %d, %s", flag, code, h.err.String())
		}
	}
	for want, args := range map[string][]string{
		"--on also-nope: the run has no set of that name; there are dev, also-again": {runDir, "--on", "also-nope"},
		"--on again: the run has no set of that name; there are dev, also-again":     {runDir, "--on", "again"},
		"there is no round 7":                 {runDir + "@7", runDir},
		"names no round behind @":             {runDir + "@", runDir},
		"--queries has no part beside runs":   {runDir, "--queries", p.path("dev.jsonl"), "--by", "seen"},
		"--corpus has no part without --quer": {runDir, "--corpus", p.path("corpus.jsonl"), "--by", "group"},
		"--id-field has no part without --qu": {runDir, "--id-field", "id", "--by", "group"},
		"is no place in a run":                {runDir + "@last", runDir},
		"no scores by query on dev":           {runDir + "@0/99", runDir},
		"no scores by query on test":          {runDir + "@0/0", runDir, "--on", "test"},
		"it is scored on dev, also-again":     {runDir + "@0/0", runDir, "--on", "test"},
		"again.jsonl has the field":           {runDir, "--by", "subject", "--on", "also-again"},
		"is given twice":                      {runDir, "--on", "dev,dev"},
		`--on "dev,": dev, test or also-`:     {runDir, "--on", "dev,"},
		"names the rows of one set":           {runDir, "--on", "dev,also-again", "--queries", p.path("dev.jsonl"), "--by", "group"},
		"no row of dev has the field":         {runDir, "--on", "dev,also-again", "--by", "subject"},
		"are of one set of queries":           {runDir, p.path("r.json"), "--on", "dev,also-again"},
		`again.jsonl has the field "subject"`: {runDir, "--by", "subject"},
		"ndcg@3 is not measured in both":      {runDir, "--metrics", "ndcg@3"},
		`has the field "subject"`:             {runDir, "--by", "subject", "--queries", p.path("dev.jsonl")},
		"train.jsonl has no row of query ":    {runDir, "--by", "group", "--queries", p.path("train.jsonl")},
		"measure both alike":                  {runDir, p.path("r.json"), "--qrels", p.write(t, "q.txt", "d0 0 p00 1\n"), "--convention", "trec_eval"},
	} {
		h := newTestHost()
		if code := h.run(t, append([]string{"compare"}, args...)...); code != exitBadInput || !strings.Contains(h.err.String(), want) {
			t.Errorf("exit code %d, %q; want %q", code, h.err.String(), want)
		}
	}
}

// TestCompareWithoutARemovedSet: the scores of a set that was taken out of the recipe stay in files, and are no set of the run.
func TestCompareWithoutARemovedSet(t *testing.T) {
	both, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 1, ByQuery: true, Also: []string{"cran", "faq"}})
	mustBe(t, err)
	left, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 1, ByQuery: true, Also: []string{"cran", "faq"}})
	mustBe(t, err)
	recipe := filepath.Join(left.Dir, "recipe.resolved.yaml")
	content, err := os.ReadFile(recipe)
	mustBe(t, err)
	without := regexp.MustCompile(`(?m)^ *- name: "cran"\n`).ReplaceAll(content, nil)
	if len(without) == len(content) {
		t.Fatalf("no set to take out of\n%s", content)
	}
	mustBe(t, os.WriteFile(recipe, without, 0o600))
	h := newTestHost()
	if code := h.run(t, "compare", both.Dir, left.Dir, "--on", "also-cran"); code != exitBadInput || !strings.Contains(h.err.String(), left.Dir+": --on also-cran: the run has no set of that name; there are dev, also-faq") {
		t.Errorf("exit code %d, %s", code, h.err.String())
	}
	h = newTestHost()
	if code := h.run(t, "compare", both.Dir, left.Dir); code != exitDone || strings.Contains(h.out.String(), "cran") || !strings.Contains(h.out.String(), "also-faq") {
		t.Errorf("exit code %d, %s\n%s", code, h.err.String(), h.out.String())
	}
}

// A comparison replaces nothing that it reads.
func TestCompareOutputIsNoInput(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	first, second := p.write(t, "first.trec", "q Q0 a 1 2 r\n"), p.write(t, "second.trec", "q Q0 a 1 1 r\n")
	qrels := p.write(t, "qrels.txt", "q 0 a 1\n")
	for _, output := range []string{first, second, qrels} {
		before := p.read(t, filepath.Base(output))
		h := newTestHost()
		if code := h.run(t, "compare", first, second, "--qrels", qrels, "--metrics", "map", "--output", output); code != exitBadInput {
			t.Errorf("--output %s: exit code %d, %s", output, code, h.err.String())
		}
		if after := p.read(t, filepath.Base(output)); after != before {
			t.Errorf("%s now holds %q", output, after)
		}
	}
}

// TestCompareSets: the test split and the sets of data.also are compared beside dev, told apart by fields of their own
// files, which must be those that the run was scored on.
func TestCompareSets(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	dev := lines(p.read(t, "dev.jsonl"))
	var french, test []string
	for i, row := range dev { // no ids: their keys are made of texts and positives
		row = strings.Replace(row, `"id":`, `"was":`, 1)
		row = strings.Replace(row, `"query":"`, `"query":"once more `, 1)
		if i%2 == 0 {
			test = append(test, strings.Replace(row, "{", fmt.Sprintf(`{"topic":"t%d",`, i%4), 1))
			continue
		}
		french = append(french, strings.Replace(row, "{", fmt.Sprintf(`{"language":"l%d",`, i%3), 1))
	}
	for i := range test {
		test[i] = strings.Replace(test[i], "once more", "again", 1)
	}
	p.write(t, "test.jsonl", strings.Join(test, "\n")+"\n")
	p.write(t, "other/french.jsonl", strings.Join(french, "\n")+"\n")
	p.write(t, "other/corpus.jsonl", p.read(t, "corpus.jsonl"))
	recipe := p.write(t, "recipe.yaml", strings.NewReplacer("max_steps: 1", "learning_rate: 5e-2", "select: {metric: map@25}", "select: {epoch: 1, because: to compare it}",
		"group_field: group", "allow_leakage: true, group_field: group, test: test.jsonl, also: [{name: french, queries: other/french.jsonl, corpus: other/corpus.jsonl}]").Replace(runRecipe))
	h := newTestHost()
	if code := h.run(t, "run", recipe, "--cpu", string(exactpath.Fastest)); code != exitDone {
		t.Fatal(h.err.String())
	}
	runDir := p.path("runs/tiny")
	got := compare(t, runDir, "--by", "topic,language,group")
	parts := func(c compared) map[string]int {
		queries := map[string]int{}
		for _, part := range c.Against[0].Parts {
			queries[part.By] += part.Queries
		}
		return queries
	}
	want := map[string]map[string]int{"dev": {"group": 10}, "test": {"topic": 5, "group": 5}, "also-french": {"language": 5, "group": 5}}
	found := map[string]map[string]int{got.On: parts(got)}
	for _, set := range got.Sets {
		found[set.On] = parts(set)
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("parts of each set (-want +got):\n%s", diff)
	}
	if both := compare(t, runDir, "--on", "also-french,test", "--by", "group"); both.On != "also-french" || len(both.Sets) != 1 || both.Sets[0].On != "test" {
		t.Errorf("%+v", both)
	}
	// Queries stand with their texts in every set, whatever dev calls its own.
	h = newTestHost()
	if code := h.run(t, "compare", runDir, "--show", "9"); code != exitDone {
		t.Fatal(h.err.String())
	}
	for split, begins := range map[string]string{"test": "again ", "also-french": "once more "} {
		_, part, _ := strings.Cut(h.out.String(), "\non "+split+": ")
		if !strings.Contains(part, "  "+begins) {
			t.Errorf("no %q beside the queries of %s in\n%s", begins, split, h.out.String())
		}
	}
	// Of a round's other epochs there is no test.
	if inside := compare(t, runDir+"@0/0", runDir+"@0/1"); len(inside.Sets) != 2 {
		t.Errorf("%d further sets", len(inside.Sets))
	}
	h = newTestHost()
	if code := h.run(t, "compare", runDir, "--on", "test", "--by", "topic"); code != exitDone || !strings.Contains(h.out.String(), "5 test queries") {
		t.Errorf("exit code %d: %s%s", code, h.out.String(), h.err.String())
	}
	h = newTestHost()
	if code := h.run(t, "compare", runDir, "--by", "group", "--format", "html", "--output", p.path("compare.html")); code != exitDone {
		t.Errorf("exit code %d: %s", code, h.err.String())
	}
	if text := p.read(t, "compare.html"); !strings.Contains(text, "On also-french: ") || !strings.Contains(text, "On test: ") || !strings.HasPrefix(text, "<!DOCTYPE html>") {
		t.Error("the page lacks a set")
	}
	failing := func(want string, args ...string) {
		t.Helper()
		h := newTestHost()
		if code := h.run(t, append([]string{"compare"}, args...)...); code != exitBadInput || !strings.Contains(h.err.String(), want) {
			t.Errorf("exit code %d, %q; want %q", code, h.err.String(), want)
		}
	}
	p.write(t, "other/french.jsonl", strings.Join(french, "\n")+"\n\n")
	// What has changed since is told in every format.
	const changed = "other/french.jsonl is not the file that the run was made from any more"
	if notes := compare(t, runDir).Notes; len(notes) != 1 || notes[0] != runDir+": "+changed {
		t.Errorf("notes %q", notes)
	}
	edited := p.write(t, "recipe.yaml", strings.Replace(p.read(t, "recipe.yaml"), "learning_rate: 5e-2", "learning_rate: 5e-3", 1))
	for _, format := range []string{"text", "markdown", "latex", "csv", "html"} {
		h := newTestHost()
		if code := h.run(t, "compare", edited, "--format", format); code != exitDone {
			t.Fatal(h.err.String())
		}
		told := h.out.String()
		if format == "csv" {
			told = h.err.String()
		}
		for _, want := range []string{changed, "has been edited since the run last followed it (options changed: rounds[0].finetune.learning_rate 0.05 → 0.005)"} {
			if format != "markdown" && format != "html" && !strings.Contains(told, want) || !strings.Contains(told, "edited since") {
				t.Errorf("%s: %q lacks %q", format, told, want)
			}
		}
	}
	failing("made from other data: other/french.jsonl has digest", runDir, "--on", "also-french", "--by", "language")
	mustBe(t, os.Remove(p.path("test.jsonl")))
	failing("name the recipe in place of the run directory, or the rows of one set: --on SET --queries FILE", runDir, "--on", "test", "--by", "topic")
	if dev := compare(t, runDir, "--on", "dev", "--by", "group"); len(dev.Against[0].Parts) != 10 {
		t.Errorf("%+v", dev.Against[0].Parts)
	}
	// A recipe that names another file since does not stand for what was scored.
	p.write(t, "new.jsonl", strings.Join(test, "\n")+"\n\n")
	resolved := filepath.Join(runDir, "recipe.resolved.yaml")
	p.write(t, "runs/tiny/recipe.resolved.yaml", strings.Replace(p.read(t, "runs/tiny/recipe.resolved.yaml"), "test: test.jsonl", "test: new.jsonl", 1))
	failing("new.jsonl is not the file that "+runDir+" round 0 epoch 0 was scored on", runDir, "--on", "test", "--by", "topic")
	p.write(t, "runs/tiny/recipe.resolved.yaml", strings.Replace(p.read(t, "runs/tiny/recipe.resolved.yaml"), "test: new.jsonl", "test: null", 1))
	failing("names no test any more", runDir, "--on", "test", "--by", "topic")
	format := p.read(t, "runs/tiny/quarry.json")
	p.write(t, "runs/tiny/quarry.json", `{"format": 2}`)
	failing("format 2 is newer than this quarry knows (1)", runDir)
	p.write(t, "runs/tiny/quarry.json", format[:len(format)/2])
	failing("quarry.json: not the file of a run directory", runDir)
	p.write(t, "runs/tiny/quarry.json", format)
	mustBe(t, os.Remove(resolved))
	failing("has not begun to follow a recipe", runDir, "--on", "test", "--by", "topic")
}
