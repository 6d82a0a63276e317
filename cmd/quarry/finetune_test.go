package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/rundir"
)

// trainable is a project with mined rows.
func trainable(t testing.TB) project {
	t.Helper()
	return trainableWith(t, tinymodel.Options{Dropout: 0.1})
}

func trainableWith(t testing.TB, tiny tinymodel.Options) project {
	t.Helper()
	p := newProject(t, tiny)
	p.mine(t, p.mineOptions())
	o := p.mineOptions()
	o.Rank.Data.Queries, o.Output = p.path("dev.jsonl"), p.path("mined-dev.jsonl")
	p.mine(t, o)
	return p
}

func (p project) finetuneOptions(output string) FinetuneOptions {
	o := FinetuneOptions{
		Train: p.path("mined.jsonl"), Dev: p.path("mined-dev.jsonl"), Data: DataOptions{Corpus: p.path("corpus.jsonl")},
		Model: ModelOptions{Model: p.path("model")}, Tune: finetune.DefaultOptions(), Targets: "all-linear",
		Metrics: "map@25", SaveEvery: 2, Output: p.path(output),
	}
	o.Tune.Epochs, o.Tune.Batch, o.Tune.GroupSize, o.Tune.LearningRate, o.Tune.BlockTokens = 2, 6, 3, 2e-3, 64
	o.Tune.LoRA.Rank = 4
	return o
}

// files are the digests of a directory's files.
func (p project) files(t testing.TB, dir string) map[string]string {
	t.Helper()
	tree, err := rundir.DigestTree(context.Background(), rundir.OS{}, p.path(dir))
	mustBe(t, err)
	digests := map[string]string{}
	for _, f := range tree {
		digests[f.Path] = f.SHA256
	}
	return digests
}

func TestFinetune(t *testing.T) {
	for _, method := range []finetune.Method{finetune.Full, finetune.LoRA} {
		t.Run(string(method), func(t *testing.T) {
			p := trainable(t)
			o := p.finetuneOptions("tuned")
			o.Tune.Method = method
			h := newTestHost()
			mustBe(t, runFinetune(t.Context(), o, h.host))
			golden.Check(t, filepath.Join("testdata", "finetune-"+string(method)+".txt"), h.out.Bytes())
			steps, err := rundir.ReadSteps(strings.NewReader(p.read(t, "tuned/steps.jsonl")), "steps.jsonl")
			mustBe(t, err)
			if len(steps) != 10 || len(lines(h.out.String())) != 3 {
				t.Errorf("%d steps and %d lines, want 10 and 3", len(steps), len(lines(h.out.String())))
			}
			p.checkEpoch(t, o, "tuned/epoch-2", h.out.String())
		})
	}
}

// TestFinetuneWithSpecialTokens: every checkpoint and the merged model have the added tokens, and score what training said.
func TestFinetuneWithSpecialTokens(t *testing.T) {
	for _, method := range []finetune.Method{finetune.Full, finetune.LoRA} {
		t.Run(string(method), func(t *testing.T) {
			p := trainableWith(t, tinymodel.Options{Vocabulary: distinctWords()})
			o := p.finetuneOptions("tuned")
			o.Tune.Method = method
			template := "<query>{}"
			o.Model.SpecialTokens, o.Texts.QueryPrompt = []string{"<query>", "the"}, &template
			h := newTestHost()
			mustBe(t, runFinetune(t.Context(), o, h.host))
			p.checkEpoch(t, o, "tuned/epoch-2", h.out.String())
			if !strings.Contains(p.read(t, "tuned/epoch-2/tokenizer.json"), `"content": "<query>"`) {
				t.Error("the checkpoint's tokenizer lacks the token")
			}
			other := o
			other.Model.SpecialTokens = []string{"<query>"}
			if err := runFinetune(t.Context(), other, newTestHost().host); err == nil || !strings.Contains(err.Error(), "additional_special_tokens") {
				t.Errorf("other tokens in the same directory: %v", err)
			}
		})
	}
}

// distinctWords is the tiny models' vocabulary with every word once: behind one whose ids have gaps no token can be added.
func distinctWords() []string {
	var words []string
	for _, word := range tinymodel.Vocabulary() {
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

// checkEpoch evaluates a checkpoint by itself, merged where it is an adapter: it must score what training said.
func (p project) checkEpoch(t testing.TB, o FinetuneOptions, dir, told string) {
	t.Helper()
	h := newTestHost()
	if o.Tune.Method == finetune.LoRA {
		mustBe(t, runMerge(t.Context(), MergeOptions{Base: p.path("model"), Adapter: p.path(dir), Output: p.path("merged"), Seed: 42}, h.host))
		dir = "merged"
	}
	rank := p.rank("dev.jsonl")
	rank.Model.Model = p.path(dir)
	var got evalJSON
	mustBe(t, json.Unmarshal(p.eval(t, EvalOptions{Rank: rank, Metrics: "map@25", JSON: true}).out.Bytes(), &got))
	want := strings.Fields(lines(told)[2])
	if score := fmt.Sprintf("%.4f", got.Metrics["map@25"]); score != want[len(want)-1] {
		t.Errorf("%s scores %s, training said %s", dir, score, want[len(want)-1])
	}
}

func TestFinetuneWithoutACorpus(t *testing.T) {
	p := trainable(t)
	o := p.finetuneOptions("tuned")
	o.Data.Corpus, o.JSON = "", true
	h := newTestHost()
	mustBe(t, runFinetune(t.Context(), o, h.host))
	var got epochsFile
	mustBe(t, json.Unmarshal(h.out.Bytes(), &got))
	if len(got.Epochs) != 3 || got.Epochs[2].EvalLoss == nil || got.Epochs[2].Metrics != nil || got.Epochs[0].Loss != nil {
		t.Errorf("epochs as JSON: %s", h.out.String())
	}
	if *got.Epochs[2].Loss >= *got.Epochs[1].Loss {
		t.Errorf("the loss went from %g to %g", *got.Epochs[1].Loss, *got.Epochs[2].Loss)
	}
}

// TestFinetuneDoesNotDependOnTheOrderOfRows: neither draws nor dropout may know a row's place, nor that of a positive among several:
// without a corpus the texts of the rows make one, in their order.
func TestFinetuneDoesNotDependOnTheOrderOfRows(t *testing.T) {
	for _, corpus := range []string{"corpus.jsonl", ""} {
		t.Run("corpus "+corpus, func(t *testing.T) {
			p := trainable(t)
			o := p.finetuneOptions("tuned")
			o.Dev, o.Data.Corpus = "", ""
			if corpus != "" {
				o.Data.Corpus = p.path(corpus)
			}
			rows := lines(p.read(t, "mined.jsonl"))
			for i, row := range rows {
				var own, other struct{ Pos, Neg []string }
				mustBe(t, errors.Join(json.Unmarshal([]byte(row), &own), json.Unmarshal([]byte(rows[(i+5)%len(rows)]), &other)))
				if text := other.Pos[0]; !slices.Contains(slices.Concat(own.Pos, own.Neg), text) {
					rows[i] = strings.Replace(row, `"pos": [`, fmt.Sprintf(`"pos": [%q, `, text), 1)
				}
			}
			o.Train = p.write(t, "several.jsonl", strings.Join(rows, "\n"))
			mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
			slices.Reverse(rows)
			o.Train, o.Output = p.write(t, "turned.jsonl", strings.Join(rows, "\n")), p.path("turned")
			o.Engine = EngineOptions{Workers: 1, Memory: 2 << 20}
			mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
			want, got := p.files(t, "tuned"), p.files(t, "turned")
			for name, digest := range want {
				if name != recordName && got[name] != digest {
					t.Errorf("%s differs", name)
				}
			}
		})
	}
}

// TestFinetuneGoesOn interrupts a training after some of its steps, an epoch's last among them; gone on with, it leaves the same bytes.
func TestFinetuneGoesOn(t *testing.T) {
	p := trainable(t)
	calm := p.finetuneOptions("calm")
	h := newTestHost()
	mustBe(t, runFinetune(t.Context(), calm, h.host))
	want, told := p.files(t, "calm"), h.out.String()
	for _, after := range []int{2, 5} {
		o := p.finetuneOptions("stopped")
		o.Output = p.path("stopped-" + strings.Repeat("x", after))
		ctx, cancel := context.WithCancel(t.Context())
		first := newTestHost()
		first.now = func() time.Time {
			steps, err := os.ReadFile(filepath.Join(o.Output, stepsName))
			if err == nil && strings.Count(string(steps), "\n") >= after-1 {
				cancel()
			}
			return time.Now()
		}
		err := runFinetune(ctx, o, first.host)
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("after step %d: error %v, want an interruption", after, err)
		}
		var i interruption
		if !errors.As(err, &i) || !strings.HasPrefix(i.goOn, "the same command goes on after step ") {
			t.Errorf("after step %d: %v does not say how to go on", after, err)
		}
		second := newTestHost()
		mustBe(t, runFinetune(t.Context(), o, second.host))
		got := p.files(t, filepath.Base(o.Output))
		for name, digest := range want {
			if got[name] != digest {
				t.Errorf("after step %d: %s differs or is missing", after, name)
			}
		}
		if second.out.String() != told {
			t.Errorf("after step %d: the second run told\n%swant\n%s", after, second.out.String(), told)
		}
	}
}

// TestFinetuneMissesWhatIsLost takes parts of a finished training away: the state alone does not make it done, and without
// the state all comes again.
func TestFinetuneMissesWhatIsLost(t *testing.T) {
	p := trainable(t)
	o := p.finetuneOptions("tuned")
	mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
	want := p.files(t, "tuned")
	for _, tc := range []struct {
		name, want string
		lose       func() error
	}{
		{"an epoch's checkpoint", "epoch-1 is missing: put back", func() error { return os.RemoveAll(p.path("tuned/epoch-1")) }},
		{"the epochs' results", "epochs.json lacks epoch 0, which the training is behind: put back", func() error { return os.Remove(p.path("tuned/epochs.json")) }},
		{"a file of a checkpoint", "epoch-2 is not as the training wrote it", func() error { return os.Remove(p.path("tuned/epoch-2/config.json")) }},
		{"bytes of a checkpoint", "epoch-1 is not as the training wrote it", func() error { return os.Truncate(p.path("tuned/epoch-1/model.safetensors"), 100) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mustBe(t, tc.lose())
			err := runFinetune(t.Context(), o, newTestHost().host)
			refused(t, err, tc.want)
			refused(t, err, "or remove "+p.path("tuned/training.state")+" to train anew")
			mustBe(t, os.Remove(p.path("tuned/training.state")))
			mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
			got := p.files(t, "tuned")
			for name, digest := range want {
				if got[name] != digest {
					t.Errorf("%s differs or is missing", name)
				}
			}
		})
	}
}

// TestDevJudgmentsMaskNothingInTraining asks in dev what training asks, with every passage as an answer: not a step changes.
func TestDevJudgmentsMaskNothingInTraining(t *testing.T) {
	p := trainable(t)
	var first struct {
		Query string
	}
	mustBe(t, json.Unmarshal([]byte(lines(p.read(t, "mined.jsonl"))[0]), &first))
	var ids []string
	for i := range 30 {
		ids = append(ids, fmt.Sprintf("p%02d", i))
	}
	row, err := json.Marshal(map[string]any{"query": " " + first.Query, "positive_ids": ids})
	mustBe(t, err)
	o := p.finetuneOptions("with")
	o.Tune.Epochs, o.Dev = 1, p.write(t, "same.jsonl", string(row))
	mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
	o.Dev, o.Output = "", p.path("without")
	mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
	if p.read(t, "with/steps.jsonl") != p.read(t, "without/steps.jsonl") {
		t.Error("dev's judgments change the steps of training")
	}
}

func TestFinetuneRefuses(t *testing.T) {
	p := trainable(t)
	p.write(t, "ids.jsonl", `{"id":"a","query":"x","positive_ids":["p01"]}`)
	p.write(t, "foreign.jsonl", `{"id":"a","query":"x","positive_ids":["p01"],"neg":["not in the corpus"]}`)
	p.write(t, "template.jsonl", `{"query":"x","prompt":"{","positive_ids":["p01"]}`+"\n"+`{"query":"y","prompt":"query: {}","positive_ids":["p01"]}`)
	p.write(t, "full/file", "")
	for _, tc := range []struct {
		name, want string
		change     func(*FinetuneOptions)
	}{
		{"no output", "--output is needed", func(o *FinetuneOptions) { o.Output = "" }},
		{"batch", "batch 0", func(o *FinetuneOptions) { o.Tune.Batch = 0 }},
		{"no whole batch", "queries make no whole batch of 4000", func(o *FinetuneOptions) { o.Tune.Batch, o.Tune.DropLast = 4000, true }},
		{"metrics", "--metrics", func(o *FinetuneOptions) { o.Metrics = "x" }},
		{"save every", "--save-every 0", func(o *FinetuneOptions) { o.SaveEvery = 0 }},
		{"ids without a corpus", `ids.jsonl:1: no "pos" texts: give them, or name the corpus`, func(o *FinetuneOptions) { o.Train, o.Data.Corpus = p.path("ids.jsonl"), "" }},
		{"negative that the corpus lacks", `foreign.jsonl:1: the corpus has no passage with the "neg" text "not in the corpus"`, func(o *FinetuneOptions) { o.Train = p.path("foreign.jsonl") }},
		{"a row's prompt with a placeholder", `template.jsonl:2: the row's prompt has a placeholder {}; put the template into`, func(o *FinetuneOptions) {
			o.Train, o.Texts.PromptFromRow = p.path("template.jsonl"), true
		}},
		{"memory", "and 0.5 MiB is left for it: raise --memory to at least ", func(o *FinetuneOptions) { o.Engine.Memory = 1 << 19 }},
		{"targets", "no-such-layer", func(o *FinetuneOptions) { o.Tune.Method, o.Targets = finetune.LoRA, "no-such-layer" }},
		{"a directory of something else", "is not empty (file)", func(o *FinetuneOptions) { o.Output = p.path("full") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.finetuneOptions("refused")
			tc.change(&o)
			refused(t, runFinetune(t.Context(), o, newTestHost().host), tc.want)
		})
	}
}

func TestFinetuneKeepsAnotherTraining(t *testing.T) {
	p := trainable(t)
	o := p.finetuneOptions("tuned")
	mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
	before := p.files(t, "tuned")
	no := false
	for _, tc := range []struct {
		name, want string
		change     func(*FinetuneOptions)
	}{
		{"seed", "options changed: options.seed 42 → 43", func(o *FinetuneOptions) { o.Tune.Seed++ }},
		{"pooling", `options changed: contract.pooling "mean" → "cls"`, func(o *FinetuneOptions) { o.Model.Pooling = "cls" }},
		{"normalize", "options changed: contract.normalize true → false", func(o *FinetuneOptions) { o.Model.Normalize = &no }},
		{"metrics", `options changed: metrics ["map@25"] → ["mrr@10"]`, func(o *FinetuneOptions) { o.Metrics = "mrr@10" }},
		{"group field", `options changed: group_field "" → "query"`, func(o *FinetuneOptions) { o.Data.GroupField = "query" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := o
			tc.change(&o)
			err := runFinetune(t.Context(), o, newTestHost().host)
			refused(t, err, "holds a training of other data, another model or other options")
			refused(t, err, tc.want)
		})
	}
	for name, digest := range p.files(t, "tuned") {
		if before[name] != digest {
			t.Errorf("%s has changed", name)
		}
	}
}

// TestFinetuneKnowsItsModelByContent names the model by another path: the same training, by either method.
func TestFinetuneKnowsItsModelByContent(t *testing.T) {
	for _, method := range []finetune.Method{finetune.Full, finetune.LoRA} {
		t.Run(string(method), func(t *testing.T) {
			p := trainable(t)
			o := p.finetuneOptions("tuned")
			o.Tune.Method, o.Tune.Epochs, o.Dev = method, 1, ""
			mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
			t.Chdir(string(p))
			o.Model.Model = "model"
			mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
		})
	}
}

func TestFinetuneWarnsWithoutNegatives(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.finetuneOptions("tuned")
	o.Train, o.Dev, o.Tune.Epochs = p.path("train.jsonl"), "", 1
	h := newTestHost()
	mustBe(t, runFinetune(t.Context(), o, h.host))
	if !strings.Contains(h.err.String(), `no row has "neg" texts`) {
		t.Errorf("no warning in %q", h.err.String())
	}
}

func TestFinetuneWarnsOfDevQueriesInTraining(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.finetuneOptions("tuned")
	o.Train, o.Dev, o.Data.Corpus = p.path("train.jsonl"), p.path("train.jsonl"), p.path("corpus.jsonl")
	h := newTestHost()
	_, err := o.readTraining(h.host)
	mustBe(t, err)
	if !strings.Contains(h.err.String(), "warning: 30 dev queries are known from training") {
		t.Errorf("no warning in %q", h.err.String())
	}
}

// Examples of the step stand before its queries, and how they are cut is part of the training.
func TestFinetuneWithExamples(t *testing.T) {
	p := trainable(t)
	o := p.finetuneOptions("tuned")
	suffix := ` sum`
	o.Tune.Examples, o.Tune.Epochs, o.Examples, o.Texts.QuerySuffix = 2, 1, ExampleOptions{8, 4, 24}, &suffix
	h := newTestHost()
	mustBe(t, runFinetune(t.Context(), o, h.host))
	steps, err := rundir.ReadSteps(strings.NewReader(p.read(t, "tuned/steps.jsonl")), "steps.jsonl")
	mustBe(t, err)
	shown := 0
	for _, s := range steps {
		shown += *s.Examples + *s.Leaks
	}
	if shown == 0 {
		t.Error("no example was drawn")
	}
	o.Examples.QueryLength = 7
	if err := runFinetune(t.Context(), o, h.host); err == nil || !strings.Contains(err.Error(), "tuned") {
		t.Errorf("another cut of examples went on in the same directory: %v", err)
	}
	for _, tc := range []struct {
		name   string
		change func(*FinetuneOptions)
		want   string
	}{
		{"no room", func(o *FinetuneOptions) { o.Examples.Tokens = 0 }, "--examples: queries of 64 tokens keep 512"},
		{"a flag without examples", func(o *FinetuneOptions) { o.Tune.Examples, o.set = 0, set{"example-tokens": true} }, "--example-tokens has no part without --examples"},
		{"no suffix fits", func(o *FinetuneOptions) { o.Texts.QueryMaxLength = 3 }, "leaves no room for text"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wrong := o
			wrong.Output = p.path("other")
			tc.change(&wrong)
			if err := runFinetune(t.Context(), wrong, h.host); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestFinetuneFromAnAdapter: the new training's epoch 0 is the old one's epoch that it begins with, by loss and measures, and its own epochs
// go on; another adapter in that directory is another training.
func TestFinetuneFromAnAdapter(t *testing.T) {
	p := trainable(t)
	o := p.finetuneOptions("first")
	o.Tune.Method, o.Tune.Epochs, o.Targets = finetune.LoRA, 1, "query,value"
	first := newTestHost()
	mustBe(t, runFinetune(t.Context(), o, first.host))
	on := p.finetuneOptions("second")
	on.Tune.Method, on.Tune.Epochs, on.Adapter = finetune.LoRA, 1, p.path("first/epoch-1")
	second := newTestHost()
	mustBe(t, runFinetune(t.Context(), on, second.host))
	_, want, _ := strings.Cut(lines(first.out.String())[1], "eval_loss")
	_, got, _ := strings.Cut(lines(second.out.String())[0], "eval_loss")
	if got != want || want == "" {
		t.Errorf("epoch 0 has eval_loss%s, want%s", got, want)
	}
	if !strings.Contains(second.err.String(), "r 4, alpha 32 and dropout 0.1 are its own, and so are its 4 layers") {
		t.Errorf("noted %s", second.err.String())
	}
	var config struct {
		Rank int `json:"r"`
	}
	mustBe(t, json.Unmarshal([]byte(p.read(t, "second/epoch-1/adapter_config.json")), &config))
	if config.Rank != 4 || p.read(t, "second/epoch-1/adapter_model.safetensors") == p.read(t, "first/epoch-1/adapter_model.safetensors") {
		t.Errorf("rank %d, or nothing was trained", config.Rank)
	}
	on.Output = p.path("first/epoch-1/inside")
	refused(t, runFinetune(t.Context(), on, newTestHost().host), "is in the directory of --from-adapter")
	on.Output, on.Adapter = p.path("second"), p.path("second/epoch-1")
	refused(t, runFinetune(t.Context(), on, newTestHost().host), "holds a training of other data")
	on.Adapter, on.Output = p.path("nowhere"), p.path("third")
	refused(t, runFinetune(t.Context(), on, newTestHost().host), "--from-adapter: ")
	parts := on
	parts.Model.Model, parts.Adapter = "../../model/testdata/encoders/gte", "../../model/testdata/encoders/gte/lora"
	refused(t, runFinetune(t.Context(), parts, newTestHost().host), "merge it into the model first (quarry merge)")
	on.Adapter = p.path("first")
	refused(t, runFinetune(t.Context(), on, newTestHost().host), "not an adapter: meant "+p.path("first/epoch-1")+"?")
	on.set = set{"lora-rank": true}
	refused(t, runFinetune(t.Context(), on, newTestHost().host), "--lora-rank has no part with --from-adapter")
}

// Two rows that were mined under one key have one draw: the second is refused with its line.
func TestFinetuneRefusesAKeyTwice(t *testing.T) {
	p := trainable(t)
	o := p.finetuneOptions("tuned")
	row := `{"query":"one two","pos":["one"],"neg":["two"],"quarry":{"key":"k"}}`
	o.Train, o.Dev, o.Data.Corpus = p.write(t, "twice.jsonl", row+"\n\n"+strings.Replace(row, "one two", "two one", 1)+"\n"), "", ""
	refused(t, runFinetune(t.Context(), o, newTestHost().host), `twice.jsonl:3: the query of key "k" stands in line 1 already: give the rows ids of their own`)
}
