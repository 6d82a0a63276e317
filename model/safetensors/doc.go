// Package safetensors reads and writes weights in the safetensors format: a JSON header that names each tensor's type,
// shape and place, then the tensors' bytes without gaps.
//
// Files are mapped, never copied whole, and their header is checked before any tensor is handed out: a file that is
// truncated or that lies about its sizes is refused with an error that names the file and the tensor. Weights may lie in
// one file or in shards listed by model.safetensors.index.json, as the Hugging Face libraries write them. The page
// docs/formats/safetensors.md describes both.
package safetensors
