package rundir

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// ManifestVersion is the version of manifest.json.
const ManifestVersion = 1

// Manifest traces one round from its sources to its result: what was read, with which options, what came out, by
// digest. It holds no time, so the same work gives the same manifest.
type Manifest struct {
	Version  int               `json:"version"`
	Recipe   string            `json:"recipe"` // its name
	Round    int               `json:"round"`
	Seed     uint64            `json:"seed"`
	Identity string            `json:"identity"` // numeric identity
	Data     []ManifestData    `json:"data"`     // corpus, train, dev, test, examples; also-NAME and corpus of also-NAME; train of set-NAME and others of a set
	Miner    ManifestModel     `json:"miner"`    // the model that the round mines with
	Base     ManifestModel     `json:"base"`     // the weights that it trains from
	Prompts  ManifestPrompts   `json:"prompts"`
	Examples *ManifestExamples `json:"examples,omitempty"` // in-context examples; absent without any
	Sets     []ManifestSet     `json:"sets,omitempty"`     // that took turns in training, the run's own first; absent where it is alone
	Given    []Input           `json:"given,omitempty"`    // what else the recipe gives to stages: other models, files, names of fields
	Options  json.RawMessage   `json:"options"`            // the round's resolved settings
	Stages   []ManifestStage   `json:"stages"`             // in the order they were run
	Choice   ManifestChoice    `json:"choice"`
	Result   ManifestModel     `json:"result"` // the merged model
}

// ManifestData is one file that the user gave.
type ManifestData struct {
	Role   string `json:"role"` // corpus, train, dev, test
	Name   string `json:"name"` // the path as the recipe writes it
	Digest string `json:"digest"`
	Count  int    `json:"count"` // passages or queries
}

// ManifestModel is a model directory.
type ManifestModel struct {
	Name     string `json:"name"`               // as the recipe writes it, or relative to the run directory
	Revision string `json:"revision,omitempty"` // the commit, of a model that the recipe calls by its name on the hub
	Digest   string `json:"digest"`             // ModelDigest
}

// ManifestPrompts is the templates as applied, newlines real.
type ManifestPrompts struct {
	Query   string `json:"query"`
	Suffix  string `json:"suffix,omitempty"` // of queries
	Passage string `json:"passage"`
}

// ManifestSet is a set that took turns in training.
type ManifestSet struct {
	Name     string            `json:"name"` // empty of the run's own data
	Weight   float64           `json:"weight,omitempty"`
	Queries  int               `json:"queries"`         // training rows
	Steps    int               `json:"steps_per_epoch"` // its share of an epoch's
	Prompts  ManifestPrompts   `json:"prompts"`
	Lengths  ManifestLengths   `json:"lengths"`
	Examples *ManifestExamples `json:"examples,omitempty"`
	Mine     json.RawMessage   `json:"mine"` // its resolved settings
}

// ManifestLengths is the tokens kept of a text.
type ManifestLengths struct {
	Query   int `json:"query"`
	Passage int `json:"passage"`
}

// ManifestExamples is the in-context examples that queries were shown.
type ManifestExamples struct {
	Train int            `json:"train"` // the most before a query in training, drawn of its step
	Mine  *ManifestShown `json:"mine,omitempty"`
	Eval  *ManifestShown `json:"eval,omitempty"`
}

// ManifestShown is examples of a file, and how they were given to queries.
type ManifestShown struct {
	Count    int               `json:"count"`        // before a query
	By       []string          `json:"by,omitempty"` // keys that they were chosen by
	Digest   string            `json:"digest"`       // of who was shown what
	Examples []ManifestExample `json:"examples"`     // that any query was shown, in the order of the file
}

// ManifestExample is one in-context example.
type ManifestExample struct {
	Line     int    `json:"line"` // of the file of examples
	Query    string `json:"query"`
	Response string `json:"response"`
}

// ManifestStage is what a stage's stamp says, without its options (the manifest's own hold them).
type ManifestStage struct {
	Stage         string   `json:"stage"`
	Algorithm     int      `json:"algorithm"`
	Identity      string   `json:"identity,omitempty"`
	OptionsDigest string   `json:"options_digest"`
	Inputs        []Input  `json:"inputs,omitempty"`
	Outputs       []Output `json:"outputs"`
}

// ManifestChoice is the epoch that was chosen.
type ManifestChoice struct {
	Epoch   int    `json:"epoch"`
	By      string `json:"by"`      // rule, recipe or command
	Because string `json:"because"` // the rule's finding, or the person's reason
}

// ManifestStage returns what a manifest keeps of the stamp.
func (s *Stamp) ManifestStage() ManifestStage {
	return ManifestStage{
		Stage: s.Stage, Algorithm: s.Algorithm, Identity: s.Identity, OptionsDigest: s.Digest,
		Inputs: s.Inputs, Outputs: s.Outputs,
	}
}

// Gaps lists the inputs of stages whose digest is neither a source's (data, miner, base, what else is given, and the digests
// in known, such as outputs of earlier rounds) nor the result's nor that of what an earlier stage left, a file or a folder: where
// the chain from source to result is broken.
func (m *Manifest) Gaps(known ...string) []string {
	digests := append([]string{m.Miner.Digest, m.Base.Digest, m.Result.Digest}, known...) // the card is written of the result
	for _, data := range m.Data {
		digests = append(digests, data.Digest)
	}
	for _, given := range m.Given {
		digests = append(digests, given.Digest)
	}
	var gaps []string
	for _, stage := range m.Stages {
		for _, input := range stage.Inputs {
			if !slices.Contains(digests, input.Digest) {
				gaps = append(gaps, fmt.Sprintf("%s: input %s (%s) comes from nowhere", stage.Stage, input.Name, short(input.Digest)))
			}
		}
		for _, output := range stage.Outputs {
			digests = append(digests, output.SHA256)
		}
		digests = append(digests, folderDigests(stage.Outputs)...)
	}
	return gaps
}

// folderDigests are the TreeDigests of all folders that hold outputs of a stage, as they were when it ended.
func folderDigests(outputs []Output) []string {
	below := map[string][]Output{}
	for _, output := range outputs {
		for folder := path.Dir(output.Path); folder != "." && folder != "/"; folder = path.Dir(folder) {
			one := output
			one.Path = strings.TrimPrefix(output.Path, folder+"/")
			below[folder] = append(below[folder], one)
		}
	}
	var digests []string
	for _, files := range below { // in any order: digests are looked for
		slices.SortFunc(files, func(a, b Output) int { return slices.Compare(strings.Split(a.Path, "/"), strings.Split(b.Path, "/")) })
		digests = append(digests, listDigest(files))
	}
	return digests
}

// WriteManifest writes a round's manifest.
func (d *Dir) WriteManifest(m *Manifest) error {
	m.Version = ManifestVersion
	return WriteJSON(d.FS, d.Round(m.Round).Manifest(), m)
}

// ReadManifest returns a round's manifest; a newer version is an error.
func (d *Dir) ReadManifest(round int) (*Manifest, error) {
	file := d.Round(round).Manifest()
	content, err := ReadFile(d.FS, file)
	if err != nil {
		return nil, err
	}
	return ParseManifest(content, file)
}

// ParseManifest decodes a manifest. name is for errors.
func ParseManifest(content []byte, name string) (*Manifest, error) {
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(content, &version); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if version.Version != ManifestVersion {
		return nil, fmt.Errorf("%s: manifest version %d, and this quarry reads %d: update quarry or write the manifest again", name, version.Version, ManifestVersion)
	}
	m := &Manifest{}
	if err := ParseJSON(name, content, m); err != nil {
		return nil, err
	}
	return m, nil
}
