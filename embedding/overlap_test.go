package embedding_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// chunkTexts is the texts of a chunk of short ones.
const chunkTexts = 1024

// shortTexts are of one token each.
func shortTexts(n int) []embedding.Text {
	texts := make([]embedding.Text, n)
	for i := range texts {
		texts[i].IDs = []int32{int32(5 + i%60)}
	}
	return texts
}

func tinyEmbedder(t *testing.T) *embedding.Embedder {
	t.Helper()
	e, err := compute.New(compute.Options{Path: kernel.Portable, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	x, err := embedding.New(openTiny(t, tinymodel.Options{Layers: 1}), e)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestWritingOverlapsEncoding lets the first chunk's sink wait until texts of the second have vectors: one after the other
// they would wait for ever. Those of the third come when the sink has returned, and the rows are those of a sink that never waits.
func TestWritingOverlapsEncoding(t *testing.T) {
	x := tinyEmbedder(t)
	texts := shortTexts(3*chunkTexts + 5)
	run := func(o embedding.Options, wait func(first int)) (rows []float32) {
		_, err := x.Embed(t.Context(), sequence(texts), o, func(first int, vectors []float32) error {
			wait(first)
			if first*x.Dimension() != len(rows) {
				t.Errorf("rows from %d on behind %d numbers", first, len(rows))
			}
			rows = append(rows, vectors...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	want := run(embedding.Options{}, func(int) {})
	var begun sync.Once
	var most atomic.Int64
	second := make(chan struct{})
	progress := func(texts int) {
		most.Store(int64(texts))
		if texts > chunkTexts {
			begun.Do(func() { close(second) })
		}
	}
	got := run(embedding.Options{Budget: 64, Progress: progress}, func(first int) {
		<-second
		if n := most.Load(); n > int64(first+2*chunkTexts) {
			t.Errorf("%d texts have vectors while those from %d on are written", n, first)
		}
	})
	if !slices.Equal(got, want) {
		t.Error("a sink that waits gets other vectors")
	}
	if n := most.Load(); n != int64(len(texts)) {
		t.Errorf("the progress ends at %d of %d texts", n, len(texts))
	}
}

// TestTokenizingOverlapsEncoding lets the first batch wait until a text of the second chunk is read.
func TestTokenizingOverlapsEncoding(t *testing.T) {
	x := tinyEmbedder(t)
	second := make(chan struct{})
	texts := func(yield func(embedding.Text, error) bool) {
		for i, text := range shortTexts(chunkTexts + 1) {
			if i == chunkTexts {
				close(second)
			}
			if !yield(text, nil) {
				return
			}
		}
	}
	o := embedding.Options{Progress: func(n int) {
		if n == 0 {
			<-second
		}
	}}
	if _, err := x.Embed(t.Context(), texts, o, func(int, []float32) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestWhatWasEncodedBeforeTheEndIsHandedOn cancels as the second chunk begins, while the first is written.
func TestWhatWasEncodedBeforeTheEndIsHandedOn(t *testing.T) {
	x := tinyEmbedder(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := embedding.Options{Budget: 64, Progress: func(n int) {
		if n > chunkTexts {
			cancel()
		}
	}}
	rows := 0
	_, err := x.Embed(ctx, sequence(shortTexts(3*chunkTexts)), o, func(_ int, vectors []float32) error {
		<-ctx.Done()
		rows += len(vectors) / x.Dimension()
		return nil
	})
	if !errors.Is(err, context.Canceled) || rows != chunkTexts {
		t.Errorf("%d rows and %v", rows, err)
	}
}

// TestAFailingSinkIsCalledNoMore fails at the first chunk while the second is encoded.
func TestAFailingSinkIsCalledNoMore(t *testing.T) {
	x := tinyEmbedder(t)
	full, calls := errors.New("the disk is full"), 0
	_, err := x.Embed(t.Context(), sequence(shortTexts(4*chunkTexts)), embedding.Options{}, func(int, []float32) error {
		calls++
		return full
	})
	if !errors.Is(err, full) || calls != 1 {
		t.Errorf("%d calls and %v", calls, err)
	}
}

// TestAPanickingSinkEndsTheCall: the panic reaches the caller, though vectors wait to be handed on.
func TestAPanickingSinkEndsTheCall(t *testing.T) {
	x := tinyEmbedder(t)
	defer func() {
		if said := recover(); said != "broken" {
			t.Errorf("recovered %v", said)
		}
	}()
	_, err := x.Embed(t.Context(), sequence(shortTexts(4*chunkTexts)), embedding.Options{}, func(int, []float32) error { panic("broken") })
	t.Errorf("no panic, and %v", err)
}
