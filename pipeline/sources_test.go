package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/vectors"
)

// sourcesRecipe mines two rounds by what %s says.
const sourcesRecipe = `version: 1
name: tiny
model: model
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl, group_field: group}
mine:
  {window: 1-8, negatives: 4, depth: 12, provenance: true, %s}
finetune: {epochs: 1, batch: 8, group_size: 3, learning_rate: 2e-3, save_every: 3, block_tokens: 64}
eval: {metrics: [map@25]}
select: {metric: map@25}
rounds:
  - {}
  - mine: {window: 0-6}
`

// Sources as a recipe writes them, and all of them together.
const (
	modelSource   = `{kind: model, model: other, query_prompt: "add ", passage_max_length: 9}`
	runSource     = `{kind: run, run: given.trec}`
	vectorsSource = `{kind: vectors, corpus_vectors: c.npy, train_vectors: q.npy, dev_vectors: q.npy, corpus_ids: c.ids, train_ids: q.ids, dev_ids: q.ids}`
	allSources    = "fuse_constant: 10, fuse_weights: [1, 0.5, 2, 1, 1], sources: [" + vectorsSource + ", dense, bm25, " + modelSource + ", " + runSource + "]"
)

// given is what sourcesProject gives: the vectors of ids, others of the same, and the lines of the run.
type given struct {
	vectors map[string][]float32
	others  map[string][]float32
	run     map[string][]string // passages of each query, best first
}

// sourcesProject is a project that mines by what mine says, with a further model, a run and vectors to name.
func sourcesProject(t *testing.T, mine string) (*recipe.Recipe, given) {
	t.Helper()
	r := tinyProject(t, fmt.Sprintf(sourcesRecipe, mine))
	dir := filepath.Dir(r.File())
	if err := tinymodel.Write(filepath.Join(dir, "other"), tinymodel.Options{Layers: 1, Hidden: 8, Heads: 2, Intermediate: 8}); err != nil {
		t.Fatal(err)
	}
	return r, writeGiven(t, dir)
}

// writeGiven writes vectors of passages and queries, their rows in no order and with strangers among them, and a run that orders
// passages by a draw and lacks a training query.
func writeGiven(t *testing.T, dir string) given {
	t.Helper()
	g := given{map[string][]float32{}, map[string][]float32{}, map[string][]string{}}
	idsOf := func(file string) (ids []string) {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(raw) {
			var row struct{ ID string }
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, row.ID)
		}
		return ids
	}
	source := draw.New(7, "given", 0, 0, "vectors")
	write := func(name string, dim int, ids []string, into map[string][]float32) {
		ids = append([]string{"stranger"}, ids...)
		slices.Reverse(ids)
		m := vectors.Matrix{Rows: len(ids), Dim: dim}
		for _, id := range ids {
			row := make([]float32, dim)
			for i := range row {
				row[i] = float32(source.IntN(201)-100) / 64
			}
			into[id] = row
			m.Data = append(m.Data, row...)
		}
		var npy bytes.Buffer
		if err := errors.Join(vectors.WriteNPY(&npy, m), os.WriteFile(filepath.Join(dir, name+".npy"), npy.Bytes(), 0o600), os.WriteFile(filepath.Join(dir, name+".ids"), []byte(strings.Join(ids, "\n")+"\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	passages, queries := idsOf("corpus.jsonl"), append(idsOf("train.jsonl"), idsOf("dev.jsonl")...)
	write("c", 4, passages, g.vectors)
	write("q", 4, queries, g.vectors)
	var run strings.Builder
	for _, q := range queries {
		if q == "t3" {
			continue
		}
		drawn := slices.Clone(passages)
		for i := range drawn {
			k := i + source.IntN(len(drawn)-i)
			drawn[i], drawn[k] = drawn[k], drawn[i]
		}
		g.run[q] = drawn[:15]
		for rank, p := range g.run[q] {
			fmt.Fprintf(&run, "%s Q0 %s %d %d given\n", q, p, rank+1, 100-rank)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "given.trec"), []byte(run.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	write("c2", 3, passages, g.others)
	write("q2", 3, queries, g.others)
	return g
}

func readCandidateFile(t *testing.T, r *recipe.Recipe, round int, s rundir.Split) (candidates.Header, []ranking.Candidates) {
	t.Helper()
	path := rundir.Layout(r.Dir()).Round(round).Candidates(s)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, all, err := candidates.ReadAll(f, path)
	if err != nil {
		t.Fatal(err)
	}
	return h, all
}

// TestSourcesOfARecipe fuses everything that can rank. Each part is what that source ranks by itself, and the whole is made of them.
func TestSourcesOfARecipe(t *testing.T) {
	r, g := sourcesProject(t, allSources)
	notes := mustRun(t, r)
	if n := embeddings(notes); n != 3 {
		t.Errorf("the further model embeds %d times, not a corpus and two splits once:\n%s", n, notes)
	}
	if !strings.Contains(notes, "search: run:given.trec: 1 of the 30 queries of train are not in it") || strings.Contains(notes, "queries of dev are not in it") {
		t.Errorf("what the run lacks is not told:\n%s", notes)
	}
	alone := map[int]string{1: "source: dense", 2: "source: bm25", 3: "sources: [" + modelSource + "]"}
	parts := map[int]map[rundir.Split][]ranking.Candidates{}
	for at, mine := range alone {
		one, _ := sourcesProject(t, mine)
		if _, err := runTiny(t, one, Options{Until: StageMine}); err != nil {
			t.Fatal(err)
		}
		parts[at] = map[rundir.Split][]ranking.Candidates{}
		for _, s := range []rundir.Split{rundir.Train, rundir.Dev} {
			_, parts[at][s] = readCandidateFile(t, one, 0, s)
		}
	}
	d, err := readData(t.Context(), r, rundir.OS{})
	if err != nil {
		t.Fatal(err)
	}
	o := fuse.Options{Method: fuse.ReciprocalRank, K: 10, Weights: []float64{1, 0.5, 2, 1, 1}}
	for _, s := range []rundir.Split{rundir.Train, rundir.Dev} {
		h, all := readCandidateFile(t, r, 0, s)
		checkSourcesHeader(t, h)
		for i, c := range all {
			q := d.queries[s][i]
			for at := range alone {
				if diff := cmp.Diff(ranking.Ranked{Hits: parts[at][s][i].Hits, Positives: parts[at][s][i].Positives}, c.Sources[at]); diff != "" {
					t.Fatalf("%s: %s by itself and as a part (-alone +part):\n%s", c.Query, h.Sources[at].Name, diff)
				}
			}
			if diff := cmp.Diff(byVectors(d, g.vectors, q).Keep(12, q.Positives), c.Sources[0]); diff != "" {
				t.Fatalf("%s: by vectors (-want +got):\n%s", c.Query, diff)
			}
			byRun := ranking.Ranking{}
			for rank, id := range g.run[q.ID] {
				p, _ := d.corpus.ByID(id)
				byRun = append(byRun, ranking.Hit{Passage: p, Score: float32(100 - rank)})
			}
			if diff := cmp.Diff(byRun.Keep(12, q.Positives).Positives, c.Sources[4].Positives); diff != "" || len(c.Sources[4].Hits) != min(12, len(byRun)) {
				t.Fatalf("%s: by the run: %d hits (-want +got):\n%s", c.Query, len(c.Sources[4].Hits), diff)
			}
			if diff := cmp.Diff(fuse.Fuse(c.Sources, 12, d.corpus.Order(), q.Positives, o), ranking.Ranked{Hits: c.Hits, Positives: c.Positives}); diff != "" {
				t.Fatalf("%s: fused (-want +got):\n%s", c.Query, diff)
			}
		}
	}
	raw, err := os.ReadFile(rundir.Layout(r.Dir()).Round(1).Provenance(rundir.Train))
	if err != nil {
		t.Fatal(err)
	}
	if _, rows, err := provenance.Read(bytes.NewReader(raw), "provenance.jsonl"); err != nil || rows[0].Source != "fused" || len(rows[0].Ranks) != 6 {
		t.Errorf("provenance %+v, %v", rows[0], err)
	}
	manifest, err := os.ReadFile(rundir.Layout(r.Dir()).Round(0).Manifest())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`"source given.trec"`, `"source c.npy"`, `"source q.ids"`, `"sources/`, `"run": "given.trec"`} {
		if !strings.Contains(string(manifest), name) {
			t.Errorf("the manifest has no %s", name)
		}
	}
	sameAgain(t, r)
}

// byVectors is the ranking of the whole corpus by vectors of ids.
func byVectors(d *data, vectors map[string][]float32, q corpus.Query) ranking.Ranking {
	var all ranking.Ranking
	for p := range d.corpus.Len() {
		all = append(all, ranking.Hit{Passage: int32(p), Score: float32(kernel.Dot64(vectors[q.ID], vectors[d.corpus.ID(int32(p))]))})
	}
	d.corpus.Order().Sort(all)
	return all
}

// TestSeveralGivenVectors: sources of given vectors that are all in another order than the data rank by their own each. The later ones
// have fewer numbers a row.
func TestSeveralGivenVectors(t *testing.T) {
	other := strings.NewReplacer("c.", "c2.", "q.", "q2.").Replace(vectorsSource)
	r, g := sourcesProject(t, "sources: ["+vectorsSource+", "+other+"]")
	notes, err := runTiny(t, r, Options{Until: StageMine})
	if err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	d, err := readData(t.Context(), r, rundir.OS{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []rundir.Split{rundir.Train, rundir.Dev} {
		_, all := readCandidateFile(t, r, 0, s)
		for i, c := range all {
			q := d.queries[s][i]
			for at, vectors := range []map[string][]float32{g.vectors, g.others} {
				if diff := cmp.Diff(byVectors(d, vectors, q).Keep(12, q.Positives), c.Sources[at]); diff != "" {
					t.Fatalf("%s: source %d (-want +got):\n%s", c.Query, at, diff)
				}
			}
		}
	}
}

// embeddings counts the files that a further model made.
func embeddings(notes string) int {
	return len(regexp.MustCompile(`round 0: source-\w+: starts`).FindAllString(notes, -1))
}

func checkSourcesHeader(t *testing.T, h candidates.Header) {
	t.Helper()
	var names []string
	for _, s := range h.Sources {
		names = append(names, s.Kind+" "+s.Name)
		if (s.ModelDigest == "") != (s.Kind == "bm25") {
			t.Errorf("source %+v", s)
		}
	}
	if want := []string{"dense vectors:c.npy", "dense dense", "bm25 bm25", "dense model:other", "run run:given.trec"}; !slices.Equal(names, want) || h.Source != "fused" || h.Fusion != "rrf 10, weights [1 0.5 2 1 1]" {
		t.Errorf("header %+v", h)
	}
}

// sameAgain runs a recipe again, which has nothing to do, by its plan too.
func sameAgain(t *testing.T, r *recipe.Recipe) {
	t.Helper()
	if notes := mustRun(t, r); !strings.Contains(notes, "round 1: every stage done before, unchanged") || strings.Contains(notes, "starts") {
		t.Errorf("a second run does work:\n%s", notes)
	}
	if plan := states(t, r); strings.Contains(plan, "run\n") || strings.Contains(plan, "depends") {
		t.Errorf("after a run the plan is\n%s", plan)
	}
}

// TestSourcesAlone mines by one further model, one run, and given vectors.
func TestSourcesAlone(t *testing.T) {
	for name, source := range map[string]string{"model:other": modelSource, "run:given.trec": runSource, "vectors:c.npy": vectorsSource} {
		t.Run(name, func(t *testing.T) {
			r, _ := sourcesProject(t, "sources: ["+source+"]")
			mustRun(t, r)
			h, all := readCandidateFile(t, r, 0, rundir.Train)
			if h.Source != name || len(h.Sources) != 1 || h.Sources[0].ModelDigest == "" || h.ModelDigest != "" || h.Fusion != "" || len(all[0].Sources) != 0 || len(all[0].Hits) != 12 {
				t.Errorf("header %+v", h)
			}
			if _, err := os.Stat(rundir.Layout(r.Dir()).Round(0).PassageVectors()); err == nil {
				t.Error("the miner embeds, whom nobody asks")
			}
			raw, err := os.ReadFile(rundir.Layout(r.Dir()).Round(0).Provenance(rundir.Train))
			if err != nil {
				t.Fatal(err)
			}
			if _, rows, err := provenance.Read(bytes.NewReader(raw), "provenance.jsonl"); err != nil || rows[0].Source != name || rows[0].Miner != h.Sources[0].ModelDigest {
				t.Errorf("provenance %+v, %v", rows[0], err)
			}
			sameAgain(t, r)
		})
	}
}

// TestASourceThatChanges does anew what depends on it, and says what it was.
func TestASourceThatChanges(t *testing.T) {
	r, _ := sourcesProject(t, "sources: ["+modelSource+", "+runSource+"]")
	dir, until := filepath.Dir(r.File()), Options{Until: StageMine}
	run := func(r *recipe.Recipe) string {
		t.Helper()
		notes, err := runTiny(t, r, until)
		if err != nil {
			t.Fatalf("%v\n%s", err, notes)
		}
		return notes
	}
	run(r)
	first := files(t, r.Dir())
	path := filepath.Join(dir, "given.trec")
	lines, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(lines, []byte(" 100 given"), []byte(" 10 given"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if notes := run(r); !strings.Contains(notes, "search: input changed: source given.trec\n") || embeddings(notes) != 0 {
		t.Errorf("another run:\n%s", notes)
	}
	if err := os.WriteFile(path, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(r.File())
	if err != nil {
		t.Fatal(err)
	}
	changed := func(was, is string) *recipe.Recipe {
		return loadRecipe(t, dir, strings.Replace(string(text), was, is, 1))
	}
	if notes := run(changed("negatives: 4", "negatives: 4, fuse_constant: 1")); !strings.Contains(notes, "search: ") || !strings.Contains(notes, "fusion") {
		t.Errorf("another constant:\n%s", notes)
	}
	if notes := run(changed(`"add "`, `"sum "`)); embeddings(notes) != 2 {
		t.Errorf("another prompt embeds other than the queries of two splits anew:\n%s", notes)
	}
	run(loadRecipe(t, dir, string(text)))
	for name, want := range first {
		if got := files(t, r.Dir()); got[name] != want {
			t.Errorf("back at the first recipe %s is another", name)
		}
	}
}

// TestSourcesOfSets: a set over the run's corpus shares the further model's vectors of it, and one with a run of its own mines by that.
func TestSourcesOfSets(t *testing.T) {
	r, _ := sourcesProject(t, "sources: ["+modelSource+", bm25]")
	dir := filepath.Dir(r.File())
	raw, err := os.ReadFile(filepath.Join(dir, "train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.SplitAfter(strings.TrimSpace(string(raw)), "\n")
	for name, some := range map[string][]string{"train.jsonl": rows[:14], "more.jsonl": rows[14:22], "ranked.jsonl": rows[22:]} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(some, "")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.Replace(fmt.Sprintf(sourcesRecipe, "sources: ["+modelSource+", bm25]"), "group_field: group}", "group_field: group, sets: [{name: more, train: more.jsonl}, {name: ranked, train: ranked.jsonl, mine: {sources: ["+runSource+"]}}]}", 1)
	r = loadRecipe(t, dir, text)
	plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	planned := 0
	for _, s := range plan.Stages {
		if strings.HasPrefix(s.Stage, stageSource) {
			planned++
		}
	}
	// One corpus, train and dev of the run, train of the set that names nothing else.
	if c := plan.Rounds; planned != 4 || len(c[0].Sources) != 1 || c[0].Sources[0].Tokens == 0 || c[0].Sources[0].TokensPerSecond <= 0 || len(c[1].Sources) != 0 {
		t.Errorf("%d stages planned, costs %+v, %+v", planned, c[0].Sources, c[1].Sources)
	}
	notes := mustRun(t, r)
	if n := embeddings(notes); n != 4 {
		t.Errorf("%d embeddings:\n%s", n, notes)
	}
	for set, want := range map[string]string{"more": "fused", "ranked": "run:given.trec"} {
		f, err := os.Open(rundir.Layout(r.Dir()).Round(1).Set(set).Candidates(rundir.Train))
		if err != nil {
			t.Fatal(err)
		}
		h, _, err := candidates.ReadAll(f, set)
		if err := errors.Join(err, f.Close()); err != nil || h.Source != want {
			t.Errorf("%s is ranked by %q: %v", set, h.Source, err)
		}
	}
	sameAgain(t, r)
}

// TestSourcesThatCannotRankASet: what a set mines by because all do is told of the set, with what it can say for itself.
func TestSourcesThatCannotRankASet(t *testing.T) {
	const instead = "; the set has mine.sources in common with the run: give it mine: {source: dense}, or sources of its own by mine: {sources: …}"
	for _, tc := range []struct{ name, source, own, want string }{
		{"a run of other queries", runSource, "", "recipe.yaml:6: mine.sources: run:given.trec: set more of data.sets: none of its 39 queries is one of train: a query goes by its id" + instead},
		{"vectors of other passages", vectorsSource, "", "set more of data.sets: c.npy: no vector"},
		{"a run of its own", "bm25", "mine: {sources: [dense, " + runSource + "]}", "recipe.yaml:4: mine.sources: run:given.trec: set more of data.sets: none of its 39 queries is one of train: a query goes by its id"},
		{"the way out", runSource, "mine: {source: dense}", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, _ := sourcesProject(t, "sources: [dense, "+tc.source+"]")
			dir := filepath.Dir(r.File())
			for name, content := range map[string]string{
				"more-corpus.jsonl": `{"id":"x0","text":"add two"}` + "\n" + `{"id":"x1","text":"add three"}` + "\n" + `{"id":"x2","text":"add four"}` + "\n",
				"more.jsonl":        `{"id":"m0","query":"two","pos":["add two"]}` + "\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			raw, err := os.ReadFile(r.File())
			if err != nil {
				t.Fatal(err)
			}
			set := "group_field: group, sets: [{name: more, train: more.jsonl, corpus: more-corpus.jsonl, " + tc.own + "}]}"
			r = loadRecipe(t, dir, strings.Replace(string(raw), "group_field: group}", strings.Replace(set, ", }", "}", 1), 1))
			plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1})
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) || tc.own != "" && strings.Contains(err.Error(), "in common") {
					t.Errorf("got %v, want %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := "recipe.yaml:6: round 0: set more of data.sets: the window is 1-8, the corpus has 3 passages: of its 7 ranks there are 2; the set has mine.window in common with the run: give it a window of its own by mine: {window: …}"
			if !slices.ContainsFunc(plan.Warnings, func(w string) bool { return strings.HasSuffix(w, want) }) {
				t.Errorf("warnings %q, none %q", plan.Warnings, want)
			}
		})
	}
}

// TestSourcesThatCannotRank are refused before the first stage, by run and by plan.
func TestSourcesThatCannotRank(t *testing.T) {
	npy := func(m vectors.Matrix) string {
		var b bytes.Buffer
		if err := vectors.WriteNPY(&b, m); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, tc := range []struct{ name, source, file, content, want string }{
		{"no model", "{kind: model, model: nowhere}", "", "", "recipe.yaml:6: mine.sources: model:nowhere: "},
		{"no pooling", "{kind: model, model: plain}", "", "", "by its key pooling"},
		{"no room", "{kind: model, model: other, max_length: 1}", "", "", "recipe.yaml:6: mine.sources: model:other: query_max_length: "},
		{"no run", "{kind: run, run: nowhere}", "", "", "recipe.yaml:6: mine.sources: run:nowhere: open "},
		{"no run of anything", runSource, "given.trec", "x Q0 p01 1 1 t\n", "run:given.trec: none of its 1 queries is one of train: a query goes by its id"},
		{"no run of the corpus", runSource, "given.trec", "t1 Q0 x 1 1 t\n", `given.trec:1: query "t1": the corpus has no passage "x"`},
		{"a run that ends early", runSource, "given.trec", "t1 Q0 p01 1 1 t\n", "it keeps at most 1 passages of a train query, but the window 1-8 needs 8"},
		{"other vectors", strings.Replace(vectorsSource, "corpus_ids: c.ids, ", "", 1), "", "", "c.npy: 31 vectors for 30 texts"},
		{"no vector of a query", vectorsSource, "q.npy", npy(vectors.Matrix{Rows: 1, Dim: 4, Data: make([]float32, 4)}), "q.npy: 1 vectors but 41 ids"},
		{"vectors of two models", vectorsSource, "q.npy", npy(vectors.Matrix{Rows: 1, Dim: 1, Data: []float32{1}}), "they are not of one model"},
		{"no numbers", vectorsSource, "c.ids", "", "c.ids: no ids"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, _ := sourcesProject(t, "sources: ["+tc.source+"]")
			dir := filepath.Dir(r.File())
			if err := tinymodel.Write(filepath.Join(dir, "plain"), tinymodel.Options{Plain: true}); err != nil {
				t.Fatal(err)
			}
			if tc.file != "" {
				if err := os.WriteFile(filepath.Join(dir, tc.file), []byte(tc.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			notes, err := runTiny(t, r, Options{Until: StageMine})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if input := (InputError{}); !errors.As(err, &input) || strings.Contains(notes, "starts") {
				t.Errorf("%v is not told as a fault of the recipe, or behind stages:\n%s", err, notes)
			}
			if _, planned := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 1}); planned == nil || planned.Error() != err.Error() {
				t.Errorf("the plan says %v", planned)
			}
		})
	}
}

// TestKilledWhileSourcesRank crashes at operations on what further models, given vectors and the search leave; the next run ends with
// the same bytes and no leftovers.
func TestKilledWhileSourcesRank(t *testing.T) {
	r, _ := sourcesProject(t, allSources)
	killedWhile(t, r, 8, "source", ".cand", "given-")
}

// TestSourcesOfFolds: what names its rows by ids serves every fold, whose queries come of both files.
func TestSourcesOfFolds(t *testing.T) {
	r, _ := sourcesProject(t, allSources)
	text, err := os.ReadFile(r.File())
	if err != nil {
		t.Fatal(err)
	}
	folds := loadRecipe(t, filepath.Dir(r.File()), string(text)+"folds: {count: 2}\n")
	f, err := CutFolds(t.Context(), folds, rundir.OS{})
	if err != nil {
		t.Fatal(err)
	}
	for i, run := range f.Runs[0] {
		if _, err := tinyPlan(t, run, Options{FS: f.Unwritten(rundir.OS{}), Path: exactpath.Fastest, Workers: 1}); err != nil {
			t.Errorf("fold %d: %v", i, err)
		}
	}
}
