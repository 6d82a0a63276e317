package page

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// The columns of the lineage.
const (
	dataColumn = iota
	negativesColumn
	epochColumn
	modelColumn
)

// lineage draws the way from data and model to the result of each round.
type lineage struct {
	Figure
	models map[string]int              // nodes of models by digest
	data   map[rundir.ManifestData]int // and of files
}

// addLineage draws where the result comes from, by the manifests.
func (p *Page) addLineage(d *rundir.Dir, r *report.Report) error {
	l := lineage{models: map[string]int{}, data: map[rundir.ManifestData]int{}, Figure: Figure{
		ID: "lineage", Title: "From data to the final model",
		About:   "What each round read and made, by the manifests. Numbers are the beginnings of SHA-256 digests, which the table has whole.",
		Drawing: Drawing{Kind: Lineage},
		Table:   Table{Head: []string{"round", "what", "name", "SHA-256"}},
	}}
	for _, round := range r.Rounds {
		m, err := d.ReadManifest(round.Round)
		if errors.Is(err, fs.ErrNotExist) {
			p.missing("Round %d has no manifest yet, so the lineage ends before it.", round.Round)
			continue
		}
		if err != nil {
			return err
		}
		l.addRound(d, m)
	}
	if len(l.Drawing.Nodes) > 0 {
		p.add(Section{ID: "lineage-section", Title: "Lineage", Figures: []Figure{l.Figure}})
	}
	return nil
}

func (l *lineage) addRound(d *rundir.Dir, m *rundir.Manifest) {
	for _, data := range m.Data {
		if _, known := l.data[data]; !known { // what people said of negatives grows from round to round
			l.data[data] = l.node(dataColumn, len(l.data), fmt.Sprintf("%s (%d)", data.Role, data.Count), data.Digest)
		}
		l.row(m.Round, data.Role, data.Name, data.Digest)
	}
	miner, base := l.model(m.Round, "miner", m.Miner), l.model(m.Round, "base", m.Base)
	row := len(l.models) // where the result will stand
	negatives := l.node(negativesColumn, row, fmt.Sprintf("negatives of round %d", m.Round), l.output(d, m, d.Round(m.Round).Negatives(rundir.Train), "negatives"))
	epoch := l.node(epochColumn, row, fmt.Sprintf("epoch %d, by %s", m.Choice.Epoch, m.Choice.By), "of round "+strconv.Itoa(m.Round))
	l.row(m.Round, "chosen epoch", strconv.Itoa(m.Choice.Epoch)+": "+m.Choice.Because, "")
	result := l.model(m.Round, "result", m.Result)
	for _, data := range m.Data {
		l.link(l.data[data], negatives)
	}
	l.link(miner, negatives)
	l.link(base, epoch)
	l.link(negatives, epoch)
	l.link(epoch, result)
}

// model is the node of a model, which another round may have too.
func (l *lineage) model(round int, role string, m rundir.ManifestModel) int {
	l.row(round, role, m.Name, m.Digest)
	if i, ok := l.models[m.Digest]; ok {
		return i
	}
	name := m.Name
	if role != "result" {
		name = path.Base(name) // a folder of the user's; the table has the whole path
	}
	i := l.node(modelColumn, len(l.models), name, m.Digest)
	l.models[m.Digest] = i
	return i
}

// output notes a file that a stage of the round has made, and returns its digest.
func (l *lineage) output(d *rundir.Dir, m *rundir.Manifest, file, what string) string {
	name, err := d.Relative(file)
	if err != nil {
		return "" // only files that the layout names come here
	}
	for _, s := range m.Stages {
		for _, o := range s.Outputs {
			if o.Path == name {
				l.row(m.Round, what, name, o.SHA256)
				return o.SHA256
			}
		}
	}
	return ""
}

func (l *lineage) node(x, y int, label, digest string) int {
	l.Drawing.Nodes = append(l.Drawing.Nodes, Node{X: x, Y: y, Label: label, Detail: digest[:min(12, len(digest))]})
	return len(l.Drawing.Nodes) - 1
}

func (l *lineage) link(from, to int) { l.Drawing.Links = append(l.Drawing.Links, [2]int{from, to}) }

func (l *lineage) row(round int, what, name, digest string) {
	l.Table.Rows = append(l.Table.Rows, []string{strconv.Itoa(round), what, name, digest})
}
