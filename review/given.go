package review

import (
	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/verdicts"
)

// Given is the verdicts that hold, for who has mined rows and no corpus. nil has none.
type Given struct {
	byTexts map[[2]string]verdicts.Kind
	byNames map[[2]string][]verdicts.Verdict // by the query's key and the passage's id, for texts whose line ends a table has changed
}

// GivenOf takes the last verdict on each pair of texts, as a file has them line by line.
func GivenOf(said []verdicts.Verdict) *Given {
	g := &Given{map[[2]string]verdicts.Kind{}, map[[2]string][]verdicts.Verdict{}}
	for _, v := range verdicts.Latest(said) {
		g.byTexts[pairOf(v)] = v.Verdict
		names := [2]string{v.Query, v.Passage}
		g.byNames[names] = append(g.byNames[names], v)
	}
	return g
}

// On is what was said of a pair of texts under whatever names, or of one of the same names whose texts differ in line ends alone;
// empty is nothing.
func (g *Given) On(asked verdicts.Verdict) verdicts.Kind {
	if g == nil {
		return ""
	}
	if kind, ok := g.byTexts[pairOf(asked)]; ok {
		return kind
	}
	for _, v := range g.byNames[[2]string{asked.Query, asked.Passage}] {
		if sameButLineEnds(v.QueryText, asked.QueryText) && sameButLineEnds(v.PassageText, asked.PassageText) {
			return v.Verdict
		}
	}
	return ""
}

func pairOf(v verdicts.Verdict) [2]string {
	return [2]string{corpus.Strip(v.QueryText), corpus.Strip(v.PassageText)}
}
