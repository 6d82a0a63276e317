package page

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// curvePoints is the most points that a round's curves have: more than a screen shows apart.
const curvePoints = 200

// mostEpochs is the most epochs of a round that lines stand between: more would hide the curve.
const mostEpochs = 50

// aboutEpochs says how epochs show in a curve by step.
const aboutEpochs = "Dashed lines stand between epochs; the last step of the epoch that the round goes on with is marked, unless it goes on with epoch 0."

// addTraining draws loss and learning rate by step, and the loss on dev by epoch.
func (p *Page) addTraining(d *rundir.Dir, r *report.Report) error {
	s := Section{ID: "training", Title: "Training"}
	loss := Figure{
		ID: "loss", Title: "Loss by step",
		About:   "Training loss of each round: the mean of neighbouring steps, in a band from their lowest to their highest. Rounds have negatives of their own, so heights compare within a round only. " + aboutEpochs,
		Drawing: Drawing{Kind: Curve, X: "step", Y: "loss", Series: []string{"mean loss"}},
		Table:   Table{Head: []string{"round", "steps", "epoch", "mean loss", "lowest", "highest"}},
	}
	rate := Figure{
		ID: "learning-rate", Title: "Learning rate by step",
		About:   "The rate that each step was taken with. " + aboutEpochs,
		Drawing: Drawing{Kind: Curve, X: "step", Y: "learning rate", Series: []string{"learning rate"}},
		Table:   Table{Head: []string{"round", "step", "epoch", "learning rate"}},
	}
	for _, round := range r.Rounds {
		steps, err := readSteps(d, round.Round)
		if err != nil {
			return err
		}
		if len(steps) == 0 {
			p.missing("Round %d has no steps: it has not begun to train, or a program from outside trains it.", round.Round)
			continue
		}
		chosen := chosenStep(round, steps)
		loss.addSteps(round.Round, steps, chosen)
		rate.addRates(round.Round, steps, chosen)
	}
	if len(loss.Drawing.Points) > 0 {
		s.Figures = append(s.Figures, loss, rate)
	}
	if f := evalLoss(r); len(f.Drawing.Points) > 0 {
		s.Figures = append(s.Figures, f)
	}
	p.add(s)
	return nil
}

// readSteps returns the whole lines of a round's log of steps, none where there is no log.
func readSteps(d *rundir.Dir, round int) ([]rundir.Step, error) {
	content, err := rundir.ReadFile(d.FS, d.Round(round).Steps())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return rundir.ReadSteps(bytes.NewReader(rundir.WholeLines(content)), d.Round(round).Steps())
}

// chosenStep is the place of the last step of the epoch that a round goes on with; -1 where none is chosen, or the model before any step.
func chosenStep(round report.Round, steps []rundir.Step) int {
	last := -1
	for _, e := range round.Epochs {
		if e.Chosen {
			last = lastStep(steps, e.Epoch)
		}
	}
	return last
}

func lastStep(steps []rundir.Step, epoch int) int {
	for i, s := range slices.Backward(steps) {
		if s.Epoch == epoch {
			return i
		}
	}
	return -1
}

// addSteps adds the steps of a round. A point ends with the chosen one.
func (f *Figure) addSteps(round int, steps []rundir.Step, chosen int) {
	facet := f.Drawing.facet(roundName(round))
	f.Drawing.addEdges(facet, steps)
	size := chunk(len(steps))
	for _, piece := range [][]rundir.Step{steps[:chosen+1], steps[chosen+1:]} {
		for part := range slices.Chunk(piece, size) {
			low, high, sum := part[0].Loss, part[0].Loss, 0.0
			for _, s := range part {
				low, high, sum = min(low, s.Loss), max(high, s.Loss), sum+s.Loss
			}
			first, last, mean := part[0], part[len(part)-1], sum/float64(len(part))
			is := chosen >= 0 && last.Step == steps[chosen].Step
			f.Drawing.Points = append(f.Drawing.Points, Point{X: float64(last.Step), Y: mean, Facet: facet, Low: &low, High: &high, Chosen: is})
			f.Table.Rows = append(f.Table.Rows, []string{strconv.Itoa(round), span(first.Step, last.Step), span(first.Epoch, last.Epoch) + star(is), value(mean), value(low), value(high)})
		}
	}
}

func (f *Figure) addRates(round int, steps []rundir.Step, chosen int) {
	facet := f.Drawing.facet(roundName(round))
	f.Drawing.addEdges(facet, steps)
	size := chunk(len(steps))
	for i, s := range steps {
		if i%size != 0 && i != chosen && i != len(steps)-1 {
			continue
		}
		f.Drawing.Points = append(f.Drawing.Points, Point{X: float64(s.Step), Y: s.LearningRate, Facet: facet, Chosen: i == chosen})
		f.Table.Rows = append(f.Table.Rows, []string{strconv.Itoa(round), strconv.Itoa(s.Step), strconv.Itoa(s.Epoch) + star(i == chosen), strconv.FormatFloat(s.LearningRate, 'g', 4, 64)})
	}
}

// addEdges adds the places between the epochs of a round.
func (d *Drawing) addEdges(facet int, steps []rundir.Step) {
	var edges []Edge
	for i := 1; i < len(steps); i++ {
		if steps[i].Epoch != steps[i-1].Epoch {
			edges = append(edges, Edge{X: float64(steps[i-1].Step) + 0.5, Facet: facet})
		}
	}
	if len(edges) < mostEpochs {
		d.Edges = append(d.Edges, edges...)
	}
}

// evalLoss draws the training loss on dev by epoch.
func evalLoss(r *report.Report) Figure {
	f := Figure{
		ID: "eval-loss", Title: "Loss on dev by epoch",
		About:   "eval_loss: the training loss on dev, without dropout and with one fixed draw. It compares epochs of one round only. The epoch that the round goes on with is marked.",
		Drawing: Drawing{Kind: Lines, X: "epoch", Y: "eval_loss", Series: []string{"eval_loss"}},
		Table:   Table{Head: []string{"round", "epoch", "eval_loss"}},
	}
	for _, round := range r.Rounds {
		for _, e := range round.Epochs {
			if e.EvalLoss == nil {
				continue
			}
			f.Drawing.Points = append(f.Drawing.Points, Point{X: float64(e.Epoch), Y: *e.EvalLoss, Facet: f.Drawing.facet(roundName(round.Round)), Chosen: e.Chosen})
			f.Table.Rows = append(f.Table.Rows, []string{strconv.Itoa(round.Round), epochName(e), value(*e.EvalLoss)})
		}
	}
	return f
}

// facet is the place of a panel, which is added where there is none of the name.
func (d *Drawing) facet(name string) int {
	if i := slices.Index(d.Facets, name); i >= 0 {
		return i
	}
	d.Facets = append(d.Facets, name)
	return len(d.Facets) - 1
}

// chunk is how many steps share a point.
func chunk(steps int) int { return (steps + curvePoints - 1) / curvePoints }

func span(from, to int) string {
	if from == to {
		return strconv.Itoa(from)
	}
	return strconv.Itoa(from) + "–" + strconv.Itoa(to)
}

func epochName(e report.Epoch) string {
	name := strconv.Itoa(e.Epoch)
	if e.Epoch == 0 {
		name += " (base)"
	}
	return name + star(e.Chosen)
}

// star marks what is chosen, in a table.
func star(chosen bool) string {
	if chosen {
		return " ★ chosen"
	}
	return ""
}
