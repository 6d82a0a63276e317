package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/quarry-ml/quarry/format/prometheus"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// runMetrics is how far a run is, for Prometheus. It holds numbers and names of the recipe, and no text of the data.
type runMetrics struct {
	lock     sync.Mutex
	run      string // of the recipe, or of a fold's
	moved    time.Time
	progress *pipeline.Progress
	step     *rundir.Step
	round    int // of step
	tables   []*rundir.Scores
	chosen   map[int]int // epoch by round
	memory   func() int64
}

// begin starts over for another run.
func (m *runMetrics) begin(r *recipe.Recipe) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.run, m.progress, m.step, m.tables, m.chosen = r.Name, nil, nil, nil, map[int]int{}
}

// watch has the events of a run noted before they are told. nil watches nothing.
func (m *runMetrics) watch(r *recipe.Recipe, e pipeline.Events, now func() time.Time) pipeline.Events {
	if m == nil {
		return e
	}
	m.begin(r)
	note := func(change func()) {
		moved := now()
		m.lock.Lock()
		defer m.lock.Unlock()
		m.moved = moved
		change()
	}
	progress, epoch := e.Progress, e.Epoch
	e.Progress = func(p pipeline.Progress) {
		note(func() { m.progress = &p })
		progress(p)
	}
	e.Step = func(round int, s rundir.Step) {
		note(func() { m.round, m.step = round, &s })
	}
	e.Epoch = func(round int, s *rundir.Scores, chosen *int) {
		note(func() {
			for len(m.tables) <= round {
				m.tables = append(m.tables, nil)
			}
			m.tables[round] = s
			if chosen != nil {
				m.chosen[round] = *chosen
			}
		})
		epoch(round, s, chosen)
	}
	return e
}

// families is what the run has come to by now.
func (m *runMetrics) families() []prometheus.Family {
	m.lock.Lock()
	defer m.lock.Unlock()
	run := prometheus.Label{Name: "run", Value: m.run}
	labelled := func(value float64, labels ...string) prometheus.Sample {
		s := prometheus.Sample{Labels: []prometheus.Label{run}, Value: value}
		for i := 0; i < len(labels); i += 2 {
			s.Labels = append(s.Labels, prometheus.Label{Name: labels[i], Value: labels[i+1]})
		}
		return s
	}
	family := func(name, help string, samples ...prometheus.Sample) prometheus.Family {
		return prometheus.Family{Name: "quarry_" + name, Help: help, Samples: samples}
	}
	all := []prometheus.Family{family("run_info", "The run that is under way.", labelled(1))}
	if !m.moved.IsZero() {
		all = append(all, family("last_event_timestamp_seconds", "When the run last told of anything, in Unix time.", labelled(float64(m.moved.UnixMilli())/1000)))
	}
	if p := m.progress; p != nil {
		labels := []string{"round", strconv.Itoa(p.Round), "stage", p.Stage, "unit", p.Unit}
		all = append(all, family("stage_done", "How far the stage under way is.", labelled(float64(p.Done), labels...)),
			family("stage_total", "How much the stage under way has to do.", labelled(float64(p.Total), labels...)))
	}
	if s := m.step; s != nil {
		labels := []string{"round", strconv.Itoa(m.round)}
		all = append(all,
			family("train_step", "Optimizer steps taken in the round.", labelled(float64(s.Step), labels...)),
			family("train_epoch", "Epoch of the last step.", labelled(float64(s.Epoch), labels...)),
			family("train_loss", "Loss of the last step.", labelled(s.Loss, labels...)),
			family("train_learning_rate", "Learning rate of the last step.", labelled(s.LearningRate, labels...)),
			family("train_gradient_norm", "Norm of the last step's gradient, before clipping.", labelled(s.GradientNorm, labels...)))
	}
	losses := family("eval_loss", "Loss on dev by epoch; it compares epochs of one round.")
	measures := family("measure", "Mean of a measure over all queries of a set, by epoch; the convention says whose definition it follows.")
	chosen := family("chosen_epoch", "The epoch that a round goes on with.")
	for round, table := range m.tables {
		if table == nil {
			continue
		}
		for _, e := range table.Epochs {
			place := []string{"round", strconv.Itoa(round), "epoch", strconv.Itoa(e.Epoch)}
			if e.EvalLoss != nil {
				losses.Samples = append(losses.Samples, labelled(*e.EvalLoss, place...))
			}
			add := func(split rundir.Split, m *rundir.Means) {
				for i := range table.Measures {
					if m != nil && i < len(m.All) {
						measures.Samples = append(measures.Samples, labelled(m.All[i], append(place, "split", string(split), "measure", table.Measures[i], "convention", table.Convention)...))
					}
				}
			}
			add(rundir.Dev, &e.Dev)
			add(rundir.Test, e.Test)
			for i := range e.Also {
				add(rundir.AlsoSplit(e.Also[i].Name), &e.Also[i].Scores)
			}
		}
		if epoch, ok := m.chosen[round]; ok {
			chosen.Samples = append(chosen.Samples, labelled(float64(epoch), "round", strconv.Itoa(round)))
		}
	}
	all = append(all, losses, measures, chosen)
	if m.memory != nil {
		all = append(all, family("peak_memory_bytes", "The most memory that the process has held.", labelled(float64(m.memory()))))
	}
	return all
}

// ServeHTTP answers a scrape.
func (m *runMetrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", prometheus.ContentType)
	_ = prometheus.Write(w, m.families()) // who asked is gone
}

// headerTime is how long a scrape may take to ask.
const headerTime = 10 * time.Second

// serveMetrics listens where the flag says until stop is called. Without an address nothing is watched.
func serveMetrics(ctx context.Context, h *host, address string) (m *runMetrics, stop func() error, err error) {
	if address == "" {
		return nil, func() error { return nil }, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, badInputf("--metrics-listen: want HOST:PORT, such as 127.0.0.1:9464: %w", err)
	}
	if host == "" {
		return nil, nil, badInputf("--metrics-listen %s: name the host: 127.0.0.1 for this machine alone, 0.0.0.0 for everybody who reaches it", address)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, nil, badInputf("--metrics-listen: %w", err)
	}
	m = &runMetrics{memory: h.peakMemory}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTime}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	h.note("metrics for Prometheus at http://%s/metrics", listener.Addr())
	return m, func() error {
		err := server.Close()
		if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
			err = errors.Join(err, failed)
		}
		return err
	}, nil
}
