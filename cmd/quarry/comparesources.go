package main

import "slices"

// ofRankings are the flags of compare that say how given rankings are judged, and what runs have in their place.
var ofRankings = []struct{ flag, why string }{
	{"qrels", "were scored by the judgments of their own data"},
	{"data", "were scored by the judgments of their own data"},
	{"split", "were scored by the judgments of their own data"},
	{"convention", "were scored by their recipe's (eval.convention)"},
	{"missing-queries", "have a ranking of every query"},
	{"train", "have kept what their training had seen (--by seen, frequency)"},
	{"group-field", "have the groups of their own data (data.group_field)"},
}

// checkSources refuses flags that would be passed over by what is compared; runs are nil where an argument is a file of
// rankings.
func (o CompareOptions) checkSources(runs []*comparedRun, by []string) error {
	given := o.Eval.Rank.Texts.set
	isFile := func(run *comparedRun) bool { return run == nil }
	switch {
	case !slices.ContainsFunc(runs, func(run *comparedRun) bool { return !isFile(run) }):
		if given["on"] {
			return badInputf("--on has no part beside files of rankings alone: they are of one set of queries")
		}
		return nil
	case slices.ContainsFunc(runs, isFile):
		return nil // each side has its flags
	}
	for _, f := range ofRankings {
		if given[f.flag] {
			return badInputf("--%s has no part beside runs alone, which %s: it is for files of rankings", f.flag, f.why)
		}
	}
	if given["queries"] && len(fieldsOf(by)) == 0 {
		return badInputf("--queries has no part beside runs alone without a field in --by: rows are read for their fields")
	}
	if given["queries"] {
		return nil
	}
	return given.needs("--queries", "corpus", "id-field")
}
