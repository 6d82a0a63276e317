package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/rundir"
)

func TestExitCodes(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	ranked := []string{"--model", p.path("model"), "--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl")}
	with := func(command string, flags ...string) []string {
		return append(append([]string{command}, ranked...), flags...)
	}
	p.write(t, "rows.jsonl", "{\"query\":\"add one\",\"pos\":[\"zero\"],\"neg\":[\"two\"]}\n")
	tune := func(flags ...string) []string {
		return append([]string{"finetune", "--model", p.path("model"), "--train", p.path("rows.jsonl"), "--output", p.path("tuned")}, flags...)
	}
	bad := p.write(t, "bad.jsonl", "{\"id\":\"a\",\"query\":\"x\",\"positive_ids\":[\"p01\"]}\n{\"id\":\"b\",\"query\":\"\",\"positive_ids\":[\"p01\"]}\n")
	for _, tc := range []struct {
		name string
		args []string
		code int
		want string // in standard error
	}{
		{"help", []string{}, exitDone, ""},
		{"help of a command", []string{"embed", "--help"}, exitDone, ""},
		{"unknown command", []string{"embd"}, exitBadInput, `unknown command "embd"; did you mean embed?`},
		{"unknown command of prepare", []string{"prepare", "edi"}, exitBadInput, `unknown command "edi"; did you mean eedi?`},
		{"version", []string{"--version"}, exitDone, ""},
		{"help of no command", []string{"help", "nope"}, exitBadInput, `unknown command "nope"`},
		{"help of a near one", []string{"help", "prepare", "edi"}, exitBadInput, `did you mean eedi?`},
		{"help of a command in words", []string{"help", "prepare", "eedi"}, exitDone, ""},
		{"value of a switch", []string{"embed", "--normalize", "false"}, exitBadInput, `unexpected word "false": a flag that is on or off takes its value behind an equals sign, as in --normalize=false`},
		{"seed below 0", []string{"mine", "--seed", "-1"}, exitBadInput, "want a whole number from 0 on"},
		{"flag of no command", []string{"embed", "--qqqqqqqqq", "x"}, exitBadInput, "unknown flag: --qqqqqqqqq\n"},
		{"unknown flag", []string{"embed", "--modle", "x"}, exitBadInput, "quarry embed: unknown flag: --modle; did you mean --model?\n`quarry embed --help` lists"},
		{"word behind the flags", []string{"doctor", "now"}, exitBadInput, `unexpected word "now": the command takes flags alone`},
		{"flag of another type", []string{"search", "--depth", "ten"}, exitBadInput, `invalid argument "ten" for "--depth": want a whole number` + "\n"},
		{"a fraction of steps", []string{"finetune", "--warmup-steps", "1.5"}, exitBadInput, `invalid argument "1.5" for "--warmup-steps": want a whole number` + "\n"},
		{"a word for a margin", []string{"mine", "--margin", "abc"}, exitBadInput, "want a number\n"},
		{"a temperature that is not given", []string{"mine", "--source", "bm25", "--corpus", "c", "--queries", "q", "--output", "o", "--sampling", "score"}, exitBadInput, "--sampling by score needs a --sampling-temperature above 0"},
		{"shares of more than all", []string{"mine", "--source", "bm25", "--corpus", "c", "--queries", "q", "--output", "o", "--kept", "0.6", "--random", "0.6", "--last", bad}, exitBadInput, "--kept 0.6 and --random 0.6 are together more than all 15 negatives"},
		{"a BEIR folder", []string{"mine", "--data", "scifact"}, exitBadInput, "by: quarry convert --data DIR --to quarry --out FOLDER"},
		{"a word for a share", []string{"finetune", "--warmup-ratio", "some"}, exitBadInput, `invalid argument "some" for "--warmup-ratio": want a number` + "\n"},
		{"neither on nor off", []string{"embed", "--normalize=maybe"}, exitBadInput, "want true or false"},
		{"size without unit", []string{"doctor", "--memory", "5"}, exitBadInput, `want a size with its unit`},
		{"needed flag", []string{"embed"}, exitBadInput, "--model is needed"},
		{"model or vectors", []string{"search", "--corpus", "c", "--queries", "q"}, exitBadInput, "--model is needed, or --corpus-vectors"},
		{"no such file", with("search", "--queries", p.path("none.jsonl")), exitBadInput, "--queries: open "},
		{"broken line", with("eval", "--queries", bad), exitBadInput, "bad.jsonl:2: empty query"},
		{"no such model", with("eval", "--model", p.path("nowhere")), exitBadInput, "--model: "},
		{"unknown path", with("eval", "--cpu", "abacus"), exitBadInput, "abacus"},
		{"unknown precision", with("eval", "--precision", "f8"), exitBadInput, `precision "f8" is unknown`},
		{"unknown pooling", with("eval", "--pooling", "most"), exitBadInput, "--pooling: "},
		{"length beyond the model", with("eval", "--max-length", "65"), exitBadInput, "--max-length: max length 65: the model has 64 positions"},
		{"negative length", with("eval", "--query-max-length", "-1"), exitBadInput, "--query-max-length -1"},
		{"two placeholders", with("eval", "--query-prompt", "{}{}"), exitBadInput, "--query-prompt: "},
		{"unknown metric", with("eval", "--metrics", "mpa@25"), exitBadInput, "--metrics: "},
		{"unknown convention", with("eval", "--convention", "mine"), exitBadInput, "--convention: "},
		{"expectation met", with("eval", "--expect", "map@25>=0.01"), exitDone, ""},
		{"expectation missed", with("eval", "--expect", "map@25>=1.5"), exitMissed, "expected map@25 >= 1.5, got 0."},
		{"expectation of nothing measured", with("eval", "--expect", "map@7>=0.5"), exitBadInput, "map@7 is not among --metrics"},
		{"no room for the adapters", tune("--method", "lora", "--lora-rank", "1000000000", "--memory", "1GiB"), exitBadInput, ", for the program and its texts too, or lower --lora-rank"},
		{"no room for a training", tune("--memory", "1MiB"), exitBadInput, "training takes at least "},
		{"adapters without lora", tune("--lora-rank", "8"), exitBadInput, "--lora-rank has no part without --method lora"},
		{"measures of nothing held out", tune("--metrics", "map@5"), exitBadInput, "--metrics has no part without --dev"},
		{"no steps", tune("--max-steps", "0"), exitBadInput, "--max-steps 0: at least 1"},
		{"steps below none", tune("--max-steps", "-1"), exitBadInput, "--max-steps -1: at least 1"},
		{"round of draws below 0", tune("--round", "-1"), exitBadInput, "--round -1"},
		{"infinite rate", tune("--learning-rate", "inf"), exitBadInput, "--learning-rate +Inf: a positive, finite number"},
		{"infinite clip", tune("--clip", "inf"), exitBadInput, "clip +Inf"},
		{"infinite epsilon", tune("--eps", "inf"), exitBadInput, "eps +Inf"},
		{"share beside dev", []string{"init", "--corpus", "c", "--train", "t", "--dev", "d", "--model", "m", "--dev-share", "0.3"}, exitBadInput, "--dev-share and --seed have no part beside --dev"},
		{"length of nothing", with("eval", "--max-length", "0"), exitBadInput, "--max-length 0: at least 1"},
		{"prompt of given vectors", []string{"search", "--corpus-vectors", "c", "--query-vectors", "q", "--query-prompt", "x"}, exitBadInput, "--query-prompt has no part without --model"},
		{"round of mining below 0", with("mine", "--output", p.path("m"), "--round", "-1"), exitBadInput, "--round -1: rounds are counted from 0"},
		{"expectation of no number", with("eval", "--expect", "map@25>=nan"), exitBadInput, `"nan" is no number to compare with`},
		{"no metric", with("eval", "--metrics", ""), exitBadInput, "--metrics names no measure"},
		{"a directory as corpus", with("eval", "--corpus", p.path("model")), exitBadInput, "--corpus: open "},
		{"broken window", with("mine", "--output", p.path("m"), "--window", "9-3"), exitBadInput, "--window: "},
		{"output that cannot be written", with("search", "--output", p.path("bad.jsonl/run.trec")), exitFailed, "run.trec"},
		{"too few negatives", with("mine", "--output", p.path("m"), "--negatives", "-1"), exitBadInput, "quarry mine: --negatives: -1 is not positive"},
		{"limits that cross", with("mine", "--output", p.path("m"), "--min-score", "3", "--max-score", "1"), exitBadInput, "--min-score 3 is above --max-score 1"},
		{"a window without end", with("mine", "--output", p.path("m"), "--window", "0-999999999999"), exitBadInput, "--window: window \"0-999999999999\": a rank is too large"},
		{"a cutoff without end", with("eval", "--metrics", "recall@99999999999"), exitBadInput, "the cutoff 99999999999 is too large"},
		{"a number without end", tune("--batch", "99999999999999999999"), exitBadInput, "--batch 99999999999999999999: the number is too large"},
		{"another environment", []string{"doctor", "--cpu", "foo"}, exitBadInput, `--cpu: processor path "foo" is not available here`},
		{"no reason", []string{"select", "runs/x", "--round", "0", "--epoch", "0"}, exitBadInput, "quarry select: --because is needed"},
		{"no recipe", []string{"run"}, exitBadInput, "quarry run: RECIPE is needed"},
		{"two runs", []string{"report", "a", "b"}, exitBadInput, "quarry report: one RUN is wanted, got 2 words: a b"},
		{"round before the first", []string{"select", "runs/x", "--round", "-1", "--epoch", "0", "--because", "x"}, exitBadInput, "--round -1: rounds are counted from 0"},
		{"plan of nothing", []string{"plan", p.path("none.yaml")}, exitBadInput, "none.yaml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			if code := h.run(t, tc.args...); code != tc.code {
				t.Errorf("exit code %d, want %d\n%s", code, tc.code, h.err.String())
			}
			if !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("standard error %q, want %q in it", h.err.String(), tc.want)
			}
		})
	}
}

func TestInterruptionHasItsOwnCode(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := newTestHost()
	args := []string{"embed", "--model", p.path("model"), "--input", p.path("corpus.jsonl"), "--output", p.path("v.npy")}
	if code := execute(ctx, h.host, args); code != exitInterrupted {
		t.Errorf("exit code %d, want %d\n%s", code, exitInterrupted, h.err.String())
	}
	if !strings.Contains(h.err.String(), "interrupted: nothing is left half written") {
		t.Errorf("standard error %q does not say how to go on", h.err.String())
	}
	if _, err := os.Stat(p.path("v.npy")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an interrupted embed left its output: %v", err)
	}
}

func TestExitCodeOfErrors(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name string
		ctx  context.Context
		err  error
		want int
	}{
		{"none", t.Context(), nil, exitDone},
		{"plain", t.Context(), errors.New("disk full"), exitFailed},
		{"input", t.Context(), fmt.Errorf("stage: %w", badInputf("line 3")), exitBadInput},
		{"input beside a failure", t.Context(), errors.Join(badInputf("line 3"), errors.New("close")), exitBadInput},
		{"missed", t.Context(), missedError{errors.New("0.1")}, exitMissed},
		{"interrupted", done, fmt.Errorf("embed: %w", context.Canceled), exitInterrupted},
		{"interrupted while reading", done, badInput(fmt.Errorf("read: %w", context.Canceled)), exitInterrupted},
		{"a failure after an interruption", done, errors.New("disk full"), exitFailed},
		{"a cancellation of its own", t.Context(), context.Canceled, exitFailed},
		{"failure on its way", t.Context(), inputUnlessFailure(fmt.Errorf("write: %w", asFailure(errors.New("disk full")))), exitFailed},
		{"a full disk at the start of a run", t.Context(), inputUnlessWriting(fmt.Errorf("open: %w", &rundir.WriteError{Path: "lock", Err: syscall.ENOSPC})), exitFailed},
		{"other data at the start of a run", t.Context(), inputUnlessWriting(errors.New("other data")), exitBadInput},
		{"input on its way", t.Context(), inputUnlessFailure(errors.New("line 3")), exitBadInput},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := exitCode(tc.ctx, tc.err); got != tc.want {
				t.Errorf("exit code %d, want %d", got, tc.want)
			}
		})
	}
}

// TestHelp holds the help of every command; the invariant beside it is that each has its line in docs/commands.md.
func TestHelp(t *testing.T) {
	page, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			var help bytes.Buffer
			cmd.SetOut(&help)
			mustBe(t, cmd.Help())
			golden.Check(t, filepath.Join("testdata", "help", strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".txt"), help.Bytes())
			if !strings.Contains(string(page), "`"+cmd.CommandPath()) {
				t.Errorf("docs/commands.md does not name `%s`", cmd.CommandPath())
			}
		})
		for _, c := range cmd.Commands() {
			if !c.Hidden && c.Name() != "help" && c.Name() != "completion" {
				visit(c)
			}
		}
	}
	visit(newQuarryCommand(newTestHost().host))
}
