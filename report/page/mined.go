package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// mined is what the figures need of the negatives of one round.
type mined struct {
	round     int
	positives []float64          // score of the lowest positive of each query
	negatives []float64          // scores
	sets      map[string][]int32 // numbers of the negatives of a query, sorted
	count     int                // negatives
}

// addMined draws the scores of positives and negatives, and how much of its negatives a round shares with others: of the run's own data,
// then of each set of data.sets.
func (p *Page) addMined(d *rundir.Dir, r *report.Report, sets []string, each eachMined) error {
	s := Section{ID: "negatives", Title: "Negatives"}
	if err := p.addMinedOf(&s, d, r, "", each); err != nil {
		return err
	}
	for i, set := range sets {
		own := Section{}
		if err := p.addMinedOf(&own, d, r, set, each); err != nil {
			return err
		}
		for _, f := range own.Figures {
			f.ID, f.Title = fmt.Sprintf("%s-set-%d", f.ID, i), f.Title+", set "+set
			s.Figures = append(s.Figures, f)
		}
	}
	p.add(s)
	return nil
}

// eachMined visits what a round mined for the run's own training queries, or for those of a set of data.sets.
type eachMined func(round int, set string, visit func(provenance.Row) error) error

// addMinedOf adds to a section what was mined of the run's own data, or of a set.
func (p *Page) addMinedOf(s *Section, d *rundir.Dir, r *report.Report, set string, each eachMined) error {
	of := ""
	if set != "" {
		of = " of the set " + set
	}
	numbers := map[string]int32{} // of passages, by id
	var rounds []mined
	for _, round := range r.Rounds {
		found, err := d.Exists(minedFiles(d, round.Round, set).Negatives(rundir.Train))
		if err != nil {
			return err
		}
		if !found {
			p.missing("Round %d has no mined negatives%s yet.", round.Round, of)
			continue
		}
		m, err := readMined(func(round int, visit func(provenance.Row) error) error { return each(round, set, visit) }, round.Round, numbers)
		if err != nil {
			return err
		}
		switch {
		case m.count == 0:
			p.missing("Round %d mined no negatives%s: its source is none.", round.Round, of)
			continue
		case len(m.negatives) == 0:
			p.missing("The negatives of round %d%s were drawn at random and have no scores.", round.Round, of)
		}
		rounds = append(rounds, m)
	}
	if f := histograms(rounds); len(f.Drawing.Points) > 0 {
		s.Figures = append(s.Figures, f)
	}
	if len(rounds) > 1 {
		s.Figures = append(s.Figures, overlap(rounds))
	}
	return nil
}

// minedFiles are the files of a round, or of a set in it.
func minedFiles(d *rundir.Dir, round int, set string) rundir.RoundLayout {
	if set == "" {
		return d.Round(round)
	}
	return d.Round(round).Set(set)
}

func readMined(each func(round int, visit func(provenance.Row) error) error, round int, numbers map[string]int32) (mined, error) {
	m := mined{round: round, sets: map[string][]int32{}}
	err := each(round, func(row provenance.Row) error {
		if row.PositiveScore != nil {
			m.positives = appendScore(m.positives, *row.PositiveScore)
		}
		set := make([]int32, 0, len(row.Negatives))
		for _, n := range row.Negatives {
			number, ok := numbers[n.ID]
			if !ok {
				number = int32(len(numbers))
				numbers[n.ID] = number
			}
			set = append(set, number)
			if n.Score != nil {
				m.negatives = appendScore(m.negatives, *n.Score)
			}
		}
		slices.Sort(set)
		m.sets[row.Key] = set
		m.count += len(set)
		return nil
	})
	return m, err
}

// appendScore leaves out the score of a passage whose vector is zero, which is the lowest number there is.
func appendScore(scores []float64, score float32) []float64 {
	if score == -math.MaxFloat32 {
		return scores
	}
	return append(scores, float64(score))
}

// histogramBars is how many bars share the range of all scores.
const histogramBars = 40

// histograms draws, round by round, how positives and negatives are spread over scores.
func histograms(rounds []mined) Figure {
	f := Figure{
		ID: "scores", Title: "Scores of positives and negatives",
		About:   "Miner's scores of the mined negatives and of the weakest positive of each training query that has some, as shares of each. The more the two overlap, the harder the negatives, and the likelier that some are answers.",
		Drawing: Drawing{Kind: Steps, X: "score", Y: "share", Series: []string{"positives", "negatives"}},
		Table:   Table{Head: []string{"round", "score from", "to", "positives", "negatives"}},
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, m := range rounds {
		for _, scores := range [][]float64{m.positives, m.negatives} {
			if len(scores) > 0 {
				low, high = min(low, slices.Min(scores)), max(high, slices.Max(scores))
			}
		}
	}
	if low > high {
		return f
	}
	width := (high - low) / histogramBars
	if width == 0 {
		width = 1
	}
	for _, m := range rounds {
		if len(m.negatives) == 0 {
			continue
		}
		facet := f.Drawing.facet(roundName(m.round))
		counts := [2][]int{bars(m.positives, low, width), bars(m.negatives, low, width)}
		for series, total := range [2]int{len(m.positives), len(m.negatives)} {
			for i, n := range append(counts[series], 0) {
				f.Drawing.Points = append(f.Drawing.Points, Point{X: low + float64(i)*width, Y: share(n, total), Series: series, Facet: facet})
			}
		}
		for i := range histogramBars {
			f.Table.Rows = append(f.Table.Rows, []string{
				strconv.Itoa(m.round), value(low + float64(i)*width), value(low + float64(i+1)*width), strconv.Itoa(counts[0][i]), strconv.Itoa(counts[1][i]),
			})
		}
	}
	return f
}

func bars(scores []float64, low, width float64) []int {
	counts := make([]int, histogramBars, histogramBars+1)
	for _, s := range scores {
		counts[min(histogramBars-1, int((s-low)/width))]++
	}
	return counts
}

// overlap shows of each round's negatives how many another round had for the same query.
func overlap(rounds []mined) Figure {
	f := Figure{
		ID: "overlap", Title: "Overlap of negatives between rounds",
		About:   "Of the negatives of the round at the left, the share that the round above mined for the same query too. A high share says that the round learns little that is new. Of a later round, in an earlier one, it is the overlap of quarry drift and of --what-if.",
		Drawing: Drawing{Kind: Cells, X: "also mined in", Y: "negatives of", Share: true},
		Table:   Table{Head: []string{"negatives of", "also mined in", "shared", "of", "share"}},
	}
	for i, a := range rounds {
		f.Drawing.Rows = append(f.Drawing.Rows, roundName(a.round))
		f.Drawing.Columns = append(f.Drawing.Columns, roundName(a.round))
		for j, b := range rounds {
			if i == j {
				continue
			}
			n := shared(a, b)
			of := share(n, a.count)
			f.Drawing.Cells = append(f.Drawing.Cells, Cell{Row: i, Column: j, Value: of, Text: percent(of)})
			f.Table.Rows = append(f.Table.Rows, []string{roundName(a.round), roundName(b.round), strconv.Itoa(n), strconv.Itoa(a.count), percent(of)})
		}
	}
	return f
}

// shared counts the negatives of a that b has for the same query.
func shared(a, b mined) int {
	n := 0
	for key, set := range a.sets {
		other := b.sets[key]
		for _, passage := range set {
			if _, ok := slices.BinarySearch(other, passage); ok {
				n++
			}
		}
	}
	return n
}

func share(n, total int) float64 {
	if total == 0 {
		return 0
	}
	return float64(n) / float64(total)
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
