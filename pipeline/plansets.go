package pipeline

import (
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// setCosts adds what the sets of data.sets take to the costs of a round, in which the run's own training queries and corpus
// have so many tokens.
func (r *round) setCosts(m *model.Model, c *RoundCosts, ownQueries, ownPassages int) error {
	if len(r.sets) == 0 {
		return nil
	}
	o, mixture := r.finetuneOptions(), r.mixture()
	steps := o.EpochSteps(mixture)
	c.StepsPerEpoch, c.Steps, c.TrainTokens = 0, o.MixedSteps(mixture), 0
	c.WarmupSteps = min(o.Warmup(c.Steps), c.Steps)
	for i, one := range r.all() {
		queries, passages := ownQueries, ownPassages
		if one.set != nil {
			t := one.mineTexts(m)
			var err error
			if queries, err = t.queryTokens(m, one.data.queries[rundir.Train]); err != nil {
				return err
			}
			if passages, err = t.passageTokens(m, one.data.corpus); err != nil {
				return err
			}
			one.addMining(m, c, queries, passages)
			if queries, err = one.trainingTokens(m, queries); err != nil {
				return err
			}
		}
		s, group := SetCosts{Name: mixture[i].Name, Weight: mixture[i].Weight, Queries: mixture[i].Queries, StepsPerEpoch: steps[i]}, o.GroupSize
		if one.stages.Mine.Source == recipe.None {
			group = 1
		}
		s.QueriesPerStep = min(o.Batch, s.Queries)
		s.ColumnsPerRow = s.QueriesPerStep / o.Accumulate * group
		c.StepsPerEpoch += s.StepsPerEpoch
		pass := queries + s.Queries*group*passages/max(1, one.data.corpus.Len())
		c.TrainTokens += o.Epochs * pass * s.StepsPerEpoch / max(1, o.StepsPerEpoch(s.Queries))
		c.Sets = append(c.Sets, s)
	}
	return nil
}

// addMining adds what mining takes of a set whose training queries and corpus have so many tokens.
func (r *round) addMining(m *model.Model, c *RoundCosts, queries, passages int) {
	rows := len(r.data.queries[rundir.Train])
	if r.stages.Mine.Embeds() {
		vectors, tokens := rows, queries
		if !r.sharesVectors() {
			vectors, tokens = vectors+r.data.corpus.Len(), tokens+passages
		}
		c.EmbedTokens += tokens
		c.embed[r.stageName(StageEmbed)] = tokens
		c.Disk += int64(4 * m.Dimension() * vectors)
	}
	if r.stages.Mine.Searches() {
		c.Disk += int64(8 * r.depth() * r.diskParts() * rows)
	}
}

// diskParts is how many rankings the candidates of a query hold: those of several sources, and what was made of them.
func (r *round) diskParts() int {
	if n := len(r.stages.Mine.Ranks()); n > 1 {
		return n + 1
	}
	return 1
}
