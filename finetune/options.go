// Package finetune trains an embedder on queries, drawn positives and mined negatives with InfoNCE: in full or by LoRA,
// with every passage of a step as a column, in a memory that gradient caching bounds. It trains a cross-encoder on the pairs of the
// same rows.
//
// It computes losses and hands over weights and resumable state; it knows no files. docs/design.md says what a training
// step and a draw mean.
package finetune

import (
	"errors"
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/model/lora"
)

// Method names what is trained.
type Method string

// The methods.
const (
	Full Method = "full" // every weight of the network and its dense layers
	LoRA Method = "lora" // adapters on linear modules; the base stays as it is
)

// Options say how a round is trained.
type Options struct {
	Method     Method `json:"method"`
	Epochs     int    `json:"epochs"`
	Batch      int    `json:"batch"`      // queries of an optimizer step
	GroupSize  int    `json:"group_size"` // passages a query brings: one positive and GroupSize-1 negatives
	Accumulate int    `json:"accumulate"` // blocks of a step's queries whose columns stay apart
	DropLast   bool   `json:"drop_last"`  // leave out an epoch's last, smaller batch

	LearningRate float64  `json:"learning_rate"`
	Schedule     Schedule `json:"schedule"`
	WarmupRatio  float64  `json:"warmup_ratio"`           // of all steps
	WarmupSteps  int      `json:"warmup_steps,omitempty"` // where it is above 0, in place of the ratio
	WeightDecay  float64  `json:"weight_decay"`           // never on biases and norms
	Beta1        float64  `json:"beta1"`
	Beta2        float64  `json:"beta2"`
	Epsilon      float64  `json:"eps"`
	Clip         float64  `json:"clip"` // largest global norm of the gradient; 0 is no clipping

	Temperature        float64 `json:"temperature"`
	LearnTemperature   bool    `json:"learn_temperature"`
	BothDirections     bool    `json:"both_directions"` // also ask each positive for its query
	MaskKnownPositives bool    `json:"mask_known_positives"`
	// FixPositions keeps tables of position embeddings as they are, by the name that transformers' networks give them
	// (position_embeddings); networks without any have none to keep.
	FixPositions bool `json:"fix_position_embedding,omitempty"`
	Dropout      bool `json:"dropout"` // of the network, as config.json says; LoRA's own is LoRAOptions.Dropout
	// Distill learns from a teacher's scores too; empty is InfoNCE alone. eval_loss is InfoNCE always.
	Distill    Distillation `json:"distill,omitzero"`
	Guide      GuideOptions `json:"guide,omitzero"`
	Matryoshka Matryoshka   `json:"matryoshka,omitzero"`
	Pairs      PairOptions  `json:"pairs,omitzero"` // where a cross-encoder is trained
	// ShuffleRatio is the share of drawn positives, by key, whose text is read with its chunks in another order: Data.Shuffled.
	ShuffleRatio float64 `json:"shuffle_ratio,omitempty"`
	MaxSteps     int     `json:"max_steps"` // stop after so many optimizer steps, the schedule fitted to them; 0 is no limit

	// Examples is the most in-context examples before a query in training: each query is shown a number from 0 to it, drawn
	// anew each epoch, of the step's other queries. Data.InContext writes them.
	Examples int `json:"examples,omitempty"`

	// BlockTokens is the tokens that go through the network together in training. Sums over tokens are taken block by
	// block, so it is part of the recipe; memory only decides whether a block's activations are kept or computed again.
	BlockTokens int    `json:"block_tokens"`
	Seed        uint64 `json:"seed"`
	Round       int    `json:"round"`

	LoRA LoRAOptions `json:"lora"`
}

// LoRAOptions are those of PEFT's LoraConfig of the same names.
type LoRAOptions struct {
	Rank          int      `json:"r"`
	Alpha         float64  `json:"alpha"`
	Dropout       float64  `json:"dropout"`
	TargetModules []string `json:"target_modules"` // names or suffixes of linear modules, or "all-linear"
	RSLoRA        bool     `json:"rslora"`
	// RankPattern and AlphaPattern give modules whose names match another rank or alpha; of several the first counts.
	RankPattern  []lora.Override `json:"rank_pattern,omitempty"`
	AlphaPattern []lora.Override `json:"alpha_pattern,omitempty"`
	// ModulesToSave are modules that are trained whole, beside the adapters, and stored with them: embed_tokens, a norm.
	ModulesToSave []string `json:"modules_to_save,omitempty"`
	BaseModel     string   `json:"base_model"`              // written into adapter_config.json; may be empty
	BaseRevision  string   `json:"base_revision,omitempty"` // the same, of a base that is called by its name on the hub

	// Start is an adapter whose matrices training begins with, in place of fresh ones; nil is fresh ones. Its modules, ranks and
	// scalings must be those that the other options make.
	Start *lora.Adapter `json:"-"`
}

// GoingOn returns the options of an adapter that is trained on: its ranks, alphas, dropout, kind of scaling and modules, those that are
// trained whole too, and its matrices.
func GoingOn(a *lora.Adapter) LoRAOptions {
	o := LoRAOptions{Rank: a.Config.Rank, Alpha: a.Config.Alpha, Dropout: a.Config.Dropout, RSLoRA: a.Config.RSLoRA, Start: a,
		RankPattern: a.Config.RankPattern, AlphaPattern: a.Config.AlphaPattern, ModulesToSave: a.Config.ModulesToSave}
	for _, l := range a.Layers {
		o.TargetModules = append(o.TargetModules, l.Name)
	}
	return o
}

// DefaultOptions are what a recipe gets that says nothing.
func DefaultOptions() Options {
	return Options{
		Method: Full, Epochs: 5, Batch: 32, GroupSize: 8, Accumulate: 1,
		LearningRate: 1e-4, Schedule: Linear, WarmupRatio: 0.1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Clip: 1,
		Temperature: 0.02, MaskKnownPositives: true, Dropout: true, BlockTokens: 2048, Seed: 42,
		LoRA: LoRAOptions{Rank: 64, Alpha: 32, Dropout: 0.1, TargetModules: []string{lora.AllLinear}},
	}
}

// content is the options without what is only written along: a base called otherwise is the same base.
func (o Options) content() Options {
	o.LoRA.BaseModel, o.LoRA.BaseRevision = "", ""
	return o
}

// Validate names the first option that cannot be.
func (o Options) Validate() error {
	checks := []struct {
		ok   bool
		what string
	}{
		{o.Method == Full || o.Method == LoRA, fmt.Sprintf("method %q: use full or lora", o.Method)},
		{o.Epochs >= 1, fmt.Sprintf("epochs %d: at least 1", o.Epochs)},
		{o.Batch >= 1, fmt.Sprintf("batch %d: at least one query a step", o.Batch)},
		{o.GroupSize >= 1, fmt.Sprintf("group_size %d: at least the positive", o.GroupSize)},
		{o.Accumulate >= 1 && o.Batch%max(1, o.Accumulate) == 0, fmt.Sprintf("accumulate %d: must divide batch %d", o.Accumulate, o.Batch)},
		{o.LearningRate > 0 && finite(o.LearningRate), fmt.Sprintf("learning_rate %g: a positive, finite number", o.LearningRate)},
		{o.Schedule.known(), fmt.Sprintf("schedule %q: use linear, cosine, constant or constant_with_warmup", o.Schedule)},
		{o.WarmupRatio >= 0 && o.WarmupRatio <= 1, fmt.Sprintf("warmup_ratio %g: between 0 and 1", o.WarmupRatio)},
		{o.WarmupSteps >= 0, fmt.Sprintf("warmup_steps %d: at least 1, or 0 for warmup_ratio", o.WarmupSteps)},
		{o.WeightDecay >= 0 && finite(o.WeightDecay), fmt.Sprintf("weight_decay %g: a finite number that is not negative", o.WeightDecay)},
		{o.Beta1 >= 0 && o.Beta1 < 1 && o.Beta2 >= 0 && o.Beta2 < 1, fmt.Sprintf("betas %g, %g: in [0, 1)", o.Beta1, o.Beta2)},
		{o.Epsilon > 0 && finite(o.Epsilon), fmt.Sprintf("eps %g: a positive, finite number", o.Epsilon)},
		{o.Clip >= 0 && finite(o.Clip), fmt.Sprintf("clip %g: a finite number that is not negative; 0 never clips", o.Clip)},
		{o.Temperature > 0 && finite(o.Temperature), fmt.Sprintf("temperature %g: a positive, finite number", o.Temperature)},
		{!o.LearnTemperature || o.Temperature >= MinTemperature && o.Temperature <= MaxTemperature, fmt.Sprintf("temperature %g: one that is learned starts and stays between %g and %g", o.Temperature, MinTemperature, MaxTemperature)},
		{o.Distill.known(), fmt.Sprintf("distill %q: use kl_div or m3_kd_loss", o.Distill)},
		{o.Distill != M3KD || !o.BothDirections, "both_directions has no part in distill m3_kd_loss, which takes InfoNCE's place"},
		{o.Guide.Mask.known(), fmt.Sprintf("guide mask %q: use absolute or relative", o.Guide.Mask)},
		{finite(o.Guide.Margin) && (o.Guide.Mask != "" || o.Guide.Margin == 0), fmt.Sprintf("guide margin %g: a finite number, beside a mask", o.Guide.Margin)},
		{o.ShuffleRatio >= 0 && o.ShuffleRatio <= 1, fmt.Sprintf("shuffle_ratio %g: between 0 and 1", o.ShuffleRatio)},
		{o.MaxSteps >= 0, fmt.Sprintf("max_steps %d: at least 1, or 0 for no limit", o.MaxSteps)},
		{o.Round >= 0, fmt.Sprintf("round %d: rounds are counted from 0", o.Round)},
		{o.Examples >= 0, fmt.Sprintf("examples %d: at least 0", o.Examples)},
		{o.BlockTokens >= 1, fmt.Sprintf("block_tokens %d: at least 1", o.BlockTokens)},
		{o.Method != LoRA || o.LoRA.Rank >= 1 && o.LoRA.Alpha > 0 && finite(o.LoRA.Alpha), fmt.Sprintf("lora r %d, alpha %g: must be positive and finite", o.LoRA.Rank, o.LoRA.Alpha)},
		{o.Method != LoRA || o.LoRA.Rank <= math.MaxInt32, fmt.Sprintf("lora r %d: at most %d", o.LoRA.Rank, math.MaxInt32)},
		{o.LoRA.Dropout >= 0 && o.LoRA.Dropout < 1, fmt.Sprintf("lora dropout %g: in [0, 1)", o.LoRA.Dropout)},
	}
	for _, c := range checks {
		if !c.ok {
			return errors.New(c.what)
		}
	}
	if l := o.LoRA; o.Method == LoRA && len(l.RankPattern)+len(l.AlphaPattern) > 0 {
		if err := l.config().Validate(); err != nil {
			return fmt.Errorf("lora: %w", err)
		}
	}
	if err := o.validatePairs(); err != nil {
		return err
	}
	return o.Matryoshka.Validate()
}

func finite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }
