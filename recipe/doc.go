// Package recipe reads the YAML that a user writes, strictly, and resolves it: defaults filled in, rounds merged with
// their overrides, paths found beside the recipe.
//
// The comments and tags of the section types are the reference of the recipe, docs/recipe.md. Tags: yaml is the key;
// in is the values allowed, "a|b" for words and "[0,1)" for numbers; unset says what leaving the key out, or null,
// means where there is no default value; need marks a key that must be given.
package recipe

//go:generate go run ./gen -output ../docs/recipe.md
