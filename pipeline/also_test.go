package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// writeGeneral writes passages.jsonl and general.jsonl: some passages and questions that the run's own have nothing to do with.
func writeGeneral(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{
		"passages.jsonl": `{"_id":"a","text":"zero order"}
{"_id":"b","text":"nine digit over"}
{"_id":"c","text":"minus plus sum"}
`,
		"general.jsonl": `{"qid":"t0","query":"which zero","positive_ids":["a"]}
{"qid":"t1","query":"which digit","positive_ids":["b"]}
{"qid":"t2","query":"which sum","positive_ids":["c"]}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// alsoProject is a tiny project of one round with further sets: "same" is dev over the run's corpus by another path, "copy"
// dev over a copy of the corpus, "general" other texts.
func alsoProject(t *testing.T, sets string) *recipe.Recipe {
	t.Helper()
	r := tinyProject(t, edit(t, secondRound, ""))
	dir := filepath.Dir(r.File())
	writeGeneral(t, dir)
	for from, to := range map[string]string{"dev.jsonl": "same.jsonl", "corpus.jsonl": "copy.jsonl"} {
		raw, err := os.ReadFile(filepath.Join(dir, from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return loadRecipe(t, dir, edit(t, secondRound, "", "group_field: group}", "group_field: group, also: ["+sets+"]}"))
}

const (
	sameSet    = `{name: same, queries: same.jsonl, group_field: group}`
	copySet    = `{name: copy, queries: same.jsonl, corpus: copy.jsonl}`
	generalSet = `{name: general, queries: general.jsonl, corpus: passages.jsonl, query_prompt: "ask ", passage_prompt: ""}`
)

// also reads what the epochs of round 0 scored on a set.
func also(t *testing.T, r *recipe.Recipe, name string) []rundir.AlsoScores {
	t.Helper()
	d := look(t, r)
	var all []rundir.AlsoScores
	for epoch := range 3 {
		var s rundir.AlsoScores
		if err := rundir.ReadJSON(d.FS, d.Round(0).EpochAlso(name, epoch), &s); err != nil {
			t.Fatal(err)
		}
		if s.Name != name || s.Epoch != epoch || s.Round != 0 || s.Convention != "sentence-transformers" || !slices.Equal(s.Measures, []string{"map@25", "recall@5"}) {
			t.Errorf("%s of epoch %d: %+v", name, epoch, s)
		}
		queries, err := d.ReadQueryScores(d.Round(0).EpochQueries(rundir.AlsoSplit(name), epoch))
		if err != nil || len(queries.Queries) != s.Scores.Queries || queries.Split != rundir.AlsoSplit(name) {
			t.Errorf("%s of epoch %d query by query: %v", name, epoch, err)
		}
		checkRanked(t, d, alsoStage(name, epoch), rundir.AlsoSplit(name), epoch, queries)
		all = append(all, s)
	}
	return all
}

// checkRanked holds what an epoch of round 0 ranks for a set to what its queries score by recall@5, the second measure.
func checkRanked(t *testing.T, d *rundir.Dir, stage string, split rundir.Split, epoch int, scores *rundir.QueryScores) {
	t.Helper()
	path := d.Round(0).EpochRanking(split, epoch)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	header, found, err := candidates.ReadAll(f, path)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if *header.Epoch != epoch || header.Split != string(split) || header.ModelDigest == "" || len(header.CorpusDigest) != 64 || len(header.QueriesDigest) != 64 || len(found) != len(scores.Queries) {
		t.Errorf("%s: header %+v, %d rankings of %d queries", path, header, len(found), len(scores.Queries))
	}
	for _, q := range scores.Queries {
		c := found[slices.IndexFunc(found, func(c ranking.Candidates) bool { return c.Query == q.ID })]
		among := 0
		for _, p := range c.Positives {
			if p.Rank < 5 {
				among++
			}
		}
		if want := float64(among) / float64(len(c.Positives)); q.Values[1] != want {
			t.Errorf("%s: query %s scored %v, and its ranks give %v", path, q.ID, q.Values[1], want)
		}
	}
	stamp, err := d.ReadStamp(0, stage)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := stamp.Output("round-0/epochs/" + filepath.Base(path)); !ok {
		t.Errorf("the stamp of %s does not name the ranking", stage)
	}
}

// TestEveryEpochIsScoredOnOtherSets holds sets that are dev under other names to the scores of dev.
func TestEveryEpochIsScoredOnOtherSets(t *testing.T) {
	r := alsoProject(t, sameSet+", "+copySet+", "+generalSet)
	var told []string
	_, err := runTiny(t, r, Options{Events: Events{Epoch: func(_ int, s *rundir.Scores, chosen *int) {
		var names []string
		for _, a := range s.Epochs[len(s.Epochs)-1].Also {
			names = append(names, a.Name)
		}
		told = append(told, strings.Join(names, " "))
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := slices.Repeat([]string{"same copy general"}, 4); !slices.Equal(told, want) {
		t.Errorf("told of %q, want three epochs and the choice with all sets", told)
	}
	dev, err := look(t, r).ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	same, copied, general := also(t, r, "same"), also(t, r, "copy"), also(t, r, "general")
	for epoch, row := range dev.Epochs {
		if diff := cmp.Diff(row.Dev, same[epoch].Scores); diff != "" {
			t.Errorf("epoch %d: dev and the same over the same corpus (-dev +same):\n%s", epoch, diff)
		}
		// Training knows no passage of another corpus.
		if diff := cmp.Diff(rundir.Means{Queries: row.Dev.Queries, All: row.Dev.All}, copied[epoch].Scores); diff != "" {
			t.Errorf("epoch %d: dev and the same over a copy of the corpus (-dev +copy):\n%s", epoch, diff)
		}
		if general[epoch].Scores.Queries != 3 {
			t.Errorf("epoch %d: %d general queries, want 3", epoch, general[epoch].Scores.Queries)
		}
	}
	m, err := look(t, r).ReadManifest(0)
	if err != nil {
		t.Fatal(err)
	}
	var stages []string
	for _, s := range m.Stages {
		stages = append(stages, s.Stage)
	}
	if got := strings.Join(stages, " "); !strings.Contains(got, "eval-epoch-2 also-epoch-0-same also-epoch-0-copy also-epoch-0-general also-epoch-1-same") {
		t.Errorf("stages of the manifest: %s", got)
	}
}

// TestASetThatIsAddedChangesNothingElse adds a set to a finished run, and takes it away again.
func TestASetThatIsAddedChangesNothingElse(t *testing.T) {
	r := alsoProject(t, copySet)
	mustRun(t, r)
	before := files(t, r.Dir())
	dir := filepath.Dir(r.File())
	edited := loadRecipe(t, dir, edit(t, secondRound, "", "group_field: group}", "group_field: group, also: ["+copySet+", "+generalSet+"]}"))
	plan, err := tinyPlan(t, edited, Options{Path: exactpath.Fastest, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range plan.Stages {
		want := PlanDone
		if strings.HasSuffix(s.Stage, "-general") || s.Stage == stageCard { // the card tells of it
			want = PlanRun
		}
		if s.State != want {
			t.Errorf("plan: %s is %s, want %s", s.Stage, s.State, want)
		}
	}
	// Three epochs of three short queries and passages, of which the stages left are all there is.
	c := plan.Rounds[0]
	if left := plan.Seconds * plan.TokensPerSecond; c.also["general"] == 0 || int(left+0.5) != 3*c.also["general"] || c.AlsoTokens != 3*(c.also["general"]+c.also["copy"]) {
		t.Errorf("%.1f tokens are left, and an epoch takes %v", left, c.also)
	}
	notes := mustRun(t, edited)
	for line := range strings.SplitSeq(notes, "\n") {
		if stage, why, ok := strings.Cut(strings.TrimPrefix(line, "round 0: "), ": "); ok && why == "starts" != strings.HasSuffix(stage, "-general") {
			t.Errorf("%s", line)
		}
	}
	after := files(t, r.Dir())
	for path, digest := range before {
		if after[path] != digest && !slices.Contains([]string{"quarry.json", "recipe.resolved.yaml", "round-0/manifest.json", "round-0/merged/README.md", "round-0/stamps/card.json"}, path) {
			t.Errorf("%s has changed", path)
		}
	}
}

func TestSetsThatTrainingKnowsAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name, rows, set string
		want            string // part of the error; empty is none
	}{
		{"a text", `{"id":"x","query":"which sum","positive_ids":["a"]}`, `corpus: passages.jsonl`, `data.jsonl:1 has the text of train.jsonl:1`},
		{"an id of another corpus", `{"id":"t0","query":"other","positive_ids":["a"]}`, `corpus: passages.jsonl`, ""},
		{"an id of the same corpus", `{"id":"t0","query":"other","positive_ids":["p00"]}`, ``, `data.jsonl:1 has the key of train.jsonl:1`},
		{"a group of the same corpus", `{"id":"x","query":"other","positive_ids":["p00"],"group":"g0"}`, `group_field: group`, `data.jsonl:1 has the group of train.jsonl:1`},
		{"a passage that its corpus lacks", `{"id":"x","query":"other","positive_ids":["p00"]}`, `corpus: passages.jsonl`, `data.jsonl:1: `},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := alsoProject(t, "{name: x, queries: data.jsonl, "+tc.set+"}")
			dir := filepath.Dir(r.File())
			write := func(name, text string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("data.jsonl", tc.rows)
			write("train.jsonl", `{"id":"t0","query":"which sum","positive_ids":["p00"],"group":"g0"}`)
			_, err := readData(context.Background(), r, rundir.OS{})
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if strings.Contains(tc.want, "train.jsonl") && !strings.Contains(err.Error(), "recipe.yaml:4: 1 also-x queries are known from training") {
				t.Errorf("got %v", err)
			}
		})
	}
}
