package main

import (
	"context"
	"errors"

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
	if a.text("type") == "reranker" {
		return MergeOptions{}, errors.New("--type reranker: quarry merges embedders; a reranker's score comes of a head that has no part in a text's vector, so that the merge could not be checked")
	}
	o := MergeOptions{Base: a.text("base_model_path"), Adapter: a.text("lora_path"), Output: a.text("output_dir"), Seed: 42}
	o.Engine.Precision = "auto"
	o.Model, err = decoderAbove(h, "base_model_path", o.Base)
	return o, err
}

// decoderAbove pools the last token, to unit length, where the model's own files do not say how: so FlagEmbedding reads a
// decoder.
func decoderAbove(h *host, flag, dir string) (ModelOptions, error) {
	var o ModelOptions
	found, err := h.findModel(dir)
	if err == nil {
		_, err = model.ReadDirectory(found.dir, model.Options{})
	}
	if !errors.Is(err, model.ErrNoPooling) {
		return o, nil // what else is wrong shows when the model is opened
	}
	normalize := true
	o.Pooling, o.Normalize = string(model.PoolLastToken), &normalize
	h.note("--%s: the model does not say how its vectors are made: of the last token, to length 1, as FlagEmbedding's decoders", flag)
	return o, nil
}
