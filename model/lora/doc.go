// Package lora reads, makes, writes and merges LoRA adapters (Hu et al., 2022) in PEFT's format.
//
// An adapter adds scaling·B·A to the weight of each linear module it sits on, with A [rank, in] and B [out, rank]. Which
// modules those are follows PEFT's rules for target_modules, rank_pattern and the rest. An option that changes this
// arithmetic and is not implemented is an error that names it, as is an adapter whose tensors and base do not fit
// together: an adapter that silently changes nothing is the fault that this package exists to prevent.
// docs/formats/adapter.md describes the files.
package lora
