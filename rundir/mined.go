package rundir

import (
	"errors"
	"fmt"
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/provenance"
)

// EachMined visits what a round mined for the queries of a split, in the order of the file. The error is fs.ErrNotExist
// where the round has not mined.
func (d *Dir) EachMined(round int, s Split, visit func(provenance.Row) error) error {
	return d.EachMinedOf(d.Round(round), s, visit)
}

// EachMinedOf is EachMined of the files of a round, or of a set of the recipe's data.sets in it.
func (d *Dir) EachMinedOf(files RoundLayout, s Split, visit func(provenance.Row) error) (err error) {
	path := files.Negatives(s)
	f, err := d.FS.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return ReadMined(f, path, visit)
}

// ReadMined visits the rows of a file of mined rows. name is for errors, which tell the line. A row without the side
// field was not written by a run and is an error.
func ReadMined(r io.Reader, name string, visit func(provenance.Row) error) error {
	lines := corpus.NewLines(r, name, corpus.LineOptions{})
	return lines.Each(func(object corpus.Object) error {
		row, ok, err := provenance.OfRow(object)
		switch {
		case err != nil:
		case !ok:
			err = fmt.Errorf("the row has no %q field, which tells where its negatives come from: run mine again", provenance.Key)
		case row.Key == "":
			err = fmt.Errorf("%q: the key of the query is missing", provenance.Key)
		}
		if err != nil {
			return lines.Errorf("%w", err)
		}
		return visit(row)
	})
}
