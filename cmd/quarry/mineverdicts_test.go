package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/review"
)

// said writes verdicts.jsonl.
func (p project) said(t *testing.T, all ...verdicts.Verdict) string {
	t.Helper()
	var file strings.Builder
	for _, v := range all {
		line, err := v.Line()
		mustBe(t, err)
		file.WriteString(line + "\n")
	}
	return p.write(t, "verdicts.jsonl", file.String())
}

// of is a verdict on a negative of a mined row.
func of(t *testing.T, kind verdicts.Kind, row *flagembedding.Row, negative int) verdicts.Verdict {
	t.Helper()
	raw, _ := row.Get(provenance.Key)
	var from provenance.Row
	mustBe(t, json.Unmarshal(raw, &from))
	return verdicts.Verdict{Verdict: kind, Query: from.Key, QueryText: row.Query(), Passage: from.Negatives[negative].ID, PassageText: row.Neg()[negative]}
}

func TestMineByVerdicts(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	o.Save = p.path("train.cand")
	_, rows := p.mine(t, o)
	plain := p.read(t, "mined.jsonl")
	drop, promote, keep := of(t, verdicts.Drop, rows[0], 1), of(t, verdicts.Promote, rows[1], 0), of(t, verdicts.Keep, rows[2], 0)
	stale := drop
	stale.QueryText = "a query of long ago"
	o.Verdicts, o.Provenance, o.JSON, o.Save = p.said(t, drop, promote, keep, stale), p.path("side.jsonl"), true, p.path("judged.cand")
	h, judged := p.mine(t, o)

	if slices.Contains(judged[0].Neg(), drop.PassageText) || slices.Contains(judged[1].Neg(), promote.PassageText) || !slices.Contains(judged[1].Pos(), promote.PassageText) {
		t.Errorf("rows of a drop and a promotion:\n%v\n%v", judged[0], judged[1])
	}
	for i, row := range judged {
		if i > 1 && !slices.Equal(row.Neg(), rows[i].Neg()) {
			t.Errorf("row %d, of which nothing was said, has other negatives", i)
		}
	}
	for _, want := range []string{"verdicts of " + o.Verdicts + `: 2 drop, 1 promote, 1 keep; 1 of them judge nothing`, `drop: no query has the text of query "t0" ("a query of long ago")`, "excluded, verdict, repeated_text, sampling", "verdict 1"} {
		if !strings.Contains(h.err.String(), want) {
			t.Errorf("no %q in\n%s", want, h.err.String())
		}
	}
	var printed struct {
		Verdicts review.Counts
		Rules    []string
	}
	mustBe(t, json.Unmarshal(h.out.Bytes(), &printed))
	if printed.Verdicts != (review.Counts{Drop: 2, Promote: 1, Keep: 1, Stale: 1}) || !slices.Contains(printed.Rules, "verdict") {
		t.Errorf("as JSON: %+v", printed)
	}
	if side := p.read(t, "side.jsonl"); strings.Count(side, `"trail":["window 1-12","positive","excluded","verdict"`) != 120 || !strings.Contains(side, `"verdict":1`) {
		t.Errorf("the trails do not have the rule in\n%.600s", side)
	}

	t.Run("replayed from candidates that know nothing of them", func(t *testing.T) {
		want := p.read(t, "mined.jsonl")
		for _, stored := range []string{"train.cand", "judged.cand"} {
			replay := p.mineOptions()
			replay.Rank.Model.Model, replay.Candidates, replay.Verdicts = "", p.path(stored), o.Verdicts
			p.mine(t, replay)
			if p.read(t, "mined.jsonl") != want {
				t.Errorf("%s: other rows than those that were ranked by verdicts", stored)
			}
		}
	})
	t.Run("taken back", func(t *testing.T) {
		drop.Verdict, promote.Verdict = verdicts.Open, verdicts.Open
		before := lines(p.read(t, "verdicts.jsonl"))
		more := p.said(t, drop, promote)
		p.write(t, "verdicts.jsonl", strings.Join(before, "\n")+"\n"+p.read(t, "verdicts.jsonl"))
		again := p.mineOptions()
		again.Verdicts = more
		p.mine(t, again)
		if p.read(t, "mined.jsonl") != plain {
			t.Error("other rows than without verdicts")
		}
		replay := p.mineOptions()
		replay.Rank.Model.Model, replay.Candidates = "", p.path("judged.cand")
		err := runMine(t.Context(), replay, newTestHost().host)
		if err == nil || !strings.Contains(err.Error(), "or give the --verdicts that promoted some") {
			t.Errorf("candidates with a positive too many: %v", err)
		}
	})
	t.Run("a line that is none", func(t *testing.T) {
		bad := p.mineOptions()
		bad.Verdicts = p.write(t, "bad.jsonl", "{}\n")
		if err := runMine(t.Context(), bad, newTestHost().host); err == nil || !strings.Contains(err.Error(), `bad.jsonl:1: the line has no "version"`) {
			t.Errorf("got %v", err)
		}
	})
}
