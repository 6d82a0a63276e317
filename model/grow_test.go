package model_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// grown is a base, what transformers makes of it when special tokens are added, and an adapter that PEFT saved then; see
// parity/grown_fixture.py.
const grown = "testdata/grown"

type grownText struct {
	Text   string  `json:"text"`
	Before []int32 `json:"before"`
	IDs    []int32 `json:"ids"`
}

func grownCases(t *testing.T) (tokens []string, texts []grownText) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(grown, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tokens []string    `json:"tokens"`
		Texts  []grownText `json:"texts"`
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Texts) == 0 {
		t.Fatal(err, len(file.Texts))
	}
	return file.Tokens, file.Texts
}

func lastToken(tokens ...string) model.Options {
	yes := true
	return model.Options{Pooling: model.PoolLastToken, Normalize: &yes, SpecialTokens: tokens}
}

// vectorsOf embeds the fixture's texts with a model, whose ids for them must be the wanted ones.
func vectorsOf(t *testing.T, m *model.Model, texts []grownText) []float32 {
	t.Helper()
	var sequences [][]int32
	for _, text := range texts {
		s, err := m.Sequence(text.Text, model.Prompt{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.IDs, text.IDs) {
			t.Errorf("%q: ids %v, want %v", text.Text, s.IDs, text.IDs)
		}
		sequences = append(sequences, s.IDs)
	}
	vectors, _ := passing{}.run(t, m, batchOf(sequences...))
	return vectors
}

func TestGrownModelAgainstTransformers(t *testing.T) {
	tokens, texts := grownCases(t)
	want := expectedTensors(t, filepath.Join(grown, "expected.safetensors"))
	m := open(t, filepath.Join(grown, "base"), lastToken(tokens...))
	if m.Config.VocabSize != 43 || m.Tokenizer.VocabSize() != 43 {
		t.Errorf("%d rows, %d tokens, want 43", m.Config.VocabSize, m.Tokenizer.VocabSize())
	}
	for name, like := range map[string]string{"model.embed_tokens.weight": "table", "lm_head.weight": "head"} {
		table, err := m.Base().Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := table.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		equalWithin(t, name, got, want[like], 1e-7)
	}
	equalWithin(t, "vectors", vectorsOf(t, m, texts), want["embeddings"], 1e-5)
	if f := m.Footprint(); f.Held != 2*43*8*4 {
		t.Errorf("%d bytes are held, want those of table and head", f.Held)
	}

	plain := open(t, filepath.Join(grown, "base"), lastToken())
	for _, text := range texts {
		if s, err := plain.Sequence(text.Text, model.Prompt{}, 0); err != nil || !slices.Equal(s.IDs, text.Before) {
			t.Errorf("%q: without the tokens ids %v, want %v (%v)", text.Text, s.IDs, text.Before, err)
		}
	}
}

// TestGrownModelIsWrittenWhole: the directory needs no options any more, and grows no second time.
func TestGrownModelIsWrittenWhole(t *testing.T) {
	tokens, texts := grownCases(t)
	m := open(t, filepath.Join(grown, "base"), lastToken(tokens...))
	dir := filepath.Join(t.TempDir(), "written")
	network, dense := m.Entries(nil)
	if err := model.WriteDirectory(into(dir), m.Directory, network, model.WriteOptions{Dense: dense}); err != nil {
		t.Fatal(err)
	}
	want := expectedTensors(t, filepath.Join(grown, "expected.safetensors"))["embeddings"]
	for _, o := range []model.Options{{}, {SpecialTokens: tokens}} {
		again := open(t, dir, o)
		if again.Config.VocabSize != 43 {
			t.Errorf("vocab_size %d, want 43", again.Config.VocabSize)
		}
		if again.Footprint().Held != 0 {
			t.Error("a table that has its rows already was grown")
		}
		equalWithin(t, "vectors", vectorsOf(t, again, texts), want, 1e-5)
	}
	for file, want := range map[string]string{
		"tokenizer_config.json": `"additional_special_tokens": [
    "<instruct>",
    "<query>",
    "w7",
    "<response>"
  ]`,
		"config.json":    `"vocab_size": 43`,
		"tokenizer.json": `"content": "<response>"`,
	} {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("%s has no %s (%v)", file, want, err)
		}
	}
}

// TestAdapterOfAGrownModel: an adapter that PEFT saved with its embeddings gives its vectors on the base as it is
// published, and so does the one that is written from it.
func TestAdapterOfAGrownModel(t *testing.T) {
	tokens, texts := grownCases(t)
	base, adapter := filepath.Join(grown, "base"), filepath.Join(grown, "adapter")
	want := expectedTensors(t, filepath.Join(grown, "expected.safetensors"))["adapted"]
	adapted, err := model.OpenAdapted(base, adapter, lastToken())
	if err != nil {
		t.Fatal(err)
	}
	defer adapted.Close()
	equalWithin(t, "PEFT's", vectorsOf(t, adapted, texts), want, 1e-5)

	// An adapter in training lies on a base with the rows that it began with.
	m := open(t, base, lastToken(tokens...))
	a, err := lora.Open(adapter, m.Base())
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Saved) != 1 {
		t.Errorf("%d tensors are saved, want the table", len(a.Saved))
	}
	a.Saved = nil
	dir := t.TempDir()
	if err := m.WriteAdapter(a, into(dir)); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(filepath.Join(dir, lora.WeightsName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := f.Tensor("base_model.model.embed_tokens.weight") // the name that PEFT gave its own
	if err != nil {
		t.Fatal(err)
	}
	mine, err := m.Base().Tensor("model.embed_tokens.weight")
	if err != nil || !bytes.Equal(table.Data, mine.Data) {
		t.Errorf("the written table is not the model's (%v)", err)
	}
	again, err := model.OpenAdapted(base, dir, lastToken())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := m.Attach(a); err != nil {
		t.Fatal(err)
	}
	equalWithin(t, "written", vectorsOf(t, again, texts), vectorsOf(t, m, texts), 0)
}

// TestAdapterOfAGrownLanguageModel: PEFT saves the head beside the table; a base without one, tied or stripped, goes without.
func TestAdapterOfAGrownLanguageModel(t *testing.T) {
	tokens, texts := grownCases(t)
	want := expectedTensors(t, filepath.Join(grown, "expected.safetensors"))["adapted"]
	adapter := copyOf(t, filepath.Join(grown, "adapter"))
	rewritten(t, filepath.Join(adapter, lora.WeightsName), func(entries []safetensors.Entry) []safetensors.Entry {
		for i := range entries {
			entries[i].Name = "base_model.model.model." + strings.TrimPrefix(entries[i].Name, "base_model.model.")
		}
		return append(entries, safetensors.Float32("base_model.model.lm_head.weight", []int{43, 8}, make([]float32, 43*8)))
	})
	headless := copyOf(t, filepath.Join(grown, "base"))
	rewritten(t, filepath.Join(headless, safetensors.SingleName), func(entries []safetensors.Entry) []safetensors.Entry {
		return slices.DeleteFunc(entries, func(e safetensors.Entry) bool { return e.Name == "lm_head.weight" })
	})
	for base, saved := range map[string]int{filepath.Join(grown, "base"): 2, headless: 1} {
		m := open(t, base, lastToken(tokens...))
		a, err := lora.Open(adapter, m.Base())
		mustBe(t, err)
		if len(a.Saved) != saved {
			t.Errorf("%s: %d tensors are saved, want %d", filepath.Base(base), len(a.Saved), saved)
		}
		mustBe(t, m.Attach(a))
		equalWithin(t, "vectors", vectorsOf(t, m, texts), want, 1e-5)
	}
}

// TestRowsInReserveAreTakenFirst: a table that is longer than the vocabulary, as Qwen2's, grows only beyond its end.
func TestRowsInReserveAreTakenFirst(t *testing.T) {
	dir := copyOf(t, filepath.Join(grown, "base"))
	edit(t, filepath.Join(dir, "tokenizer.json"), `, "w37": 37, "w38": 38, "w39": 39}`, `}`)
	for _, tc := range []struct {
		tokens []string
		rows   int
		id     int32 // of the last
	}{
		{[]string{"<a>", "<b>"}, 40, 38},
		{[]string{"<a>", "<b>", "<c>"}, 40, 39},
		{[]string{"<a>", "<b>", "<c>", "<d>"}, 41, 40},
	} {
		m := open(t, dir, lastToken(tc.tokens...))
		id, ok := m.Tokenizer.ID(tc.tokens[len(tc.tokens)-1])
		if m.Config.VocabSize != tc.rows || id != tc.id || !ok {
			t.Errorf("%v: %d rows, the last token is %d, want %d and %d", tc.tokens, m.Config.VocabSize, id, tc.rows, tc.id)
		}
		a, err := lora.Open(filepath.Join(grown, "adapter"), m.Base())
		if err == nil || !strings.Contains(err.Error(), "has rows for 43 tokens, but the base's") {
			t.Errorf("%v: an adapter of 43 tokens: %v, %v", tc.tokens, a, err)
		}
	}
}

// TestNewRowsAreTheMean in every type that weights come in, rounded once to float32 and once to the type.
func TestNewRowsAreTheMean(t *testing.T) {
	for _, dtype := range []safetensors.DType{safetensors.F32, safetensors.F16, safetensors.BF16} {
		t.Run(string(dtype), func(t *testing.T) {
			dir := tiny(t, tinymodel.Options{Layers: 1, DType: dtype, Vocabulary: distinct(tinymodel.Vocabulary())})
			m := open(t, dir, model.Options{SpecialTokens: []string{"<query>", "the"}})
			table, err := m.Base().Tensor("embeddings.word_embeddings.weight")
			if err != nil {
				t.Fatal(err)
			}
			values, err := table.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			rows, columns := table.Shape[0], table.Shape[1]
			half := map[safetensors.DType]float64{safetensors.F32: 1e-7, safetensors.F16: 1.0 / (1 << 11), safetensors.BF16: 1.0 / (1 << 8)}[dtype]
			for j := range columns {
				var sum float64
				for i := range rows - 1 {
					sum += float64(values[i*columns+j])
				}
				want, got := sum/float64(rows-1), float64(values[(rows-1)*columns+j])
				if math.Abs(got-want) > half*math.Abs(want)+1e-7 {
					t.Errorf("column %d: %g, the mean is %g", j, got, want)
				}
			}
		})
	}
}

// distinct takes words out that stand in a vocabulary twice: its ids then have no gaps.
func distinct(vocabulary []string) []string {
	var words []string
	for _, word := range vocabulary {
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

func TestSpecialTokensThatCannotBeAdded(t *testing.T) {
	tokens, _ := grownCases(t)
	for _, tc := range []struct {
		name    string
		tokens  []string
		base    func(t *testing.T, dir string)
		adapter func(t *testing.T, dir string)
		want    string
	}{
		{"an empty token", []string{"<query>", ""}, nil, nil, `special token 2 of 2, "": want a text that is not empty`},
		{"not UTF-8", []string{"\xff"}, nil, nil, "special token 1 of 1"},
		{"ids with gaps", tokens, func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "tokenizer.json"), `"w38": 38, `, ``)
		}, nil, `special token "<instruct>" would get id 39, which is that of "w39"`},
		{"no tokenizer.json", tokens, func(t *testing.T, dir string) { remove(t, dir, "tokenizer.json") }, nil, "tokenizer.json: missing: special tokens are added to a tokenizer of this form alone"},
		{"weights of another vocabulary", tokens, func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "config.json"), `"vocab_size": 40`, `"vocab_size": 41`)
		}, nil, "config.json's vocab_size is 41"},
		{"a list that is none", tokens, func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "tokenizer_config.json"), `"bos_token"`, `"additional_special_tokens": 3, "bos_token"`)
		}, nil, "additional_special_tokens: found number"},
		{"embeddings not saved", nil, nil, func(t *testing.T, dir string) { withoutTable(t, dir) }, "tokens were added to the vocabulary (\"<response>\"), and their embeddings are not here"},
		{"no tokenizer beside the adapter", nil, nil, func(t *testing.T, dir string) { remove(t, dir, "tokenizer.json") }, "has rows for 43 tokens, but the base's \"model.embed_tokens.weight\" for 40"},
		{"an ordinary token", nil, nil, func(t *testing.T, dir string) {
			path := filepath.Join(dir, "tokenizer.json")
			raw, err := os.ReadFile(path)
			mustBe(t, err)
			at := bytes.LastIndex(raw[:bytes.Index(raw, []byte(`"normalizer"`))], []byte(`"special": true`))
			mustBe(t, os.WriteFile(path, slices.Concat(raw[:at], []byte(`"special": false`), raw[at+len(`"special": true`):]), 0o600))
		}, `token "<response>" is not in the base's vocabulary and no special token`},
		{"another tokenizer", nil, func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "tokenizer.json"), `"w38": 38, "w39": 39`, `"w39": 38, "w38": 39`)
		}, nil, `token "w38" has id 38; with the base's tokenizer it is 39`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			base, adapter := copyOf(t, filepath.Join(grown, "base")), copyOf(t, filepath.Join(grown, "adapter"))
			if tc.base != nil {
				tc.base(t, base)
			}
			if tc.adapter != nil {
				tc.adapter(t, adapter)
			}
			var m *model.Model
			var err error
			if tc.tokens != nil {
				m, err = model.Open(base, lastToken(tc.tokens...))
			} else {
				m, err = model.OpenAdapted(base, adapter, lastToken())
			}
			if err == nil {
				m.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// withoutTable takes the embeddings out of an adapter, as PEFT saves one with save_embedding_layers=False.
func withoutTable(t *testing.T, dir string) {
	t.Helper()
	rewritten(t, filepath.Join(dir, lora.WeightsName), func(entries []safetensors.Entry) []safetensors.Entry {
		return slices.DeleteFunc(entries, func(e safetensors.Entry) bool { return strings.Contains(e.Name, "embed_tokens") })
	})
}

// rewritten writes a file of tensors anew, changed.
func rewritten(t *testing.T, path string, change func([]safetensors.Entry) []safetensors.Entry) {
	t.Helper()
	raw, err := os.ReadFile(path)
	mustBe(t, err)
	f, err := safetensors.Parse(raw, path)
	mustBe(t, err)
	var entries []safetensors.Entry
	for _, tensor := range f.Tensors() {
		entries = append(entries, safetensors.Copy(tensor))
	}
	entries = change(entries)
	mustBe(t, into(filepath.Dir(path))(filepath.Base(path), func(w io.Writer) error { return safetensors.Write(w, entries, nil) }))
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	into := filepath.Join(t.TempDir(), filepath.Base(dir))
	mustBe(t, os.CopyFS(into, os.DirFS(dir)))
	return into
}

func edit(t *testing.T, path, old, with string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	mustBe(t, err)
	if !strings.Contains(string(raw), old) {
		t.Fatalf("%s has no %s", path, old)
	}
	mustBe(t, os.WriteFile(path, []byte(strings.Replace(string(raw), old, with, 1)), 0o600))
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	mustBe(t, os.Remove(filepath.Join(dir, name)))
}

func mustBe(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
