package page

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// ranked is the rank of the best positive of each dev query, counted from 1, in one ranking; 0 where it ranks none of them.
type ranked struct {
	name     string
	round    int
	keys     []string // in the order of the file
	ranks    map[string]int
	passages int
}

// addRanks draws where the positives of dev stand: before the training and after each round's, and as the miners rank.
func (p *Page) addRanks(d *rundir.Dir, r *report.Report, sets []string) error {
	s := Section{ID: "ranks", Title: "Rank of the positive"}
	trained, err := p.addTrained(&s, d, r)
	if err != nil {
		return err
	}
	var miners []ranked
	for _, round := range r.Rounds {
		one, err := readRanks(d, d.Round(round.Round).Candidates(rundir.Dev), nil)
		if err != nil {
			return err
		}
		if one == nil {
			p.missing("Round %d has no candidates of dev: nothing says where its miner ranks the positives.", round.Round)
			continue
		}
		one.name = "miner of round " + strconv.Itoa(round.Round)
		miners = append(miners, *one)
	}
	if len(miners) > 0 {
		s.Figures = append(s.Figures, within("rank-within", "As miners rank: dev queries with a positive among the first k",
			"As the miner of each round ranks the whole corpus: round 0 mines with the model that the run began with, a later round usually with the result of the round before.", miners))
	}
	if n := len(miners); n > 1 && !trained { // of an earlier quarry, whose epochs' rankings are not kept
		s.Figures = append(s.Figures, beforeAfter("rank-before-after", "Rank of the positive before and after", miners[0], miners[n-1]))
	}
	if len(sets) > 0 && len(s.Figures) > 0 {
		p.missing("Ranks of positives are those of dev: queries of the sets that training takes turns with (%s) are ranked by miners alone, and quarry view shows them.", strings.Join(sets, ", "))
	}
	p.add(s)
	return nil
}

// addTrained draws the ranks before any training against those after each round's, and says whether it has. Where no round goes on
// with anything but the beginning, the last epoch that is scored stands beside it, with a sentence that says so.
func (p *Page) addTrained(s *Section, d *rundir.Dir, r *report.Report) (bool, error) {
	kept, err := r.Ranked(d, rundir.Dev)
	if err != nil {
		return false, err
	}
	for _, round := range r.Rounds {
		chosen := func(one report.Ranked) bool { return one.Round == round.Round && one.Chosen }
		if round.Choice != nil && !round.Stale && !slices.ContainsFunc(kept, chosen) {
			p.missing("What the chosen epoch of round %d ranks is not kept: an earlier quarry kept none, or it was removed; running the recipe again scores it anew.", round.Round)
		}
	}
	if len(kept) == 0 || kept[0].Round != 0 || kept[0].Epoch != 0 {
		return false, nil
	}
	var picked []report.Ranked
	for _, one := range kept {
		if one.Round == 0 && one.Epoch == 0 || one.Chosen {
			picked = append(picked, one)
		}
	}
	about := "As the model ranks the whole corpus before any training, and after each round: the epoch that the round goes on with."
	var unchosen *report.Ranked
	if len(picked) == 1 && len(kept) > 1 {
		unchosen = &kept[len(kept)-1]
		picked = append(picked, *unchosen)
	}
	if len(picked) == 1 || unchosen != nil {
		about = "As the model ranks the whole corpus. " + aboutBeginning(picked[0], unchosen)
	}
	var shown []ranked
	for _, one := range picked {
		found, err := readRanks(d, one.File, one.Check)
		if err != nil {
			return false, err
		}
		found.name, found.round = one.Name(), one.Round
		shown = append(shown, *found)
	}
	s.Figures = append(s.Figures, within("rank-trained", "Dev queries with a positive among the first k", about, shown))
	for i, after := range shown[1:] {
		title := fmt.Sprintf("Rank of the positive before training and after round %d", after.round)
		if unchosen != nil {
			title = "Rank of the positive before training and in " + after.name
		}
		s.Figures = append(s.Figures, beforeAfter(fmt.Sprintf("rank-trained-%d", i), title, shown[0], after))
	}
	return true, nil
}

// aboutBeginning says why only the beginning, or an epoch that nothing goes on with, is shown; unchosen may be nil.
func aboutBeginning(before report.Ranked, unchosen *report.Ranked) string {
	switch {
	case before.Chosen && unchosen == nil:
		return "The round goes on with epoch 0, the model as it was before training, and nothing else is kept: what comes out ranks as what went in."
	case before.Chosen:
		return "The round goes on with epoch 0, the model as it was before training: what comes out ranks as what went in. Beside it stands the last epoch of the training, which was not chosen."
	case unchosen == nil:
		return "So far it is that before any training: no epoch of a training is scored yet, or what it ranks is not kept."
	}
	return "No epoch is chosen yet. Beside the model before any training stands the last epoch that is scored."
}

// readRanks returns nil where there is no such file. check may be nil.
func readRanks(d *rundir.Dir, path string, check func(candidates.Header) error) (one *ranked, err error) {
	f, err := d.FS.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	file, err := candidates.NewReader(f, path)
	if err != nil {
		return nil, err
	}
	if check != nil {
		if err := check(file.Header()); err != nil {
			return nil, err
		}
	}
	one = &ranked{ranks: map[string]int{}, passages: file.Header().Passages}
	for c, err := range file.All() {
		if err != nil {
			return nil, err
		}
		if len(c.Positives) == 0 {
			continue
		}
		one.keys = append(one.keys, c.Query)
		one.ranks[c.Query] = int(c.Positives[0].Rank) + 1 // -1 where the source does not rank it
	}
	return one, nil
}

// within draws the share of queries whose best positive is among the first k.
func within(id, title, about string, rankings []ranked) Figure {
	f := Figure{
		ID: id, Title: title, About: about,
		Drawing: Drawing{Kind: Lines, X: "k", Y: "share of queries", LogX: true},
		Table:   Table{Head: []string{"k"}},
	}
	var rows [][]string
	for _, k := range cutoffs(rankings[0].passages) {
		rows = append(rows, []string{strconv.Itoa(k)})
	}
	for series, one := range rankings {
		f.Drawing.Series = append(f.Drawing.Series, one.name)
		f.Table.Head = append(f.Table.Head, one.name)
		for i, k := range cutoffs(rankings[0].passages) {
			n := 0
			for _, rank := range one.ranks {
				if rank > 0 && rank <= k {
					n++
				}
			}
			of := share(n, len(one.ranks))
			f.Drawing.Points = append(f.Drawing.Points, Point{X: float64(k), Y: of, Series: series})
			rows[i] = append(rows[i], percent(of))
		}
	}
	f.Table.Rows = rows
	return f
}

// cutoffs are the usual ones that a corpus has room for.
func cutoffs(passages int) []int {
	var ks []int
	for power := 1; power <= passages; power *= 10 {
		for _, k := range []int{1, 2, 5} {
			if k*power <= passages {
				ks = append(ks, k*power)
			}
		}
	}
	return ks
}

// rankGroups are groups of ranks, each up to and with its end, which the last does not have; behind them come positives that are not ranked.
var rankGroups = []struct {
	name string
	end  int
}{{"1", 1}, {"2–3", 3}, {"4–10", 10}, {"11–25", 25}, {"26–100", 100}, {"101–1000", 1000}, {"beyond", 0}}

// notRanked is the group of those.
const notRanked = "not ranked"

// beforeAfter counts queries by the rank of their best positive in one ranking and in another.
func beforeAfter(id, title string, before, after ranked) Figure {
	f := Figure{
		ID: id, Title: title,
		About:   "Dev queries by the rank of their best positive: rows " + before.name + ", columns " + after.name + ". Left of the diagonal a positive has risen, right of it it has fallen.",
		Drawing: Drawing{Kind: Cells, X: "rank after", Y: "rank before"},
		Table:   Table{Head: []string{"rank before"}},
	}
	counts := make([][]int, len(rankGroups)+1)
	for i := range counts {
		counts[i] = make([]int, len(counts))
	}
	groups := make([]string, len(rankGroups), len(counts))
	for i, group := range rankGroups {
		groups[i] = group.name
	}
	for _, key := range before.keys {
		if rank, ok := after.ranks[key]; ok {
			i, j := rankGroup(before.ranks[key]), rankGroup(rank)
			counts[i][j]++
			if max(i, j) == len(groups) {
				groups = append(groups, notRanked)
			}
		}
	}
	for i, group := range groups {
		f.Drawing.Rows = append(f.Drawing.Rows, group)
		f.Drawing.Columns = append(f.Drawing.Columns, group)
		f.Table.Head = append(f.Table.Head, "after: "+group)
		row := []string{group}
		for j, n := range counts[i][:len(groups)] {
			if n > 0 {
				f.Drawing.Cells = append(f.Drawing.Cells, Cell{Row: i, Column: j, Value: float64(n), Text: strconv.Itoa(n)})
			}
			row = append(row, strconv.Itoa(n))
		}
		f.Table.Rows = append(f.Table.Rows, row)
	}
	return f
}

func rankGroup(rank int) int {
	if rank == 0 {
		return len(rankGroups)
	}
	last := len(rankGroups) - 1
	for i, g := range rankGroups[:last] {
		if rank <= g.end {
			return i
		}
	}
	return last
}
