package recipe

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quarry-ml/quarry/prompt"
)

// Set is a training set beside that of data.train: queries of its own, mined in a corpus of their own or in the run's. Every
// step of the training is of one set alone.
type Set struct {
	// Name of the set in tables and file names, none of train, dev, test and base. Letters, digits, dots, dashes and underscores.
	Name string `yaml:"name" need:"true"`
	// Its training queries, in the form of data.train.
	Train Path `yaml:"train" need:"true"`
	// The passages that they are mined in.
	Corpus Path `yaml:"corpus" unset:"data.corpus"`
	// Held-out queries of the set, on which every epoch is scored under the set's name as on the sets of data.also: nothing is
	// chosen by them.
	Dev Path `yaml:"dev" unset:"none"`
	// In-context examples of the set, in the form of data.examples.
	Examples Path `yaml:"examples" unset:"none: its queries are shown none in mining and evaluation"`
	// Key that holds ids in these files.
	IDField string `yaml:"id_field" unset:"id, or _id in a corpus"`
	// Key of its queries that belong together.
	GroupField string `yaml:"group_field" unset:"none"`
	// Key of passages that belong together in the set's own corpus, for mine.same_group.
	PassageGroupField string `yaml:"passage_group_field" unset:"none"`
	// Its sampling weight: its share of the steps of an epoch is its part of the sum of all weights, data.weight included. All
	// sets have one, or none has.
	Weight float64 `yaml:"weight" in:"(0,1e9]" unset:"its share is by size"`
	// Around its queries, behind which the run's suffix stands; "" for nothing.
	QueryPrompt *prompt.Template `yaml:"query_prompt" unset:"that of the run's queries"`
	// Around its passages; "" for nothing.
	PassagePrompt *prompt.Template `yaml:"passage_prompt" unset:"that of the run's passages"`
	// Tokens kept of its texts, whatever a round says.
	Lengths SetLengths `yaml:"lengths"`
	// What its mining does differently from mine, in every round and before what a round says: keys of mine, such as
	// {window: 5-100, negatives: 7}.
	Mine SetMine `yaml:"mine" unset:"nothing"`
}

// SetLengths is the tokens kept of a set's texts.
type SetLengths struct {
	// Of a query, its prompt included.
	Query int `yaml:"query" in:"[1,)" unset:"as lengths says"`
	// Of a passage, its prompt included.
	Passage int `yaml:"passage" in:"[1,)" unset:"as lengths says"`
}

// SetMine is the keys of mine that a set has for itself, as YAML with sorted keys. What they come to stands with each round:
// Stages.SetMine.
type SetMine string

// node is the keys as a recipe would write them.
func (m SetMine) node() (*yaml.Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(m), &document); err != nil {
		return nil, err
	}
	return document.Content[0], nil
}

// SetMine is which passages become negatives of the queries of data.sets[i] in a round. The teacher is that of
// all sets, and so is the file of verdicts, which are of texts.
func (s Stages) SetMine(i int) Mine {
	m := s.Sets[i]
	m.Teacher, m.Verdicts = s.Mine.Teacher, s.Mine.Verdicts
	return m
}

// Over is the lengths of a set where those of all are l.
func (s SetLengths) Over(l Lengths) Lengths {
	if s.Query > 0 {
		l.Query = s.Query
	}
	if s.Passage > 0 {
		l.Passage = s.Passage
	}
	return l
}

// AtSet is At of a key as data.sets[i] has it: where the set gives it, else where the recipe does.
func (r *Recipe) AtSet(i int, key string) string {
	own := fmt.Sprintf("data.sets[%d].%s", i, key)
	if r.lines[own] > 0 {
		return r.At(own)
	}
	return r.At(key)
}

// decodeSets decodes what the sets mine differently over every round, which are whole by now.
func (d *decoder) decodeSets(r *Recipe) {
	for i := range r.Data.Sets {
		path, told := fmt.Sprintf("data.sets[%d].mine", i), false
		for _, rounds := range r.allRounds() {
			for k := range rounds {
				whole := rounds[k].clone()
				before := len(d.problems)
				whole.Mine.Depth = 0
				if node := d.mines[path]; node != nil {
					d.section(node, reflect.ValueOf(&whole.Mine).Elem(), path)
				}
				if told { // what is wrong with the keys themselves is told once
					d.problems = d.problems[:before]
				}
				told = true
				whole.Mine.Teacher, whole.Mine.Verdicts = Teacher{}, Path{} // SetMine tells
				rounds[k].Sets = append(rounds[k].Sets, whole.Mine)
			}
		}
	}
}

// sharedMining are keys of mine that all sets have in common.
var sharedMining = []string{"teacher", "verdicts"}

// checkSets sees that sets can be told apart and trained beside each other, and that none holds what is held out.
func (r *Recipe) checkSets(d *decoder) {
	data := r.Data
	if len(data.Sets) == 0 {
		if data.Weight > 0 {
			d.failAt("data.weight", "data.weight is of no use without data.sets")
		}
		return
	}
	data.checkSetNames(d)
	for i, s := range data.Sets {
		at := fmt.Sprintf("data.sets[%d]", i)
		if (s.Weight > 0) != (data.Weight > 0) {
			d.failAt(at, "%s.weight and data.weight: all sets have a weight, the main one by data.weight, or none has", at)
		}
		for _, key := range sharedMining {
			if d.lines[at+".mine."+key] > 0 {
				d.failAt(at+".mine."+key, "%s.mine.%s: all sets have that of mine in common: leave it out", at, key)
			}
		}
		s.checkHeldOut(d, at, data)
		r.checkSetMining(d, i)
	}
}

// checkSetNames sees that the names of sets are names, and that no two are one.
func (data Data) checkSetNames(d *decoder) {
	names := map[string]string{}
	for i, a := range data.Also {
		names[strings.ToLower(a.Name)] = fmt.Sprintf("data.also[%d]", i)
	}
	for i, s := range data.Sets {
		at := fmt.Sprintf("data.sets[%d]", i)
		if s.Name != "" && !nameForm.MatchString(s.Name) {
			d.failAt(at+".name", "%s.name %q: want letters, digits, dots, dashes and underscores: it is part of file names", at, s.Name)
		}
		d.checkOwnName(at, s.Name)
		// Some file systems do not tell case apart.
		if first, twice := names[strings.ToLower(s.Name)]; twice && s.Name != "" {
			d.failAt(at+".name", "%s.name %q is taken by %s", at, s.Name, first)
		}
		names[strings.ToLower(s.Name)] = at
	}
}

// checkHeldOut refuses a file that is trained on and held out.
func (s Set) checkHeldOut(d *decoder, at string, data Data) {
	if data.AllowLeakage {
		return
	}
	for _, held := range []struct {
		key  string
		path Path
	}{{"data.dev", data.Dev}, {"data.test", data.Test}, {at + ".dev", s.Dev}} {
		if held.path.File != "" && held.path.File == s.Train.File {
			d.failAt(at+".train", "%s.train is the file of %s: hold queries out, or set data.allow_leakage", at, held.key)
		}
	}
	if s.Dev.File != "" && s.Dev.File == data.Train.File {
		d.failAt(at+".dev", "%s.dev is the training file: hold queries out, or set data.allow_leakage", at)
	}
}

// checkSetMining finds contradictions in what set i mines, round by round.
func (r *Recipe) checkSetMining(d *decoder, i int) {
	s, at, told := r.Data.Sets[i], fmt.Sprintf("data.sets[%d]", i), map[string]bool{}
	for k, round := range r.Rounds {
		m := round.SetMine(i)
		if (m.Source == None) != (round.Mine.Source == None) && !told[None] {
			told[None] = true
			d.failAt(at+".mine.source", "%s.mine.source is %s, but that of round %d is %s: all sets of a round are mined, or none is", at, m.Source, k, round.Mine.Source)
		}
		groups, key := s.PassageGroupField, at+".passage_group_field"
		if s.Corpus.Written == "" {
			groups, key = r.Data.PassageGroupField, "data.passage_group_field"
		}
		if m.SameGroup != "" && groups == "" && !told[key] {
			told[key] = true
			d.failAt(at, "%s: mine.same_group needs %s: the key of the corpus that holds groups", at, key)
		}
		if s.Mine == "" {
			continue
		}
		found := &decoder{file: d.file, lines: map[string]int{}}
		m.check(found, k)
		for _, p := range found.problems {
			if !told[p.text] { // once for all rounds
				d.failAt(at+".mine", "%s, round %d: %s", at, k, p.text)
			}
			told[p.text] = true
		}
	}
	if s.Corpus.Written == "" && s.PassageGroupField != "" {
		d.failAt(at+".passage_group_field", "%s.passage_group_field is of a corpus of the set's own: the run's has data.passage_group_field", at)
	}
}

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (s Set) MarshalJSON() ([]byte, error) { return canonicalJSON(s) }
