// Package hub finds models by their Hugging Face names and downloads them.
//
// Both work on the cache of the Python library huggingface_hub, in its own layout, so that each finds what the other
// downloaded: blobs by their digest, a folder of links for each commit, and what branches and tags point to. See
// docs/formats/hub-cache.md.
package hub
