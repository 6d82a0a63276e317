// Command quarry mines hard negatives and fine-tunes text embedders, round after round, from one recipe.
//
// The commands are files of this package: each has its constructor, its options and a run function, which tests call
// without a process. Nothing below this package prints, exits or reads the environment.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/pipeline"
)

func main() {
	// The reader of standard output that goes away is an error of writing then, behind which a command tidies up, and not the end
	// of the process. Nobody reads the channel.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(execute(context.Background(), systemHost(), os.Args[1:]))
}

// execute runs a command line and returns the exit code.
func execute(ctx context.Context, h *host, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	root := newQuarryCommand(h)
	takeFlagEmbedding(root, h, args)
	root.SetArgs(args)
	root.SetOut(h.out)
	root.SetErr(h.err)
	started := false
	markStart(root, &started)
	cmd, err := root.ExecuteContextC(ctx)
	h.finish()
	h.spools.forget()
	if err != nil && !started {
		err = usage{cmd, err}
	}
	code := exitCode(ctx, err)
	tell(h.err, cmd, code, err)
	return code
}

func newQuarryCommand(h *host) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quarry",
		Short: "Mine hard negatives and fine-tune text embedders, round after round",
		Long: `Quarry turns a text embedder into a better one: it embeds a corpus and training queries, searches, mines hard
negatives, fine-tunes on them, evaluates every epoch, chooses one, and goes on with the result, round after round.

Exit codes: 0 done, 1 failed, 2 usage or bad input, 3 a stated expectation was missed, 130 interrupted.`,
		Args:              noCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	cmd.AddCommand(
		newDemoCommand(h),
		newInitCommand(h),
		newPlanCommand(h),
		newRunCommand(h),
		newSelectCommand(h),
		newReportCommand(h),
		newViewCommand(h),
		newCompareCommand(h),
		newDriftCommand(h),
		newPrepareCommand(h),
		newPullCommand(h),
		newSplitCommand(h),
		newConvertCommand(h),
		byRecipe(newEmbedCommand(h), h, pipeline.StageEmbed),
		byRecipe(newSearchCommand(h), h, pipeline.StageSearch),
		byRecipe(newMineCommand(h), h, pipeline.StageMine),
		newAuditCommand(h),
		newTeachCommand(h),
		byRecipe(newFinetuneCommand(h), h, pipeline.StageFinetune),
		byRecipe(newEvalCommand(h), h, pipeline.StageEval),
		byRecipe(newMergeCommand(h), h, pipeline.StageMerge),
		newTokenizeCommand(h),
		newDoctorCommand(h),
	)
	cmd.Version = version()
	cmd.SetFlagErrorFunc(unknownFlag)
	strictHelp(cmd)
	keepFlagOrder(cmd)
	return cmd
}
