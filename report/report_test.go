package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

func TestWrite(t *testing.T) {
	for _, tc := range []struct {
		name string
		run  func(t *testing.T) *run
	}{
		{"two-rounds", func(t *testing.T) *run {
			r := twoRounds(t)
			r.record("0/2=0.41:public", "1/3=0.505:public", "1/3=0.488:private", "1/2=0.49:public")
			return r
		}},
		{"second-round-under-way", func(t *testing.T) *run {
			r := newRun(t)
			r.finish(0, 2, []float64{0.17, 0.30, 0.35, 0.34})
			r.score(1, measures, []float64{0.17, 0.33})
			return r
		}},
		{"plain", func(t *testing.T) *run { // an outside trainer without losses, no unseen queries, no test, odd words
			r := newRun(t)
			s := &rundir.Scores{Version: 1, Convention: "trec_eval", Measures: []string{"ndcg", "mrr@10", "ndcg@10", "r-precision"}}
			for epoch := range 2 {
				s.Epochs = append(s.Epochs, rundir.EpochScores{Epoch: epoch, Dev: rundir.Means{Queries: 7, All: []float64{0.5, 0.25, 1, 0}}})
			}
			r.write(r.Round(0).Scores(), s)
			r.choose(0, 0, "command", "epoch_1 | is\nno better\x1b[2J")
			return r
		}},
		{"other-sets", func(t *testing.T) *run { // the second epoch is not scored on both yet
			r := newRun(t)
			r.finish(0, 2, []float64{0.17, 0.30, 0.35})
			r.also(0, "general", true, []float64{0.50, 0.48, 0.41})
			r.also(0, "older", false, []float64{0.25, 0.26})
			r.also(0, "dropped from the recipe", false, []float64{0.9})
			return r
		}},
		{"earlier-round-was-better", func(t *testing.T) *run {
			r := newRun(t)
			r.recipe("rounds: [{select: {metric: recall@25}}, {select: {metric: recall@25}}, {select: ask}]\n")
			r.finish(0, 2, []float64{0.17, 0.30, 0.35})
			r.finish(1, 1, []float64{0.17, 0.33, 0.31})
			r.finish(2, 1, []float64{0.17, 0.34, 0.31})
			return r
		}},
		{"nothing-yet", newRun},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.run(t).read()
			for format, extension := range map[report.Format]string{report.Text: "txt", report.Markdown: "md", report.JSON: "json", report.CSV: "csv", report.LaTeX: "tex"} {
				var out, again bytes.Buffer
				if err := got.Write(&out, format); err != nil {
					t.Fatal(err)
				}
				if err := got.Write(&again, format); err != nil || again.String() != out.String() {
					t.Errorf("%s: written twice, two results: %v", format, err)
				}
				golden.Check(t, filepath.Join("testdata", tc.name+"."+extension), out.Bytes())
				checkForm(t, format, out.String())
			}
		})
	}
}

// checkForm holds what is true of every report: a table's rows are equally wide, and JSON is one object.
func checkForm(t *testing.T, format report.Format, out string) {
	t.Helper()
	if strings.ContainsRune(out, '\x1b') {
		t.Errorf("%s: an escape sequence came through", format)
	}
	if format == report.JSON {
		var v struct{ Schema int }
		if err := json.Unmarshal([]byte(out), &v); err != nil || v.Schema != report.Schema {
			t.Errorf("JSON: schema %d, %v", v.Schema, err)
		}
		return
	}
	lines := strings.Split(out, "\n")
	for i, line := range lines {
		if strings.TrimRight(line, " ") != line {
			t.Errorf("%s:%d: spaces at the end", format, i+1)
		}
		if format == report.Markdown && i > 0 && strings.HasPrefix(line, "|") && strings.HasPrefix(lines[i-1], "|") &&
			utf8.RuneCountInString(line) != utf8.RuneCountInString(lines[i-1]) {
			t.Errorf("%s:%d: the table's rows differ in width", format, i+1)
		}
	}
}

// Every number of the run is in the JSON, under the name of its measure.
func TestJSONHoldsAll(t *testing.T) {
	r := twoRounds(t)
	var out bytes.Buffer
	if err := r.read().Write(&out, report.JSON); err != nil {
		t.Fatal(err)
	}
	type metrics map[string]float64
	type slice struct{ Metrics metrics }
	type split struct {
		slice
		Seen, Unseen slice
	}
	var got struct {
		Metrics metrics
		Result  struct{ Round, Epoch int }
		Rounds  []struct {
			Done   bool
			Epochs []struct {
				Epoch  int
				Chosen bool
				Dev    split
				Test   *split
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for i, round := range got.Rounds {
		want, err := r.ReadScores(i)
		if err != nil {
			t.Fatal(err)
		}
		if !round.Done || len(round.Epochs) != len(want.Epochs) {
			t.Errorf("round %d: done %v with %d epochs, want %d", i, round.Done, len(round.Epochs), len(want.Epochs))
		}
		for j, e := range round.Epochs {
			for k, name := range want.Measures {
				dev := want.Epochs[j].Dev
				want := []float64{dev.All[k], dev.Seen.Means[k], dev.Unseen.Means[k]}
				if diff := cmp.Diff(want, []float64{e.Dev.Metrics[name], e.Dev.Seen.Metrics[name], e.Dev.Unseen.Metrics[name]}); diff != "" {
					t.Errorf("round %d epoch %d: %s (-want +got):\n%s", i, e.Epoch, name, diff)
				}
			}
			if (e.Test != nil) != (want.Epochs[j].Test != nil) {
				t.Errorf("round %d epoch %d: test %v", i, e.Epoch, e.Test)
			}
		}
	}
	if got.Result.Round != 1 || got.Result.Epoch != 3 || got.Metrics["map@25"] != 0.40 {
		t.Errorf("result %+v with %v, want round 1 epoch 3 with map@25 0.40", got.Result, got.Metrics)
	}
}

func TestReadWhileARunIsUnderWay(t *testing.T) {
	maps := []float64{0.17, 0.30, 0.35, 0.34}
	for _, tc := range []struct {
		name   string
		change func(r *run)
		epochs int
		chosen int // -1: none
		done   bool
		note   string
	}{
		{"done", func(*run) {}, 4, 2, true, ""},
		{"no manifest yet", func(r *run) { r.remove(r.Round(0).Manifest()) }, 4, 2, false, "not merged yet"},
		{"no choice yet", func(r *run) {
			r.remove(r.Round(0).Manifest())
			r.remove(r.Round(0).Choice())
		}, 4, -1, false, "no epoch is chosen yet"},
		{"another choice since the manifest", func(r *run) { r.choose(0, 1, "command", "half the time") }, 4, 1, false, "not merged yet"},
		{"no table yet", func(r *run) {
			r.remove(r.Round(0).Manifest())
			r.remove(r.Round(0).Choice())
			r.remove(r.Round(0).Scores())
		}, 4, -1, false, "not whole yet"},
		{"trained again, two epochs so far", func(r *run) {
			r.remove(filepath.Dir(r.Round(0).Epoch(0)))
			r.score(0, measures, []float64{0.17, 0.31})
		}, 2, -1, false, "choice of epoch 2 was made on other scores"},
		{"trained again, nothing scored so far", func(r *run) {
			r.remove(filepath.Dir(r.Round(0).Epoch(0)))
			if err := r.FS.MkdirAll(r.Round(0).Epoch(0)); err != nil {
				r.t.Fatal(err)
			}
		}, 0, -1, false, "nothing is scored yet"},
		{"measured again by other measures, one epoch so far", func(r *run) {
			r.score(0, []string{"map@10", "recall@10", "recall@20", "recall@30", "recall@40"}, maps[:1])
		}, 1, -1, false, "not whole yet"},
		{"an epoch being scored again", func(r *run) {
			if err := r.DropStamp(0, "eval-epoch-0"); err != nil {
				r.t.Fatal(err)
			}
		}, 3, -1, false, "not whole yet"},
		{"checkpoints thrown away", func(r *run) { r.remove(filepath.Dir(r.Round(0).Epoch(0))) }, 4, 2, true, ""},
		{"an empty directory", func(r *run) { r.remove(r.Round(0).Dir()); r.FS.MkdirAll(r.Round(0).Dir()) }, 0, -1, false, "nothing is scored yet"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRun(t)
			r.finish(0, 2, maps)
			tc.change(r)
			got := r.read().Rounds[0]
			chosen := slices.IndexFunc(got.Epochs, func(e report.Epoch) bool { return e.Chosen })
			if len(got.Epochs) != tc.epochs || chosen != tc.chosen || got.Done != tc.done {
				t.Errorf("%d epochs, chosen %d, done %v; want %d, %d, %v", len(got.Epochs), chosen, got.Done, tc.epochs, tc.chosen, tc.done)
			}
			if notes := strings.Join(got.Notes, "\n"); (tc.note == "") != (notes == "") || !strings.Contains(notes, tc.note) {
				t.Errorf("notes %q, want %q", notes, tc.note)
			}
			var out bytes.Buffer
			for _, format := range report.Formats() {
				if err := r.read().Write(&out, format); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestReadNotesAnEarlierResult(t *testing.T) {
	r := twoRounds(t)
	if notes := r.read().Rounds[1].Notes; len(notes) > 0 {
		t.Fatalf("notes of a finished run: %q", notes)
	}
	m, err := r.ReadManifest(0)
	if err != nil {
		t.Fatal(err)
	}
	m.Result.Digest = "merged anew"
	if err := r.WriteManifest(m); err != nil {
		t.Fatal(err)
	}
	got := r.read().Rounds[1]
	if want := []string{"made from an earlier result of round 0: run the recipe again"}; got.Done || !cmp.Equal(got.Notes, want) || !cmp.Equal(got.Outdated, want) {
		t.Errorf("done %v, notes %q; want %q", got.Done, got.Notes, want)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, tc := range []struct {
		name    string
		file    func(rundir.Layout) string
		content string
		want    []string
	}{
		{"newer scores", scoresFile, `{"version":2,"novelty":true}`, []string{"scores.json: version 2 is newer than this quarry knows (1)", "update quarry"}},
		{"newer choice", choiceFile, `{"version":3}`, []string{"choice.json: version 3 is newer"}},
		{"newer test", testFile, `{"version":2}`, []string{"test.json: version 2 is newer"}},
		{"newer outside scores", rundir.Layout.OutsideScores, `{"version":2}`, []string{"outside-scores.json: version 2 is newer"}},
		{"newer manifest", manifestFile, `{"version":2}`, []string{"manifest.json", "version 2"}},
		{"no version", scoresFile, `{}`, []string{"scores.json: version 0"}},
		{"cut short", scoresFile, `{"version":1,"round":0`, []string{"scores.json: the file is cut short"}},
		{"two values", scoresFile, `{"version":1}{}`, []string{"scores.json: something follows the JSON value"}},
		{"unknown key", choiceFile, `{"version":1,"epoch":1,"reason":""}`, []string{"choice.json", `"reason"`}},
		{"another round's", scoresFile, `{"version":1,"round":1}`, []string{"scores.json: of round 1", "round 0"}},
		{"row too short", scoresFile, `{"version":1,"measures":["map@25"],"epochs":[{"epoch":0,"eval_loss":null,"dev":{"all":[]}}]}`, []string{"scores.json: epoch 0: dev: 0 values for 1 measures"}},
		{"slice too short", scoresFile, `{"version":1,"measures":["map@25"],"epochs":[{"epoch":0,"dev":{"all":[1],"seen":{"queries":3}}}]}`, []string{"epoch 0: dev: seen: 0 values"}},
		{"out of order", scoresFile, `{"version":1,"epochs":[{"epoch":1},{"epoch":1}]}`, []string{"scores.json: row 2: epoch 1 out of order"}},
		{"row of another epoch", func(l rundir.Layout) string { return l.Round(0).EpochScores(1) }, `{"epoch":7,"eval_loss":null,"dev":{"all":[]}}`, []string{"epoch-1.scores.json: of epoch 7"}},
		{"test of an unknown epoch", testFile, `{"version":1,"epochs":[{"epoch":9,"test":{"all":[0,0,0,0,0]}}]}`, []string{"test.json: epoch 9 is not among"}},
		{"outside score twice", rundir.Layout.OutsideScores, `{"version":1,"scores":[{"label":"LB","value":1},{"label":"LB","value":2}]}`, []string{"outside-scores.json: score 2", "given twice"}},
		{"outside score without label", rundir.Layout.OutsideScores, `{"version":1,"scores":[{"value":1}]}`, []string{"outside-scores.json: score 1: label"}},
		{"newer scores on another set", alsoFile, `{"version":2}`, []string{"epoch-1.also-general.json: version 2 is newer"}},
		{"another set's", alsoFile, `{"version":1,"epoch":1,"name":"older"}`, []string{"epoch-1.also-general.json: of round 0, epoch 1, older"}},
		{"too short on another set", alsoFile, `{"version":1,"epoch":1,"name":"general","measures":["map@25"],"scores":{"all":[]}}`, []string{"epoch-1.also-general.json: 0 values for 1 measures"}},
		{"unreadable stamp", func(l rundir.Layout) string { return l.Stamp(0, "eval-epoch-0") }, `{`, []string{"eval-epoch-0.json"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRun(t)
			r.finish(0, 1, []float64{0.17, 0.30})
			r.also(0, "general", true, []float64{0.5, 0.4})
			if err := os.WriteFile(tc.file(r.Layout), []byte(tc.content), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := report.Read(r.Dir)
			if err == nil {
				t.Fatal("read without an error")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want %q in it", err, want)
				}
			}
		})
	}
}

func scoresFile(l rundir.Layout) string   { return l.Round(0).Scores() }
func choiceFile(l rundir.Layout) string   { return l.Round(0).Choice() }
func testFile(l rundir.Layout) string     { return l.Round(0).TestScores() }
func manifestFile(l rundir.Layout) string { return l.Round(0).Manifest() }
func alsoFile(l rundir.Layout) string     { return l.Round(0).EpochAlso("general", 1) }

// What an epoch scored on another set counts while its stamp stands and it was measured as the table was.
func TestOtherSetsThatCount(t *testing.T) {
	r := newRun(t)
	r.finish(0, 1, []float64{0.17, 0.30})
	r.also(0, "general", true, []float64{0.50, 0.48})
	counted := func() (n int) {
		for _, e := range r.read().Rounds[0].Epochs {
			n += len(e.Also)
		}
		return n
	}
	if n := counted(); n != 2 {
		t.Errorf("%d scores, want 2", n)
	}
	r.write(r.Round(0).EpochAlso("general", 1), rundir.AlsoScores{Version: 1, Epoch: 1, Name: "general", Convention: "ranx", Measures: []string{"mrr"}, Scores: rundir.Means{Queries: 1, All: []float64{1}}})
	r.remove(r.Stamp(0, "also-epoch-0-general"))
	if n := counted(); n != 0 {
		t.Errorf("%d scores without a stamp, or by other measures", n)
	}
}

// TestGain is told by the measure that the last round is chosen by, over the model that the recipe names.
func TestGain(t *testing.T) {
	for _, tc := range []struct {
		name, recipe string
		maps         [][]float64 // of each round, whose last epoch is chosen
		want         string
		notes        []string // of the last round
	}{
		{"no recipe", "", [][]float64{{0.25, 0.5}}, "map@25 0.5000 on 408 dev queries, +0.2500 over the base's 0.2500 (as sentence-transformers has it)", nil},
		{"another measure", "rounds: [{select: {metric: recall@50}}]\n", [][]float64{{0.25, 0.5}}, "recall@50 0.7000 on 408 dev queries, +0.2500 over the base's 0.4500 (as sentence-transformers has it)", nil},
		{"losses of two rounds are not comparable", "rounds: [{select: {metric: eval_loss}}]\n", [][]float64{{0.25, 0.5}}, "map@25 0.5000 on 408 dev queries, +0.2500 over the base's 0.2500 (as sentence-transformers has it)", nil},
		{"a person chooses", "rounds: [{select: ask}]\n", [][]float64{{0.25, 0.125}}, "map@25 0.1250 on 408 dev queries, -0.1250 over the base's 0.2500 (as sentence-transformers has it)", nil},
		{"the second round is better", "", [][]float64{{0.25, 0.5}, {0.5, 0.75}}, "map@25 0.7500 on 408 dev queries, +0.5000 over the base's 0.2500 (as sentence-transformers has it)", nil},
		{"the second round is worse", "", [][]float64{{0.25, 0.5}, {0.5, 0.375}}, "map@25 0.3750 on 408 dev queries, +0.1250 over the base's 0.2500 (as sentence-transformers has it)", []string{"round 0 was better: 0.5000 against 0.3750 (map@25)"}},
		{"the best of the earlier ones", "", [][]float64{{0.25, 0.5}, {0.5, 0.75}, {0.75, 0.375}}, "map@25 0.3750 on 408 dev queries, +0.1250 over the base's 0.2500 (as sentence-transformers has it)", []string{"round 1 was better: 0.7500 against 0.3750 (map@25)"}},
		{"equal rounds", "", [][]float64{{0.25, 0.5}, {0.5, 0.5}}, "map@25 0.5000 on 408 dev queries, +0.2500 over the base's 0.2500 (as sentence-transformers has it)", nil},
		{"worse behind the digits", "", [][]float64{{0.25, 0.500004}, {0.5, 0.500003}}, "map@25 0.5000 on 408 dev queries, +0.2500 over the base's 0.2500 (as sentence-transformers has it)", []string{"round 0 was better: 0.500004 against 0.500003 (map@25)"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRun(t)
			if tc.recipe != "" {
				r.recipe(tc.recipe)
			}
			for i, maps := range tc.maps {
				r.finish(i, len(maps)-1, maps)
			}
			got := r.read()
			line, ok := got.Gain()
			if !ok || line != tc.want {
				t.Errorf("%t, %q, want %q", ok, line, tc.want)
			}
			if diff := cmp.Diff(tc.notes, got.Rounds[len(got.Rounds)-1].Notes); diff != "" {
				t.Error(diff)
			}
		})
	}
	if line, ok := newRun(t).read().Gain(); ok {
		t.Errorf("nothing is scored, and it is %q", line)
	}
}
