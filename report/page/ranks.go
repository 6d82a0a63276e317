package page

import (
	"errors"
	"io/fs"
	"strconv"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// ranked is the rank of the best positive of each dev query, counted from 1, as the miner of a round ranks.
type ranked struct {
	round    int
	keys     []string // in the order of the file
	ranks    map[string]int
	passages int
}

// addRanks draws where the positives of dev stand, round by round, and before against after.
func (p *Page) addRanks(d *rundir.Dir, r *report.Report) error {
	var rounds []ranked
	for _, round := range r.Rounds {
		one, err := readRanks(d, round.Round)
		if err != nil {
			return err
		}
		if one == nil {
			p.missing("Round %d has no candidates of dev: nothing says where its miner ranks the positives.", round.Round)
			continue
		}
		rounds = append(rounds, *one)
	}
	s := Section{ID: "ranks", Title: "Rank of the positive"}
	if len(rounds) > 0 {
		s.Figures = append(s.Figures, within(rounds))
	}
	if n := len(rounds); n > 1 {
		s.Figures = append(s.Figures, beforeAfter(rounds[0], rounds[n-1]))
	} else {
		p.missing("Ranks before and after want two rounds that searched: a search is done with the model that mines, so that of the last result is made in a next round.")
	}
	p.add(s)
	return nil
}

// readRanks returns nil where the round has not searched.
func readRanks(d *rundir.Dir, round int) (one *ranked, err error) {
	path := d.Round(round).Candidates(rundir.Dev)
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
	one = &ranked{round: round, ranks: map[string]int{}, passages: file.Header().Passages}
	for c, err := range file.All() {
		if err != nil {
			return nil, err
		}
		if len(c.Positives) == 0 {
			continue
		}
		one.keys = append(one.keys, c.Query)
		one.ranks[c.Query] = int(c.Positives[0].Rank) + 1
	}
	return one, nil
}

// within draws the share of queries whose best positive is among the first k.
func within(rounds []ranked) Figure {
	f := Figure{
		ID: "rank-within", Title: "Dev queries with a positive among the first k",
		About:   "As the miner of each round ranks the whole corpus: round 0 mines with the model that the run began with, a later round usually with the result of the round before.",
		Drawing: Drawing{Kind: Lines, X: "k", Y: "share of queries", LogX: true},
		Table:   Table{Head: []string{"k"}},
	}
	var rows [][]string
	for _, k := range cutoffs(rounds[0].passages) {
		rows = append(rows, []string{strconv.Itoa(k)})
	}
	for series, one := range rounds {
		f.Drawing.Series = append(f.Drawing.Series, "miner of round "+strconv.Itoa(one.round))
		f.Table.Head = append(f.Table.Head, "miner of round "+strconv.Itoa(one.round))
		for i, k := range cutoffs(rounds[0].passages) {
			n := 0
			for _, rank := range one.ranks {
				if rank <= k {
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

// rankGroups are groups of ranks, each up to and with its end; the last has none.
var rankGroups = []struct {
	name string
	end  int
}{{"1", 1}, {"2–3", 3}, {"4–10", 10}, {"11–25", 25}, {"26–100", 100}, {"101–1000", 1000}, {"beyond", 0}}

// beforeAfter counts queries by the rank of their best positive in the first and the last search.
func beforeAfter(before, after ranked) Figure {
	f := Figure{
		ID: "rank-before-after", Title: "Rank of the positive before and after",
		About:   "Dev queries by the rank of their best positive for the miner of " + roundName(before.round) + " (rows) and for that of " + roundName(after.round) + " (columns). Left of the diagonal a positive has risen, right of it it has fallen.",
		Drawing: Drawing{Kind: Cells, X: "rank after", Y: "rank before"},
		Table:   Table{Head: []string{"rank before"}},
	}
	counts := make([][]int, len(rankGroups))
	for i := range counts {
		counts[i] = make([]int, len(rankGroups))
	}
	for _, key := range before.keys {
		if rank, ok := after.ranks[key]; ok {
			counts[rankGroup(before.ranks[key])][rankGroup(rank)]++
		}
	}
	for i, group := range rankGroups {
		f.Drawing.Rows = append(f.Drawing.Rows, group.name)
		f.Drawing.Columns = append(f.Drawing.Columns, group.name)
		f.Table.Head = append(f.Table.Head, "after: "+group.name)
		row := []string{group.name}
		for j, n := range counts[i] {
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
	last := len(rankGroups) - 1
	for i, g := range rankGroups[:last] {
		if rank <= g.end {
			return i
		}
	}
	return last
}
