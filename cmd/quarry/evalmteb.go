package main

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/format/beir"
)

// MTEBOptions are the flags of a result file of MTEB's.
type MTEBOptions struct {
	File      string
	Task      string
	Revision  string
	Languages []string
	Main      string
}

func (o *MTEBOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.File, "mteb", "", "also write MTEB's result `file` of the task, with the measures that MTEB has there; needs --convention trec_eval, or beir for tasks that strike a query's own id")
	f.StringVar(&o.Task, "mteb-task", "", "`name` of the task in it (the file's without .json)")
	f.StringVar(&o.Revision, "mteb-revision", "unknown", "`revision` of the task's data in it")
	f.StringSliceVar(&o.Languages, "mteb-languages", nil, "`list` of the task's languages in it, such as eng-Latn")
	f.StringVar(&o.Main, "mteb-main", "ndcg_at_10", "its main score")
}

// mtebFigures are the measures of MTEB's retrieval tasks in the order of its files, and the digits that it rounds them to.
var mtebFigures = []struct {
	name   string
	kind   string
	digits int
}{
	{"ndcg", eval.NDCG, 5}, {"map", eval.MAP, 5}, {"recall", eval.Recall, 5}, {"precision", eval.Precision, 5},
	{"mrr", eval.MRR, 6}, // the one that it rounds only as it writes
	{"hit_rate", eval.Hit, 5},
}

// mtebCutoffs are the k of each.
var mtebCutoffs = []int{1, 3, 5, 10, 20, 100, 1000}

// mtebMeasures are all of them.
func mtebMeasures() []eval.Measure {
	var all []eval.Measure
	for _, figure := range mtebFigures {
		for _, k := range mtebCutoffs {
			all = append(all, eval.Measure{Kind: figure.kind, K: k})
		}
	}
	return all
}

// validate refuses flags that make no result.
func (o MTEBOptions) validate(h *host, e EvalOptions) error {
	if o.File == "" {
		for flag, given := range map[string]bool{"mteb-task": o.Task != "", "mteb-languages": len(o.Languages) > 0} {
			if given {
				return badInputf("--%s has no part without --mteb", flag)
			}
		}
		return nil
	}
	if c := eval.Convention(e.Convention); c != eval.TrecEval && c != eval.BEIR {
		return badInputf("--mteb: MTEB's figures are trec_eval's: add --convention %s, or %s for tasks that strike a query's own id", eval.TrecEval, eval.BEIR)
	}
	if !slices.Contains(o.names(), o.Main) {
		return badInputf("--mteb-main %q: MTEB's retrieval tasks have %s", o.Main, strings.Join(o.names(), ", "))
	}
	if err := mayNameText("mteb", o.File, "one JSON object"); err != nil {
		return err
	}
	return mayWrite("mteb", o.File, append(e.Rank.inputs(h), "data", e.Judgments.Folder, "run", e.Run, "qrels", e.Judgments.Qrels, "per-query", e.PerQuery)...)
}

func (o MTEBOptions) names() []string {
	var names []string
	for _, s := range mtebScores(eval.Scores{Means: make([]float64, len(mtebMeasures()))}) {
		names = append(names, s.Name)
	}
	return names
}

// mtebScores are means of mtebMeasures under MTEB's names.
func mtebScores(s eval.Scores) []beir.TaskScore {
	var all []beir.TaskScore
	for i, m := range mtebMeasures() {
		figure := mtebFigures[i/len(mtebCutoffs)]
		all = append(all, beir.TaskScore{Name: figure.name + "_at_" + strconv.Itoa(m.K), Value: s.Means[i], Digits: figure.digits})
	}
	return all
}

// write scores anew by MTEB's measures and writes the file.
func (o MTEBOptions) write(h *host, e *evaluation, judgments JudgmentOptions, c eval.Convention, missing eval.Missing) error {
	if o.File == "" {
		return nil
	}
	scores, err := e.score(mtebMeasures(), c, missing)
	if err != nil {
		return err
	}
	r := beir.TaskResult{Task: o.Task, Revision: o.Revision, Split: cmp.Or(judgments.Split, e.split, "test"), Subset: "default", Languages: o.Languages, Main: o.Main, Scores: mtebScores(scores)}
	if r.Task == "" {
		r.Task = strings.TrimSuffix(filepath.Base(o.File), ".json")
	}
	return writeOutput(h, o.File, r.Write)
}
