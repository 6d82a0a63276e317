package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// taughtRecipe asks a teacher in both rounds, each with a margin of its own.
const taughtRecipe = `version: 1
name: tiny
model: model
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl, group_field: group}
mine:
  {window: 1-8, negatives: 4, depth: 12, provenance: true, teacher: {model: teacher, margin: 0%s}}
finetune: {epochs: 1, batch: 8, group_size: 3, learning_rate: 2e-3, save_every: 3, block_tokens: 64}
eval: {metrics: [map@25]}
select: {metric: map@25}
rounds:
  - {}
  - mine: {window: 0-6}
`

// teachers are tiny teachers of each kind, by name: where a project gets them from, and what the recipe says of them.
var teachers = map[string]struct {
	write func(t *testing.T, dir string)
	says  string
}{
	"embedder": {func(t *testing.T, dir string) {
		if err := tinymodel.Write(dir, tinymodel.Options{Layers: 1, Hidden: 8, Heads: 2, Intermediate: 8}); err != nil {
			t.Fatal(err)
		}
	}, `, kind: embedder, query_prompt: "add "`},
	"cross-encoder": {func(t *testing.T, dir string) {
		if err := os.CopyFS(dir, os.DirFS("../model/testdata/cross-encoders/bert")); err != nil {
			t.Fatal(err)
		}
	}, `, max_length: 9`},
}

// taughtProject is a project with a teacher.
func taughtProject(t *testing.T, kind string) *recipe.Recipe {
	t.Helper()
	r := tinyProject(t, fmt.Sprintf(taughtRecipe, teachers[kind].says))
	teachers[kind].write(t, filepath.Join(filepath.Dir(r.File()), "teacher"))
	return r
}

// TestATeacherInARecipe is asked of what the other rules leave, once, whatever the round, and nothing that it scores above a
// positive is a negative.
func TestATeacherInARecipe(t *testing.T) {
	for kind := range teachers {
		t.Run(kind, func(t *testing.T) {
			r := taughtProject(t, kind)
			notes := mustRun(t, r)
			if strings.Count(notes, "teach: teacher: ") != 2 || strings.Contains(notes, ", 0 scored now") || strings.Count(notes, " 0 kept from earlier") != 1 {
				t.Errorf("the second round has to ask of what the first has not:\n%s", notes)
			}
			if told := strings.Contains(notes, "no quarry_trained.json tells which queries teacher was trained on"); told != (kind == "cross-encoder") {
				t.Errorf("a %s, of which nothing tells what it knows, is noted: %t", kind, told)
			}
			cut := regexp.MustCompile(`round 0: teach: \d+ of the pairs are longer than the teacher reads and were cut, the first at train\.jsonl:1 with corpus\.jsonl:\d+\n`)
			if kind == "cross-encoder" && !cut.MatchString(notes) {
				t.Errorf("pairs longer than nine tokens are not noted with their places:\n%s", notes)
			}
			l := rundir.Layout(r.Dir())
			for round := range 2 {
				lowest := map[string]float64{}
				negatives := 0
				for _, s := range []rundir.Split{rundir.Train, rundir.Dev} {
					for _, row := range minedRows(t, r, round, s) {
						lowest[row.Query()] = slices.Min(row.PosScores())
						for _, score := range row.NegScores() {
							if negatives++; score > lowest[row.Query()] {
								t.Errorf("round %d: %q: a negative has the score %v, the positive %v", round, row.Query(), score, lowest[row.Query()])
							}
						}
					}
				}
				if negatives == 0 {
					t.Errorf("round %d: no negatives", round)
				}
				checkTaughtProvenance(t, l.Round(round))
				checkTaughtAudit(t, l.Round(round), kind)
			}
			want := files(t, r.Dir())
			if _, ok := want["round-0/teacher-scores.jsonl"]; !ok {
				t.Error("the scores of round 0 are not stamped")
			}
			if notes := mustRun(t, r); !strings.Contains(notes, "round 1: every stage done before, unchanged") {
				t.Errorf("a second run does work:\n%s", notes)
			}
			if plan := states(t, r); !strings.Contains(plan, "1 teach done\n1 mine done") {
				t.Errorf("after a run the plan is\n%s", plan)
			}
		})
	}
}

func checkTaughtProvenance(t *testing.T, l rundir.RoundLayout) {
	t.Helper()
	f, err := os.Open(l.Provenance(rundir.Train))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, rows, err := provenance.Read(f, "provenance.jsonl")
	if err != nil || !slices.Contains(h.Rules, "teacher_margin 0") {
		t.Fatalf("%v, %v", h, err)
	}
	for _, row := range rows {
		if row.Teacher == "" || row.TeacherPositive == nil {
			t.Errorf("row %s: %+v", row.Key, row)
		}
		for _, n := range row.Negatives {
			if n.TeacherScore == nil || *n.TeacherScore > *row.TeacherPositive || !slices.Contains(n.Trail, "teacher_margin 0") {
				t.Errorf("row %s: %+v", row.Key, n)
			}
		}
	}
}

func checkTaughtAudit(t *testing.T, l rundir.RoundLayout, kind string) {
	t.Helper()
	raw, err := os.ReadFile(l.Audit())
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Negatives int
		Teacher   *TeacherAudit
	}
	if err := json.Unmarshal(raw, &found); err != nil {
		t.Fatal(err)
	}
	a := found.Teacher
	if a == nil || a.Kind != kind || a.Pairs == 0 || a.Saturation.Negatives != found.Negatives || a.Saturation.AbovePositive != 0 || a.MeanNegative >= a.MeanPositive {
		t.Errorf("audit %+v", a)
	}
}

// TestATeacherIsAskedOnlyOfWhatIsNew: not for another margin or draw, and for another window only of what that adds.
func TestATeacherIsAskedOnlyOfWhatIsNew(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(taughtRecipe, teachers["cross-encoder"].says), "  - mine: {window: 0-6}\n", "", 1)
	r := tinyProject(t, text)
	dir := filepath.Dir(r.File())
	teachers["cross-encoder"].write(t, filepath.Join(dir, "teacher"))
	changed := func(was, is string) *recipe.Recipe {
		t.Helper()
		if !strings.Contains(text, was) {
			t.Fatalf("the recipe has no %q", was)
		}
		return loadRecipe(t, dir, strings.Replace(text, was, is, 1))
	}
	mine := Options{Until: StageMine}
	run := func(r *recipe.Recipe, o Options) string {
		t.Helper()
		notes, err := runTiny(t, r, o)
		if err != nil {
			t.Fatalf("%v\n%s", err, notes)
		}
		return notes
	}
	run(r, mine)
	first := files(t, r.Dir())
	for _, change := range [][2]string{{"margin: 0", "margin: 0.0001"}, {"negatives: 4", "negatives: 2"}, {"negatives: 4", "negatives: 4, sampling: top"}} {
		if notes := run(changed(change[0], change[1]), mine); strings.Contains(notes, "round 0: teach: ") && !strings.Contains(notes, "teach: done before, unchanged") || !strings.Contains(notes, "round 0: mine: options changed: mine.") {
			t.Errorf("%s:\n%s", change, notes)
		}
	}
	if notes := run(changed("window: 1-8", "window: 1-7"), mine); !strings.Contains(notes, ", 0 scored now") {
		t.Errorf("a narrower window asks:\n%s", notes)
	}
	if notes := run(changed("window: 1-8", "window: 1-9"), mine); strings.Contains(notes, ", 0 scored now") || strings.Contains(notes, " 0 kept") {
		t.Errorf("a wider window asks of no pair, or of all:\n%s", notes)
	}
	r = loadRecipe(t, dir, text)
	if notes := run(r, mine); !strings.Contains(notes, ", 0 scored now") {
		t.Errorf("the first window again asks:\n%s", notes)
	}
	for _, path := range []string{"round-0/teacher-scores.jsonl", "round-0/negatives.jsonl", "round-0/audit.json"} {
		if got := files(t, r.Dir()); got[path] != first[path] || first[path] == "" {
			t.Errorf("%s is another than at first", path)
		}
	}
	shared := Options{Until: StageMine, TeacherScores: filepath.Join(t.TempDir(), "shared"), Dir: filepath.Join(t.TempDir(), "one")}
	run(r, shared)
	if _, err := os.Stat(rundir.Layout(shared.Dir).TeacherScores()); err == nil {
		t.Error("scores that are shared are in the run directory")
	}
	shared.Dir = filepath.Join(t.TempDir(), "two")
	if notes := run(r, shared); !strings.Contains(notes, ", 0 scored now") {
		t.Errorf("another run asks:\n%s", notes)
	}
}

// TestKilledWhileATeacherIsAsked crashes at operations on what a teacher leaves; the next run ends with the same bytes.
func TestKilledWhileATeacherIsAsked(t *testing.T) {
	for kind := range teachers {
		t.Run(kind, func(t *testing.T) { killedWhile(t, taughtProject(t, kind), 4, "teach") })
	}
}

// TestATeachersScoresTeachInTheSameRound: the rows that it was asked of need no other file for distillation.
func TestATeachersScoresTeachInTheSameRound(t *testing.T) {
	r := taughtProject(t, "embedder")
	r = loadRecipe(t, filepath.Dir(r.File()), strings.NewReplacer("  - mine: {window: 0-6}\n", "", "block_tokens: 64", "block_tokens: 64, distill: kl_div").Replace(fmt.Sprintf(taughtRecipe, teachers["embedder"].says)))
	mustRun(t, r)
	for _, s := range steps(t, r, 0) {
		if s.Distillation == nil || *s.Distillation == 0 {
			t.Errorf("step %d: %+v", s.Step, s)
		}
	}
}

// foldTeachers are the cross-encoders of writeFolds.
var foldTeachers = []string{"bert", "roberta"}

// writeFolds writes a directory of two cross-encoders, each trained on what knows says of the rows of train; nil is every other one.
func writeFolds(t *testing.T, dir string, knows func(fold, row int) bool) {
	t.Helper()
	if knows == nil {
		knows = func(fold, row int) bool { return row%2 == fold }
	}
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	list := rundir.FoldModels{Schema: rundir.FoldModelsSchema}
	for fold, kind := range foldTeachers {
		name := fmt.Sprintf("fold-%d", fold)
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS("../model/testdata/cross-encoders/"+kind)); err != nil {
			t.Fatal(err)
		}
		trained := model.TrainedQueries{}
		for row, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
			var q struct{ Query string }
			if err := json.Unmarshal([]byte(line), &q); err != nil {
				t.Fatal(err)
			}
			if knows(fold, row) {
				trained.Add(q.Query)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name, model.TrainedQueriesName), trained.Encode(), 0o600); err != nil {
			t.Fatal(err)
		}
		says(t, filepath.Join(dir, name, "config.json"), rundir.DigestBytes(trained.Encode()))
		digest, err := rundir.CrossEncoderDigest(t.Context(), rundir.OS{}, filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		list.Folds = append(list.Folds, rundir.FoldModel{Model: name, Digest: digest})
	}
	if err := rundir.WriteJSON(rundir.OS{}, filepath.Join(dir, model.FoldsName), list); err != nil {
		t.Fatal(err)
	}
}

// says has a configuration say which list of queries the model was written with.
func says(t *testing.T, path, digest string) {
	t.Helper()
	var config map[string]any
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &config)
	}
	if err != nil {
		t.Fatal(err)
	}
	config["quarry_trained"] = digest
	if raw, err = json.Marshal(config); err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func addTo(t *testing.T, path, text string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(raw, text...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestATeacherOfFolds scores each query by the cross-encoder that does not know it, as that one would by itself, and dev, which none
// knows, by the first.
func TestATeacherOfFolds(t *testing.T) {
	const says = ", max_length: 24, logits: true"
	text := strings.Replace(strings.Replace(fmt.Sprintf(taughtRecipe, says), "  - mine: {window: 0-6}\n", "", 1), "margin: 0", "margin: -99", 1)
	byOne := func(kind string) map[string][]float64 {
		r := tinyProject(t, text)
		if err := os.CopyFS(filepath.Join(filepath.Dir(r.File()), "teacher"), os.DirFS("../model/testdata/cross-encoders/"+kind)); err != nil {
			t.Fatal(err)
		}
		return taughtScores(t, r)
	}
	alone := []map[string][]float64{byOne(foldTeachers[0]), byOne(foldTeachers[1])}
	r := tinyProject(t, text)
	writeFolds(t, filepath.Join(filepath.Dir(r.File()), "teacher"), nil)
	plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if c := plan.Rounds[0].Teacher; c == nil || c.Kind != "cross-encoder" || c.Pairs == 0 || c.Tokens == 0 || c.TokensPerSecond <= 0 {
		t.Errorf("costs %+v", c)
	}
	got := taughtScores(t, r)
	for i, s := range []rundir.Split{rundir.Train, rundir.Dev} {
		for k, row := range minedRows(t, r, 0, s) {
			fold := 0
			if i == 0 {
				fold = 1 - k%2 // that which does not know the row
			}
			if want := alone[fold][row.Query()]; !slices.Equal(got[row.Query()], want) || slices.Equal(want, alone[1-fold][row.Query()]) {
				t.Errorf("%s, row %d: scores %v, by fold %d %v", s, k, got[row.Query()], fold, want)
			}
		}
	}
	stores, err := filepath.Glob(filepath.Join(rundir.Layout(r.Dir()).TeacherScores(), "*.jsonl"))
	if err != nil || len(stores) != 2 {
		t.Errorf("files of scores: %v, %v", stores, err)
	}
	if notes, err := runTiny(t, r, Options{Until: StageMine}); err != nil || !strings.Contains(notes, "teach: done before, unchanged") && !strings.Contains(notes, "every stage") && strings.Contains(notes, "starts\n") {
		t.Errorf("a second run asks: %v\n%s", err, notes)
	}
	// Another training of the folds teaches anew.
	teacher := filepath.Join(filepath.Dir(r.File()), "teacher")
	if err := os.RemoveAll(teacher); err != nil {
		t.Fatal(err)
	}
	writeFolds(t, teacher, func(fold, row int) bool { return row%2 != fold })
	if notes, err := runTiny(t, r, Options{Until: StageMine}); err != nil || !strings.Contains(notes, "round 0: teach: input changed: teacher") || strings.Contains(notes, ", 0 scored now") {
		t.Errorf("other folds: %v\n%s", err, notes)
	}
}

// taughtScores mines and returns the teacher's scores of each query's row.
func taughtScores(t *testing.T, r *recipe.Recipe) map[string][]float64 {
	t.Helper()
	if notes, err := runTiny(t, r, Options{Until: StageMine}); err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	scores := map[string][]float64{}
	for _, s := range []rundir.Split{rundir.Train, rundir.Dev} {
		for _, row := range minedRows(t, r, 0, s) {
			scores[row.Query()] = append(row.PosScores(), row.NegScores()...)
		}
	}
	return scores
}

// TestATeacherWithoutAMargin scores the rows that are mined without it, random and kept negatives among them, and learns from them.
func TestATeacherWithoutAMargin(t *testing.T) {
	const was, rules = ", teacher: {model: teacher, margin: 0%s}", ", random: 0.25, kept: 0.25"
	text := strings.Replace(strings.Replace(taughtRecipe, was, rules+", teacher: {model: teacher%s}", 1), "block_tokens: 64", "block_tokens: 64, distill: kl_div", 1)
	r := tinyProject(t, fmt.Sprintf(text, teachers["cross-encoder"].says))
	dir := filepath.Dir(r.File())
	teachers["cross-encoder"].write(t, filepath.Join(dir, "teacher"))
	plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	notes := mustRun(t, r)
	if strings.Count(notes, "teach: teacher: ") != 2 {
		t.Errorf("not asked in each round:\n%s", notes)
	}
	alone := tinyProject(t, strings.Replace(fmt.Sprintf(taughtRecipe, ""), ", teacher: {model: teacher, margin: 0}", rules, 1))
	if _, err := runTiny(t, alone, Options{Until: StageMine}); err != nil {
		t.Fatal(err)
	}
	pairs := 0
	for _, s := range []rundir.Split{rundir.Train, rundir.Dev} {
		without := minedRows(t, alone, 0, s)
		for i, row := range minedRows(t, r, 0, s) {
			if !slices.Equal(row.Neg(), without[i].Neg()) || len(row.Neg()) == 0 {
				t.Errorf("%s, row %d: %q with a teacher, %q without", s, i, row.Neg(), without[i].Neg())
			}
			if len(row.PosScores()) != len(row.Pos()) || len(row.NegScores()) != len(row.Neg()) {
				t.Errorf("%s, row %d: %d and %d scores", s, i, len(row.PosScores()), len(row.NegScores()))
			}
			pairs += len(row.Pos()) + len(row.Neg())
		}
	}
	if c := plan.Rounds[0].Teacher; c == nil || c.Pairs < pairs || c.Pairs > 2*pairs {
		t.Errorf("planned %+v, rows have %d pairs", c, pairs)
	}
	for _, s := range steps(t, r, 1) {
		if s.Distillation == nil || *s.Distillation == 0 {
			t.Errorf("step %d learns nothing from the teacher: %+v", s.Step, s)
		}
	}
	sameAgain(t, r)
	fewer := loadRecipe(t, dir, strings.Replace(fmt.Sprintf(text, teachers["cross-encoder"].says), "negatives: 4", "negatives: 3", 1))
	if notes, err := runTiny(t, fewer, Options{Until: StageMine}); err != nil || !strings.Contains(notes, "round 0: teach: options changed: mine.negatives 4 → 3") {
		t.Errorf("fewer negatives: %v\n%s", err, notes)
	}
}

func TestTeachersOfARecipeAreRefused(t *testing.T) {
	embedder := func(t *testing.T, dir string) { teachers["embedder"].write(t, dir) }
	knows := func(split string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			teachers["cross-encoder"].write(t, dir)
			raw, err := os.ReadFile(filepath.Join(filepath.Dir(dir), split+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			var row struct{ Query string }
			if err := json.Unmarshal([]byte(strings.Split(strings.TrimSpace(string(raw)), "\n")[1]), &row); err != nil || row.Query == "" {
				t.Fatal(err, row)
			}
			trained := model.TrainedQueries{}
			trained.Add(row.Query)
			if err := os.WriteFile(filepath.Join(dir, model.TrainedQueriesName), trained.Encode(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	cross := func(t *testing.T, dir string) { teachers["cross-encoder"].write(t, dir) }
	for _, tc := range []struct {
		name, says, want string
		write            func(t *testing.T, dir string)
	}{
		{"missing", "", "recipe.yaml:6: mine.teacher.model: ", func(*testing.T, string) {}},
		{"missing embedder", ", kind: embedder", "recipe.yaml:6: mine.teacher.model: ", func(*testing.T, string) {}},
		{"an embedder as a cross-encoder", ", kind: cross-encoder", "an embedder teaches with mine.teacher.kind embedder", embedder},
		{"a cross-encoder as an embedder", ", kind: embedder", "recipe.yaml:6: mine.teacher.model: ", cross},
		{"logits of an embedder", ", logits: true", "recipe.yaml:6: mine.teacher.logits has no part with an embedder, which teacher is", embedder},
		{"a prompt of a cross-encoder", ", query_prompt: q", "recipe.yaml:6: mine.teacher.query_prompt has no part with a cross-encoder, which teacher is", cross},
		{"longer than the model", ", max_length: 33", "recipe.yaml:6: mine.teacher.model: max length 33: the model has 32 positions", cross},
		{"no room", ", max_length: 1", "recipe.yaml:6: mine.teacher.query_max_length, mine.teacher.max_length: ", embedder},
		{"no pooling", "", "by mine.teacher.pooling (cls, mean, …)", func(t *testing.T, dir string) {
			if err := tinymodel.Write(dir, tinymodel.Options{Plain: true}); err != nil {
				t.Fatal(err)
			}
		}},
		{"one that knows a training query", "", "recipe.yaml:6: mine.teacher.model: the cross-encoder was trained on 1 of the ", knows("train")},
		{"one that knows a query of dev", "", "and name their directory, which scores out of fold", knows("dev")},
		{"no folds", "", "folds.json: schema 0; this program reads 1", func(t *testing.T, dir string) {
			if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, model.FoldsName), []byte("{}"), 0o600)); err != nil {
				t.Fatal(err)
			}
		}},
		{"folds as an embedder", ", kind: embedder", "mine.teacher.kind embedder: teacher holds cross-encoders, one for each fold (folds.json)", func(t *testing.T, dir string) { writeFolds(t, dir, nil) }},
		{"a prompt of folds", ", query_prompt: q", "mine.teacher.query_prompt has no part with cross-encoders, which teacher holds (folds.json)", func(t *testing.T, dir string) { writeFolds(t, dir, nil) }},
		{"folds that all know a query", "", "recipe.yaml:6: mine.teacher.model: teacher: the cross-encoder of every fold was trained on the query ", func(t *testing.T, dir string) {
			writeFolds(t, dir, func(int, int) bool { return true })
		}},
		{"a fold that changed", "", "is not as the training wrote it, by ", func(t *testing.T, dir string) {
			writeFolds(t, dir, nil)
			addTo(t, filepath.Join(dir, "fold-1", "config.json"), "\n")
		}},
		{"a fold that forgets", "", "is not the list that the model was written with", func(t *testing.T, dir string) {
			writeFolds(t, dir, nil)
			if err := os.WriteFile(filepath.Join(dir, "fold-1", model.TrainedQueriesName), model.TrainedQueries{}.Encode(), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"a margin that leaves nothing", "000", "recipe.yaml:6: train: no query has a negative left: teacher_margin dropped most", cross},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := fmt.Sprintf(taughtRecipe, tc.says)
			if tc.says == "000" {
				text = strings.Replace(text, "margin: 0000", "margin: 9", 1)
			}
			r := tinyProject(t, text)
			tc.write(t, filepath.Join(filepath.Dir(r.File()), "teacher"))
			notes, err := runTiny(t, r, Options{Until: StageMine})
			if tc.says != "000" && strings.Contains(notes, "embed") {
				t.Errorf("refused only behind stages:\n%s", notes)
			}
			if input := (InputError{}); strings.HasPrefix(tc.name, "one that knows") && !errors.As(err, &input) {
				t.Errorf("%v is not told as a fault of the recipe", err)
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if tc.says == "000" {
				return
			}
			if _, planned := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1}); planned == nil || planned.Error() != err.Error() {
				t.Errorf("the plan says %v", planned)
			}
		})
	}
}

// TestATeacherThatKnowsASetIsRefused before the first stage, by run and plan: queries of data.sets are mined by it too.
func TestATeacherThatKnowsASetIsRefused(t *testing.T) {
	text := fmt.Sprintf(taughtRecipe, "")
	r := tinyProject(t, text)
	dir := filepath.Dir(r.File())
	raw, err := os.ReadFile(filepath.Join(dir, "train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.SplitAfter(strings.TrimSpace(string(raw)), "\n")
	main, more := rows[:len(rows)-8], rows[len(rows)-8:]
	var row struct{ Query string }
	if err := json.Unmarshal([]byte(more[7]), &row); err != nil || row.Query == "" || strings.Contains(strings.Join(main, ""), strconv.Quote(row.Query)) {
		t.Fatal(err, row)
	}
	teachers["cross-encoder"].write(t, filepath.Join(dir, "teacher"))
	trained := model.TrainedQueries{}
	trained.Add(row.Query)
	for name, content := range map[string]string{"train.jsonl": strings.Join(main, ""), "more.jsonl": strings.Join(more, ""), "teacher/" + model.TrainedQueriesName: string(trained.Encode())} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r = loadRecipe(t, dir, strings.Replace(text, "group_field: group}", "group_field: group, sets: [{name: more, train: more.jsonl}]}", 1))
	notes, err := runTiny(t, r, Options{Until: StageMine})
	if err == nil || !strings.Contains(err.Error(), "recipe.yaml:6: mine.teacher.model: the cross-encoder was trained on 1 of the ") || strings.Contains(notes, "embed") {
		t.Fatalf("got %v\n%s", err, notes)
	}
	if _, planned := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1}); planned == nil || planned.Error() != err.Error() {
		t.Errorf("the plan says %v", planned)
	}
}

// TestThePlanCountsATeacher before the first run: the pairs of its window at most, and a stage in each round.
func TestThePlanCountsATeacher(t *testing.T) {
	for kind := range teachers {
		t.Run(kind, func(t *testing.T) {
			r := taughtProject(t, kind)
			plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			if len(plan.Stages) != 2*(len(Stages())+1) || plan.Stages[2].Stage != "teach" || plan.Stages[2].State != PlanRun {
				t.Errorf("stages %+v", plan.Stages)
			}
			mustRun(t, r)
			for i, c := range plan.Rounds {
				asked := 0
				raw, err := os.ReadFile(rundir.Layout(r.Dir()).Round(i).TeacherScores())
				if err == nil {
					asked = strings.Count(string(raw), "\n") - 1
				}
				if c.Teacher == nil || c.Teacher.Kind != kind || c.Teacher.Pairs < asked || asked == 0 || c.Teacher.Tokens == 0 || c.Teacher.TokensPerSecond <= 0 {
					t.Errorf("round %d: %+v, asked of %d pairs", i, c.Teacher, asked)
				}
			}
		})
	}
}
