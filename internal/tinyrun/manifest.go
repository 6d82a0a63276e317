package tinyrun

import (
	"fmt"
	"strings"

	"github.com/quarry-ml/quarry/rundir"
)

// manifest traces a round. Of stages it has those that tell where something of the lineage goes.
func (r *Run) manifest(round int) *rundir.Manifest {
	base := rundir.ManifestModel{Name: r.hostile("models/base", 0), Digest: "ba5e000000000000"}
	merged := func(round int) rundir.ManifestModel {
		return rundir.ManifestModel{Name: fmt.Sprintf("round-%d/merged", round), Digest: fmt.Sprintf("%d0de1000000000000", round)}
	}
	m := &rundir.Manifest{
		Recipe: r.options.Name, Round: round, Options: []byte("{}"), Base: base, Miner: base, Result: merged(round),
		Choice: rundir.ManifestChoice{Epoch: r.options.Epochs, By: "rule", Because: r.because()},
	}
	if round > 0 {
		m.Miner = merged(round - 1)
	}
	r.addData(m)
	r.addMined(m)
	r.addScored(m)
	return m
}

// addData adds the files.
func (r *Run) addData(m *rundir.Manifest) {
	add := func(role, file string, count int) {
		m.Data = append(m.Data, rundir.ManifestData{Role: role, Name: r.hostile(file, len(m.Data)), Digest: r.digest(file), Count: count})
	}
	add("corpus", "corpus.jsonl", r.options.Passages)
	for _, p := range append(r.parts(), r.held()...) {
		role, over := string(p.split), "corpus of "+string(p.split)
		if p.set != "" {
			of := " of " + rundir.TrainingSet(p.set)
			role, over = role+of, "corpus"+of
		}
		if p.prefix != "" {
			add(over, p.corpus, r.options.Passages)
		}
		add(role, p.queries, r.count(p.name))
	}
}

// addMined adds the stages before the training.
func (r *Run) addMined(m *rundir.Manifest) {
	made := func(stage string, inputs []rundir.Input, path, digest string) {
		m.Stages = append(m.Stages, rundir.ManifestStage{Stage: stage, Inputs: inputs, Outputs: []rundir.Output{{Path: path, SHA256: digest}}})
	}
	if r.options.Models {
		m.Options = fmt.Appendf(nil, `{"mine":{"teacher":{"model":"models/teacher"},"sources":[{"kind":"dense"},{"kind":"model","model":%q}]},"finetune":{"guide":"models/guide"}}`, "models/further")
		made("source-f0f0", []rundir.Input{{Name: "corpus", Digest: r.digest("corpus.jsonl")}, {Name: "model", Digest: "f0f0000000000000"}}, "sources/f0f0.npy", "ec70f0f0")
		made("search", []rundir.Input{{Name: "sources/f0f0.npy", Digest: "ec70f0f0"}}, fmt.Sprintf("round-%d/candidates/train.cand", m.Round), "ca4d")
		made("teach", []rundir.Input{{Name: "teacher", Digest: "7eac000000000000"}}, fmt.Sprintf("round-%d/teacher-scores.jsonl", m.Round), "7eac5c0e")
		made("guide-9d9d", []rundir.Input{{Name: "dev", Digest: r.digest("dev.jsonl")}, {Name: "guide", Digest: "9d9d000000000000"}}, "guides/9d9d.npy", "ec709d9d")
	}
	for i, p := range r.parts() {
		if p.split != rundir.Train {
			continue
		}
		stage, folder := "mine", fmt.Sprintf("round-%d/", m.Round)
		inputs := []rundir.Input{{Name: "corpus", Digest: r.digest(p.corpus)}, {Name: "dev", Digest: r.digest("dev.jsonl")}, {Name: "train", Digest: r.digest(p.queries)}}
		if p.set != "" {
			stage, folder = stage+"-"+rundir.TrainingSet(p.set), folder+"sets/"+p.set+"/"
		}
		made(stage, inputs, folder+"negatives.jsonl", strings.Repeat("0", i)+fmt.Sprintf("%de9a71fe5", m.Round))
	}
}

// addScored adds what is scored and decides nothing.
func (r *Run) addScored(m *rundir.Manifest) {
	for _, p := range r.held() {
		stage, path := "test", fmt.Sprintf("round-%d/test.json", m.Round)
		if name, ok := strings.CutPrefix(string(p.split), string(rundir.AlsoSplit(""))); ok {
			stage = fmt.Sprintf("also-epoch-%d-%s", m.Choice.Epoch, name)
			path = fmt.Sprintf("round-%d/epochs/epoch-%d.%s.json", m.Round, m.Choice.Epoch, p.split)
		}
		m.Stages = append(m.Stages, rundir.ManifestStage{
			Stage: stage, Inputs: []rundir.Input{{Name: string(p.split), Digest: r.digest(p.queries)}, {Name: "train", Digest: r.digest("train.jsonl")}},
			Outputs: []rundir.Output{{Path: path, SHA256: fmt.Sprintf("5c0%x", path)}},
		})
	}
}
