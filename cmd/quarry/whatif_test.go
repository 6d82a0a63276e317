package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
)

func (p project) whatIfOptions(t *testing.T) MineOptions {
	t.Helper()
	o := p.mineOptions()
	o.Save, o.Depth = p.path("train.cand"), 25
	p.mine(t, o)
	p.write(t, "last.jsonl", p.read(t, "mined.jsonl"))
	return MineOptions{Rank: RankOptions{Data: o.Rank.Data}, Window: o.Window, Mine: o.Mine, Candidates: o.Save, WhatIf: WhatIfOptions{Run: true}}
}

// TestWhatIf: the setting that was mined overlaps the last round wholly, and the grid is in the order of its lists.
func TestWhatIf(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.whatIfOptions(t)
	o.Last, o.Window = p.path("last.jsonl"), "2-200" // beyond the candidates, and not asked for
	o.WhatIf.Windows, o.WhatIf.Margins, o.WhatIf.HubLimits = []string{"1-12", "0-25", "1-12"}, []string{"none", "0", "0.0", "none"}, []string{"none", "6", "6"}
	o.WhatIf.Judgments = p.path("train.jsonl") // known already: none of them is a negative
	h := newTestHost()
	mustBe(t, runMine(t.Context(), o, h.host))
	table := lines(h.out.String())
	if len(table) != 9 || strings.Join(strings.Fields(table[0]), " ") != "window margin hub limit survivors negatives short filler gap as last round judged positive" {
		t.Fatalf("table:\n%s", h.out.String())
	}
	if first := strings.Fields(table[1]); first[0] != "1-12" || first[1] != "none" || first[2] != "none" || first[4] != "4.0" || first[8] != "100.0%" || first[9] != "0.00%" {
		t.Errorf("first setting: %s", table[1])
	}
	if last := strings.Fields(table[8]); last[0] != "0-25" || last[1] != "0" || last[2] != "6" {
		t.Errorf("last setting: %s", table[8])
	}
	o.JSON, o.WhatIf.HubLimits = true, nil
	h = newTestHost()
	mustBe(t, runMine(t.Context(), o, h.host))
	var printed struct {
		Schema   int
		Rules    []string
		Settings []supposed
	}
	mustBe(t, json.Unmarshal(h.out.Bytes(), &printed))
	if s := printed.Settings; len(s) != 4 || s[1].Margin == nil || s[0].Margin != nil || s[0].Queries != 30 || *s[0].Overlap != 1 || strings.Join(printed.Rules, ", ") != "positive, excluded, repeated_text, sampling uniform" {
		t.Errorf("as JSON: %s", h.out.String())
	}
}

// TestWhatIfTakesTheFlagsPlace: the default window has no part where the grid has windows, and neither what it holds nor quotas are held
// against it.
func TestWhatIfTakesTheFlagsPlace(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	for name, change := range map[string]func(*MineOptions){
		"more than the default holds": func(o *MineOptions) { o.Window, o.Mine.Negatives, o.WhatIf.Windows = "1-3", 20, []string{"0-25"} },
		"quotas of another window": func(o *MineOptions) {
			o.Window, o.Quotas, o.WhatIf.Windows = "2-12", []string{"0-2:1"}, []string{"0-12"}
		},
	} {
		o, h := p.whatIfOptions(t), newTestHost()
		change(&o)
		if err := runMine(t.Context(), o, h.host); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhatIfTellsWhatRulesKeepOut: of each query the best of the window answers too, which nobody told mining.
func TestWhatIfTellsWhatRulesKeepOut(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.whatIfOptions(t)
	_, all, err := candidates.ReadAll(strings.NewReader(p.read(t, "train.cand")), "train.cand")
	mustBe(t, err)
	var further strings.Builder
	hidden, margin := 0, 0 // in the window; of these above the positive
	for i, line := range lines(p.read(t, "train.jsonl")) {
		c := all[i]
		best := c.Hits[1]
		if best.Passage == c.Positives[0].Passage {
			best = c.Hits[2]
		}
		hidden++
		if best.Score > c.Positives[0].Score {
			margin++
		}
		fmt.Fprintln(&further, strings.Replace(line, `"positive_ids":[`, fmt.Sprintf(`"positive_ids":["p%02d",`, best.Passage), 1))
	}
	if margin == 0 || margin == hidden {
		t.Fatalf("%d of %d are above the positive: the case tells nothing", margin, hidden)
	}
	o.WhatIf.Judgments = p.write(t, "further.jsonl", further.String())
	o.WhatIf.Margins, o.JSON = []string{"none", "0"}, true
	h := newTestHost()
	mustBe(t, runMine(t.Context(), o, h.host))
	var printed struct{ Settings []supposed }
	mustBe(t, json.Unmarshal(h.out.Bytes(), &printed))
	for i, want := range []mine.Judged{{Candidates: hidden, Eligible: hidden}, {Candidates: hidden, Dropped: mine.Dropped{Margin: margin}, Eligible: hidden - margin}} {
		got := *printed.Settings[i].Judged
		want.Negatives = got.Negatives // drawn
		if got != want || got.Negatives > got.Eligible || *printed.Settings[i].KeptOut != float64(want.Dropped.Margin)/float64(hidden) {
			t.Errorf("setting %d: %+v, want %+v, and kept out %v", i, got, want, *printed.Settings[i].KeptOut)
		}
	}
	o.JSON = false
	h = newTestHost()
	mustBe(t, runMine(t.Context(), o, h.host))
	if table := lines(h.out.String()); !strings.HasSuffix(strings.TrimSpace(table[0]), "judged positive  kept out") || !strings.HasSuffix(strings.TrimSpace(table[1]), " 0.0%") {
		t.Errorf("table:\n%s", h.out.String())
	}
}

// gridProject is twelve passages and three queries whose candidates are written by hand: passage i of query k scores an
// eighth less than the one before it, from passage 4k on. A query is answered by the third, and the fourth says nearly the same.
func gridProject(t *testing.T) (p project, o MineOptions) {
	t.Helper()
	p = project(t.TempDir())
	var passages, asked strings.Builder
	for i := range 12 {
		text := fmt.Sprintf("the %s fraction is written over a whole number", []string{"first", "second", "other", "others", "fifth", "sixth", "last", "lasts", "ninth", "tenth", "least", "leasts"}[i])
		fmt.Fprintf(&passages, "{\"id\":\"p%02d\",\"text\":%q}\n", i, text)
	}
	for k := range 3 {
		fmt.Fprintf(&asked, "{\"id\":\"q%d\",\"query\":\"what is question %d?\",\"positive_ids\":[\"p%02d\"]}\n", k, k, 4*k+2)
	}
	o = MineOptions{Window: "0-9", Mine: mine.DefaultOptions(), Candidates: p.path("hand.cand"), WhatIf: WhatIfOptions{Run: true}}
	o.Rank.Data = DataOptions{Corpus: p.write(t, "corpus.jsonl", passages.String()), Queries: p.write(t, "train.jsonl", asked.String())}
	o.Mine.Negatives, o.Mine.Sampling = 3, mine.Top
	digest, err := digestInput(newTestHost().host, "corpus", o.Rank.Data.Corpus)
	mustBe(t, err)
	var file bytes.Buffer
	w, err := candidates.NewWriter(&file, candidates.Header{Source: dense, Depth: 12, Queries: 3, Passages: 12, CorpusDigest: digest})
	mustBe(t, err)
	for k := range 3 {
		c := ranking.Candidates{Query: fmt.Sprintf("q%d", k), Positives: []ranking.Positive{{Passage: int32(4*k + 2), Rank: 2, Score: 0.75}}}
		for i := range 12 {
			c.Hits = append(c.Hits, ranking.Hit{Passage: int32((4*k + i) % 12), Score: 1 - float32(i)/8})
		}
		mustBe(t, w.Write(c))
	}
	mustBe(t, w.Close())
	p.write(t, "hand.cand", file.String())
	return p, o
}

// TestWhatIfGrid: every axis by itself, as the table has it, and a tighter value of it never leaves more.
func TestWhatIfGrid(t *testing.T) {
	p, base := gridProject(t)
	base.WhatIf.Judgments = p.write(t, "further.jsonl", `{"id":"q0","query":"what is question 0?","positive_ids":["p01","p02"]}`)
	var all strings.Builder
	for _, axis := range []struct {
		name string
		set  func(*WhatIfOptions)
	}{
		{"windows", func(o *WhatIfOptions) { o.Windows = []string{"0-9", "3-9", "4-8"} }},
		{"near texts", func(o *WhatIfOptions) { o.NearTexts = []string{"none", "0.8", "0.6"} }},
		{"margins", func(o *WhatIfOptions) { o.Margins = []string{"none", "0", "0.25"} }},
		{"relative margins", func(o *WhatIfOptions) { o.RelativeMargins = []string{"none", "0", "0.5"} }},
		{"shares of positive", func(o *WhatIfOptions) { o.SharesOfPositive = []string{"none", "1", "0.75"} }},
		{"greatest scores", func(o *WhatIfOptions) { o.MaxScores = []string{"none", "0.8", "0.5"} }},
		{"least scores", func(o *WhatIfOptions) { o.MinScores = []string{"none", "0.25", "0.8"} }},
		{"hub limits", func(o *WhatIfOptions) { o.HubLimits = []string{"none", "2", "1"} }},
		{"shares and least scores", func(o *WhatIfOptions) {
			o.SharesOfPositive, o.MinScores = []string{"1", "0.75"}, []string{"none", "0.25"}
		}},
	} {
		o := base
		axis.set(&o.WhatIf)
		h := newTestHost()
		mustBe(t, runMine(t.Context(), o, h.host))
		fmt.Fprintf(&all, "%s\n%s\n", axis.name, h.out.String())
		o.JSON = true
		h = newTestHost()
		mustBe(t, runMine(t.Context(), o, h.host))
		var printed struct{ Settings []supposed }
		mustBe(t, json.Unmarshal(h.out.Bytes(), &printed))
		for i, s := range printed.Settings[1:] {
			if before := printed.Settings[i]; s.Survivors > before.Survivors && axis.name != "shares and least scores" {
				t.Errorf("%s: a tighter value leaves %v candidates, the one before %v", axis.name, s.Survivors, before.Survivors)
			}
		}
	}
	golden.Check(t, filepath.Join("testdata", "what-if.txt"), []byte(all.String()))
}

func TestWhatIfRefuses(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	base := p.whatIfOptions(t)
	for _, tc := range []struct {
		name, want string
		change     func(*MineOptions)
	}{
		{"without candidates", "--candidates is needed: --what-if asks stored candidates", func(o *MineOptions) {
			o.Candidates, o.Rank = "", p.rank("train.jsonl")
		}},
		{"a value beside its list", "--margin has no part beside --margins", func(o *MineOptions) {
			o.Rank.Texts.set, o.WhatIf.Margins = set{"margin": true, "margins": true}, []string{"none", "0"}
		}},
		{"an empty list", "--windows: the list is empty", func(o *MineOptions) { o.Rank.Texts.set = set{"windows": true} }},
		{"with an output", "--output has no part beside --what-if", func(o *MineOptions) { o.Rank.Texts.set = set{"output": true} }},
		{"a grid for nothing", "--windows has no part without --what-if", func(o *MineOptions) {
			o.WhatIf.Run, o.Output, o.Rank.Texts.set = false, p.path("x"), set{"windows": true}
		}},
		{"a window", "--windows: window", func(o *MineOptions) { o.WhatIf.Windows = []string{"5"} }},
		{"a margin", `--margins: "wide" is neither a number nor none`, func(o *MineOptions) { o.WhatIf.Margins = []string{"wide"} }},
		{"a share", `--shares-of-positive: "most" is neither a number nor none`, func(o *MineOptions) { o.WhatIf.SharesOfPositive = []string{"most"} }},
		{"shares for nothing", "--shares-of-positive has no part without --what-if", func(o *MineOptions) {
			o.WhatIf.Run, o.Output, o.Rank.Texts.set = false, p.path("x"), set{"shares-of-positive": true}
		}},
		{"a similarity", "near_text: 1.5 is not a similarity", func(o *MineOptions) { o.WhatIf.NearTexts = []string{"1.5"} }},
		{"least above greatest", "min_score 0.5 is above max_score 0.4", func(o *MineOptions) {
			o.WhatIf.MaxScores, o.WhatIf.MinScores = []string{"0.4"}, []string{"0.5"}
		}},
		{"a hub limit", `--hub-limits: "0" is neither`, func(o *MineOptions) { o.WhatIf.HubLimits = []string{"0"} }},
		{"too deep", "--what-if: the window 0-26 needs a depth of 26, but 25 hits", func(o *MineOptions) { o.WhatIf.Windows = []string{"0-26"} }},
		{"too few ranks", "negatives: 4 a query do not fit into the window 0-3", func(o *MineOptions) { o.WhatIf.Windows = []string{"0-3"} }},
		{"judgments of others", "no query has the text of one that is mined", func(o *MineOptions) {
			o.WhatIf.Judgments = p.write(t, "others.jsonl", `{"query":"nobody asks this","positive_ids":["p01"]}`)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := base
			tc.change(&o)
			refused(t, runMine(t.Context(), o, newTestHost().host), tc.want)
		})
	}
	unread := base
	unread.Candidates, unread.WhatIf.Windows = p.path("nowhere.cand"), []string{"0-9", "0-3"}
	refused(t, runMine(t.Context(), unread, newTestHost().host), "negatives: 4 a query do not fit into the window 0-3")
	base.Mine.Sampling = mine.ByScore
	refused(t, runMine(t.Context(), base, newTestHost().host), "needs a sampling_temperature")
}
