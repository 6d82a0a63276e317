package recipe_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quarry-ml/quarry/audit"
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/prompt"
	"github.com/quarry-ml/quarry/recipe"
)

var fieldsOnly = cmpopts.IgnoreUnexported(recipe.Recipe{}, recipe.Setting{})

func TestBadRecipes(t *testing.T) {
	seen := map[string]bool{}
	for name, content := range fixtures(t, ".bad.yaml") {
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			_, err := recipe.Parse(content, "recipe.yaml")
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(badRecipes[name], strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
	for name := range badRecipes {
		if !seen[name] {
			t.Errorf("testdata/%s.bad.yaml is missing", name)
		}
	}
}

func TestGoodRecipes(t *testing.T) {
	for name, content := range fixtures(t, ".good.yaml") {
		t.Run(name, func(t *testing.T) {
			r, err := recipe.Parse(content, "dir/recipe.yaml")
			if err != nil {
				t.Fatal(err)
			}
			resolved, err := r.Resolved()
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, filepath.Join("testdata", name+".resolved.yaml"), resolved)
			again, err := recipe.Parse(resolved, "dir/recipe.yaml")
			if err != nil {
				t.Fatalf("the resolved recipe: %v", err)
			}
			// The sections that rounds override stand in the rounds alone.
			if diff := cmp.Diff(r, again, fieldsOnly, cmpopts.IgnoreFields(recipe.Recipe{}, "Stages")); diff != "" {
				t.Errorf("resolved and read again (-first +second):\n%s", diff)
			}
		})
	}
}

// changed is rounds with one change in each.
func changed(change func(*recipe.Stages), rounds ...recipe.Stages) []recipe.Stages {
	for i := range rounds {
		change(&rounds[i])
	}
	return rounds
}

// Every key of a recipe that sets all of them arrives where it belongs.
func TestEverythingIsRead(t *testing.T) {
	r, err := recipe.Load(filepath.Join("testdata", "everything.good.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	query, passage := prompt.Template("<instruct>Find the misconception.\n<query>{}"), prompt.Template("")
	suffix, also := prompt.Template("\n<response>"), prompt.Template("query: ")
	first := recipe.Stages{
		Lengths: recipe.Lengths{Query: 256, Passage: 128},
		Examples: recipe.Examples{
			Mine: 1, Eval: 2, Train: 5, By: []string{"construct_id", "subject_id"}, Leaks: recipe.LeaksPassOver,
			QueryLength: 200, ResponseLength: 60, Tokens: 900,
		},
		Mine: recipe.Mine{
			Source: recipe.Random, Window: recipe.Window{Start: 10, End: 210}, Negatives: 25, Depth: 300, Sampling: "top",
			MinScore: ptr(-0.5), MaxScore: ptr(0.9), Margin: ptr(0.0), RelativeMargin: ptr(0.05), Survivors: true,
			SamplingTemperature: 0.1, ShareOfPositive: ptr(0.95), Reference: "each", NearText: ptr(0.9), SameGroup: "never", HubLimit: 20,
			Quotas: []mine.Quota{{Window: mine.Window{From: 10, To: 60}, Negatives: 5}, {Window: mine.Window{From: 60, To: 90}, Negatives: 3}},
			Kept:   0.25, Random: 0.1, Given: "keep", Provenance: true, Verdicts: beside("runs/eedi/verdicts.jsonl"),
			Fuse: "weighted", FuseWeights: []float64{1, 0.5}, BM25K1: ptr(0.9), BM25B: ptr(0.4),
			Expect: []audit.Limit{{Kind: audit.EqualPositive}, {Kind: audit.AbovePositive, Most: 2, Share: true}},
			Teacher: recipe.Teacher{
				Model: beside("../rerankers/bge"), Kind: recipe.AutoTeacher, Margin: ptr(0.0), Logits: true, MaxLength: 512, QueryMaxLength: 60, PassageMaxLength: 120,
				QueryPrompt: &also, QuerySuffix: &suffix, PassagePrompt: &passage, Pooling: "cls", Normalize: ptr(false), TruncateDim: 128,
			},
		},
		Finetune: recipe.Finetune{
			Method: recipe.LoRA, Epochs: 7, Batch: 16, GroupSize: 4, Accumulate: 2, DropLast: true, LearningRate: 2e-4, Schedule: "cosine",
			WarmupRatio: 0, WarmupSteps: 40, WeightDecay: 0.01, Betas: [2]float64{0.8, 0.95}, Eps: 1e-6, Clip: 0, Temperature: 0.05, LearnTemperature: true,
			BothDirections: true, MaskKnownPositives: false, Dropout: false, SaveEvery: 500, BlockTokens: 4096, MaxSteps: 1095,
			Distill: "kl_div", TeacherScores: beside("scored.jsonl"), Guide: beside("guides/bge"), GuideMask: "relative", GuideMargin: 0.05,
			Matryoshka: []int{384, 64}, MatryoshkaWeights: []float64{1, 0.5},
			LoRA: recipe.LoRAOptions{
				R: 8, Alpha: 16, Dropout: 0, TargetModules: []string{"q_proj", "v_proj"}, RSLoRA: true,
				RankPattern:  []lora.Override{{Pattern: "v_proj", Value: 4}, {Pattern: `layers\.[01]\..*`, Value: 2}},
				AlphaPattern: []lora.Override{{Pattern: "v_proj", Value: 0.5}}, ModulesToSave: []string{"embed_tokens"},
			},
			External: recipe.External{Command: recipe.Command{"python", "train.py", "--fast"}, Inputs: []recipe.Path{beside("losses.py"), {Written: "/opt/losses", File: "/opt/losses"}}},
		},
		Select:    eval.SelectRule{Epoch: ptr(3), Because: "epoch 5 overfits"},
		MineWith:  recipe.Miner{Kind: recipe.Folder, Dir: beside("../other/model")},
		TrainFrom: recipe.Merged,
	}
	second := first
	second.Lengths.Query = 0
	second.Mine.Window, second.Mine.Margin, second.Mine.Source = recipe.Window{Start: 2, End: 100}, nil, recipe.Dense
	second.Mine.Sampling, second.Mine.HubLimit = "score", 0
	second.Mine.Teacher = recipe.Teacher{}
	second.Finetune.Epochs, second.Finetune.LoRA.R = 4, 16
	second.Select = eval.SelectRule{Metric: "map@10", MinGain: 0.001, MaxP: 0.05, Patience: 2}
	second.MineWith, second.TrainFrom = recipe.Miner{Kind: recipe.Base}, recipe.Base
	third := first
	third.Mine.Source, third.Finetune.GroupSize = recipe.None, 1
	third.Select = eval.SelectRule{Ask: true}
	withSets := func(rounds ...recipe.Stages) []recipe.Stages {
		return changed(func(s *recipe.Stages) {
			faq, more := s.Mine, s.Mine
			faq.Window, faq.Depth, faq.Margin, faq.Quotas = recipe.Window{End: 400}, 800, nil, nil // twice the window's end, with survivors
			more.Depth = max(300, 2*more.Window.End)
			for _, m := range []*recipe.Mine{&faq, &more} {
				m.Teacher, m.Verdicts = recipe.Teacher{}, recipe.Path{}
			}
			s.Sets = []recipe.Mine{faq, more}
		}, rounds...)
	}
	rounds := withSets(first, second, third)
	want := &recipe.Recipe{
		Version: 1, Name: "eedi-2", Model: recipe.Path{Written: "/models/minilm", File: "/models/minilm"},
		Data: recipe.Data{
			Corpus: beside("data/corpus.jsonl"), Train: beside("data/train.jsonl"), Dev: beside("data/dev.jsonl"), Test: beside("data/test.jsonl"), Examples: beside("data/examples.jsonl"),
			Also: []recipe.Also{
				{Name: "general", Queries: beside("general/queries.jsonl"), Corpus: recipe.Path{Written: "/general/corpus.jsonl", File: "/general/corpus.jsonl"}, IDField: "qid", GroupField: "topic", QueryPrompt: &also, PassagePrompt: &passage},
				{Name: "second", Queries: beside("second.jsonl")},
			},
			Sets: []recipe.Set{
				{Name: "faq", Train: beside("faq/train.jsonl"), Corpus: recipe.Path{Written: "/faq/corpus.jsonl", File: "/faq/corpus.jsonl"}, Dev: beside("faq/dev.jsonl"), Examples: beside("faq/examples.jsonl"), IDField: "qid", GroupField: "topic", PassageGroupField: "kind",
					Weight: 0.5, QueryPrompt: &also, PassagePrompt: &passage, Lengths: recipe.SetLengths{Query: 32, Passage: 64}, Mine: "margin: null\nquotas: null\nwindow: 0-400\n"},
				{Name: "more", Train: beside("more.jsonl"), Weight: 2},
			},
			Weight:  1.5,
			IDField: "misconception_id", GroupField: "question", PassageGroupField: "topic", AllowLeakage: true,
		},
		Prompts: recipe.Prompts{Query: &query, Suffix: &suffix, Passage: &passage, FromRow: true},
		Pooling: "lasttoken", Normalize: ptr(false), TruncateDim: 64, AdditionalSpecialTokens: []string{"<instruct>", "<query>"}, Precision: "bf16", Weights: recipe.BF16Weights, Seed: 18446744073709551615, Memory: 3 << 29, Workers: 3,
		Eval: recipe.Eval{
			Metrics: []eval.Measure{{Kind: eval.MAP, K: 10}, {Kind: eval.RPrecision}}, Convention: eval.TrecEval, Depth: 1000,
		},
		Stages: first, Rounds: rounds,
		Folds: recipe.Folds{Count: 5, UnseenShare: ptr(0.25), Metric: "r-precision", Settings: []recipe.Setting{
			{Name: "slow", Rounds: changed(func(s *recipe.Stages) { s.Finetune.LearningRate = 2e-5 }, slices.Clone(rounds)...)},
			{Name: "wide", Rounds: withSets(changed(func(s *recipe.Stages) { s.Mine.Window = recipe.Window{Start: 10, End: 250} }, first, second, third)...)},
		}},
		OnFinish: recipe.Command{"sh", "-c", "shutdown -h now"},
	}
	if diff := cmp.Diff(want, r, fieldsOnly); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, want := r.Dir(), filepath.Join("testdata", "runs", "eedi-2"); got != want {
		t.Errorf("run directory %s, want %s", got, want)
	}
	if diff := cmp.Diff(r.Rounds[1], r.Round(1)); diff != "" {
		t.Error(diff)
	}
}

// No key at its default: otherwise TestEverythingIsRead would not see that it is read.
func TestEverythingDiffersFromTheDefaults(t *testing.T) {
	everything, defaults := sections(t, "everything"), sections(t, "minimal")
	for key, value := range everything {
		if other, both := defaults[key]; both && other == value && key != "version" {
			t.Errorf("%s is %s in both", key, value)
		}
	}
	for key := range defaults {
		if _, ok := everything[key]; !ok {
			t.Errorf("everything.good.yaml lacks %s", key)
		}
	}
}

func TestRoundsDoNotShareMemory(t *testing.T) {
	r, err := recipe.Load(filepath.Join("testdata", "everything.good.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r.Rounds[0].Finetune.LoRA.TargetModules[0] = "changed"
	*r.Rounds[0].Mine.MinScore = 7
	if r.Rounds[2].Finetune.LoRA.TargetModules[0] == "changed" || *r.Rounds[2].Mine.MinScore == 7 {
		t.Error("a change of one round is a change of another")
	}
}

// The recipes of folds differ in name and data, those of settings in their rounds, and none is cut again.
func TestFolds(t *testing.T) {
	r, err := recipe.Load(filepath.Join("testdata", "everything.good.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	variants := r.Variants()
	if len(variants) != 2 || variants[0].Name != "eedi-2.slow" || variants[1].Name != "eedi-2.wide" || variants[1].Rounds[1].Mine.Window.End != 250 || variants[0].Rounds[1].Finetune.LearningRate != 2e-5 {
		t.Fatalf("variants %+v", variants)
	}
	fold := variants[1].Fold(3, "runs/eedi-2.folds/fold-3/train.jsonl", "runs/eedi-2.folds/fold-3/dev.jsonl")
	if fold.Name != "eedi-2.wide.fold-3" || fold.OnFinish != nil || fold.Folds.Count != 0 || fold.Data.Corpus != r.Data.Corpus || fold.Dir() != filepath.Join("testdata", "runs", "eedi-2.wide.fold-3") ||
		fold.Data.Dev.File != filepath.Join("testdata", "runs", "eedi-2.folds", "fold-3", "dev.jsonl") || r.FoldsDir() != filepath.Join("testdata", "runs", "eedi-2.folds") {
		t.Errorf("fold %+v", fold)
	}
	if r.Name != "eedi-2" || r.Data.Dev.Written != "data/dev.jsonl" {
		t.Error("a fold changes the recipe that it is of")
	}
	r.Folds.Settings = nil
	if one := r.Variants(); len(one) != 1 || one[0].Name != r.Name || one[0].Folds.Count != 0 {
		t.Errorf("without settings: %+v", one)
	}
}

// The settings of a round are a recipe of that round alone, but for what changes no result.
func TestSettings(t *testing.T) {
	path := filepath.Join("testdata", "everything.good.yaml")
	r, err := recipe.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Rounds {
		text, err := r.Settings(i)
		if err != nil {
			t.Fatal(err)
		}
		for _, apart := range []string{"on_finish", "shutdown", "memory:", "workers:", "rounds:"} {
			if strings.Contains(string(text), apart) {
				t.Errorf("round %d: %s is told", i, apart)
			}
		}
		again, err := recipe.Parse(text, path)
		if err != nil {
			t.Fatalf("round %d: %v in\n%s", i, err, text)
		}
		if diff := cmp.Diff(r.Rounds[i], again.Rounds[0]); diff != "" {
			t.Errorf("round %d (-recipe +settings):\n%s", i, diff)
		}
		if diff := cmp.Diff(r.Data, again.Data); diff != "" {
			t.Errorf("data (-recipe +settings):\n%s", diff)
		}
	}
}

func TestAt(t *testing.T) {
	r, err := recipe.Load(filepath.Join("testdata", "everything.good.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "everything.good.yaml")
	for key, want := range map[string]string{
		"model": file + ":4", "data.train": file + ":7", "mine.window": file + ":45", "finetune.lora.alpha": file + ":115",
		"rounds[1].mine.window": file + ":128", "rounds[1].mine.depth": file + ":128", "rounds[0].mine": file + ":127", "nothing": file, "data.also[1].queries": file + ":19", "data.also[0].corpus": file + ":19",
	} {
		if got := r.At(key); got != want {
			t.Errorf("At(%s) is %s, want %s", key, got, want)
		}
	}
}

func TestLoadOfNothing(t *testing.T) {
	_, err := recipe.Load(filepath.Join(t.TempDir(), "recipe.yaml"))
	if err == nil || !strings.Contains(err.Error(), "recipe.yaml") {
		t.Errorf("got %v", err)
	}
}

// Stamps digest sections as JSON: the keys are the recipe's, unset ones are left out, paths are as written.
func TestSectionsAsJSON(t *testing.T) {
	r, err := recipe.Load(filepath.Join("testdata", "everything.good.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		section any
		want    string
	}{
		{"mine", r.Round(1).Mine, `{"bm25_b":0.4,"bm25_k1":0.9,"depth":300,"expect":["equal_positive\u003c=0","above_positive\u003c=2%"],"fuse":"weighted","fuse_weights":[1,0.5],"given":"keep","kept":0.25,"max_score":0.9,"min_score":-0.5,"near_text":0.9,"negatives":25,"provenance":true,"quotas":["10-60:5","60-90:3"],"random":0.1,"reference":"each","relative_margin":0.05,"same_group":"never","sampling":"score","sampling_temperature":0.1,"share_of_positive":0.95,"source":"dense","survivors":true,"verdicts":"runs/eedi/verdicts.jsonl","window":"2-100"}`},
		{"lengths", r.Round(1).Lengths, `{"passage":128}`},
		{"eval", r.Eval, `{"convention":"trec_eval","depth":1000,"metrics":["map@10","r-precision"]}`},
		{"data", r.Data, `{"allow_leakage":true,"also":[{"corpus":"/general/corpus.jsonl","group_field":"topic","id_field":"qid","name":"general","passage_prompt":"","queries":"general/queries.jsonl","query_prompt":"query: "},{"name":"second","queries":"second.jsonl"}],"corpus":"data/corpus.jsonl","dev":"data/dev.jsonl","examples":"data/examples.jsonl","group_field":"question","id_field":"misconception_id","passage_group_field":"topic","sets":[{"corpus":"/faq/corpus.jsonl","dev":"faq/dev.jsonl","examples":"faq/examples.jsonl","group_field":"topic","id_field":"qid","lengths":{"passage":64,"query":32},"mine":{"margin":null,"quotas":null,"window":"0-400"},"name":"faq","passage_group_field":"kind","passage_prompt":"","query_prompt":"query: ","train":"faq/train.jsonl","weight":0.5},{"lengths":{},"name":"more","train":"more.jsonl","weight":2}],"test":"data/test.jsonl","train":"data/train.jsonl","weight":1.5}`},
		{"lora", r.Round(0).Finetune.LoRA, `{"alpha":16,"alpha_pattern":["v_proj=0.5"],"dropout":0,"modules_to_save":["embed_tokens"],"r":8,"rank_pattern":["v_proj=4","layers\\.[01]\\..*=2"],"rslora":true,"target_modules":["q_proj","v_proj"]}`},
		{"prompts", r.Prompts, `{"from_row":true,"passage":"","query":"\u003cinstruct\u003eFind the misconception.\n\u003cquery\u003e{}","suffix":"\n\u003cresponse\u003e"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := json.Marshal(tc.section)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	round, err := json.Marshal(r.Round(2))
	if err != nil || !strings.Contains(string(round), `"mine_with":"../other/model","select":{"ask":true},"train_from":"merged"}`) {
		t.Errorf("round as JSON: %s, %v", round, err)
	}
}

// fixtures maps the names of testdata/*ending to their contents.
func fixtures(t testing.TB, ending string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "*"+ending))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	contents := map[string][]byte{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		contents[strings.TrimSuffix(filepath.Base(path), ending)] = content
	}
	return contents
}

// sections maps every key path of a fixture's first round and of what rounds share to its value.
func sections(t *testing.T, name string) map[string]string {
	t.Helper()
	r, err := recipe.Load(filepath.Join("testdata", name+".good.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for path, section := range map[string]any{
		"": map[string]any{"precision": r.Precision, "seed": r.Seed}, "eval.": r.Eval, "mine.": r.Rounds[0].Mine,
		"finetune.": r.Rounds[0].Finetune, "lora.": r.Rounds[0].Finetune.LoRA, "prompts.": r.Prompts, "data.": r.Data,
		"round.": map[string]any{"mine_with": r.Rounds[0].MineWith, "train_from": r.Rounds[0].TrainFrom},
	} {
		text, err := json.Marshal(section)
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string]json.RawMessage{}
		if err := json.Unmarshal(text, &keys); err != nil {
			t.Fatal(err)
		}
		for key, value := range keys {
			values[path+key] = string(value)
		}
	}
	return values
}

// beside is a path as a recipe in testdata writes it.
func beside(written string) recipe.Path {
	return recipe.Path{Written: written, File: filepath.Join("testdata", written)}
}

func ptr[T any](v T) *T { return &v }

// TestLoRABesideFull: what shapes the adapters of other rounds is no error in one that trains all weights, which forgets
// it; nor are the defaults that a resolved recipe writes there.
func TestLoRABesideFull(t *testing.T) {
	const head = "model: m\ndata: {corpus: c, train: t, dev: d}\n"
	for _, tc := range []struct{ name, text, want string }{
		{"another round trains them", head + "finetune: {lora: {r: 4}}\nrounds: [{finetune: {method: lora}}, {finetune: {method: full}}]\n", ""},
		{"the round itself", head + "rounds: [{finetune: {method: lora}}, {finetune: {lora: {r: 4}}}]\n", "recipe.yaml:3: round 1: finetune.lora is of no use"},
		{"a setting trains them", head + "finetune: {method: full, lora: {r: 4}}\nfolds: {count: 3, settings: [{name: a}, {name: b, finetune: {method: lora}}]}\n", ""},
		{"no method is named", head + "finetune: {lora: {}}\n", "recipe.yaml:3: finetune.lora is of no use"},
		{"a program outside trains", head + "finetune: {lora: {r: 4}, external: {command: train.sh}}\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := recipe.Parse([]byte(tc.text), "recipe.yaml")
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%v, want %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range r.Variants() {
				text, err := v.Resolved()
				if err != nil {
					t.Fatal(err)
				}
				again, err := recipe.Parse(text, "recipe.yaml")
				if err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				for i := range v.Rounds {
					if got, want := again.Round(i).Finetune.LoRA.R, v.Round(i).Finetune.LoRA.R; got != want {
						t.Errorf("round %d: r %d read back as %d", i, want, got)
					}
				}
			}
		})
	}
}
