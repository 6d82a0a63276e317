package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// session is one training under way.
type session struct {
	*round
	model   *model.Model
	texts   texts
	stage   rundir.Stage
	trainer *finetune.Trainer
	dev     finetune.Data
	steps   *rundir.StepLog
	epoch   int // of the last step taken; 0 before the first
}

func (s *session) run(ctx context.Context) error {
	if s.trainer.Done() == 0 {
		if err := s.epochDone(ctx, 0); err != nil {
			return err
		}
	}
	for epoch := range s.trainer.Finished() + 1 {
		if err := s.score(ctx, epoch); err != nil {
			return err
		}
	}
	err := s.trainer.Run(ctx, finetune.Hooks{
		Step:  func(report finetune.Report) error { return s.stepDone(report) },
		Epoch: func(epoch int) error { return s.epochEnd(ctx, epoch) },
	})
	if errors.Is(err, context.Canceled) && s.epoch > 0 && s.trainer.Finished() != s.epoch {
		// An interruption keeps the steps taken; at the end of an epoch the last state and the checkpoint have them.
		return errors.Join(err, s.save())
	}
	return err
}

func (s *session) stepDone(report finetune.Report) error {
	s.epoch = report.Epoch
	s.progress(Progress{Round: s.index, Stage: StageFinetune, Done: int64(report.Step), Total: int64(s.trainer.Steps()), Unit: "steps", Detail: fmt.Sprintf("epoch %d, loss %.4f", report.Epoch, report.Loss)})
	step := rundir.Step{Step: report.Step, Set: report.Set, Epoch: report.Epoch, Loss: report.Loss, LearningRate: report.LearningRate, GradientNorm: report.GradientNorm, Queries: report.Queries, Columns: report.Columns, Masked: report.Masked}
	if s.stages.Finetune.LearnTemperature {
		step.Temperature = &report.Temperature
	}
	if s.stages.Finetune.Distill != "" {
		step.Contrastive, step.Distillation = &report.Contrastive, &report.Distillation
	}
	if s.stages.Finetune.GuideMask != "" {
		step.GuideMasked = &report.GuideMasked
	}
	if s.stages.Examples.Train > 0 {
		step.Examples, step.Leaks = &report.Shown, &report.Leaks
	}
	if err := s.steps.Append(step); err != nil {
		return err
	}
	if s.events.Step != nil {
		s.events.Step(s.index, step)
	}
	// The last step of an epoch is saved behind its checkpoint: a state before it would pass the checkpoint over.
	if report.Step%s.stages.Finetune.SaveEvery != 0 || s.trainer.Finished() == report.Epoch {
		return nil
	}
	return s.save()
}

// save writes the training state, after the steps that it covers are durable.
func (s *session) save() error {
	if err := s.steps.Sync(); err != nil {
		return err
	}
	return rundir.WriteFile(s.dir.FS, s.files.TrainingState(), func(w io.Writer) error { return s.trainer.SaveState(w) })
}

func (s *session) epochEnd(ctx context.Context, epoch int) error {
	if err := s.epochDone(ctx, epoch); err != nil {
		return err
	}
	if err := s.save(); err != nil {
		return err
	}
	return s.score(ctx, epoch)
}

// score scores an epoch while the training rests.
func (s *session) score(ctx context.Context, epoch int) error {
	s.resting = s.trainer.Rest()
	defer func() { s.resting = 0 }()
	return s.scoreEpoch(ctx, epoch)
}

// epochInfo is epoch.json in a checkpoint: what the trainer knows of the epoch.
type epochInfo struct {
	Version     int      `json:"version"`
	Epoch       int      `json:"epoch"`
	Steps       int      `json:"steps"`
	EvalLoss    *float64 `json:"eval_loss"`
	Temperature float64  `json:"temperature,omitempty"`
}

const epochInfoName = "epoch.json"

// epochDone writes the checkpoint of an epoch: full weights as a model directory, or the adapter. Epoch 0 has neither: it is the base.
func (s *session) epochDone(ctx context.Context, epoch int) error {
	loss, err := s.trainer.EvalLoss(ctx, s.dev)
	if err != nil {
		return fmt.Errorf("eval_loss of epoch %d: %w", epoch, s.explainMemory(err))
	}
	info := epochInfo{Version: 1, Epoch: epoch, Steps: s.trainer.Done(), EvalLoss: &loss, Temperature: s.trainer.Temperature()}
	err = rundir.WriteDir(s.dir.FS, s.files.Epoch(epoch), func(dir string) error {
		if epoch > 0 {
			if err := s.writeWeights(dir); err != nil {
				return err
			}
		}
		return rundir.WriteJSON(s.dir.FS, filepath.Join(dir, epochInfoName), info)
	})
	if err != nil {
		return err
	}
	_, err = s.dir.WriteStamp(ctx, stageEpoch(s.stage, epoch), []string{s.files.Epoch(epoch)})
	return err
}

func (s *session) writeWeights(dir string) error {
	sink := rundir.Sink(s.dir.FS, dir)
	if s.stages.Finetune.Method == recipe.Full {
		network, dense := s.model.Entries(s.trainer.Trained())
		contract := s.texts.contract(s.model.Contract)
		return model.WriteDirectory(sink, s.model.Directory, network, model.WriteOptions{Contract: &contract, Dense: dense})
	}
	adapter, err := s.trainer.Adapter()
	if err != nil {
		return err
	}
	if err := s.model.WriteAdapter(adapter, sink); err != nil {
		return err
	}
	return s.texts.contract(s.model.Contract).Write(sink)
}
