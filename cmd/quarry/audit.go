package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/audit"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/fuse"
)

// RowAuditOptions are the flags of an audit of rows that a command makes by itself.
type RowAuditOptions struct {
	Expect []string
}

func (o *RowAuditOptions) addFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.Expect, "expect", nil, "fail (exit 3) unless the audit finds at most so many, such as equal_positive<=0 or above_positive<=2%")
}

// newAuditor begins an audit of mined rows that want so many negatives.
func (o RowAuditOptions) newAuditor(negatives int) (*rowAuditor, error) {
	rules := audit.DefaultOptions()
	rules.Negatives = negatives
	return newRowAuditor(rules, o.Expect)
}

// rowAuditor audits rows as they are written or read.
type rowAuditor struct {
	auditor *audit.Auditor
	limits  []audit.Limit
	fused   audit.Measure // of rows of several sources
	line    int
	report  audit.Report
}

func newRowAuditor(o audit.Options, expect []string) (*rowAuditor, error) {
	a, err := audit.New(o)
	if err != nil {
		return nil, badInput(err)
	}
	rows := &rowAuditor{auditor: a, fused: audit.Fused}
	for _, text := range expect {
		l, err := audit.ParseLimit(text)
		if err != nil {
			return nil, badInputf("--expect %w", err)
		}
		rows.limits = append(rows.limits, l)
	}
	return rows, nil
}

// know takes how several sources became one; empty says nothing.
func (a *rowAuditor) know(fusion string) {
	switch {
	case fusion == "":
	case fuse.ScoredBy(fusion):
		a.fused = audit.Scores
	default:
		a.fused = audit.ReciprocalRanks
	}
}

// add looks at the next row.
func (a *rowAuditor) add(row *flagembedding.Row) error {
	r, err := audit.FromFlagEmbedding(row, a.fused)
	if err != nil {
		return err
	}
	a.addNext(r)
	return nil
}

// addNext looks at a row as the next of its file.
func (a *rowAuditor) addNext(r audit.Row) {
	a.line++
	r.Line = a.line
	a.auditor.Add(r)
}

// findings ends the audit.
func (a *rowAuditor) findings() audit.Report {
	a.report = a.auditor.Report()
	return a.report
}

// check is an error that names every limit which the findings exceed.
func (a *rowAuditor) check() error {
	var missed []error
	for _, l := range a.limits {
		if text := l.Missed(a.report); text != "" {
			missed = append(missed, errors.New(text))
		}
	}
	if missed == nil {
		return nil
	}
	return missedError{errors.Join(missed...)}
}

// AuditOptions are the flags of quarry audit.
type AuditOptions struct {
	Rows   string
	Rules  audit.Options
	Expect RowAuditOptions
	JSON   bool

	Queue      string // file that gets the doubted negatives
	Provenance string // side file of the rows
	Verdicts   string // on pairs that are not asked again
	TopK       int    // most suspicious that are asked; 0 is all
}

func newAuditCommand(h *host) *cobra.Command {
	o := AuditOptions{Rules: audit.DefaultOptions()}
	cmd := &cobra.Command{
		Use:   "audit --rows FILE",
		Short: "Look over mined rows before training on them",
		Long: `Look over mined rows before training on them: negatives that are a positive, nearly one, or score above it; ids that
contradict texts; passages that are negatives of many queries; repeats, short rows and filler; rows that contradict each
other; texts that cannot be read. The rows are FlagEmbedding's, whoever mined them; ids and scores come from the key
"quarry" or from pos_scores and neg_scores, where they are there. docs/mining.md lists what is found.

--queue writes the negatives of rows that quarry mined which may be answers, most suspicious first, as lines or as a table with an empty
column for a verdict. Filled in, the file is read by --verdicts of quarry mine and mine.verdicts of a recipe. With --verdicts what was
said is not asked again, and negatives that it dropped or promoted are told of.`,
		Example: `  quarry audit --rows mined.jsonl
  quarry audit --rows mined.jsonl --expect 'equal_positive<=0' --expect 'above_positive<=2%'
  quarry audit --rows mined.jsonl --provenance side.jsonl --queue queue.csv --top-k 200
  quarry audit --rows again.jsonl --provenance again.side.jsonl --queue next.csv --verdicts queue.csv`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error { return runAudit(cmd.Context(), o, h) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Rows, "rows", "", "mined rows: JSONL `file` with query, pos and neg")
	f.IntVar(&o.Rules.Negatives, "negatives", 0, "negatives wanted a row (as many as the row with most has)")
	f.Float64Var(&o.Rules.NearText, "near-text", o.Rules.NearText, "least similarity of near-duplicates, above 0, at most 1 (pieces of three characters that both have)")
	f.Float64Var(&o.Rules.HubShare, "hub-share", o.Rules.HubShare, "share of all rows beyond which a negative of theirs is a hub")
	f.IntVar(&o.Rules.MaxCharacters, "max-characters", o.Rules.MaxCharacters, "longest text that can be meant to be read whole; 0 for no limit")
	o.Expect.addFlags(f)
	f.StringVar(&o.Queue, "queue", "", "`file` (.jsonl or .csv) that gets the negatives which may be answers, to be given verdicts")
	f.StringVar(&o.Provenance, "provenance", "", "with --queue: side `file` of the rows, which has what each of several sources and a teacher say")
	f.StringVar(&o.Verdicts, "verdicts", "", "with --queue: `file` of verdicts, as of quarry mine; what has one is not asked again")
	f.IntVar(&o.TopK, "top-k", 0, "with --queue: so many at most, the most suspicious (all)")
	f.BoolVar(&o.JSON, "json", false, "print one JSON object")
	return cmd
}

func runAudit(ctx context.Context, o AuditOptions, h *host) error {
	if err := need("rows", o.Rows); err != nil {
		return err
	}
	rows, err := newRowAuditor(o.Rules, o.Expect.Expect)
	if err != nil {
		return err
	}
	queue, err := o.newQueue(h)
	if err != nil {
		return err
	}
	if queue != nil {
		rows.know(queue.header.Fusion)
	}
	err = readInput(h, "rows", o.Rows, func(r io.Reader) error {
		in := flagembedding.NewReader(r, o.Rows)
		for {
			row, err := in.Next()
			if errors.Is(err, io.EOF) {
				return ctx.Err()
			}
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				err = rows.add(row)
			}
			if err == nil && queue != nil {
				err = queue.add(row)
			}
			if err != nil {
				return err
			}
		}
	})
	if err != nil {
		return err
	}
	if queue != nil {
		if err := queue.write(h); err != nil {
			return err
		}
	}
	report := rows.findings()
	if o.JSON {
		err = printJSON(h, struct {
			Schema int `json:"schema"`
			audit.Report
		}{schema, report})
	} else {
		err = h.printf("%s", auditText(report))
	}
	if err != nil {
		return err
	}
	return rows.check()
}

// auditText is a report for people.
func auditText(r audit.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows, %d negatives\n", r.Rows, r.Negatives)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range r.Findings {
		example := ""
		if len(f.Examples) > 0 {
			example = f.Examples[0]
		}
		fmt.Fprintf(w, "%s\t%d\tof %d\t%s\n", f.Kind, f.Count, f.Of, example)
	}
	w.Flush() // into memory: it cannot fail
	return b.String()
}
