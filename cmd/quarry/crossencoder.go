package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
)

// PairFlags are the flags of quarry finetune that train a cross-encoder.
type PairFlags struct {
	Loss           string
	PositiveWeight float64
	Folds          int
}

// addPairs adds the flags of a cross-encoder's training.
func (o *FinetuneOptions) addPairs(f *pflag.FlagSet) {
	f.StringVar(&o.Kind, "kind", embedderKind, "what is trained: embedder; cross-encoder, on pairs of a query and a passage")
	f.StringVar(&o.Pairs.Loss, "loss", string(finetune.BinaryCrossEntropy), "of a cross-encoder: binary_cross_entropy, of each pair; cross_entropy, of a query's positive among its passages")
	f.Float64Var(&o.Pairs.PositiveWeight, "positive-weight", 1, "weight of positives in binary_cross_entropy")
	f.IntVar(&o.Pairs.Folds, "folds", 0, "train so many cross-encoders, each without a fold of the queries, which it then scores in teach and mine (none)")
}

// crossEncoder says whether a cross-encoder is trained.
func (o *FinetuneOptions) crossEncoder() bool { return o.Kind == crossEncoderKind }

// embeddersAlone are flags that have no part in a cross-encoder's training.
var embeddersAlone = []string{
	"accumulate", "temperature", "learn-temperature", "both-directions", "lora-rank", "lora-alpha", "lora-dropout", "lora-targets", "lora-rs", "lora-rank-pattern", "lora-alpha-pattern", "lora-modules-to-save", "from-adapter",
	"examples", "distill", "teacher-scores", "guide", "guide-mask", "guide-margin", "matryoshka", "matryoshka-weights", "metrics",
	"query-prompt", "query-suffix", "passage-prompt", "query-max-length", "passage-max-length", "prompt-from-row",
	"pooling", "normalize", "truncate-dim", "weights", "additional-special-tokens",
}

// settlePairs checks the flags of a cross-encoder's training, and puts its defaults where an embedder's stand.
func (o *FinetuneOptions) settlePairs() error {
	switch {
	case o.Kind == "" || o.Kind == embedderKind:
		return o.set.needs("--kind cross-encoder", "loss", "positive-weight", "folds")
	case !o.crossEncoder():
		return badInputf("--kind %q: use %s or %s", o.Kind, embedderKind, crossEncoderKind)
	}
	if err := o.set.needs("--kind embedder", embeddersAlone...); err != nil {
		return err
	}
	if o.Pairs.Loss == string(finetune.CrossEntropy) {
		if err := o.set.needs("--loss binary_cross_entropy", "positive-weight"); err != nil {
			return err
		}
	}
	if err := o.set.atLeast(2, map[string]int{"folds": o.Pairs.Folds}); err != nil {
		return err
	}
	if o.Pairs.Folds > 0 && o.Dev != "" {
		return badInputf("--dev has no part with --folds: each cross-encoder's eval_loss is taken on the fold that it does not train on")
	}
	standard := finetune.DefaultPairOptions()
	o.Tune.Pairs = finetune.PairOptions{Loss: finetune.PairLoss(o.Pairs.Loss), PositiveWeight: o.Pairs.PositiveWeight}
	if o.Tune.Pairs.Loss != finetune.BinaryCrossEntropy {
		o.Tune.Pairs.PositiveWeight = 0
	}
	if !o.set["learning-rate"] {
		o.Tune.LearningRate = standard.LearningRate
	}
	if !o.set["batch"] {
		o.Tune.Batch = standard.Batch
	}
	return nil
}

// crossTraining is what a training has that is a cross-encoder's.
type crossTraining struct {
	model     *model.CrossEncoder
	fresh     bool // its head is drawn
	maxLength int  // tokens of a pair
	seed      uint64
	trained   model.TrainedQueries // those of the model and of this training

	fold *foldOf // nil but in one of several trainings
}

// foldOf is the fold that a training leaves out.
type foldOf struct {
	Fold  int `json:"fold"`
	Folds int `json:"folds"`
}

// openCrossEncoder opens the model that is trained on: a cross-encoder, or an encoder under a fresh head.
func (o *FinetuneOptions) openCrossEncoder(ctx context.Context, h *host) (*crossTraining, error) {
	var err error
	if o.Model.found, err = o.Model.locate(ctx, h, o.Model.Model); err != nil {
		return nil, fmt.Errorf("--model: %w", err)
	}
	c := &crossTraining{}
	c.model, err = model.OpenCrossEncoder(o.Model.found.dir)
	if errors.Is(err, model.ErrNoCrossEncoder) {
		c.fresh = true
		c.model, err = model.OpenFreshCrossEncoder(o.Model.found.dir, o.Tune.Seed)
	}
	if err != nil {
		return nil, badInputf("--model: %w", err)
	}
	if c.fresh {
		h.note("%s is no cross-encoder: a head of one label is drawn for it, by --seed", o.Model.Model)
		if o.tunedEncoder() {
			h.note("%s was fine-tuned by Quarry (%s): of queries that it was trained on its encoder knows the answers, which no list of the cross-encoder's own training tells, and no fold leaves out; the model that it was tuned from does not", o.Model.Model, model.ContractName)
		}
	}
	c.maxLength = firstPositive(o.Texts.MaxLength, c.model.MaxLength)
	if _, err := c.model.Pair("", "", c.maxLength); err != nil {
		return nil, errors.Join(badInputf("--max-length: %w", err), c.model.Close())
	}
	return c, nil
}

// tunedEncoder says whether Quarry wrote the encoder that a head is drawn for: it writes none that it has not trained, or merged.
func (o *FinetuneOptions) tunedEncoder() bool {
	_, err := os.Stat(filepath.Join(o.Model.found.dir, model.ContractName))
	return err == nil
}

// digest is that of the model that is trained on.
func (c *crossTraining) digest(ctx context.Context, dir string) (string, error) {
	if c.fresh {
		return rundir.ModelDigest(ctx, rundir.OS{}, dir)
	}
	return rundir.CrossEncoderDigest(ctx, rundir.OS{}, dir)
}

// pairRecord is what finetune.json says of a cross-encoder's training.
type pairRecord struct {
	MaxLength int     `json:"max_length"`
	FreshHead bool    `json:"fresh_head"`
	Fold      *foldOf `json:"fold,omitempty"`
}

func (c *crossTraining) record() *pairRecord {
	if c == nil {
		return nil
	}
	return &pairRecord{MaxLength: c.maxLength, FreshHead: c.fresh, Fold: c.fold}
}

// learns notes queries that are trained on.
func (c *crossTraining) learns(queries []corpus.Query) {
	c.trained = model.TrainedQueries{}
	for d := range c.model.Trained {
		c.trained[d] = true
	}
	for _, q := range queries {
		c.trained.Add(q.Text)
	}
}

// pairExamples turns queries into what a cross-encoder's trainer takes. Texts become tokens once.
func (t *training) pairExamples(queries []corpus.Query, path string) (finetune.Data, error) {
	c, cross := t.set.corpus, t.cross
	d := finetune.Data{Examples: make([]finetune.Example, len(queries)), PassageKey: t.passageKey()}
	answers := c.AnswersOf(t.set.train, queries)
	asked := make([][]int32, len(queries))
	for i, q := range queries {
		var err error
		if d.Examples[i], err = t.example(q, path, answers); err != nil {
			return d, err
		}
		asked[i] = cross.model.Tokens(q.Text)
		for _, list := range [][]int32{d.Examples[i].Positives, d.Examples[i].Negatives} {
			for _, p := range list {
				if t.passages[p].IDs == nil {
					t.passages[p].IDs = cross.model.Tokens(c.Passages[p].Full())
				}
			}
		}
	}
	d.Pair = func(i int, p int32) (model.Sequence, error) {
		return cross.model.PairOfTokens(asked[i], t.passages[p].IDs, cross.maxLength)
	}
	return d, nil
}

// runCrossEncoder trains one cross-encoder, or one for each fold.
func runCrossEncoder(ctx context.Context, o FinetuneOptions, h *host) error {
	if err := mayWriteBeside("output", o.Output, "model", h.folder(o.Model.Model)); err != nil {
		return err
	}
	h.process.hold(o.Engine.limit(h.machine))
	set, err := o.readTraining(h)
	if err != nil {
		return err
	}
	cross, err := o.openCrossEncoder(ctx, h)
	if err != nil {
		return err
	}
	defer cross.model.Close()
	s := &training{host: h, options: o, set: set, model: cross.model.Network, cross: cross, passages: make([]model.Sequence, set.corpus.Len())}
	if s.engine, err = o.Engine.open(h, s.model.Footprint()); err != nil {
		return err
	}
	defer s.engine.Close()
	if o.Pairs.Folds > 0 {
		return s.runFolds(ctx)
	}
	if s.train, err = s.pairExamples(set.train, o.Train); err != nil {
		return err
	}
	if o.Dev != "" {
		if s.dev, err = s.pairExamples(set.dev, o.Dev); err != nil {
			return err
		}
	}
	cross.learns(set.train)
	return s.run(ctx)
}

// rowsBut are the rows from 0 to n-1 that are not among some, which ascend.
func rowsBut(n int, some []int) []int {
	rest := make([]int, 0, n-len(some))
	for row := range n {
		if _, found := slices.BinarySearch(some, row); !found {
			rest = append(rest, row)
		}
	}
	return rest
}
