package page

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/rundir"
)

// input is something that a round reads, and what becomes of it there.
type input struct {
	what, name, digest string
	label              string // of its box
	model              bool   // else data
	earlier            bool   // what an earlier round mined
	into               []product
	node               int
}

// product is something that a round makes.
type product struct {
	kind productKind
	set  string // of data.sets, whose negatives it is; empty of the run's own
}

type productKind int

const (
	toNegatives productKind = iota
	toEpoch                 // the epochs and the choice of one
	toResult                // the merged model
	toScores                // on test and other sets, which nothing depends on
)

// inputsOf lists what a round read, by its manifest. Where data goes follows from its role: dev is mined for the loss on it, but only
// epochs and their choice depend on it. Where models and further files go follows from the stages that have them as inputs.
func inputsOf(m *rundir.Manifest) []input {
	var all []input
	for _, data := range m.Data {
		all = append(all, input{what: data.Role, name: data.Name, digest: data.Digest, label: fmt.Sprintf("%s (%d)", data.Role, data.Count), into: intoByRole(m, data.Role)})
	}
	var mined []product
	for _, set := range append([]string{""}, trainingSets(m)...) {
		mined = append(mined, product{toNegatives, set})
	}
	all = append(all,
		input{what: "miner", name: m.Miner.Name, digest: m.Miner.Digest, label: modelLabel("miner", m.Miner.Name), model: true, into: mined},
		input{what: "base", name: m.Base.Name, digest: m.Base.Digest, label: modelLabel("base", m.Base.Name), model: true, into: []product{{kind: toEpoch}}},
	)
	return append(all, inputsOfStages(m)...)
}

func intoByRole(m *rundir.Manifest, role string) []product {
	also := string(rundir.AlsoSplit(""))
	_, set, ofSet := strings.Cut(role, ofTrainingSet)
	switch {
	case role == string(rundir.Test), strings.HasPrefix(role, also), strings.HasPrefix(role, "corpus of "+also):
		return []product{{kind: toScores}}
	case role == string(rundir.Dev):
		return []product{{kind: toEpoch}}
	case ofSet:
		return []product{{toNegatives, set}}
	case role == "corpus":
		into := []product{{kind: toNegatives}}
		for _, set := range trainingSets(m) {
			if !hasRole(m, "corpus"+ofTrainingSet+set) {
				into = append(into, product{toNegatives, set})
			}
		}
		return into
	case role == "examples": // which queries are shown wherever they are embedded
		return []product{{kind: toNegatives}, {kind: toEpoch}}
	case role == string(rundir.Train), strings.HasPrefix(role, "verdicts."):
		return []product{{kind: toNegatives}}
	}
	return nil // of a later quarry
}

// ofTrainingSet stands in a role before the name of a set of data.sets.
var ofTrainingSet = " of " + rundir.TrainingSet("")

// trainingSets are the names of the sets of data.sets that a round trained on.
func trainingSets(m *rundir.Manifest) []string {
	var sets []string
	for _, data := range m.Data {
		if set, ok := strings.CutPrefix(data.Role, string(rundir.Train)+ofTrainingSet); ok {
			sets = append(sets, set)
		}
	}
	return sets
}

// heldSets are the sets that decide nothing: test, and those of data.also.
func heldSets(m *rundir.Manifest) []string {
	var sets []string
	for _, data := range m.Data {
		if data.Role == string(rundir.Test) || strings.HasPrefix(data.Role, string(rundir.AlsoSplit(""))) {
			sets = append(sets, data.Role)
		}
	}
	return sets
}

func hasRole(m *rundir.Manifest, role string) bool {
	return slices.ContainsFunc(m.Data, func(d rundir.ManifestData) bool { return d.Role == role })
}

// inputsOfStages lists what the stages of a round read besides the run's data and the models that every round has: teachers, guide,
// further models and files of mine.sources, given scores, an outside trainer's files, and negatives that an earlier round mined.
func inputsOfStages(m *rundir.Manifest) []input {
	var all []input
	add := func(one input) {
		for i, other := range all { // sets may share a teacher or a source
			if other.what == one.what && other.name == one.name && other.digest == one.digest {
				all[i].into = append(other.into, one.into...)
				return
			}
		}
		all = append(all, one)
	}
	further := furtherModels(m)
	for _, s := range m.Stages {
		stage, set, _ := strings.Cut(s.Stage, "-"+rundir.TrainingSet(""))
		mined := []product{{toNegatives, set}}
		for _, in := range s.Inputs {
			switch {
			case stage == "teach" && in.Name == "teacher":
				add(modelInput("teacher", option(mineOptions(m, set), "teacher", "model"), in.Digest, mined))
			case stage == "search" && strings.HasPrefix(in.Name, "source "):
				name := strings.TrimPrefix(in.Name, "source ")
				add(input{what: "source of mining", name: name, digest: in.Digest, label: modelLabel("source", name), into: mined})
			case stage == "search":
				for _, one := range further {
					if one.vectors == in.Digest {
						add(modelInput("source", one.name, one.digest, mined))
					}
				}
			case stage == "mine" && in.Name == "last."+string(rundir.Train):
				add(input{what: "kept negatives", digest: in.Digest, earlier: true, into: mined})
			case strings.HasPrefix(stage, "guide-") && in.Name == "guide":
				add(modelInput("guide", option(m.Options, "finetune", "guide"), in.Digest, []product{{kind: toEpoch}}))
			case stage == "finetune" && in.Name == "teacher_scores":
				add(input{what: "teacher's scores", name: option(m.Options, "finetune", "teacher_scores"), digest: in.Digest, label: "teacher's scores", into: []product{{kind: toEpoch}}})
			case stage == "finetune" && strings.HasPrefix(in.Name, "trainer: "):
				name := strings.TrimPrefix(in.Name, "trainer: ")
				add(input{what: "outside trainer", name: name, digest: in.Digest, label: modelLabel("trainer", name), into: []product{{kind: toEpoch}}})
			}
		}
	}
	return all
}

func modelInput(role, name, digest string, into []product) input {
	return input{what: role, name: name, digest: digest, label: modelLabel(role, name), model: true, into: into}
}

// furtherModel is a model of mine.sources, and one file of vectors that it made.
type furtherModel struct{ name, digest, vectors string }

// furtherModels lists what further models of mine.sources made in a round. They are made in the order in which the settings name them;
// where that does not tell which is which they have no names.
func furtherModels(m *rundir.Manifest) []furtherModel {
	var all []furtherModel
	var digests, names []string
	for _, s := range m.Stages {
		if !strings.HasPrefix(s.Stage, "source-") {
			continue
		}
		for _, in := range s.Inputs {
			if in.Name != "model" {
				continue
			}
			if !slices.Contains(digests, in.Digest) {
				digests = append(digests, in.Digest)
			}
			for _, o := range s.Outputs {
				all = append(all, furtherModel{digest: in.Digest, vectors: o.SHA256})
			}
		}
	}
	for _, set := range append([]string{""}, trainingSets(m)...) {
		var options struct {
			Sources []json.RawMessage `json:"sources"`
		}
		_ = json.Unmarshal(mineOptions(m, set), &options) // settings of another quarry have no names for us
		for _, source := range options.Sources {
			if name := option(source, "model"); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for i := range all {
		if len(names) == len(digests) {
			all[i].name = names[slices.Index(digests, all[i].digest)]
		}
	}
	return all
}

// mineOptions are the settings that a set is mined by.
func mineOptions(m *rundir.Manifest, set string) json.RawMessage {
	for _, s := range m.Sets {
		if set != "" && s.Name == set {
			return s.Mine
		}
	}
	var options struct {
		Mine json.RawMessage `json:"mine"`
	}
	_ = json.Unmarshal(m.Options, &options) // as in furtherModels
	return options.Mine
}

// option is a text in settings; empty where there is none at the keys.
func option(settings json.RawMessage, keys ...string) string {
	for _, key := range keys {
		var section map[string]json.RawMessage
		if json.Unmarshal(settings, &section) != nil {
			return ""
		}
		settings = section[key]
	}
	var text string
	_ = json.Unmarshal(settings, &text) // what is no text is none
	return text
}
