package weights

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/compute/half"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/rundir"
)

// tiny is a model directory.
func tiny(t *testing.T, o tinymodel.Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := tinymodel.Write(dir, o); err != nil {
		t.Fatal(err)
	}
	return dir
}

// inShards is a model directory whose weights are in shards.
func inShards(t *testing.T, limit int64) string {
	t.Helper()
	source := tiny(t, tinymodel.Options{})
	d, err := model.ReadDirectory(source, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.OpenWeights()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var entries []safetensors.Entry
	for _, tensor := range f.Tensors() {
		entries = append(entries, safetensors.Copy(tensor))
	}
	dir := filepath.Join(t.TempDir(), "sharded")
	if err := model.WriteDirectory(rundir.Sink(rundir.OS{}, dir), d, entries, model.WriteOptions{ShardLimit: limit}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// rounded checks that a copy holds the published tensors in bf16, under the same names.
func rounded(t *testing.T, dir, copied string) {
	t.Helper()
	published, err := safetensors.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer published.Close()
	got, err := safetensors.OpenDir(copied)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if len(got.Tensors()) != len(published.Tensors()) {
		t.Errorf("%d tensors of %d", len(got.Tensors()), len(published.Tensors()))
	}
	for _, want := range published.Tensors() {
		have, err := got.Tensor(want.Name)
		if err != nil || have.DType != safetensors.BF16 || !cmp.Equal(have.Shape, want.Shape) {
			t.Fatalf("%s: %v %s %v", want.Name, err, have.DType, have.Shape)
		}
		published, _ := want.Float32s()
		values := slices.Clone(published) // those of the file are not to be written to
		for i, v := range values {
			values[i] = half.BF16ToF32(half.F32ToBF16(v))
		}
		if after, err := have.Float32s(); err != nil || !cmp.Equal(values, after) {
			t.Errorf("%s: other values", want.Name)
		}
	}
}

func TestBF16(t *testing.T) {
	for _, tc := range []struct {
		name  string
		dir   string
		limit int64
	}{
		{"one file", tiny(t, tinymodel.Options{}), 0},
		{"plain transformers", tiny(t, tinymodel.Options{Plain: true}), 0},
		{"shards in", inShards(t, 8<<10), 0},
		{"shards out", tiny(t, tinymodel.Options{}), 4 << 10},
		{"shards in and out", inShards(t, 8<<10), 4 << 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cache := t.TempDir()
			var notes []string
			var last, all int64
			o := Options{ShardLimit: tc.limit, Note: func(line string) { notes = append(notes, line) }, Progress: func(done, total int64) { last, all = done, total }}
			dir, err := BF16(t.Context(), cache, tc.dir, o)
			if err != nil {
				t.Fatal(err)
			}
			rounded(t, tc.dir, dir)
			if len(notes) != 1 || last != all || all == 0 {
				t.Errorf("notes %q, progress %d of %d", notes, last, all)
			}
			if _, err := os.Stat(filepath.Join(dir, safetensors.IndexName)); (err == nil) != (tc.limit > 0) {
				t.Errorf("index: %v", err)
			}
			// What the model says of itself is as it was: an open pooling stays open, too.
			before, err := model.ReadDirectory(tc.dir, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			after, err := model.ReadDirectory(dir, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before.Contract, after.Contract); diff != "" || !cmp.Equal(before.Assumed, after.Assumed) {
				t.Errorf("contract (-published +copy):\n%s\nassumed %v, then %v", diff, before.Assumed, after.Assumed)
			}
			if m, err := model.Open(dir, model.Options{AssumeMean: true}); err != nil {
				t.Error(err)
			} else if err := m.Close(); err != nil {
				t.Error(err)
			}
			// It is made once.
			record, err := os.Stat(filepath.Join(dir, RecordName))
			if err != nil {
				t.Fatal(err)
			}
			again, err := BF16(t.Context(), cache, tc.dir, o)
			if err != nil || again != dir || len(notes) != 1 {
				t.Errorf("the second time: %s, %v, notes %q", again, err, notes)
			}
			if now, err := os.Stat(filepath.Join(dir, RecordName)); err != nil || !os.SameFile(now, record) {
				t.Errorf("the copy was made anew: %v", err)
			}
		})
	}
}

func TestBF16OfOtherTypes(t *testing.T) {
	dir := tiny(t, tinymodel.Options{DType: safetensors.BF16})
	if got, err := BF16(t.Context(), t.TempDir(), dir, Options{}); err != nil || got != dir {
		t.Errorf("bf16: %s, %v; want the model itself", got, err)
	}
	if _, err := BF16(t.Context(), t.TempDir(), tiny(t, tinymodel.Options{DType: safetensors.F16}), Options{}); err == nil || !strings.Contains(err.Error(), "has weights in F16") {
		t.Errorf("f16: %v", err)
	}
}

// TestADamagedCopyIsMadeAnew, and so is one of other weights.
func TestADamagedCopyIsMadeAnew(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(dir string) error
	}{
		{"a file shorter", func(dir string) error { return os.Truncate(filepath.Join(dir, safetensors.SingleName), 100) }},
		{"a file gone", func(dir string) error { return os.Remove(filepath.Join(dir, "tokenizer.json")) }},
		{"no record", func(dir string) error { return os.Remove(filepath.Join(dir, RecordName)) }},
		{"a record of another version", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, RecordName), []byte(`{"version": 9}`), 0o600)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			source, cache := tiny(t, tinymodel.Options{}), t.TempDir()
			dir, err := BF16(t.Context(), cache, source, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.damage(dir); err != nil {
				t.Fatal(err)
			}
			again, err := BF16(t.Context(), cache, source, Options{})
			if err != nil || again != dir {
				t.Fatal(again, err)
			}
			rounded(t, source, dir)
		})
	}
	a, cache := tiny(t, tinymodel.Options{}), t.TempDir()
	of, err := BF16(t.Context(), cache, a, Options{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := BF16(t.Context(), cache, tiny(t, tinymodel.Options{Seed: 9}), Options{})
	if err != nil || other == of {
		t.Errorf("two models share %s, %v", other, err)
	}
}

func TestAnInterruptedCopyIsNone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cache, source := t.TempDir(), tiny(t, tinymodel.Options{})
	_, err := BF16(ctx, cache, source, Options{Progress: func(int64, int64) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "weights", "*-bf16*"))
	if err != nil || len(left) != 1 || filepath.Ext(left[0]) != ".lock" {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestTwoProcessesMakeOneCopy(t *testing.T) {
	cache, source := t.TempDir(), tiny(t, tinymodel.Options{})
	ends := make(chan error)
	for range 2 {
		go func() {
			_, err := BF16(t.Context(), cache, source, Options{})
			ends <- err
		}()
	}
	if err := errors.Join(<-ends, <-ends); err != nil {
		t.Error(err)
	}
}

// TestWeightsAreNotInMemoryWhole rounds 32 MiB of weights and counts what is allocated.
func TestWeightsAreNotInMemoryWhole(t *testing.T) {
	words := tinymodel.Vocabulary()
	dir := tiny(t, tinymodel.Options{Vocabulary: words, Hidden: 512, Heads: 8, Intermediate: 2048, Layers: 3})
	d, err := model.ReadDirectory(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var written int64
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = d.WriteBF16(t.Context(), func(_ string, write func(io.Writer) error) error {
		return write(writer(func(p []byte) (int, error) {
			written += int64(len(p))
			return len(p), nil
		}))
	}, 0)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if allocated := int64(after.TotalAlloc - before.TotalAlloc); written < 16<<20 || allocated > written/2 {
		t.Errorf("%d bytes were allocated for the writing of %d", allocated, written)
	}
}
