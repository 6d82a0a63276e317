package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/quarry-ml/quarry/embedding"
)

// job is texts to embed.
type job struct {
	label string
	total int // of all texts
	done  int // of them before these
	skip  int // of these that are there already
	side  side
	texts iter.Seq2[embedding.Text, error]
	place func(i int) string // where the text at a position stands, as messages name it
	taken int64              // bytes of the engine's memory that something else has
}

// fileLine is a line of a file.
type fileLine struct {
	file string
	line int
}

func (l fileLine) String() string { return fmt.Sprintf("%s:%d", l.file, l.line) }

// embedTo embeds texts into sink, with progress, and says how many were cut, by which limit, and which was the first.
func embedTo(ctx context.Context, h *host, x *embedding.Embedder, j job, sink func(rows []float32) error) (embedding.Stats, error) {
	stats, err := embedRows(ctx, h, x, j, sink)
	if err == nil {
		tellTruncated(h, j, stats)
	}
	return stats, err
}

// embedRows is embedTo without a word of what was cut.
func embedRows(ctx context.Context, h *host, x *embedding.Embedder, j job, sink func(rows []float32) error) (embedding.Stats, error) {
	show := func(texts int) {
		h.progress(progress{Label: j.label, Done: int64(j.done + texts), Total: int64(j.total), Unit: "texts"})
	}
	show(j.skip) // the rate counts from here
	o := embedding.Options{Prompt: j.side.prompt, MaxLength: j.side.maxLength, Taken: j.taken, Skip: j.skip, Progress: show}
	return x.Embed(ctx, j.texts, o, func(_ int, rows []float32) error { return sink(rows) })
}

func tellTruncated(h *host, j job, stats embedding.Stats) {
	if stats.Truncated > 0 {
		h.note("%s: %d of %d texts are longer than %d tokens (%s) and were cut, the first at %s",
			j.label, stats.Truncated, stats.Texts, j.side.maxLength, j.side.limit, j.place(stats.FirstTruncated))
	}
}

// collect embeds texts into a temporary file. Rows are changed by finish, where there is one, before they are kept.
func collect(ctx context.Context, h *host, x *embedding.Embedder, j job, finish func(rows []float32)) (*keptVectors, error) {
	return keep(j.total, x.Dimension(), func(write func([]float32) error) error {
		_, err := embedTo(ctx, h, x, j, func(rows []float32) error {
			if finish != nil {
				finish(rows)
			}
			return write(rows)
		})
		return err
	})
}
