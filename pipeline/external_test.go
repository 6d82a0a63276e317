package pipeline

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
)

// outside is the options of a run whose recipe names programs.
func outside() Options { return Options{Environment: []string{"PATH=" + os.Getenv("PATH")}} }

// outsideRecipe is a round trained by a shell command.
func outsideRecipe(t *testing.T, command string, pairs ...string) string {
	t.Helper()
	return edit(t, append([]string{"finetune: {", "finetune: {external: {command: '" + command + "'}, ", "  - mine: {window: 0-6}\n", ""}, pairs...)...)
}

// leave copies a folder to each epoch.
func leave(folder string, epochs ...int) string {
	var commands []string
	for _, epoch := range epochs {
		commands = append(commands, fmt.Sprintf(`cp -r %s "$QUARRY_OUTPUT/epoch-%d"`, folder, epoch))
	}
	return strings.Join(commands, " && ")
}

// TestAnOutsideTrainer lets a shell command leave two epochs: the base as it is, twice.
func TestAnOutsideTrainer(t *testing.T) {
	r := tinyProject(t, outsideRecipe(t, leave(`"$QUARRY_BASE"`, 1, 2)+` && wc -l < "$QUARRY_TRAIN"`))
	notes, err := runTiny(t, r, outside())
	if err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	if !strings.Contains(notes, "30") {
		t.Errorf("the command's output is missing from the notes:\n%s", notes)
	}
	s, err := look(t, r).ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Epochs) != 3 || s.Epochs[1].Dev.All[0] != s.Epochs[0].Dev.All[0] {
		t.Errorf("got %+v", s.Epochs)
	}
	own := tinyProject(t, edit(t, "epochs: 2", "epochs: 1", "  - mine: {window: 0-6}\n", ""))
	mustRun(t, own)
	want, err := look(t, own).ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Epochs {
		if e.EvalLoss == nil || *e.EvalLoss != *want.Epochs[0].EvalLoss {
			t.Errorf("epoch %d is the base, but its eval_loss is %v, not %v", e.Epoch, e.EvalLoss, *want.Epochs[0].EvalLoss)
		}
	}
}

// TestAnOutsideAdapter takes the adapter that Quarry's own trainer left, and its eval_loss with it.
func TestAnOutsideAdapter(t *testing.T) {
	own := tinyProject(t, edit(t, "finetune: {epochs: 2", "finetune: {method: lora, lora: {dropout: 0}, epochs: 1", "  - mine: {window: 0-6}\n", ""))
	mustRun(t, own)
	adapter := look(t, own).Round(0).Epoch(1)
	r := tinyProject(t, outsideRecipe(t, leave(adapter, 1), "epochs: 2", "epochs: 1"))
	if notes, err := runTiny(t, r, outside()); err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	want, err := look(t, own).ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := look(t, r).ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	for epoch, e := range got.Epochs {
		if math.Abs(*e.EvalLoss-*want.Epochs[epoch].EvalLoss) > 1e-5 { // one graph has the adapter frozen, the other trained
			t.Errorf("epoch %d: eval_loss %v, want %v", epoch, *e.EvalLoss, *want.Epochs[epoch].EvalLoss)
		}
	}
}

func TestAnOutsideTrainerIsToldWhatIsWrong(t *testing.T) {
	for _, tc := range []struct{ name, command, want string }{
		{"that fails", "exit 3", "exit status 3"},
		{"that leaves nothing", "true", "left no epoch-1 in QUARRY_OUTPUT, but nothing of that name"},
		{"that leaves a gap", leave(`"$QUARRY_BASE"`, 1, 3), "left no epoch-2 in QUARRY_OUTPUT, but epoch-1, epoch-3: finetune.epochs is 2"},
		{"that leaves too few", leave(`"$QUARRY_BASE"`, 1), "left no epoch-2"},
		{"that leaves too many", leave(`"$QUARRY_BASE"`, 1, 2, 3), "left epoch-3 in QUARRY_OUTPUT: finetune.epochs is 2, which wants epoch-1 to epoch-2 and no others"},
		{"that leaves rubbish", `mkdir -p "$QUARRY_OUTPUT/epoch-1" "$QUARRY_OUTPUT/epoch-2" && echo x > "$QUARRY_OUTPUT/epoch-1/config.json"`, "epoch 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tinyProject(t, outsideRecipe(t, tc.command))
			if _, err := runTiny(t, r, outside()); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "recipe.yaml:") {
				t.Errorf("got %v, want the recipe's line and %q", err, tc.want)
			}
		})
	}
}

// TestAnOutsideModelHasTheRoundsContract trains from a base with CLS pooling under the recipe's prompts. All models have
// the base's weights, so an epoch that is embedded as the base is scores as the base does.
func TestAnOutsideModelHasTheRoundsContract(t *testing.T) {
	const prompted = `{"prompts": {"query": %q, "document": ""}, "default_prompt_name": null, "similarity_fn_name": "cosine"}`
	for _, tc := range []struct {
		name    string
		options tinymodel.Options
		prompt  string // of the trainer's model; empty leaves the file as it is
		remove  []string
		want    string // of the error; empty is none
	}{
		{"AutoModel.save_pretrained, with a tokenizer", tinymodel.Options{Plain: true}, "", nil, ""},
		{"AutoModel.save_pretrained, alone", tinymodel.Options{Plain: true}, "", []string{"tokenizer.json", "tokenizer_config.json", "vocab.txt"}, ""},
		{"SentenceTransformer.save without prompts", tinymodel.Options{Pooling: "cls"}, "", nil, ""},
		{"SentenceTransformer.save with the recipe's prompt", tinymodel.Options{Pooling: "cls"}, "q: ", nil, ""},
		{"SentenceTransformer.save with another prompt", tinymodel.Options{Pooling: "cls"}, "ask: ", nil, `whose base is model: query prompt: "ask: ", not "q: "`},
		{"SentenceTransformer.save with other modules", tinymodel.Options{}, "", nil, "whose base is model: pooling: mean, not cls"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tinyProject(t, outsideRecipe(t, leave("trained", 1, 2), "model: model\n", "model: model\nprompts: {query: \"q: {}\"}\n", "select: {metric: map@25}", `select: {epoch: 1, because: "it is the trainer's"}`))
			dir := filepath.Dir(r.File())
			if err := os.RemoveAll(filepath.Join(dir, "model")); err != nil {
				t.Fatal(err)
			}
			if err := tinymodel.Write(filepath.Join(dir, "model"), tinymodel.Options{Pooling: "cls"}); err != nil {
				t.Fatal(err)
			}
			if err := tinymodel.Write(filepath.Join(dir, "trained"), tc.options); err != nil {
				t.Fatal(err)
			}
			for _, name := range tc.remove {
				if err := os.Remove(filepath.Join(dir, "trained", name)); err != nil {
					t.Fatal(err)
				}
			}
			if tc.prompt != "" {
				if err := os.WriteFile(filepath.Join(dir, "trained", "config_sentence_transformers.json"), fmt.Appendf(nil, prompted, tc.prompt), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			notes, err := runTiny(t, r, outside())
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "recipe.yaml:") {
					t.Errorf("got %v, want the recipe's line and %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, notes)
			}
			d := look(t, r)
			s, err := d.ReadScores(0)
			if err != nil {
				t.Fatal(err)
			}
			if base, epoch := s.Epochs[0], s.Epochs[1]; fmt.Sprint(base.Dev.All) != fmt.Sprint(epoch.Dev.All) || *base.EvalLoss != *epoch.EvalLoss {
				t.Errorf("the base scores %v at eval_loss %v, its copy %v at %v", base.Dev.All, *base.EvalLoss, epoch.Dev.All, *epoch.EvalLoss)
			}
			merged, err := model.ReadDirectory(d.Round(0).Merged(), model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if c := merged.Contract; len(merged.Assumed) > 0 || c.Pooling != model.PoolCLS || c.Query.Template != "q: {}" || !c.Normalize {
				t.Errorf("the merged model says %+v, assumed %q", c, merged.Assumed)
			}
		})
	}
}

// TestAnotherTrainerTrainsAnew edits what an unchanged command runs.
func TestAnotherTrainerTrainsAnew(t *testing.T) {
	r := tinyProject(t, edit(t, "finetune: {", "finetune: {external: {command: [sh, train.sh], inputs: [parts]}, ", "  - mine: {window: 0-6}\n", ""))
	dir := filepath.Dir(r.File())
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func() string {
		notes, err := runTiny(t, r, outside())
		if err != nil {
			t.Fatalf("%v\n%s", err, notes)
		}
		return notes
	}
	write("parts/copy.sh", leave(`"$QUARRY_BASE"`, 1, 2))
	write("train.sh", ". parts/copy.sh")
	run()
	write("parts/__pycache__/copy.cpython-312.pyc", "compiled as the trainer ran")
	write("parts/inner/__pycache__/notes", "of the same folder")
	write("parts/copy.pyc", "compiled by hand")
	if notes := run(); !strings.Contains(notes, "round 0: every stage done before, unchanged") {
		t.Errorf("nothing has changed but what Python compiles:\n%s", notes)
	}
	write("train.sh", ". ./parts/copy.sh")
	if notes := run(); !strings.Contains(notes, "finetune: input changed: trainer: train.sh") {
		t.Errorf("the edited program was not run:\n%s", notes)
	}
	write("parts/copy.sh", leave(`"$QUARRY_BASE"`, 2, 1))
	if notes := run(); !strings.Contains(notes, "finetune: input changed: trainer: parts") {
		t.Errorf("the edited part was not run:\n%s", notes)
	}
}

// TestAnOutsideTrainerGetsWholePaths runs a recipe that lies in another folder than the process's.
func TestAnOutsideTrainerGetsWholePaths(t *testing.T) {
	whole := tinyProject(t, outsideRecipe(t, leave(`"$QUARRY_BASE"`, 1, 2)))
	dir := filepath.Dir(whole.File())
	t.Chdir(filepath.Dir(dir))
	r, err := recipe.Load(filepath.Join(filepath.Base(dir), "recipe.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if notes, err := runTiny(t, r, outside()); err != nil {
		t.Errorf("%v\n%s", err, notes)
	}
}

// TestAnOutsideTrainerNeedsTheMemoryOfItsJudgeAlone runs in less than a training of Quarry's own would take, down to what
// eval_loss takes; less than that is told before the command has run.
func TestAnOutsideTrainerNeedsTheMemoryOfItsJudgeAlone(t *testing.T) {
	r := tinyProject(t, outsideRecipe(t, "touch ran; "+leave(`"$QUARRY_BASE"`, 1, 2)))
	least := leastMemory(t, r)
	if own := leastMemory(t, tinyProject(t, tinyRecipe)); least >= own/2 {
		t.Fatalf("eval_loss takes %d bytes, a training %d", least, own)
	}
	o := outside()
	o.Memory = least - 1
	_, err := runTiny(t, r, o)
	if err == nil || !strings.Contains(err.Error(), "eval_loss takes at least") || !strings.Contains(err.Error(), "raise memory, or lower finetune.block_tokens or finetune.batch") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(r.File()), "ran")); err == nil {
		t.Error("the command ran before the memory was looked at")
	}
	plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: tinyWorkers(), Memory: least})
	if err != nil {
		t.Fatal(err)
	}
	own, err := tinyPlan(t, tinyProject(t, tinyRecipe), Options{Path: exactpath.Fastest, Workers: tinyWorkers()})
	if err != nil {
		t.Fatal(err)
	}
	if c := plan.Rounds[0]; !c.Outside || c.Memory >= own.Rounds[0].Memory {
		t.Errorf("the plan's memory is %d, as if Quarry trained in %d", c.Memory, own.Rounds[0].Memory)
	}
	o.Memory = least
	if notes, err := runTiny(t, r, o); err != nil {
		t.Errorf("%v\n%s", err, notes)
	}
}

// TestDevIsLookedAtBeforeAnOutsideTrainer has a text of dev longer than a block, whose eval_loss does not fit.
func TestDevIsLookedAtBeforeAnOutsideTrainer(t *testing.T) {
	r := tinyProject(t, outsideRecipe(t, "touch ran; "+leave(`"$QUARRY_BASE"`, 1, 2), "block_tokens: 64", "block_tokens: 1",
		"mine: {window: 1-8, negatives: 4, depth: 12}", "mine: {source: none}")) // embedding would take more
	o := outside()
	o.Memory = leastMemory(t, r)
	_, err := runTiny(t, r, o)
	if err == nil || !strings.Contains(err.Error(), "eval_loss takes at least") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(r.File()), "ran")); err == nil {
		t.Error("the command ran before dev was looked at")
	}
}
