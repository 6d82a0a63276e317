package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/rundir"
)

// scored is mined rows with a teacher's scores of every text.
func (p project) scored(t testing.TB, mined, name string) string {
	t.Helper()
	var rows []string
	for i, line := range lines(p.read(t, mined)) {
		var row map[string]any
		mustBe(t, json.Unmarshal([]byte(line), &row))
		for k, key := range []string{"pos", "neg"} {
			scores := []float64{}
			for j := range row[key].([]any) {
				scores = append(scores, float64((i+3*j)%7)-4*float64(k))
			}
			row[key+"_scores"] = scores
		}
		raw, err := json.Marshal(row)
		mustBe(t, err)
		rows = append(rows, string(raw))
	}
	return p.write(t, name, strings.Join(rows, "\n")+"\n")
}

func (p project) steps(t testing.TB, dir string) []rundir.Step {
	t.Helper()
	steps, err := rundir.ReadSteps(strings.NewReader(p.read(t, dir+"/steps.jsonl")), "steps.jsonl")
	mustBe(t, err)
	return steps
}

// TestFinetuneLearnsFromATeacher takes scores from the training rows and from a file beside them.
func TestFinetuneLearnsFromATeacher(t *testing.T) {
	p := trainable(t)
	o := p.finetuneOptions("rows")
	o.Tune.Epochs, o.Tune.Distill, o.Data.Corpus, o.Dev = 1, finetune.KLDiv, "", ""
	o.Train = p.scored(t, "mined.jsonl", "scored.jsonl")
	mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
	for _, s := range p.steps(t, "rows") {
		if s.Contrastive == nil || s.Distillation == nil || *s.Distillation <= 0 || s.GuideMasked != nil {
			t.Errorf("step %d: %+v", s.Step, s)
		}
	}
	o.Train, o.Teacher, o.Output = p.path("mined.jsonl"), p.path("scored.jsonl"), p.path("beside")
	mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
	want, got := p.files(t, "rows"), p.files(t, "beside")
	for name, digest := range want {
		if name != recordName && got[name] != digest {
			t.Errorf("%s differs with the scores in a file of their own", name)
		}
	}
	o.Teacher, o.Output = "", p.path("none")
	err := runFinetune(t.Context(), o, newTestHost().host)
	if err == nil || !strings.Contains(err.Error(), p.path("mined.jsonl")+`:1: the row has no "pos_scores": distillation needs a teacher's score of each "pos" text`) {
		t.Errorf("rows without scores: %v", err)
	}
	rows := lines(p.read(t, "scored.jsonl"))
	o.Teacher = p.write(t, "short.jsonl", strings.Join(rows[1:], "\n"))
	err = runFinetune(t.Context(), o, newTestHost().host)
	if err == nil || !strings.Contains(err.Error(), p.path("mined.jsonl")+":1: "+p.path("short.jsonl")+" has no score of the passage") {
		t.Errorf("a row that the teacher did not see: %v", err)
	}
}

// TestFinetuneWithAGuide embeds with the guide once: a second run goes on with what the first one made.
func TestFinetuneWithAGuide(t *testing.T) {
	p := trainable(t)
	o := p.finetuneOptions("tuned")
	o.Tune.Epochs, o.Guide = 1, p.path("model")
	o.Tune.Guide = finetune.GuideOptions{Mask: finetune.RelativeMargin, Margin: 0.05}
	o.Parts, o.Weights = []int{16, 8}, nil
	mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
	masked := 0
	for _, s := range p.steps(t, "tuned") {
		if s.GuideMasked == nil || s.Contrastive != nil {
			t.Fatalf("step %d: %+v", s.Step, s)
		}
		masked += *s.GuideMasked
	}
	if masked == 0 {
		t.Error("the guide masked nothing")
	}
	want := p.files(t, "tuned")
	h := newTestHost()
	mustBe(t, runFinetune(t.Context(), o, h.host))
	for name, digest := range p.files(t, "tuned") {
		if want[name] != digest {
			t.Errorf("%s is made again", name)
		}
	}
	o.Guide = p.path("nowhere")
	o.Output = p.path("other")
	if err := runFinetune(t.Context(), o, newTestHost().host); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a guide that is not there: %v", err)
	}
}
