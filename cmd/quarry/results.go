package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/stats"
)

// results are what eval prints.
type results struct {
	scores     eval.Scores
	intervals  []stats.Interval // one a measure
	slices     []eval.Part      // seen and unseen, where training queries are given; empty ones are left out
	breakdowns []breakdown
	perQuery   bool
	texts      map[string]string // of queries by key, where they are known
}

// evalJSON is what eval --json prints.
type evalJSON struct {
	Schema     int                     `json:"schema"`
	Metrics    map[string]float64      `json:"metrics"`
	Intervals  map[string]evalInterval `json:"intervals"`
	Convention eval.Convention         `json:"convention"`
	Queries    int                     `json:"queries"`
	Skipped    int                     `json:"skipped"`
	Slices     map[string]evalSlice    `json:"slices,omitempty"`
	Breakdowns map[string][]evalPart   `json:"breakdowns,omitempty"`
	PerQuery   []queryJSON             `json:"per_query,omitempty"`
}

// evalInterval is where a mean may lie.
type evalInterval struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Level float64 `json:"level"`
	Units int     `json:"units"` // what was resampled: groups, and queries without one
}

type evalSlice struct {
	Queries   int                     `json:"queries"`
	Metrics   map[string]float64      `json:"metrics"`
	Intervals map[string]evalInterval `json:"intervals,omitempty"`
}

type evalPart struct {
	Label string `json:"label"`
	evalSlice
}

// json prints the results as one object.
func (r results) json(h *host) error {
	s := r.scores
	out := evalJSON{
		Schema: schema, Metrics: named(s.Measures, s.Means), Intervals: namedIntervals(s.Measures, r.intervals),
		Convention: s.Convention, Queries: len(s.Queries), Skipped: len(s.Skipped),
	}
	if r.slices != nil {
		out.Slices = map[string]evalSlice{"seen": {Metrics: map[string]float64{}}, "unseen": {Metrics: map[string]float64{}}}
		for _, part := range r.slices {
			slice, err := r.slice(part)
			if err != nil {
				return err
			}
			out.Slices[part.Label] = slice
		}
	}
	for _, b := range r.breakdowns {
		if out.Breakdowns == nil {
			out.Breakdowns = map[string][]evalPart{}
		}
		for _, part := range b.parts {
			slice, err := r.slice(part)
			if err != nil {
				return err
			}
			out.Breakdowns[b.name] = append(out.Breakdowns[b.name], evalPart{part.Label, slice})
		}
	}
	if r.perQuery {
		out.PerQuery = queryRows(s)
	}
	return printJSON(h, out)
}

// slice is a part with its intervals.
func (r results) slice(part eval.Part) (evalSlice, error) {
	columns, groups := r.scores.Columns(part)
	found, err := stats.MeanIntervals(columns, groups, stats.DefaultOptions())
	if err != nil {
		return evalSlice{}, fmt.Errorf("intervals of %q: %w", part.Label, err)
	}
	return evalSlice{len(part.Queries), named(r.scores.Measures, part.Means), namedIntervals(r.scores.Measures, found)}, nil
}

func namedIntervals(measures []eval.Measure, found []stats.Interval) map[string]evalInterval {
	intervals := map[string]evalInterval{}
	for i, m := range measures {
		intervals[m.String()] = evalInterval{found[i].Low, found[i].High, found[i].Level, found[i].Units}
	}
	return intervals
}

// print writes the results for a person.
func (r results) print(h *host) error {
	parts, err := r.intervalsOfParts()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("measures as %s has them", r.scores.Convention)
	if n := len(r.scores.Skipped); n > 0 {
		text += fmt.Sprintf(", %s left out", report.Counted(n, "judged query", "judged queries"))
	}
	text += "\n" + r.table(parts)
	for _, b := range r.breakdowns {
		text += "\n" + r.partTable(b) + "\n" + r.partIntervals(b, parts)
	}
	if r.perQuery {
		text += "\n" + r.queryTable()
	}
	return h.printf("%s", text)
}

// intervalsOfParts is the intervals of every part that is printed, by its name and label, one a measure.
func (r results) intervalsOfParts() (map[[2]string][]stats.Interval, error) {
	found := map[[2]string][]stats.Interval{}
	for _, b := range append([]breakdown{{bySeen, r.slices}}, r.breakdowns...) {
		for _, part := range b.parts {
			key := [2]string{b.name, part.Label}
			if found[key] != nil {
				continue
			}
			columns, groups := r.scores.Columns(part)
			var err error
			if found[key], err = stats.MeanIntervals(columns, groups, stats.DefaultOptions()); err != nil {
				return nil, fmt.Errorf("intervals of %q: %w", part.Label, err)
			}
		}
	}
	return found, nil
}

// table has a line for each measure: its mean with the interval, and the same of each slice where they are asked for.
func (r results) table(parts map[[2]string][]stats.Interval) string {
	s := r.scores
	return rightAligned(func(w *tabwriter.Writer) {
		percent := fmt.Sprintf("%g %% interval", 100*r.intervals[0].Level)
		fmt.Fprintf(w, "\tall (%d)\t%s\t", len(s.Queries), percent)
		if r.slices != nil {
			for _, slice := range s.Slices {
				fmt.Fprintf(w, "%s (%d)\t%s\t", slice.Name, slice.Queries, percent)
			}
		}
		fmt.Fprintln(w)
		for i, m := range s.Measures {
			fmt.Fprintf(w, "%s\t%.4f\t%s\t", m, s.Means[i], intervalText(r.intervals[i]))
			for _, slice := range s.Slices {
				switch {
				case r.slices == nil:
				case slice.Means == nil:
					fmt.Fprint(w, "–\t–\t")
				default:
					fmt.Fprintf(w, "%.4f\t%s\t", slice.Means[i], intervalText(parts[[2]string{bySeen, slice.Name}][i]))
				}
			}
			fmt.Fprintln(w)
		}
	})
}

func intervalText(i stats.Interval) string { return fmt.Sprintf("%.4f – %.4f", i.Low, i.High) }

// partIntervals has the intervals of the parts in the columns of partTable.
func (r results) partIntervals(b breakdown, parts map[[2]string][]stats.Interval) string {
	return rightAligned(func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "%s, %g %% intervals\t", b.name, 100*r.intervals[0].Level)
		for _, m := range r.scores.Measures {
			fmt.Fprintf(w, "%s\t", m)
		}
		fmt.Fprintln(w)
		for _, part := range b.parts {
			fmt.Fprintf(w, "%s\t", oneCell(part.Label))
			for _, i := range parts[[2]string{b.name, part.Label}] {
				fmt.Fprintf(w, "%s\t", intervalText(i))
			}
			fmt.Fprintln(w)
		}
	})
}

// partTable has a line for each part.
func (r results) partTable(b breakdown) string {
	return rightAligned(func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "%s\tqueries\t", b.name)
		for _, m := range r.scores.Measures {
			fmt.Fprintf(w, "%s\t", m)
		}
		fmt.Fprintln(w)
		for _, part := range b.parts {
			fmt.Fprintf(w, "%s\t%d\t", oneCell(part.Label), len(part.Queries))
			for _, mean := range part.Means {
				fmt.Fprintf(w, "%.4f\t", mean)
			}
			fmt.Fprintln(w)
		}
	})
}

// queryTable has a line for each query.
func (r results) queryTable() string {
	return rightAligned(func(w *tabwriter.Writer) {
		fmt.Fprint(w, "query\t")
		for _, m := range r.scores.Measures {
			fmt.Fprintf(w, "%s\t", m)
		}
		fmt.Fprintln(w)
		for i, q := range r.scores.Queries {
			fmt.Fprintf(w, "%s\t", oneCell(q))
			for _, v := range r.scores.PerQuery[i] {
				fmt.Fprintf(w, "%.4f\t", v)
			}
			if text := r.texts[q]; text != "" { // behind the last column, so that it is not aligned to the right
				fmt.Fprintf(w, "   %s", oneCell(beginning(text)))
			}
			fmt.Fprintln(w)
		}
	})
}

func rightAligned(write func(w *tabwriter.Writer)) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', tabwriter.AlignRight)
	write(w)
	w.Flush() // a builder takes everything
	return text.String()
}

// oneCell keeps a word of the data within its cell, and from moving the cursor.
func oneCell(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, text)
}
