package view

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// ranker is what has ranked the corpus for queries: a round's miner, or the model of one of its epochs.
type ranker struct{ round, epoch int }

// ofMiner stands for an epoch in the ranker that mines.
const ofMiner = -1

// id is what requests call a ranker: the round, and behind a slash the epoch.
func (r ranker) id() string {
	if r.epoch == ofMiner {
		return strconv.Itoa(r.round)
	}
	return fmt.Sprintf("%d/%d", r.round, r.epoch)
}

// rankerOf is the ranker that a request names; the miner of round 0 where it names none.
func rankerOf(r *http.Request, name string) (ranker, error) {
	text := r.FormValue(name)
	if text == "" {
		return ranker{0, ofMiner}, nil
	}
	numbers := []int{0, ofMiner}
	for i, part := range strings.SplitN(text, "/", 2) {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return ranker{}, wrongf("%s %q is neither a round nor ROUND/EPOCH, numbers from 0 on", name, text)
		}
		numbers[i] = int(n)
	}
	return ranker{numbers[0], numbers[1]}, nil
}

// rankedSet is a ranker and the set of queries that it has ranked the corpus for.
type rankedSet struct {
	ranker
	split rundir.Split
}

// name is what a ranker is called in a run.
func (r ranker) name(of *run) string {
	if r.epoch == ofMiner {
		return place(of, r.round)
	}
	return fmt.Sprintf("%s, epoch %d", place(of, r.round), r.epoch)
}

// epochView is what the model of one epoch ranks for a query, beside the miner's ranking of its round.
type epochView struct {
	Epoch  int    `json:"epoch"`
	Name   string `json:"name"`
	Chosen bool   `json:"chosen"`
	Hits   []hit  `json:"hits"`
}

// rankerInfo is a ranker as the page knows it.
type rankerInfo struct {
	ID     string         `json:"id"`
	Name   string         `json:"name"`
	Miner  bool           `json:"miner"`
	Chosen bool           `json:"chosen"`
	Sets   []rundir.Split `json:"sets"` // that it has ranked
}

// keptEpochs is the epochs of a run whose rankings count, and the state of the files that this was read of.
type keptEpochs struct {
	state string
	all   []report.Ranked
}

// scored says whether epochs are scored on the set, which leaves what they rank for it.
func (s *set) scored() bool { return s.name == rundir.Dev || s.held }

// epochs lists the epochs whose rankings of a set are kept, round by round.
func (r *run) epochs(split rundir.Split) ([]report.Ranked, error) {
	all, err := r.allEpochs()
	return slices.DeleteFunc(slices.Clone(all), func(e report.Ranked) bool { return e.Split != split }), err
}

// allEpochs lists the epochs whose rankings of some set are kept, round by round and epoch by epoch.
func (r *run) allEpochs() ([]report.Ranked, error) {
	rounds, err := r.rounds()
	if err != nil {
		return nil, err
	}
	paths := []string{r.dir.Recipe()}
	for _, i := range rounds {
		files := r.dir.Round(i)
		paths = append(paths, files.Scores(), files.TestScores(), files.Choice(), filepath.Dir(files.EpochScores(0)), filepath.Dir(r.dir.Stamp(i, "any")))
	}
	state := fmt.Sprint(rounds)
	for _, path := range paths {
		one, err := stateOf(r.dir, path)
		if err != nil {
			return nil, err
		}
		state += ";" + one
	}
	if r.ranked.state == state {
		return r.ranked.all, nil
	}
	told, err := report.Read(r.dir)
	if err != nil {
		return nil, err
	}
	all, err := told.Ranked(r.dir, slices.DeleteFunc(slices.Clone(r.order), func(name rundir.Split) bool { return !r.sets[name].scored() })...)
	if err != nil {
		return nil, err
	}
	r.ranked = keptEpochs{state, all}
	return all, nil
}

// shownEpochs are those that are worth a look beside the miner of a round: the base, and the epoch that the round goes on with or, while
// none is chosen, the last one.
func shownEpochs(all []report.Ranked, round int) []report.Ranked {
	of := slices.DeleteFunc(slices.Clone(all), func(e report.Ranked) bool { return e.Round != round })
	decided := slices.ContainsFunc(of, func(e report.Ranked) bool { return e.Chosen })
	var shown []report.Ranked
	for i, e := range of {
		if e.Epoch == 0 || e.Chosen || !decided && i == len(of)-1 {
			shown = append(shown, e)
		}
	}
	return shown
}

// unkept says whether a round's epochs are scored on a set and what they rank is not kept, given those that are.
func (r *run) unkept(s *set, round int, kept []report.Ranked) (bool, error) {
	if len(kept) > 0 || !s.scored() {
		return false, nil
	}
	files := r.dir.Round(round)
	switch name, also := strings.CutPrefix(string(s.name), string(rundir.AlsoSplit(""))); {
	case also:
		return r.dir.Exists(files.EpochAlso(name, 0))
	case s.name == rundir.Test:
		return r.dir.Exists(files.TestScores())
	}
	return r.dir.Exists(files.Scores())
}

// rankedBy returns what a ranker has ranked of a split; nil where it has not.
func (r *run) rankedBy(who ranker, split rundir.Split) (*searched, error) {
	if who.epoch == ofMiner {
		return r.candidates(who.round, split)
	}
	all, err := r.epochs(split)
	if err != nil {
		return nil, err
	}
	key := rankedSet{who, split}
	i := slices.IndexFunc(all, func(e report.Ranked) bool { return ranker{e.Round, e.Epoch} == who })
	if i < 0 {
		return nil, nil
	}
	state, err := stateOf(r.dir, all[i].File)
	if err != nil || state == "" {
		return nil, err
	}
	if was := r.byEpoch[key]; was != nil && was.state == state {
		return was, nil
	}
	now, err := r.openCandidates(all[i].File, state, r.sets[split])
	if err != nil {
		return nil, err
	}
	if err := all[i].Check(now.index.Header()); err != nil {
		return nil, err
	}
	if r.byEpoch == nil {
		r.byEpoch = map[rankedSet]*searched{}
	}
	r.byEpoch[key] = now
	return now, nil
}

// rankers lists everything that has ranked a set, in the order of the work: of each round the miner, then its epochs.
func (r *run) rankers() ([]rankerInfo, error) {
	mined, err := r.searched()
	if err != nil {
		return nil, err
	}
	rounds, err := r.rounds()
	if err != nil {
		return nil, err
	}
	all, err := r.allEpochs()
	if err != nil {
		return nil, err
	}
	searched := slices.DeleteFunc(slices.Clone(r.order), func(name rundir.Split) bool { return r.sets[name].held })
	found := []rankerInfo{}
	for _, round := range rounds {
		if slices.Contains(mined, round) {
			found = append(found, rankerInfo{ID: ranker{round, ofMiner}.id(), Name: fmt.Sprintf("round %d, its miner", round), Miner: true, Sets: searched})
		}
		for _, e := range all {
			if e.Round != round {
				continue
			}
			id := ranker{round, e.Epoch}.id()
			if last := len(found) - 1; last >= 0 && found[last].ID == id {
				found[last].Sets = append(found[last].Sets, e.Split)
				continue
			}
			found = append(found, rankerInfo{ID: id, Name: e.Name(), Chosen: e.Chosen, Sets: []rundir.Split{e.Split}})
		}
	}
	return found, nil
}

// column is a ranking whose ranks stand beside the queries of a list.
type column struct {
	name string
	who  ranker
}

// columns are the rankings of a list, in the order of the work: before training, then of each round the miner and what it came to.
func (r *run) columns(split rundir.Split) ([]column, error) {
	rounds, err := r.rounds()
	if err != nil {
		return nil, err
	}
	all, err := r.epochs(split)
	if err != nil {
		return nil, err
	}
	var columns []column
	if len(all) > 0 && all[0].Round == 0 && all[0].Epoch == 0 {
		columns = append(columns, column{all[0].Name(), ranker{0, 0}})
	}
	for _, round := range rounds {
		if !r.sets[split].held {
			columns = append(columns, column{fmt.Sprintf("miner of round %d", round), ranker{round, ofMiner}})
		}
		for _, e := range shownEpochs(all, round) {
			if e.Epoch > 0 || e.Chosen && round > 0 {
				columns = append(columns, column{e.Name(), ranker{round, e.Epoch}})
			}
		}
	}
	return columns, nil
}
