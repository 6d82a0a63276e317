package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/lexical"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

// SourceOptions are the flags that say what ranks candidates.
type SourceOptions struct {
	Names []string // dense, bm25, run:FILE, model:DIR; none is dense
	Fuse  fuse.Options
	BM25  lexical.Options
}

// Kinds of sources.
const (
	dense = "dense"
	bm25  = "bm25"
	run   = "run"
	other = "model" // a further model
)

func (o *SourceOptions) addFlags(f *pflag.FlagSet) {
	o.Fuse, o.BM25 = fuse.DefaultOptions(), lexical.DefaultOptions()
	f.StringArrayVar(&o.Names, "source", nil, "what ranks: dense (--model or given vectors; the default), bm25, run:FILE (a TREC run), model:DIR (a further model); several are fused")
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

// inputs are the files and directories of the sources, each behind its flag.
func (o SourceOptions) inputs(h *host) []string {
	var inputs []string
	for _, source := range o.Names {
		switch kind, file := kindOf(source); kind {
		case run:
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
		for _, flag := range []string{"model", "corpus-vectors", "query-vectors", "corpus-ids", "query-ids", "source", "fuse", "fuse-constant", "fuse-weights", "bm25-k1", "bm25-b",
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
		case kind != dense && kind != bm25 && kind != run && kind != other:
			return badInputf("--source %s: want dense, bm25, run:FILE or model:DIR", source)
		case (kind == run || kind == other) != (file != ""):
			return badInputf("--source %s: want dense, bm25, run:FILE or model:DIR", source)
		}
		needsModel = needsModel || kind == dense
		hasBM25 = hasBM25 || kind == bm25
		embeds = embeds || kind == dense || kind == other
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
	each   func(ctx context.Context, sink func(query int, c ranking.Candidates) error) error // in the order of the queries
}

// ranked prepares the candidates of all queries: stored ones, those of one model as they are searched, or those of other
// sources.
func (o MineOptions) ranked(ctx context.Context, h *host, d data, answers corpus.Answers) (rankedBy, error) {
	if o.Candidates != "" {
		return o.stored(h, d, answers)
	}
	depth, err := o.depth(d, answers)
	if err != nil {
		return rankedBy{}, err
	}
	r := rankedBy{by: mine.Ranker{Source: dense}, round: o.Round}
	if r.header, err = o.header(ctx, h, d, depth); err != nil {
		return r, err
	}
	if len(r.header.Sources) == 0 {
		r.each = func(ctx context.Context, sink func(int, ranking.Candidates) error) error {
			return o.Rank.rank(ctx, h, d, depth, sink)
		}
		return r, nil
	}
	r.by = rankerOf(r.header)
	parts := make([][]ranking.Ranked, len(o.Sources.Names)) // of each source, by query
	for i, source := range o.Sources.Names {
		if parts[i], err = o.part(ctx, h, d, source, depth); err != nil {
			return r, err
		}
	}
	r.each = func(ctx context.Context, sink func(int, ranking.Candidates) error) error {
		for i, q := range d.queries {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := sink(i, o.Sources.combine(d, q, depth, parts, i)); err != nil {
				return err
			}
		}
		return nil
	}
	return r, nil
}

// combine is what is known of one query: its only source's ranking, or one made of several with theirs beside it.
func (o SourceOptions) combine(d data, q corpus.Query, depth int, parts [][]ranking.Ranked, query int) ranking.Candidates {
	c := ranking.Candidates{Query: q.Key}
	whole := parts[0][query]
	if len(parts) > 1 {
		for _, part := range parts {
			c.Sources = append(c.Sources, part[query])
		}
		whole = fuse.Fuse(c.Sources, depth, d.corpus.Order(), q.Positives, o.Fuse)
	}
	c.Hits, c.Positives = whole.Hits, whole.Positives
	return c
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

// part is what one source keeps of every query.
func (o MineOptions) part(ctx context.Context, h *host, d data, source string, depth int) ([]ranking.Ranked, error) {
	parts := make([]ranking.Ranked, len(d.queries))
	kind, file := kindOf(source)
	switch kind {
	case bm25:
		index, err := lexical.NewIndex(func(yield func(string) bool) {
			for _, p := range d.corpus.Passages {
				if !yield(p.Full()) {
					return
				}
			}
		}, o.Sources.BM25)
		if err != nil {
			return nil, badInput(err)
		}
		order := d.corpus.Order()
		for i, q := range d.queries {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			parts[i] = index.Search(q.Text, depth, order, q.Positives)
			h.progress(progress{Label: "bm25", Done: int64(i + 1), Total: int64(len(d.queries)), Unit: "queries"})
		}
		return parts, nil
	case run:
		return parts, o.readRun(h, d, file, depth, parts)
	}
	ranker := o.Rank
	if kind == other {
		ranker.Model.Model, ranker.Given = file, VectorOptions{}
	}
	return parts, ranker.rank(ctx, h, d, depth, func(query int, c ranking.Candidates) error {
		parts[query] = ranking.Ranked{Hits: c.Hits, Positives: c.Positives}
		return nil
	})
}

// readRun reads a TREC run: by its scores, ties by passage. The window has to lie within what it keeps.
func (o MineOptions) readRun(h *host, d data, file string, depth int, parts []ranking.Ranked) error {
	return readInput(h, "source", file, func(r io.Reader) error {
		all, err := trec.ReadRun(r, file)
		if err != nil {
			return err
		}
		wanted := trec.Wanted{Depth: depth, Order: d.corpus.Order(), Position: d.corpus.ByID}
		for _, q := range d.queries {
			wanted.Queries, wanted.Positives = append(wanted.Queries, q.Key), append(wanted.Positives, q.Positives)
		}
		kept, err := all.Keep(wanted)
		if err != nil {
			return err
		}
		copy(parts, kept.Ranked)
		if kept.Found == 0 {
			return fmt.Errorf("%s: none of its %d queries is among those of %s", file, len(all.Queries), o.Rank.Data.Queries)
		}
		if want := min(o.Mine.Window.To, d.corpus.Len()); kept.Longest < want && !o.Sources.fused() {
			return fmt.Errorf("%s: it keeps at most %d passages a query, but the window %s needs %d", file, kept.Longest, o.Mine.Window, want)
		}
		return nil
	})
}

// depth is how far the search goes: as the flag says, if that is enough, else as far as the window needs.
func (o MineOptions) depth(d data, answers corpus.Answers) (int, error) {
	taken := mostTaken(d, answers)
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

func mostTaken(d data, answers corpus.Answers) int {
	taken := 0
	for _, q := range d.queries {
		taken = max(taken, mine.Taken(answers.Excluded(q), d.said.Struck(q)))
	}
	return taken
}

// header says what the candidates are made of. Digests are taken only where they are recorded.
func (o MineOptions) header(ctx context.Context, h *host, d data, depth int) (candidates.Header, error) {
	header := candidates.Header{Round: o.Round, Source: dense, Depth: depth, Queries: len(d.queries), Passages: d.corpus.Len()}
	recorded := o.Save != "" || o.Provenance != ""
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
	case kind == other:
		s.Kind = dense
		s.ModelDigest, err = o.Rank.Model.digest(ctx, h, file)
	case o.Rank.Model.Model != "":
		s.ModelDigest, err = o.Rank.Model.digest(ctx, h, o.Rank.Model.Model)
	default:
		var passages, queries string
		if passages, err = digestInput(h, "corpus-vectors", o.Rank.Given.CorpusVectors); err == nil {
			queries, err = digestInput(h, "query-vectors", o.Rank.Given.QueryVectors)
		}
		s.ModelDigest = rundir.DigestBytes([]byte(passages + " " + queries))
	}
	return s, badInput(err)
}
