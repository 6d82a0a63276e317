package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/vectors"
)

// keySources is the key of mine that lists sources.
const keySources = "mine.sources"

// ranker is a source of a round, and what is in the files that it names.
type ranker struct {
	recipe.Source
	number int            // among the round's sources
	digest string         // of the model, the run or the vectors; empty of the miner and of words
	made   []rundir.Input // what the search reads of it
	paths  madeVectors    // by the round's embed, of a further model
}

// madeVectors are the files of a further model's vectors.
type madeVectors struct {
	passages string
	queries  map[rundir.Split]string
}

// readRankers finds what the round ranks by, and digests the files that are given.
func (r *round) readRankers(ctx context.Context) error {
	r.rankers = nil
	for i, s := range r.stages.Mine.Ranks() {
		k := ranker{Source: s, number: i}
		var err error
		switch s.Kind {
		case recipe.FurtherModel:
			k.digest, err = rundir.ModelDigest(ctx, r.options.FS, s.Model.File)
		case recipe.GivenRun:
			err = r.digestGiven(ctx, &k, s.Run)
		case recipe.GivenVectors:
			err = r.digestGiven(ctx, &k, s.CorpusVectors, s.CorpusIDs)
			for _, split := range r.mined() {
				if file, ids := queryVectors(s, split); err == nil {
					err = r.digestGiven(ctx, &k, file, ids)
				}
			}
		}
		if err != nil {
			return r.sourceErrorf(s, err)
		}
		r.rankers = append(r.rankers, k)
	}
	return nil
}

// sourceErrorf is a fault of a source that the recipe names.
func (r *round) sourceErrorf(s recipe.Source, err error) error {
	const instead = "mine: {source: dense}, or sources of its own by mine: {sources: …}"
	return inputErrorf("%s: %s: %s: %s%w%s", r.atRound(keySources), keySources, s.Name(), r.toldSet(), err, r.wayOut(keySources, instead))
}

// digestGiven makes files an input of the search and a part of the source's digest; those that are not named are passed over.
func (r *round) digestGiven(ctx context.Context, k *ranker, files ...recipe.Path) error {
	for _, path := range files {
		if path.Written == "" {
			continue
		}
		digest, _, err := rundir.DigestFile(ctx, r.options.FS, path.File)
		if err != nil {
			return err
		}
		k.made = append(k.made, r.outside("source "+path.Written, digest))
	}
	var all []string
	for _, in := range k.made {
		all = append(all, in.Digest)
	}
	if k.digest = strings.Join(all, " "); len(all) > 1 {
		k.digest = rundir.DigestBytes([]byte(k.digest))
	}
	return nil
}

// mineSources are what ranks, where it is not the miner alone.
func (r *round) mineSources() []candidates.Source {
	if r.stages.Mine.Source == recipe.Dense {
		return nil
	}
	var sources []candidates.Source
	for _, k := range r.rankers {
		s := candidates.Source{Name: k.Name(), Kind: k.Kind, ModelDigest: k.digest}
		switch k.Kind {
		case recipe.Dense:
			s.ModelDigest, s.Identity = r.miner.digest, r.engine.Identity()
		case recipe.BM25:
			s.Parameters = r.bm25().String()
		case recipe.FurtherModel:
			s.Kind, s.Identity = recipe.Dense, r.engine.Identity()
		case recipe.GivenVectors:
			s.Kind = recipe.Dense
		}
		sources = append(sources, s)
	}
	return sources
}

// provenanceSources are what ranks, each with its digest; nil where nothing does.
func (r *round) provenanceSources(s rundir.Split) []provenance.Source {
	if !r.stages.Mine.Searches() {
		return nil
	}
	return ProvenanceSources(r.candidatesHeader(s, r.depth()))
}

// ProvenanceSources are what ranked the candidates of a file as provenance has it, each with its digest.
func ProvenanceSources(h candidates.Header) []provenance.Source {
	if len(h.Sources) == 0 {
		return []provenance.Source{{Source: recipe.Dense, Kind: recipe.Dense, Digest: h.ModelDigest}}
	}
	var sources []provenance.Source
	for _, s := range h.Sources {
		sources = append(sources, provenance.Source{Source: s.Name, Kind: s.Kind, Digest: s.ModelDigest, Parameters: s.Parameters})
	}
	return sources
}

// searchedSources are mineSources as the options of the search: what is given, and what further models make, are inputs of their own.
func (r *round) searchedSources() []candidates.Source {
	sources := r.mineSources()
	for i, k := range r.rankers {
		if len(k.made) > 0 {
			sources[i].ModelDigest = ""
		}
	}
	return sources
}

// sourceName is what ranks, as candidates and provenance call it.
func (r *round) sourceName() string {
	if len(r.rankers) == 1 {
		return r.rankers[0].Name()
	}
	return r.stages.Mine.Source
}

// checkSources refuses before the first stage sources that cannot rank. What several rounds name alike is looked at once.
func (r *round) checkSources(checked map[string]bool) error {
	for _, s := range r.stages.Mine.Ranks() {
		said, err := json.Marshal(s)
		if err != nil {
			return err
		}
		key := fmt.Sprintf("%s %s %d", r.stageName(""), said, r.stages.Mine.Window.End)
		if checked[key] {
			continue
		}
		checked[key] = true
		switch s.Kind {
		case recipe.FurtherModel:
			err = r.checkSourceModel(s)
		case recipe.GivenRun:
			for _, split := range r.mined() {
				if err == nil {
					_, err = r.readRun(s, split)
				}
			}
		case recipe.GivenVectors:
			for _, split := range r.mined() {
				if err == nil {
					err = r.checkGivenVectors(s, split)
				}
			}
		}
		if err != nil {
			return r.sourceErrorf(s, err)
		}
	}
	return nil
}

// readRun is what a TREC run keeps of a split. The window has to lie within it, unless it is fused.
func (r *round) readRun(s recipe.Source, split rundir.Split) (trec.Kept, error) {
	f, err := r.options.FS.Open(s.Run.File)
	if err != nil {
		return trec.Kept{}, err
	}
	defer f.Close()
	run, err := trec.ReadRun(f, s.Run.Written)
	if err != nil {
		return trec.Kept{}, err
	}
	queries := r.data.queries[split]
	wanted := trec.Wanted{Depth: r.depth(), Order: r.data.corpus.Order(), Position: r.data.corpus.ByID}
	for _, q := range queries {
		wanted.Queries, wanted.Positives = append(wanted.Queries, q.Key), append(wanted.Positives, q.Positives)
	}
	kept, err := run.Keep(wanted)
	if err != nil {
		return kept, err
	}
	if kept.Found == 0 {
		return kept, fmt.Errorf("none of its %d queries is one of %s: a query goes by its id", len(run.Queries), split)
	}
	window := r.stages.Mine.Window
	if want := min(window.End, r.data.corpus.Len()); kept.Longest < want && len(r.stages.Mine.Ranks()) == 1 {
		return kept, fmt.Errorf("it keeps at most %d passages of a %s query, but the window %s needs %d", kept.Longest, split, window, want)
	}
	return kept, nil
}

// tellRun notes the queries that a run lacks.
func (r *round) tellRun(s recipe.Source, split rundir.Split, kept trec.Kept) {
	if all := len(r.data.queries[split]); kept.Found < all {
		r.note("round %d: %s: %s: %d of the %d queries of %s are not in it and have no candidates of it", r.index, r.stageName(StageSearch), s.Name(), all-kept.Found, all, split)
	}
}

// mappedPair is the vectors of passages and of a split's queries, in the order of the data.
type mappedPair struct {
	passages, queries vectors.Matrix
	close             func() error
}

// openVectors maps the vectors by which a source ranks a split.
func (r *round) openVectors(k ranker, split rundir.Split) (mappedPair, error) {
	switch k.Kind {
	case recipe.Dense:
		return mapPair(r.passageVectors(), r.files.QueryVectors(split))
	case recipe.FurtherModel:
		return mapPair(k.paths.passages, k.paths.queries[split])
	}
	p, err := r.openGiven(k, split)
	if err != nil {
		return p, r.sourceErrorf(k.Source, err)
	}
	return p, nil
}

// mapPair maps two files whose rows are in the order of the data.
func mapPair(passages, queries string) (mappedPair, error) {
	p, err := vectors.OpenNPY(passages)
	if err != nil {
		return mappedPair{}, err
	}
	q, err := vectors.OpenNPY(queries)
	if err != nil {
		return mappedPair{}, errors.Join(err, p.Close())
	}
	return mappedPair{p.Matrix, q.Matrix, func() error { return errors.Join(p.Close(), q.Close()) }}, nil
}

// checkGivenVectors opens given vectors, as the search would.
func (r *round) checkGivenVectors(s recipe.Source, split rundir.Split) error {
	pair, _, err := r.mapGiven(s, split)
	if err != nil {
		return err
	}
	return pair.close()
}

// givenPlaces are the rows of given vectors in the order of the data; nil where they are in that order.
type givenPlaces struct{ passages, queries []int }

// mapGiven maps given vectors as they lie, and finds the rows that the data wants.
func (r *round) mapGiven(s recipe.Source, split rundir.Split) (p mappedPair, places givenPlaces, err error) {
	file, ids := queryVectors(s, split)
	if p, err = mapPair(s.CorpusVectors.File, file.File); err != nil {
		return p, places, err
	}
	if p.passages.Dim != p.queries.Dim {
		err = fmt.Errorf("%s has rows of %d, %s rows of %d: they are not of one model", s.CorpusVectors.Written, p.passages.Dim, file.Written, p.queries.Dim)
	}
	if err == nil {
		places.passages, err = r.places(p.passages, s.CorpusVectors, s.CorpusIDs, r.data.corpus.IDs())
	}
	if err == nil && ids.Written != "" {
		err = checkIDs(r.data.queries[split], ids)
	}
	if err == nil {
		keys := make([]string, len(r.data.queries[split]))
		for i, q := range r.data.queries[split] {
			keys[i] = q.Key
		}
		places.queries, err = r.places(p.queries, file, ids, keys)
	}
	if err != nil {
		return p, places, errors.Join(err, p.close())
	}
	return p, places, nil
}

// queryVectors are the files of a split's vectors and of their ids.
func queryVectors(s recipe.Source, split rundir.Split) (file, ids recipe.Path) {
	if split == rundir.Dev {
		return s.DevVectors, s.DevIDs
	}
	return s.TrainVectors, s.TrainIDs
}

// checkIDs refuses queries that a file of ids cannot name.
func checkIDs(queries []corpus.Query, ids recipe.Path) error {
	for _, q := range queries {
		if q.ID == "" {
			return fmt.Errorf("line %d of the queries has no id, so %s cannot name its vector", q.Line, ids.Written)
		}
	}
	return nil
}

// places are the rows of a matrix for the ids that are wanted; nil where they are in that order.
func (r *round) places(m vectors.Matrix, file, idsFile recipe.Path, wanted []string) ([]int, error) {
	if err := m.CheckFinite(file.Written); err != nil {
		return nil, err
	}
	if idsFile.Written == "" {
		return nil, m.CheckRows(file.Written, len(wanted))
	}
	f, err := r.options.FS.Open(idsFile.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ids, err := vectors.ReadIDs(f, idsFile.Written)
	if err != nil {
		return nil, err
	}
	return vectors.Places(m, file.Written, ids, wanted)
}

// openGiven maps given vectors, their rows in the order of the data: those in another one are copied into temporary files, which
// have the source's number in their names, for all sources of a round are open together.
func (r *round) openGiven(k ranker, split rundir.Split) (mappedPair, error) {
	p, places, err := r.mapGiven(k.Source, split)
	if err != nil {
		return p, err
	}
	arrange := func(m *vectors.Matrix, name string, rows []int) error {
		if rows == nil {
			return nil
		}
		from := *m
		kept, err := r.keepAt(filepath.Join(r.files.Dir(), fmt.Sprintf("given-%d-%s.npy", k.number, name)), len(rows), from.Dim, func(write func([]float32) error) error {
			for _, row := range rows {
				if err := write(from.Row(row)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		before := p.close
		p.close = func() error { return errors.Join(kept.Close(), before()) }
		*m = kept.Matrix
		return nil
	}
	if err := errors.Join(arrange(&p.passages, "corpus", places.passages), arrange(&p.queries, "queries", places.queries)); err != nil {
		return p, errors.Join(err, p.close())
	}
	return p, nil
}
