package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/mine"
)

// twins adds every passage to the corpus again, under another id, and every third once more as a title; the queries are asked again, too,
// each with another passage for a positive.
func (p project) twins(t *testing.T) {
	t.Helper()
	var passages, queries []string
	texts := lines(p.read(t, "corpus.jsonl"))
	for i, line := range texts {
		var passage struct{ ID, Text string }
		mustBe(t, json.Unmarshal([]byte(line), &passage))
		first, rest, _ := strings.Cut(passage.Text, " ")
		passages = append(passages, fmt.Sprintf(`{"id":"z%02d","text":" %s "}`, i, passage.Text), line)
		if i%3 == 0 {
			passages = append(passages, fmt.Sprintf(`{"id":"a%02d","title":%q,"text":%q}`, i, first, rest))
		}
	}
	for i, line := range lines(p.read(t, "train.jsonl")) {
		queries = append(queries, line)
		if i%2 == 0 {
			var query struct{ Query string }
			mustBe(t, json.Unmarshal([]byte(line), &query))
			queries = append(queries, fmt.Sprintf(`{"id":"again%d","query":" %s","positive_ids":["z%02d"]}`, i, query.Query, (i+11)%30))
		}
	}
	p.write(t, "corpus.jsonl", strings.Join(passages, "\n"))
	p.write(t, "train.jsonl", strings.Join(queries, "\n"))
}

// TestMineOfTwins: whatever is mined and however, no text of a positive is a negative of any row of its query's text, and no text is
// twice in a row.
func TestMineOfTwins(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.twins(t)
	number := func(x float64) *float64 { return &x }
	save := p.mineOptions()
	save.Window, save.Depth, save.Save, save.Mine.Sampling = "0-70", 70, p.path("twins.cand"), mine.Top
	save.Mine.Negatives = 30
	h, rows := p.mine(t, save)
	if !strings.Contains(h.err.String(), "excluded, repeated_text, sampling top") || !strings.Contains(h.err.String(), "repeated_text ") {
		t.Errorf("the rule and what it dropped are not told:\n%s", h.err.String())
	}
	if n := len(rows[0].Neg()); n < 25 { // of 30 texts, those of one or two positives and their rows aside
		t.Errorf("%d negatives, want each text that is no answer", n)
	}
	for name, change := range map[string]func(*MineOptions){
		"top":       func(o *MineOptions) { o.Mine.Sampling = mine.Top },
		"uniform":   func(o *MineOptions) {},
		"survivors": func(o *MineOptions) { o.Mine.Survivors, o.Window = true, "2-12" },
		"margin":    func(o *MineOptions) { o.Mine.Margin = number(-0.5) },
		"each":      func(o *MineOptions) { o.Mine.Reference, o.Mine.Margin = mine.Each, number(0) },
		"random":    func(o *MineOptions) { o.Mine.Random = 0.5 },
		"all random": func(o *MineOptions) {
			o.Mine.Random = 1
		},
		"hub limit": func(o *MineOptions) { o.Mine.HubLimit = 20 },
		"kept":      func(o *MineOptions) { o.Mine.Kept, o.Last = 0.5, save.Output },
		"bands":     func(o *MineOptions) { o.Quotas = []string{"1-20:4", "20-40:4"} },
		"near text": func(o *MineOptions) { o.Mine.NearText = number(0.9) },
	} {
		t.Run(name, func(t *testing.T) {
			o := p.mineOptions()
			o.Rank.Model, o.Candidates, o.Depth = ModelOptions{}, save.Save, 0
			o.Window, o.Mine.Negatives, o.Mine.Sampling, o.Output = "1-40", 8, mine.Uniform, p.path("of-twins.jsonl")
			change(&o)
			_, rows := p.mine(t, o)
			answers := map[string][]string{}
			for _, row := range rows {
				text := corpus.Strip(row.Query())
				for _, pos := range row.Pos() {
					answers[text] = append(answers[text], corpus.Strip(pos))
				}
			}
			negatives := 0
			for i, row := range rows {
				seen := answers[corpus.Strip(row.Query())]
				for _, negative := range row.Neg() {
					if negatives++; slices.Contains(seen, corpus.Strip(negative)) {
						t.Errorf("row %d: %q answers the query or stands twice", i, negative)
					}
					seen = append(seen[:len(seen):len(seen)], corpus.Strip(negative))
				}
			}
			if negatives < 2*len(rows) {
				t.Errorf("%d negatives of %d rows", negatives, len(rows))
			}
		})
	}
	ask := p.mineOptions()
	ask.Rank.Model, ask.Candidates, ask.Depth, ask.Output, ask.JSON = ModelOptions{}, save.Save, 0, "", true
	ask.WhatIf.Run, ask.WhatIf.Windows = true, []string{"0-20", "2-20"}
	told := newTestHost()
	mustBe(t, runMine(t.Context(), ask, told.host))
	if counts := strings.Count(told.out.String(), `"repeated_text": `); counts != 2 || !strings.Contains(told.out.String(), `"repeated_text"`+",\n") {
		t.Errorf("--what-if tells %d times what the rule drops:\n%s", counts, told.out.String())
	}
}
