package view

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/rundir"
)

// judgedPair is a train query and a passage, by their places.
type judgedPair struct{ query, passage int32 }

// readVerdicts reads the verdicts that hold, where the file has changed since the last time, and finds the queries and
// passages of their texts.
func (v *View) readVerdicts() error {
	path := v.run.dir.Verdicts()
	state, err := stateOf(v.run.dir, path)
	if err != nil || state == v.verdictState && v.judged != nil {
		return err
	}
	judged := map[judgedPair]verdicts.Kind{}
	content, err := rundir.ReadFile(v.run.dir.FS, path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	all, err := verdicts.Read(bytes.NewReader(content), path)
	if err != nil {
		return err
	}
	set := v.run.sets[rundir.Train]
	for _, one := range verdicts.Latest(all) {
		for _, q := range set.byText[strings.TrimSpace(one.QueryText)] {
			for _, p := range set.over.corpus.ByText(one.PassageText) {
				judged[judgedPair{q, p}] = one.Verdict
			}
		}
	}
	v.judged, v.verdictState = judged, state
	return nil
}

// verdictOn is what was said of a passage as a negative of a query; empty where nothing was.
func (v *View) verdictOn(s *set, query, passage int32) string {
	if !s.judged() {
		return ""
	}
	return string(v.judged[judgedPair{query, passage}])
}

// said is what a person says of a passage as a negative of a train query, by key and id.
type said struct {
	Query   string        `json:"query"`
	Passage string        `json:"passage"`
	Verdict verdicts.Kind `json:"verdict"`
	Round   int           `json:"round"`
}

// save appends a verdict to the file, durable when it returns. It is the only thing that a view writes.
func (v *View) save(s said) error {
	set := v.run.sets[rundir.Train]
	q, ok := set.byKey[s.Query]
	if !ok {
		return wrongf("no train query has the key %q", s.Query)
	}
	p, ok := set.over.corpus.ByID(s.Passage)
	if !ok {
		return wrongf("no passage has the id %q", s.Passage)
	}
	rounds, err := v.run.rounds()
	if err != nil {
		return err
	}
	if s.Round < 0 || s.Round >= len(rounds) {
		return wrongf("there is no round %d: the run has %d, counted from 0", s.Round, len(rounds))
	}
	if s.Verdict != verdicts.Open && v.run.answers(p, set.queries[q].Stripped()) {
		return wrongf("passage %q answers the query %q: verdicts are on negatives", s.Passage, s.Query)
	}
	line, err := verdicts.Verdict{
		Verdict: s.Verdict, Query: s.Query, QueryText: set.queries[q].Text, Passage: s.Passage, PassageText: set.over.corpus.Passages[p].Full(),
		Round: s.Round, At: v.now().UTC().Format(time.RFC3339),
	}.Line()
	if err != nil {
		return wrong{err}
	}
	path := v.run.dir.Verdicts()
	there, err := v.run.dir.Exists(path)
	if err != nil {
		return err
	}
	// A file opened anew for each verdict may be replaced or removed by a person meanwhile.
	lines, err := rundir.OpenLines(v.run.dir.FS, path)
	if err != nil {
		return err
	}
	if err := errors.Join(lines.Line(line), lines.Close()); err != nil { // Close makes it durable
		return err
	}
	if !there {
		if err := v.run.dir.FS.SyncDir(filepath.Dir(path)); err != nil {
			return err
		}
	}
	return v.readVerdicts()
}

// answers says whether a passage has the text of a positive of a train query of a text, whichever row of it that is of: a
// verdict is of the pair of texts.
func (r *run) answers(passage int32, query string) bool {
	set := r.sets[rundir.Train]
	for _, q := range set.byText[query] {
		for _, same := range set.over.corpus.SameText(passage) {
			if slices.Contains(set.queries[q].Positives, same) {
				return true
			}
		}
	}
	return false
}
