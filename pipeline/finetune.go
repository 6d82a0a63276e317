package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/vectors"
)

// algorithmFinetune is raised when the same data and options give other weights, algorithmOutside when an outside
// trainer's are taken otherwise. algorithmSeveral is algorithmFinetune where some query has several positives: 4 draws them by
// their order of keys.
const (
	algorithmFinetune = 3
	algorithmSeveral  = 4
	algorithmOutside  = 2
)

// stageBegun stamps the beginning of a training: what it started from, so that a state left by a kill is gone on with
// only if nothing has changed since.
const stageBegun = "finetune-begun"

// stageEpoch stamps the checkpoint of an epoch as it is made. The state that goes on behind it does not hold it, so only
// this stamp tells a checkpoint that was lost or damaged since from one that was trained.
func stageEpoch(stage rundir.Stage, epoch int) rundir.Stage {
	stage.Name = fmt.Sprintf("finetune-epoch-%d", epoch)
	return stage
}

// finetune trains the base and leaves a checkpoint and an eval_loss an epoch. Each epoch is scored as soon as it is there.
func (r *round) finetune(ctx context.Context) error {
	m, err := r.openModel(r.base.path)
	if err != nil {
		return err
	}
	defer m.Close()
	t := r.texts(m)
	options := struct {
		Texts    texts            `json:"texts"`
		Finetune finetune.Options `json:"finetune"` // what decides the weights; how often the state is saved does not
		External recipe.Command   `json:"external"`
		Shown    *trainingShown   `json:"shown,omitempty"` // how examples are cut
		Weight   float64          `json:"weight,omitempty"`
		Sets     []trainedSet     `json:"sets,omitempty"`
	}{t, r.finetuneOptions(), r.stages.Finetune.External.Command, r.trainingShown(t), r.recipe.Data.Weight, r.trainedSets(m)}
	inputs := []rundir.Input{r.base.input("base"), r.data.input("corpus"), r.data.input("train"), r.data.input("dev"), r.made(r.files.Negatives(rundir.Train)), r.made(r.files.Negatives(rundir.Dev))}
	inputs = append(append(inputs, r.promotions()...), r.setInputs()...) // promoted ones are drawn as positives, and masked
	if r.trainsOutside() {
		trainer, err := r.outsideInputs(ctx)
		if err != nil {
			return err
		}
		stage := r.stage(StageFinetune, algorithmOutside, options, append(inputs, trainer...)...)
		return r.do(ctx, work{Stage: stage, found: r.checkpoints, again: r.forget, run: r.trainOutside})
	}
	scores, err := r.teacherInput(ctx)
	if err != nil {
		return err
	}
	inputs = append(inputs, scores...)
	if r.guided() {
		for _, one := range r.all() {
			var made rundir.Input
			if one.guideFile, made, err = one.guide(ctx); err != nil {
				return err
			}
			inputs = append(inputs, made)
		}
	}
	stage := r.stage(StageFinetune, r.algorithmFinetune(), options, inputs...)
	return r.do(ctx, work{Stage: stage, outputs: []string{r.files.Steps()}, found: r.checkpoints, again: r.forget, undone: func() ([]string, error) { return r.undone(ctx, stage) }, run: func(ctx context.Context) error {
		return r.trainHere(ctx, m, t, stage)
	}})
}

// algorithmFinetune is that of what is trained on, and of what eval_loss is taken of.
func (r *round) algorithmFinetune() int {
	for _, one := range r.all() {
		for _, s := range one.mined() {
			if slices.ContainsFunc(one.trained(s), func(q corpus.Query) bool { return len(q.Positives) > 1 }) {
				return algorithmSeveral
			}
		}
	}
	return algorithmFinetune
}

// undone says what an interrupted training had done that is done anew, and why. There is nothing to say where none was
// interrupted, or where it goes on.
func (r *round) undone(ctx context.Context, stage rundir.Stage) ([]string, error) {
	begun := stage
	begun.Name = stageBegun
	found, err := r.dir.Check(ctx, begun)
	if err != nil || found.Fresh() || found.New() {
		return nil, err
	}
	checkpoints, err := r.epochs()
	if err != nil {
		return nil, err
	}
	steps, err := r.stepsTaken()
	if err != nil || steps == 0 {
		return nil, err
	}
	return []string{fmt.Sprintf("the %d steps (finished epochs: %d) of an interrupted training are done anew: %s", steps, max(0, checkpoints-1), strings.Join(found.Reasons, "; "))}, nil
}

// stepsTaken counts the steps that the round's log has whole. A kill may have cut the last one short.
func (r *round) stepsTaken() (int, error) {
	f, err := r.dir.FS.Open(r.files.Steps())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	steps, _ := rundir.ReadSteps(f, r.files.Steps()) // what is wrong in there goes with the rest of it
	return len(steps), f.Close()
}

// checkpoints lists the directories of the round's epochs, the base's included.
func (r *round) checkpoints() ([]string, error) {
	n, err := r.epochs()
	var dirs []string
	for epoch := range n {
		dirs = append(dirs, r.files.Epoch(epoch))
	}
	return dirs, err
}

// trainHere is Quarry's own trainer, from the start or from where a kill left it, with the vectors of a guide where there
// is one.
func (r *round) trainHere(ctx context.Context, m *model.Model, t texts, stage rundir.Stage) error {
	if err := r.begin(ctx, stage); err != nil {
		return err
	}
	for _, one := range r.all() {
		if one.guideFile == "" {
			continue
		}
		rows, err := vectors.OpenNPY(one.guideFile)
		if err != nil {
			return err
		}
		one.guideRows = rows
		defer func() { one.guideRows = nil; rows.Close() }()
	}
	train, dev, err := r.trainingData(m, t)
	if err != nil {
		return err
	}
	sets, err := r.trainingSets(m, train)
	if err != nil {
		return err
	}
	trainer, err := r.trainer(ctx, stage, func() (*finetune.Trainer, error) {
		return finetune.NewMixed(m, r.engine, sets, r.finetuneOptions())
	})
	if err != nil {
		return err
	}
	steps, err := rundir.OpenSteps(r.dir.FS, r.files.Steps(), trainer.Done())
	if err != nil {
		return err
	}
	s := &session{round: r, model: m, texts: t, stage: stage, trainer: trainer, dev: dev, steps: steps}
	return errors.Join(s.run(ctx), steps.Close())
}

// begin clears what an earlier training of other options or data left.
func (r *round) begin(ctx context.Context, stage rundir.Stage) error {
	begun := stage
	begun.Name = stageBegun
	fresh, err := r.dir.Check(ctx, begun)
	if err != nil || fresh.Fresh() {
		return err
	}
	epochs, err := r.epochs()
	if err != nil {
		return err
	}
	for epoch := range epochs {
		if err := r.dir.DropStamp(r.index, stageEpoch(stage, epoch).Name); err != nil {
			return err
		}
	}
	for _, path := range []string{filepath.Dir(r.files.Epoch(0)), r.files.Steps(), r.files.TrainingState()} {
		if err := rundir.RemoveAll(r.dir.FS, path); err != nil {
			return err
		}
	}
	_, err = r.dir.WriteStamp(ctx, begun, nil)
	return err
}

// forget makes the next training start anew. The state that a finished one leaves is behind all that it left.
func (r *round) forget() error { return r.dir.DropStamp(r.index, stageBegun) }

// trainer makes a trainer and puts it where a kill left it, if every checkpoint before that is as it was made; else the
// training starts anew.
func (r *round) trainer(ctx context.Context, stage rundir.Stage, fresh func() (*finetune.Trainer, error)) (*finetune.Trainer, error) {
	trainer, err := fresh()
	if short := (*finetune.MemoryError)(nil); errors.As(err, &short) {
		return nil, r.explainMemory(err) // names its key itself
	}
	if err != nil {
		return nil, inputErrorf("%s: %w", r.recipe.At("finetune"), err)
	}
	resumed, err := r.resume(trainer)
	if err != nil || !resumed {
		return trainer, err
	}
	for epoch := range trainer.Finished() + 1 {
		found, err := r.dir.Check(ctx, stageEpoch(stage, epoch))
		if err != nil {
			return nil, err
		}
		if found.Fresh() {
			continue
		}
		r.note("round %d: finetune: the checkpoint of epoch %d is not as it was left (%s): training anew", r.index, epoch, strings.Join(found.Reasons, "; "))
		if err := r.forget(); err != nil {
			return nil, err
		}
		if err := r.begin(ctx, stage); err != nil {
			return nil, err
		}
		return fresh()
	}
	r.note("round %d: finetune: going on after step %d of %d", r.index, trainer.Done(), trainer.Steps())
	return trainer, nil
}

// resume loads the training state where there is one.
func (r *round) resume(trainer *finetune.Trainer) (resumed bool, err error) {
	path := r.files.TrainingState()
	f, err := r.dir.FS.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	return true, trainer.LoadState(f, path)
}

func (r *round) finetuneOptions() finetune.Options {
	f := r.stages.Finetune
	o := finetune.Options{
		Method: finetune.Method(f.Method), Epochs: f.Epochs, Batch: f.Batch, GroupSize: f.GroupSize, Accumulate: f.Accumulate, DropLast: f.DropLast,
		LearningRate: f.LearningRate, Schedule: finetune.Schedule(f.Schedule), WarmupRatio: f.WarmupRatio, WarmupSteps: f.WarmupSteps, WeightDecay: f.WeightDecay,
		Beta1: f.Betas[0], Beta2: f.Betas[1], Epsilon: f.Eps, Clip: f.Clip,
		Temperature: f.Temperature, LearnTemperature: f.LearnTemperature, BothDirections: f.BothDirections, MaskKnownPositives: f.MaskKnownPositives,
		Dropout: f.Dropout, MaxSteps: f.MaxSteps, Examples: r.stages.Examples.Train, BlockTokens: f.BlockTokens, Seed: r.recipe.Seed, Round: r.index,
		Distill: finetune.Distillation(f.Distill), Guide: finetune.GuideOptions{Mask: finetune.GuideMask(f.GuideMask), Margin: f.GuideMargin},
		Matryoshka: finetune.Matryoshka{Dims: f.Matryoshka, Weights: f.MatryoshkaWeights},
		LoRA: finetune.LoRAOptions{
			Rank: f.LoRA.R, Alpha: f.LoRA.Alpha, Dropout: f.LoRA.Dropout, TargetModules: f.LoRA.TargetModules, RSLoRA: f.LoRA.RSLoRA,
			RankPattern: f.LoRA.RankPattern, AlphaPattern: f.LoRA.AlphaPattern, ModulesToSave: f.LoRA.ModulesToSave,
			BaseModel: r.base.model(), BaseRevision: r.base.revision,
		},
	}
	if r.trainsOutside() { // who knows neither; the eval_loss of what it leaves is without them
		o.Distill, o.Guide = "", finetune.GuideOptions{}
	}
	if o.Method == finetune.Full {
		o.LoRA = finetune.LoRAOptions{}
	}
	return o
}

// trainingData tokenizes the queries of train and dev, and of the corpus what they name.
func (r *round) trainingData(m *model.Model, t texts) (train, dev finetune.Data, err error) {
	passages := make([]model.Sequence, r.data.corpus.Len())
	if train, err = r.examples(m, t, rundir.Train, passages); err != nil {
		return train, dev, err
	}
	dev, err = r.examples(m, t, rundir.Dev, passages)
	return train, dev, err
}

// devData tokenizes the queries of dev, and of the corpus what they name.
func (r *round) devData(m *model.Model, t texts) (finetune.Data, error) {
	return r.examples(m, t, rundir.Dev, make([]model.Sequence, r.data.corpus.Len()))
}

// tokenizePassages tokenizes the passages that examples name, those that have no tokens yet.
func (r *round) tokenizePassages(m *model.Model, t texts, examples []finetune.Example, passages []model.Sequence) error {
	for _, e := range examples {
		for _, p := range slices.Concat(e.Positives, e.Negatives) {
			if len(passages[p].IDs) > 0 {
				continue
			}
			var err error
			if passages[p], err = m.Sequence(r.data.corpus.Passages[p].Full(), t.Passage, t.PassageLength); err != nil {
				return inputErrorf("%s: lengths.passage: %w", r.at("lengths.passage"), err)
			}
		}
	}
	return nil
}

func (r *round) examples(m *model.Model, t texts, split rundir.Split, passages []model.Sequence) (finetune.Data, error) {
	queries := r.trained(split)
	negatives, err := r.readNegatives(split)
	if err != nil {
		return finetune.Data{}, err
	}
	answers := r.answers(split)
	sequences := make([]model.Sequence, len(queries))
	examples := make([]finetune.Example, len(queries))
	for i, q := range queries {
		p := t.promptOf(q)
		if sequences[i], err = m.Sequence(q.Text, p, t.QueryLength); err != nil {
			return finetune.Data{}, inputErrorf("%s: lengths.query: %s: %w", r.at("lengths.query"), q.Place(), err)
		}
		examples[i] = finetune.Example{Key: q.Key, Positives: q.Positives, Negatives: negatives[q.Key], Known: answers.Of(q)}
	}
	if err := r.tokenizePassages(m, t, examples, passages); err != nil {
		return finetune.Data{}, err
	}
	if split == rundir.Train && r.distills() {
		if err := r.teach(queries, examples); err != nil {
			return finetune.Data{}, err
		}
	}
	d := finetune.Data{
		Guide:    r.guideOf(split, queries),
		Examples: examples,
		Query:    func(i int) model.Sequence { return sequences[i] },
		Passage:  func(p int32) model.Sequence { return passages[p] },
		// Where passages have ids, the order of the corpus never matters.
		PassageKey: func(p int32) string { return r.data.corpus.ID(p) },
	}
	if split == rundir.Train {
		r.showInTraining(m, t, &d)
	}
	return d, nil
}
