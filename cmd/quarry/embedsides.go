package main

import (
	"context"
	"encoding/json"
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
			for _, of := range []struct {
				pieces *keptPieces
				job
			}{
				{&kept.passages, job{label: embedsCorpus, place: passagePlace(d.corpus)}},
				{&kept.queries, job{label: embedsQueries, place: queryPlace(d.queries)}},
			} {
				if err := of.pieces.tellCut(h, of.job); err != nil {
					return err
				}
			}
			v.passages, v.queries = kept.passages.rows(), kept.queries.rows()
			return nil
		}
	}
	m, e, err := o.Model.openOn(ctx, h, o.Engine)
	if err != nil {
		return err
	}
	defer m.Close()
	defer e.Close()
	if err := o.embedOn(ctx, h, d, modelOn{model: m, engine: e}, kept, v); err != nil {
		return errors.Join(h.raise(err, "--max-length"), v.close())
	}
	return nil
}

// Labels of the two sides.
const (
	embedsCorpus  = "embed corpus"
	embedsQueries = "embed queries"
)

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
	passages := job{label: embedsCorpus, total: d.corpus.Len(), side: passage, place: passagePlace(d.corpus), taken: on.taken}
	queries := job{label: embedsQueries, total: len(d.queries), side: query, place: queryPlace(d.queries), taken: on.taken}
	ofPassages := func(s span) iter.Seq2[embedding.Text, error] { return passageTexts(d.corpus.Passages[s.first:s.end]) }
	ofQueries := func(s span) iter.Seq2[embedding.Text, error] {
		return o.queryTexts(d.queries[s.first:s.end], query.prompt)
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
	work   *work
	spans  []span
	stages []rundir.Stage
	stamps []*rundir.Stamp // nil of a piece that is to be made
}

// piecesCut is what a piece tells of texts that are too long.
type piecesCut struct {
	Cut    int    `json:"texts_cut"`
	First  int    `json:"first"`  // of them, counted in the piece
	Length int    `json:"tokens"` // that are kept
	Limit  string `json:"limit"`  // what says so
}

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
			Name: fmt.Sprintf("source-%d.%s-%05d.npy", k.source, kind, i), Algorithm: embedding.Algorithm, Options: read,
			Inputs: []rundir.Input{{Name: "texts of " + kind, Digest: digestParts(texts(s))}, {Name: k.name, Digest: k.model}},
		})
	}
	var err error
	p.stamps, err = k.work.ready(ctx, fmt.Sprintf("shards of vectors of %s (%s)", kind, k.name), p.stages)
	return p, err
}

func (k *keptSides) complete() bool { return k.passages.missing() == 0 && k.queries.missing() == 0 }

// missing is how many rows there are not.
func (p *keptPieces) missing() int {
	n := 0
	for i, stamp := range p.stamps {
		if stamp == nil {
			n += p.spans[i].len()
		}
	}
	return n
}

// embed makes the pieces that there are not.
func (p *keptPieces) embed(ctx context.Context, h *host, x *embedding.Embedder, j job, texts func(span) iter.Seq2[embedding.Text, error], finish func([]float32)) (rows, error) {
	j.done = j.total - p.missing()
	for i, s := range p.spans {
		if p.stamps[i] != nil {
			continue
		}
		j.texts = texts(s)
		var err error
		cut := piecesCut{Length: j.side.maxLength, Limit: j.side.limit}
		p.stamps[i], err = p.work.make(ctx, p.stages[i], &cut, func(w io.Writer) error {
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
			if cut.Cut = stats.Truncated; cut.Cut > 0 {
				cut.First = stats.FirstTruncated
			}
			return out.Close()
		})
		if err != nil {
			return rows{}, err
		}
		j.done += s.len()
	}
	return p.rows(), p.tellCut(h, j)
}

// tellCut tells of the texts of all pieces that were cut, also when they were made by an earlier command.
func (p *keptPieces) tellCut(h *host, j job) error {
	all := embedding.Stats{}
	for i, stamp := range p.stamps {
		var cut piecesCut
		if err := json.Unmarshal(stamp.Told, &cut); err != nil {
			return fmt.Errorf("stamp of %s: told: %w", p.work.path(p.stages[i]), err)
		}
		if all.Texts += p.spans[i].len(); cut.Cut == 0 {
			continue
		}
		if all.Truncated == 0 {
			all.FirstTruncated = p.spans[i].first + cut.First
			j.side.maxLength, j.side.limit = cut.Length, cut.Limit
		}
		all.Truncated += cut.Cut
	}
	tellTruncated(h, j, all)
	return nil
}

// rows are the pieces as rows to search with.
func (p *keptPieces) rows() rows {
	var r rows
	for i, s := range p.spans {
		r.pieces = append(r.pieces, piece{s, p.work.path(p.stages[i]), p.stamps[i].Outputs[0].SHA256})
		r.count = s.end
	}
	return r
}
