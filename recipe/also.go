package recipe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/prompt"
)

// Also is one set of queries that every epoch is scored on beside dev, over a corpus of its own or the run's.
type Also struct {
	// Name of the set in tables and file names, none of train, dev, test and base. Letters, digits, dots, dashes and underscores.
	Name string `yaml:"name" need:"true"`
	// Its queries, in the form of dev.
	Queries Path `yaml:"queries" need:"true"`
	// The passages that they are searched in.
	Corpus Path `yaml:"corpus" unset:"data.corpus"`
	// Key that holds ids in these files.
	IDField string `yaml:"id_field" unset:"id, or _id in a corpus"`
	// Key of its queries that belong together: resampled together.
	GroupField string `yaml:"group_field" unset:"none"`
	// Around its queries, behind which the run's suffix stands; "" for nothing. They are shown no in-context examples.
	QueryPrompt *prompt.Template `yaml:"query_prompt" unset:"that of the run's queries"`
	// Around its passages; "" for nothing.
	PassagePrompt *prompt.Template `yaml:"passage_prompt" unset:"that of the run's passages"`
}

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (a Also) MarshalJSON() ([]byte, error) { return canonicalJSON(a) }

// ownNames are what a run calls its own queries and model in tables: a set of the same name could not be told from them.
var ownNames = []string{"train", "dev", "test", "base"}

// checkOwnName refuses a set's name that the run has for something of its own.
func (d *decoder) checkOwnName(at, name string) {
	if slices.Contains(ownNames, strings.ToLower(name)) {
		d.failAt(at+".name", "%s.name %q is what the run calls its own: tables could not tell them apart; name the set otherwise than %s", at, name, strings.Join(ownNames, ", "))
	}
}

// checkAlso sees that sets can be told apart, and that none is a set which has its own part in the run.
func (data Data) checkAlso(d *decoder) {
	names := map[string]string{}
	for i, a := range data.Also {
		at := fmt.Sprintf("data.also[%d]", i)
		if a.Name != "" && !nameForm.MatchString(a.Name) {
			d.failAt(at+".name", "%s.name %q: want letters, digits, dots, dashes and underscores: it is part of file names", at, a.Name)
		}
		d.checkOwnName(at, a.Name)
		// Some file systems do not tell case apart.
		if first, twice := names[strings.ToLower(a.Name)]; twice && a.Name != "" {
			d.failAt(at+".name", "%s.name %q is taken by %s", at, a.Name, first)
		}
		names[strings.ToLower(a.Name)] = at
		if a.Queries.File == "" {
			continue
		}
		switch a.Queries.File {
		case data.Train.File:
			if !data.AllowLeakage {
				d.failAt(at+".queries", "%s.queries is the training file: hold queries out, or set data.allow_leakage", at)
			}
		case data.Dev.File:
			d.failAt(at+".queries", "%s.queries is the dev file, which every epoch is scored on as it is", at)
		case data.Test.File:
			d.failAt(at+".queries", "%s.queries is the test file, which is scored for the base and chosen epochs alone", at)
		}
	}
}
