package demo

import _ "embed"

// The recipe's paths are relative to the folder that holds it, the data and the base model.
//
//go:embed recipe.yaml
var recipeText string

// Recipe returns the recipe that drives the demo: an in-batch warm-up, then two mined rounds. It expects corpus.jsonl,
// train.jsonl, dev.jsonl and the model directory base beside it.
func Recipe() string { return recipeText }
