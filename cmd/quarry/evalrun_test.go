package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// twoQueries is a run whose numbers fit in a head, and its judgments.
const (
	smallRun   = "q1 Q0 a 1 3 t\nq1 Q0 b 2 2 t\nq1 Q0 c 3 2 t\nq2 Q0 a 1 9 t\nq2 Q0 q2 2 8 t\nq2 Q0 d 3 7 t\n"
	smallQrels = "q1 0 b 1\nq1 0 x 2\nq2 0 d 1\nq3 0 a 0\n"
)

// TestEvalOfAShallowRun: measures beyond the end of a run are told of; those of a whole corpus are not.
func TestEvalOfAShallowRun(t *testing.T) {
	p := project(t.TempDir())
	p.write(t, "run.trec", smallRun)
	p.write(t, "qrels.txt", smallQrels)
	for metrics, want := range map[string]string{
		"recall@3,map":           "",
		"map@3,recall@4,ndcg@10": "run.trec keeps at most 3 passages a query: recall@4, ndcg@10 can look no deeper than @3\n",
		"mrr@1,recall@5,recall@6,recall@7,recall@8,recall@9,recall@10,recall@11,recall@12": "recall@10, 2 more can look no deeper than @3\n",
	} {
		h := p.eval(t, EvalOptions{Run: p.path("run.trec"), Judgments: JudgmentOptions{Qrels: p.path("qrels.txt")}, Metrics: metrics, Missing: "skip"})
		if told := h.err.String(); !strings.HasSuffix(told, want) || want == "" && strings.Contains(told, "deeper") {
			t.Errorf("%s: %q, want %q", metrics, told, want)
		}
	}
	p.write(t, "corpus.jsonl", `{"id":"a","text":"a"}`+"\n"+`{"id":"b","text":"b"}`+"\n")
	p.write(t, "queries.jsonl", `{"id":"q","query":"q","pos":["a"]}`+"\n")
	p.write(t, "whole.trec", "q Q0 a 1 3 t\nq Q0 b 2 2 t\n")
	o := EvalOptions{Run: p.path("whole.trec"), Metrics: "recall@5"}
	o.Rank.Data.Corpus, o.Rank.Data.Queries = p.path("corpus.jsonl"), p.path("queries.jsonl")
	if told := p.eval(t, o).err.String(); strings.Contains(told, "deeper") {
		t.Errorf("of a whole corpus: %q", told)
	}
}

func TestEvalOfARun(t *testing.T) {
	p := project(t.TempDir())
	p.write(t, "run.trec", smallRun)
	p.write(t, "run.json", `{"q1": {"c": 2, "a": 3, "b": 2}, "q2": {"d": 7, "q2": 8, "a": 9}}`)
	p.write(t, "run.csv", "QuestionId_Answer,MisconceptionId\nq1,a b c\nq2,a q2 d a\n")
	p.write(t, "qrels.txt", smallQrels)
	p.write(t, "qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tb\t1\nq1\tx\t2\nq2\td\t1\nq3\ta\t0\n")
	p.write(t, "qrels.jsonl", `{"query-id":"q1","corpus-id":"b","score":1}`+"\n"+`{"query-id":"q1","corpus-id":"x","score":2}`+"\n"+`{"query-id":"q2","corpus-id":"d","score":1}`+"\n"+`{"query-id":"q3","corpus-id":"a","score":0}`+"\n")
	for _, tc := range []struct {
		name, run, qrels, convention string
		mapAll                       float64
		queries, skipped             int
	}{
		// q1: a, b, c (tie by id ascending), R = 2: (1/2)/2; q2: a, q2, d: 1/3. q3 has no positive.
		{"default", "run.trec", "qrels.txt", "sentence-transformers", (0.25 + 1.0/3) / 2, 2, 1},
		{"tsv", "run.trec", "qrels.tsv", "sentence-transformers", (0.25 + 1.0/3) / 2, 2, 1},
		{"jsonl", "run.trec", "qrels.jsonl", "sentence-transformers", (0.25 + 1.0/3) / 2, 2, 1},
		{"json", "run.json", "qrels.txt", "sentence-transformers", (0.25 + 1.0/3) / 2, 2, 1},
		// q1: a, c, b: (1/3)/2; q3 has no ranking and is left out.
		{"trec_eval", "run.trec", "qrels.txt", "trec_eval", (1.0/6 + 1.0/3) / 2, 2, 1},
		{"trec_eval of json", "run.json", "qrels.txt", "trec_eval", (1.0/6 + 1.0/3) / 2, 2, 1},
		// q2: a, d: 1/2.
		{"beir", "run.trec", "qrels.txt", "beir", (1.0/6 + 1.0/2) / 2, 2, 1},
		// The ranking's own order: json has c before b.
		{"kaggle", "run.csv", "qrels.txt", "kaggle", (0.25 + 1.0/3) / 2, 2, 1},
		{"kaggle of json", "run.json", "qrels.txt", "kaggle", (1.0/6 + 1.0/3) / 2, 2, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := EvalOptions{Run: p.path(tc.run), Judgments: JudgmentOptions{Qrels: p.path(tc.qrels)}, Metrics: "map", Convention: tc.convention, Missing: "skip", JSON: true}
			var got evalJSON
			mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &got))
			if math.Abs(got.Metrics["map"]-tc.mapAll) > 1e-12 || got.Queries != tc.queries || got.Skipped != tc.skipped || string(got.Convention) != tc.convention {
				t.Errorf("got %+v, want %v", got, tc.mapAll)
			}
		})
	}
}

// TestEvalOfZerosAlone: a folder whose grades are all zero is scored 0 where queries without positives are, as trec_eval and
// pytrec_eval 0.5.11 score them, and has nothing to score elsewhere. So has a file.
func TestEvalOfZerosAlone(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.write(t, "run.trec", "a Q0 1 1 2 t\na Q0 2 2 1 t\n")
	p.write(t, "zeros/corpus.jsonl", `{"_id":"1","text":"x"}`+"\n"+`{"_id":"2","text":"y"}`+"\n")
	p.write(t, "zeros/queries.jsonl", `{"_id":"a","text":"first"}`+"\n")
	p.write(t, "zeros/qrels/test.tsv", "query-id\tcorpus-id\tscore\na\t1\t0.0\na\t2\t0\n")
	for name, from := range map[string][]string{
		"a run by a folder": {"--run", p.path("run.trec"), "--data", p.path("zeros")},
		"a model":           {"--model", p.path("model"), "--data", p.path("zeros"), "--cpu", string(exactpath.Fastest)},
		"a run by a file":   {"--run", p.path("run.trec"), "--qrels", p.path("zeros/qrels/test.tsv")},
	} {
		for convention, code := range map[string]int{"trec_eval": exitDone, "beir": exitDone, "ranx": exitDone, "sentence-transformers": exitBadInput, "kaggle": exitBadInput} {
			h := newTestHost()
			if got := h.run(t, append([]string{"eval", "--metrics", "map,ndcg@10,mrr,recall@5,r-precision", "--convention", convention, "--json"}, from...)...); got != code {
				t.Errorf("%s, %s: exit code %d: %s", name, convention, got, h.err.String())
				continue
			}
			if code != exitDone {
				if !strings.Contains(h.err.String(), "no query to score: 1 judged") {
					t.Errorf("%s, %s: %s", name, convention, h.err.String())
				}
				continue
			}
			var got struct {
				Queries int
				Metrics map[string]float64
			}
			mustBe(t, json.Unmarshal(h.out.Bytes(), &got))
			for measure, v := range got.Metrics {
				if v != 0 || got.Queries != 1 {
					t.Errorf("%s, %s: %s is %v over %d queries", name, convention, measure, v, got.Queries)
				}
			}
		}
	}
}

// TestEvalOfEmptyRankings: one counts 0, as pytrec_eval 0.5.11 and ranx 0.3.21 have it, and is told; a run of nothing else is an
// error.
func TestEvalOfEmptyRankings(t *testing.T) {
	p := project(t.TempDir())
	qrels := p.write(t, "qrels.txt", "q1 0 b 1\nq2 0 d 1\n")
	one, none := p.write(t, "one.json", `{"q1": {}, "q2": {"d": 1}}`), p.write(t, "none.json", `{"q1": {}, "q2": {}}`)
	for _, convention := range []string{"sentence-transformers", "trec_eval", "ranx", "kaggle", "beir"} {
		h := newTestHost()
		code := h.run(t, "eval", "--run", one, "--qrels", qrels, "--metrics", "map", "--convention", convention)
		if code != exitDone || !strings.Contains(h.out.String(), "0.5000") || !strings.Contains(h.err.String(), `one.json: 1 ranking, such as "q1", without a passage`) {
			t.Errorf("%s: exit code %d: %s%s", convention, code, h.out.String(), h.err.String())
		}
	}
	h := newTestHost()
	if code := h.run(t, "eval", "--run", none, "--qrels", qrels, "--metrics", "map"); code != exitBadInput || !strings.Contains(h.err.String(), "none.json: no ranking holds a passage") {
		t.Errorf("exit code %d: %s", code, h.err.String())
	}
}

// TestEvalOfAPassageRankedTwice: only Kaggle's convention has a rule for it, and a submission may hold one.
func TestEvalOfAPassageRankedTwice(t *testing.T) {
	p := project(t.TempDir())
	run := p.write(t, "run.csv", "QuestionId_Answer,MisconceptionId\nq2,d\nq1,a b a\n")
	qrels := p.write(t, "qrels.txt", "q1 0 b 1\nq2 0 d 1\n")
	h := newTestHost()
	const want = `run.csv:3: query "q1": passage "a" is ranked twice; --convention kaggle takes the second place for void`
	if code := h.run(t, "eval", "--run", run, "--qrels", qrels, "--metrics", "map"); code != exitBadInput || !strings.Contains(h.err.String(), want) {
		t.Errorf("exit code %d: %s", code, h.err.String())
	}
	h = newTestHost()
	if code := h.run(t, "eval", "--run", run, "--qrels", qrels, "--metrics", "map", "--convention", "all"); code != exitDone || !strings.Contains(h.out.String(), want) || !strings.Contains(h.out.String(), "0.7500") {
		t.Errorf("exit code %d: %s%s", code, h.out.String(), h.err.String())
	}
	p.write(t, "graded.txt", "q1 0 b 2000\n")
	h = newTestHost()
	if code := h.run(t, "eval", "--run", run, "--qrels", p.path("graded.txt"), "--metrics", "ndcg@5", "--convention", "kaggle"); code != exitBadInput || !strings.Contains(h.err.String(), `query "q1": ndcg@5 as kaggle has it: the gains of its grades are larger than a float64 holds`) {
		t.Errorf("exit code %d: %s%s", code, h.out.String(), h.err.String())
	}
	h = newTestHost()
	if code := h.run(t, "eval", "--run", run, "--qrels", qrels, "--metrics", "map", "--convention", "kaggle", "--group-field", "x"); code != exitBadInput || !strings.Contains(h.err.String(), "--group-field beside --run needs --queries") {
		t.Errorf("exit code %d: %s", code, h.err.String())
	}
}

func TestEvalByEveryConvention(t *testing.T) {
	p := project(t.TempDir())
	p.write(t, "run.trec", smallRun)
	p.write(t, "qrels.txt", smallQrels)
	o := EvalOptions{Run: p.path("run.trec"), Judgments: JudgmentOptions{Qrels: p.path("qrels.txt")}, Metrics: "map,map@1,ndcg@3,mrr", Convention: allConventions}
	golden.Check(t, "testdata/eval-conventions.txt", p.eval(t, o).out.Bytes())
	o.JSON = true
	var all conventionsJSON
	mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &all))
	for c, one := range all.Conventions {
		if c == "ranx" { // which has no place for q3
			if !strings.Contains(one.Refused, `query "q3" is judged but has no ranking`) {
				t.Errorf("ranx: %+v", one)
			}
			continue
		}
		alone := o
		alone.Convention = string(c)
		var want evalJSON
		if h := newTestHost(); runEval(t.Context(), alone, h.host) == nil {
			mustBe(t, json.Unmarshal(h.out.Bytes(), &want))
		}
		for m, v := range want.Metrics {
			if one.Metrics[m] != v {
				t.Errorf("%s %s: %v beside the others, %v alone", c, m, one.Metrics[m], v)
			}
		}
	}
}

// TestEvalAsTrecEval compares the command's means with what trec_eval printed for its own test data.
func TestEvalAsTrecEval(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "shared", "data", "trec-eval")
	printed, err := os.ReadFile(filepath.Join(folder, "out.test.a"))
	if err != nil {
		t.Skipf("shared data absent: %v", err)
	}
	want, metrics := map[string]string{}, []string{}
	whole := map[string]string{"map": "map", "recip_rank": "mrr", "Rprec": "r-precision", "ndcg": "ndcg"}
	cut := map[string]string{"P": "precision", "recall": "recall", "map_cut": "map", "ndcg_cut": "ndcg", "success": "hit"}
	for _, line := range lines(string(printed)) {
		f := strings.Fields(line)
		name := whole[f[0]]
		if i := strings.LastIndexByte(f[0], '_'); name == "" && i > 0 && cut[f[0][:i]] != "" {
			name = cut[f[0][:i]] + "@" + f[0][i+1:]
		}
		if name != "" {
			want[name] = f[2]
			metrics = append(metrics, name)
		}
	}
	h := newTestHost()
	args := []string{"eval", "--run", filepath.Join(folder, "results.test"), "--qrels", filepath.Join(folder, "qrels.test"), "--metrics", strings.Join(metrics, ","), "--convention", "trec_eval", "--per-query", "--json"}
	if code := h.run(t, args...); code != exitDone {
		t.Fatal(h.err.String())
	}
	var got evalJSON
	mustBe(t, json.Unmarshal(h.out.Bytes(), &got))
	for name, v := range want {
		if text := strconv.FormatFloat(got.Metrics[name], 'f', 4, 64); text != v {
			t.Errorf("%s: %s, trec_eval printed %s", name, text, v)
		}
	}
	if len(want) < 40 || len(got.PerQuery) != 3 || got.PerQuery[0].ID != "301" || got.Queries != 3 {
		t.Errorf("%d measures, %d queries", len(want), len(got.PerQuery))
	}
}

// folders writes the project's dev queries as a BEIR folder, graded, and as an MTEB folder.
func (p project) folders(t *testing.T) {
	t.Helper()
	qrels, objects, queries := "query-id\tcorpus-id\tscore\n", "", ""
	for _, line := range lines(p.read(t, "dev.jsonl")) {
		var row struct {
			ID, Query   string
			PositiveIDs []string `json:"positive_ids"`
		}
		mustBe(t, json.Unmarshal([]byte(line), &row))
		text, err := json.Marshal(row.Query)
		mustBe(t, err)
		queries += `{"_id":"` + row.ID + `","text":` + string(text) + `,"kind":"k` + strconv.Itoa(len(row.Query)%2) + "\"}\n"
		for i, id := range row.PositiveIDs {
			qrels += row.ID + "\t" + id + "\t" + strconv.Itoa(i+1) + "\n"
			objects += `{"query-id":"` + row.ID + `","corpus-id":"` + id + `","score":` + strconv.Itoa(i+1) + "}\n"
		}
	}
	for folder, file := range map[string][2]string{"beir": {"qrels/test.tsv", qrels}, "mteb": {"qrels/test.jsonl", objects}} {
		p.write(t, folder+"/corpus.jsonl", strings.ReplaceAll(p.read(t, "corpus.jsonl"), `{"id":`, `{"_id":`))
		p.write(t, folder+"/queries.jsonl", queries)
		p.write(t, folder+"/"+file[0], file[1])
	}
	p.write(t, "qrels.tsv", qrels)
}

// TestEvalOfAFolder: one command evaluates a folder, to the numbers of its parts given one by one.
func TestEvalOfAFolder(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.folders(t)
	model := p.rank("dev.jsonl").Model
	whole := EvalOptions{Rank: p.rank("dev.jsonl"), Metrics: "map@25,ndcg@10,recall@5", JSON: true}
	var want evalJSON
	mustBe(t, json.Unmarshal(p.eval(t, whole).out.Bytes(), &want))
	parts := EvalOptions{Rank: p.rank("dev.jsonl"), Judgments: JudgmentOptions{Qrels: p.path("qrels.tsv")}, Metrics: whole.Metrics, JSON: true}
	sources := map[string]EvalOptions{"parts": parts}
	for _, folder := range []string{"beir", "mteb"} {
		sources[folder] = EvalOptions{Rank: RankOptions{Model: model}, Judgments: JudgmentOptions{Folder: p.path(folder)}, Metrics: whole.Metrics, JSON: true}
	}
	for name, o := range sources {
		var got evalJSON
		mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &got))
		if got.Queries != want.Queries {
			t.Errorf("%s: %d queries, want %d", name, got.Queries, want.Queries)
		}
		for m, v := range want.Metrics {
			if got.Metrics[m] != v {
				t.Errorf("%s: %s is %v, want %v", name, m, got.Metrics[m], v)
			}
		}
		if o.Convention = "beir"; got.Queries > 0 {
			p.eval(t, o)
		}
	}
	// A run of the same model on the folder scores the same.
	search := SearchOptions{Rank: p.rank("dev.jsonl"), Depth: 25, Output: p.path("run.trec")}
	p.search(t, search)
	o := EvalOptions{Run: p.path("run.trec"), Judgments: JudgmentOptions{Folder: p.path("beir")}, Metrics: "map@25,ndcg@10,recall@5", JSON: true, By: "kind,length"}
	var got evalJSON
	mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &got))
	for m, v := range want.Metrics {
		if got.Metrics[m] != v {
			t.Errorf("the run: %s is %v, want %v", m, got.Metrics[m], v)
		}
	}
	for _, name := range []string{"kind", "length"} {
		sum, n := 0.0, 0
		for _, part := range got.Breakdowns[name] {
			sum += part.Metrics["map@25"] * float64(part.Queries)
			n += part.Queries
			if i := part.Intervals["map@25"]; !(i.Low <= part.Metrics["map@25"] && part.Metrics["map@25"] <= i.High) {
				t.Errorf("%s: %+v", name, part)
			}
		}
		if n != got.Queries || math.Abs(sum/float64(n)-got.Metrics["map@25"]) > 1e-12 {
			t.Errorf("by %s: %d queries, mean %v: %+v", name, n, sum/float64(n), got.Breakdowns[name])
		}
	}
}

func TestEvalBreakdowns(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := EvalOptions{Rank: p.rank("dev.jsonl"), Metrics: "map@25,recall@5", Train: p.path("train.jsonl"), By: "seen,frequency,length", PerQuery: standard}
	golden.Check(t, "testdata/eval-by.txt", p.eval(t, o).out.Bytes())
}

func TestEvalSourcesThatContradict(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.folders(t)
	p.write(t, "run.trec", smallRun)
	p.write(t, "qrels.txt", smallQrels)
	p.write(t, "empty.txt", "")
	p.write(t, "twice.trec", "q1 Q0 a 1 3 t\nq1 Q0 a 2 2 t\n")
	p.write(t, "nan.trec", "q1 Q0 a 1 NaN t\n")
	p.write(t, "other.trec", "q9 Q0 a 1 1 t\n")
	p.write(t, "foreign.trec", "d1 Q0 p99 1 1 t\n")
	p.write(t, "unknown.txt", "d3 0 p01 1\nnobody 0 p01 1\n")
	p.write(t, "strange.txt", "d3 0 p99 1\n")
	p.write(t, "half.jsonl", `{"query-id":"q1","corpus-id":"b","score":0.5}`+"\n")
	run, qrels := []string{"--run", p.path("run.trec")}, []string{"--qrels", p.path("qrels.txt")}
	ranked := []string{"--model", p.path("model"), "--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl")}
	join := func(lists ...[]string) []string {
		all := []string{"eval"}
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"run without judgments", join(run), "--run needs judgments"},
		{"run and model", join(run, qrels, []string{"--model", "m"}), "--model has no part beside --run"},
		{"run and pooling", join(run, qrels, []string{"--pooling", "cls"}), "--pooling has no part beside --run"},
		{"folder and corpus", []string{"eval", "--model", "m", "--data", p.path("beir"), "--corpus", "c"}, "--corpus beside --data"},
		{"split of no folder", join(ranked, []string{"--split", "dev"}), "--split has no part without --data"},
		{"no such split", []string{"eval", "--model", p.path("model"), "--data", p.path("beir"), "--split", "dev"}, `no split "dev" (there is test)`},
		{"no such folder", []string{"eval", "--model", p.path("model"), "--data", p.path("w")}, "w: no such folder"},
		{"a file as a folder", []string{"eval", "--model", p.path("model"), "--data", p.path("qrels.txt")}, "qrels.txt: not a folder"},
		{"train of a bare run", join(run, qrels, []string{"--train", "t"}), "--train beside --run needs --corpus"},
		{"by what nobody knows", join(run, qrels, []string{"--by", "subject"}), "--by subject needs the rows of the queries"},
		{"by seen without train", join(ranked, []string{"--by", "seen"}), "--by seen has no part without --train"},
		{"by a field that is not there", join(ranked, []string{"--by", "subject"}), `has the field "subject"`},
		{"by a list", join(ranked, []string{"--by", "positive_ids"}), `dev.jsonl:1: "positive_ids": want a string, a number, true or false`},
		{"by nothing", join(ranked, []string{"--by", "length,,"}), "a name is empty"},
		{"all and expect", join(run, qrels, []string{"--convention", "all", "--expect", "map@25>=0"}), "--expect has no part beside --convention all"},
		{"misspelt convention", join(run, qrels, []string{"--convention", "trek"}), "ranx, beir, or all"},
		{"misspelt missing", join(run, qrels, []string{"--missing-queries", "drop"}), "use error, skip or zero"},
		{"missing query", join(run, qrels, []string{"--convention", "ranx"}), `query "q3" is judged but has no ranking; --missing-queries skip leaves such queries out, zero counts them as 0`},
		{"misspelt measure", join(run, qrels, []string{"--metrics", "ndgc@10"}), `did you mean "ndcg@10"?`},
		{"file of per-query", join(run, qrels, []string{"--per-query", "q.jsonl"}), "as in --per-query=q.jsonl"},
		{"empty run", []string{"eval", "--run", p.path("empty.txt"), "--qrels", p.path("qrels.txt")}, "empty.txt: no lines"},
		{"empty qrels", join(run, []string{"--qrels", p.path("empty.txt")}), "empty.txt: no judgments"},
		{"duplicate line", []string{"eval", "--run", p.path("twice.trec"), "--qrels", p.path("qrels.txt")}, `twice.trec:2: query "q1", document "a": the pair is already on line 1`},
		{"NaN", []string{"eval", "--run", p.path("nan.trec"), "--qrels", p.path("qrels.txt")}, "nan.trec:1: "},
		{"nothing in common", []string{"eval", "--run", p.path("other.trec"), "--qrels", p.path("qrels.txt"), "--convention", "trec_eval"}, `other.trec: none of its queries (1, such as "q9") is among those that are judged (3, such as "q1"): ids of the two must be the same; with --missing-queries zero`},
		{"run of another corpus", []string{"eval", "--run", p.path("foreign.trec"), "--data", p.path("beir")}, `foreign.trec:1: query "d1": the corpus has no passage "p99"`},
		{"qrels of an unknown query", join(ranked, []string{"--qrels", p.path("unknown.txt")}), `unknown.txt:2: `},
		{"qrels of an unknown passage", join(ranked, []string{"--qrels", p.path("strange.txt")}), `strange.txt:1: query "d3": the corpus has no passage "p99"`},
		{"half a grade", join(run, []string{"--qrels", p.path("half.jsonl")}), "half.jsonl:1: the grade is 0.5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			if code := h.run(t, tc.args...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d, %q; want %q", code, h.err.String(), tc.want)
			}
		})
	}
}
