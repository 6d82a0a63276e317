package recipe_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/prompt"
	"github.com/quarry-ml/quarry/recipe"
)

// Every key of a source arrives where it belongs, and what rounds and sets say of sources holds for them alone.
func TestSourcesAreRead(t *testing.T) {
	r, err := recipe.Load(filepath.Join("testdata", "sources.good.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	query, passage, suffix := prompt.Template("query: "), prompt.Template(""), prompt.Template("\n")
	want := []recipe.Source{
		{Kind: "dense"}, {Kind: "bm25"},
		{Kind: "model", Model: beside("e5"), MaxLength: 64, QueryMaxLength: 32, PassageMaxLength: 48, QueryPrompt: &query, QuerySuffix: &suffix, PassagePrompt: &passage, Pooling: "mean", Normalize: ptr(true), TruncateDim: 16},
		{Kind: "run", Run: beside("given.trec")},
		{Kind: "vectors", CorpusVectors: beside("c.npy"), TrainVectors: beside("t.npy"), DevVectors: beside("d.npy"), CorpusIDs: beside("c.ids"), TrainIDs: beside("t.ids"), DevIDs: beside("d.ids")},
	}
	if diff := cmp.Diff(want, r.Round(0).Mine.Ranks()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if o := r.Round(0).Mine.FuseOptions(); o.String() != "rrf 0, weights [1 0.5 1 2 1]" {
		t.Errorf("fused by %s", o)
	}
	ranks := func(m recipe.Mine) (names []string) {
		names = append(names, m.Source)
		for _, s := range m.Ranks() {
			names = append(names, s.Name())
		}
		return names
	}
	whole := []string{"fused", "dense", "bm25", "model:e5", "run:given.trec", "vectors:c.npy"}
	for i, names := range [][]string{whole, {"dense", "dense"}, {"run", "run:/other.trec"}, {"fused", "dense", "bm25"}, {"dense", "dense"}, whole} {
		if diff := cmp.Diff(names, ranks(r.Round(i).Mine)); diff != "" {
			t.Errorf("round %d (-want +got):\n%s", i, diff)
		}
		if embeds := r.Round(i).Mine.Embeds(); embeds != slices.Contains(names[1:], "dense") {
			t.Errorf("round %d embeds: %v", i, embeds)
		}
		for set, names := range [][]string{{"run", "run:own.trec"}, {"bm25", "bm25"}} {
			if diff := cmp.Diff(names, ranks(r.Round(i).SetMine(set))); diff != "" {
				t.Errorf("round %d, set %d (-want +got):\n%s", i, set, diff)
			}
		}
	}
	if own := r.Round(0).SetMine(0).Sources[0].Run; own != beside("own.trec") {
		t.Errorf("the set's run is %+v", own)
	}
	*r.Rounds[0].Mine.Sources[2].Normalize = false
	if !*r.Rounds[5].Mine.Sources[2].Normalize {
		t.Error("rounds share a source")
	}
}

// A list that a word alone says is that word: what was done by it stays done.
func TestSourcesThatAWordSays(t *testing.T) {
	for list, want := range map[string]string{"[dense]": "dense", "[bm25]": "bm25", "[{kind: dense}, bm25]": "fused"} {
		text := "model: m\ndata: {corpus: c, train: t, dev: d}\nmine: {%s}\n"
		r, err := recipe.Parse(fmt.Appendf(nil, text, "sources: "+list), "recipe.yaml")
		if err != nil {
			t.Fatal(err)
		}
		word, err := recipe.Parse(fmt.Appendf(nil, text, "source: "+want), "recipe.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(word.Rounds, r.Rounds); diff != "" {
			t.Errorf("%s (-word +list):\n%s", list, diff)
		}
	}
	other, err := recipe.Parse([]byte("model: m\ndata: {corpus: c, train: t, dev: d}\nmine: {sources: [bm25, dense]}\n"), "recipe.yaml")
	if err != nil || len(other.Round(0).Mine.Sources) != 2 {
		t.Errorf("another order: %v, %v", other, err)
	}
}

// The models of sources are found where models lie, a round's and a set's own too.
func TestLocateSources(t *testing.T) {
	const text = `model: a
data: {corpus: c, train: t, dev: d, sets: [{name: s, train: s.jsonl, mine: {sources: [{kind: model, model: b}, bm25]}}]}
mine: {sources: [dense, {kind: model, model: e}]}
`
	r, err := recipe.Parse([]byte(text), "recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	find := func(p recipe.Path) (recipe.Path, error) {
		return recipe.Path{Written: p.Written, File: "/cache/" + p.Written}, nil
	}
	if err := r.Locate(find); err != nil {
		t.Fatal(err)
	}
	if own, set := r.Round(0).Mine.Sources[1].Model.File, r.Round(0).SetMine(0).Sources[0].Model.File; own != "/cache/e" || set != "/cache/b" {
		t.Errorf("found %s and %s", own, set)
	}
	for missing, want := range map[string]string{"e": "recipe.yaml:3: mine.sources: not here", "b": "recipe.yaml:2: data.sets[0].mine.sources: not here"} {
		err := r.Locate(func(p recipe.Path) (recipe.Path, error) {
			if p.Written == missing {
				return p, fmt.Errorf("not here")
			}
			return p, nil
		})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", missing, err, want)
		}
	}
}
