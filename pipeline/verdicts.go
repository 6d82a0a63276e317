package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/review"
	"github.com/quarry-ml/quarry/rundir"
)

// The verdicts that have an effect, among the data of a round.
const (
	rolePromote = "verdicts.promote"
	roleDrop    = "verdicts.drop"
)

// readVerdicts reads what people said of negatives, where the round goes by it, and takes what they promoted for positives
// of the training queries, in this round alone. The file may grow meanwhile: what counts is what it holds when the round
// begins.
func (r *round) readVerdicts() error {
	path := r.stages.Mine.Verdicts
	if path.File == "" || r.data == nil {
		return nil
	}
	all, err := r.verdictsIn(path.File, path.Written)
	if err != nil {
		key := "mine.verdicts"
		if r.recipe.Mine.Verdicts != path {
			key = fmt.Sprintf("rounds[%d].%s", r.index, key)
		}
		return inputErrorf("%s: mine.verdicts: %w", r.recipe.At(key), err)
	}
	r.said = review.Of(all, r.data.corpus, r.data.queries[rundir.Train])
	d := *r.Run.data
	d.queries = maps.Clone(d.queries)
	d.queries[rundir.Train] = r.said.Queries(d.queries[rundir.Train])
	d.files = slices.Clip(d.files)
	for _, one := range []struct {
		role string
		review.Effect
	}{{rolePromote, r.said.Promotions()}, {roleDrop, r.said.Drops()}} {
		if one.Pairs > 0 {
			d.files = append(d.files, rundir.ManifestData{Role: one.role, Name: path.Written, Digest: one.Digest, Count: one.Pairs})
		}
	}
	r.data = &d
	return nil
}

// verdictsIn reads a file of verdicts. The run's own is made with the first of them.
func (r *round) verdictsIn(path, name string) ([]verdicts.Verdict, error) {
	content, err := rundir.ReadFile(r.options.FS, path)
	if errors.Is(err, fs.ErrNotExist) && samePath(path, rundir.Layout(r.options.Dir).Verdicts()) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return verdicts.Read(bytes.NewReader(content), name)
}

// samePath says whether two paths are one.
func samePath(a, b string) bool {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errors.Join(errA, errB) == nil && a == b
}

// promotions are the verdicts that make passages positives, as a stage's input; none where no verdict does.
func (r *round) promotions() []rundir.Input {
	if r.said.Promotions().Pairs == 0 {
		return nil
	}
	return []rundir.Input{r.data.input(rolePromote)}
}

// drops are the verdicts that keep passages from being negatives, as a stage's input; none where no verdict does.
func (r *round) drops() []rundir.Input {
	if r.said.Drops().Pairs == 0 {
		return nil
	}
	return []rundir.Input{r.data.input(roleDrop)}
}
