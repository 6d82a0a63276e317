package rundir

import (
	"errors"
	"fmt"
	"io"
	"slices"

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
// field was not written by a run and is an error. A teacher's scores of a row are put to its negatives and to the positive that it scores
// lowest.
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
		default:
			err = addTeacher(&row, object)
		}
		if err != nil {
			return lines.Errorf("%w", err)
		}
		return visit(row)
	})
}

// addTeacher puts what a row says of a teacher's scores to its provenance; a row without scores of its positives or negatives says nothing.
func addTeacher(row *provenance.Row, object corpus.Object) error {
	var pos, neg []float32
	for _, one := range []struct {
		key    string
		scores *[]float32
		want   int
	}{{"pos_scores", &pos, len(row.Positives)}, {"neg_scores", &neg, len(row.Negatives)}} {
		raw, ok := object.Get(one.key)
		if !ok {
			return nil
		}
		if err := corpus.Decode(raw, one.scores); err != nil {
			return fmt.Errorf("%q: %w", one.key, err)
		}
		if len(*one.scores) != one.want {
			return nil // of a row that was changed since, or no scores
		}
	}
	if len(pos) == 0 {
		return nil
	}
	lowest := slices.Min(pos)
	row.TeacherPositive = &lowest
	for i := range neg {
		row.Negatives[i].TeacherScore = &neg[i]
	}
	return nil
}
