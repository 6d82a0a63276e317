// Package model reads and writes model directories in the Hugging Face layout, and runs the network in them.
//
// A model directory holds config.json, a tokenizer, safetensors weights and, where sentence-transformers made it,
// modules.json with the files it names. ReadDirectory checks all of that before any weight is read: an unknown module,
// architecture, activation, pooling or key is an error that names the file and lists what is supported, never skipped.
// Contract is what a caller must do around the network for its vectors to mean what training made them mean: prompts,
// pooling, normalisation, score function. docs/formats/model-directory.md describes every file.
package model
