package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/format/modelcard"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
)

// Directories that merges of FlagEmbedding's trainers leave in a training's output.
const (
	rawName    = "raw_peft"     // base and --raw_peft, which is trained on
	mergedName = "merged_model" // --save_merged_lora_model, where it stands there, too
)

// trainerMerges are the merges before and behind a training that flags of FlagEmbedding's trainers ask for.
type trainerMerges struct {
	raw   string // adapter that becomes part of the base first; empty is none
	last  bool   // the last epoch's adapter becomes a model
	alone bool   // nothing is trained
}

// takeMerges takes --raw_peft, --save_merged_lora_model and --only_merge_lora_model.
func (o *FinetuneOptions) takeMerges(a pythonArgs, kind trainer) error {
	o.Merges = trainerMerges{a.text("raw_peft"), a.truth("save_merged_lora_model"), a.truth("only_merge_lora_model")}
	switch {
	case o.Merges.alone && !o.Merges.last:
		return errors.New("--only_merge_lora_model does nothing without --save_merged_lora_model True, there as here: give both, or neither")
	case o.Merges.last && (kind == ofEncoders || !a.truth("use_lora") && !a.given("from_peft")):
		return errors.New("--save_merged_lora_model: with --use_lora False no adapter is trained, and every epoch is a whole model: leave it out")
	}
	return nil
}

// trainAndMerge trains, with the merges before and behind it.
func (o *FinetuneOptions) trainAndMerge(ctx context.Context, h *host) error {
	if err := o.mergeRaw(ctx, h); err != nil {
		return err
	}
	if !o.Merges.alone {
		if err := runFinetune(ctx, *o, h); err != nil {
			return err
		}
	}
	if !o.Merges.last {
		return nil
	}
	adapter, err := o.lastEpoch()
	if err != nil {
		return badInputf("--save_merged_lora_model: %w", err)
	}
	h.note("%s is merged into %s", adapter, filepath.Join(o.Output, mergedName))
	return o.mergeInto(ctx, h, adapter, mergedName)
}

// mergeRaw makes base and --raw_peft one model, which takes the base's place.
func (o *FinetuneOptions) mergeRaw(ctx context.Context, h *host) error {
	if o.Merges.raw == "" {
		return nil
	}
	if err := refuseNoAdapter(o.Merges.raw); err != nil {
		return badInputf("--raw_peft: %w", err)
	}
	if err := mayWriteBeside("output_dir", filepath.Join(o.Output, rawName), "raw_peft", o.Merges.raw); err != nil {
		return err
	}
	if err := o.mergeInto(ctx, h, o.Merges.raw, rawName); err != nil {
		return fmt.Errorf("--raw_peft: %w", err)
	}
	o.Model.Model = filepath.Join(o.Output, rawName)
	return nil
}

// mergeInto merges an adapter into the model, in a directory of the output; what is there already of the same two, with
// the tokens that are wanted, is kept.
func (o *FinetuneOptions) mergeInto(ctx context.Context, h *host, adapter, name string) error {
	m := MergeOptions{Base: o.Model.Model, Adapter: adapter, Output: filepath.Join(o.Output, name), Seed: o.Tune.Seed, Model: o.Model, Engine: o.Engine}
	card, err := rundir.ReadFile(rundir.OS{}, filepath.Join(m.Output, modelcard.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return runMerge(ctx, m, h) // which refuses a directory without a card
	}
	if err != nil {
		return badInput(err)
	}
	base, err := m.Model.locate(ctx, h, m.Base)
	if err != nil {
		return err
	}
	want, err := m.card(ctx, base, m.Output)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := want.Write(&text); err != nil {
		return err
	}
	if !bytes.Equal(card, text.Bytes()) {
		return badInputf("%s is there and is no merge of %s and %s as they are: remove it", m.Output, m.Base, m.Adapter)
	}
	d, err := model.ReadDirectory(m.Output, model.Options{SpecialTokens: m.Model.SpecialTokens})
	if err != nil {
		return badInput(err)
	}
	if d.TokensAdded() { // of which the card does not tell
		return badInputf("%s is there and has not all of --additional_special_tokens %s: remove it", m.Output, strings.Join(m.Model.SpecialTokens, " "))
	}
	h.note("%s is there already", m.Output)
	return nil
}

// lastEpoch is the adapter of the last epoch in the output directory.
func (o *FinetuneOptions) lastEpoch() (string, error) {
	if _, err := os.Stat(o.Output); err != nil {
		return "", err
	}
	epochs := numbered(o.Output, o.epochPrefix())
	if i := slices.IndexFunc(epochs, isAdapter); i >= 0 {
		return epochs[i], nil
	}
	return "", fmt.Errorf("%s holds no %sN with an adapter; one that another program trained is merged by quarry merge --base MODEL --adapter DIR --output DIR", o.Output, o.epochPrefix())
}

// besideTraining says whether something in an output directory is put there before its training begins.
func (m trainerMerges) besideTraining(name string) bool {
	return name == rawName && m.raw != ""
}
