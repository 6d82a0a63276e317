package model

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// TieHeads returns entries that are to take the place of a file's tensors, in which a head that is tied to the table of word
// embeddings (a language model's lm_head, stored a second time under its own name) becomes what the table becomes. Left as
// it was, it would be the head of another table. A head is tied where its bytes are the table's and config.json does not say
// otherwise. changed says which tensors the entries change; each entry has its tensor's name.
func (d *Directory) TieHeads(base *safetensors.File, changed func(name string) bool, entries []safetensors.Entry) []safetensors.Entry {
	var says struct {
		Tied *bool `json:"tie_word_embeddings"`
	}
	// That it is JSON was seen when the directory was read.
	if json.Unmarshal(d.ConfigJSON(), &says) == nil && says.Tied != nil && !*says.Tied {
		return entries
	}
	tied := slices.Clone(entries)
	for _, table := range base.Tensors() {
		if !lora.IsTable(table.Name) || !changed(table.Name) {
			continue
		}
		becomes := slices.IndexFunc(entries, func(e safetensors.Entry) bool { return e.Name == table.Name })
		for i, e := range tied {
			head, err := base.Tensor(e.Name)
			if becomes < 0 || err != nil || changed(e.Name) || head.DType != table.DType || !slices.Equal(head.Shape, table.Shape) || !bytes.Equal(head.Data, table.Data) {
				continue
			}
			tied[i] = entries[becomes]
			tied[i].Name = e.Name
		}
	}
	return tied
}
