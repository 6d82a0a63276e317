package merging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// shard rewrites a base's weights in shards of so many bytes.
func shard(t *testing.T, dir string, limit int64) {
	t.Helper()
	rewrite(t, dir, limit, func(entries []safetensors.Entry) []safetensors.Entry { return entries })
}

// rewrite writes a base's weights anew, changed, in shards.
func rewrite(t *testing.T, dir string, limit int64, change func([]safetensors.Entry) []safetensors.Entry) {
	t.Helper()
	f, err := safetensors.Open(filepath.Join(dir, safetensors.SingleName))
	if err != nil {
		t.Fatal(err)
	}
	var entries []safetensors.Entry
	for _, tensor := range f.Tensors() {
		tensor.Data = bytes.Clone(tensor.Data)
		entries = append(entries, safetensors.Copy(tensor))
	}
	if err := errors.Join(f.Close(), os.Remove(filepath.Join(dir, safetensors.SingleName))); err != nil {
		t.Fatal(err)
	}
	shards, err := safetensors.Plan(change(entries), limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shards {
		err = errors.Join(err, files(dir)(s.Name, func(w io.Writer) error { return safetensors.Write(w, s.Entries, nil) }))
	}
	if len(shards) > 1 {
		err = errors.Join(err, files(dir)(safetensors.IndexName, func(w io.Writer) error { return safetensors.WriteIndex(w, shards) }))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tensors are a directory's, by name.
func tensors(t *testing.T, dir string) map[string]safetensors.Tensor {
	t.Helper()
	f, err := safetensors.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	found := map[string]safetensors.Tensor{}
	for _, tensor := range f.Tensors() {
		found[tensor.Name] = tensor
	}
	return found
}

// TestMergeInShards: shards of base and result change no byte of a tensor.
func TestMergeInShards(t *testing.T) {
	for _, dtype := range []safetensors.DType{safetensors.F32, safetensors.BF16} {
		t.Run(string(dtype), func(t *testing.T) {
			o := project(t, tinymodel.Options{DType: dtype})
			whole := filepath.Join(t.TempDir(), "whole")
			if _, err := Merge(t.Context(), engine(t), o, whole, files(whole)); err != nil {
				t.Fatal(err)
			}
			want := tensors(t, whole)
			shard(t, o.Base, 6000)
			for _, limit := range []int64{0, 5000, 1} {
				into := filepath.Join(t.TempDir(), "merged")
				o.ShardLimit = limit
				if _, err := Merge(t.Context(), engine(t), o, into, files(into)); err != nil {
					t.Fatal(err)
				}
				got := tensors(t, into)
				if len(got) != len(want) {
					t.Errorf("limit %d: %d tensors, want %d", limit, len(got), len(want))
				}
				for name, tensor := range want {
					if g := got[name]; g.DType != dtype || !slices.Equal(g.Shape, tensor.Shape) || !bytes.Equal(g.Data, tensor.Data) {
						t.Errorf("limit %d: %s is another", limit, name)
					}
				}
				names, err := safetensors.Files(into)
				if err != nil || (len(names) == 1) != (limit == 0) || limit == 1 && len(names) != len(want)+1 {
					t.Errorf("limit %d: files %v, %v", limit, names, err)
				}
			}
		})
	}
}

func TestMergeOfABrokenBase(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(t *testing.T, dir, second string)
		want   string
	}{
		{"a truncated shard", func(t *testing.T, dir, second string) {
			info, err := os.Stat(filepath.Join(dir, second))
			if err == nil {
				err = os.Truncate(filepath.Join(dir, second), info.Size()-10)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, "%SECOND%: tensor \"encoder.layer.0.attention.self.query.weight\" ends at byte 4096 of 4086; the file is truncated"},
		{"a missing shard", func(t *testing.T, dir, second string) {
			if err := os.Remove(filepath.Join(dir, second)); err != nil {
				t.Fatal(err)
			}
		}, "model.safetensors.index.json: shard %SECOND% is missing"},
		{"a tensor that no shard has", func(t *testing.T, dir, second string) {
			path := filepath.Join(dir, safetensors.IndexName)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			more := strings.Replace(string(raw), `"weight_map": {`, `"weight_map": {"lost.weight": "`+second+`",`, 1)
			if err := os.WriteFile(path, []byte(more), 0o600); err != nil {
				t.Fatal(err)
			}
		}, `model.safetensors.index.json: tensor "lost.weight" is listed in shard %SECOND%, which does not hold it`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := project(t, tinymodel.Options{})
			shard(t, o.Base, 4096)
			names, err := safetensors.Files(o.Base)
			if err != nil {
				t.Fatal(err)
			}
			second := ""
			for name, tensor := range tensors(t, o.Base) { // of the query's matrix, which fills one
				if name == "encoder.layer.0.attention.self.query.weight" {
					second, _, _ = strings.Cut(filepath.Base(tensor.Where()), ":")
				}
			}
			if !slices.Contains(names, second) {
				t.Fatalf("shard %q is none of %v", second, names)
			}
			tc.damage(t, o.Base, second)
			into := filepath.Join(t.TempDir(), "merged")
			_, err = Merge(t.Context(), engine(t), o, into, files(into))
			if want := strings.ReplaceAll(tc.want, "%SECOND%", second); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "base: ") {
				t.Errorf("error %v, want one with %q", err, want)
			}
		})
	}
}

// TestHeadsAreNotLost: what a text's vector does not need is there after a merge, and a head that is tied to the table of
// embeddings goes with it.
func TestHeadsAreNotLost(t *testing.T) {
	const table, head, bias = "embeddings.word_embeddings.weight", "cls.predictions.decoder.weight", "cls.predictions.bias"
	for _, tc := range []struct {
		name          string
		stored, saved bool // the head is the table; the adapter replaces the table
		config        string
		tied          bool
	}{
		{"tied, table as it was", true, false, "", true},
		{"tied, table replaced", true, true, "", true},
		{"its own, table replaced", false, true, "", false},
		{"said to be its own", true, true, `"tie_word_embeddings": false,`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := project(t, tinymodel.Options{})
			rewrite(t, o.Base, 1<<30, func(entries []safetensors.Entry) []safetensors.Entry {
				first := entries[slices.IndexFunc(entries, func(e safetensors.Entry) bool { return e.Name == table })]
				second := first
				if second.Name = head; !tc.stored {
					second.Write = func(w io.Writer) error {
						return safetensors.WriteFloat32s(w, make([]float32, first.Shape[0]*first.Shape[1]))
					}
				}
				return append(entries, second, safetensors.Float32(bias, []int{first.Shape[0]}, make([]float32, first.Shape[0])))
			})
			if tc.config != "" {
				path := filepath.Join(o.Base, "config.json")
				raw, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte("{"+tc.config+strings.TrimPrefix(string(raw), "{")), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := tensors(t, o.Base)
			if tc.saved {
				addSaved(t, o, "word_embeddings", before[table].Shape, table)
			}
			into := filepath.Join(t.TempDir(), "merged")
			if _, err := Merge(t.Context(), engine(t), o, into, files(into)); err != nil {
				t.Fatal(err)
			}
			after := tensors(t, into)
			if diff := cmp.Diff(slices.Sorted(keys(before)), slices.Sorted(keys(after))); diff != "" {
				t.Errorf("tensors (-base +merged):\n%s", diff)
			}
			if same := bytes.Equal(after[table].Data, before[table].Data); same == tc.saved {
				t.Errorf("table as it was: %t", same)
			}
			if tied := bytes.Equal(after[head].Data, after[table].Data); tied != tc.tied {
				t.Errorf("head is the table: %t, want %t", tied, tc.tied)
			}
			if !tc.tied && !bytes.Equal(after[head].Data, before[head].Data) {
				t.Error("a head of its own was changed")
			}
		})
	}
}

// TestMergeOfAGrownVocabulary: an adapter that was trained with special tokens is merged into the base as it is published,
// with a row for each, in a language model's head too, and reads like a model of its own afterwards.
func TestMergeOfAGrownVocabulary(t *testing.T) {
	const table, head = "embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"
	tokens := []string{"<instruct>", "the", "<query>"}
	for _, dtype := range []safetensors.DType{safetensors.F32, safetensors.BF16} {
		t.Run(string(dtype), func(t *testing.T) {
			words := tinymodel.Vocabulary()
			o := project(t, tinymodel.Options{DType: dtype, Vocabulary: slices.Delete(words, 90, 91)}) // a word "a", which is a letter already
			rewrite(t, o.Base, 1<<30, func(entries []safetensors.Entry) []safetensors.Entry {
				tied := entries[slices.IndexFunc(entries, func(e safetensors.Entry) bool { return e.Name == table })]
				tied.Name = head
				return append(entries, tied)
			})
			plain, err := model.Open(o.Base, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			rows := plain.Config.VocabSize
			a, err := lora.Open(o.Adapter, plain.Base())
			if err := errors.Join(err, plain.Close()); err != nil {
				t.Fatal(err)
			}
			m, err := model.Open(o.Base, model.Options{SpecialTokens: tokens})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if err := m.WriteAdapter(a, files(o.Adapter)); err != nil {
				t.Fatal(err)
			}
			into := filepath.Join(t.TempDir(), "merged")
			check, err := Merge(t.Context(), engine(t), o, into, files(into))
			if err != nil {
				t.Fatal(err)
			}
			if check.Probes != len(o.Probes)+1 {
				t.Errorf("%d probes, want one more than %d for the tokens", check.Probes, len(o.Probes))
			}
			after := tensors(t, into)
			if got := after[table].Shape[0]; got != rows+2 {
				t.Errorf("%d rows, want %d", got, rows+2)
			}
			if !bytes.Equal(after[table].Data, after[head].Data) {
				t.Error("the head is tied no longer")
			}
			merged, err := model.Open(into, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer merged.Close()
			if n := merged.Tokenizer.VocabSize(); n != rows+2 || merged.Config.VocabSize != n {
				t.Errorf("%d tokens, vocab_size %d, want %d", n, merged.Config.VocabSize, rows+2)
			}
			const text = "the <query>sum<instruct>"
			if got, want := merged.Tokenizer.Encode(nil, text), m.Tokenizer.Encode(nil, text); !slices.Equal(got, want) || len(want) != 4 {
				t.Errorf("ids %v, want %v", got, want)
			}
		})
	}
}

func keys(m map[string]safetensors.Tensor) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range m {
			if !yield(name) {
				return
			}
		}
	}
}

// TestMergedWeightsAreNotInMemoryWhole merges models of few and of many layers from shards into shards, and looks while they
// are written what is alive beside the adapter: less than a tensor, whatever there is to write.
func TestMergedWeightsAreNotInMemoryWhole(t *testing.T) {
	const hidden, intermediate, tensor = 256, 2048, 2 * 256 * 2048 // bytes of the largest
	for _, layers := range []int{1, 5} {
		t.Run(fmt.Sprintf("layers=%d", layers), func(t *testing.T) {
			o := project(t, tinymodel.Options{Hidden: hidden, Heads: 8, Intermediate: intermediate, Layers: layers, DType: safetensors.BF16})
			shard(t, o.Base, 2<<20)
			m, err := model.Open(o.Base, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			a, err := lora.Open(o.Adapter, m.Base())
			if err != nil {
				t.Fatal(err)
			}
			before := alive()
			var written, looked, most int64
			count := func(_ string, write func(io.Writer) error) error {
				return write(counting(func(n int) {
					if written += int64(n); written-looked > 100_000 {
						looked, most = written, max(most, alive()-before)
					}
				}))
			}
			entries, err := a.Merge(t.Context(), m.Base(), 2)
			if err != nil {
				t.Fatal(err)
			}
			if err := model.WriteDirectory(count, m.Directory, entries, model.WriteOptions{ShardLimit: 2 << 20}); err != nil {
				t.Fatal(err)
			}
			if written < int64(2*layers*tensor) || most == 0 || most > tensor {
				t.Errorf("up to %d bytes were alive while %d were written; the largest tensor has %d", most, written, tensor)
			}
			runtime.KeepAlive(a)
		})
	}
}

// alive is the bytes of memory in use after a collection.
func alive() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestProbesTakeTheMemoryOfTheirOwnLength checks a merge of a model that reads texts many times as long as the probes, in
// memory that would not hold one of those.
func TestProbesTakeTheMemoryOfTheirOwnLength(t *testing.T) {
	o := project(t, tinymodel.Options{Positions: 4096})
	o.Probes = append(slices.Clip(probes), "") // an empty text is its special tokens
	e, err := compute.New(compute.Options{Path: kernel.Portable, Workers: 1, Memory: 2 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	base, err := model.Open(o.Base, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	x, err := embedding.New(base, e)
	if err != nil {
		t.Fatal(err)
	}
	none := func(func(embedding.Text, error) bool) {}
	if _, err := x.Embed(t.Context(), none, embedding.Options{}, nil); !errors.As(err, new(*embedding.MemoryError)) {
		t.Fatalf("the memory holds the longest text: %v", err)
	}
	into := filepath.Join(t.TempDir(), "merged")
	if _, err := Merge(t.Context(), e, o, into, files(into)); err != nil {
		t.Error(err)
	}
}

type counting func(n int)

// Write implements io.Writer.
func (c counting) Write(p []byte) (int, error) {
	c(len(p))
	return len(p), nil
}
