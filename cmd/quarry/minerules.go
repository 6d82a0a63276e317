package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/mine"
)

// addRuleFlags adds the flags of rules and of sampling, in the order in which rules are held against a candidate.
func (o *MineOptions) addRuleFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.Window, "window", o.Mine.Window.String(), "`ranks` that may become negatives, counted from 0, the end not included: 2-200 is ranks 3 to 200 counted from one")
	f.IntVar(&o.Mine.Negatives, "negatives", o.Mine.Negatives, "negatives kept a query")
	seedFlag(f, &o.Mine.Seed, o.Mine.Seed, "seed of the draw")
	f.StringVar((*string)(&o.Mine.Sampling), "sampling", string(o.Mine.Sampling), "uniform: drawn from the window; top: the best ranked of it; rank: drawn in proportion to 1/(1 + rank); score: to exp(score / --sampling-temperature)")
	f.Float64Var(&o.Mine.SamplingTemperature, "sampling-temperature", 0, "divisor of scores in --sampling score")
	optionalFloat(f, &o.Mine.NearText, "near-text", "least similarity to the text of the query or of a positive that is dropped, above 0, at most 1 (pieces of three characters that both have)")
	f.StringVar(&o.Verdicts, "verdicts", "", "what people said of negatives: `file` that quarry view wrote (verdicts.jsonl of a run), or a filled in one of quarry audit --queue; dropped passages are no negatives of their query, promoted ones are its positives")
	f.StringVar((*string)(&o.Mine.SameGroup), "same-group", "", "never: no passage of the group of a positive is a negative; only: no other is")
	f.StringVar(&o.Rank.Data.PassageGroupField, "passage-group-field", "", "`key` of the corpus that holds the groups of --same-group, such as a topic")
	optionalFloat(f, &o.Mine.Margin, "margin", "a negative scores at least this much less than the query's lowest positive")
	optionalFloat(f, &o.Mine.RelativeMargin, "relative-margin", "the same as a share of the positive's score")
	optionalFloat(f, &o.Mine.ShareOfPositive, "share-of-positive", "greatest score of a negative as a share of the positive's, such as 0.95")
	optionalFloat(f, &o.Mine.MinScore, "min-score", "least score of a negative")
	optionalFloat(f, &o.Mine.MaxScore, "max-score", "greatest score of a negative")
	f.StringVar((*string)(&o.Mine.Reference), "reference", string(mine.Minimum), "whose score margins are held against where a query has several positives: minimum, the lowest one's; each, every one's by itself, a row for each")
	f.BoolVar(&o.Mine.Survivors, "survivors", false, "count the window over the passages that all other rules leave")
	f.IntVar(&o.Mine.HubLimit, "hub-limit", 0, "`queries` that a passage may be a negative of (no limit)")
	f.StringSliceVar(&o.Quotas, "quotas", nil, "negatives that each band of raw ranks gives, such as 2-20:5,20-100:10")
	f.Float64Var(&o.Mine.Kept, "kept", 0, "share of the negatives that comes from --last")
	f.StringVar(&o.Last, "last", "", "mined rows of the last round: `file` that quarry mine or a run wrote")
	f.Float64Var(&o.Mine.Random, "random", 0, "share of the negatives that is drawn from the whole corpus")
	f.StringVar((*string)(&o.Mine.Given), "given", string(mine.Replace), "neg texts of the queries' own rows: replace, mined ones take their place; keep, they take the first slots")
}

// readRules reads the flags that are texts and checks what the rules ask for.
func (o *MineOptions) readRules() error {
	var err error
	if o.Mine.Window, err = mine.ParseWindow(o.Window); err != nil {
		return badInputf("--window: %w", err)
	}
	o.Mine.Verdicts = o.Verdicts != ""
	o.Mine.Quotas = nil
	for _, text := range o.Quotas {
		q, err := mine.ParseQuota(text)
		if err != nil {
			return badInputf("--quotas: %w", err)
		}
		o.Mine.Quotas = append(o.Mine.Quotas, q)
	}
	switch {
	case o.Mine.SameGroup != "" && o.Rank.Data.PassageGroupField == "":
		return badInputf("--same-group needs --passage-group-field: the key of the corpus that holds the groups")
	case o.Mine.SameGroup == "" && o.Rank.Data.PassageGroupField != "":
		return badInputf("--passage-group-field has no part without --same-group")
	case o.Mine.Kept > 0 && o.Last == "":
		return badInputf("--kept needs --last: the mined rows of the last round")
	case o.Mine.Kept == 0 && o.Last != "" && !o.WhatIf.Run:
		return badInputf("--last has no part without --kept or --what-if")
	}
	if name := o.Mine.NeedsScores(); name != "" && o.Sources.fused() && !o.Sources.Fuse.Scored() {
		return badInputf("--%s compares scores, and reciprocal ranks are none: fuse by --fuse weighted, or leave it out", flagOf(name))
	}
	return o.validateMine()
}

// validateMine checks the rules; of a grid those of every setting, for its values take the place of the flags'.
func (o *MineOptions) validateMine() error {
	settings := []mine.Options{o.Mine}
	if o.WhatIf.Run {
		grid, err := o.WhatIf.grid()
		if err != nil {
			return err
		}
		settings = grid.Options(o.Mine)
	}
	for _, setting := range settings {
		if err := o.Rank.Texts.set.named(setting.Validate()); err != nil {
			return badInput(err)
		}
	}
	return nil
}

// flagOf is the flag of a key of the rules.
func flagOf(key string) string { return strings.ReplaceAll(key, "_", "-") }

func joined(rules []string) string { return strings.Join(rules, ", ") }
