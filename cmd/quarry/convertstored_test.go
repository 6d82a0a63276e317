package main

import (
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/lexical"
)

// fusedCandidates are stored candidates of a model and words, to so many passages a query.
func (p project) fusedCandidates(t *testing.T) {
	t.Helper()
	o := p.mineOptions()
	o.Sources.Names, o.Sources.Fuse, o.Sources.BM25 = []string{dense, bm25}, fuse.DefaultOptions(), lexical.DefaultOptions()
	o.Depth, o.Save = 14, p.path("fused.cand")
	p.mine(t, o)
}

// TestConvertStoredCandidates: stored candidates become the run that a search writes, by what they are in or by one of their sources.
func TestConvertStoredCandidates(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.fusedCandidates(t)
	search := []string{"search", "--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl"), "--depth", "14", "--tag", "x", "--output", p.path("want.trec")}
	for name, tc := range map[string]struct{ search, convert []string }{
		"all":   {[]string{"--source", "dense", "--source", "bm25", "--model", p.path("model")}, nil},
		"dense": {[]string{"--model", p.path("model")}, []string{"--source", "dense"}},
		"words": {[]string{"--source", "bm25"}, []string{"--source", "bm25", "--from", "candidates"}},
	} {
		h := newTestHost()
		if code := h.run(t, append(search, tc.search...)...); code != exitDone {
			t.Fatalf("%s: exit code %d\n%s", name, code, h.err.String())
		}
		words := append([]string{"convert", "--input", p.path("fused.cand"), "--corpus", p.path("corpus.jsonl"), "--to", "trec-run", "--name", "x", "--out", p.path("got.trec.gz"), "--force"}, tc.convert...)
		if code := h.run(t, words...); code != exitDone || !strings.Contains(h.err.String(), "lost: scores and ranks of positives behind the last hit") {
			t.Fatalf("%s: exit code %d\n%s", name, code, h.err.String())
		}
		got, packing := p.readUnpacked(t, "got.trec.gz")
		if got != p.read(t, "want.trec") || packing != "gzip" {
			t.Errorf("%s: another run than that of a search (packed with %q)", name, packing)
		}
	}
	p.write(t, "other.jsonl", p.read(t, "corpus.jsonl")+"\n")
	for _, tc := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--to", "trec-run"}, "--corpus is needed: candidates hold places of passages"},
		{[]string{"--to", "trec-run", "--corpus", p.path("other.jsonl")}, "they are of another corpus"},
		{[]string{"--to", "beir-run", "--corpus", p.path("corpus.jsonl"), "--source", "fused"}, `the file holds rankings of dense, bm25, not of "fused"`},
		{[]string{"--to", "triplet", "--corpus", p.path("corpus.jsonl")}, "candidates cannot become triplet"},
		{[]string{"--to", "trec-run", "--corpus", p.path("corpus.jsonl"), "--queries", "q"}, "have no part in converting candidates"},
		{[]string{"--to", "trec-run", "--corpus", p.path("corpus.jsonl"), "--lossless"}, "--lossless: trec-run does not hold all of it"},
	} {
		h := newTestHost()
		words := append([]string{"convert", "--input", p.path("fused.cand"), "--out", p.path("refused.trec")}, tc.flags...)
		if code := h.run(t, words...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
			t.Errorf("%v: exit code %d, want %s\n%s", tc.flags, code, tc.want, h.err.String())
		}
	}
}
