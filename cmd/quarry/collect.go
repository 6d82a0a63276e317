package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/vectors"
)

// job is texts to embed.
type job struct {
	label string
	total int
	side  side
	texts iter.Seq2[embedding.Text, error]
}

// embedTo embeds texts into sink, with progress, and says how many were cut.
func embedTo(ctx context.Context, h *host, x *embedding.Embedder, j job, sink func(rows []float32) error) (embedding.Stats, error) {
	show := func(texts, _ int) {
		h.progress(progress{Label: j.label, Done: int64(texts), Total: int64(j.total), Unit: "texts"})
	}
	show(0, 0) // the rate counts from here
	o := embedding.Options{Prompt: j.side.prompt, MaxLength: j.side.maxLength, Progress: show}
	stats, err := x.Embed(ctx, j.texts, o, func(_ int, rows []float32) error { return sink(rows) })
	if err == nil && stats.Truncated > 0 {
		h.note("%s: %d of %d texts are longer than %d tokens and were cut", j.label, stats.Truncated, stats.Texts, j.side.maxLength)
	}
	return stats, err
}

// collect embeds texts into memory.
func collect(ctx context.Context, h *host, x *embedding.Embedder, j job) (vectors.Matrix, error) {
	m := vectors.Matrix{Rows: j.total, Dim: x.Dimension(), Data: make([]float32, 0, j.total*x.Dimension())}
	_, err := embedTo(ctx, h, x, j, func(rows []float32) error {
		m.Data = append(m.Data, rows...)
		return nil
	})
	if err == nil && len(m.Data) != m.Rows*m.Dim {
		err = fmt.Errorf("%s: %d values for %d texts", j.label, len(m.Data), j.total)
	}
	return m, err
}
