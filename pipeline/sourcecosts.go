package pipeline

import (
	"context"
	"errors"
	"slices"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// SourceCosts is what a further model of mine.sources takes: it embeds the texts of the first round that has it, for all rounds.
type SourceCosts struct {
	Name            string  `json:"name"`
	Tokens          int     `json:"tokens"`            // of the corpus and of train and dev, all sets together
	TokensPerSecond float64 `json:"tokens_per_second"` // measured on a few of the recipe's own texts just now
}

// planner counts what the rounds of a plan share.
type planner struct {
	teachers map[string]float64 // rates, by the header of their scores
	models   map[string]float64 // rates of further models, by their digest
	counted  map[string]bool    // files of further models, and corpora of a round's teacher
}

// addSources adds what the further models of a round's data take to its costs, but for what an earlier round has made.
func (r *round) addSources(ctx context.Context, plan *Plan, c *RoundCosts, shared planner) error {
	for _, s := range r.stages.Mine.Ranks() {
		if s.Kind != recipe.FurtherModel {
			continue
		}
		if err := r.addSource(ctx, s, plan, c, shared); err != nil {
			return r.sourceErrorf(s, err)
		}
	}
	return nil
}

func (r *round) addSource(ctx context.Context, s recipe.Source, plan *Plan, c *RoundCosts, shared planner) (err error) {
	m, t, err := r.openSource(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	digest, err := rundir.ModelDigest(ctx, r.options.FS, s.Model.File)
	if err != nil {
		return err
	}
	files, err := r.sourceFiles(t, digest)
	if err != nil {
		return err
	}
	if _, known := shared.models[digest]; !known {
		if shared.models[digest], err = r.calibrate(ctx, m, t); err != nil {
			return err
		}
	}
	cost := SourceCosts{Name: s.Name(), TokensPerSecond: shared.models[digest]}
	for _, f := range files {
		if shared.counted[f.name] {
			continue
		}
		shared.counted[f.name] = true
		tokens, rows := 0, r.data.corpus.Len()
		if f.split == "" {
			tokens, err = t.passageTokens(m, r.data.corpus)
		} else {
			rows = len(r.data.queries[f.split])
			tokens, err = t.queryTokens(m, r.data.queries[f.split])
		}
		if err != nil {
			return err
		}
		cost.Tokens += tokens
		c.Disk += int64(4 * m.Dimension() * rows)
		seconds := float64(tokens) / cost.TokensPerSecond
		c.Seconds += seconds
		if !plan.done(0, f.stage().Name) {
			plan.Seconds += seconds
		}
	}
	at := slices.IndexFunc(c.Sources, func(o SourceCosts) bool { return o.Name == cost.Name })
	switch {
	case at >= 0:
		c.Sources[at].Tokens += cost.Tokens
	case cost.Tokens > 0:
		c.Sources = append(c.Sources, cost)
	}
	return nil
}

// sourceStages are the stages of a round's further models.
func (r *round) sourceStages(ctx context.Context) ([]string, error) {
	var names []string
	for _, s := range r.stages.Mine.Ranks() {
		if s.Kind != recipe.FurtherModel {
			continue
		}
		digest, err := rundir.ModelDigest(ctx, r.options.FS, s.Model.File)
		if err != nil {
			return nil, r.sourceErrorf(s, err)
		}
		m, t, err := r.openSource(s)
		if err != nil {
			return nil, r.sourceErrorf(s, err)
		}
		files, err := r.sourceFiles(t, digest)
		if err := errors.Join(err, m.Close()); err != nil {
			return nil, err
		}
		for _, f := range files {
			names = append(names, f.stage().Name)
		}
	}
	return names, nil
}
