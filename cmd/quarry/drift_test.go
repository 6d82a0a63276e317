package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/drift"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/report/page"
	"github.com/quarry-ml/quarry/rundir"
)

// drifted runs the command and returns what it printed.
func drifted(t *testing.T, args ...string) (string, error) {
	t.Helper()
	h := newTestHost()
	cmd := newDriftCommand(h.host)
	cmd.SetArgs(args)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err := cmd.ExecuteContext(t.Context())
	return h.out.String(), err
}

func TestDrift(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 3})
	mustBe(t, err)
	text, err := drifted(t, run.Dir, "--show", "1")
	mustBe(t, err)
	t.Log(text)
	for _, want := range []string{"rounds 1 and 2,", "train queries, ranks ", "round 1  round 2", "positive at rank 1", "candidates down to rank", "negatives: "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "of which there are") {
		t.Errorf("a window that candidates fill:\n%s", text)
	}
	text, err = drifted(t, run.Dir, "--window", "0-500")
	mustBe(t, err)
	if !strings.Contains(text, "ranks 0-500, of which there are candidates up to rank 20") || !strings.Contains(text, "candidates down to rank 20: ") {
		t.Errorf("a window that ends behind the candidates:\n%s", text)
	}
	raw, err := drifted(t, run.Dir, "--rounds", "0,1", "--on", "dev", "--window", "0-3", "--json")
	mustBe(t, err)
	var found struct {
		Schema int          `json:"schema"`
		Rounds [2]int       `json:"rounds"`
		On     string       `json:"on"`
		Moves  []drift.Move `json:"moves"`
		drift.Report
	}
	mustBe(t, json.Unmarshal([]byte(raw), &found))
	p := found.Positives
	if found.Schema != 2 || found.Rounds != [2]int{0, 1} || found.On != "dev" || found.Window.To != 3 || p.Rose+p.Fell+p.Same != found.Queries || len(found.Moves) != p.Rose+p.Fell || found.Negatives.Before == 0 {
		t.Errorf("%s", raw)
	}
}

// TestDriftOverlapIsThePages: the terminal, the JSON and the page have one figure, the later round's share.
func TestDriftOverlapIsThePages(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 2, Train: 20})
	mustBe(t, err)
	later := rundir.Layout(run.Dir).Round(1).Negatives(rundir.Train)
	raw, err := os.ReadFile(later)
	mustBe(t, err)
	kept := lines(string(raw))[:15] // as a smaller round
	mustBe(t, os.WriteFile(later, []byte(strings.Join(kept, "\n")+"\n"), 0o600))
	d, err := rundir.Open(run.Dir, rundir.OpenOptions{ReadOnly: true})
	mustBe(t, err)
	defer func() { mustBe(t, d.Close()) }()
	p, err := page.Read(d)
	mustBe(t, err)
	var shown []string
	for _, s := range p.Sections {
		for _, f := range s.Figures {
			if f.ID == "overlap" {
				shown = f.Table.Rows[1] // of the later round
			}
		}
	}
	text, err := drifted(t, run.Dir)
	mustBe(t, err)
	if len(shown) != 5 {
		t.Fatalf("the page shows %q", shown)
	}
	if want := fmt.Sprintf("negatives: of round 1's %s, %s (%s) were round 0's too\n", shown[3], shown[2], shown[4]); !strings.Contains(text, want) || shown[3] == "0" || shown[2] == "0" {
		t.Errorf("no %q in:\n%s", want, text)
	}
	if printed, err := drifted(t, run.Dir, "--json"); err != nil || !strings.Contains(printed, `"candidates_overlap": `) || !strings.Contains(printed, `"overlap": `) {
		t.Errorf("%v\n%s", err, printed)
	}
}

// TestDriftBehindAWarmUp: a round without mining is no reason to say that none has searched.
func TestDriftBehindAWarmUp(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 3, Train: 20})
	mustBe(t, err)
	mustBe(t, os.RemoveAll(filepath.Join(run.Dir, "round-0", "candidates")))
	text, err := drifted(t, run.Dir)
	mustBe(t, err)
	if !strings.Contains(text, "rounds 1 and 2,") {
		t.Errorf("not the last two that have searched:\n%s", text)
	}
	mustBe(t, os.RemoveAll(filepath.Join(run.Dir, "round-1", "candidates")))
	if _, err := drifted(t, run.Dir); err == nil || !strings.Contains(err.Error(), "one round has searched") {
		t.Errorf("error %v", err)
	}
}

// TestDirOfARecipe: a run that lies elsewhere is found by its recipe and --dir, as commands that run have it.
func TestDirOfARecipe(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 2, Train: 20})
	mustBe(t, err)
	p := project(t.TempDir())
	recipe := p.write(t, "recipe.yaml", "model: m\ndata: {corpus: c, train: t, dev: d}\n")
	folds := p.write(t, "folds.yaml", "model: m\ndata: {corpus: c, train: t, dev: d, group_field: g}\nfolds: {count: 2}\n")
	for _, command := range []string{"drift", "report"} {
		own, found := newTestHost(), newTestHost()
		if code := own.run(t, command, run.Dir); code != exitDone {
			t.Fatal(own.err.String())
		}
		if code := found.run(t, command, recipe, "--dir", run.Dir); code != exitDone || found.out.String() != own.out.String() {
			t.Errorf("%s: exit code %d, %s%s", command, code, found.out.String(), found.err.String())
		}
	}
	chosen := newTestHost()
	if code := chosen.run(t, "select", recipe, "--dir", run.Dir, "--round", "1", "--epoch", "1", "--because", "a trial"); code != exitDone {
		t.Errorf("select: exit code %d, %s", code, chosen.err.String())
	}
	choice, err := os.ReadFile(rundir.Layout(run.Dir).Round(1).Choice())
	mustBe(t, err)
	if !strings.Contains(string(choice), "a trial") {
		t.Errorf("select has chosen elsewhere: %s", choice)
	}
	for command, more := range map[string][]string{"drift": nil, "report": nil, "view": nil, "select": {"--round", "1", "--epoch", "1", "--because", "a trial"}} {
		for arg, want := range map[string]string{
			run.Dir:             "is a run directory itself",
			p.path("none.yaml"): "a recipe is wanted beside --dir: ",
			folds:               "a recipe with folds is many",
		} {
			h := newTestHost()
			if code := h.run(t, append([]string{command, arg, "--dir", run.Dir}, more...)...); code != exitBadInput || !strings.Contains(h.err.String(), want) {
				t.Errorf("%s %s: exit code %d, %q, want %q", command, arg, code, h.err.String(), want)
			}
		}
	}
}

// TestDriftOfFusedRounds: reciprocal ranks are compared as ranks, with a note; one source by its own scores, as if it alone had ranked.
func TestDriftOfFusedRounds(t *testing.T) {
	options := tinyrun.Options{Rounds: 2, Train: 20}
	alone, err := tinyrun.Write(t.TempDir(), options)
	mustBe(t, err)
	options.Fused = true
	fused, err := tinyrun.Write(t.TempDir(), options)
	mustBe(t, err)
	text, err := drifted(t, fused.Dir)
	mustBe(t, err)
	if !strings.Contains(text, "note: round 1 is mined by reciprocal ranks (rrf 60 of dense and bm25), which are no scores") || strings.Contains(text, "score") && strings.Index(text, "score") < strings.Index(text, "note:") || !strings.Contains(text, "negatives: ") {
		t.Errorf("fused:\n%s", text)
	}
	report := func(args ...string) (found struct {
		Source, Note string
		drift.Report
	}) {
		t.Helper()
		raw, err := drifted(t, append(args, "--json", "--window", "0-5", "--allowed", "0")...)
		mustBe(t, err)
		mustBe(t, json.Unmarshal([]byte(raw), &found))
		return found
	}
	want, got := report(alone.Dir), report(fused.Dir, "--source", "dense")
	if got.Source != "dense" || got.Note != "" || got.Window.Near == nil || got.Negatives.Before == 0 {
		t.Errorf("dense of the fused: %+v", got)
	}
	want.Negatives, got.Negatives, got.Source = drift.Negatives{}, drift.Negatives{}, "" // others are mined
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the miner's ranking beside another one drifts otherwise (-alone +beside):\n%s", diff)
	}
	if words := report(fused.Dir, "--source", "bm25"); words.Positives.Rose+words.Positives.Fell != 0 || words.Candidates != 1 || words.Positives.Score == nil {
		t.Errorf("bm25, which is the same in both rounds: %+v", words)
	}
	text, err = drifted(t, fused.Dir, "--source", "dense", "--window", "0-5", "--allowed", "0")
	mustBe(t, err)
	if !strings.Contains(text, "ranks 0-5 of dense") || !strings.Contains(text, "score of the positive") || strings.Contains(text, "mine.window: ") || !strings.Contains(text, " of dense would hold") {
		t.Errorf("dense of the fused:\n%s", text)
	}
	for source, says := range map[string]string{"splade": "--source splade: round 0 is mined by dense and bm25: name a source that both rounds have"} {
		if _, err := drifted(t, fused.Dir, "--source", source); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
	if _, err := drifted(t, alone.Dir, "--source", "bm25"); err == nil || !strings.Contains(err.Error(), "round 0 is mined by dense") {
		t.Errorf("error %v", err)
	}
}

// TestDriftOfAWindowOverSurvivors: raw ranks say nothing of it, so that it is neither warned of nor moved; named ranks are raw.
func TestDriftOfAWindowOverSurvivors(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 2, Train: 20})
	mustBe(t, err)
	const warned, noted = "warning: ", "note: the window of round 1, 1-10, is over the passages that the other rules left"
	for _, tc := range []struct {
		name   string
		window string // of the recipe
		args   []string
		want   string
		not    string
	}{
		{"raw ranks", "{window: 1-10}", nil, warned, noted},
		{"survivors", "{window: 1-10, survivors: true}", nil, noted, warned},
		{"named ranks", "{window: 1-10, survivors: true}", []string{"--window", "1-10"}, warned, noted},
	} {
		recipe := rundir.Layout(run.Dir).Recipe()
		raw, err := os.ReadFile(recipe)
		mustBe(t, err)
		changed := regexp.MustCompile(`\{window: 1-10.*?\}`).ReplaceAllString(string(raw), tc.window)
		mustBe(t, os.WriteFile(recipe, []byte(changed), 0o600))
		text, err := drifted(t, append([]string{run.Dir, "--allowed", "0"}, tc.args...)...)
		mustBe(t, err)
		if !strings.Contains(text, tc.want) || strings.Contains(text, tc.not) {
			t.Errorf("%s:\n%s", tc.name, text)
		}
	}
}

// TestLookAt: which rankings of two rounds are compared, and what is not said of them.
func TestLookAt(t *testing.T) {
	model, words := candidates.Source{Name: "dense", Kind: "dense", ModelDigest: "a"}, candidates.Source{Name: "bm25", Kind: "bm25", Parameters: "k1 1.5, b 0.75"}
	other := words
	other.Parameters = "k1 0.9, b 0.4"
	later := model
	later.ModelDigest = "b"
	of := func(fusion string, sources ...candidates.Source) candidates.Header {
		return candidates.Header{Sources: sources, Fusion: fusion}
	}
	for _, tc := range []struct {
		name   string
		source string
		a, b   candidates.Header
		want   lookedAt // the beginning of its note
		fails  string
	}{
		{"two miners", "", of(""), of(""), lookedAt{part: [2]int{-1, -1}}, ""},
		{"bm25 twice", "", of("", words), of("", words), lookedAt{part: [2]int{-1, -1}}, ""},
		{"bm25 by other parameters", "", of("", words), of("", other), lookedAt{part: [2]int{-1, -1}, scales: true, note: "round 0 is mined by bm25 (k1 1.5, b 0.75) and round 3 by bm25 (k1 0.9, b 0.4), whose scores do not compare"}, ""},
		{"bm25 and the miner", "", of("", words), of(""), lookedAt{part: [2]int{-1, -1}, scales: true, note: "round 0 is mined by bm25 (k1 1.5, b 0.75) and round 3 by dense"}, ""},
		{"weighted alike", "", of("weighted", model, words), of("weighted", later, words), lookedAt{part: [2]int{-1, -1}}, ""},
		{"weighted otherwise", "", of("weighted", model, words), of("weighted, weights [1 2]", later, words), lookedAt{part: [2]int{-1, -1}, scales: true, note: "round 0 is mined by dense and bm25 (k1 1.5, b 0.75) (weighted)"}, ""},
		{"reciprocal ranks once", "", of("rrf 60", model, words), of(""), lookedAt{part: [2]int{-1, -1}, ranks: true, note: "round 0 is mined by reciprocal ranks (rrf 60 of dense and bm25)"}, ""},
		{"the miner of both", "dense", of(""), of("rrf 60", words, later), lookedAt{part: [2]int{-1, 1}}, ""},
		{"bm25 of both", "bm25", of("", words), of("weighted", later, other), lookedAt{part: [2]int{-1, 1}, scales: true, note: "round 0 is mined by bm25 (k1 1.5, b 0.75) and round 3 by bm25 (k1 0.9, b 0.4)"}, ""},
		{"one that a round lacks", "bm25", of("weighted", model, words), of(""), lookedAt{}, "--source bm25: round 3 is mined by dense"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := lookAt(tc.source, [2]int{0, 3}, [2]candidates.Header{tc.a, tc.b})
			if tc.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fails) {
					t.Errorf("error %v, want %q", err, tc.fails)
				}
				return
			}
			mustBe(t, err)
			if !strings.HasPrefix(got.note, tc.want.note) || (got.note == "") != (tc.want.note == "") {
				t.Errorf("note %q, want %q", got.note, tc.want.note)
			}
			if got.note = tc.want.note; got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestDriftErrors(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 2})
	mustBe(t, err)
	one, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 1})
	mustBe(t, err)
	broken, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 2})
	mustBe(t, err)
	path := filepath.Join(broken.Dir, "round-1", "candidates", "train.cand")
	content, err := os.ReadFile(path)
	mustBe(t, err)
	mustBe(t, os.WriteFile(path, content[:len(content)-9], 0o600))
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"one round", []string{one.Dir}, "one round has searched for train queries, and a difference needs two"},
		{"a round that is not there", []string{run.Dir, "--rounds", "0,7"}, "round 7"},
		{"no rounds", []string{run.Dir, "--rounds", "1"}, `--rounds "1" is not two rounds, such as 0,1`},
		{"one round twice", []string{run.Dir, "--rounds", "1,1"}, `--rounds "1,1" is not two rounds`},
		{"test queries", []string{run.Dir, "--on", "test"}, `--on "test": train or dev`},
		{"a window", []string{run.Dir, "--window", "9-2"}, "--window: "},
		{"a share", []string{run.Dir, "--near", "2"}, "near 2: at least 0, below 1"},
		{"a cut file", []string{broken.Dir}, filepath.Join("round-1", "candidates", "train.cand")},
		{"no run", []string{filepath.Join(run.Dir, "nowhere")}, "a run directory or a recipe is wanted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := drifted(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}
