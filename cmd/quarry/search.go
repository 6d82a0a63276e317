package main

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/format/beir"
	"github.com/quarry-ml/quarry/format/kaggle"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/ranking"
)

// SearchOptions are the flags of quarry search.
type SearchOptions struct {
	Rank    RankOptions
	Sources SourceOptions
	Typed   []string // queries to show the hits of, in place of a file
	Depth   int
	Output  string
	Format  string
	Tag     string
	shard   int // queries ranked at once; 0 is defaultShard
}

func newSearchCommand(h *host) *cobra.Command {
	var o SearchOptions
	cmd := &cobra.Command{
		Use:   "search --model DIR --corpus FILE --queries FILE",
		Short: "Rank a corpus for queries, exactly",
		Long: `Rank a corpus for queries, exactly, and write a TREC run: query, Q0, passage, rank from 1, score, tag. --format beir
writes the JSON that BEIR, pytrec_eval, ranx and MTEB keep rankings in, --format kaggle the submission.csv of Kaggle's Eedi
competition: QuestionId_Answer and the 25 best MisconceptionIds.

Queries and passages appear by their ids; a passage without one by its line counted from 0, a query by a digest of its
text and positives. Given vectors (--corpus-vectors, --query-vectors) take the place of the model; the files of texts
may then be left out.

--source names what ranks, once or several times, as quarry mine does: dense (the model or given vectors), bm25, a TREC run,
a further model; several are fused, by reciprocal ranks or by weighted scores. The run is then what quarry mine of the same
sources and depth mines from, with the fused score.

With --query TEXT, which may be repeated, the hits of what is typed are shown for a person to look at, in place of a run:
rank, score, passage and the beginning of its text.`,
		Example: `  quarry search --model models/minilm --corpus corpus.jsonl --queries dev.jsonl --depth 100 --output run.trec
  quarry search --source dense --source bm25 --model models/minilm --corpus corpus.jsonl --queries dev.jsonl --output fused.trec
  quarry search --model models/minilm --corpus corpus.jsonl --queries unjudged.jsonl --format kaggle --output submission.csv
  quarry search --model models/minilm --corpus corpus.jsonl --query "adds the denominators" --depth 3
  quarry search --corpus-vectors corpus.npy --query-vectors dev.npy --corpus-ids corpus.ids --query-ids dev.ids`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Rank.Texts.set = setFlags(cmd.Flags())
			return runSearch(cmd.Context(), o, h)
		},
	}
	o.Rank.AddFlags(cmd)
	o.Sources.addFlags(cmd.Flags())
	f := cmd.Flags()
	f.StringArrayVar(&o.Typed, "query", nil, "`text` to show the hits of, in place of --queries; may be repeated")
	f.IntVar(&o.Depth, "depth", 100, "passages kept of each ranking; 25 for kaggle, 10 for --query")
	f.StringVar(&o.Output, "output", "", "run `file` to write (standard output)")
	f.StringVar(&o.Format, "format", formatTREC, "trec, beir or kaggle")
	f.StringVar(&o.Tag, "tag", "quarry", "name of the run, its last column")
	return cmd
}

// Formats of rankings.
const (
	formatTREC   = "trec"
	formatBEIR   = "beir"
	formatKaggle = "kaggle"
)

// rankingWriter writes rankings in one of the formats.
type rankingWriter interface {
	Write(query string, hits ranking.Ranking, id func(passage int32) string) error
	Flush() error
}

// validateFormat checks depth and format, and gives a submission its depth where none was asked for.
func (o *SearchOptions) validateFormat() error {
	given := o.Rank.Texts.set
	switch o.Format {
	case "", formatTREC:
		o.Format = formatTREC
	case formatBEIR:
	case formatKaggle:
		if !given["depth"] {
			o.Depth = min(o.Depth, kaggle.Predictions)
		}
		if o.Depth > kaggle.Predictions {
			return badInputf("--depth %d: the competition takes %d predictions a row", o.Depth, kaggle.Predictions)
		}
	default:
		return badInputf("--format %q is unknown: use %s, %s or %s", o.Format, formatTREC, formatBEIR, formatKaggle)
	}
	if o.Depth < 1 {
		return badInputf("--depth %d: keep at least one passage", o.Depth)
	}
	if o.Format != formatTREC {
		return given.needs("--format "+formatTREC, "tag")
	}
	return nil
}

// mayName refuses a name that says another format than the one that is written.
func (o SearchOptions) mayName() error {
	if o.Format == formatTREC && slices.Contains([]string{".json", ".jsonl"}, endingOf(o.Output)) {
		return badInputf("--output %s: a TREC run is written, which is no JSON: name it .trec, or add --format %s for a file of JSON", o.Output, formatBEIR)
	}
	if o.Format == formatKaggle {
		return mayNameText("output", o.Output, "a submission in columns", ".csv")
	}
	return mayNameText("output", o.Output, "a "+o.Format+" file of rankings")
}

func (o SearchOptions) writer(w io.Writer) (rankingWriter, error) {
	switch o.Format {
	case formatBEIR:
		return beir.NewResultsWriter(w), nil
	case formatKaggle:
		return kaggle.NewWriter(w)
	}
	run, err := trec.NewRunWriter(w, o.Tag)
	if err != nil {
		return nil, badInputf("--tag: %w", err)
	}
	return run, nil
}

// runSearch writes the run of all queries, in their order.
func runSearch(ctx context.Context, o SearchOptions, h *host) error {
	if err := o.validateSources(); err != nil {
		return err
	}
	if len(o.Typed) > 0 {
		return o.show(ctx, h)
	}
	if err := o.validateFormat(); err != nil {
		return err
	}
	if err := mayWrite("output", o.Output, append(o.Rank.inputs(h), o.Sources.inputs(h)...)...); err != nil {
		return err
	}
	if err := o.mayName(); err != nil {
		return err
	}
	h.process.hold(o.Rank.Engine.limit(h.machine))
	d, err := o.Rank.readData(h)
	if err != nil {
		return err
	}
	return writeOutput(h, o.Output, func(w io.Writer) error {
		run, err := o.writer(w)
		if err != nil {
			return err
		}
		err = o.rank(ctx, h, d, func(_ int, c ranking.Candidates) error {
			return badInput(run.Write(c.Query, c.Hits, d.corpus.ID))
		})
		if err != nil {
			return err
		}
		return run.Flush()
	})
}
