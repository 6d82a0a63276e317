package pipeline

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// missingFiles tells of all files of texts that the recipe names and that are not there, before any is read: reading ends at the
// first. A file that several keys name is told of once.
func missingFiles(r *recipe.Recipe, fsys rundir.FS) error {
	type named struct {
		key  string
		path recipe.Path
	}
	data := r.Data
	all := []named{{"data.corpus", data.Corpus}, {"data.train", data.Train}, {"data.dev", data.Dev}, {"data.test", data.Test}, {"data.examples", data.Examples}}
	for i, a := range data.Also {
		at := fmt.Sprintf("data.also[%d].", i)
		all = append(all, named{at + "queries", a.Queries}, named{at + "corpus", a.Corpus})
	}
	for i, s := range data.Sets {
		at := fmt.Sprintf("data.sets[%d].", i)
		all = append(all, named{at + "train", s.Train}, named{at + "corpus", s.Corpus}, named{at + "dev", s.Dev}, named{at + "examples", s.Examples})
	}
	var missing []error
	told := map[string]bool{"": true}
	for _, one := range all {
		if told[one.path.File] {
			continue
		}
		told[one.path.File] = true
		if _, err := fsys.Stat(one.path.File); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, fmt.Errorf("%s: %s: %w", r.At(one.key), one.key, err))
		}
	}
	return errors.Join(missing...)
}
