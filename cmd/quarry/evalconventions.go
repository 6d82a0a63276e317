package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/quarry-ml/quarry/eval"
)

// conventionJSON is one convention's column of eval --convention all.
type conventionJSON struct {
	Metrics map[string]float64 `json:"metrics,omitempty"`
	Queries int                `json:"queries,omitempty"`
	Skipped int                `json:"skipped,omitempty"`
	Refused string             `json:"refused,omitempty"` // why the convention has no number for these rankings
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
	for _, c := range all {
		s, err := e.score(measures, c, eval.Missing(o.Missing))
		if err != nil {
			refused[c] = err
			continue
		}
		scores[c] = s
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
			out.Conventions[c] = conventionJSON{Metrics: named(measures, s.Means), Queries: len(s.Queries), Skipped: len(s.Skipped)}
		}
		out.Metrics = out.Conventions[all[0]].Metrics
		return printJSON(h, out)
	}
	text := rightAligned(func(w *tabwriter.Writer) {
		row := func(name string, cell func(eval.Scores) string) {
			fmt.Fprintf(w, "%s\t", name)
			for _, c := range all {
				if refused[c] != nil {
					fmt.Fprint(w, "–\t")
				} else {
					fmt.Fprintf(w, "%s\t", cell(scores[c]))
				}
			}
			fmt.Fprintln(w)
		}
		fmt.Fprint(w, "\t")
		for _, c := range all {
			fmt.Fprintf(w, "%s\t", c)
		}
		fmt.Fprintln(w)
		row("queries", func(s eval.Scores) string { return fmt.Sprint(len(s.Queries)) })
		for i, m := range measures {
			row(m.String(), func(s eval.Scores) string { return fmt.Sprintf("%.4f", s.Means[i]) })
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
