package main

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/pipeline"
)

func newPlanCommand(h *host) *cobra.Command {
	var o RunOptions
	cmd := &cobra.Command{
		Use:   "plan RECIPE",
		Short: "Say what a run would do, why, and what it costs",
		Long: `Say what ` + "`quarry run`" + ` would do with a recipe: the recipe with every default filled in, each stage with its reason to
run or to be skipped, and tokens, steps, memory, disk and time. It trains nothing and writes nothing, but for weights
that the recipe wants rounded, into Quarry's cache; the time comes from embedding a few of the recipe's own texts, and
from what a teacher takes for some of them. Of the rounds after the first it shows what differs from the first; --resolved shows them whole.`,
		Args: one("RECIPE"),
		RunE: func(cmd *cobra.Command, args []string) error { return runPlan(cmd.Context(), h, o, args[0]) },
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVar(&o.Resolved, "resolved", false, "print the recipe with every default filled in, all rounds whole, and nothing else")
	return cmd
}

func runPlan(ctx context.Context, h *host, o RunOptions, path string) error {
	if o.JSON && o.Resolved {
		return badInputf("--json and --resolved contradict each other")
	}
	if err := h.machine.checkPath(o.CPU); err != nil {
		return err
	}
	r, err := h.loadRecipe(ctx, path)
	if err != nil {
		return err
	}
	if o.Resolved {
		resolved, err := r.Resolved()
		if err != nil {
			return err
		}
		return h.printf("%s", resolved)
	}
	if r.Folds.Count > 0 {
		return planFolds(ctx, h, r, o)
	}
	plan, err := pipeline.MakePlan(ctx, r, pipelineOptions(h, r, o))
	if err != nil {
		return inputUnlessWriting(err)
	}
	for _, warning := range plan.Warnings {
		h.note("warning: %s", warning)
	}
	if o.JSON {
		return printJSON(h, struct {
			Schema int `json:"schema"`
			*pipeline.Plan
		}{1, plan})
	}
	resolved, err := r.Brief()
	if err != nil {
		return err
	}
	return h.printf("%s\n%s", resolved, planText(plan))
}

// planText is a plan for people.
func planText(p *pipeline.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "run directory   %s\nidentity        %s\nembedding rate  %.0f tokens/s\n\n", p.Dir, p.Identity, p.TokensPerSecond)
	width := 14
	for _, s := range p.Stages {
		width = max(width, utf8.RuneCountInString(s.Stage))
	}
	for _, s := range p.Stages {
		fmt.Fprintf(&b, "round %d  %-*s %-8s %s\n", s.Round, width, s.Stage, s.State, strings.Join(s.Reasons, "; "))
	}
	for i, c := range p.Rounds {
		if i > 0 && c.Like(p.Rounds[0]) {
			fmt.Fprintf(&b, "\nround %d, all of it: as round 0\n", c.Round)
			continue
		}
		fmt.Fprintf(&b, "\nround %d, all of it\n", c.Round)
		fmt.Fprintf(&b, "  a step     %d queries x %d columns; %d steps an epoch, %d in all, %d of them warm-up\n", c.QueriesPerStep, c.ColumnsPerRow, c.StepsPerEpoch, c.Steps, c.WarmupSteps)
		for _, s := range c.Sets {
			fmt.Fprintf(&b, "  %-10s %s\n", "a set", setText(s))
		}
		if c.Rules != nil {
			fmt.Fprintf(&b, "  mining     %s\n", strings.Join(c.Rules, ", "))
		}
		fmt.Fprintf(&b, "  tokens     embed %d, train %d, eval %d", c.EmbedTokens, c.TrainTokens, c.EvalTokens)
		if c.AlsoTokens > 0 {
			fmt.Fprintf(&b, ", eval of data.also %d", c.AlsoTokens)
		}
		fmt.Fprintln(&b)
		for _, s := range c.Sources {
			fmt.Fprintf(&b, "  source     %s, %d tokens, %.0f tokens/s\n", s.Name, s.Tokens, s.TokensPerSecond)
		}
		if t := c.Teacher; t != nil {
			fmt.Fprintf(&b, "  teacher    %s, at most %d pairs and about %d tokens, %.0f tokens/s\n", t.Kind, t.Pairs, t.Tokens, t.TokensPerSecond)
		}
		memory := "weights, gradients, moments, one block and a step's scores"
		if c.Outside {
			memory = "eval_loss: weights, one block and a batch's scores; the outside trainer's own comes on top"
		}
		fmt.Fprintf(&b, "  memory     %s for %s\n", bytesText(c.Memory), memory)
		fmt.Fprintf(&b, "  disk       %s\n", bytesText(c.Disk))
		fmt.Fprintf(&b, "  time       about %s\n", secondsText(c.Seconds))
	}
	fmt.Fprintf(&b, "\nwhat is left to do takes about %s\n", secondsText(p.Seconds))
	return b.String()
}

// setText is a set's part in training for people.
func setText(s pipeline.SetCosts) string {
	name, weight := "the run's own", "by size"
	if s.Name != "" {
		name = s.Name
	}
	if s.Weight > 0 {
		weight = fmt.Sprintf("weight %g", s.Weight)
	}
	return fmt.Sprintf("%s: %d queries, %s: %d steps an epoch of %d queries x %d columns", name, s.Queries, weight, s.StepsPerEpoch, s.QueriesPerStep, s.ColumnsPerRow)
}

func bytesText(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}

func secondsText(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d >= time.Minute {
		return d.Round(time.Minute).String()
	}
	return d.Round(time.Second).String()
}
