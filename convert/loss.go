package convert

import (
	"fmt"
	"strings"

	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/format/sentencetransformers"
	"github.com/quarry-ml/quarry/trainingset"
)

// Loss is something of a set that a format does not hold.
type Loss struct {
	What string // and what becomes of it
	Rows int    // that have it; passages of the corpus where no row names them
}

// String is one line.
func (l Loss) String() string { return fmt.Sprintf("%s (%d)", l.What, l.Rows) }

// becomes says what happens to a part that is not held; empty means that it is left out.
var becomes = map[trainingset.Parts]string{
	trainingset.Titles:            "joined to the texts",
	trainingset.Grades:            "above 1 they become 1, below 0 they become 0",
	trainingset.NoPositives:       "the rows are left out",
	trainingset.NoNegatives:       "the rows are left out",
	trainingset.RepeatedPositives: "kept once",
	trainingset.RepeatedNegatives: "kept once",
	trainingset.Contradictions:    "kept as a positive",
}

// Losses is what of a set the format does not hold, in a fixed order. Empty means that reading it back gives the same rows.
func (f Format) Losses(s Survey, o Options) []Loss {
	var losses []Loss
	add := func(rows int, format string, args ...any) {
		if rows > 0 {
			losses = append(losses, Loss{fmt.Sprintf(format, args...), rows})
		}
	}
	held := f.Holds(o, s)
	if !f.Texts {
		add(s.Rows, "texts of queries and passages: left out")
	}
	for _, part := range trainingset.All() {
		if held&part.Part != 0 || part.Part == trainingset.Titles && !f.Texts { // titles go with the texts
			continue
		}
		outcome := becomes[part.Part]
		if outcome == "" {
			outcome = "left out"
		}
		if part.Part == trainingset.Fields {
			outcome += ": " + s.keys()
		}
		add(s.Counts[part.Part], "%s: %s", part.Name, outcome)
	}
	if held&trainingset.NoPositives != 0 && held&trainingset.NoNegatives != 0 && held&trainingset.Grades != 0 {
		add(s.Unjudged, "queries without judgments: left out")
	}
	if f.Name == quarryFormat {
		add(s.Twins, "which of several passages of one text a row means: the first of them")
	}
	if f.Name == string(sentencetransformers.NTuple) {
		n := layoutOptions(sentencetransformers.NTuple, o, s).Negatives
		add(s.fewer(n), "rows of fewer than %d negatives: left out", n)
		add(s.more(n), "negatives beyond the first %d of a row: left out", n)
	}
	if f.grouped {
		add(s.Adjacent, "rows of one query behind each other: one when read back")
	}
	if f.Texts && !f.unused {
		add(s.Unused, "passages of the corpus that no row names: left out")
	}
	return losses
}

// keys names the other keys of rows, and what the one that quarry mine writes is.
func (s Survey) keys() string {
	var names []string
	for _, key := range s.Keys[:min(len(s.Keys), mostKeys)] {
		name := fmt.Sprintf("%q", key)
		if key == provenance.Key {
			name += " (where each negative comes from)"
		}
		names = append(names, name)
	}
	if len(s.Keys) > mostKeys {
		names = append(names, "and more")
	}
	return strings.Join(names, ", ")
}
