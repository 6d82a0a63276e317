package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// judgedRounds is the tiny recipe whose second round goes by the run's own verdicts.
const judgedRounds = `  - mine: {window: 0-6, provenance: true, margin: -1, verdicts: runs/tiny/verdicts.jsonl}
`

func minedRows(t *testing.T, r *recipe.Recipe, round int, s rundir.Split) []*flagembedding.Row {
	t.Helper()
	return rowsIn(t, rundir.Layout(r.Dir()).Round(round).Negatives(s))
}

func rowsIn(t *testing.T, path string) []*flagembedding.Row {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := flagembedding.ReadAll(f, path)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func say(t *testing.T, r *recipe.Recipe, all ...verdicts.Verdict) {
	t.Helper()
	f, err := os.OpenFile(rundir.Layout(r.Dir()).Verdicts(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, v := range all {
		v.Query, v.Passage = "q", "p" // the texts judge
		line, err := v.Line()
		if err == nil {
			_, err = f.WriteString(line + "\n")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// redone are the stages of a round that were done anew.
func redone(notes, round string) []string {
	var stages []string
	for _, line := range strings.Split(notes, "\n") {
		rest, ok := strings.CutPrefix(line, "round "+round+": ")
		stage, _, _ := strings.Cut(rest, ": ")
		if ok && !strings.Contains(rest, "unchanged") && !slices.Contains(stages, stage) {
			stages = append(stages, stage)
		}
	}
	return stages
}

func TestARoundGoesByVerdicts(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, judgedRounds, "epochs: 2", "epochs: 1"))
	mustRun(t, r) // nothing has been said yet
	plain := minedRows(t, r, 1, rundir.Train)
	drop := verdicts.Verdict{Verdict: verdicts.Drop, QueryText: plain[0].Query(), PassageText: plain[0].Neg()[0]}
	promote := verdicts.Verdict{Verdict: verdicts.Promote, QueryText: plain[1].Query(), PassageText: plain[1].Neg()[0]}
	first := files(t, r.Dir())

	t.Run("without effect", func(t *testing.T) {
		keep, stale := drop, promote
		keep.Verdict, stale.QueryText = verdicts.Keep, "gone"
		say(t, r, keep, stale)
		if notes := mustRun(t, r); len(redone(notes, "0"))+len(redone(notes, "1")) != 0 {
			t.Errorf("redone:\n%s", notes)
		}
		sameFiles(t, files(t, r.Dir()), first)
	})
	t.Run("drop", func(t *testing.T) {
		say(t, r, drop)
		notes := mustRun(t, r)
		if got := redone(notes, "0"); len(got) != 0 {
			t.Errorf("round 0, which names no verdicts, was redone: %v", got)
		}
		if got := redone(notes, "1"); got[0] != "mine" || !slices.Contains(got, "finetune") || slices.Contains(got, "search") {
			t.Errorf("redone: %v", got)
		}
		for _, want := range []string{"input added: verdicts.drop", "verdicts of runs/tiny/verdicts.jsonl: 1 drop, 1 promote, 0 keep; 1 of them judge nothing\n  promote: no query has the text of query", "verdict 1"} {
			if !strings.Contains(notes, want) {
				t.Errorf("no %q in\n%s", want, notes)
			}
		}
		rows := minedRows(t, r, 1, rundir.Train)
		if slices.Contains(rows[0].Neg(), drop.PassageText) || !slices.Equal(rows[1].Neg(), plain[1].Neg()) {
			t.Error("the dropped passage is a negative still, or another row has changed")
		}
		side, err := os.ReadFile(rundir.Layout(r.Dir()).Round(1).Provenance(rundir.Train))
		if err != nil || !strings.Contains(string(side), `"rules":["window 0-6","positive","excluded","verdict","repeated_text","margin -1",`) {
			t.Errorf("provenance: %v in %.300s", err, side)
		}
	})
	t.Run("promote", func(t *testing.T) {
		say(t, r, promote)
		notes := mustRun(t, r)
		if got := redone(notes, "1"); got[0] != "search" || slices.Contains(redone(notes, "1"), "embed") {
			t.Errorf("redone: %v", got)
		}
		row := minedRows(t, r, 1, rundir.Train)[1]
		if slices.Contains(row.Neg(), promote.PassageText) || !slices.Contains(row.Pos(), promote.PassageText) {
			t.Errorf("row %v", row)
		}
		m, err := look(t, r).ReadManifest(1)
		if err != nil {
			t.Fatal(err)
		}
		var roles []string
		for _, data := range m.Data {
			roles = append(roles, data.Role)
		}
		if got := strings.Join(roles, " "); got != "corpus train dev verdicts.promote verdicts.drop" {
			t.Errorf("data of the manifest: %s", got)
		}
	})
	t.Run("the same bytes as a run that knew when the round began", func(t *testing.T) {
		fresh := tinyProject(t, edit(t, secondRound, judgedRounds, "epochs: 2", "epochs: 1"))
		if notes, err := runTiny(t, fresh, Options{Until: StageMerge}); err != nil {
			t.Fatalf("%v\n%s", err, notes)
		}
		said, err := os.ReadFile(rundir.Layout(r.Dir()).Verdicts())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(rundir.Layout(fresh.Dir()).Verdicts(), said, 0o600); err != nil {
			t.Fatal(err)
		}
		mustRun(t, fresh)
		sameFiles(t, files(t, fresh.Dir()), files(t, r.Dir()))
	})
	t.Run("taken back", func(t *testing.T) {
		drop.Verdict, promote.Verdict = verdicts.Open, verdicts.Open
		say(t, r, drop, promote)
		mustRun(t, r)
		sameFiles(t, files(t, r.Dir()), first)
	})
}

// TestPromotedAnswersAreTrainedOnAndSeen: what was promoted is drawn as a positive and known to masking, and a dev query that
// it answers counts as seen.
func TestPromotedAnswersAreTrainedOnAndSeen(t *testing.T) {
	r := judgedProject(t, recipe.Dense)
	r = loadRecipe(t, filepath.Dir(r.File()), strings.Replace(fmt.Sprintf(judgedRecipe, recipe.Dense), "depth: 6}", "depth: 6, verdicts: said.jsonl}", 1))
	line, err := verdicts.Verdict{Verdict: verdicts.Promote, Query: "t3", QueryText: "sum to zero", Passage: "e", PassageText: "subtract a digit"}.Line()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(r.File()), "said.jsonl"), []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), r, Options{Path: exactpath.Fastest})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	round, err := p.newRound(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	third := round.data.queries[rundir.Train][2]
	e, _ := round.data.corpus.ByID("e")
	if !slices.Contains(third.Positives, e) || !slices.Contains(round.answers(rundir.Train).Of(third), e) {
		t.Errorf("positives %v, known %v: want %d among them", third.Positives, round.answers(rundir.Train).Of(third), e)
	}
	if slices.Contains(p.data.queries[rundir.Train][2].Positives, e) {
		t.Error("rounds without verdicts take it for a positive too")
	}
	was, now := p.data.judged(p.data.set(rundir.Dev)), round.data.judged(round.data.set(rundir.Dev))
	if was[1].Seen || !now[1].Seen || len(now[1].Grades) != len(was[1].Grades) {
		t.Errorf("the dev query that e answers: seen %v, then %v", was[1].Seen, now[1].Seen)
	}
}

// Verdicts are of texts, so they hold for the training queries of data.sets too, each set in its own corpus; what they judge there
// is not told as judging nothing, and the stages of the other sets stay as they are.
func TestVerdictsOnFurtherSets(t *testing.T) {
	project := setsProject(t, faqSet, secondRound, "  - mine: {verdicts: runs/tiny/verdicts.jsonl}\n", "finetune: {epochs: 2", "finetune: {epochs: 1")
	mined := func() []*flagembedding.Row {
		return rowsIn(t, look(t, project).Round(1).Set("faq").Negatives(rundir.Train))
	}
	mustRun(t, project)
	plain := mined()
	drop := verdicts.Verdict{Verdict: verdicts.Drop, QueryText: plain[0].Query(), PassageText: plain[0].Neg()[0]}
	promote := verdicts.Verdict{Verdict: verdicts.Promote, QueryText: plain[1].Query(), PassageText: plain[1].Neg()[0]}
	stale := drop
	stale.QueryText = "gone"
	say(t, project, drop, promote, stale)
	notes := mustRun(t, project)
	for _, want := range []string{
		"round 1: mine-set-faq: verdicts of runs/tiny/verdicts.jsonl: 1 drop, 1 promote\n",
		"search-set-faq: input added: verdicts.promote of set-faq\n", "input added: verdicts.drop of set-faq; input added: verdicts.promote of set-faq\nround 1: mine-set-faq: verdicts of",
		"finetune: algorithm changed: version 3 → 4; input changed: round-1/sets/faq/negatives.jsonl; input added: verdicts.promote of set-faq\n", "also-epoch-0-faq: input added: verdicts.promote of set-faq\n",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in\n%s", want, notes)
		}
	}
	if got := redone(notes, "1"); slices.Contains(got, "mine") || slices.Contains(got, "search") {
		t.Errorf("what has no verdict was redone: %v", got)
	}
	rows := mined()
	if slices.Contains(rows[0].Neg(), drop.PassageText) || slices.Contains(rows[1].Neg(), promote.PassageText) || !slices.Contains(rows[1].Pos(), promote.PassageText) {
		t.Errorf("rows %v and %v", rows[0], rows[1])
	}
	// A verdict on the run's own rows tells of all that judge nothing, wherever.
	own := minedRows(t, project, 1, rundir.Train)[0]
	say(t, project, verdicts.Verdict{Verdict: verdicts.Drop, QueryText: own.Query(), PassageText: own.Neg()[0]})
	if notes := mustRun(t, project); !strings.Contains(notes, "mine: verdicts of runs/tiny/verdicts.jsonl: 3 drop, 1 promote, 0 keep; 1 of them judge nothing\n  drop: no query has the text of query") {
		t.Errorf("notes %s", notes)
	}
}

func TestVerdictsThatAreNotThere(t *testing.T) {
	round := func(file string) []string {
		return []string{secondRound, "", "  - {}", "  - mine: {verdicts: " + file + "}"}
	}
	all := func(file string) []string { return []string{"depth: 12}", "depth: 12, verdicts: " + file + "}"} }
	for _, tc := range []struct {
		name, file, content, want string
		edits                     func(file string) []string
	}{
		{"another file", "nowhere.jsonl", "", "recipe.yaml:10: mine.verdicts: ", round},
		{"of all rounds", "nowhere.jsonl", "", "recipe.yaml:5: mine.verdicts: ", all},
		{"no verdicts", "said.jsonl", "{}\n", `recipe.yaml:10: mine.verdicts: said.jsonl:1: the line has no "version"`, round},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tinyProject(t, edit(t, tc.edits(tc.file)...))
			if tc.content != "" {
				if err := os.WriteFile(filepath.Join(filepath.Dir(r.File()), tc.file), []byte(tc.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := runTiny(t, r, Options{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
