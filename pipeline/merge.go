package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/merging"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
)

// algorithmMerge is raised when the same checkpoint gives another model, or is checked otherwise.
const algorithmMerge = 3

// probes is the number of texts that a merge is checked on, half queries and half passages.
const probes = 64

// mergeCheck is merge-check.json: how far the merged model is from the checkpoint that it was made of.
type mergeCheck struct {
	Version       int     `json:"version"`
	Epoch         int     `json:"epoch"`
	Probes        int     `json:"probes"`
	MaxDifference float64 `json:"max_difference"` // of any component of a probe's vector
	Tolerance     float64 `json:"tolerance"`
	Metric        string  `json:"metric"`

	mergeScores              // at the run's precision
	Exact       *mergeScores `json:"f32,omitempty"` // the same at f32, where rounded products left it open

	MetricLimit float64 `json:"metric_tolerance"`
}

// mergeScores are the metric on dev of both.
type mergeScores struct {
	Checkpoint float64 `json:"checkpoint"`
	Merged     float64 `json:"merged"`
}

func (m mergeScores) apart() float64 { return math.Abs(m.Checkpoint - m.Merged) }

// merge makes the round's model of the chosen epoch, base + adapter or a copy of full weights, and checks it on probe
// texts and on dev.
func (r *round) merge(ctx context.Context) error {
	choice, err := r.dir.ReadChoice(r.index)
	if err != nil {
		return err
	}
	checkpoint, err := rundir.TreeDigest(ctx, r.dir.FS, r.files.Epoch(choice.Epoch))
	if err != nil {
		return err
	}
	name, err := r.dir.Relative(r.files.Epoch(choice.Epoch))
	if err != nil {
		return err
	}
	m, err := r.openModel(r.base.path)
	if err != nil {
		return err
	}
	t := r.texts(m)
	if err := m.Close(); err != nil {
		return err
	}
	// The model is written with the contract of the texts, prompts, pooling and normalisation among them.
	stage := r.stage(StageMerge, algorithmMerge, struct {
		Epoch int   `json:"epoch"`
		Texts texts `json:"texts"`
	}{choice.Epoch, t}, r.base.input("base"), rundir.Input{Name: name, Digest: checkpoint}, r.made(r.files.Scores()))
	outputs := []string{r.files.Merged(), r.files.MergeCheck()}
	return r.do(ctx, work{Stage: stage, outputs: outputs, run: func(ctx context.Context) error {
		check, err := r.makeModel(ctx, choice.Epoch)
		if err != nil {
			return errors.Join(err, rundir.RemoveAll(r.dir.FS, r.files.Merged()))
		}
		r.note("round %d: merge: epoch %d; %d probes within %.2g (allowed %.2g)", r.index, choice.Epoch, check.Probes, check.MaxDifference, check.Tolerance)
		return rundir.WriteJSON(r.dir.FS, r.files.MergeCheck(), check)
	}})
}

func (r *round) makeModel(ctx context.Context, epoch int) (mergeCheck, error) {
	check := mergeCheck{Version: 1, Epoch: epoch}
	write, err := r.modelWriter(ctx, epoch, &check)
	if err != nil {
		return check, err
	}
	if err := rundir.WriteDir(r.dir.FS, r.files.Merged(), write); err != nil {
		return check, err
	}
	err = r.checkOnDev(ctx, epoch, &check)
	return check, err
}

// modelWriter is what fills the round's model directory from an epoch, and checks it on the probes.
func (r *round) modelWriter(ctx context.Context, epoch int, check *mergeCheck) (func(dir string) error, error) {
	source := r.files.Epoch(epoch)
	if epoch == 0 {
		return func(dir string) error {
			if err := r.copyBase(dir); err != nil {
				return err
			}
			return r.checkCopy(ctx, r.base.path, dir, check)
		}, nil
	}
	adapter, err := r.isAdapter(source)
	if err != nil {
		return nil, err
	}
	if adapter {
		return func(dir string) error { return r.mergeAdapter(ctx, source, dir, check) }, nil
	}
	return func(dir string) error {
		if err := r.copyTree(ctx, source, dir); err != nil {
			return err
		}
		return r.checkCopy(ctx, source, dir, check)
	}, nil
}

// copyBase writes the base with the contract of the round's texts, as every checkpoint has it.
func (r *round) copyBase(dir string) error {
	m, err := r.openModel(r.base.path)
	if err != nil {
		return err
	}
	defer m.Close()
	contract := r.texts(m).contract(m.Contract)
	network, dense := m.Entries(nil)
	return model.WriteDirectory(rundir.Sink(r.dir.FS, dir), m.Directory, network, model.WriteOptions{Contract: &contract, Dense: dense})
}

// checkCopy compares a copied model with what it was copied of.
func (r *round) checkCopy(ctx context.Context, original, copied string, check *mergeCheck) error {
	found, err := merging.CheckCopy(ctx, r.engine, original, copied, r.modelOptions(), r.probeTexts())
	check.take(found, copyTolerance)
	return err
}

// copyTree copies the files of a directory, but what a trainer noted of the epoch.
func (r *round) copyTree(ctx context.Context, from, to string) error {
	files, err := rundir.DigestTree(ctx, r.dir.FS, from)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Path == epochInfoName {
			continue
		}
		if err := r.copyFile(filepath.Join(from, filepath.FromSlash(f.Path)), filepath.Join(to, filepath.FromSlash(f.Path))); err != nil {
			return err
		}
	}
	return nil
}

func (r *round) copyFile(from, to string) error {
	in, err := r.dir.FS.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return rundir.WriteFile(r.dir.FS, to, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
}

// probeTexts are texts of the run's own data, drawn by key: of queries in the order of their keys, of passages in that of
// their ids.
func (r *round) probeTexts() []string {
	source := draw.New(r.recipe.Seed, draw.Probe, r.index, 0, "merge")
	var texts []string
	queries := slices.SortedStableFunc(slices.Values(r.data.queries[rundir.Train]), func(a, b corpus.Query) int { return cmp.Compare(a.Key, b.Key) })
	for _, i := range source.Sample(len(queries), probes/2) {
		texts = append(texts, queries[i].Text)
	}
	positions := r.data.corpus.Positions()
	for _, i := range source.Sample(len(positions), probes/2) {
		texts = append(texts, r.data.corpus.Passages[positions[i]].Full())
	}
	return texts
}

// checkOnDev scores the merged model on dev: it must be the checkpoint's score, within the tolerance. Where products are
// rounded to bf16, base and adapter are rounded apart and their sum once more, which moves single queries by a rank: a
// difference there is held to the tolerance at f32.
func (r *round) checkOnDev(ctx context.Context, epoch int, check *mergeCheck) error {
	scores, err := r.dir.ReadScores(r.index)
	if err != nil {
		return err
	}
	column := checkedMeasure(scores.Measures)
	check.Metric, check.Checkpoint = scores.Measures[column], scores.Epochs[epoch].Dev.All[column]
	if check.Merged, err = r.scoreOnDev(ctx, r.files.Merged(), column, "check merge"); err != nil {
		return err
	}
	decisive, precision := check.mergeScores, r.engine.Precision()
	if decisive.apart() > check.MetricLimit && precision == compute.BF16 {
		r.note("round %d: merge: %s on dev differs by %.5f at bf16, more than %g: both models are scored at f32", r.index, check.Metric, decisive.apart(), check.MetricLimit)
		if decisive, err = r.exactScores(ctx, epoch, column); err != nil {
			return err
		}
		check.Exact, precision = &decisive, compute.F32
	}
	if !(decisive.apart() <= check.MetricLimit) {
		return fmt.Errorf("the merged model scores %s %.5f on dev at %s, the checkpoint %.5f: further apart than %g", check.Metric, decisive.Merged, precision, decisive.Checkpoint, check.MetricLimit)
	}
	return nil
}

// exactScores scores checkpoint and merged model by an engine that rounds no operand of its products.
func (r *round) exactScores(ctx context.Context, epoch, column int) (mergeScores, error) {
	var s mergeScores
	engine, done, err := merging.Exact(r.engine)
	if err != nil {
		return s, err
	}
	defer done()
	run, exact := *r.Run, *r
	run.engine, exact.Run = engine, &run
	if s.Checkpoint, err = exact.scoreOnDev(ctx, r.files.Epoch(epoch), column, "check merge: checkpoint at f32"); err != nil {
		return s, err
	}
	s.Merged, err = exact.scoreOnDev(ctx, r.files.Merged(), column, "check merge: merged at f32")
	return s, err
}

// scoreOnDev is one measure on dev of the model, or the base with the adapter, of a directory.
func (r *round) scoreOnDev(ctx context.Context, dir string, column int, label string) (float64, error) {
	m, err := r.openCheckpoint(dir)
	if err != nil {
		return 0, err
	}
	s := &scorer{round: r, model: m}
	dev := r.data.set(rundir.Dev)
	found, err := s.rank(ctx, dev, r.texts(m), label)
	if err := errors.Join(err, s.close()); err != nil {
		return 0, err
	}
	measured, err := r.evaluate(dev, found)
	if err != nil {
		return 0, err
	}
	return meansOf(measured).All[column], nil
}

// mergeAdapter writes base + adapter as the round's model and checks it on probe texts.
func (r *round) mergeAdapter(ctx context.Context, adapter, dir string, check *mergeCheck) error {
	base, err := r.openModel(r.base.path)
	if err != nil {
		return err
	}
	contract := r.texts(base).contract(base.Contract)
	if err := base.Close(); err != nil {
		return err
	}
	o := merging.Options{Base: r.base.path, Adapter: adapter, Model: r.modelOptions(), Contract: &contract, Probes: r.probeTexts()}
	found, err := merging.Merge(ctx, r.engine, o, dir, rundir.Sink(r.dir.FS, dir))
	check.take(found, found.MetricTolerance())
	return err
}

// take notes what a check on probes found, and how far the metric on dev may be off.
func (m *mergeCheck) take(found merging.Check, metricLimit float64) {
	m.Probes, m.MaxDifference, m.Tolerance, m.MetricLimit = found.Probes, found.MaxDifference, found.Tolerance, metricLimit
}
