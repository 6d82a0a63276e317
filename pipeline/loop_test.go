package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// look opens a finished run directory for reading.
func look(t *testing.T, r *recipe.Recipe) *rundir.Dir {
	t.Helper()
	d, err := rundir.Open(r.Dir(), rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// secondRound is the tiny recipe's second round, for tests that one round is enough for.
const secondRound = "  - mine: {window: 0-6}\n"

// edit replaces parts of the tiny recipe, in pairs.
func edit(t *testing.T, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(tinyRecipe, pairs[i]) {
			t.Fatalf("the tiny recipe has no %q", pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(tinyRecipe)
}

func mustRun(t *testing.T, r *recipe.Recipe) string {
	t.Helper()
	notes, err := runTiny(t, r, Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	return notes
}

func TestAPersonChooses(t *testing.T) {
	r := tinyProject(t, edit(t, "select: {metric: map@25}", "select: ask"))
	_, err := runTiny(t, r, Options{})
	if !errors.Is(err, ErrChoiceWanted) || !strings.Contains(err.Error(), "quarry select") {
		t.Fatalf("want a stop that says how to go on, got %v", err)
	}
	choose := func(round, epoch int) {
		d, err := rundir.Open(r.Dir(), rundir.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := Select(d, round, epoch, "it reads better"); err != nil {
			t.Fatal(err)
		}
	}
	choose(0, 1)
	if _, err := runTiny(t, r, Options{}); !errors.Is(err, ErrChoiceWanted) || !strings.Contains(err.Error(), "round 1") {
		t.Fatalf("want the second round's question, got %v", err)
	}
	choose(1, 2)
	mustRun(t, r)
	d := look(t, r)
	for round, want := range []int{1, 2} {
		c, err := d.ReadChoice(round)
		if err != nil || c.Epoch != want || c.By != byCommand || c.Because != "it reads better" {
			t.Errorf("round %d: %+v, %v", round, c, err)
		}
	}
}

// TestAChangedChoiceRedoesLaterStagesOnly chooses another epoch of a finished round 1.
func TestAChangedChoiceRedoesLaterStagesOnly(t *testing.T) {
	r := tinyProject(t, tinyRecipe)
	mustRun(t, r)
	d, err := rundir.Open(r.Dir(), rundir.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Select(d, 1, 0, "the base will do"); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	notes := mustRun(t, r)
	var redone []string
	for _, line := range strings.Split(notes, "\n") {
		stage, rest, ok := strings.Cut(strings.TrimPrefix(line, "round 1: "), ": ")
		if ok && strings.HasPrefix(line, "round 1: ") && !strings.Contains(rest, "unchanged") {
			redone = append(redone, stage)
		}
		if strings.HasPrefix(line, "round 0: ") && !strings.Contains(line, "unchanged") {
			t.Errorf("round 0 was touched: %s", line)
		}
	}
	if got := strings.Join(redone, " "); got != "select select merge merge card" {
		t.Errorf("redone: %s", got)
	}
}

func TestSelectRefusals(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, ""))
	mustRun(t, r)
	d := look(t, r)
	for _, tc := range []struct {
		name         string
		round, epoch int
		because      string
		want         string
	}{
		{"no reason", 0, 1, "", "--because"},
		{"no such epoch", 0, 9, "x", "epochs 0 to 2"},
		{"blank reason", 0, 1, " \t", "--because"},
		{"no such round", 7, 1, "x", "round 7: the recipe has round 0 alone"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := Select(d, tc.round, tc.epoch, tc.because); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestADamagedChoiceSaysWhatToDo: it may have been a person's, so that no run does away with it.
func TestADamagedChoiceSaysWhatToDo(t *testing.T) {
	r := tinyProject(t, strings.Replace(tinyRecipe, "  - mine: {window: 0-6}\n", "", 1))
	mustRun(t, r)
	file := look(t, r).Round(0).Choice()
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := runTiny(t, r, Options{})
	if err == nil || !errors.As(err, new(InputError)) || !strings.Contains(err.Error(), "choice.json: the file is cut short: it ends before its JSON value does: the choice cannot be read: remove the file") {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	mustRun(t, r)
}

// TestTrainFromMergedStartsAtTheChosenEpoch compares round 1's epoch 0 with what round 0 chose.
func TestTrainFromMergedStartsAtTheChosenEpoch(t *testing.T) {
	for _, method := range []string{recipe.Full, recipe.LoRA} {
		t.Run(method, func(t *testing.T) {
			r := tinyProject(t, edit(t, "select:", "train_from: merged\nselect:", "finetune: {", "finetune: {method: "+method+", "))
			mustRun(t, r)
			d := look(t, r)
			first, err := d.ReadScores(0)
			if err != nil {
				t.Fatal(err)
			}
			choice, err := d.ReadChoice(0)
			if err != nil {
				t.Fatal(err)
			}
			second, err := d.ReadScores(1)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := second.Epochs[0].Dev.All[0], first.Epochs[choice.Epoch].Dev.All[0]; got != want {
				t.Errorf("round 1 starts at %v, round 0 chose %v", got, want)
			}
		})
	}
}

// TestARoundThatReadsDevOtherwiseIsNotHeldToTheLast: the merged model is the chosen epoch's, and its score another.
func TestARoundThatReadsDevOtherwiseIsNotHeldToTheLast(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, "  - {lengths: {query: 3}, train_from: merged}\n", "finetune: {epochs: 2", "finetune: {epochs: 1", "select: {metric: map@25}", "select: {epoch: 1, because: fixed}"))
	notes := mustRun(t, r)
	if want := "round 1: dev is scored with other lengths than in round 0"; !strings.Contains(notes, want) {
		t.Errorf("no %q in\n%s", want, notes)
	}
	d := look(t, r)
	first, err := d.ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.ReadScores(1)
	if err != nil {
		t.Fatal(err)
	}
	if now, was := second.Epochs[0].Dev.All[0], first.Epochs[1].Dev.All[0]; now == was {
		t.Errorf("round 1 starts at %v, as round 0 ended: this shows nothing", now)
	}
}

// TestMergedLoRAIsCheckedAndChangesTheModel reads what the check of a merge measured, of an adapter with another rank in some
// layers and a norm that is trained whole.
func TestMergedLoRAIsCheckedAndChangesTheModel(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, "", "finetune: {", "finetune: {method: lora, lora: {rank_pattern: [key=2], alpha_pattern: [key=3], modules_to_save: [embeddings.LayerNorm]}, ", "select: {metric: map@25}", "select: {epoch: 2, because: fixed}"))
	mustRun(t, r)
	d := look(t, r)
	var check mergeCheck
	if err := rundir.ReadJSON(d.FS, d.Round(0).MergeCheck(), &check); err != nil {
		t.Fatal(err)
	}
	if check.Epoch != 2 || check.Probes == 0 || !(check.MaxDifference <= 1e-5) || check.Checkpoint == 0 {
		t.Errorf("got %+v", check)
	}
	base, err := model.Open(r.Model.File, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	merged, err := model.Open(d.Round(0).Merged(), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer merged.Close()
	for _, name := range []string{"encoder.layer.0.attention.self.query.weight", "embeddings.LayerNorm.weight"} {
		a, err := base.Base().Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := merged.Base().Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(a.Data) == string(b.Data) {
			t.Errorf("the merge did not change %s", name)
		}
	}
	adapter, err := lora.Open(d.Round(0).Epoch(2), base.Base())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range adapter.Layers {
		if is := strings.HasSuffix(l.Name, ".key"); is != (l.Rank == 2) || is != (l.Scaling == 1.5) {
			t.Errorf("%s has rank %d and scaling %v", l.Name, l.Rank, l.Scaling)
		}
	}
}

func TestTheTestSplitIsScoredForBaseAndChoiceAlone(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, "", "dev: dev.jsonl", "dev: dev.jsonl, test: test.jsonl"))
	writeTestSplit(t, filepath.Dir(r.File()))
	mustRun(t, r)
	d := look(t, r)
	s, err := d.ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	choice, err := d.ReadChoice(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Epochs {
		if want := e.Epoch == 0 || e.Epoch == choice.Epoch; (e.Test != nil) != want {
			t.Errorf("epoch %d: test scored: %v, want %v", e.Epoch, e.Test != nil, want)
		}
		if e.Test == nil {
			if there, err := d.Exists(d.Round(0).EpochRanking(rundir.Test, e.Epoch)); there || err != nil {
				t.Errorf("epoch %d, which nobody chose, has ranked test: %v, %v", e.Epoch, there, err)
			}
			continue
		}
		queries, err := d.ReadQueryScores(d.Round(0).EpochQueries(rundir.Test, e.Epoch))
		if err != nil {
			t.Fatal(err)
		}
		checkRanked(t, d, stageTest, rundir.Test, e.Epoch, queries)
	}
}

// TestThePageNamesEveryFileOfARun looks the files of a run up in docs/formats/run-directory.md.
func TestThePageNamesEveryFileOfARun(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "formats", "run-directory.md"))
	if err != nil {
		t.Fatal(err)
	}
	r := tinyProject(t, edit(t, "dev: dev.jsonl", "dev: dev.jsonl, test: test.jsonl", "epochs: 2", "epochs: 1", "  - mine: {window: 0-6}\n", ""))
	if err := os.WriteFile(filepath.Join(filepath.Dir(r.File()), "test.jsonl"), []byte(`{"id":"x","query":"zero one","positive_ids":["p00"],"group":"x"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, r)
	tree, err := rundir.DigestTree(context.Background(), rundir.OS{}, r.Dir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tree {
		name := regexp.MustCompile(`epoch-\d`).ReplaceAllString(strings.TrimPrefix(f.Path, "round-0/"), "epoch-3")
		folder, file, _ := strings.Cut(name, "/")
		switch {
		case folder == "merged":
			name = "merged/"
		case strings.HasPrefix(name, "epochs/epoch-3/"):
			name = "epochs/epoch-3/"
		case folder == "stamps":
			name = "`" + strings.TrimSuffix(file, ".json") + "`"
		case folder == "vectors", folder == "candidates":
			name = file
		}
		if !strings.Contains(string(page), name) {
			t.Errorf("%s: the page has no %s", f.Path, name)
		}
	}
}

func TestOtherSourcesOfNegatives(t *testing.T) {
	for _, source := range []string{recipe.None, recipe.Random} {
		t.Run(source, func(t *testing.T) {
			r := tinyProject(t, edit(t, "mine: {window: 1-8", "mine: {source: "+source+", window: 1-8"))
			mustRun(t, r)
			d := look(t, r)
			raw, err := os.ReadFile(d.Round(0).Negatives(rundir.Train))
			if err != nil {
				t.Fatal(err)
			}
			if has := strings.Contains(string(raw), `"neg": ["`); has != (source == recipe.Random) {
				t.Errorf("negatives in the file: %v", has)
			}
			if _, err := os.Stat(d.Round(0).PassageVectors()); err == nil {
				t.Error("a round without mining embedded the corpus")
			}
			var audit mine.Audit
			if err := rundir.ReadJSON(rundir.OS{}, d.Round(0).Audit(), &audit); err != nil {
				t.Fatal(err)
			}
			if want := map[string]int{recipe.None: 0, recipe.Random: 30 * 4}[source]; audit.Negatives != want || audit.AbovePositive != 0 {
				t.Errorf("the audit of %d negatives says %+v", want, audit)
			}
		})
	}
}

// TestRulesOfMining runs two rounds by many rules: each positive has a row, the second round keeps negatives of the first,
// and the side files say where all come from.
func TestRulesOfMining(t *testing.T) {
	text := edit(t, "mine: {window: 1-8", "mine: {reference: each, near_text: 0.95, hub_limit: 20, random: 0.25, kept: 0.5, given: keep, provenance: true, expect: [equal_positive<=0, repeated<=0], window: 1-8", "finetune: {epochs: 2", "finetune: {epochs: 1")
	r := tinyProject(t, text)
	notes := mustRun(t, r)
	if !strings.Contains(notes, "mine: candidates dropped by window ") || !strings.Contains(notes, "mine: audit of 30 rows") {
		t.Errorf("the log does not tell of the rules and rows:\n%s", notes)
	}
	d := look(t, r)
	var last []provenance.Row
	for i := range 2 {
		raw, err := os.ReadFile(d.Round(i).Provenance(rundir.Train))
		if err != nil {
			t.Fatal(err)
		}
		_, rows, err := provenance.Read(strings.NewReader(string(raw)), "provenance.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		from := map[string]int{}
		for j, row := range rows {
			if !strings.HasSuffix(row.Key, "#"+row.Positives[0]) || row.Round != i || row.Miner == "" {
				t.Errorf("round %d, row %d: %+v", i, j, row)
			}
			for _, n := range row.Negatives {
				from[n.From]++
				if n.From == "kept" && !slices.ContainsFunc(last[j].Negatives, func(old provenance.Negative) bool { return old.ID == n.ID }) {
					t.Errorf("round %d, row %d: %s was no negative of the last round", i, j, n.ID)
				}
			}
		}
		if len(rows) != 30 || from["random"] != 30 || (from["kept"] > 0) != (i == 1) || from["mined"] == 0 {
			t.Errorf("round %d: %d rows, negatives %v", i, len(rows), from)
		}
		last = rows
	}
	again := mustRun(t, r)
	if strings.Contains(again, "mine: starts") || !strings.Contains(again, "round 1: every stage done before, unchanged") {
		t.Errorf("a second run mines anew:\n%s", again)
	}
}

// TestRankingByWords mines by BM25 alone, which embeds nothing before training, and by both rankings made one.
func TestRankingByWords(t *testing.T) {
	for _, tc := range []struct{ name, mine, source string }{
		{"bm25", "source: bm25, bm25_b: 0.5", "bm25"},
		{"fused", "source: fused, fuse: weighted, fuse_weights: [1, 0.5], margin: -1", "fused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tinyProject(t, edit(t, "mine: {window: 1-8", "mine: {"+tc.mine+", provenance: true, window: 1-8", secondRound, "", "finetune: {epochs: 2", "finetune: {epochs: 1"))
			mustRun(t, r)
			d := look(t, r)
			f, err := os.Open(d.Round(0).Candidates(rundir.Train))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			header, all, err := candidates.ReadAll(f, "train.cand")
			if err != nil {
				t.Fatal(err)
			}
			_, embedded := os.Stat(d.Round(0).PassageVectors())
			if fused := tc.name == "fused"; header.Source != tc.source || (embedded == nil) != fused || (len(all[0].Sources) == 2) != fused || (header.ModelDigest != "") != fused {
				t.Errorf("header %+v, %d sources' parts, vectors: %v", header, len(all[0].Sources), embedded)
			}
			raw, err := os.ReadFile(d.Round(0).Provenance(rundir.Train))
			if err != nil {
				t.Fatal(err)
			}
			side, rows, err := provenance.Read(strings.NewReader(string(raw)), "provenance.jsonl")
			digests := map[string]string{}
			for _, s := range side.Sources {
				digests[s.Source] = s.Digest
			}
			want := map[string]string{"bm25": ""}
			if tc.name == "fused" {
				want["dense"] = header.ModelDigest
			}
			if !maps.Equal(want, digests) || rows[0].Miner != header.ModelDigest {
				t.Errorf("miner %q; digests of sources %v, want %v", rows[0].Miner, digests, want)
			}
			if err != nil || rows[0].Source != tc.source || len(rows[0].Ranks) != 1+len(all[0].Sources) {
				t.Errorf("provenance %+v, %v", rows[0], err)
			}
			if notes := mustRun(t, r); !strings.Contains(notes, "round 0: every stage done before, unchanged") {
				t.Errorf("a second run searches anew:\n%s", notes)
			}
		})
	}
}

// TestMiningMissesAnExpectation: the run fails before anything is trained. Its error begins with round and stage, and names each once.
func TestMiningMissesAnExpectation(t *testing.T) {
	r := tinyProject(t, edit(t, "mine: {window: 1-8", "mine: {expect: [hubs<=0], window: 1-8", secondRound, ""))
	_, err := runTiny(t, r, Options{})
	var missed MissedError
	if want := "round 0, mine: " + r.At("mine.expect") + ": the rows of "; !errors.As(err, &missed) || !strings.Contains(err.Error(), "expected hubs<=0, got ") || !strings.HasPrefix(err.Error(), want) {
		t.Fatalf("got %v, want %q", err, want)
	}
	if strings.Count(err.Error(), "round 0") != 1 || strings.Count(err.Error(), "mine: ") != 1 {
		t.Errorf("round and stage are named more than once: %v", err)
	}
	if _, err := os.Stat(look(t, r).Round(0).Steps()); err == nil {
		t.Error("it was trained nevertheless")
	}
}

// TestTheOrderOfTheCorpusDoesNotMatter writes a corpus with ids backwards: who is a negative, which of a query's positives it is
// trained on, and what a merge is checked on, must not change.
func TestTheOrderOfTheCorpusDoesNotMatter(t *testing.T) {
	for _, source := range []string{recipe.Dense, recipe.Random} {
		t.Run(source, func(t *testing.T) {
			text := edit(t, "mine: {window: 1-8", "mine: {source: "+source+", window: 1-8", "finetune: {epochs: 2", "finetune: {method: lora, epochs: 1", "  - mine: {window: 0-6}\n", "")
			forward, backward := tinyProject(t, text), tinyProject(t, text)
			for _, r := range []*recipe.Recipe{forward, backward} {
				dir := filepath.Dir(r.File())
				for _, name := range []string{"train.jsonl", "dev.jsonl"} {
					rewrite(t, filepath.Join(dir, name), func(lines []string) {
						for i, line := range lines { // t3's are p03, p10 and p22
							p := strings.Index(line, `["p`) + 3
							n, err := strconv.Atoi(line[p : p+2])
							if err != nil {
								t.Fatal(err)
							}
							lines[i] = fmt.Sprintf(`%s,"p%02d","p%02d"%s`, line[:p+3], (n+19)%30, (n+7)%30, line[p+3:])
						}
					})
				}
			}
			rewrite(t, filepath.Join(filepath.Dir(backward.File()), "corpus.jsonl"), slices.Reverse[[]string])
			mustRun(t, forward)
			mustRun(t, backward)
			want, got := files(t, forward.Dir()), files(t, backward.Dir())
			for _, name := range []string{"negatives.jsonl", "negatives-dev.jsonl", "audit.json", "steps.jsonl", "merge-check.json", "merged/model.safetensors"} {
				if name = "round-0/" + name; got[name] != want[name] || got[name] == "" {
					t.Errorf("%s differs", name)
				}
			}
			raw, err := os.ReadFile(look(t, backward).Round(0).Negatives(rundir.Train))
			if err != nil || strings.Count(string(raw), `"positives": ["p03", "p10", "p22"]`) != 1 {
				t.Errorf("%v; the row of t3 names others than its three positives in the order of ids:\n%s", err, raw)
			}
		})
	}
}

// rewrite changes the lines of a file.
func rewrite(t *testing.T, path string, change func(lines []string)) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	change(lines)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCopiesOfFullWeightsAreChecked looks for the check of a merge where nothing is merged: of a checkpoint and of the base.
func TestCopiesOfFullWeightsAreChecked(t *testing.T) {
	for _, epoch := range []string{"0", "1"} {
		r := tinyProject(t, edit(t, "epochs: 2", "epochs: 1", "select: {metric: map@25}", "select: {epoch: "+epoch+", because: \"a test\"}", "  - mine: {window: 0-6}\n", ""))
		mustRun(t, r)
		var check mergeCheck
		if err := rundir.ReadJSON(rundir.OS{}, look(t, r).Round(0).MergeCheck(), &check); err != nil {
			t.Fatal(err)
		}
		if check.Probes != 60 || check.MaxDifference != 0 || check.Tolerance != 0 || check.Metric != "map@25" || check.Merged != check.Checkpoint || check.Merged == 0 {
			t.Errorf("epoch %s: the check says %+v", epoch, check)
		}
	}
}

// TestWhatLiesBesideAModelMayChange edits files of the model's folder that do not make the model, and one that does.
func TestWhatLiesBesideAModelMayChange(t *testing.T) {
	r := tinyProject(t, edit(t, "  - mine: {window: 0-6}\n", ""))
	mustRun(t, r)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(filepath.Dir(r.File()), "model", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("README.md", "# A better description")
	if notes := mustRun(t, r); strings.Contains(notes, "input changed") {
		t.Errorf("a README made another model:\n%s", notes)
	}
	write("config_sentence_transformers.json", `{"prompts": {"query": "q: "}, "default_prompt_name": null, "similarity_fn_name": "cosine"}`)
	if _, err := runTiny(t, r, Options{}); err == nil || !strings.Contains(err.Error(), "was made from other data") {
		t.Errorf("another prompt: got %v", err)
	}
}

// TestLeaksAreRefusedUnlessAllowed: by the id alone, by the text and by the group; file and line of both rows are named, and
// the line of the recipe.
func TestLeaksAreRefusedUnlessAllowed(t *testing.T) {
	for _, tc := range []struct{ name, row, want string }{
		{"id", `{"id":"t4","query":"nine nine nine","positive_ids":["p02"],"group":"h999"}`, `leaky.jsonl:5 has the key of train.jsonl:5`},
		{"text", `{"id":"d999","query":%q,"positive_ids":["p02"],"group":"h999"}`, `leaky.jsonl:5 has the text of train.jsonl:5`},
		{"group", `{"id":"d999","query":"nine nine nine","positive_ids":["p02"],"group":"g4"}`, `leaky.jsonl:5 has the group of train.jsonl:5`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			leaky := edit(t, secondRound, "", "dev: dev.jsonl", "dev: leaky.jsonl")
			r := tinyProject(t, leaky)
			dir := filepath.Dir(r.File())
			row := tc.row
			if strings.Contains(row, "%q") {
				var known struct{ Query string }
				raw, err := os.ReadFile(filepath.Join(dir, "train.jsonl"))
				if err == nil {
					err = json.Unmarshal([]byte(strings.Split(string(raw), "\n")[4]), &known)
				}
				if err != nil {
					t.Fatal(err)
				}
				row = fmt.Sprintf(row, known.Query)
			}
			raw, err := os.ReadFile(filepath.Join(dir, "dev.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			rows := strings.SplitAfter(string(raw), "\n")
			rows[2] += "\n" + row + "\n" // behind a blank line
			if err := os.WriteFile(filepath.Join(dir, "leaky.jsonl"), []byte(strings.Join(rows, "")), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = runTiny(t, r, Options{})
			want := r.At("data.dev") + ": 1 dev queries are known from training; remove them, or set data.allow_leakage: true\n  " + tc.want
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
			allowed := loadRecipe(t, dir, strings.Replace(leaky, "group_field: group", "group_field: group, allow_leakage: true", 1))
			if notes, err := runTiny(t, allowed, Options{Until: StageEmbed}); err != nil || !strings.Contains(notes, "1 dev queries are known from training, allowed by data.allow_leakage") {
				t.Errorf("%v\n%s", err, notes)
			}
		})
	}
}

// TestAWholeSetThatLeaks: every row of it has key, text and group of one of training; the first of these are named.
func TestAWholeSetThatLeaks(t *testing.T) {
	leaky := edit(t, "dev: dev.jsonl", "dev: leaky.jsonl")
	r := tinyProject(t, leaky)
	dir := filepath.Dir(r.File())
	raw, err := os.ReadFile(filepath.Join(dir, "train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "leaky.jsonl"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := runTiny(t, r, Options{}); err == nil || !strings.Contains(err.Error(), "leaky.jsonl:1 has the key of train.jsonl:1") || !strings.Contains(err.Error(), "allow_leakage") {
		t.Errorf("want an error that names the rows and the way out, got %v", err)
	}
	allowed := loadRecipe(t, dir, strings.Replace(leaky, "group_field: group", "group_field: group, allow_leakage: true", 1))
	if _, err := runTiny(t, allowed, Options{Until: StageSearch}); err != nil {
		t.Error(err)
	}
}

func TestTestQueriesAreNoDevQueries(t *testing.T) {
	leaky := edit(t, "dev: dev.jsonl", "dev: dev.jsonl, test: test.jsonl")
	r := tinyProject(t, leaky)
	dir := filepath.Dir(r.File())
	raw, err := os.ReadFile(filepath.Join(dir, "dev.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "test.jsonl"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := runTiny(t, r, Options{}); err == nil || !strings.Contains(err.Error(), "known from dev, which chooses epochs") || !strings.Contains(err.Error(), "test.jsonl:1 has the key of dev.jsonl:1") {
		t.Errorf("got %v", err)
	}
	allowed := loadRecipe(t, dir, strings.Replace(leaky, "group_field: group", "group_field: group, allow_leakage: true", 1))
	if notes, err := runTiny(t, allowed, Options{Until: StageSearch}); err != nil || !strings.Contains(notes, "test queries are known from dev") {
		t.Errorf("%v\n%s", err, notes)
	}
}

// TestAnswersOfAnotherRowAreNoNegatives has two rows of one text (but for a space) with a positive each.
func TestAnswersOfAnotherRowAreNoNegatives(t *testing.T) {
	for _, source := range []string{recipe.Dense, recipe.Random} {
		t.Run(source, func(t *testing.T) {
			r := tinyProject(t, edit(t, "mine: {window: 1-8, negatives: 4", "mine: {source: "+source+", window: 0-12, negatives: 6"))
			rows := `{"id":"a","query":"add one","positive_ids":["p00"],"group":"1"}
{"id":"b","query":"add one ","positive_ids":["p01"],"group":"1"}
`
			passages := ""
			for _, p := range []string{"add one", "add one to two", "zero", "two", "one", "what", "what is zero", "is two", "three"} {
				passages += fmt.Sprintf("{\"id\":\"p%02d\",\"text\":%q}\n", strings.Count(passages, "\n"), p+" .")
			}
			for name, text := range map[string]string{"train.jsonl": rows, "corpus.jsonl": passages, "dev.jsonl": `{"id":"c","query":"what","positive_ids":["p02"],"group":"2"}`} {
				if err := os.WriteFile(filepath.Join(filepath.Dir(r.File()), name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := runTiny(t, r, Options{Until: StageMine}); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(look(t, r).Round(0).Negatives(rundir.Train))
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
				_, negatives, found := strings.Cut(line, `"neg"`)
				negatives, _, _ = strings.Cut(negatives, `"quarry"`)
				if !found || strings.Contains(negatives, "add one") || !strings.Contains(negatives, "zero .") {
					t.Errorf("negatives in %s", line)
				}
			}
		})
	}
}

func TestMiningThatLeavesNothingIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name, old, new, want string
		planToo              bool
	}{
		{"a window behind the corpus", "window: 1-8, negatives: 4, depth: 12", "window: 50-80, negatives: 4, depth: 100",
			"recipe.yaml:5: round 0: no query can have a negative: the window is 50-80, the corpus has 30 passages", true},
		{"a later round's window", "  - mine: {window: 0-6}\n", "  - mine: {window: 50-80, depth: 100}\n",
			"recipe.yaml:11: round 1: no query can have a negative: the window is 50-80, the corpus has 30 passages", true},
		{"a margin", "window: 1-8, negatives: 4, depth: 12", "window: 1-8, negatives: 4, depth: 12, margin: 5",
			"recipe.yaml:5: train: no query has a negative left: margin dropped most candidates (window ", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tinyProject(t, edit(t, tc.old, tc.new))
			_, err := runTiny(t, r, Options{})
			var input InputError
			if err == nil || !strings.Contains(err.Error(), tc.want) || !tc.planToo && !errors.As(err, &input) {
				t.Errorf("got %v", err)
			}
			if _, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 2}); tc.planToo != (err != nil) || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("plan: %v", err)
			}
		})
	}
}

func TestUntilStops(t *testing.T) {
	r := tinyProject(t, tinyRecipe)
	notes, err := runTiny(t, r, Options{Until: StageMine})
	if err != nil || !strings.Contains(notes, "stopped after mine") {
		t.Fatalf("%v\n%s", err, notes)
	}
	d := look(t, r)
	if _, err := os.Stat(d.Round(0).Negatives(rundir.Train)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.Round(0).Steps()); err == nil {
		t.Error("the run went on to training")
	}
	mustRun(t, r)
	changed := loadRecipe(t, filepath.Dir(r.File()), edit(t, "window: 0-6", "window: 0-7"))
	notes, err = runTiny(t, changed, Options{Until: StageMine})
	if err != nil || !strings.Contains(notes, "round 1: mine: ") || strings.Contains(notes, "round 1: finetune") {
		t.Errorf("round 0 is done: the stop is in round 1; %v\n%s", err, notes)
	}
	if _, err := Open(context.Background(), r, Options{Until: "lunch", Path: exactpath.Fastest}); err == nil {
		t.Error("an unknown stage is an error")
	}
}

// TestAnotherIDFieldRedoesTheRun renames the ids of an unchanged corpus by reading another of its keys.
func TestAnotherIDFieldRedoesTheRun(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, ""))
	mustRun(t, r)
	r = loadRecipe(t, filepath.Dir(r.File()), edit(t, secondRound, "", "group_field: group", "group_field: group, id_field: id"))
	if notes := mustRun(t, r); !strings.Contains(notes, "embed: input added: data.id_field") {
		t.Errorf("what was read by other ids was kept:\n%s", notes)
	}
}

func TestOnFinishHearsOfEveryOutcome(t *testing.T) {
	for _, tc := range []struct {
		name    string
		outcome error
		want    string
	}{
		{"done", nil, "done "},
		{"failed", errors.New("the disk is full"), "failed the disk is full"},
		{"interrupted", context.Canceled, "interrupted "},
		{"choice", ErrChoiceWanted, "choice wanted "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tinyProject(t, tinyRecipe+"on_finish: 'printf \"%s %s\" \"$QUARRY_OUTCOME\" \"$QUARRY_ERROR\" > heard.txt'\n")
			p, err := Open(context.Background(), r, Options{Path: exactpath.Fastest, Environment: []string{"PATH=" + os.Getenv("PATH")}})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if err := p.Finish(context.Background(), tc.outcome); err != nil {
				t.Fatal(err)
			}
			heard, err := os.ReadFile(filepath.Join(filepath.Dir(r.File()), "heard.txt"))
			if err != nil || string(heard) != tc.want {
				t.Errorf("heard %q, %v; want %q", heard, err, tc.want)
			}
		})
	}
}

func TestACancelledRunGoesOnToTheSameBytes(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, ""))
	mustRun(t, r)
	want := files(t, r.Dir())
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{Dir: dir, Path: exactpath.Fastest, Workers: 2}
	o.Events.Progress = func(p Progress) {
		if p.Stage == StageFinetune && p.Done == 7 { // between two saves

			cancel()
		}
	}
	p, err := Open(ctx, r, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("want the context's error, got %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if notes, err := runTiny(t, r, Options{Dir: dir}); err != nil || !strings.Contains(notes, "going on after step 7 of 8") {
		t.Fatalf("%v\n%s", err, notes)
	}
	sameFiles(t, files(t, dir), want)
}

// TestCosineWithoutNormalizeIsComparedByCosine runs a model whose vectors have no unit length: scores must be cosines all the same.
func TestCosineWithoutNormalizeIsComparedByCosine(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, ""))
	dir := filepath.Dir(r.File())
	if err := os.RemoveAll(filepath.Join(dir, "model")); err != nil {
		t.Fatal(err)
	}
	if err := tinymodel.Write(filepath.Join(dir, "model"), tinymodel.Options{NoNormalize: true}); err != nil {
		t.Fatal(err)
	}
	mustRun(t, r)
	d := look(t, r)
	f, err := os.Open(d.Round(0).Candidates(rundir.Train))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, all, err := candidates.ReadAll(f, "train.cand")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		for _, h := range c.Hits {
			if h.Score > 1+1e-6 {
				t.Fatalf("a score of %v is no cosine", h.Score)
			}
		}
	}
	merged, err := model.ReadDirectory(d.Round(0).Merged(), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if merged.Contract.Normalize {
		t.Error("the merged model was given a Normalize module that its base has not")
	}
}
