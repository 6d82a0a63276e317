package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/mine"
)

// MineOptions are the flags of quarry mine.
type MineOptions struct {
	Rank       RankOptions
	Sources    SourceOptions
	Window     string
	Quotas     []string
	Mine       mine.Options
	Last       string // mined rows of the last round
	Verdicts   string // what people said of negatives
	Round      int
	Depth      int
	Output     string
	Provenance string
	Candidates string // stored ones, to mine from
	Save       string // where to store what was ranked
	WhatIf     WhatIfOptions
	Audit      RowAuditOptions
	Teacher    TeacherOptions
	JSON       bool
	ShardOptions

	TeacherScores string // what a teacher said, in place of it
}

func newMineCommand(h *host) *cobra.Command {
	o := MineOptions{Mine: mine.DefaultOptions()}
	cmd := &cobra.Command{
		Use:   "mine --model DIR --corpus FILE --queries FILE --output FILE",
		Short: "Mine hard negatives for queries",
		Long: `Mine hard negatives: what ranks high for a query and does not answer it.

Writes a row for each query in FlagEmbedding's form, {"query", "pos", "neg"}, with where each negative comes from in the
key "quarry". Positives, passages of equal text and the query's own text are never negatives. The draw depends on the
seed, the round and the query alone, not on other queries or the order of files; a hub limit couples queries. What was
ranked can be stored (--save-candidates) and mined again without a model (--candidates), by one of its sources or fused
anew (--source, --fuse), or asked what other settings would mine from it (--what-if). docs/mining.md explains the rules and
their order.

Queries are ranked shard by shard (--shard). Where there are several, or a teacher is asked, vectors and candidates are
kept in a directory beside the output until all is done: after an interruption the same command goes on from there, to the
same bytes.

The flags of FlagEmbedding's hn_mine.py (--input_file, --candidate_pool, …) in place of these mine as it does; see
docs/migrate-from-flagembedding.md. --compat sentence-transformers takes the parameters of mine_hard_negatives (--dataset,
--range_min, --relative_margin, --output_format, …) in place of these; see docs/migrate-from-sentence-transformers.md.`,
		Example: `  quarry mine --model models/minilm --corpus corpus.jsonl --queries train.jsonl --window 2-200 --negatives 15 \
      --seed 42 --output mined.jsonl
  quarry mine --model models/minilm --corpus corpus.jsonl --queries train.jsonl --margin 0.05 --output mined.jsonl
  quarry mine --source dense --source bm25 --model models/minilm --corpus corpus.jsonl --queries train.jsonl \
      --save-candidates train.cand --output mined.jsonl
  quarry mine --what-if --candidates train.cand --corpus corpus.jsonl --queries train.jsonl \
      --windows 0-50,2-100 --margins none,0,0.05`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Rank.Texts.set = setFlags(cmd.Flags())
			return runMine(cmd.Context(), o, h)
		},
	}
	o.Rank.AddFlags(cmd)
	o.addRuleFlags(cmd)
	o.addTeacherFlags(cmd.Flags())
	o.Sources.addFlags(cmd.Flags())
	cmd.Flags().Lookup("source").Usage += "; with --candidates the name of one that they hold"
	f := cmd.Flags()
	f.IntVar(&o.Depth, "depth", 0, "passages searched a query (what the window needs)")
	f.IntVar(&o.Round, "round", 0, "round that the draw is for (with --candidates theirs)")
	f.StringVar(&o.Candidates, "candidates", "", "stored candidates `file` to mine from, in place of a model")
	f.StringVar(&o.Save, "save-candidates", "", "`file` that stores what was ranked, for --candidates")
	f.StringVar(&o.Output, "output", "", "JSONL `file` to write")
	f.StringVar(&o.Provenance, "provenance", "", "JSONL `file` that gets where each negative comes from, with the rules that it passed")
	o.ShardOptions.addFlags(f)
	o.Audit.addFlags(f)
	o.WhatIf.addFlags(f)
	f.String("compat", "", "flagembedding or sentence-transformers: mine as it does, by its own flags, which --help lists behind it")
	f.BoolVar(&o.JSON, "json", false, "print the audit, or the table of --what-if, as JSON")
	return cmd
}

// runMine ranks, mines and writes, query by query, and tells what deserves a look.
func runMine(ctx context.Context, o MineOptions, h *host) (err error) {
	if err := o.validate(h); err != nil {
		return err
	}
	h.process.hold(o.Rank.Engine.limit(h.machine))
	o.Rank.Data.known = o.Candidates != "" // which are of this very corpus, or refused
	d, err := o.Rank.Data.read(h, false)
	if err != nil {
		return err
	}
	if err := o.readVerdicts(h, &d); err != nil {
		return err
	}
	if err := o.Mine.CheckKeys(d.queries, d.corpus); err != nil {
		return badInputf("%s: %w", o.Rank.Data.Queries, err)
	}
	if err := o.Mine.CheckWindow(d.corpus.Len()); err != nil && !o.WhatIf.Run {
		return badInputf("--window: %w", err)
	}
	if err := o.checkTeacher(ctx, h); err != nil {
		return err
	}
	answers := d.corpus.AnswersOf(d.queries)
	ranked, err := o.ranked(ctx, h, d, answers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(ranked.work.goOn(err), ranked.work.close()) }()
	queries, err := o.asked(h, d, answers)
	if err != nil {
		return err
	}
	if o.WhatIf.Run {
		return o.whatIf(ctx, h, d, ranked, queries)
	}
	miner, err := mine.New(o.Mine, ranked.round, d.corpus)
	if err != nil {
		return badInput(err)
	}
	m := mining{o: o, data: d, ranked: ranked, queries: queries, miner: miner}
	m.auditor = mine.NewAuditor(o.Mine, d.corpus.ID, func(p int32) string { return d.corpus.Passages[p].Full() })
	if m.rows, err = o.Audit.newAuditor(o.Mine.Negatives); err != nil {
		return err
	}
	m.rows.know(ranked.header.Fusion)
	if err := m.askTeacher(ctx, h); err != nil {
		return err
	}
	return m.run(ctx, h)
}

// validate checks the flags and reads those that are texts.
func (o *MineOptions) validate(h *host) error {
	if err := o.validateFiles(h); err != nil {
		return err
	}
	if o.Round < 0 {
		return badInputf("--round %d: rounds are counted from 0", o.Round)
	}
	if err := o.Rank.Texts.set.atLeast(1, map[string]int{"depth": o.Depth, "hub-limit": o.Mine.HubLimit}); err != nil {
		return err
	}
	if err := o.validateTeacher(); err != nil {
		return err
	}
	if err := o.readRules(); err != nil {
		return err
	}
	return o.checkThere(h)
}

func (o *MineOptions) validateFiles(h *host) error {
	if err := o.WhatIf.validate(o); err != nil {
		return err
	}
	if err := o.validateSources(); err != nil {
		return err
	}
	needed := []string{"corpus", o.Rank.Data.Corpus, "queries", o.Rank.Data.Queries}
	if !o.WhatIf.Run {
		needed = append(needed, "output", o.Output)
	}
	if err := need(needed...); err != nil {
		return err
	}
	inputs := append(o.Rank.inputs(h), "candidates", o.Candidates, "last", o.Last, "verdicts", o.Verdicts, "teacher-scores", o.TeacherScores, "teacher", h.folder(o.Teacher.Model.Model))
	inputs = append(inputs, o.Sources.inputs(h)...)
	for i, output := range []struct{ flag, path string }{{"output", o.Output}, {"provenance", o.Provenance}, {"save-candidates", o.Save}} {
		if output.path == "" {
			continue
		}
		if i > 0 && output.path == standard {
			return badInputf("--%s -: name a file", output.flag)
		}
		if i > 0 && (samePlace(output.path, o.Output) || i > 1 && samePlace(output.path, o.Provenance)) {
			return badInputf("--%s %s is another output too: choose another file", output.flag, output.path)
		}
		if err := mayWrite(output.flag, output.path, inputs...); err != nil {
			return err
		}
		if err := mayNameMined(output.flag, output.path); err != nil {
			return err
		}
	}
	if o.JSON && o.Output == standard {
		return badInputf("--json and --output -: both would go to standard output: name a file")
	}
	return o.validateShards(inputs...)
}

// checkThere sees that the small inputs are there, before the large ones are read.
func (o *MineOptions) checkThere(h *host) error {
	for _, input := range []struct{ flag, path string }{{"last", o.Last}, {"verdicts", o.Verdicts}, {"candidates", o.Candidates}, {"teacher-scores", o.TeacherScores}, {"judgments", o.WhatIf.Judgments}} {
		if input.path == "" || input.path == standard {
			continue
		}
		f, err := h.open(input.flag, input.path)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			return badInputf("--%s: %w", input.flag, err)
		}
	}
	return nil
}

// mayNameMined refuses the name of an output that says another kind of file than is written.
func mayNameMined(flag, path string) error {
	switch flag {
	case "output":
		return mayNameRows(flag, path, "flagembedding", "n-tuple")
	case "provenance":
		return mayNameText(flag, path, "a line of JSON for each row")
	}
	if err := mayNotPack(flag, path, "stored candidates are read at any place and therefore not packed"); err != nil {
		return err
	}
	return mayNameText(flag, path, "a file of stored candidates")
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

// asked is what is known of each query beside its candidates.
func (o MineOptions) asked(h *host, d data, answers corpus.Answers) ([]mine.Query, error) {
	last, err := o.lastNegatives(h, d)
	if err != nil {
		return nil, err
	}
	queries := make([]mine.Query, len(d.queries))
	for i, q := range d.queries {
		queries[i] = mine.Query{Text: q.Text, Excluded: answers.Excluded(q), Struck: d.said.Struck(q), Last: last[q.Key]}
		if o.Mine.Given != mine.Keep {
			continue
		}
		given, unknown := d.corpus.Given(q)
		if unknown != "" {
			return nil, badInputf("%s:%d: the negative %.80q is no passage of the corpus; add it there, or leave --given at replace", o.Rank.Data.Queries, q.Line, unknown)
		}
		queries[i].Given = given
	}
	return queries, nil
}

// lastNegatives reads the rows of the last round, by query key; nil where none are given.
func (o MineOptions) lastNegatives(h *host, d data) (map[string][]int32, error) {
	if o.Last == "" {
		return nil, nil
	}
	rows := map[string][]int32{}
	err := readInput(h, "last", o.Last, func(r io.Reader) error {
		lines := corpus.NewLines(r, o.Last, corpus.LineOptions{})
		return lines.Each(func(object corpus.Object) error {
			from, ok, err := provenance.OfRow(object)
			if err == nil && !ok {
				err = fmt.Errorf("the row has no %q: it was not mined by quarry", provenance.Key)
			}
			if err != nil {
				return lines.Errorf("%w", err)
			}
			for _, n := range from.Negatives {
				p, ok := d.corpus.ByID(n.ID)
				if !ok {
					return lines.Errorf("the negative %q is not in the corpus", n.ID)
				}
				rows[from.Key] = append(rows[from.Key], p)
			}
			return nil
		})
	})
	return mine.LastOf(rows, d.queries, d.corpus), err
}
