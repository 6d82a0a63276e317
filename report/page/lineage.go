package page

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// The columns of the lineage.
const (
	dataColumn = iota
	negativesColumn
	epochColumn
	modelColumn
	lineageColumns
)

// lineage draws the way from data and model to the result of each round.
type lineage struct {
	Figure
	models    map[string]int              // nodes of models by digest
	data      map[rundir.ManifestData]int // of files
	negatives map[string]int              // and of what was mined, by digest
	taken     [lineageColumns]int         // rows of each column
}

// addLineage draws where the result comes from, by the manifests.
func (p *Page) addLineage(d *rundir.Dir, r *report.Report) error {
	l := lineage{models: map[string]int{}, data: map[rundir.ManifestData]int{}, negatives: map[string]int{}, Figure: Figure{
		ID: "lineage", Title: "From data to the final model",
		About:   "What each round read and made, by the manifests. Dev decides which epoch is chosen; test and other sets lead to their scores alone: nothing is mined, trained or chosen by them. Numbers are the beginnings of SHA-256 digests, which the table has whole.",
		Drawing: Drawing{Kind: Lineage},
		Table:   Table{Head: []string{"round", "what", "name", "SHA-256", "goes into"}},
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
	all := inputsOf(m)
	for i, one := range all {
		all[i].node = l.nodeOf(one)
	}
	made := l.products(d, m, all)
	for _, one := range all {
		if one.node >= 0 {
			l.link(m.Round, one, made)
		}
	}
	for _, of := range slices.Concat([]string{""}, trainingSets(m)) {
		files, what := d.Round(m.Round), "negatives"
		if of != "" {
			files, what = files.Set(of), "negatives of "+rundir.TrainingSet(of)
		}
		name, digest := l.output(d, m, files.Negatives(rundir.Train))
		node := made[product{toNegatives, of}]
		l.link(m.Round, input{what: what, name: name, digest: digest, node: node, into: []product{{kind: toEpoch}}}, made)
		if digest != "" {
			l.negatives[digest] = node
		}
	}
	l.link(m.Round, input{what: "chosen epoch", name: strconv.Itoa(m.Choice.Epoch) + ": " + m.Choice.Because, node: made[product{kind: toEpoch}], into: []product{{kind: toResult}}}, made)
	last := input{what: "result", name: m.Result.Name, digest: m.Result.Digest, node: made[product{kind: toResult}]}
	if _, ok := made[product{kind: toScores}]; ok {
		last.into = []product{{kind: toScores}}
	}
	l.link(m.Round, last, made)
	for _, set := range heldSets(m) {
		file := d.Round(m.Round).TestScores()
		if name, ok := strings.CutPrefix(set, string(rundir.AlsoSplit(""))); ok {
			file = d.Round(m.Round).EpochAlso(name, m.Choice.Epoch)
		}
		if name, digest := l.output(d, m, file); name != "" {
			l.row(m.Round, "scores on "+set, name, digest, "")
		}
	}
}

// nodeOf is the node of something that a round reads, which another round may have read too; -1 where that round is not here.
func (l *lineage) nodeOf(one input) int {
	switch {
	case one.earlier:
		if node, ok := l.negatives[one.digest]; ok {
			return node
		}
		return -1
	case one.model:
		return l.model(one.label, one.digest)
	}
	data := rundir.ManifestData{Role: one.what, Name: one.name, Digest: one.digest}
	node, known := l.data[data]
	if !known { // what people said of negatives grows from round to round
		node = l.node(dataColumn, l.taken[dataColumn], one.label, short(one.digest))
		l.data[data] = node
	}
	return node
}

// model is the node of a model, which another round may have too.
func (l *lineage) model(label, digest string) int {
	node, known := l.models[digest]
	if !known {
		node = l.node(modelColumn, l.taken[modelColumn], label, short(digest))
		l.models[digest] = node
	}
	return node
}

// products makes the nodes of what a round makes, below all that stands where they come.
func (l *lineage) products(d *rundir.Dir, m *rundir.Manifest, all []input) map[product]int {
	row := max(l.taken[negativesColumn], l.taken[epochColumn], l.taken[modelColumn])
	_, digest := l.output(d, m, d.Round(m.Round).Negatives(rundir.Train))
	made := map[product]int{{kind: toNegatives}: l.node(negativesColumn, row, fmt.Sprintf("negatives of round %d", m.Round), short(digest))}
	for i, set := range trainingSets(m) {
		_, digest := l.output(d, m, d.Round(m.Round).Set(set).Negatives(rundir.Train))
		made[product{toNegatives, set}] = l.node(negativesColumn, row+1+i, fmt.Sprintf("round %d, set %s", m.Round, set), short(digest))
	}
	made[product{kind: toEpoch}] = l.node(epochColumn, row, fmt.Sprintf("epoch %d, by %s", m.Choice.Epoch, m.Choice.By), "of round "+strconv.Itoa(m.Round))
	l.taken[modelColumn] = row
	made[product{kind: toResult}] = l.model(m.Result.Name, m.Result.Digest)
	if held := heldSets(m); len(held) > 0 {
		made[product{kind: toScores}] = l.node(modelColumn, l.taken[modelColumn], "scores: "+strings.Join(held, ", "), "of round "+strconv.Itoa(m.Round))
	}
	return made
}

// output is a file that a stage of the round has made, and its digest; none where no stage has.
func (l *lineage) output(d *rundir.Dir, m *rundir.Manifest, file string) (name, digest string) {
	name, err := d.Relative(file)
	if err != nil {
		return "", "" // only files that the layout names come here
	}
	for _, s := range m.Stages {
		for _, o := range s.Outputs {
			if o.Path == name {
				return name, o.SHA256
			}
		}
	}
	return "", ""
}

func (l *lineage) node(x, y int, label, detail string) int {
	l.Drawing.Nodes = append(l.Drawing.Nodes, Node{X: x, Y: y, Label: label, Detail: detail})
	l.taken[x] = max(l.taken[x], y+1)
	return len(l.Drawing.Nodes) - 1
}

// link links a node to all that it goes into, and says so in a row.
func (l *lineage) link(round int, one input, made map[product]int) {
	var into []string
	for _, to := range one.into {
		node, ok := made[to]
		if !ok {
			continue
		}
		into = append(into, l.Drawing.Nodes[node].Label)
		if link := [2]int{one.node, node}; !slices.Contains(l.Drawing.Links, link) {
			l.Drawing.Links = append(l.Drawing.Links, link)
		}
	}
	l.row(round, one.what, one.name, one.digest, strings.Join(into, "; "))
}

func (l *lineage) row(round int, what, name, digest, into string) {
	l.Table.Rows = append(l.Table.Rows, []string{strconv.Itoa(round), what, name, digest, into})
}

func short(digest string) string { return digest[:min(12, len(digest))] }

// modelLabel is what a model, or a further file, is called in a box: the end of its path, which the table has whole.
func modelLabel(role, name string) string {
	if name == "" {
		return role
	}
	if name = path.Base(name); role == "miner" || role == "base" {
		return name
	}
	return role + " " + name
}
