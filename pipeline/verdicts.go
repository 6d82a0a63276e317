package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
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
// of the training queries, of the run's own and of those of data.sets, in this round alone. The file may grow meanwhile: what
// counts is what it holds when the round begins.
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
	r.takeVerdicts(r.Run.data, all, path.Written)
	r.data.sets = slices.Clone(r.data.sets)
	for i, one := range r.sets {
		r.data.files = append(r.data.files, one.takeVerdicts(r.Run.data.sets[i], all, path.Written)...)
		r.data.sets[i] = one.data
		r.said.JudgedIn(one.said)
	}
	return nil
}

// takeVerdicts makes verdicts those of the round's data d, and returns the ones that have an effect on it as files.
func (r *round) takeVerdicts(d *data, all []verdicts.Verdict, name string) []rundir.ManifestData {
	r.said = review.Of(all, d.corpus, d.queries[rundir.Train])
	judged := *d
	judged.queries = maps.Clone(d.queries)
	judged.queries[rundir.Train] = r.said.Queries(d.queries[rundir.Train])
	var effective []rundir.ManifestData
	for _, one := range []struct {
		role string
		review.Effect
	}{{rolePromote, r.said.Promotions()}, {roleDrop, r.said.Drops()}} {
		if one.Pairs > 0 {
			effective = append(effective, rundir.ManifestData{Role: d.role(one.role), Name: name, Digest: one.Digest, Count: one.Pairs})
		}
	}
	judged.files = slices.Concat(d.files, effective)
	r.data = &judged
	return effective
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

// promotionsOver are the promotions in all sets that are trained on and over a corpus.
func (r *round) promotionsOver(c *corpus.Corpus) []rundir.Input {
	var inputs []rundir.Input
	for _, one := range r.all() {
		if r.data.same(one.data.corpus, c) {
			inputs = append(inputs, one.promotions()...)
		}
	}
	return inputs
}

// drops are the verdicts that keep passages from being negatives, as a stage's input; none where no verdict does.
func (r *round) drops() []rundir.Input {
	if r.said.Drops().Pairs == 0 {
		return nil
	}
	return []rundir.Input{r.data.input(roleDrop)}
}
