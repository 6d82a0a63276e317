package main

import (
	"errors"
	"io/fs"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/rundir"
)

// minedTexts reads the texts of the queries whose keys the map has, out of what a round mined. Where it has not mined, they
// stay as they are.
func minedTexts(d *rundir.Dir, round int, split rundir.Split, texts map[string]string) (err error) {
	path := d.Round(round).Negatives(split)
	f, err := d.FS.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := corpus.NewLines(f, path, corpus.LineOptions{})
	return lines.Each(func(object corpus.Object) error {
		row, _, err := provenance.OfRow(object)
		if err != nil {
			return lines.Errorf("%w", err)
		}
		for _, key := range row.QueryKeys() {
			if _, wanted := texts[key]; !wanted {
				continue
			}
			raw, _ := object.Get("query")
			var text string
			if err := corpus.Decode(raw, &text); err != nil {
				return lines.Errorf("\"query\": %w", err)
			}
			texts[key] = text
		}
		return nil
	})
}
