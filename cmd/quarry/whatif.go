package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
)

// WhatIfOptions are the flags of quarry mine --what-if.
type WhatIfOptions struct {
	Run              bool
	Windows          []string
	NearTexts        []string
	Margins          []string
	RelativeMargins  []string
	SharesOfPositive []string
	MaxScores        []string
	MinScores        []string
	TeacherMargins   []string
	HubLimits        []string
	Judgments        string
}

func (o *WhatIfOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.Run, "what-if", false, "mine nothing: tell what each setting of a grid would mine from --candidates")
	f.StringSliceVar(&o.Windows, "windows", nil, "with --what-if: windows of the grid, such as 0-50,2-200")
	f.StringSliceVar(&o.NearTexts, "near-texts", nil, "with --what-if: least similarities to a positive's text or the query's of the grid, such as none,0.8")
	f.StringSliceVar(&o.Margins, "margins", nil, "with --what-if: margins of the grid, such as none,0,0.05")
	f.StringSliceVar(&o.RelativeMargins, "relative-margins", nil, "with --what-if: relative margins of the grid")
	f.StringSliceVar(&o.SharesOfPositive, "shares-of-positive", nil, "with --what-if: greatest shares of the positive's score of the grid, such as none,0.95")
	f.StringSliceVar(&o.MaxScores, "max-scores", nil, "with --what-if: greatest scores of the grid")
	f.StringSliceVar(&o.MinScores, "min-scores", nil, "with --what-if: least scores of the grid")
	f.StringSliceVar(&o.TeacherMargins, "teacher-margins", nil, "with --what-if and --teacher-scores: teacher margins of the grid")
	f.StringSliceVar(&o.HubLimits, "hub-limits", nil, "with --what-if: hub limits of the grid")
	f.StringVar(&o.Judgments, "judgments", "", "with --what-if: queries `file` with further positives, to count negatives that answer after all")
}

func (o *WhatIfOptions) validate(m *MineOptions) error {
	set := m.Rank.Texts.set
	if !o.Run {
		return set.needs("--what-if", "windows", "near-texts", "margins", "relative-margins", "shares-of-positive", "max-scores", "min-scores", "teacher-margins", "hub-limits", "judgments")
	}
	if m.Candidates == "" {
		return badInputf("--candidates is needed: --what-if asks stored candidates")
	}
	for _, axis := range o.axes() {
		if set[axis.list] && len(axis.values) == 0 {
			return badInputf("--%s: the list is empty", axis.list)
		}
		if set[axis.single] && len(axis.values) > 0 {
			return badInputf("--%s has no part beside --%s, which takes its place", axis.single, axis.list)
		}
	}
	for _, flag := range []string{"output", "provenance", "expect"} {
		if set[flag] {
			return badInputf("--%s has no part beside --what-if, which mines nothing", flag)
		}
	}
	return nil
}

// axis is a list of values, and the flag of a single one that it takes the place of.
type axis struct {
	list, single string
	values       []string
}

func (o *WhatIfOptions) axes() []axis {
	return []axis{
		{"windows", "window", o.Windows}, {"near-texts", "near-text", o.NearTexts}, {"margins", "margin", o.Margins},
		{"relative-margins", "relative-margin", o.RelativeMargins}, {"shares-of-positive", "share-of-positive", o.SharesOfPositive},
		{"max-scores", "max-score", o.MaxScores}, {"min-scores", "min-score", o.MinScores},
		{"teacher-margins", "teacher-margin", o.TeacherMargins}, {"hub-limits", "hub-limit", o.HubLimits},
	}
}

// grid reads the lists of values. One that is named again is asked once.
func (o WhatIfOptions) grid() (mine.Grid, error) {
	var g mine.Grid
	for _, text := range o.Windows {
		w, err := mine.ParseWindow(text)
		if err != nil {
			return g, badInputf("--windows: %w", err)
		}
		if !slices.Contains(g.Windows, w) {
			g.Windows = append(g.Windows, w)
		}
	}
	for _, list := range []struct {
		flag  string
		texts []string
		into  *[]*float64
	}{
		{"near-texts", o.NearTexts, &g.NearTexts}, {"margins", o.Margins, &g.Margins}, {"relative-margins", o.RelativeMargins, &g.RelativeMargins},
		{"shares-of-positive", o.SharesOfPositive, &g.SharesOfPositive}, {"max-scores", o.MaxScores, &g.MaxScores}, {"min-scores", o.MinScores, &g.MinScores},
		{"teacher-margins", o.TeacherMargins, &g.TeacherMargins},
	} {
		for _, text := range list.texts {
			var value *float64
			if text != none {
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					return g, badInputf("--%s: %q is neither a number nor %s", list.flag, text, none)
				}
				value = &v
			}
			again := func(v *float64) bool { return (v == nil) == (value == nil) && (v == nil || *v == *value) }
			if !slices.ContainsFunc(*list.into, again) {
				*list.into = append(*list.into, value)
			}
		}
	}
	for _, text := range o.HubLimits {
		n, err := strconv.Atoi(text)
		if text == none {
			n, err = 0, nil
		} else if err == nil && n < 1 {
			err = fmt.Errorf("not positive")
		}
		if err != nil {
			return g, badInputf("--hub-limits: %q is neither a number of queries nor %s", text, none)
		}
		if !slices.Contains(g.HubLimits, n) {
			g.HubLimits = append(g.HubLimits, n)
		}
	}
	return g, nil
}

// none is the value of a limit that is absent.
const none = "none"

// supposed is one line of the table.
type supposed struct {
	Window          string   `json:"window"`
	NearText        *float64 `json:"near_text,omitempty"`
	Margin          *float64 `json:"margin,omitempty"`
	RelativeMargin  *float64 `json:"relative_margin,omitempty"`
	ShareOfPositive *float64 `json:"share_of_positive,omitempty"`
	MaxScore        *float64 `json:"max_score,omitempty"`
	MinScore        *float64 `json:"min_score,omitempty"`
	TeacherMargin   *float64 `json:"teacher_margin,omitempty"`
	HubLimit        int      `json:"hub_limit,omitempty"`
	mine.Outcome
}

func suppose(o mine.Options, found mine.Outcome) supposed {
	return supposed{
		Window: o.Window.String(), NearText: o.NearText, Margin: o.Margin, RelativeMargin: o.RelativeMargin, ShareOfPositive: o.ShareOfPositive,
		MaxScore: o.MaxScore, MinScore: o.MinScore, TeacherMargin: o.TeacherMargin, HubLimit: o.HubLimit, Outcome: found,
	}
}

// whatIf tells what every setting of the grid would mine.
func (o MineOptions) whatIf(ctx context.Context, h *host, d data, ranked rankedBy, queries []mine.Query) error {
	grid, err := o.WhatIf.grid()
	if err != nil {
		return err
	}
	judged, err := o.WhatIf.judgments(h, o.Rank.Data, d)
	if err != nil {
		return err
	}
	err = ranked.each(ctx, func(query int, c ranking.Candidates) error {
		queries[query].Candidates = c
		return nil
	})
	if err != nil {
		return err
	}
	if o.TeacherScores != "" {
		if err := o.storedScores(ctx, h, d, ranked, queries); err != nil {
			return err
		}
	}
	var table []supposed
	for _, setting := range grid.Options(o.Mine) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := o.deepEnough(d, ranked, setting); err != nil {
			return err
		}
		outcome, err := mine.WhatIf(ctx, setting, ranked.round, d.corpus, queries, judged)
		if err != nil {
			return badInput(err)
		}
		table = append(table, suppose(setting, outcome))
	}
	if o.JSON {
		return printJSON(h, struct {
			Schema   int        `json:"schema"`
			Rules    []string   `json:"rules"` // of the flags that the grid leaves alone
			Settings []supposed `json:"settings"`
		}{schema, grid.Fixed(o.Mine), table})
	}
	return h.printf("%s", whatIfTable(table))
}

// deepEnough refuses a setting that the candidates cannot answer: its window, and scores that reciprocal ranks are not.
func (o MineOptions) deepEnough(d data, ranked rankedBy, setting mine.Options) error {
	changed := o
	changed.Mine = setting
	if name := setting.NeedsScores(); name != "" && !scored(ranked.header) {
		return badInputf("--what-if: %s compares scores, and the reciprocal ranks of %s are none: leave it out%s", name, o.Candidates, otherRanking(ranked.header))
	}
	if ranked.header.Depth >= d.corpus.Len() {
		return nil
	}
	if err := setting.ValidateDepth(ranked.header.Depth, mine.MostTaken(d.queries, d.corpus.AnswersOf(d.queries).Excluded, d.said.Struck)); err != nil {
		return badInputf("--what-if: %w", err)
	}
	return nil
}

// judgments reads further positives by query key; nil where no file is named.
func (o WhatIfOptions) judgments(h *host, from DataOptions, d data) (map[string][]int32, error) {
	if o.Judgments == "" {
		return nil, nil
	}
	queries, err := from.readQueries(h, "judgments", o.Judgments, d.corpus, true)
	if err != nil {
		return nil, err
	}
	answers := d.corpus.AnswersOf(queries)
	judged, found := map[string][]int32{}, false
	for _, q := range d.queries {
		judged[q.Key] = answers.Of(q)
		found = found || judged[q.Key] != nil
	}
	if !found {
		return nil, badInputf("--judgments %s: no query has the text of one that is mined", o.Judgments)
	}
	return judged, nil
}

// whatIfTable is the table for people. Columns that say nothing are left out.
func whatIfTable(table []supposed) string {
	columns := []struct {
		title string
		text  func(supposed) string
	}{
		{"window", func(s supposed) string { return s.Window }},
		{"near text", func(s supposed) string { return limitText(s.NearText) }},
		{"margin", func(s supposed) string { return limitText(s.Margin) }},
		{"relative", func(s supposed) string { return limitText(s.RelativeMargin) }},
		{"of positive", func(s supposed) string { return limitText(s.ShareOfPositive) }},
		{"max score", func(s supposed) string { return limitText(s.MaxScore) }},
		{"min score", func(s supposed) string { return limitText(s.MinScore) }},
		{"teacher", func(s supposed) string { return limitText(s.TeacherMargin) }},
		{"hub limit", func(s supposed) string {
			if s.HubLimit == 0 {
				return ""
			}
			return strconv.Itoa(s.HubLimit)
		}},
		{"survivors", func(s supposed) string { return fmt.Sprintf("%.1f", s.Survivors) }},
		{"negatives", func(s supposed) string { return fmt.Sprintf("%.1f", s.Negatives) }},
		{"short", func(s supposed) string { return strconv.Itoa(s.Short) }},
		{"filler", func(s supposed) string { return strconv.Itoa(s.Filler) }},
		{"gap", func(s supposed) string { return numberText(s.Gap, 1, "%.4f") }},
		{"as last round", func(s supposed) string { return numberText(s.Overlap, 100, "%.1f%%") }},
		{"judged positive", func(s supposed) string { return numberText(s.FalseNegatives, 100, "%.2f%%") }},
		{"kept out", func(s supposed) string { return numberText(s.KeptOut, 100, "%.1f%%") }},
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cell func(column int) string) {
		for i, c := range columns {
			if anySays(table, c.text) {
				fmt.Fprintf(w, "%s\t", cell(i))
			}
		}
		fmt.Fprintln(w)
	}
	row(func(i int) string { return columns[i].title })
	for _, s := range table {
		row(func(i int) string {
			if text := columns[i].text(s); text != "" {
				return text
			}
			return none
		})
	}
	w.Flush() // into memory: it cannot fail
	return b.String()
}

func anySays(table []supposed, text func(supposed) string) bool {
	for _, s := range table {
		if text(s) != "" {
			return true
		}
	}
	return false
}

func limitText(v *float64) string { return numberText(v, 1, "%g") }

func numberText(v *float64, factor float64, format string) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf(format, *v*factor)
}
