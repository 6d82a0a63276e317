package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// TestRunMetrics tells of a run as its events come, and passes each on.
func TestRunMetrics(t *testing.T) {
	m := &runMetrics{memory: func() int64 { return 1 << 30 }}
	passed := 0
	events := m.watch(&recipe.Recipe{Name: "eedi"}, pipeline.Events{
		Progress: func(pipeline.Progress) { passed++ },
		Epoch:    func(int, *rundir.Scores, *int) { passed++ },
	}, func() time.Time { return time.UnixMilli(1767225600500) })
	scrape := func() string {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
			t.Errorf("content type %q", got)
		}
		return w.Body.String()
	}
	if got := scrape(); strings.Count(got, "\n") != 6 {
		t.Errorf("before anything has happened:\n%s", got)
	}
	loss, chosen := 1.25, 1
	table := &rundir.Scores{Round: 1, Convention: "trec_eval", Measures: []string{"map@25", "recall@25"}, Epochs: []rundir.EpochScores{
		{Epoch: 0, EvalLoss: &loss, Dev: rundir.Means{All: []float64{0.25, 0.5}}},
		{Epoch: 1, Dev: rundir.Means{All: []float64{0.5, 0.75}}, Test: &rundir.Means{All: []float64{0.375, 0.5}}, Also: []rundir.AlsoScores{{Name: "general", Scores: rundir.Means{All: []float64{0.125, 0.25}}}}},
	}}
	events.Progress(pipeline.Progress{Round: 1, Stage: "finetune", Done: 7, Total: 30, Unit: "steps"})
	events.Step(1, rundir.Step{Step: 7, Epoch: 2, Loss: 0.75, LearningRate: 1e-4, GradientNorm: 3})
	events.Epoch(1, table, &chosen)
	golden.Check(t, filepath.Join("testdata", "metrics.txt"), []byte(scrape()))
	if passed != 2 {
		t.Errorf("%d events were passed on, want 2", passed)
	}
	m.begin(&recipe.Recipe{Name: "next"})
	if got := scrape(); strings.Contains(got, "eedi") || !strings.Contains(got, `quarry_run_info{run="next"} 1`) {
		t.Errorf("another run has begun:\n%s", got)
	}
}

// TestPrometheusScrapesARun asks while a run goes on, and finds nobody when it has ended.
func TestPrometheusScrapesARun(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	file := p.write(t, "recipe.yaml", runRecipe)
	h := newTestHost()
	address, last, calls := "", "", 0
	get := func(path string) (int, string, error) {
		answer, err := http.Get(address + path)
		if err != nil {
			return 0, "", err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		return answer.StatusCode, string(body), err
	}
	h.now = func() time.Time { // the run asks for the time as it goes on
		if found := regexp.MustCompile(`metrics for Prometheus at (http://127\.0\.0\.1:\d+)/metrics`).FindStringSubmatch(h.err.String()); found != nil {
			address = found[1]
		}
		if calls++; address != "" && calls%10 == 0 {
			status, body, err := get("/metrics")
			if err != nil || status != http.StatusOK {
				t.Errorf("scrape: %d, %v", status, err)
			}
			last = body
			if status, _, err := get("/"); err != nil || status != http.StatusNotFound {
				t.Errorf("another path: %d, %v", status, err)
			}
		}
		return time.Now()
	}
	if code := h.run(t, "run", file, "--cpu", string(exactpath.Fastest), "--metrics-listen", "127.0.0.1:0"); code != exitDone {
		t.Fatal(h.err.String())
	}
	for _, want := range []string{`quarry_run_info{run="tiny"} 1`, `quarry_train_step{run="tiny",round="0"} 1`, `quarry_measure{run="tiny",round="0",epoch="0",split="dev",measure="map@25",convention="sentence-transformers"} 0.`} {
		if !strings.Contains(last, want) {
			t.Errorf("no %q in\n%s", want, last)
		}
	}
	if _, _, err := get("/metrics"); err == nil {
		t.Error("the run has ended, and somebody answers")
	}
	for _, address := range []string{"9464", ":9464", "127.0.0.1:no", "256.0.0.1:1"} {
		h := newTestHost()
		if code := h.run(t, "run", file, "--metrics-listen", address); code != exitBadInput || !strings.Contains(h.err.String(), "--metrics-listen") {
			t.Errorf("%s: exit code %d, %s", address, code, h.err.String())
		}
	}
}
