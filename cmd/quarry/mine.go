package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
)

// MineOptions are the flags of quarry mine.
type MineOptions struct {
	Rank   RankOptions
	Window string
	Mine   mine.Options
	Round  int
	Depth  int
	Output string
	JSON   bool
}

func newMineCommand(h *host) *cobra.Command {
	o := MineOptions{Mine: mine.DefaultOptions()}
	cmd := &cobra.Command{
		Use:   "mine --model DIR --corpus FILE --queries FILE --output FILE",
		Short: "Mine hard negatives for queries",
		Long: `Mine hard negatives: what ranks high for a query and does not answer it.

Writes a row for each query in FlagEmbedding's form, {"query", "pos", "neg"}, with where each negative comes from in the
key "quarry". Positives, passages of equal text and the query's own text are never negatives. The draw depends on the
seed, the round and the query alone, not on other queries or the order of files. docs/mining.md explains the rules.

The flags of FlagEmbedding's hn_mine.py (--input_file, --candidate_pool, …) in place of these mine as it does; see
docs/migrate-from-flagembedding.md.`,
		Example: `  quarry mine --model models/minilm --corpus corpus.jsonl --queries train.jsonl --window 2-200 --negatives 15 \
      --seed 42 --output mined.jsonl
  quarry mine --model models/minilm --corpus corpus.jsonl --queries train.jsonl --margin 0.05 --output mined.jsonl`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Rank.Texts.set = setFlags(cmd.Flags())
			return runMine(cmd.Context(), o, h)
		},
	}
	o.Rank.AddFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Window, "window", o.Mine.Window.String(), "`ranks` that may become negatives, counted from 0, the end not included: 2-200 is ranks 3 to 200 counted from one")
	f.IntVar(&o.Mine.Negatives, "negatives", o.Mine.Negatives, "negatives kept a query")
	seedFlag(f, &o.Mine.Seed, o.Mine.Seed, "seed of the draw")
	f.StringVar((*string)(&o.Mine.Sampling), "sampling", string(o.Mine.Sampling), "uniform: drawn from the window; top: the best ranked of it")
	optionalFloat(f, &o.Mine.Margin, "margin", "a negative scores at least this much less than the query's lowest positive")
	optionalFloat(f, &o.Mine.RelativeMargin, "relative-margin", "the same as a share of the positive's score")
	optionalFloat(f, &o.Mine.MinScore, "min-score", "least score of a negative")
	optionalFloat(f, &o.Mine.MaxScore, "max-score", "greatest score of a negative")
	f.BoolVar(&o.Mine.Survivors, "survivors", false, "count the window over the passages that all other rules leave")
	f.IntVar(&o.Depth, "depth", 0, "passages searched a query (what the window needs)")
	f.IntVar(&o.Round, "round", 0, "round that the draw is for")
	f.StringVar(&o.Output, "output", "", "JSONL `file` to write")
	f.BoolVar(&o.JSON, "json", false, "print the audit as JSON")
	return cmd
}

// runMine searches, mines and writes, query by query, and tells what deserves a look.
func runMine(ctx context.Context, o MineOptions, h *host) error {
	if err := o.validate(); err != nil {
		return err
	}
	h.process.hold(o.Rank.Engine.limit(h.machine))
	d, err := o.Rank.Data.read(h, false)
	if err != nil {
		return err
	}
	answers := d.corpus.AnswersOf(d.queries)
	depth, err := o.depth(d, answers)
	if err != nil {
		return err
	}
	auditor := mine.NewAuditor(o.Mine, d.corpus.ID, func(p int32) string { return d.corpus.Passages[p].Full() })
	var nothing error
	err = writeOutput(h, o.Output, func(w io.Writer) error {
		out := flagembedding.NewWriter(w, flagembedding.WriterOptions{})
		err := o.Rank.rank(ctx, h, d, depth, func(query int, c ranking.Candidates) error {
			q := d.queries[query]
			result, err := mine.Negatives(c, answers.Excluded(q), o.Round, o.Mine)
			if err != nil {
				return fmt.Errorf("%s:%d: %w", o.Rank.Data.Queries, q.Line, err)
			}
			auditor.Add(c, q.Text, result)
			row, err := minedRow(d.corpus, q, result, o.Round)
			if err != nil {
				return err
			}
			return out.Write(row)
		})
		if err != nil {
			return err
		}
		if nothing = auditor.Audit().CheckAny(o.Mine.Window, d.corpus.Len()); nothing != nil {
			return nothing
		}
		return out.Flush()
	})
	if nothing != nil {
		return badInputf("--window: %w", nothing)
	}
	if err != nil {
		return err
	}
	return o.tell(h, auditor.Audit())
}

// validate checks the flags and reads the window.
func (o *MineOptions) validate() error {
	if err := o.Rank.validate(); err != nil {
		return err
	}
	if err := need("corpus", o.Rank.Data.Corpus, "queries", o.Rank.Data.Queries, "output", o.Output); err != nil {
		return err
	}
	if err := mayWrite("output", o.Output, o.Rank.inputs()...); err != nil {
		return err
	}
	if o.Round < 0 {
		return badInputf("--round %d: rounds are counted from 0", o.Round)
	}
	if err := o.Rank.Texts.set.atLeast(1, map[string]int{"depth": o.Depth}); err != nil {
		return err
	}
	if o.JSON && o.Output == standard {
		return badInputf("--json and --output -: both would go to standard output: name a file")
	}
	var err error
	if o.Mine.Window, err = mine.ParseWindow(o.Window); err != nil {
		return badInputf("--window: %w", err)
	}
	return badInput(o.Mine.Validate())
}

// depth is how far the search goes: as the flag says, if that is enough, else as far as the window needs.
func (o MineOptions) depth(d data, answers corpus.Answers) (int, error) {
	taken := 0
	for _, q := range d.queries {
		taken = max(taken, len(answers.Excluded(q)))
	}
	if o.Depth == 0 {
		return min(o.Mine.Depth(taken), d.corpus.Len()), nil
	}
	if o.Depth < d.corpus.Len() {
		if err := o.Mine.ValidateDepth(o.Depth, taken); err != nil {
			return 0, badInputf("--depth: %w", err)
		}
	}
	return o.Depth, nil
}

func (o MineOptions) tell(h *host, audit mine.Audit) error {
	h.note("%s", audit)
	if !o.JSON {
		return nil
	}
	return printJSON(h, struct {
		Schema int        `json:"schema"`
		Audit  mine.Audit `json:"audit"`
	}{schema, audit})
}

// schema is the version of what --json prints; new keys do not raise it.
const schema = 1

func printJSON(h *host, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return h.printf("%s\n", raw)
}
