package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/format/modelcard"
	"github.com/quarry-ml/quarry/merging"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// MergeOptions are the flags of quarry merge.
type MergeOptions struct {
	Base, Adapter, Output string
	Model                 ModelOptions // what stands above the base's files
	Probes                string
	Seed                  uint64
	ShardSize             recipe.Size
	Engine                EngineOptions
	JSON                  bool

	languageModel bool // the base is a reranker's: what is merged keeps its head and is no embedder
}

func newMergeCommand(h *host) *cobra.Command {
	var o MergeOptions
	cmd := &cobra.Command{
		Use:   "merge --base DIR --adapter DIR --output DIR",
		Short: "Make one model of a base and an adapter, checked on probe texts",
		Long: `Make one model directory of a base and an adapter in PEFT's format.

The merged model must give the vectors of base and adapter on probe texts: of each component within 1e-5 for a base in
f32, within a few roundings for one in bf16 or f16. A merge that fails the check leaves no output directory. Probes are
texts of the base's own vocabulary unless --probes names some. The merged model's prompts, pooling, normalisation and length of
vectors are those that the adapter was trained under, where a quarry.json stands beside it, unless a flag says otherwise.

The base has to be the one that the adapter was trained on: of an adapter in the directory of quarry finetune or of a run its digest
is known, and another one is refused. Of any other adapter the base that its adapter_config.json names is warned of where it is
called otherwise than --base.

Weights are read and written a piece at a time, from shards and into shards; the merged model has the types of the base, and
all of its tensors.

The flags of save_merged_model.py (--base_model_path, --lora_path, --output_dir) are taken in place of these.`,
		Example: `  quarry merge --base models/minilm --adapter tuned/epoch-3 --output merged
  quarry merge --base models/minilm --adapter tuned/epoch-3 --probes dev.jsonl --output merged`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error { return runMerge(cmd.Context(), o, h) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Base, "base", "", "model `directory`, or a Hugging Face name")
	f.StringVar(&o.Adapter, "adapter", "", "`directory` of the adapter")
	f.StringVar(&o.Output, "output", "", "model `directory` to write; it must not be there yet")
	f.StringVar(&o.Probes, "probes", "", "JSONL `file` of texts to check on; the first 64 are taken")
	seedFlag(f, &o.Seed, 42, "seed of the probes")
	f.Var(size{&o.ShardSize}, "shard-size", "tensors that a file of weights holds at most, such as 1GB (5GB)")
	f.BoolVar(&o.JSON, "json", false, "print the check as JSON")
	o.Model.addAbove(f)
	o.Engine.AddFlags(f)
	return cmd
}

// runMerge merges beside the output directory, which appears only when the check has passed.
func runMerge(ctx context.Context, o MergeOptions, h *host) error {
	if err := need("base", o.Base, "adapter", o.Adapter, "output", o.Output); err != nil {
		return err
	}
	if err := mustBeNew("output", o.Output); err != nil {
		return err
	}
	if err := mayWriteBeside("output", o.Output, "base", h.folder(o.Base), "adapter", o.Adapter); err != nil {
		return err
	}
	if err := refuseNoAdapter(o.Adapter); err != nil {
		return badInputf("--adapter: %w", err)
	}
	above, err := o.Model.options()
	if err != nil {
		return err
	}
	base, err := o.Model.locate(ctx, h, o.Base)
	if err != nil {
		return fmt.Errorf("--base: %w", err)
	}
	if err := checkBase(ctx, h, o.Adapter, "base", o.Base, base); err != nil {
		return err
	}
	contract, err := o.contract()
	if err != nil {
		return err
	}
	probes, err := o.probes(h, base.dir)
	if err != nil {
		return err
	}
	h.process.hold(o.Engine.limit(h.machine))
	o.Engine.weights = o.Model.Weights
	e, err := o.Engine.open(h, model.Footprint{})
	if err != nil {
		return err
	}
	defer e.Close()
	output, err := behindLinks(o.Output)
	if err != nil {
		return badInputf("--output: %w", err)
	}
	var check merging.Check
	err = rundir.WriteDir(rundir.OS{}, output, func(dir string) error {
		var err error
		sink := func(name string, write func(io.Writer) error) error {
			return asFailure(rundir.Sink(rundir.OS{}, dir)(name, write))
		}
		check, err = merging.Merge(ctx, e, merging.Options{Base: base.dir, Adapter: o.Adapter, Model: above, Contract: contract, Probes: probes, ShardLimit: int64(o.ShardSize), LanguageModel: o.languageModel}, dir, sink)
		if errors.Is(err, merging.ErrDiffers) {
			return err
		}
		if err != nil {
			return inputUnlessFailure(h.raise(wantPooling(err), "the length of --probes"))
		}
		if o.languageModel {
			return nil // the card is an embedder's
		}
		card, err := o.card(ctx, base, dir)
		if err != nil {
			return err
		}
		return sink(modelcard.Name, card.Write)
	})
	if err != nil {
		return err
	}
	h.note("%d probes within %.2g (allowed %.2g); the adapter changes them by %.2g", check.Probes, check.MaxDifference, check.Tolerance, check.Change)
	if !o.JSON {
		return nil
	}
	return printJSON(h, struct {
		Schema int           `json:"schema"`
		Check  merging.Check `json:"check"`
	}{schema, check})
}

// card is what is known of the merged model in a directory.
func (o MergeOptions) card(ctx context.Context, base foundModel, merged string) (modelcard.Card, error) {
	card := modelcard.Card{Title: filepath.Base(o.Output), Base: modelcard.Model{Name: o.Base}, Adapter: modelcard.Model{Name: o.Adapter}}
	if base.revision != "" {
		card.Base.Name, _, _ = strings.Cut(o.Base, "@")
		card.Base.Hub, card.Base.Revision = true, base.revision
	}
	var err error
	if card.Base.Digest, err = rundir.ModelDigest(ctx, rundir.OS{}, base.dir); err != nil {
		return card, err
	}
	if card.Adapter.Digest, err = rundir.TreeDigest(ctx, rundir.OS{}, o.Adapter); err != nil {
		return card, err
	}
	d, err := model.ReadDirectory(merged, model.Options{})
	if err != nil {
		return card, err
	}
	c := d.Contract
	card.MaxTokens, card.Score = c.MaxLength, string(c.Score)
	card.Query, card.Passage = pipeline.CardPrompt(c.Query), pipeline.CardPrompt(c.Passage)
	return card, nil
}

// contract is what the adapter was trained under, where that stands beside it; flags stand above it.
func (o MergeOptions) contract() (*model.Contract, error) {
	c, err := model.ReadContract(o.Adapter)
	if err != nil {
		return nil, badInputf("--adapter: %w", err)
	}
	if c == nil {
		return nil, nil
	}
	above, err := o.Model.options()
	if err != nil {
		return nil, err
	}
	if above.Pooling != "" {
		c.Pooling = above.Pooling
	}
	if above.Normalize != nil {
		c.Normalize = *above.Normalize
	}
	if above.TruncateDim != 0 {
		c.TruncateDim = above.TruncateDim
	}
	return c, nil
}

// probes are the texts of a file, or made of the base's vocabulary.
func (o MergeOptions) probes(h *host, base string) ([]string, error) {
	if o.Probes == "" {
		d, err := model.ReadDirectory(base, model.Options{})
		if err != nil {
			return nil, badInputf("--base: %w", err)
		}
		t, err := openTokenizer(d.Path)
		if err != nil {
			return nil, badInputf("--base: %w", err)
		}
		return merging.Probes(t, o.Seed, merging.Count), nil
	}
	var texts []string
	var failed error
	textFile{host: h, path: o.Probes, flag: "probes"}.texts(func(text embedding.Text, err error) bool {
		switch {
		case err != nil:
			failed = err
		case text.IDs != nil:
			failed = badInputf("%s: probes are texts, not token ids", o.Probes)
		default:
			texts = append(texts, text.Text)
		}
		return failed == nil && len(texts) < merging.Count
	})
	if failed == nil && len(texts) == 0 {
		failed = badInputf("%s: no texts", o.Probes)
	}
	return texts, failed
}
