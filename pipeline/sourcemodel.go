package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// A further model of mine.sources reads the same texts in every round: what it makes of them is kept for all, a file for the
// passages of a corpus and one for the queries of a split, each named by what went into it. Sets of one corpus share its file.

// stageSource begins the names of stages that embed with a further model. They are round 0's, as their files are all rounds'.
const stageSource = "source-"

// openSource opens a further model, and says how it reads.
func (r *round) openSource(s recipe.Source) (*model.Model, texts, error) {
	m, err := model.Open(s.Model.File, model.Options{Pooling: model.PoolingMode(s.Pooling), Normalize: s.Normalize, TruncateDim: s.TruncateDim})
	if errors.Is(err, model.ErrNoPooling) {
		err = fmt.Errorf("%w by its key pooling (cls, mean, …)", err)
	}
	if err != nil {
		return nil, texts{}, err
	}
	m.CompareByCosine()
	c := m.Contract
	t := reading{s.MaxLength, s.QueryMaxLength, s.PassageMaxLength, s.QueryPrompt, s.QuerySuffix, s.PassagePrompt}.texts(c)
	t.Pooling, t.Normalize, t.TruncateDim = string(c.Pooling), c.Normalize, c.TruncateDim
	if key, err := t.checkRoom(m); err != nil {
		return nil, t, errors.Join(fmt.Errorf("%s: %w", key, err), m.Close())
	}
	return m, t, nil
}

// checkSourceModel opens a further model and reads all of its weights.
func (r *round) checkSourceModel(s recipe.Source) error {
	m, _, err := r.openSource(s)
	if err != nil {
		return err
	}
	_, err = embedding.New(m, r.engine)
	return errors.Join(err, m.Close())
}

// sourcesFootprint is the most that the weights of a further model take.
func (p *Run) sourcesFootprint() (model.Footprint, error) {
	var most model.Footprint
	for i := range p.recipe.Rounds {
		for _, r := range p.settings(i).all() {
			for _, s := range r.stages.Mine.Ranks() {
				if s.Kind != recipe.FurtherModel {
					continue
				}
				m, _, err := r.openSource(s)
				if err != nil {
					return most, r.sourceErrorf(s, err)
				}
				f := m.Footprint()
				most.Held, most.Mapped = max(most.Held, f.Held), max(most.Mapped, f.Mapped)
				if err := m.Close(); err != nil {
					return most, err
				}
			}
		}
	}
	return most, nil
}

// sourceFile is vectors that a further model makes: of the corpus, or of a split's queries.
type sourceFile struct {
	split rundir.Split // empty of the corpus
	name  string       // of the file and its stage
	texts rundir.Input
	reads texts // of the one side alone
	model rundir.Input
}

// stage is what makes the file.
func (f sourceFile) stage() rundir.Stage {
	return rundir.Stage{Name: stageSource + f.name, Algorithm: embedding.Algorithm, Inputs: []rundir.Input{f.texts, f.model}, Options: f.reads}
}

// sourceFiles are the files of a further model that reads so and has so a digest.
func (r *round) sourceFiles(t texts, digest string) ([]sourceFile, error) {
	corpus, queries := t, t
	corpus.Query, corpus.QueryLength = model.Prompt{}, 0
	queries.Passage, queries.PassageLength = model.Prompt{}, 0
	given := r.outside("model", digest)
	files := []sourceFile{{texts: rundir.Input{Name: "corpus", Digest: r.data.input("corpus").Digest}, reads: corpus, model: given}}
	for _, s := range r.mined() {
		files = append(files, sourceFile{split: s, texts: rundir.Input{Name: "queries", Digest: r.data.input(string(s)).Digest}, reads: queries, model: given})
	}
	for i := range files {
		reads, err := json.Marshal(files[i].reads)
		if err != nil {
			return nil, err
		}
		files[i].name = rundir.DigestBytes([]byte(digest + " " + files[i].texts.Name + " " + files[i].texts.Digest + " " + string(reads)))[:12]
	}
	return files, nil
}

// embedSources makes the vectors of the round's further models, unless an earlier round, set or run has.
func (r *round) embedSources(ctx context.Context) error {
	for i := range r.rankers {
		k := &r.rankers[i]
		if k.Kind != recipe.FurtherModel {
			continue
		}
		if err := r.embedSource(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

func (r *round) embedSource(ctx context.Context, k *ranker) (err error) {
	m, t, err := r.openSource(k.Source)
	if err != nil {
		return r.sourceErrorf(k.Source, err)
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	files, err := r.sourceFiles(t, k.digest)
	if err != nil {
		return err
	}
	k.made, k.paths = nil, madeVectors{queries: map[rundir.Split]string{}}
	for _, f := range files {
		path := r.dir.SourceVectors(f.name)
		made := r.made(path)
		if made.Digest == missing { // else another set of this round has it done
			w := work{Stage: f.stage(), outputs: []string{path}, run: func(ctx context.Context) error { return r.writeSource(ctx, m, t, f, k.Source) }}
			if err := r.do(ctx, w); err != nil {
				return err
			}
			made = r.made(path)
		}
		k.made = append(k.made, made)
		if f.split == "" {
			k.paths.passages = path
		} else {
			k.paths.queries[f.split] = path
		}
	}
	return nil
}

// writeSource embeds the texts of a file.
func (r *round) writeSource(ctx context.Context, m *model.Model, t texts, f sourceFile, s recipe.Source) error {
	x, err := newEncoder(r, m, t)
	if err != nil {
		return r.sourceErrorf(s, err)
	}
	x.limit = func(key string) string { return r.sourceLimit(s, key) }
	path := r.dir.SourceVectors(f.name)
	if f.split == "" {
		return x.write(ctx, f.stage(), path, r.label("embed corpus with "+s.Model.Written), r.data.corpus.Len(), x.passagesOf(r.data.corpus))
	}
	queries := r.data.queries[f.split]
	return x.write(ctx, f.stage(), path, r.label(fmt.Sprintf("embed %s with %s", f.split, s.Model.Written)), len(queries), x.queriesOf(queries))
}

// sourceLimit is what says how many tokens of a text a further model reads: the source and the line of its key, or the model.
func (r *round) sourceLimit(s recipe.Source, key string) string {
	own, name := s.PassageMaxLength, "passage_max_length"
	if key == lengthOfQueries {
		own, name = s.QueryMaxLength, "query_max_length"
	}
	switch {
	case own == 0 && s.MaxLength == 0:
		return ownLimit(key)
	case own == 0:
		name = "max_length"
	}
	i := slices.IndexFunc(r.stages.Mine.Sources, func(one recipe.Source) bool { return one.Name() == s.Name() })
	return fmt.Sprintf("%s of %s, %s", s.Name(), keySources, r.atRound(fmt.Sprintf("%s[%d].%s", keySources, i, name)))
}
