package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
)

// pairOptions are flags that train a cross-encoder on the project's mined rows.
func (p project) pairOptions(output string) FinetuneOptions {
	o := p.finetuneOptions(output)
	o.Kind, o.Pairs = crossEncoderKind, PairFlags{Loss: string(finetune.BinaryCrossEntropy), PositiveWeight: 1}
	o.Data.Corpus, o.Metrics = "", defaultMetrics()
	o.set = set{"batch": true, "learning-rate": true}
	return o
}

// teachBy scores rows by a teacher and returns them.
func (p project) teachBy(t *testing.T, rows, teacher, output string) ([]*flagembedding.Row, teaching, error) {
	t.Helper()
	h := newTestHost()
	h.environ = []string{"QUARRY_CACHE=" + p.path("cache")}
	o := TeachOptions{
		Rows: p.path(rows), Output: p.path(output), JSON: true,
		Teacher: TeacherOptions{Model: ModelOptions{Model: p.path(teacher)}, Kind: crossEncoderKind},
	}
	if err := runTeach(t.Context(), o, h.host); err != nil {
		return nil, teaching{}, err
	}
	var told struct {
		Schema int
		teaching
	}
	mustBe(t, json.Unmarshal(h.out.Bytes(), &told))
	taught, err := flagembedding.ReadAll(strings.NewReader(p.read(t, output)), output)
	mustBe(t, err)
	return taught, told.teaching, nil
}

// TestFinetuneACrossEncoder by each loss: what is left is a cross-encoder that judges dev's queries, and not those of its training.
func TestFinetuneACrossEncoder(t *testing.T) {
	for _, loss := range []finetune.PairLoss{finetune.BinaryCrossEntropy, finetune.CrossEntropy} {
		t.Run(string(loss), func(t *testing.T) {
			p := trainable(t)
			o := p.pairOptions("reranker")
			o.Pairs.Loss = string(loss)
			h := newTestHost()
			mustBe(t, runFinetune(t.Context(), o, h.host))
			golden.Check(t, filepath.Join("testdata", "finetune-"+strings.ReplaceAll(string(loss), "_", "-")+".txt"), h.out.Bytes())
			if told := lines(h.out.String()); len(told) != 3 || !strings.HasPrefix(told[2], "epoch 2  step 10  loss ") || !strings.Contains(told[2], "eval_loss") {
				t.Errorf("told %q", told)
			}
			file, err := parseEpochs(p.path("reranker/"+epochsName), []byte(p.read(t, "reranker/"+epochsName)))
			mustBe(t, err)
			if e := file.Epochs; *e[2].EvalLoss >= *e[1].EvalLoss || *e[1].EvalLoss >= *e[0].EvalLoss {
				t.Errorf("training does not lower eval_loss:\n%s", h.out.String())
			}
			if !strings.Contains(h.err.String(), "is no cross-encoder: a head of one label is drawn for it") {
				t.Errorf("noted %s", h.err.String())
			}
			taught, told, err := p.teachBy(t, "mined-dev.jsonl", "reranker/epoch-2", "taught.jsonl")
			mustBe(t, err)
			if told.Scored == 0 || len(taught[0].PosScores()) == 0 {
				t.Errorf("%+v", told)
			}
			if _, signed := taught[0].Get(signature); signed {
				t.Error("one teacher's scores are signed")
			}
			_, _, err = p.teachBy(t, "mined.jsonl", "reranker/epoch-1", "taught.jsonl")
			refused(t, err, "the cross-encoder was trained on 30 of the 30 queries whose pairs it should score, the first ")
			refused(t, err, "quarry finetune --kind cross-encoder --folds")
			if loss != finetune.BinaryCrossEntropy {
				return
			}
			// A training that goes on from it knows its queries too.
			more := p.pairOptions("more")
			more.Model.Model, more.Train, more.Dev, more.Tune.Epochs = p.path("reranker/epoch-2"), p.path("mined-dev.jsonl"), "", 1
			mustBe(t, runFinetune(t.Context(), more, newTestHost().host))
			_, _, err = p.teachBy(t, "mined.jsonl", "more/epoch-1", "taught.jsonl")
			refused(t, err, "was trained on 30 of the 30 queries")
			// Nor would any of folds that start from it be of use.
			folds := p.pairOptions("folds")
			folds.Model.Model, folds.Dev, folds.Pairs.Folds = p.path("reranker/epoch-2"), "", 2
			refused(t, runFinetune(t.Context(), folds, newTestHost().host), "epoch-2 was trained on 30 of the 30 queries of ")
			if _, err := os.Stat(p.path("folds")); err == nil {
				t.Error("a fold is trained from a model that knows it")
			}
		})
	}
}

// grouped gives mined rows a group each two of them share.
func (p project) grouped(t *testing.T) {
	t.Helper()
	var rows []string
	for i, line := range lines(p.read(t, "mined.jsonl")) {
		rows = append(rows, fmt.Sprintf(`{"question": "g%d", %s`, i/2, strings.TrimPrefix(line, "{")))
	}
	p.write(t, "mined.jsonl", strings.Join(rows, "\n")+"\n")
}

// TestMinedRowsKeepTheGroup: the group that rows are mined with is the group that folds of them are cut by, whether or not they
// still have the field.
func TestMinedRowsKeepTheGroup(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	o.Rank.Data.GroupField = "group"
	_, rows := p.mine(t, o)
	want := map[string]string{}
	for _, line := range lines(p.read(t, "train.jsonl")) {
		var row struct{ Query, Group string }
		mustBe(t, json.Unmarshal([]byte(line), &row))
		want[row.Query] = row.Group
	}
	f := p.pairOptions("rerankers")
	f.Train, f.Dev, f.Data.GroupField = o.Output, "", "group"
	set, err := f.readTraining(newTestHost().host)
	mustBe(t, err)
	if len(set.train) != len(rows) {
		t.Fatalf("%d rows are read of %d", len(set.train), len(rows))
	}
	for _, q := range set.train {
		if q.Group == "" || q.Group != want[q.Text] {
			t.Errorf("query %q is of group %q, want %q", q.Text, q.Group, want[q.Text])
		}
	}
	f.Data.GroupField = "topic" // and of rows that were mined without one
	p.write(t, "bare.jsonl", strings.ReplaceAll(p.read(t, filepath.Base(o.Output)), `"group":`, `"crowd":`))
	f.Train = p.path("bare.jsonl")
	if _, err := f.readTraining(newTestHost().host); err == nil || !strings.Contains(err.Error(), `bare.jsonl:1: the row has no "topic"`) {
		t.Errorf("got %v", err)
	}
}

// TestFoldsScoreWhatTheyHaveNotSeen: every row is scored by a cross-encoder that was trained without its query and its group, and that
// model alone says the same; a query of nobody's training is the first one's; mining takes the same teachers.
func TestFoldsScoreWhatTheyHaveNotSeen(t *testing.T) {
	p := trainable(t)
	p.grouped(t)
	o := p.pairOptions("rerankers")
	o.Dev, o.Pairs.Folds, o.Data.GroupField = "", 3, "question"
	h := newTestHost()
	mustBe(t, runFinetune(t.Context(), o, h.host))
	golden.Check(t, filepath.Join("testdata", "finetune-pair-folds.txt"), h.out.Bytes())
	list, err := rundir.ReadFoldModels(rundir.OS{}, p.path("rerankers"))
	mustBe(t, err)
	trained := map[string]model.TrainedQueries{}
	rows := 0
	for _, f := range list.Folds {
		if trained[f.Model], err = model.ReadTrainedQueries(p.path("rerankers/" + f.Model)); err != nil {
			t.Fatal(err)
		}
		rows += f.HeldOut
		if f.Trained+f.HeldOut != 30 || f.EvalLoss == nil || len(trained[f.Model]) != f.Trained {
			t.Errorf("%+v", f)
		}
	}
	if len(list.Folds) != 3 || rows != 30 {
		t.Fatalf("%+v", list)
	}
	taught, told, err := p.teachBy(t, "mined.jsonl", "rerankers", "taught.jsonl")
	mustBe(t, err)
	signedBy, groups := map[string][]string{}, map[string]string{}
	for i, row := range taught {
		raw, _ := row.Get(signature)
		var by, group string
		mustBe(t, json.Unmarshal(raw, &by))
		if trained[by] == nil || trained[by].Has(row.Query()) {
			t.Errorf("row %d is scored by %q", i, by)
		}
		field, _ := row.Get("question")
		mustBe(t, json.Unmarshal(field, &group))
		if before, ok := groups[group]; ok && before != by {
			t.Errorf("group %s is scored by %s and by %s", group, before, by)
		}
		groups[group] = by
		signedBy[by] = append(signedBy[by], lines(p.read(t, "mined.jsonl"))[i])
	}
	if len(signedBy) != 3 {
		t.Errorf("scored by %d models", len(signedBy))
	}
	first := taught[0]
	by, _ := first.Get(signature)
	p.write(t, "alone.jsonl", signedBy[strings.Trim(string(by), `"`)][0]+"\n")
	alone, _, err := p.teachBy(t, "alone.jsonl", "rerankers/"+strings.Trim(string(by), `"`), "taught-alone.jsonl")
	mustBe(t, err)
	if alone[0].Query() != first.Query() || alone[0].PosScores()[0] != first.PosScores()[0] || alone[0].NegScores()[0] != first.NegScores()[0] {
		t.Error("the model alone scores otherwise")
	}
	again, toldAgain, err := p.teachBy(t, "taught.jsonl", "rerankers", "taught-again.jsonl")
	mustBe(t, err)
	if toldAgain.Scored != 0 || toldAgain.Kept != told.Scored || p.read(t, "taught-again.jsonl") != p.read(t, "taught.jsonl") || len(again) != 30 {
		t.Errorf("again %+v", toldAgain)
	}
	dev, _, err := p.teachBy(t, "mined-dev.jsonl", "rerankers", "taught-dev.jsonl")
	mustBe(t, err)
	if by, _ := dev[0].Get(signature); string(by) != fmt.Sprintf("%q", list.Folds[0].Model) {
		t.Errorf("a query of nobody's training is scored by %s", by)
	}

	mine := p.mineOptions()
	margin := 0.0
	mine.Mine.TeacherMargin, mine.Teacher = &margin, TeacherOptions{Model: ModelOptions{Model: p.path("rerankers")}, Kind: crossEncoderKind, prefix: "teacher-"}
	mine.Output = p.path("mined-again.jsonl")
	miner := newTestHost()
	miner.environ = []string{"QUARRY_CACHE=" + p.path("cache")}
	mustBe(t, runMine(t.Context(), mine, miner.host))
	if !strings.Contains(miner.err.String(), "teacher: ") {
		t.Errorf("mining noted %s", miner.err.String())
	}

	p.checkFoldRefusals(t, o)
}

// checkFoldRefusals are errors of a directory of folds.
func (p project) checkFoldRefusals(t *testing.T, o FinetuneOptions) {
	t.Helper()
	o.Pairs.Folds = 4
	refused(t, runFinetune(t.Context(), o, newTestHost().host), "holds a training of other data, another model or other options")
	o.Pairs.Folds = 0
	refused(t, runFinetune(t.Context(), o, newTestHost().host), "is not empty (fold-0)")
	o.Pairs.Folds = 3
	p.write(t, "rerankers/notes.txt", "mine")
	refused(t, runFinetune(t.Context(), o, newTestHost().host), "is not empty (notes.txt) and holds no folds alone")
	mustBe(t, os.Remove(p.path("rerankers/notes.txt")))
	teach := func(change func(*TeacherOptions)) error {
		o := TeachOptions{Rows: p.path("mined.jsonl"), Output: p.path("refused.jsonl"), Teacher: TeacherOptions{Model: ModelOptions{Model: p.path("rerankers")}, Kind: crossEncoderKind}}
		change(&o.Teacher)
		h := newTestHost()
		h.environ = []string{"QUARRY_CACHE=" + p.path("cache")}
		return runTeach(t.Context(), o, h.host)
	}
	refused(t, teach(func(o *TeacherOptions) { o.Kind = embedderKind }), "holds cross-encoders, one for each fold")
	refused(t, teach(func(o *TeacherOptions) { o.Cache = p.path("scores.jsonl") }), "--cache has no part with the cross-encoders of folds")
	config := p.read(t, "rerankers/fold-1/epoch-2/config.json")
	p.write(t, "rerankers/fold-1/epoch-2/config.json", config+"\n")
	mustBe(t, os.RemoveAll(p.path("cache")))
	refused(t, teach(func(*TeacherOptions) {}), "is not as the training wrote it, by")
	if _, err := os.Stat(p.path("cache")); err == nil {
		t.Error("pairs are scored before a model of another content is found")
	}
	p.write(t, "rerankers/fold-1/epoch-2/config.json", config)
	mustBe(t, os.Remove(p.path("rerankers/fold-2/epoch-2/"+model.TrainedQueriesName)))
	refused(t, teach(func(*TeacherOptions) {}), "queries that a cross-encoder was trained on: ")
	for name, tc := range map[string][2]string{
		"one fold":      {`{"schema":1,"folds":[{"model":"a","digest":"d","trained":1,"held_out":1,"loss":1,"eval_loss":1}]}`, "1 folds, want 2 or more"},
		"another place": {`{"schema":1,"folds":[{"model":"../a","digest":"d","trained":1,"held_out":1,"loss":1,"eval_loss":1},{"model":"b","digest":"d","trained":1,"held_out":1,"loss":1,"eval_loss":1}]}`, `"../a" is not below the directory`},
		"a schema":      {`{"schema":2,"folds":[]}`, "schema 2; this program reads 1"},
		"no digest":     {`{"schema":1,"folds":[{"model":"a","digest":"","trained":1,"held_out":1,"loss":1,"eval_loss":1},{"model":"b","digest":"d","trained":1,"held_out":1,"loss":1,"eval_loss":1}]}`, "fold 0: no digest"},
		"a count":       {`{"schema":1,"folds":[{"model":"a","digest":"d","trained":1,"held_out":-1,"loss":1,"eval_loss":1},{"model":"b","digest":"d","trained":1,"held_out":1,"loss":1,"eval_loss":1}]}`, "held_out -1: counts are 0 or more"},
		"one model":     {`{"schema":1,"folds":[{"model":"a","digest":"d","trained":1,"held_out":1,"loss":1,"eval_loss":1},{"model":"./a","digest":"d","trained":1,"held_out":1,"loss":1,"eval_loss":1}]}`, "folds 0 and 1 have one model"},
		"a list":        {`[]`, "folds.json: want an object, got a list"},
		"a text":        {`{"schema":"1"}`, `folds.json: "schema": want a whole number, got a string`},
		"a fraction":    {`{"schema":1.5}`, `folds.json: "schema": want a whole number, got 1.5`},
		"an unknown":    {`{"schema":1,"folds":[],"more":1}`, "more"},
	} {
		p.write(t, "rerankers/"+model.FoldsName, tc[0])
		t.Run(name, func(t *testing.T) { refused(t, teach(func(*TeacherOptions) {}), tc[1]) })
	}
}

// TestFoldsGoOn interrupts the training of the second fold; gone on with, it leaves the same bytes and tells the same.
func TestFoldsGoOn(t *testing.T) {
	p := trainable(t)
	o := p.pairOptions("calm")
	o.Dev, o.Pairs.Folds, o.Tune.Epochs = "", 2, 1
	h := newTestHost()
	mustBe(t, runFinetune(t.Context(), o, h.host))
	want := p.files(t, "calm")
	o.Output = p.path("stopped")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := newTestHost()
	first.now = func() time.Time {
		if steps, err := os.ReadFile(p.path("stopped/fold-1/steps.jsonl")); err == nil && strings.Count(string(steps), "\n") >= 2 {
			cancel()
		}
		return time.Now()
	}
	err := runFinetune(ctx, o, first.host)
	var i interruption
	if !errors.Is(err, context.Canceled) || !errors.As(err, &i) {
		t.Fatalf("error %v, want an interruption", err)
	}
	if _, err := os.Stat(p.path("stopped/" + model.FoldsName)); err == nil {
		t.Error("a part of the folds is listed")
	}
	second := newTestHost()
	mustBe(t, runFinetune(t.Context(), o, second.host))
	got := p.files(t, "stopped")
	for name, digest := range want {
		if got[name] != digest {
			t.Errorf("%s differs or is missing", name)
		}
	}
	if second.out.String() != h.out.String() {
		t.Errorf("told\n%swant\n%s", second.out.String(), h.out.String())
	}
}

// TestAnEncoderThatQuarryTunedIsTold: what a cross-encoder says of its training is not that of the encoder below its head.
func TestAnEncoderThatQuarryTunedIsTold(t *testing.T) {
	p := trainable(t)
	o := p.pairOptions("reranker")
	for _, tuned := range []bool{false, true} {
		if tuned {
			m, err := model.Open(o.Model.Model, model.Options{})
			mustBe(t, err)
			mustBe(t, m.Contract.Write(rundir.Sink(rundir.OS{}, o.Model.Model)))
			mustBe(t, m.Close())
		}
		h := newTestHost()
		c, err := o.openCrossEncoder(t.Context(), h.host)
		mustBe(t, err)
		mustBe(t, c.model.Close())
		if told := strings.Contains(h.err.String(), "was fine-tuned by Quarry (quarry.json): "); told != tuned {
			t.Errorf("of an encoder that is tuned (%t) is noted %s", tuned, h.err.String())
		}
	}
}

func TestCrossEncoderFlagsThatHaveNoPart(t *testing.T) {
	p := trainable(t)
	for _, tc := range []struct {
		name, want string
		change     func(*FinetuneOptions)
	}{
		{"another kind", `--kind "reranker": use embedder or cross-encoder`, func(o *FinetuneOptions) { o.Kind = "reranker" }},
		{"folds of an embedder", "--folds has no part without --kind cross-encoder", func(o *FinetuneOptions) { o.Kind, o.set["folds"] = "", true }},
		{"a loss of an embedder", "--loss has no part without --kind cross-encoder", func(o *FinetuneOptions) { o.Kind, o.set["loss"] = embedderKind, true }},
		{"a prompt", "--query-prompt has no part without --kind embedder", func(o *FinetuneOptions) { o.set["query-prompt"] = true }},
		{"a temperature", "--temperature has no part without --kind embedder", func(o *FinetuneOptions) { o.set["temperature"] = true }},
		{"a weight of groups", "--positive-weight has no part without --loss binary_cross_entropy", func(o *FinetuneOptions) {
			o.Pairs.Loss, o.set["positive-weight"] = string(finetune.CrossEntropy), true
		}},
		{"LoRA", "a cross-encoder is trained in full", func(o *FinetuneOptions) { o.Tune.Method = finetune.LoRA }},
		{"one fold", "--folds 1: at least 2", func(o *FinetuneOptions) { o.Pairs.Folds, o.set["folds"] = 1, true }},
		{"folds and dev", "--dev has no part with --folds", func(o *FinetuneOptions) { o.Pairs.Folds = 2 }},
		{"too many folds", "40 folds of 30 queries", func(o *FinetuneOptions) { o.Pairs.Folds, o.Dev = 40, "" }},
		{"two warm-ups", "--warmup-ratio has no part with --warmup-steps", func(o *FinetuneOptions) {
			o.Tune.WarmupSteps, o.set["warmup-steps"], o.set["warmup-ratio"] = 3, true, true
		}},
		{"a warm-up of a constant rate", "--warmup-steps has no part with --schedule constant", func(o *FinetuneOptions) {
			o.Tune.WarmupSteps, o.Tune.Schedule, o.set["warmup-steps"] = 3, finetune.Constant, true
		}},
		{"another loss", `loss "mse"`, func(o *FinetuneOptions) { o.Pairs.Loss = "mse" }},
		{"a length", "--max-length: max length 1000", func(o *FinetuneOptions) { o.Texts.MaxLength = 1000 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.pairOptions("refused")
			tc.change(&o)
			refused(t, runFinetune(t.Context(), o, newTestHost().host), tc.want)
		})
	}
	o := p.pairOptions("standard")
	o.set = set{}
	mustBe(t, o.settlePairs())
	if standard := finetune.DefaultPairOptions(); o.Tune.LearningRate != standard.LearningRate || o.Tune.Batch != standard.Batch {
		t.Errorf("%g and %d are no defaults of cross-encoders", o.Tune.LearningRate, o.Tune.Batch)
	}
}
