package page

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// spent is what a stage of a round took, over all the times that it was done.
type spent struct {
	name    string
	done    int
	seconds float64
	memory  int64
	earlier bool // an earlier quarry did it, which did not tell its memory
}

// addTimes draws time and memory by stage. These are the only numbers of a page that another run of the same recipe does
// not repeat.
func (p *Page) addTimes(d *rundir.Dir, _ *report.Report) error {
	times, err := d.ReadTimes()
	if err != nil {
		return err
	}
	if len(times) == 0 {
		p.missing("No stage has ended yet, so there are no times.")
		return nil
	}
	seconds := Figure{
		ID: "seconds", Title: "Seconds by stage",
		About:   "A stage that was done several times has the sum. Fine-tuning includes the scoring of its epochs, which has a bar of its own.",
		Drawing: Drawing{Kind: Bars, X: "seconds"},
		Table:   Table{Head: []string{"stage", "seconds", "times done"}},
	}
	memory := Figure{
		ID: "memory", Title: "Peak memory by stage",
		About:   "The most that the process held while the stage ran, mapped files apart, as a look every now and then found; of a stage done several times the most of all. Fine-tuning includes the scoring of its epochs. Of an outside trainer it says nothing.",
		Drawing: Drawing{Kind: Bars, X: "MiB"},
		Table:   Table{Head: []string{"stage", "MiB"}},
	}
	earlier := false
	for _, s := range spend(times) {
		earlier = earlier || s.memory == 0 && s.earlier
		text := fmt.Sprintf("%.1f", s.seconds)
		seconds.addBar(s.name, s.seconds, text)
		seconds.Table.Rows = append(seconds.Table.Rows, []string{s.name, text, strconv.Itoa(s.done)})
		if s.memory > 0 {
			mib := float64(s.memory) / (1 << 20)
			memory.addBar(s.name, mib, fmt.Sprintf("%.0f", mib))
			memory.Table.Rows = append(memory.Table.Rows, []string{s.name, fmt.Sprintf("%.0f", mib)})
		}
	}
	section := Section{ID: "times", Title: "Time and memory", Figures: []Figure{seconds}}
	if len(memory.Drawing.Cells) > 0 {
		section.Figures = append(section.Figures, memory)
	} else if !earlier {
		p.missing("The system did not say how much memory the stages took.")
	}
	if earlier {
		p.missing("Stages that an earlier quarry did have no memory of their own: it noted what the process had held by then.")
	}
	p.add(section)
	return nil
}

// spend adds up the lines of a stage, the scoring of all epochs of a round as one, in the order of their first ends.
func spend(times []rundir.StageTime) []spent {
	var all []spent
	place := map[string]int{}
	for _, t := range times {
		stage := t.Stage
		if strings.HasPrefix(stage, "eval-epoch-") {
			stage = "scoring of epochs"
		}
		name := roundName(t.Round) + ": " + stage
		i, ok := place[name]
		if !ok {
			i = len(all)
			place[name] = i
			all = append(all, spent{name: name})
		}
		all[i].done++
		all[i].seconds += t.Seconds
		all[i].memory = max(all[i].memory, t.Memory)
		all[i].earlier = all[i].earlier || t.PeakMemory > 0
	}
	return all
}

func (f *Figure) addBar(name string, v float64, text string) {
	f.Drawing.Cells = append(f.Drawing.Cells, Cell{Row: len(f.Drawing.Rows), Value: v, Text: text})
	f.Drawing.Rows = append(f.Drawing.Rows, name)
}
