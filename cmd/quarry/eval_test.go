package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

func (p project) eval(t testing.TB, o EvalOptions) *testHost {
	t.Helper()
	h := newTestHost()
	mustBe(t, runEval(t.Context(), o, h.host))
	return h
}

func TestEval(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := EvalOptions{Rank: p.rank("dev.jsonl"), Metrics: "map@25,recall@5,mrr", Train: p.path("train.jsonl")}
	golden.Check(t, "testdata/eval.txt", p.eval(t, o).out.Bytes())
	o.JSON = true
	var got evalJSON
	mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &got))
	if got.Schema != 1 || got.Queries != 10 || len(got.Metrics) != 3 || got.Slices["seen"].Queries+got.Slices["unseen"].Queries != 10 {
		t.Errorf("as JSON: %+v", got)
	}
}

func TestEvalIntervalsAndQueries(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := EvalOptions{Rank: p.rank("dev.jsonl"), Metrics: "map@25,recall@5", PerQuery: p.path("queries.jsonl"), JSON: true}
	var alone, grouped evalJSON
	mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &alone))
	sums := map[string]float64{}
	for _, line := range lines(p.read(t, "queries.jsonl")) {
		var q struct {
			ID       string
			Measures map[string]float64
		}
		mustBe(t, json.Unmarshal([]byte(line), &q))
		if !strings.HasPrefix(q.ID, "d") || len(q.Measures) != 2 {
			t.Errorf("line %s", line)
		}
		for name, v := range q.Measures {
			sums[name] += v
		}
	}
	for name, mean := range alone.Metrics {
		i := alone.Intervals[name]
		if !(i.Low < mean && mean < i.High) || i.Level != 0.95 || i.Units != 10 {
			t.Errorf("%s %g in %+v", name, mean, i)
		}
		if math.Abs(sums[name]/10-mean) > 1e-12 {
			t.Errorf("the mean of %s by query is %g, want %g", name, sums[name]/10, mean)
		}
	}
	// Twin rows of one group say no more than one of them: the interval of five groups is wider.
	rows := lines(p.read(t, "dev.jsonl"))[:5]
	var twins []string
	for i, row := range rows {
		for _, id := range []string{"a", "b"} {
			twins = append(twins, strings.Replace(row, "{", fmt.Sprintf(`{"twin":"%d","key":"%d%s",`, i, i, id), 1))
		}
	}
	o.PerQuery = ""
	o.Rank.Data.Queries, o.Rank.Data.IDField = p.write(t, "twins.jsonl", strings.Join(twins, "\n")), "key"
	p.write(t, "keyed.jsonl", strings.ReplaceAll(p.read(t, "corpus.jsonl"), `{"id":`, `{"key":`))
	o.Rank.Data.Corpus = p.path("keyed.jsonl")
	mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &alone))
	o.Rank.Data.GroupField = "twin"
	mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &grouped))
	narrow, wide := alone.Intervals["map@25"], grouped.Intervals["map@25"]
	if narrow.Units != 10 || wide.Units != 5 || wide.High-wide.Low <= narrow.High-narrow.Low {
		t.Errorf("by rows %+v, by groups %+v", narrow, wide)
	}
	o.PerQuery = o.Rank.Data.Queries
	refused(t, runEval(t.Context(), o, newTestHost().host), "is also --queries")
}

func TestEvalOfGivenVectors(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	given := p.vectorFiles(t)
	o := EvalOptions{Rank: RankOptions{Data: p.rank("dev.jsonl").Data, Given: given}, Metrics: "map@25,mrr@25,recall@30", JSON: true}
	var byVectors, byModel evalJSON
	mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &byVectors))
	o.Rank = p.rank("dev.jsonl")
	mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &byModel))
	for name, v := range byModel.Metrics {
		if byVectors.Metrics[name] != v {
			t.Errorf("%s is %g by vectors, %g by the model", name, byVectors.Metrics[name], v)
		}
	}
	// With one positive a query, average precision is the reciprocal rank; the whole corpus holds every positive.
	if math.Abs(byModel.Metrics["map@25"]-byModel.Metrics["mrr@25"]) > 1e-12 || byModel.Metrics["recall@30"] != 1 {
		t.Errorf("metrics %v", byModel.Metrics)
	}
}

func TestEvalDoesNotDependOnWorkersOrMemory(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := EvalOptions{Rank: p.rank("dev.jsonl"), Metrics: "map@25,ndcg@10", JSON: true}
	want := p.eval(t, o).out.String()
	o.Rank.Engine = EngineOptions{Workers: 1, Memory: 1 << 20}
	if got := p.eval(t, o).out.String(); got != want {
		t.Errorf("scores\n%swant\n%s", got, want)
	}
}

func TestExpectations(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := EvalOptions{Rank: p.rank("dev.jsonl"), Metrics: "map@25,recall@30", Expect: []string{"recall@30 >= 1", "map@25>=0.99", "recall@30>=2"}}
	h := newTestHost()
	err := runEval(t.Context(), o, h.host)
	if !as[missedError](err) || !strings.Contains(err.Error(), "expected map@25 >= 0.99, got 0.") || !strings.Contains(err.Error(), "expected recall@30 >= 2, got 1.000000") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(h.out.String(), "map@25") {
		t.Error("the scores are not printed when one misses what is expected")
	}
	for _, bad := range []string{"map@25", "map@25>=high", "mpa@25>=1", "recall@5>=1"} {
		o.Expect = []string{bad}
		refused(t, runEval(t.Context(), o, h.host), "--expect")
	}
}
