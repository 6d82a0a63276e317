package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/lexical"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
)

// SourceOptions are the flags that say what ranks candidates.
type SourceOptions struct {
	Names []string // dense, bm25, run:FILE, model:DIR, vectors:FILE; none is dense
	Fuse  fuse.Options
	BM25  lexical.Options

	// Files of the sources vectors:FILE, in the order in which these are named; ids of all of them or of none.
	QueryVectors, CorpusIDs, QueryIDs []string
}

// Kinds of sources.
const (
	dense     = "dense"
	bm25      = "bm25"
	run       = "run"
	other     = "model"   // a further model
	byVectors = "vectors" // given ones
)

// wantSource is what --source takes.
const wantSource = "want dense, bm25, run:FILE, model:DIR or vectors:FILE"

func (o *SourceOptions) addFlags(f *pflag.FlagSet) {
	o.Fuse, o.BM25 = fuse.DefaultOptions(), lexical.DefaultOptions()
	f.StringArrayVar(&o.Names, "source", nil, "what ranks: dense (--model or given vectors; the default), bm25, run:FILE (a TREC run), model:DIR (a further model), vectors:FILE (given vectors of the passages, .npy); several are fused")
	f.StringArrayVar(&o.QueryVectors, "source-query-vectors", nil, "`file` of the queries' vectors of a --source vectors:FILE; of several, once for each in their order")
	f.StringArrayVar(&o.CorpusIDs, "source-corpus-ids", nil, "`file` of the ids of its passages' rows, one a line, where they are in another order; of several, for each")
	f.StringArrayVar(&o.QueryIDs, "source-query-ids", nil, "`file` of the ids of its queries' rows; of several, for each")
	f.StringVar((*string)(&o.Fuse.Method), "fuse", string(o.Fuse.Method), "how several sources become one ranking: rrf, by reciprocal ranks; weighted, by scores brought to 0 to 1")
	f.Float64Var(&o.Fuse.K, "fuse-constant", o.Fuse.K, "added to ranks in --fuse rrf")
	f.Float64SliceVar(&o.Fuse.Weights, "fuse-weights", nil, "weights of the sources in their order (1 each)")
	f.Float64Var(&o.BM25.K1, "bm25-k1", o.BM25.K1, "how soon further occurrences of a word stop to count")
	f.Float64Var(&o.BM25.B, "bm25-b", o.BM25.B, "how much long passages are held back, from 0 to 1")
}

// fused says whether several sources become one.
func (o SourceOptions) fused() bool { return len(o.Names) > 1 }

// list are the sources; dense where none is named.
func (o SourceOptions) list() []string {
	if len(o.Names) == 0 {
		return []string{dense}
	}
	return o.Names
}

// kindOf splits a source's name from the file behind it.
func kindOf(source string) (kind, file string) {
	kind, file, _ = strings.Cut(source, ":")
	return kind, file
}

// vectorsOf are the files of a source vectors:FILE.
func (o SourceOptions) vectorsOf(source string) VectorOptions {
	_, file := kindOf(source)
	v := VectorOptions{CorpusVectors: file, source: source}
	at := 0
	for _, name := range o.Names {
		if name == source {
			break
		}
		if kind, _ := kindOf(name); kind == byVectors {
			at++
		}
	}
	for _, of := range []struct {
		into  *string
		files []string
	}{{&v.QueryVectors, o.QueryVectors}, {&v.CorpusIDs, o.CorpusIDs}, {&v.QueryIDs, o.QueryIDs}} {
		if at < len(of.files) {
			*of.into = of.files[at]
		}
	}
	return v
}

// validateVectors sees that each source of given vectors has its files.
func (o SourceOptions) validateVectors() error {
	sources := 0
	for _, name := range o.Names {
		if kind, _ := kindOf(name); kind == byVectors {
			sources++
		}
	}
	for _, of := range []struct {
		flag   string
		files  []string
		needed bool
	}{{"source-query-vectors", o.QueryVectors, true}, {"source-corpus-ids", o.CorpusIDs, false}, {"source-query-ids", o.QueryIDs, false}} {
		switch n := len(of.files); {
		case sources == 0 && n > 0:
			return badInputf("--%s has no part without --source vectors:FILE", of.flag)
		case n != sources && (n > 0 || of.needed):
			return badInputf("--%s is given %d times, for %d sources vectors:FILE: give it once for each, in their order", of.flag, n, sources)
		}
	}
	return nil
}

// inputs are the files and directories of the sources, each behind its flag.
func (o SourceOptions) inputs(h *host) []string {
	var inputs []string
	for _, of := range []struct {
		flag  string
		files []string
	}{{"source-query-vectors", o.QueryVectors}, {"source-corpus-ids", o.CorpusIDs}, {"source-query-ids", o.QueryIDs}} {
		for _, file := range of.files {
			inputs = append(inputs, of.flag, file)
		}
	}
	for _, source := range o.Names {
		switch kind, file := kindOf(source); kind {
		case run, byVectors:
			inputs = append(inputs, "source", file)
		case other:
			inputs = append(inputs, "source", h.folder(file))
		}
	}
	return inputs
}

// validateSources refuses sources that are none, and flags without a part in those there are.
func (o *MineOptions) validateSources() error {
	set := o.Rank.Texts.set
	if o.Candidates != "" {
		for _, flag := range []string{"model", "corpus-vectors", "query-vectors", "corpus-ids", "query-ids", "source-query-vectors", "source-corpus-ids", "source-query-ids", "bm25-k1", "bm25-b",
			"query-prompt", "query-suffix", "passage-prompt", "prompt-from-row", "max-length", "query-max-length", "passage-max-length", "pooling", "normalize", "truncate-dim", "additional-special-tokens", "weights", "depth", "save-candidates"} {
			if set[flag] {
				return badInputf("--%s has no part beside --candidates: they are ranked already", flag)
			}
		}
		return nil
	}
	needsModel, hasBM25, embeds := false, false, false
	for i, source := range o.Sources.list() {
		kind, file := kindOf(source)
		switch {
		case slices.Contains(o.Sources.list()[:i], source):
			return badInputf("--source %s is named twice", source)
		case kind != dense && kind != bm25 && kind != run && kind != other && kind != byVectors:
			return badInputf("--source %s: %s", source, wantSource)
		case (kind == run || kind == other || kind == byVectors) != (file != ""):
			return badInputf("--source %s: %s", source, wantSource)
		}
		needsModel = needsModel || kind == dense
		hasBM25 = hasBM25 || kind == bm25
		embeds = embeds || kind == dense || kind == other
	}
	if err := o.Sources.validateVectors(); err != nil {
		return err
	}
	if !embeds {
		err := set.needs("a --source that embeds", "query-prompt", "query-suffix", "passage-prompt", "prompt-from-row", "max-length", "query-max-length", "passage-max-length", "pooling", "normalize", "truncate-dim", "additional-special-tokens", "weights")
		if err != nil {
			return err
		}
	}
	if !hasBM25 {
		if err := set.needs("--source bm25", "bm25-k1", "bm25-b"); err != nil {
			return err
		}
	}
	if !o.Sources.fused() {
		if err := set.needs("several sources", "fuse", "fuse-constant", "fuse-weights"); err != nil {
			return err
		}
	} else if err := o.Sources.Fuse.Validate(len(o.Sources.Names)); err != nil {
		return badInputf("--%w", err)
	}
	if hasBM25 {
		if err := o.Sources.BM25.Validate(); err != nil {
			return badInputf("--source %w", err)
		}
	}
	if needsModel {
		return o.Rank.validate()
	}
	if err := set.needs("--source dense", "model", "corpus-vectors", "query-vectors", "corpus-ids", "query-ids"); err != nil {
		return err
	}
	return o.Rank.Texts.validate()
}

// rankedBy is candidates and what made them.
type rankedBy struct {
	by     mine.Ranker
	header candidates.Header
	round  int
	work   *work                                                                             // that keeps them as they are made; may be nil
	each   func(ctx context.Context, sink func(query int, c ranking.Candidates) error) error // in the order of the queries
	again  func(query int) (ranking.Candidates, error)                                       // those of a query that each has had; nil without a work and without a rule that asks
}

// ranked prepares the candidates of all queries: stored ones, or those of sources, shard by shard.
func (o MineOptions) ranked(ctx context.Context, h *host, d data, answers corpus.Answers) (rankedBy, error) {
	if o.Candidates != "" {
		return o.stored(h, d, answers)
	}
	if o.Shard == 0 {
		o.Shard = defaultShard
	}
	w, err := o.openWork(h, d)
	if err != nil {
		return rankedBy{}, err
	}
	r, err := o.rankedIn(ctx, h, d, answers, w)
	if err != nil {
		return r, errors.Join(err, w.close())
	}
	return r, nil
}

// rankedIn is the candidates of sources. A work keeps them; nil keeps nothing.
func (o MineOptions) rankedIn(ctx context.Context, h *host, d data, answers corpus.Answers, w *work) (rankedBy, error) {
	depth, err := o.depth(d, answers)
	if err != nil {
		return rankedBy{}, err
	}
	r := rankedBy{by: mine.Ranker{Source: dense}, round: o.Round, work: w}
	if r.header, err = o.header(ctx, h, d, depth, w != nil); err != nil {
		return r, err
	}
	if len(r.header.Sources) > 0 {
		r.by = rankerOf(r.header)
	}
	s := shards{o: o, host: h, data: d, depth: depth, header: r.header, work: r.work}
	r.each, r.again = s.each, s.again
	return r, nil
}

// rankerOf is what provenance says of a file's candidates.
func rankerOf(h candidates.Header) mine.Ranker {
	by := mine.Ranker{Source: dense}
	if len(h.Sources) == 1 {
		by.Source = h.Sources[0].Name
	} else if len(h.Sources) > 1 {
		by.Source = "fused"
		for _, s := range h.Sources {
			by.Sources = append(by.Sources, s.Name)
		}
	}
	return by
}

// depth is how far the search goes: as the flag says, if that is enough, else as far as the window needs.
func (o MineOptions) depth(d data, answers corpus.Answers) (int, error) {
	taken := mine.MostTaken(d.queries, answers.Excluded, d.said.Struck)
	if o.Depth == 0 {
		return min(o.Mine.Depth(taken), d.corpus.Len()), nil
	}
	if o.Depth < d.corpus.Len() {
		if err := o.Mine.ValidateDepth(o.Depth, taken); err != nil {
			return 0, badInputf("--depth: %w", err)
		}
	}
	return o.Depth, nil
}

// header says what the candidates are made of. Digests are taken only where they are recorded, or what is kept depends on them.
func (o MineOptions) header(ctx context.Context, h *host, d data, depth int, kept bool) (candidates.Header, error) {
	header := candidates.Header{Round: o.Round, Source: dense, Depth: depth, Queries: len(d.queries), Passages: d.corpus.Len()}
	recorded := o.Save != "" || o.Provenance != "" || kept
	list := o.Sources.list()
	for _, source := range list {
		s, err := o.source(ctx, h, source, recorded)
		if err != nil {
			return header, err
		}
		header.Sources = append(header.Sources, s)
	}
	if len(list) > 1 {
		header.Source, header.Fusion = "fused", o.Sources.Fuse.String()
	} else if header.Source = header.Sources[0].Name; list[0] == dense {
		header.ModelDigest, header.Sources = header.Sources[0].ModelDigest, nil
	}
	if !recorded {
		return header, nil
	}
	var err error
	if header.CorpusDigest, err = digestInput(h, "corpus", o.Rank.Data.Corpus); err == nil {
		header.QueriesDigest, err = digestInput(h, "queries", o.Rank.Data.Queries)
	}
	return header, err
}

func (o MineOptions) source(ctx context.Context, h *host, name string, recorded bool) (candidates.Source, error) {
	kind, file := kindOf(name)
	s := candidates.Source{Name: name, Kind: kind}
	var err error
	switch {
	case kind == bm25:
		s.Parameters = o.Sources.BM25.String()
	case !recorded:
	case kind == run:
		s.ModelDigest, err = digestInput(h, "source", file)
	case kind == byVectors:
		s.Kind = dense
		s.ModelDigest, err = o.Sources.vectorsOf(name).digest(h)
	case kind == other:
		s.Kind = dense
		s.ModelDigest, err = o.Rank.Model.ofSource(name, file).digest(ctx, h, file)
	case o.Rank.Model.Model != "":
		s.ModelDigest, err = o.Rank.Model.digest(ctx, h, o.Rank.Model.Model)
	default:
		s.ModelDigest, err = o.Rank.Given.digest(h)
	}
	return s, badInput(err)
}
