package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/vectors"
)

// embed makes the vectors of corpus and queries with the model, which is not opened where all are kept from before.
func (o RankOptions) embed(ctx context.Context, h *host, d data, kept *keptSides, v *sides) error {
	if kept != nil {
		if err := kept.look(ctx, h, o, d); err != nil {
			return err
		}
		if kept.complete() {
			v.passages, v.queries = kept.passages.rows(), kept.queries.rows()
			return nil
		}
	}
	m, err := o.Model.open(ctx, h)
	if err != nil {
		return err
	}
	defer m.Close()
	o.Engine.weights = o.Model.Weights
	e, err := o.Engine.open(h, m.Footprint())
	if err != nil {
		return err
	}
	defer e.Close()
	if err := o.embedOn(ctx, h, d, modelOn{model: m, engine: e}, kept, v); err != nil {
		return errors.Join(h.raise(err, "--max-length"), v.close())
	}
	return nil
}

// embedOn is embed with a model at work.
func (o RankOptions) embedOn(ctx context.Context, h *host, d data, on modelOn, kept *keptSides, v *sides) error {
	query, passage, err := o.Texts.sides(on.model)
	if err != nil {
		return err
	}
	if o.Texts.PromptFromRow {
		if err := corpus.CheckPrompts(d.queries, o.Data.Queries); err != nil {
			return badInput(err)
		}
	}
	x, err := embedding.New(on.model, on.engine)
	if err != nil {
		return badInputf("%s: %w", o.Model.named(), err)
	}
	var finish func(rows []float32) // before they are kept
	if c := on.model.Contract; c.Score == model.Cosine && !c.Normalize {
		finish = func(rows []float32) { normalize(rows, x.Dimension()) }
	}
	passages := job{label: "embed corpus", total: d.corpus.Len(), side: passage, place: passagePlace(d.corpus), taken: on.taken}
	queries := job{label: "embed queries", total: len(d.queries), side: query, place: queryPlace(d.queries), taken: on.taken}
	ofPassages := func(s span) iter.Seq2[embedding.Text, error] { return passageTexts(d.corpus.Passages[s.first:s.end]) }
	ofQueries := func(s span) iter.Seq2[embedding.Text, error] {
		return queryTexts(d.queries[s.first:s.end], o.Texts.PromptFromRow, query.prompt.Suffix)
	}
	if kept == nil {
		passages.texts, queries.texts = ofPassages(span{0, passages.total}), ofQueries(span{0, queries.total})
		if v.passages, err = collectRows(ctx, h, x, passages, finish); err == nil {
			v.queries, err = collectRows(ctx, h, x, queries, finish)
		}
		return err
	}
	if v.passages, err = kept.passages.embed(ctx, h, x, passages, ofPassages, finish); err == nil {
		v.queries, err = kept.queries.embed(ctx, h, x, queries, ofQueries, finish)
	}
	return err
}

// collectRows embeds texts into a temporary file.
func collectRows(ctx context.Context, h *host, x *embedding.Embedder, j job, finish func(rows []float32)) (rows, error) {
	k, err := collect(ctx, h, x, j, finish)
	if err != nil {
		return rows{}, err
	}
	return wholeRows(k.Matrix, k.Close), nil
}

// keptSides are the vectors of corpus and queries that a work keeps of one source.
type keptSides struct {
	work   *work
	source int    // the source's place among several
	shard  int    // rows of a piece
	model  string // its digest
	name   string // of the source

	passages, queries keptPieces
}

// keptPieces are vectors of one kind, piece by piece.
type keptPieces struct {
	work    *work
	spans   []span
	stages  []rundir.Stage
	digests []string // "" of a piece that is to be made
}

// algorithmVectors is raised when the same texts and model give other vectors.
const algorithmVectors = 1

// look finds what is there already.
func (k *keptSides) look(ctx context.Context, h *host, o RankOptions, d data) error {
	identity, err := o.Engine.identity(h, o.Model.Weights)
	if err != nil {
		return err
	}
	read := readAs{
		Shard: k.shard, Identity: identity, Pooling: o.Model.Pooling, Normalize: o.Model.Normalize, Dimension: o.Model.Truncate, Tokens: o.Model.SpecialTokens,
		Prompt: o.Texts.PassagePrompt, Length: firstPositive(o.Texts.PassageMaxLength, o.Texts.MaxLength),
	}
	texts := func(s span) []string {
		var parts []string
		for _, p := range d.corpus.Passages[s.first:s.end] {
			parts = append(parts, p.Full())
		}
		return parts
	}
	if k.passages, err = k.find(ctx, "passages", d.corpus.Len(), read, texts); err != nil {
		return err
	}
	read.Prompt, read.Suffix, read.Length = o.Texts.QueryPrompt, o.Texts.QuerySuffix, firstPositive(o.Texts.QueryMaxLength, o.Texts.MaxLength)
	read.FromRow = o.Texts.PromptFromRow
	texts = func(s span) []string {
		var parts []string
		for _, q := range d.queries[s.first:s.end] {
			parts = append(parts, q.Text)
			if read.FromRow {
				parts = append(parts, q.Prompt)
			}
		}
		return parts
	}
	k.queries, err = k.find(ctx, "queries", len(d.queries), read, texts)
	return err
}

// readAs is what decides the vectors of texts beside texts and model: the flags, and what computes.
type readAs struct {
	Shard     int      `json:"shard"`
	Identity  string   `json:"identity"`
	Pooling   string   `json:"pooling,omitempty"`
	Normalize *bool    `json:"normalize,omitempty"`
	Dimension int      `json:"truncate_dim,omitempty"`
	Tokens    []string `json:"additional_special_tokens,omitempty"`
	Prompt    *string  `json:"prompt,omitempty"`
	Suffix    *string  `json:"suffix,omitempty"`
	FromRow   bool     `json:"prompt_from_row,omitempty"`
	Length    int      `json:"max_length,omitempty"`
}

func (k *keptSides) find(ctx context.Context, kind string, n int, read readAs, texts func(span) []string) (keptPieces, error) {
	p := keptPieces{work: k.work, spans: spans(n, k.shard)}
	for i, s := range p.spans {
		p.stages = append(p.stages, rundir.Stage{
			Name: fmt.Sprintf("source-%d.%s-%05d.npy", k.source, kind, i), Algorithm: algorithmVectors, Options: read,
			Inputs: []rundir.Input{{Name: "texts of " + kind, Digest: digestParts(texts(s))}, {Name: k.name, Digest: k.model}},
		})
	}
	var err error
	p.digests, err = k.work.ready(ctx, fmt.Sprintf("shards of vectors of %s (%s)", kind, k.name), p.stages)
	return p, err
}

func (k *keptSides) complete() bool { return k.passages.missing() == 0 && k.queries.missing() == 0 }

// missing is how many rows there are not.
func (p *keptPieces) missing() int {
	n := 0
	for i, digest := range p.digests {
		if digest == "" {
			n += p.spans[i].len()
		}
	}
	return n
}

// embed makes the pieces that there are not.
func (p *keptPieces) embed(ctx context.Context, h *host, x *embedding.Embedder, j job, texts func(span) iter.Seq2[embedding.Text, error], finish func([]float32)) (rows, error) {
	var all embedding.Stats
	j.done = j.total - p.missing()
	for i, s := range p.spans {
		if p.digests[i] != "" {
			continue
		}
		j.texts = texts(s)
		var err error
		p.digests[i], err = p.work.make(ctx, p.stages[i], func(w io.Writer) error {
			out, err := vectors.NewNPYWriter(w, s.len(), x.Dimension())
			if err != nil {
				return err
			}
			stats, err := embedRows(ctx, h, x, j, func(rows []float32) error {
				if finish != nil {
					finish(rows)
				}
				return out.Write(rows)
			})
			if err != nil {
				return err
			}
			if all.Truncated == 0 {
				all.FirstTruncated = s.first + stats.FirstTruncated
			}
			all.Truncated += stats.Truncated
			all.Texts += stats.Texts
			return out.Close()
		})
		if err != nil {
			return rows{}, err
		}
		j.done += s.len()
	}
	tellTruncated(h, j, all)
	return p.rows(), nil
}

// rows are the pieces as rows to search with.
func (p *keptPieces) rows() rows {
	var r rows
	for i, s := range p.spans {
		r.pieces = append(r.pieces, piece{s, p.work.path(p.stages[i]), p.digests[i]})
		r.count = s.end
	}
	return r
}
