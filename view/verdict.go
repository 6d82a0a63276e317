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

// judgedPair is a training query and a passage, by their places in a set and its corpus.
type judgedPair struct {
	split          rundir.Split
	query, passage int32
}

// readVerdicts reads the verdicts that hold, where the file has changed since the last time, and finds the queries and
// passages of their texts, in every set that is trained on.
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
	for _, one := range verdicts.Latest(all) {
		for name, set := range v.run.sets {
			if !set.trained() {
				continue
			}
			for _, q := range set.byText[strings.TrimSpace(one.QueryText)] {
				for _, p := range set.over.corpus.ByText(one.PassageText) {
					judged[judgedPair{name, q, p}] = one.Verdict
				}
			}
		}
	}
	v.judged, v.verdictState = judged, state
	return nil
}

// verdictOn is what was said of a passage as a negative of a query; empty where nothing was.
func (v *View) verdictOn(s *set, query, passage int32) string {
	return string(v.judged[judgedPair{s.name, query, passage}])
}

// said is what a person says of a passage as a negative of a training query, by key and id.
type said struct {
	Set     rundir.Split  `json:"set"` // of the query; train where it is empty
	Query   string        `json:"query"`
	Passage string        `json:"passage"`
	Verdict verdicts.Kind `json:"verdict"`
	Round   int           `json:"round"`
}

// save appends a verdict to the file, durable when it returns. It is the only thing that a view writes.
func (v *View) save(s said) error {
	if s.Set == "" {
		s.Set = rundir.Train
	}
	set := v.run.sets[s.Set]
	if set == nil || !set.trained() {
		return wrongf("%q is no set that is trained on: verdicts are on negatives of training queries", s.Set)
	}
	q, ok := set.byKey[s.Query]
	if !ok {
		return wrongf("no %s query has the key %q", s.Set, s.Query)
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
	if s.Verdict != verdicts.Open && set.answers(p, set.queries[q].Stripped()) {
		return wrongf("passage %q answers the query %q: verdicts are on negatives", s.Passage, s.Query)
	}
	line, err := verdicts.Verdict{
		Verdict: s.Verdict, Query: s.Query, QueryText: set.queries[q].Text, Passage: s.Passage, PassageText: set.over.corpus.Passages[p].Full(),
		Round: s.Round, At: v.now().UTC().Format(time.RFC3339),
	}.Line()
	if err != nil {
		return wrong{err}
	}
	if mined, err := v.everNegative(set, rounds, q, p); err != nil {
		return err
	} else if s.Verdict != verdicts.Open && !mined {
		return wrongf("passage %q was never a negative of the query %q: verdicts are on negatives", s.Passage, s.Query)
	}
	path := v.run.dir.Verdicts()
	there, err := v.run.dir.Exists(path)
	if err != nil {
		return err
	}
	// A file opened anew for each verdict may be replaced or removed by a person meanwhile.
	if err := rundir.EndLastLine(v.run.dir.FS, path, verdicts.IsLine); err != nil {
		return err
	}
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

// everNegative says whether some round mined a passage, or one of its text, for a query. One that has a verdict already was such:
// mining goes by verdicts.
func (v *View) everNegative(s *set, rounds []int, query, passage int32) (bool, error) {
	if err := v.readVerdicts(); err != nil {
		return false, err
	}
	if v.verdictOn(s, query, passage) != "" {
		return true, nil
	}
	same := s.over.corpus.SameText(passage)
	for _, round := range rounds {
		mined, err := v.run.negatives(round, s.name)
		if err != nil {
			return false, err
		}
		if mined != nil && slices.ContainsFunc(mined[query], func(n negative) bool { return slices.Contains(same, n.passage) }) {
			return true, nil
		}
	}
	return false, nil
}

// answers says whether a passage has the text of a positive of a query of the set of a text, whichever row of it that is of: a
// verdict is of the pair of texts.
func (s *set) answers(passage int32, query string) bool {
	for _, q := range s.byText[query] {
		for _, same := range s.over.corpus.SameText(passage) {
			if slices.Contains(s.queries[q].Positives, same) {
				return true
			}
		}
	}
	return false
}
