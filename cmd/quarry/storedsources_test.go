package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestMineByStoredSources: stored candidates of several sources are mined by one of them, or fused anew, to the bytes that a mining by
// just these sources writes.
func TestMineByStoredSources(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.fusedCandidates(t)
	run := func(words ...string) string {
		t.Helper()
		h := newTestHost()
		if code := h.run(t, words...); code != exitDone {
			t.Fatalf("%s: exit code %d\n%s", strings.Join(words, " "), code, h.err.String())
		}
		return h.out.String()
	}
	data := []string{"--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl"), "--window", "1-12", "--negatives", "4"}
	mine := func(words ...string) []string { return append(append([]string{"mine"}, data...), words...) }
	for name, flags := range map[string][]string{
		"dense":            {"--source", "dense", "--margin", "0"},
		"words":            {"--source", "bm25", "--relative-margin", "0.05"},
		"weighted":         {"--source", "dense", "--source", "bm25", "--fuse", "weighted", "--fuse-weights", "3,1", "--margin", "0"},
		"the other way":    {"--source", "bm25", "--source", "dense", "--fuse-weights", "1,0.5"},
		"another constant": {"--source", "dense", "--source", "bm25", "--fuse-constant", "5"},
	} {
		t.Run(name, func(t *testing.T) {
			flags := append(flags, "--output", p.path("mined.jsonl"), "--provenance", p.path("side.jsonl"))
			fresh := append(mine(flags...), "--depth", "14")
			if name != "words" {
				fresh = append(fresh, "--model", p.path("model"))
			}
			run(fresh...)
			want, wantSide := p.read(t, "mined.jsonl"), p.read(t, "side.jsonl")
			run(append(mine(flags...), "--candidates", p.path("fused.cand"))...)
			if p.read(t, "mined.jsonl") != want {
				t.Error("other rows than those of a mining by these sources")
			}
			if p.read(t, "side.jsonl") != wantSide {
				t.Error("another provenance than that of a mining by these sources")
			}
		})
	}
	run(mine("--candidates", p.path("fused.cand"), "--fuse", "weighted", "--margin", "0", "--output", p.path("all.jsonl"))...)
	run(mine("--candidates", p.path("fused.cand"), "--source", "dense", "--source", "bm25", "--fuse", "weighted", "--margin", "0", "--output", p.path("named.jsonl"))...)
	if p.read(t, "all.jsonl") != p.read(t, "named.jsonl") {
		t.Error("a fusion without --source is not of all sources")
	}
	var table struct{ Settings []supposed }
	mustBe(t, json.Unmarshal([]byte(run("mine", "--what-if", "--candidates", p.path("fused.cand"), "--source", "dense", "--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl"),
		"--window", "1-12", "--negatives", "4", "--margins", "none,0", "--json")), &table))
	if len(table.Settings) != 2 || table.Settings[0].Gap == nil || table.Settings[1].Survivors >= table.Settings[0].Survivors {
		t.Errorf("the settings %+v", table.Settings)
	}
	for _, tc := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--margin", "0"}, "mine by one of its sources (--source dense), or fuse their scores (--fuse weighted)"},
		{[]string{"--source", "dense", "--source", "bm25", "--margin", "0"}, "--margin compares scores, and reciprocal ranks are none"},
		{[]string{"--source", "run:other.trec"}, `the file holds rankings of dense, bm25, not of "run:other.trec"; rank again for another`},
		{[]string{"--source", "bm25", "--fuse", "weighted"}, "have no part in one source"},
		{[]string{"--source", "bm25", "--source", "bm25"}, "--source bm25 is named twice"},
		{[]string{"--fuse-weights", "1,2,3"}, "3 weights"},
	} {
		h := newTestHost()
		words := append(mine(tc.flags...), "--candidates", p.path("fused.cand"), "--output", p.path("refused.jsonl"))
		if code := h.run(t, words...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
			t.Errorf("%v: exit code %d, want %s\n%s", tc.flags, code, tc.want, h.err.String())
		}
	}
}

// TestReplayWarnsOnce: what is odd about a corpus is told when it is ranked, not whenever it is mined again.
func TestReplayWarnsOnce(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.twins(t)
	save := p.mineOptions()
	save.Save = p.path("twins.cand")
	first, _ := p.mine(t, save)
	stored := p.mineOptions()
	stored.Rank.Model, stored.Candidates = ModelOptions{}, p.path("twins.cand")
	again, _ := p.mine(t, stored)
	const warning = "warning: " // of passages of equal text
	if !strings.Contains(first.err.String(), warning) || strings.Contains(again.err.String(), warning+p.path("corpus.jsonl")) {
		t.Errorf("when ranked:\n%s\nwhen mined again:\n%s", first.err.String(), again.err.String())
	}
}
