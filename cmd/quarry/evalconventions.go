package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/stats"
)

// conventionJSON is one convention's column of eval --convention all.
type conventionJSON struct {
	Metrics   map[string]float64      `json:"metrics,omitempty"`
	Intervals map[string]evalInterval `json:"intervals,omitempty"`
	Queries   int                     `json:"queries,omitempty"`
	Skipped   int                     `json:"skipped,omitempty"`
	Refused   string                  `json:"refused,omitempty"` // why the convention has no number for these rankings
}

// conventionsJSON is what eval --convention all --json prints.
type conventionsJSON struct {
	Schema      int                                `json:"schema"`
	Metrics     map[string]float64                 `json:"metrics,omitempty"` // of the default convention
	Convention  eval.Convention                    `json:"convention"`
	Conventions map[eval.Convention]conventionJSON `json:"conventions"`
}

// printConventions scores by every convention and prints them side by side. Where one has no meaning for the rankings, its
// reason stands in place of its numbers.
func (o EvalOptions) printConventions(h *host, e *evaluation, measures []eval.Measure) error {
	all := eval.Conventions()
	scores, refused := map[eval.Convention]eval.Scores{}, map[eval.Convention]error{}
	intervals := map[eval.Convention][]stats.Interval{}
	for _, c := range all {
		s, err := e.score(measures, c, eval.Missing(o.Missing))
		if err != nil {
			refused[c] = err
			continue
		}
		scores[c] = s
		if intervals[c], err = intervalsOf(s); err != nil {
			return err
		}
	}
	if len(refused) == len(all) {
		return refused[all[0]]
	}
	if o.JSON {
		out := conventionsJSON{Schema: schema, Convention: all[0], Conventions: map[eval.Convention]conventionJSON{}}
		for _, c := range all {
			if err := refused[c]; err != nil {
				out.Conventions[c] = conventionJSON{Refused: err.Error()}
				continue
			}
			s := scores[c]
			out.Conventions[c] = conventionJSON{Metrics: named(measures, s.Means), Intervals: namedIntervals(measures, intervals[c]), Queries: len(s.Queries), Skipped: len(s.Skipped)}
		}
		out.Metrics = out.Conventions[all[0]].Metrics
		return printJSON(h, out)
	}
	columns := func(head string, rows func(row func(name string, cell func(eval.Convention) string))) string {
		return rightAligned(func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "%s\t", head)
			for _, c := range all {
				fmt.Fprintf(w, "%s\t", c)
			}
			fmt.Fprintln(w)
			rows(func(name string, cell func(eval.Convention) string) {
				fmt.Fprintf(w, "%s\t", name)
				for _, c := range all {
					if refused[c] != nil {
						fmt.Fprint(w, "–\t")
					} else {
						fmt.Fprintf(w, "%s\t", cell(c))
					}
				}
				fmt.Fprintln(w)
			})
		})
	}
	text := columns("", func(row func(string, func(eval.Convention) string)) {
		row("queries", func(c eval.Convention) string { return fmt.Sprint(len(scores[c].Queries)) })
		for i, m := range measures {
			row(m.String(), func(c eval.Convention) string { return fmt.Sprintf("%.4f", scores[c].Means[i]) })
		}
	})
	text += "\n" + columns(fmt.Sprintf("%g %% intervals", 100*stats.DefaultOptions().Level), func(row func(string, func(eval.Convention) string)) {
		for i, m := range measures {
			row(m.String(), func(c eval.Convention) string { return intervalText(intervals[c][i]) })
		}
	})
	text += fmt.Sprintf("the default is %s\n", all[0])
	for _, c := range all {
		if err := refused[c]; err != nil {
			text += fmt.Sprintf("no numbers: %v\n", err)
		}
	}
	return h.printf("%s", text)
}
