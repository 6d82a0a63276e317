package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

// writeSets writes the files of two further sets. "faq" has a corpus of its own, whose passages have the ids of the run's and
// other texts; "more" has more queries over the run's.
func writeSets(t *testing.T, dir string) {
	t.Helper()
	var corpus, train, dev, more strings.Builder
	colours := strings.Fields("red blue green white black grey brown pink gold ochre teal plum")
	for i, colour := range colours {
		fmt.Fprintf(&corpus, "{\"id\":\"p%02d\",\"text\":\"%s minus order\"}\n", i, colour)
		fmt.Fprintf(&train, "{\"id\":\"t%d\",\"query\":\"which %s\",\"positive_ids\":[\"p%02d\"]}\n", i, colour, i)
		if i%4 == 0 {
			fmt.Fprintf(&dev, "{\"id\":\"d%d\",\"query\":\"%s of what\",\"positive_ids\":[\"p%02d\"]}\n", i, colour, i)
		}
		if i < 5 {
			fmt.Fprintf(&more, "{\"id\":\"t%d\",\"query\":\"more %s\",\"positive_ids\":[\"p%02d\"]}\n", i, colour, i)
		}
	}
	for name, text := range map[string]string{"faq-corpus.jsonl": corpus.String(), "faq-train.jsonl": train.String(), "faq-dev.jsonl": dev.String(), "more.jsonl": more.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	faqSet  = `{name: faq, corpus: faq-corpus.jsonl, train: faq-train.jsonl, dev: faq-dev.jsonl, query_prompt: "ask ", lengths: {query: 9}, mine: {window: 0-5, negatives: 2}}`
	moreSet = `{name: more, train: more.jsonl, query_prompt: "add "}`
)

// setsProject is the tiny project with further sets.
func setsProject(t *testing.T, sets string, edits ...string) *recipe.Recipe {
	t.Helper()
	r := tinyProject(t, tinyRecipe)
	dir := filepath.Dir(r.File())
	writeSets(t, dir)
	return loadRecipe(t, dir, withSets(t, sets, edits...))
}

func withSets(t *testing.T, sets string, edits ...string) string {
	t.Helper()
	return edit(t, append([]string{"group_field: group}", "group_field: group, sets: [" + sets + "]}"}, edits...)...)
}

func TestSetsAreMinedEachInItsOwnCorpus(t *testing.T) {
	r := setsProject(t, faqSet+", "+moreSet)
	notes := mustRun(t, r)
	d := look(t, r)
	for round := range 2 {
		l := d.Round(round)
		for _, tc := range []struct {
			name            string
			files           rundir.RoundLayout
			rows, negatives int
			prefix          string // of every passage
		}{
			{"faq", l.Set("faq"), 12, 2, " minus order"},
			{"more", l.Set("more"), 5, 4, ""},
		} {
			rows := rowsIn(t, tc.files.Negatives(rundir.Train))
			if len(rows) != tc.rows {
				t.Errorf("round %d: %d rows of %s, want %d", round, len(rows), tc.name, tc.rows)
			}
			for _, row := range rows {
				if n := len(row.Neg()); n != tc.negatives {
					t.Errorf("round %d: %d negatives of a query of %s, want %d", round, n, tc.name, tc.negatives)
				}
				for _, text := range row.Neg() {
					if strings.HasSuffix(text, " minus order") != (tc.name == "faq") {
						t.Errorf("round %d: %s mines %q", round, tc.name, text)
					}
				}
			}
			if _, err := os.Stat(tc.files.Negatives(rundir.Dev)); err == nil {
				t.Errorf("round %d: dev of %s is mined", round, tc.name)
			}
		}
		// The same passages under the same prompt are embedded once.
		if _, err := os.Stat(l.Set("more").PassageVectors()); err == nil {
			t.Error("the run's corpus is embedded twice")
		}
		m, err := d.ReadManifest(round)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range m.Stages {
			names = append(names, s.Stage)
		}
		if got, want := strings.Join(names, " "), "embed embed-set-faq embed-set-more search search-set-faq search-set-more mine mine-set-faq mine-set-more finetune eval-epoch-0 eval-epoch-1"; !strings.HasPrefix(got, want) {
			t.Errorf("stages %s, want %s …", got, want)
		}
		// 30, 12 and 5 queries, 8 a step.
		if len(m.Sets) != 3 || m.Sets[0].Steps != 4 || m.Sets[1].Steps != 2 || m.Sets[2].Steps != 1 || m.Sets[1].Prompts.Query != "ask " || m.Sets[1].Lengths.Query != 9 || m.Sets[2].Lengths.Query == 9 || !strings.Contains(string(m.Sets[1].Mine), `"0-5"`) {
			t.Errorf("the manifest says of sets: %+v", m.Sets)
		}
		had := map[string]int{}
		for _, s := range steps(t, r, round) {
			had[fmt.Sprint(s.Epoch, s.Set)]++
			if s.Set == "more" && (s.Queries != 5 || s.Columns != 15) || s.Set == "faq" && s.Columns != 3*s.Queries {
				t.Errorf("round %d: a step of %s has %d queries and %d columns", round, s.Set, s.Queries, s.Columns)
			}
		}
		for epoch := 1; epoch <= 2; epoch++ {
			for set, want := range map[string]int{"": 4, "faq": 2, "more": 1} {
				if got := had[fmt.Sprint(epoch, set)]; got != want {
					t.Errorf("round %d, epoch %d: %d steps of %q, want %d", round, epoch, got, set, want)
				}
			}
		}
		var held rundir.AlsoScores
		if err := rundir.ReadJSON(d.FS, l.EpochAlso("faq", 2), &held); err != nil {
			t.Fatal(err)
		}
		if held.Scores.Queries != 3 || held.Scores.Seen.Queries != 3 { // all of their positives are trained on
			t.Errorf("round %d: what faq holds out scores %+v", round, held.Scores)
		}
	}
	if !strings.Contains(notes, "round 0: mine-set-faq: ") {
		t.Errorf("the log does not tell of the mining of faq:\n%s", notes)
	}
	if names, err := d.AlsoNames(); err != nil || !slices.Equal(names, []string{"faq"}) {
		t.Errorf("sets that are scored: %v, %v", names, err)
	}
	if names, err := d.DataNames(); err != nil || len(names.Also) != 1 || names.Also[0] != (rundir.SetName{Name: "faq", Queries: "faq-dev.jsonl", Corpus: "faq-corpus.jsonl"}) {
		t.Errorf("files that are scored: %+v, %v", names.Also, err)
	}
	before := files(t, r.Dir())
	if notes, err := runTiny(t, r, Options{Workers: 1}); err != nil || strings.Contains(notes, "starts") {
		t.Errorf("a second run does something: %v\n%s", err, notes)
	}
	sameFiles(t, files(t, r.Dir()), before)
}

// started are the stages of round 0 that a run did anew.
func started(notes string) []string {
	var stages []string
	for line := range strings.SplitSeq(notes, "\n") {
		stage, why, ok := strings.Cut(strings.TrimPrefix(line, "round 0: "), ": ")
		if ok && strings.HasPrefix(line, "round 0: ") && !strings.Contains(why, "unchanged") && !slices.Contains(stages, stage) && !strings.Contains(stage, " ") {
			stages = append(stages, stage)
		}
	}
	return stages
}

// TestASetLeavesTheOthersAlone adds a set to a finished run, and changes what it mines.
func TestASetLeavesTheOthersAlone(t *testing.T) {
	r := setsProject(t, moreSet, secondRound, "")
	dir := filepath.Dir(r.File())
	mustRun(t, loadRecipe(t, dir, edit(t, secondRound, "")))
	for _, tc := range []struct {
		name, sets string
		want       string // the stages that are done anew, as far as finetune
	}{
		{"added", moreSet, "embed-set-more search-set-more mine-set-more finetune"},
		{"another window", strings.Replace(moreSet, `"add "`, `"add ", mine: {window: 2-8}`, 1), "mine-set-more finetune"},
		{"another prompt", strings.Replace(moreSet, `"add "`, `"and ", mine: {window: 2-8}`, 1), "embed-set-more search-set-more mine-set-more finetune"},
	} {
		notes := mustRun(t, loadRecipe(t, dir, withSets(t, tc.sets, secondRound, "")))
		if got := strings.Join(started(notes), " "); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: done anew: %s, want %s …", tc.name, got, tc.want)
		}
	}
}

// TestLeaksAcrossSets holds every set's training queries against everything that is held out.
func TestLeaksAcrossSets(t *testing.T) {
	for _, tc := range []struct {
		name, file, row string
		want            string // parts of the error; empty is none
	}{
		{"a set knows dev by its text", "faq-train.jsonl", `{"id":"x","query":"%dev","positive_ids":["p00"]}`, "recipe.yaml:4: 1 dev queries are known from training, by the set faq;"},
		{"a set of the run's corpus knows dev by its id", "more.jsonl", `{"id":"d0","query":"other","positive_ids":["p00"]}`, "1 dev queries are known from training, by the set more;"},
		{"a set of another corpus has an id of dev", "faq-train.jsonl", `{"id":"d3","query":"other","positive_ids":["p00"]}`, ""},
		{"a set knows what it holds out", "faq-train.jsonl", `{"id":"x","query":"red of what","positive_ids":["p00"]}`, "1 also-faq queries are known from training, by the set faq;"},
		{"the run's training knows what a set holds out", "train.jsonl", `{"id":"x","query":"red of what","positive_ids":["p00"],"group":"x"}`, "1 also-faq queries are known from training;"},
		{"one set knows what another holds out", "more.jsonl", `{"id":"x","query":"red of what","positive_ids":["p00"]}`, "1 also-faq queries are known from training, by the set more;"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := setsProject(t, faqSet+", "+moreSet)
			dir := filepath.Dir(r.File())
			clean, err := readData(t.Context(), r, rundir.OS{})
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(filepath.Join(dir, tc.file), os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(f, strings.ReplaceAll(tc.row, "%dev", clean.queries[rundir.Dev][0].Text))
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = readData(t.Context(), r, rundir.OS{})
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestPlanOfSets(t *testing.T) {
	r := setsProject(t, strings.Replace(faqSet, "name: faq", "name: faq, weight: 3", 1)+", "+strings.Replace(moreSet, "name: more", "name: more, weight: 1", 1), "train: train.jsonl", "train: train.jsonl, weight: 2")
	plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	c := plan.Rounds[0]
	// By size 4 + 2 + 1 = 7 steps; of them 7·2/6 = 2.3, 7·3/6 = 3.5 and 7·1/6 = 1.2.
	want := []SetCosts{
		{Name: "", Weight: 2, Queries: 30, StepsPerEpoch: 2, QueriesPerStep: 8, ColumnsPerRow: 24},
		{Name: "faq", Weight: 3, Queries: 12, StepsPerEpoch: 4, QueriesPerStep: 8, ColumnsPerRow: 24},
		{Name: "more", Weight: 1, Queries: 5, StepsPerEpoch: 1, QueriesPerStep: 5, ColumnsPerRow: 15},
	}
	if !slices.Equal(c.Sets, want) || c.StepsPerEpoch != 7 || c.Steps != 14 || c.WarmupSteps != 2 {
		t.Errorf("got %+v", c)
	}
	var stages []string
	for _, s := range plan.Stages {
		if s.Round == 0 {
			stages = append(stages, s.Stage)
		}
	}
	if got, want := strings.Join(stages, " "), "embed embed-set-faq embed-set-more search search-set-faq search-set-more mine mine-set-faq mine-set-more finetune eval select merge"; got != want {
		t.Errorf("stages %s, want %s", got, want)
	}
	if len(c.embed) != 3 || c.embed["embed-set-more"] >= c.embed["embed-set-faq"] { // the run's corpus is embedded once
		t.Errorf("tokens to embed: %v", c.embed)
	}
	mustRun(t, r)
	had := map[string]int{}
	for _, s := range steps(t, r, 0) {
		had[s.Set]++
	}
	if had[""] != 4 || had["faq"] != 8 || had["more"] != 2 {
		t.Errorf("the run took %v steps", had)
	}
	if plan, err = tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1}); err != nil || plan.Seconds != 0 {
		t.Errorf("after the run %v s are left, %v", plan.Seconds, err)
	}
}

// TestSetsWithAGuideATeacherAndProvenance runs what reads further files of each set.
func TestSetsWithAGuideATeacherAndProvenance(t *testing.T) {
	r := setsProject(t, faqSet+", "+moreSet, "depth: 12}", "depth: 12, provenance: true, teacher: {model: model, kind: embedder, margin: -9}}", "epochs: 2,", "epochs: 1, guide: model, distill: kl_div,", "select:", "examples: {train: 2, tokens: 20}\nselect:")
	mustRun(t, r)
	d := look(t, r)
	for _, path := range []string{
		d.Round(1).Set("faq").Provenance(rundir.Train), d.Round(1).Set("more").TeacherScores(), d.Round(0).Set("faq").Audit(),
	} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	guides, err := filepath.Glob(filepath.Join(r.Dir(), "guides", "*.npy"))
	if err != nil || len(guides) != 3 {
		t.Errorf("vectors of the guide: %v, %v", guides, err)
	}
	for _, s := range steps(t, r, 1) {
		if s.Distillation == nil || *s.Distillation <= 0 {
			t.Errorf("step %d of %q learns nothing from the teacher", s.Step, s.Set)
		}
		if s.Examples == nil {
			t.Errorf("step %d of %q shows no examples", s.Step, s.Set)
		}
	}
}

func TestSetsAreShownTheirOwnExamples(t *testing.T) {
	r := setsProject(t, strings.Replace(faqSet, "name: faq", "name: faq, examples: faq-examples.jsonl", 1)+", "+moreSet, "train: train.jsonl", "train: train.jsonl, examples: examples.jsonl", secondRound, "", "epochs: 2,", "epochs: 1,", "select:", "examples: {mine: 1, eval: 1}\nselect:")
	for name, text := range map[string]string{"examples.jsonl": `{"query":"new","response":"text"}`, "faq-examples.jsonl": `{"query":"newer","response":"words"}`} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(r.File()), name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, r)
	m, err := look(t, r).ReadManifest(0)
	if err != nil {
		t.Fatal(err)
	}
	faq, more := m.Sets[1].Examples, m.Sets[2].Examples
	if m.Examples.Mine.Examples[0].Query != "new" || faq == nil || faq.Mine.Examples[0].Query != "newer" || faq.Eval.Examples[0].Query != "newer" || more != nil {
		t.Errorf("shown: %+v, %+v, %+v", m.Examples, faq, more)
	}
}

// TestKilledWithSets crashes runs of two sets where the second is mined and where both are trained on.
func TestKilledWithSets(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(tinymodel.Write(filepath.Join(dir, "model"), tinymodel.Options{Layers: 1, Hidden: 8, Heads: 2, Intermediate: 8}), tinymodel.WriteData(dir)); err != nil {
		t.Fatal(err)
	}
	writeSets(t, dir)
	r := loadRecipe(t, dir, strings.NewReplacer("train: train.jsonl", "train: train.jsonl, weight: 1, sets: ["+strings.Replace(faqSet, "name: faq", "name: faq, weight: 2", 1)+"]", "epochs: 1,", "epochs: 2,").Replace(fmt.Sprintf(crashRecipe, recipe.LoRA)))
	root := t.TempDir()
	calm := faultfs.New(root, faultfs.Fault{})
	found := watch(calm, func(op faultfs.Op) bool {
		return op.Changing() && (strings.Contains(op.Path, "round-0/sets/") || strings.Contains(op.Path, "-set-faq") || strings.Contains(op.Path, "round-0/training-state") || strings.Contains(op.Path, "round-0/steps"))
	})
	if notes, err := runTiny(t, r, crashOptions(Options{FS: calm, Dir: filepath.Join(root, "run")})); err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	want := files(t, filepath.Join(root, "run"))
	every := 1
	if !*everyOperation {
		every = max(1, len(found.left)/4)
	}
	found.goOn(t, r, every, want)
}

// TestAnOutsideTrainerIsHandedTheSets looks for their mined files.
func TestAnOutsideTrainerIsHandedTheSets(t *testing.T) {
	r := setsProject(t, faqSet+", "+moreSet, secondRound, "", "epochs: 2,", `epochs: 1, external: {command: 'test -s "$QUARRY_SETS/faq/negatives.jsonl" && test -s "$QUARRY_SETS/more/negatives.jsonl" && cp -r "$QUARRY_BASE" "$QUARRY_OUTPUT/epoch-1"'},`)
	if notes, err := runTiny(t, r, crashOptions(Options{})); err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
}

// TestFoldsKeepTheSets cuts the run's own queries alone.
func TestFoldsKeepTheSets(t *testing.T) {
	r := setsProject(t, faqSet, "rounds:", "folds: {count: 2, settings: [{name: a}, {name: b, mine: {negatives: 3}}]}\nrounds:")
	f, err := CutFolds(t.Context(), r, rundir.OS{})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, dev := range f.Cut.Dev {
		rows += len(dev)
	}
	if rows != 40 {
		t.Errorf("%d queries are cut, want the run's own 40", rows)
	}
	for i, setting := range f.Runs {
		for _, fold := range setting {
			if m := fold.Round(1).SetMine(0); len(fold.Data.Sets) != 1 || m.Window.End != 5 || m.Negatives != 2 || fold.Round(0).Mine.Negatives != 4-i {
				t.Errorf("setting %d: sets %+v, mined by %+v", i, fold.Data.Sets, m)
			}
		}
	}
}

// TestASetGoesOnWithoutTheRunsVectors changes the run's own mining so that its vectors of the corpus serve a set no more.
func TestASetGoesOnWithoutTheRunsVectors(t *testing.T) {
	for _, tc := range []struct{ name, set, before, after string }{
		{"other lengths", strings.Replace(moreSet, "name: more", "name: more, lengths: {passage: 12}", 1), "lengths: {passage: 12}\nselect:", "lengths: {passage: 16}\nselect:"},
		{"another source", strings.Replace(moreSet, "name: more", "name: more, mine: {source: dense}", 1), "select:", "select:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			source := "depth: 12}"
			r := setsProject(t, tc.set, secondRound, "", "epochs: 2,", "epochs: 1,", "select:", tc.before)
			mustMine(t, r)
			if tc.before == tc.after {
				source = "depth: 12, source: bm25}"
			}
			notes := mustMine(t, loadRecipe(t, filepath.Dir(r.File()), withSets(t, tc.set, secondRound, "", "epochs: 2,", "epochs: 1,", "select:", tc.after, "depth: 12}", source)))
			if got := started(notes); !slices.Contains(got, "embed-set-more") {
				t.Errorf("done anew: %s", got)
			}
		})
	}
}

// TestAnotherIDFieldMinesSetsOfTheRunsCorpusAnew gives the same file other ids.
func TestAnotherIDFieldMinesSetsOfTheRunsCorpusAnew(t *testing.T) {
	r := setsProject(t, strings.Replace(moreSet, "name: more", "name: more, id_field: id", 1), secondRound, "", "epochs: 2,", "epochs: 1,", "train: train.jsonl", "train: train.jsonl, id_field: id")
	dir := filepath.Dir(r.File())
	for _, name := range []string{"corpus.jsonl", "train.jsonl", "dev.jsonl"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		// "key" has the ids of the passages in another order; queries are called as before.
		var out strings.Builder
		for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
			key := fmt.Sprintf("%s%d", name[:1], i)
			if name == "corpus.jsonl" {
				key = fmt.Sprintf("p%02d", 29-i)
			}
			fmt.Fprintf(&out, "{\"key\":%q,%s\n", key, line[1:])
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set := strings.Replace(moreSet, "name: more", "name: more, id_field: id", 1)
	mustMine(t, r)
	notes := mustMine(t, loadRecipe(t, dir, withSets(t, set, secondRound, "", "epochs: 2,", "epochs: 1,", "train: train.jsonl", "train: train.jsonl, id_field: key")))
	got := started(notes)
	for _, stage := range []string{"embed-set-more", "search-set-more", "mine-set-more"} {
		if !slices.Contains(got, stage) {
			t.Errorf("%s is not done anew, only %s", stage, got)
		}
	}
}

// mustMine runs round 0 as far as its mining.
func mustMine(t *testing.T, r *recipe.Recipe) string {
	t.Helper()
	notes, err := runTiny(t, r, Options{Until: StageMine})
	if err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	return notes
}

// TestAnswersCountAcrossSetsThatAskTheSame gives two sets one text with other positives, and mines all that is no answer.
func TestAnswersCountAcrossSetsThatAskTheSame(t *testing.T) {
	const asks = `{name: more, train: more.jsonl}`
	prepare := func(t *testing.T, sets string, edits ...string) (*recipe.Recipe, string) {
		r := setsProject(t, sets, append([]string{secondRound, "", "window: 1-8, negatives: 4, depth: 12", "window: 0-30, negatives: 29, depth: 30"}, edits...)...)
		d, err := readData(t.Context(), r, rundir.OS{})
		if err != nil {
			t.Fatal(err)
		}
		text := d.queries[rundir.Train][0].Text
		row := fmt.Sprintf("{\"id\":\"s0\",\"query\":%q,\"positive_ids\":[\"p05\"],\"query_prompt\":\"now \"}\n", " "+text)
		if err := os.WriteFile(filepath.Join(filepath.Dir(r.File()), "more.jsonl"), []byte(row), 0o600); err != nil {
			t.Fatal(err)
		}
		return r, text
	}
	for _, tc := range []struct {
		name, sets string
		edits      []string
		alike      bool
	}{
		{"under the same prompt", asks, nil, true},
		{"under the same prompt, told twice", strings.Replace(moreSet, `"add "`, `"ask "`, 1), []string{"select:", "prompts: {query: \"ask \"}\nselect:"}, true},
		{"under another prompt", moreSet, nil, false},
		{"of another corpus", `{name: more, corpus: faq-corpus.jsonl, train: more.jsonl}`, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, text := prepare(t, tc.sets, tc.edits...)
			mustMine(t, r)
			l := look(t, r).Round(0)
			d, err := readData(t.Context(), r, rundir.OS{})
			if err != nil {
				t.Fatal(err)
			}
			for _, side := range []struct {
				file  string
				other string // the positive that the other set's row of the text has
			}{{l.Negatives(rundir.Train), d.corpus.Passages[5].Full()}, {l.Set("more").Negatives(rundir.Train), d.sets[0].corpus.Passages[0].Full()}} {
				for _, row := range rowsIn(t, side.file) {
					if strings.TrimSpace(row.Query()) != text {
						continue
					}
					if got := !slices.Contains(row.Neg(), side.other); got != tc.alike {
						t.Errorf("%s: %q is known to answer: %v, want %v", side.file, side.other, got, tc.alike)
					}
				}
			}
		})
	}
	t.Run("mined anew", func(t *testing.T) {
		r, text := prepare(t, asks)
		mustMine(t, r)
		row := fmt.Sprintf("{\"id\":\"s0\",\"query\":%q,\"positive_ids\":[\"p06\"]}\n", text)
		dir := filepath.Dir(r.File())
		if err := os.WriteFile(filepath.Join(dir, "more-2.jsonl"), []byte(row), 0o600); err != nil {
			t.Fatal(err)
		}
		r = loadRecipe(t, dir, withSets(t, strings.Replace(asks, "more.jsonl", "more-2.jsonl", 1), secondRound, "", "window: 1-8, negatives: 4, depth: 12", "window: 0-30, negatives: 29, depth: 30"))
		if got := started(mustMine(t, r)); !slices.Contains(got, "mine") || slices.Contains(got, "search") {
			t.Errorf("done anew: %s", got)
		}
	})
}

// TestASetWithoutAWholeBatchIsRefusedAtOnce looks at a plan and at a run.
func TestASetWithoutAWholeBatchIsRefusedAtOnce(t *testing.T) {
	r := setsProject(t, moreSet, "epochs: 2,", "epochs: 2, drop_last: true,")
	const want = `recipe.yaml:6: finetune: round 0: set "more": 5 queries make no whole batch of 8`
	if _, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a plan: %v, want %q", err, want)
	}
	if notes, err := runTiny(t, r, Options{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(notes, "starts") {
		t.Errorf("a run: %v, want %q\n%s", err, want, notes)
	}
}

// TestASetThatNamesTheRunsCorpusSharesIt writes the key that is left out elsewhere.
func TestASetThatNamesTheRunsCorpusSharesIt(t *testing.T) {
	named := strings.Replace(moreSet, "name: more", "name: more, corpus: ./corpus.jsonl, dev: more-dev.jsonl", 1)
	project := func(t *testing.T, sets, row string) (*recipe.Recipe, *data, error) {
		r := setsProject(t, moreSet)
		dir := filepath.Dir(r.File())
		for name, text := range map[string]string{"more.jsonl": row, "more-dev.jsonl": `{"id":"h0","query":"held out","positive_ids":["p00"]}`} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r = loadRecipe(t, dir, withSets(t, sets, secondRound, ""))
		d, err := readData(t.Context(), r, rundir.OS{})
		return r, d, err
	}
	r, d, err := project(t, named, `{"id":"s0","query":"more","positive_ids":["p00"]}`)
	if err != nil {
		t.Fatal(err)
	}
	if one := d.sets[0]; !one.shared || one.input("corpus") != d.input("corpus") || d.also[0].role != "corpus" {
		t.Errorf("shared %v, corpus %+v, held out in %q", one.shared, one.input("corpus"), d.also[0].role)
	}
	mustMine(t, r)
	if _, err := os.Stat(look(t, r).Round(0).Set("more").PassageVectors()); err == nil {
		t.Error("the run's corpus is embedded twice")
	}
	t.Run("ids of the same file", func(t *testing.T) {
		grouped := strings.Replace(named, "corpus: ", "passage_group_field: text, corpus: ", 1)
		_, _, err := project(t, grouped, `{"id":"d0","query":"other","positive_ids":["p00"]}`)
		if err == nil || !strings.Contains(err.Error(), "1 dev queries are known from training, by the set more;") {
			t.Errorf("got %v", err)
		}
	})
}

// TestTheOrderOfSetsTrainsNothingAnew swaps two sets of a finished run.
func TestTheOrderOfSetsTrainsNothingAnew(t *testing.T) {
	r := setsProject(t, faqSet+", "+moreSet, secondRound, "", "epochs: 2,", "epochs: 1,")
	mustRun(t, r)
	notes := mustRun(t, loadRecipe(t, filepath.Dir(r.File()), withSets(t, moreSet+", "+faqSet, secondRound, "", "epochs: 2,", "epochs: 1,")))
	if got := started(notes); !slices.Equal(got, []string{"card"}) { // it lists them
		t.Errorf("done anew: %s", got)
	}
}

// TestAnOutsideTrainerIsNotHandedFormerSets takes a set out of a recipe.
func TestAnOutsideTrainerIsNotHandedFormerSets(t *testing.T) {
	with := func(sets string) string {
		return withSets(t, sets, secondRound, "", "epochs: 2,", `epochs: 1, external: {command: 'ls "$QUARRY_SETS" && cp -r "$QUARRY_BASE" "$QUARRY_OUTPUT/epoch-1"'},`)
	}
	r := setsProject(t, moreSet)
	dir := filepath.Dir(r.File())
	for _, tc := range []struct {
		sets, want string
		mines      bool // more
	}{{faqSet + ", " + moreSet, "  faq\n  more\n", true}, {faqSet, "  faq\n", false}, {faqSet + ", " + moreSet, "  faq\n  more\n", true}} {
		notes, err := runTiny(t, loadRecipe(t, dir, with(tc.sets)), crashOptions(Options{}))
		if err != nil {
			t.Fatalf("%v\n%s", err, notes)
		}
		if !strings.Contains(notes, "\n"+tc.want) || strings.Contains(tc.want, "more") != strings.Contains(notes, "  more\n") {
			t.Errorf("the program sees other sets:\n%s", notes)
		}
		if got := slices.Contains(started(notes), "mine-set-more"); got != tc.mines {
			t.Errorf("more is mined: %v", got)
		}
	}
}

// TestFoldsRefuseWhatSetsKnow finds before the first fold what any of them would hold out or train on.
func TestFoldsRefuseWhatSetsKnow(t *testing.T) {
	for _, tc := range []struct{ name, file, row, want string }{
		{"a set trains on a row of train", "more.jsonl", `{"id":"x","query":"%train","positive_ids":["p00"]}`, "recipe.yaml:4: folds: 1 queries that some fold holds out are known from training, by the set more; remove them, or set data.allow_leakage: true\n  train.jsonl:1 has the text of more.jsonl:6"},
		{"a set has the id of a row of dev", "more.jsonl", `{"id":"d0","query":"other","positive_ids":["p00"]}`, "1 queries that some fold holds out are known from training, by the set more;"},
		{"a row of dev is held out by a set", "dev.jsonl", `{"id":"x","query":"red of what","positive_ids":["p00"],"group":"x"}`, "1 also-faq queries are known from training, of all folds but one;"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := setsProject(t, faqSet+", "+moreSet, "rounds:", "folds: {count: 2}\nrounds:")
			dir := filepath.Dir(r.File())
			var rows strings.Builder // that share no id with train
			for i := range 5 {
				fmt.Fprintf(&rows, "{\"id\":\"s%d\",\"query\":\"more %d\",\"positive_ids\":[\"p00\"]}\n", i, i)
			}
			if err := os.WriteFile(filepath.Join(dir, "more.jsonl"), []byte(rows.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := readData(t.Context(), r, rundir.OS{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := CutFolds(t.Context(), r, rundir.OS{}); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(filepath.Join(dir, tc.file), os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(f, strings.ReplaceAll(tc.row, "%train", d.queries[rundir.Train][0].Text))
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := CutFolds(t.Context(), r, rundir.OS{}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestATeacherEmbedsASharedCorpusOnce: a set over the run's corpus asks an embedder of its queries and of what passages it adds.
func TestATeacherEmbedsASharedCorpusOnce(t *testing.T) {
	r := setsProject(t, faqSet+", "+moreSet, "depth: 12}", "depth: 12, teacher: {model: model, kind: embedder, margin: -9}}", secondRound, "")
	plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	embedded, last := map[string]int64{}, Progress{}
	o := Options{Until: StageMine}
	o.Events.Progress = func(p Progress) {
		if p.Stage == "embed texts with the teacher" && p.Done == p.Total && last.Done != p.Done {
			embedded["all"] += p.Total
		}
		last = p
	}
	if notes, err := runTiny(t, r, o); err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	d, err := readData(t.Context(), r, rundir.OS{})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0 // queries
	for _, queries := range [][]corpus.Query{d.queries[rundir.Train], d.queries[rundir.Dev], d.sets[0].queries[rundir.Train], d.sets[1].queries[rundir.Train]} {
		asked += len(queries)
	}
	if most := int64(d.corpus.Len() + d.sets[0].corpus.Len() + asked); embedded["all"] == 0 || embedded["all"] > most {
		t.Errorf("%d texts are embedded, of %d in the corpora and queries", embedded["all"], most)
	}
	apart := setsProject(t, faqSet, "depth: 12}", "depth: 12, teacher: {model: model, kind: embedder, margin: -9}}", secondRound, "")
	without, err := tinyPlan(t, apart, Options{Path: exactpath.Fastest, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(r.Model.File, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	queries := 0
	for _, q := range d.sets[1].queries[rundir.Train] {
		s, err := m.Sequence(q.Text, m.Contract.Query, m.Contract.MaxLength)
		if err != nil {
			t.Fatal(err)
		}
		queries += len(s.IDs)
	}
	if more := plan.Rounds[0].Teacher.Tokens - without.Rounds[0].Teacher.Tokens; more != queries {
		t.Errorf("the set over the run's corpus is planned with %d tokens more, its queries have %d", more, queries)
	}
}
