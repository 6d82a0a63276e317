package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// shownExamples answer no query of the tiny data, and are none.
const shownExamples = `{"query":"zero zero","response":"nothing at all","query_id":"x1","group":"h0"}
{"query":"nine nine","response":"eighteen or so","query_id":"x2","group":"h3"}
{"query":"sum sum","response":"a digit","query_id":"x3","group":"h6"}
`

func examplesProject(t *testing.T, examples string, pairs ...string) *recipe.Recipe {
	t.Helper()
	r := tinyProject(t, edit(t, append([]string{secondRound, ""}, pairs...)...))
	dir := filepath.Dir(r.File())
	if err := os.WriteFile(filepath.Join(dir, "examples.jsonl"), []byte(examples), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	withoutExamples = "group_field: group}\n"
	withExamples    = "group_field: group, examples: examples.jsonl}\nprompts: {query: 'one {}', suffix: ' sum'}\n"
	adapterMethod   = "finetune: {method: lora, epochs: 2"
)

// TestARunWithExamples mines, trains and evaluates behind examples; what was shown stands in the manifest, the contract
// of the texts beside each adapter and in the merged model, and another seed is another run.
func TestARunWithExamples(t *testing.T) {
	r := examplesProject(t, shownExamples, withoutExamples,
		withExamples+"examples: {mine: 1, eval: 2, train: 3, tokens: 24, query_length: 8, response_length: 4}\n",
		"finetune: {epochs: 2", adapterMethod)
	mustRun(t, r)
	d := look(t, r)
	m, err := d.ReadManifest(0)
	if err != nil {
		t.Fatal(err)
	}
	e := m.Examples
	if e == nil || e.Train != 3 || e.Mine == nil || e.Eval == nil || len(e.Mine.Examples) != 1 || len(e.Eval.Examples) != 2 || e.Mine.Digest == e.Eval.Digest {
		t.Errorf("manifest: %+v", e)
	}
	if m.Prompts.Suffix != " sum" {
		t.Errorf("manifest: suffix %q", m.Prompts.Suffix)
	}
	if data := m.Data[len(m.Data)-1]; data.Role != "examples" || data.Count != 3 || data.Digest == "" {
		t.Errorf("manifest: data %+v", data)
	}
	checkShownSteps(t, d)
	for _, dir := range []string{d.Round(0).Epoch(1), d.Round(0).Merged()} {
		c, err := model.ReadContract(dir)
		if err != nil || c == nil || c.Query.Template != "one {}" || c.Query.Suffix != " sum" || c.Query.Examples != "" {
			t.Errorf("%s: contract %+v, %v", dir, c, err)
		}
	}
	for _, note := range strings.Split(mustRun(t, r), "\n") {
		if strings.HasPrefix(note, "round 0: ") && strings.Contains(note, "changed") && !strings.Contains(note, "unchanged") {
			t.Errorf("a second run redid: %s", note)
		}
	}
}

// checkShownSteps sees that steps showed examples and counted them.
func checkShownSteps(t *testing.T, d *rundir.Dir) {
	t.Helper()
	f, err := os.Open(d.Round(0).Steps())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	steps, err := rundir.ReadSteps(f, "steps.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, s := range steps {
		if s.Examples == nil || s.Leaks == nil || *s.Examples > 3*s.Queries {
			t.Fatalf("step %+v", s)
		}
		shown += *s.Examples
	}
	if shown == 0 {
		t.Error("no step showed an example")
	}
}

// A row for each positive shows the examples of its own query.
func TestExamplesInTrainingOfARowForEachPositive(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, "", "depth: 12}", "depth: 12, reference: each}", "epochs: 2,", "epochs: 1,", "select:", "examples: {train: 3, tokens: 20}\nselect:"))
	path := filepath.Join(filepath.Dir(r.File()), "train.jsonl")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(raw), `"positive_ids":[`, `"positive_ids":["p29",`)), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, r)
	queries := 0
	for _, s := range steps(t, r, 0) {
		queries += s.Queries
	}
	if queries < 59 { // the last query has p29 alone
		t.Errorf("%d rows are trained on", queries)
	}
}

func TestExamplesThatCannotBeShown(t *testing.T) {
	for _, tc := range []struct{ name, examples, section, want string }{
		{"the query itself", `{"query":"new","response":"text","query_id":"d0"}`, "{eval: 1}", `recipe.yaml:6: examples.eval: the in-context example on line 1 is query "d0"`},
		{"too few", shownExamples, "{eval: 4}", "4 in-context examples are to be shown, but there are 3"},
		{"none are left", `{"query":"new","response":"text","query_id":"d0"}`, "{eval: 1, leaks: pass_over}", "but there are 0"},
		{"not shown to who leaks", `{"query":"new","response":"text","query_id":"d0"}`, "{eval: 0, mine: 1}", "is query"},
		{"no room in training", shownExamples, "{train: 2}", "examples.train: queries of 64 tokens keep 512"},
		{"too long", `{"query":"new","response":"` + strings.Repeat("one ", 5000) + `"}`, "{eval: 1}", "lengths.query: dev.jsonl:1: "},
		{"a field that queries lack", shownExamples, "{eval: 1, by: [subject]}", `the row has no "subject"`},
		{"a broken file", `{"query":"x"}`, "{eval: 1}", `examples.jsonl:1: no "response"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := examplesProject(t, tc.examples, withoutExamples, withExamples+"examples: "+tc.section+"\n")
			if notes, err := runTiny(t, r, Options{}); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(notes, "starts") {
				t.Errorf("got %v, want %q\n%s", err, tc.want, notes)
			}
			if _, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("a plan: %v, want %q", err, tc.want)
			}
		})
	}
}

// By a field of their own, queries of one stage are shown different examples.
func TestARunWithExamplesByField(t *testing.T) {
	r := examplesProject(t, shownExamples, withoutExamples, withExamples+"examples: {eval: 1, by: [group]}\n")
	mustRun(t, r)
	m, err := look(t, r).ReadManifest(0)
	if err != nil {
		t.Fatal(err)
	}
	if e := m.Examples; e == nil || e.Mine != nil || len(e.Eval.Examples) != 3 {
		t.Errorf("manifest: %+v", e)
	}
}
