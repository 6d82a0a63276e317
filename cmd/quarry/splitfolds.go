package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/prepare"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// SplitOptions are the flags of quarry split.
type SplitOptions struct {
	Data        DataOptions
	Folds       int
	UnseenShare *float64
	Seed        uint64
	Out         string
	Recipe      string
	Force       bool
	JSON        bool
}

func newSplitCommand(h *host) *cobra.Command {
	var o SplitOptions
	cmd := &cobra.Command{
		Use:   "split --corpus FILE --queries FILE --folds K --out DIR",
		Short: "Cut queries into folds for cross-validation, whole groups together",
		Long: `Cut queries into folds: DIR/fold-I/train.jsonl and DIR/fold-I/dev.jsonl, rows as they are. Rows that share a text or a
group stay together. With --unseen-share, so many of every fold's dev queries have a positive that no query of its train
has: further positives keep their queries in one fold, or, where the data has more such queries than that, some stay in
train throughout. Which fold a row is in depends on seed, texts, groups and positives, never on the order of the file.

With --recipe, a recipe is written beside it for each fold, NAME.fold-I.yaml: run them, then
'quarry report --folds' on all of them shows means over the folds.`,
		Example: `  quarry split --corpus corpus.jsonl --queries all.jsonl --group-field question_id --folds 5 --unseen-share 0.25 --out folds
  quarry split --corpus corpus.jsonl --queries all.jsonl --folds 5 --out folds --recipe eedi.yaml
  for f in eedi.fold-*.yaml; do quarry run $f; done
  quarry report --folds eedi.fold-*.yaml`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSplit(cmd.Context(), o, h) },
	}
	f := cmd.Flags()
	o.Data.AddFlags(f)
	f.IntVar(&o.Folds, "folds", 5, "how many folds")
	optionalFloat(f, &o.UnseenShare, "unseen-share", "share of every dev's queries whose positives its train lacks (as the data has it)")
	seedFlag(f, &o.Seed, 42, "seed of the cut")
	f.StringVar(&o.Out, "out", "", "`directory` to write")
	f.StringVar(&o.Recipe, "recipe", "", "recipe `file` to write one for each fold of")
	f.BoolVar(&o.Force, "force", false, "replace folds that are there, also those of a split into more of them")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	return cmd
}

// foldsJSON is what split --json prints.
type foldsJSON struct {
	Schema  int        `json:"schema"`
	Queries int        `json:"queries"`
	Kept    int        `json:"always_in_train"`
	Wanted  *float64   `json:"wanted_unseen_share,omitempty"`
	Unseen  float64    `json:"unseen_share"` // of the dev queries of all folds
	Folds   []foldJSON `json:"folds"`
}

type foldJSON struct {
	Train  int     `json:"train"`
	Dev    int     `json:"dev"`
	Units  int     `json:"units"`
	Unseen int     `json:"unseen"`
	Share  float64 `json:"unseen_share"`
}

// runSplit cuts the queries, writes the folds and says what they hold.
func runSplit(ctx context.Context, o SplitOptions, h *host) error {
	if err := need("out", o.Out); err != nil {
		return err
	}
	options := prepare.FoldOptions{Folds: o.Folds, UnseenShare: o.UnseenShare, Seed: o.Seed}
	if err := options.Validate(); err != nil {
		return badInputf("--folds, --unseen-share: %w", err)
	}
	var base *recipe.Recipe
	if o.Recipe != "" {
		var err error
		if base, err = recipe.Load(o.Recipe); err != nil {
			return badInput(err)
		}
	}
	d, err := o.Data.read(h, false)
	if err != nil {
		return err
	}
	if base != nil {
		if err := o.checkCorpus(ctx, base); err != nil {
			return err
		}
	}
	if err := options.ValidateFor(len(d.queries)); err != nil { // before each of so many folds is looked for
		return badInputf("--folds: %s: %w", o.Data.Queries, err)
	}
	left, err := o.leftovers(base)
	if err != nil {
		return err
	}
	if err := o.checkOutputs(ctx, left); err != nil {
		return err
	}
	folds, err := prepare.Cut(ctx, d.queries, options)
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil {
		return badInputf("%s: %w", o.Data.Queries, err)
	}
	if err := left.remove(h); err != nil {
		return err
	}
	for i := range folds.Dev {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := o.writeFold(h, d.queries, folds, i); err != nil {
			return err
		}
		if base != nil {
			if err := o.writeRecipe(base, i); err != nil {
				return err
			}
		}
	}
	return o.tell(h, len(d.queries), folds)
}

// checkCorpus refuses a recipe with another corpus than the folds' queries have their positives in.
func (o SplitOptions) checkCorpus(ctx context.Context, base *recipe.Recipe) error {
	if o.Data.Corpus == standard || sameFile(o.Data.Corpus, base.Data.Corpus.File) {
		return nil
	}
	own, _, err := rundir.DigestFile(ctx, rundir.RowFiles(rundir.OS{}), o.Data.Corpus)
	if err != nil {
		return badInput(err)
	}
	named, _, err := rundir.DigestFile(ctx, rundir.RowFiles(rundir.OS{}), base.Data.Corpus.File)
	if err != nil {
		return badInputf("%s: data.corpus: %w", base.At("data.corpus"), err)
	}
	if own != named {
		return badInputf("%s: data.corpus %s is not --corpus %s: the positives of the folds are passages of the latter; name one of them in both", base.At("data.corpus"), base.Data.Corpus.Written, o.Data.Corpus)
	}
	return nil
}

// checkOutputs refuses to write over what is read and, unless told to, over what is there or beside folds of another split.
func (o SplitOptions) checkOutputs(ctx context.Context, left leftovers) error {
	replaced := left.files()
	for i := range o.Folds {
		replaced = append(replaced, filepath.Join(o.foldDir(i), "train.jsonl"), filepath.Join(o.foldDir(i), "dev.jsonl"), o.recipeFile(i))
	}
	for _, file := range replaced {
		for flag, input := range map[string]string{"corpus": o.Data.Corpus, "queries": o.Data.Queries, "recipe": o.Recipe} {
			if sameFile(file, input) {
				return badInputf("--%s %s is a file of the folds: choose another --out, or the input would be lost", flag, input)
			}
		}
	}
	if o.Force {
		return nil
	}
	for _, path := range slices.Concat(left.folds, left.recipes) {
		return badInputf("%s is there already, of a split into more folds: name another --out, or replace that split with --force", path)
	}
	for i := range o.Folds {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, path := range []string{o.foldDir(i), o.recipeFile(i)} {
			if path == "" {
				continue
			}
			if _, err := os.Stat(path); err == nil {
				return badInputf("%s is there already: name another --out, or replace it with --force", path)
			}
		}
	}
	return nil
}

func (o SplitOptions) foldDir(i int) string { return filepath.Join(o.Out, fmt.Sprintf("fold-%d", i)) }

// recipeFile is the recipe of a fold, empty where none is asked for.
func (o SplitOptions) recipeFile(i int) string {
	if o.Recipe == "" {
		return ""
	}
	extension := filepath.Ext(o.Recipe)
	return fmt.Sprintf("%s.fold-%d%s", strings.TrimSuffix(o.Recipe, extension), i, extension)
}

func (o SplitOptions) writeFold(h *host, queries []corpus.Query, folds prepare.Folds, i int) error {
	held := map[int]bool{}
	for _, row := range folds.Dev[i] {
		held[row] = true
	}
	var train, dev []corpus.Query
	for row, q := range queries {
		if held[row] {
			dev = append(dev, q)
		} else {
			train = append(train, q)
		}
	}
	for name, rows := range map[string][]corpus.Query{"train.jsonl": train, "dev.jsonl": dev} {
		if err := copyRows(h, "queries", o.Data.Queries, filepath.Join(o.foldDir(i), name), rows); err != nil {
			return err
		}
	}
	return nil
}

// writeRecipe writes the recipe of a fold beside the one it is made from, so that its paths mean the same.
func (o SplitOptions) writeRecipe(base *recipe.Recipe, i int) error {
	beside := func(name string) (string, error) {
		path, err := filepath.Abs(filepath.Join(o.foldDir(i), name))
		if err != nil {
			return "", err
		}
		folder, err := filepath.Abs(filepath.Dir(o.Recipe))
		if err != nil {
			return "", err
		}
		if relative, err := filepath.Rel(folder, path); err == nil && filepath.IsLocal(relative) {
			path = relative
		}
		return filepath.ToSlash(path), nil
	}
	train, err := beside("train.jsonl")
	if err != nil {
		return err
	}
	dev, err := beside("dev.jsonl")
	if err != nil {
		return err
	}
	text, err := os.ReadFile(o.Recipe)
	if err != nil {
		return err
	}
	written, err := recipe.WithData(text, fmt.Sprintf("%s.fold-%d", base.Name, i), train, dev)
	if err != nil {
		return badInputf("--recipe %s: %w", o.Recipe, err)
	}
	return rundir.WriteFile(rundir.OS{}, o.recipeFile(i), func(w io.Writer) error {
		_, err := w.Write(written)
		return err
	})
}

// tell prints what the folds hold.
func (o SplitOptions) tell(h *host, queries int, folds prepare.Folds) error {
	if o.UnseenShare != nil {
		if text := folds.Missed(*o.UnseenShare); text != "" {
			h.note("warning: --unseen-share: %s", text)
		}
	}
	if o.JSON {
		out := foldsJSON{Schema: schema, Queries: queries, Kept: len(folds.Train), Wanted: o.UnseenShare, Unseen: folds.Unseen()}
		for _, p := range folds.Parts {
			out.Folds = append(out.Folds, foldJSON{p.Train, p.Dev, p.Units, p.Unseen, p.Share()})
		}
		return printJSON(h, out)
	}
	text := rightAligned(func(w *tabwriter.Writer) {
		fmt.Fprint(w, "fold\ttrain\tdev\tunits of dev\tunseen\tshare\t\n")
		for i, p := range folds.Parts {
			fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%.1f %%\t\n", i, p.Train, p.Dev, p.Units, p.Unseen, 100*p.Share())
		}
	})
	if o.UnseenShare != nil {
		text += fmt.Sprintf("%.1f %% of the dev queries are unseen, %.1f %% were asked for\n", 100*folds.Unseen(), 100**o.UnseenShare)
	}
	if n := len(folds.Train); n > 0 {
		stay := "stay"
		if n == 1 {
			stay = "stays"
		}
		text += fmt.Sprintf("%s %s in train in every fold: held out, more would be unseen than was asked for\n", report.Counted(n, "query", "queries"), stay)
	}
	return h.printf("%s", text)
}
