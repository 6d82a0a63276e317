package embedding_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prompt"
)

func openTiny(t testing.TB, o tinymodel.Options) *model.Model {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := tinymodel.Write(dir, o); err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func sequence(texts []embedding.Text) func(func(embedding.Text, error) bool) {
	return func(yield func(embedding.Text, error) bool) {
		for _, x := range texts {
			if !yield(x, nil) {
				return
			}
		}
	}
}

// embed returns the vectors of texts, one row each, and checks that rows come in order.
func embed(t testing.TB, m *model.Model, c compute.Options, texts []embedding.Text, o embedding.Options) [][]float32 {
	t.Helper()
	e, err := compute.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	x, err := embedding.New(m, e)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]float32
	stats, err := x.Embed(context.Background(), sequence(texts), o, func(first int, vectors []float32) error {
		if first != len(rows) {
			t.Fatalf("rows from %d on, want %d", first, len(rows))
		}
		for len(vectors) > 0 {
			rows = append(rows, slices.Clone(vectors[:x.Dimension()]))
			vectors = vectors[x.Dimension():]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if stats.Texts != len(texts) || len(rows) != len(texts) {
		t.Fatalf("%d rows and %+v for %d texts", len(rows), stats, len(texts))
	}
	return rows
}

func someTexts(n int) []embedding.Text {
	source := draw.New(1, "embedding test", 0, 0, "texts")
	words := strings.Fields("add adds subtract fraction order zero one two three the of and")
	texts := make([]embedding.Text, n)
	for i := range texts {
		var text []string
		for range source.IntN(40) {
			text = append(text, words[source.IntN(len(words))])
		}
		texts[i].Text = strings.Join(text, " ")
	}
	return texts
}

// TestVectorsDoNotDependOnCompany shuffles texts, budgets, workers and memory and compares bits.
func TestVectorsDoNotDependOnCompany(t *testing.T) {
	m := openTiny(t, tinymodel.Options{})
	texts := someTexts(300)
	for _, path := range kernel.Available() {
		t.Run(string(path), func(t *testing.T) {
			want := embed(t, m, compute.Options{Path: path, Workers: 1}, texts, embedding.Options{Budget: 1})
			source := draw.New(2, "embedding test", 0, 0, string(path))
			for _, budget := range []int{0, 64, 1000} {
				for _, memory := range []int64{0, 1 << 19} {
					order := source.Sample(len(texts), len(texts))
					shuffled := make([]embedding.Text, len(texts))
					for i, at := range order {
						shuffled[i] = texts[at]
					}
					got := embed(t, m, compute.Options{Path: path, Workers: 3, Memory: memory}, shuffled, embedding.Options{Budget: budget})
					for i, at := range order {
						if !slices.Equal(got[i], want[at]) {
							t.Fatalf("budget %d, memory %d: text %d has another vector", budget, memory, at)
						}
					}
				}
			}
		})
	}
}

// TestMemoryIsRefusedBeforeATextIsRead gives what the error of too little says, a byte less, and takes half of it for other work.
func TestMemoryIsRefusedBeforeATextIsRead(t *testing.T) {
	m := openTiny(t, tinymodel.Options{})
	texts := someTexts(50)
	want := embed(t, m, compute.Options{Path: kernel.Portable}, texts, embedding.Options{})
	try := func(memory, taken int64) (*embedding.MemoryError, [][]float32) {
		e, err := compute.New(compute.Options{Path: kernel.Portable, Workers: 2, Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		x, err := embedding.New(m, e)
		if err != nil {
			t.Fatal(err)
		}
		read := false
		var rows [][]float32
		_, err = x.Embed(t.Context(), func(yield func(embedding.Text, error) bool) {
			read = true
			sequence(texts)(yield)
		}, embedding.Options{Taken: taken}, func(_ int, vectors []float32) error {
			for row := range slices.Chunk(vectors, x.Dimension()) {
				rows = append(rows, slices.Clone(row))
			}
			return nil
		})
		var short *embedding.MemoryError
		if errors.As(err, &short) != (err != nil) || read != (err == nil) {
			t.Fatalf("memory %d: %v; texts read: %t", memory, err, read)
		}
		return short, rows
	}
	short, _ := try(1, 0)
	if short == nil || short.Limit != 1 || short.Tokens != 64 || !strings.Contains(short.Error(), "embedding takes at least ") {
		t.Fatalf("one byte: %v", short)
	}
	for _, tc := range []struct {
		name          string
		memory, taken int64
		fits          bool
	}{
		{"least", short.Least, 0, true},
		{"a byte less", short.Least - 1, 0, false},
		{"least, some of it taken", short.Least, 1 << 10, false},
		{"more, some of it taken", short.Least + 1<<11, 1 << 10, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			short, rows := try(tc.memory, tc.taken)
			if (short == nil) != tc.fits {
				t.Fatal(short)
			}
			for i := range rows {
				if !slices.Equal(rows[i], want[i]) {
					t.Fatalf("text %d has another vector", i)
				}
			}
		})
	}
}

// TestLongerIdsThanTextsGrowTheWorkspace embeds token ids beyond the length that texts are cut to, which no limit foresaw.
func TestLongerIdsThanTextsGrowTheWorkspace(t *testing.T) {
	m := openTiny(t, tinymodel.Options{})
	long := embedding.Text{IDs: slices.Repeat([]int32{7}, 60)}
	want := embed(t, m, compute.Options{Path: kernel.Portable}, []embedding.Text{long}, embedding.Options{})
	got := embed(t, m, compute.Options{Path: kernel.Portable}, []embedding.Text{{Text: "add"}, long}, embedding.Options{MaxLength: 8, Budget: 8})
	if !slices.Equal(got[1], want[0]) {
		t.Error("the ids have another vector")
	}
}

func TestChunksKeepTheOrder(t *testing.T) {
	m := openTiny(t, tinymodel.Options{Layers: 1})
	texts := someTexts(2500) // more than two chunks
	all := embed(t, m, compute.Options{Workers: 2}, texts, embedding.Options{})
	few := embed(t, m, compute.Options{Workers: 2}, texts[2100:2110], embedding.Options{})
	for i := range few {
		if !slices.Equal(few[i], all[2100+i]) {
			t.Fatalf("text %d is not in its place", 2100+i)
		}
	}
}

func TestProgressIsToldBatchByBatch(t *testing.T) {
	var told []int
	batches := embedding.Options{Budget: 1, Progress: func(texts int) { told = append(told, texts) }} // of one text each
	embed(t, openTiny(t, tinymodel.Options{}), compute.Options{Path: kernel.Portable, Workers: 1}, someTexts(6), batches)
	if want := []int{0, 1, 2, 3, 4, 5, 6}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestTokenIdsAreTakenAsTheyAre(t *testing.T) {
	m := openTiny(t, tinymodel.Options{})
	s, err := m.Sequence("add the fraction", model.Prompt{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	rows := embed(t, m, compute.Options{Workers: 1}, []embedding.Text{{Text: "add the fraction"}, {IDs: s.IDs}}, embedding.Options{})
	if !slices.Equal(rows[0], rows[1]) {
		t.Error("a text and its own token ids have different vectors")
	}
}

func TestPromptsChangeTheirTextAlone(t *testing.T) {
	m := openTiny(t, tinymodel.Options{})
	template, err := prompt.Parse("order: {} sum")
	if err != nil {
		t.Fatal(err)
	}
	p := model.Prompt{Template: template}
	rows := embed(t, m, compute.Options{Workers: 1}, []embedding.Text{{Text: "zero", Prompt: &p}, {Text: "order: zero sum"}, {Text: "zero"}}, embedding.Options{})
	if !slices.Equal(rows[0], rows[1]) {
		t.Error("a prompt is not the same as its text")
	}
	if slices.Equal(rows[0], rows[2]) {
		t.Error("a prompt changed nothing")
	}
}

func TestUnitLengthAndEmptyText(t *testing.T) {
	m := openTiny(t, tinymodel.Options{})
	for i, row := range embed(t, m, compute.Options{Workers: 1}, append(someTexts(20), embedding.Text{}), embedding.Options{}) {
		var sum float64
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Errorf("row %d has length %v", i, math.Sqrt(sum))
		}
	}
}

// A model without special tokens has none at all for an empty text: its vector is zero, whatever stands beside it.
func TestNoTokensAreTheZeroVector(t *testing.T) {
	dir := t.TempDir()
	if err := tinymodel.Write(dir, tinymodel.Options{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "tokenizer.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var content map[string]any
	if err := json.Unmarshal(raw, &content); err != nil {
		t.Fatal(err)
	}
	content["post_processor"] = nil
	if raw, err = json.Marshal(content); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	blank := model.Prompt{Name: "query", Template: " "}
	texts := []embedding.Text{{Text: "one"}, {}, {Text: "two digits"}, {Text: " ", Prompt: &blank}, {IDs: []int32{}}}
	for i, row := range embed(t, m, compute.Options{Workers: 1}, texts, embedding.Options{}) {
		zero := !slices.ContainsFunc(row, func(v float32) bool { return v != 0 })
		if empty := i != 0 && i != 2; zero != empty {
			t.Errorf("text %d: zero is %t: %v", i, zero, row)
		}
	}
}

func TestErrorsEndTheWork(t *testing.T) {
	m := openTiny(t, tinymodel.Options{})
	e, err := compute.New(compute.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	x, err := embedding.New(m, e)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("line 7 is broken")
	keep := func(int, []float32) error { return nil }
	cases := []struct {
		name  string
		texts func(func(embedding.Text, error) bool)
		o     embedding.Options
		sink  func(int, []float32) error
		want  string
	}{
		{"the source fails", func(yield func(embedding.Text, error) bool) { yield(embedding.Text{}, broken) }, embedding.Options{}, keep, "line 7 is broken"},
		{"the sink fails", sequence(someTexts(3)), embedding.Options{}, func(int, []float32) error { return broken }, "line 7 is broken"},
		{"an id outside the vocabulary", sequence([]embedding.Text{{Text: "one"}, {IDs: []int32{2, 1 << 20}}}), embedding.Options{}, keep, "text 1: token id 1048576 at 1 is outside the vocabulary"},
		{"types of other tokens", sequence([]embedding.Text{{IDs: []int32{2, 3}, Types: []int32{0}}}), embedding.Options{}, keep, "text 0: 1 token types for 2 token ids"},
		{"a type that is not there", sequence([]embedding.Text{{IDs: []int32{2, 3}, Types: []int32{0, 2}}}), embedding.Options{}, keep, "token type 2: the model has 2"},
		{"more ids than positions", sequence([]embedding.Text{{Text: "one"}, {IDs: make([]int32, 65)}}), embedding.Options{}, keep, "text 1: 65 token ids: the model has 64 positions"},
		{"longer than the positions", sequence(someTexts(1)), embedding.Options{MaxLength: 1000}, keep, "64 positions"},
		{"no room for text", sequence(someTexts(1)), embedding.Options{MaxLength: 2}, keep, "no room"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := x.Embed(context.Background(), tc.texts, tc.o, tc.sink); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := x.Embed(ctx, sequence(someTexts(3000)), embedding.Options{}, func(int, []float32) error {
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func Example() {
	dir := "testdata/none" // a model directory, such as all-MiniLM-L6-v2
	m, err := model.Open(dir, model.Options{})
	if err != nil {
		fmt.Println("no model here")
		return
	}
	defer m.Close()
	engine, err := compute.New(compute.Options{})
	if err != nil {
		panic(err)
	}
	defer engine.Close()
	embedder, err := embedding.New(m, engine)
	if err != nil {
		panic(err)
	}
	texts := func(yield func(embedding.Text, error) bool) {
		_ = yield(embedding.Text{Text: "How do I add fractions?"}, nil)
	}
	_, err = embedder.Embed(context.Background(), texts, embedding.Options{}, func(first int, vectors []float32) error {
		fmt.Println(first, len(vectors))
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output: no model here
}
