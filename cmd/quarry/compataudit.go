package main

import (
	"github.com/quarry-ml/quarry/audit"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/trainingset"
)

// auditFlags are Quarry's own beside those of a program whose flags quarry mine takes.
var auditFlags = []pythonFlag{
	{name: "expect", kind: pythonEach, about: "a bound of the audit's findings, such as above_positive<=2%; may be given again", own: true},
	{name: "json", kind: pythonBool, standard: "False", about: "print the audit as JSON", own: true},
}

// newCompatAuditor begins the audit of what is mined as another program does, of rows that want so many negatives.
func newCompatAuditor(a pythonArgs, output string, negatives int) (*rowAuditor, error) {
	if a.truth("json") && a.text(output) == standard {
		return nil, badInputf("--json and --%s -: both would go to standard output: name a file", output)
	}
	return RowAuditOptions{Expect: a.list("expect")}.newAuditor(negatives)
}

// tellCompat ends the audit: in a line, as JSON where it is asked for, and as an error where an expectation is missed.
func (a *rowAuditor) tellCompat(h *host, args pythonArgs) error {
	found := a.findings()
	h.note("%s", found)
	if args.truth("json") {
		err := printJSON(h, struct {
			Schema int          `json:"schema"`
			Rows   audit.Report `json:"rows"`
		}{schema, found})
		if err != nil {
			return err
		}
	}
	return a.check()
}

// hnScored is what the ranking says of a row, for its audit.
type hnScored struct {
	ranking.Candidates
	mined int // its negatives but for those that fill it up, which come last
}

// auditRow is a mined row with the scores of its texts in the pool; those that are drawn to fill up have none.
func (o *hnMine) auditRow(row *flagembedding.Row, position map[string]int32) audit.Row {
	scored, scores := o.scored[row], map[int32]float64{}
	for _, hit := range scored.Hits {
		scores[hit.Passage] = float64(hit.Score)
	}
	for _, p := range scored.Positives {
		scores[p.Passage] = float64(p.Score)
	}
	text := func(text string) audit.Text {
		if p, ok := position[text]; ok {
			if score, ok := scores[p]; ok {
				return audit.Text{Text: text, Score: &score}
			}
		}
		return audit.Text{Text: text}
	}
	r := audit.Row{Query: row.Query()}
	for _, pos := range row.Pos() {
		r.Positives = append(r.Positives, text(pos))
	}
	for i, neg := range row.Neg() {
		filler := i >= scored.mined
		if r.Filler = append(r.Filler, filler); filler {
			r.Negatives = append(r.Negatives, audit.Text{Text: neg})
		} else {
			r.Negatives = append(r.Negatives, text(neg))
		}
	}
	return r
}

// places are the places of texts in the pool, those that it has, each once.
func places(texts []string, position map[string]int32) []int32 {
	var found []int32
	seen := map[int32]bool{}
	for _, text := range texts {
		if p, ok := position[text]; ok && !seen[p] {
			seen[p] = true
			found = append(found, p)
		}
	}
	return found
}

// positions are the places of the different texts of a pool.
func positions(pool []string) map[string]int32 {
	position := make(map[string]int32, len(pool))
	for i, text := range pool {
		position[text] = int32(i)
	}
	return position
}

// stAuditRow is what a query gives, whatever the layout: its texts have their scores.
func stAuditRow(row *trainingset.Row, first int) audit.Row {
	texts := func(passages []trainingset.Passage) []audit.Text {
		var list []audit.Text
		for _, p := range passages {
			list = append(list, audit.Text{Text: p.Text, Score: p.Score})
		}
		return list
	}
	return audit.Row{Line: first, Query: row.Query, Positives: texts(row.Positives), Negatives: texts(row.Negatives)}
}
