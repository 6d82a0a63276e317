package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

// training is one fine-tuning under way in its output directory.
type training struct {
	*host
	options  FinetuneOptions
	set      *trainingSet
	engine   *compute.Engine
	model    *model.Model
	cross    *crossTraining // nil of an embedder
	measures []eval.Measure

	query, passage side
	passages       []model.Sequence // by position in the corpus; only those in use
	train, dev     finetune.Data
	guide          *guide // nil without one
	trainer        *finetune.Trainer
	steps          *rundir.StepLog
	epochs         []epochResult
	saved          int // the last step that the state on disk covers
}

// run trains from the start, or from the state that an interrupted training left.
func (t *training) run(ctx context.Context) error {
	var err error
	t.model.CompareByCosine()
	t.planGuide()
	sets := t.sets()
	if t.options.StepsFirst {
		t.options.Tune = t.options.Tune.FillMaxSteps(finetune.MixtureOf(sets))
	}
	if t.trainer, err = finetune.NewMixed(t.model, t.engine, sets, t.options.Tune); err != nil {
		return badInput(t.explainMemory(err))
	}
	if err := t.claim(ctx); err != nil {
		return err
	}
	if err := t.openGuide(ctx); err != nil {
		return ifInterrupted(err, "the same command starts it anew")
	}
	defer t.closeGuide()
	if err := t.resume(ctx); err != nil {
		return err
	}
	err = t.steer(ctx)
	if errors.Is(err, context.Canceled) && !t.epochsLast(t.trainer.Done()) {
		err = errors.Join(err, t.save())
	}
	goOn := fmt.Sprintf("the same command goes on after step %d of %d", t.saved, t.trainer.Steps())
	return ifInterrupted(errors.Join(err, t.steps.Close()), goOn)
}

// tokenize turns the data into what a trainer takes.
func (t *training) tokenize() error {
	var err error
	if t.query, t.passage, err = t.options.Texts.sides(t.model); err != nil {
		return err
	}
	t.passages = make([]model.Sequence, t.set.corpus.Len())
	if t.train, err = t.examples(t.set.train, t.set.fileOf, true); err != nil {
		return err
	}
	if t.options.Dev != "" {
		if t.dev, err = t.examples(t.set.dev, func(int) trainFile { return trainFile{path: t.options.Dev} }, false); err != nil {
			return err
		}
	}
	return nil
}

// explainMemory adds to an error of memory which flags change what a training takes.
func (t *training) explainMemory(err error) error {
	less := "--block-tokens or --batch"
	if t.options.Tune.Method == finetune.LoRA {
		less = "--lora-rank, --block-tokens or --batch"
	}
	return t.raise(err, less)
}

// steer trains, and judges the base before and each epoch after.
func (t *training) steer(ctx context.Context) error {
	if t.judges() && t.trainer.Done() == 0 && len(t.epochs) == 0 {
		if err := t.judge(ctx, 0); err != nil {
			return err
		}
	}
	err := t.trainer.Run(ctx, finetune.Hooks{
		Step:  t.step,
		Epoch: func(epoch int) error { return t.epochEnd(ctx, epoch) },
	})
	if err != nil {
		return err
	}
	if t.options.JSON && !t.isFold() {
		return printJSON(t.host, epochsFile{schema, t.epochs})
	}
	return nil
}

func (t *training) step(r finetune.Report) error {
	t.progress(progress{Label: "finetune", Done: int64(r.Step), Total: int64(t.trainer.Steps()), Unit: "steps", Detail: fmt.Sprintf("epoch %d, loss %.4f", r.Epoch, r.Loss)})
	s := rundir.Step{Step: r.Step, Set: r.Set, Epoch: r.Epoch, Loss: r.Loss, LearningRate: r.LearningRate, GradientNorm: r.GradientNorm, Queries: r.Queries, Columns: r.Columns, Masked: r.Masked}
	if t.options.Tune.Examples > 0 {
		s.Examples, s.Leaks = &r.Shown, &r.Leaks
	}
	if t.options.Tune.LearnTemperature {
		s.Temperature = &r.Temperature
	}
	if t.options.Tune.Distill != "" {
		s.Contrastive, s.Distillation = &r.Contrastive, &r.Distillation
	}
	if t.options.Tune.Guide.Mask != "" {
		s.GuideMasked = &r.GuideMasked
	}
	if err := t.steps.Append(s); err != nil {
		return err
	}
	if r.Step%t.options.SaveEvery != 0 || t.epochsLast(r.Step) {
		return nil
	}
	return t.save()
}

// epochsLast says whether a step is the last of an epoch, or none is taken yet. Such a step is saved after its epoch's
// checkpoint alone: a training that goes on behind it would never make one.
func (t *training) epochsLast(step int) bool {
	return step%t.trainer.StepsPerEpoch() == 0 || step == t.trainer.Steps()
}

// save writes the training state, after the steps that it covers are durable.
func (t *training) save() error {
	if err := t.steps.Sync(); err != nil {
		return err
	}
	err := rundir.WriteFile(rundir.OS{}, t.file(stateName), t.trainer.SaveState)
	if err == nil {
		t.saved = t.trainer.Done()
	}
	return err
}

// epochEnd writes the checkpoint of an epoch, judges it and saves the state.
func (t *training) epochEnd(ctx context.Context, epoch int) error {
	err := rundir.WriteDir(rundir.OS{}, t.epochDir(epoch), func(dir string) error { return t.writeWeights(rundir.Sink(rundir.OS{}, dir)) })
	if err != nil {
		return err
	}
	if err := t.judge(ctx, epoch); err != nil {
		return err
	}
	return t.save()
}

func (t *training) writeWeights(sink model.Sink) error {
	if t.cross != nil {
		return t.cross.model.Write(sink, t.trainer.Trained(), t.cross.maxLength, t.cross.trained)
	}
	if t.options.Tune.Method == finetune.LoRA {
		adapter, err := t.trainer.Adapter()
		if err != nil {
			return err
		}
		if err := t.model.WriteAdapter(adapter, sink); err != nil {
			return err
		}
		return t.contract().Write(sink)
	}
	network, dense := t.model.Entries(t.trainer.Trained())
	contract := t.contract()
	return model.WriteDirectory(sink, t.model.Directory, network, model.WriteOptions{Contract: &contract, Dense: dense})
}

// contract is the model's with what stands above it here: every checkpoint's.
func (t *training) contract() model.Contract {
	c := t.model.Contract
	c.Query, c.Passage = t.query.prompt, t.passage.prompt
	return c
}

// judge takes an epoch's eval_loss and measures, as far as there is data for them, and prints its line.
func (t *training) judge(ctx context.Context, epoch int) error {
	r := epochResult{Epoch: epoch, Steps: t.trainer.Done()}
	var err error
	if r.Loss, err = t.meanLoss(epoch); err != nil {
		return err
	}
	if t.options.Dev != "" {
		loss, err := t.trainer.EvalLoss(ctx, t.dev)
		if err != nil {
			return fmt.Errorf("eval_loss of epoch %d: %w", epoch, t.explainMemory(err))
		}
		r.EvalLoss = &loss
	}
	if t.set.measured(t.options) && t.cross == nil {
		if r.Metrics, err = t.measure(ctx, epoch); err != nil {
			return fmt.Errorf("evaluate epoch %d: %w", epoch, t.raise(err, "--max-length"))
		}
	}
	if epoch > 0 {
		if r.Checkpoint, err = rundir.TreeDigest(ctx, rundir.OS{}, t.epochDir(epoch)); err != nil {
			return err
		}
	}
	t.epochs = append(t.epochs, r)
	if err := rundir.WriteJSON(rundir.OS{}, t.file(epochsName), epochsFile{schema, t.epochs}); err != nil {
		return err
	}
	return t.show(r)
}

// judges says whether epochs are judged at all, the base among them.
func (t *training) judges() bool { return t.options.Dev != "" || t.set.judged != nil }

// show prints the line of an epoch, unless JSON is wanted of all.
func (t *training) show(r epochResult) error {
	if t.options.JSON {
		return nil
	}
	line := r.line(t.measures)
	if t.isFold() {
		line = fmt.Sprintf("fold %d  %s", t.cross.fold.Fold, line)
	}
	return t.printf("%s\n", line)
}

// isFold says whether the training is one of those of several folds.
func (t *training) isFold() bool { return t.cross != nil && t.cross.fold != nil }

// meanLoss is the mean of an epoch's step losses; nil for the base, which has none.
func (t *training) meanLoss(epoch int) (*float64, error) {
	if epoch == 0 {
		return nil, nil
	}
	if err := t.steps.Sync(); err != nil {
		return nil, err
	}
	f, err := rundir.OS{}.Open(t.file(stepsName))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	steps, err := rundir.ReadSteps(f, t.file(stepsName))
	if err != nil {
		return nil, err
	}
	var sum, n float64
	for _, s := range steps {
		if s.Epoch == epoch {
			sum += s.Loss
			n++
		}
	}
	mean := sum / n
	return &mean, nil
}

// measure scores the checkpoint of an epoch on dev, over the whole corpus.
func (t *training) measure(ctx context.Context, epoch int) (map[string]float64, error) {
	m, err := t.openEpoch(epoch)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	d, examples := data{corpus: t.set.corpus, queries: t.set.dev}, t.set.shownDev
	if t.set.judged != nil {
		d, examples = *t.set.judged, t.set.shownJudged
	}
	var found []ranking.Candidates
	on := modelOn{model: m, engine: t.engine, depth: evalDepth(t.measures), taken: t.trainer.Rest() + m.Attached()}
	rank := RankOptions{Texts: t.options.Texts}
	if examples != nil {
		rank.before = examples.before
	}
	err = rank.rankModel(ctx, t.host, d, on, func(_ int, c ranking.Candidates) error {
		found = append(found, c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s, err := score(d, found, t.measures, eval.SentenceTransformers, nil)
	if err != nil {
		return nil, err
	}
	return named(s.Measures, s.Means), nil
}
