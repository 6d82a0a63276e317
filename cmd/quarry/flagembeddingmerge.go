package main

import (
	"context"
	"fmt"

	"github.com/quarry-ml/quarry/model"
)

// saveMergedFlags are those of the reference pipeline's save_merged_model.py.
var saveMergedFlags = []pythonFlag{
	{name: "base_model_path", needed: true},
	{name: "lora_path", needed: true},
	{name: "output_dir", needed: true},
	{name: "type", standard: "embedder", choices: []string{"embedder", "reranker"}},
}

// runSaveMerged merges as save_merged_model.py does, and checks the result as quarry merge does.
func runSaveMerged(ctx context.Context, h *host, words []string) error {
	o, err := readSaveMerged(h, words)
	if err != nil {
		return badInput(err)
	}
	return runMerge(ctx, o, h)
}

func readSaveMerged(h *host, words []string) (MergeOptions, error) {
	a, err := parsePython(words, saveMergedFlags)
	if err != nil {
		return MergeOptions{}, err
	}
	o := MergeOptions{Base: a.text("base_model_path"), Adapter: a.text("lora_path"), Output: a.text("output_dir"), Seed: 42}
	o.Engine.Precision = "auto"
	if a.text("type") == "reranker" {
		o.languageModel = true
		o.Model.Pooling = string(model.PoolLastToken) // whose state the head reads
		return o, nil
	}
	o.Model, err = decoderAbove(h, o.Base, o.Adapter)
	return o, err
}

// decoderAbove is what stands above the base's files: nothing where quarry.json beside the adapter says how it was trained, or the
// base's own files how its vectors are made; else the last token, to unit length: so FlagEmbedding reads a decoder.
func decoderAbove(h *host, base, adapter string) (ModelOptions, error) {
	var o ModelOptions
	c, err := model.ReadContract(adapter)
	if err != nil {
		return o, fmt.Errorf("--lora_path: %w", err)
	}
	if c != nil {
		return o, nil
	}
	found, err := h.findModel(base)
	if err != nil {
		return o, nil // as whatever else is wrong, it shows when the model is opened
	}
	d, err := model.ReadDirectory(found.dir, model.Options{})
	if err != nil || d.NamesPooling() {
		return o, nil
	}
	normalize := true
	o.Pooling, o.Normalize = string(model.PoolLastToken), &normalize
	h.note("--base_model_path: the model does not say how its vectors are made: of the last token, to length 1, as FlagEmbedding's decoders")
	return o, nil
}
