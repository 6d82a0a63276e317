package tinyrun

import (
	"context"
	"fmt"

	"github.com/quarry-ml/quarry/rundir"
)

// Score writes the table of a round and the choice of its last epoch.
func (r *Run) Score(round int) error {
	return r.within(func(d *rundir.Dir) error {
		s := &rundir.Scores{Version: rundir.ScoresVersion, Round: round, Convention: "sentence-transformers", Measures: []string{"map@25", "recall@25"}}
		for epoch := range r.options.Epochs + 1 {
			v := 0.2 + 0.1*float64(epoch)*float64(round+1)/2
			loss := 2 - v
			s.Epochs = append(s.Epochs, rundir.EpochScores{Epoch: epoch, EvalLoss: &loss, Dev: rundir.Means{
				Queries: r.options.Dev, All: []float64{v, v + 0.2},
				Seen: rundir.Slice{Queries: r.options.Dev - 1, Means: []float64{v + 0.05, v + 0.25}}, Unseen: rundir.Slice{Queries: 1, Means: []float64{v - 0.1, v}},
			}})
		}
		if err := rundir.WriteJSON(d.FS, d.Round(round).Scores(), s); err != nil {
			return err
		}
		if err := r.scoreAlso(d, s); err != nil {
			return err
		}
		if err := r.scoreTest(d, s); err != nil {
			return err
		}
		return rundir.WriteJSON(d.FS, d.Round(round).Choice(), rundir.Choice{Version: rundir.ScoresVersion, Epoch: r.options.Epochs, By: "rule", Because: r.because(), Scores: s.Digest()})
	})
}

// because is the reason of every choice.
func (r *Run) because() string { return r.hostile("the last is the best", 0) }

// scoreAlso writes what the epochs of a table scored on the sets of data.also: less with each epoch. The table's own rows
// are beside them, for files of epochs without any are those of a training under way.
func (r *Run) scoreAlso(d *rundir.Dir, s *rundir.Scores) error {
	if len(r.options.Also) == 0 && !r.options.ByQuery && !r.options.Ranked {
		return nil
	}
	dev := r.parts()[1]
	for _, e := range s.Epochs {
		file := d.Round(s.Round).EpochScores(e.Epoch)
		if err := rundir.WriteJSON(d.FS, file, e); err != nil {
			return err
		}
		outputs, err := r.byQuery(d, s, rundir.Dev, e.Epoch, e.Dev)
		if err != nil {
			return err
		}
		if r.options.Ranked {
			file := d.Round(s.Round).EpochRanking(rundir.Dev, e.Epoch)
			if err := r.writeRanking(d, file, s.Round, dev, &e.Epoch, r.searchBy(s.Round, e.Epoch, dev)); err != nil {
				return err
			}
			outputs = append(outputs, file)
		}
		options := map[string]any{"eval": map[string]any{"metrics": s.Measures, "convention": s.Convention}}
		stage := rundir.Stage{Name: fmt.Sprintf("eval-epoch-%d", e.Epoch), Round: s.Round, Algorithm: 1, Options: options}
		if _, err := d.WriteStamp(context.Background(), stage, append(outputs, file)); err != nil {
			return err
		}
	}
	for i, name := range r.options.Also {
		for _, e := range s.Epochs {
			v := 0.7 - 0.1*float64(i) - 0.05*float64(e.Epoch)
			file := d.Round(s.Round).EpochAlso(name, e.Epoch)
			scores := rundir.AlsoScores{
				Version: rundir.ScoresVersion, Round: s.Round, Epoch: e.Epoch, Name: name, Convention: s.Convention, Measures: s.Measures,
				Scores: rundir.Means{Queries: 5, All: []float64{v, v + 0.2}},
			}
			if err := rundir.WriteJSON(d.FS, file, scores); err != nil {
				return err
			}
			outputs, err := r.byQuery(d, s, rundir.AlsoSplit(name), e.Epoch, scores.Scores)
			if err != nil {
				return err
			}
			if r.options.Ranked {
				p := r.also(i)
				ranked := d.Round(s.Round).EpochRanking(p.split, e.Epoch)
				if err := r.writeRanking(d, ranked, s.Round, p, &e.Epoch, r.searchBy(s.Round, e.Epoch, p)); err != nil {
					return err
				}
				outputs = append(outputs, ranked)
			}
			stage := rundir.Stage{Name: fmt.Sprintf("also-epoch-%d-%s", e.Epoch, name), Round: s.Round, Algorithm: 1}
			if _, err := d.WriteStamp(context.Background(), stage, append(outputs, file)); err != nil {
				return err
			}
		}
	}
	return nil
}

// scoreTest writes what the base and the chosen epoch score and rank on test: 0.05 less than on dev.
func (r *Run) scoreTest(d *rundir.Dir, s *rundir.Scores) error {
	if r.options.Test == 0 || !r.options.Ranked {
		return nil
	}
	test := rundir.TestScores{Version: rundir.ScoresVersion}
	outputs := []string{d.Round(s.Round).TestScores()}
	for _, epoch := range []int{0, r.options.Epochs} {
		means := rundir.Means{Queries: r.options.Test}
		for _, v := range s.Epochs[epoch].Dev.All {
			means.All = append(means.All, v-0.05)
		}
		test.Epochs = append(test.Epochs, rundir.EpochTest{Epoch: epoch, Test: means})
		kept, err := r.byQuery(d, s, rundir.Test, epoch, means)
		if err != nil {
			return err
		}
		outputs = append(outputs, kept...)
		file, p := d.Round(s.Round).EpochRanking(rundir.Test, epoch), r.held()[0]
		if err := r.writeRanking(d, file, s.Round, p, &epoch, r.searchBy(s.Round, epoch, p)); err != nil {
			return err
		}
		outputs = append(outputs, file)
	}
	if err := rundir.WriteJSON(d.FS, outputs[0], test); err != nil {
		return err
	}
	_, err := d.WriteStamp(context.Background(), rundir.Stage{Name: "test", Round: s.Round, Algorithm: 1}, outputs)
	return err
}

// byQuery writes the scores of an epoch query by query, evenly spread by 0.1 around their means, and returns the file, none
// where the options do not ask for it.
func (r *Run) byQuery(d *rundir.Dir, s *rundir.Scores, split rundir.Split, epoch int, m rundir.Means) ([]string, error) {
	if !r.options.ByQuery {
		return nil, nil
	}
	kept := rundir.QueryScores{Version: rundir.ScoresVersion, Round: s.Round, Epoch: epoch, Split: split, Convention: s.Convention, Measures: s.Measures}
	for i := range m.Queries {
		q := rundir.QueryScore{ID: r.Key(split, i), Seen: i < m.Seen.Queries}
		for _, mean := range m.All {
			q.Values = append(q.Values, mean+0.1*(2*float64(i)/float64(m.Queries-1)-1))
		}
		kept.Queries = append(kept.Queries, q)
	}
	file := d.Round(s.Round).EpochQueries(split, epoch)
	return []string{file}, rundir.WriteFile(d.FS, file, kept.Write)
}
