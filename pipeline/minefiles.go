package pipeline

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// writeMined writes the rows of a split as they are mined: negatives in FlagEmbedding's form, and the side file where the recipe asks for
// it. Neither is there before all rows are.
func (r *round) writeMined(s rundir.Split, o mine.Options, mined func(write func(minedRow) error) error) error {
	return r.writeAsMade(r.files.Negatives(s), func(w io.Writer) error {
		out := flagembedding.NewWriter(w, flagembedding.WriterOptions{})
		err := r.writeProvenance(s, o, func(side *provenance.Writer) error {
			return mined(func(m minedRow) error {
				if side != nil {
					if err := side.Write(m.side); err != nil {
						return err
					}
				}
				return out.Write(m.row)
			})
		})
		if err != nil {
			return err
		}
		return out.Flush()
	})
}

// writeProvenance opens the side file of a split, where the recipe asks for it; else fill gets nil.
func (r *round) writeProvenance(s rundir.Split, o mine.Options, fill func(*provenance.Writer) error) error {
	if !r.stages.Mine.Provenance {
		return fill(nil)
	}
	return r.writeAsMade(r.files.Provenance(s), func(w io.Writer) error {
		rules := []string{} // held where nothing is mined
		if r.stages.Mine.Source != recipe.None {
			rules = r.ruledBy(o).Rules()
		}
		out, err := provenance.NewWriter(w, provenance.Header{Rules: rules, Seed: o.Seed, Sources: r.provenanceSources(s), Fusion: r.fusion()})
		if err == nil {
			err = fill(out)
		}
		if err != nil {
			return err
		}
		return out.Flush()
	})
}

// writeAsMade writes a file while its content is made. A fault of what makes it is returned as it is, one of the file as
// rundir.WriteFile tells it.
func (r *round) writeAsMade(path string, fill func(io.Writer) error) error {
	var made error
	var to failing
	err := rundir.WriteFile(r.dir.FS, path, func(w io.Writer) error {
		to.w = w
		made = fill(&to)
		return made
	})
	if made != nil && to.err == nil {
		return made
	}
	return err
}

// failing remembers how writing failed.
type failing struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (f *failing) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	if err != nil {
		f.err = err
	}
	return n, err
}

// writeAudit writes what the miner's audit found of train, and what it found of a teacher's scores, nil without one.
func (r *round) writeAudit(counts mine.Audit, teacher *TeacherAudit) error {
	if teacher != nil {
		r.note("round %d: %s: %s", r.index, r.stageName(StageMine), teacher)
	}
	return rundir.WriteJSON(r.dir.FS, r.files.Audit(), auditFile{counts, teacher})
}

// auditFile is audit.json.
type auditFile struct {
	mine.Audit
	Teacher *TeacherAudit `json:"teacher,omitempty"`
}

// readNegatives returns the negatives of a split by query key, as positions in the corpus.
func (r *round) readNegatives(s rundir.Split) (map[string][]int32, error) {
	path := r.files.Negatives(s)
	f, err := r.dir.FS.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, negatives := flagembedding.NewReader(f, path), map[string][]int32{}
	for {
		row, err := rows.Next()
		if err == io.EOF {
			return negatives, nil
		}
		if err != nil {
			return nil, err
		}
		raw, ok := row.Get(provenance.Key)
		var from provenance.Row
		if !ok || json.Unmarshal(raw, &from) != nil {
			return nil, fmt.Errorf("%s:%d: no readable %q field; run mine again", path, row.Line(), provenance.Key)
		}
		for _, n := range from.Negatives {
			p, ok := r.data.corpus.ByID(n.ID)
			if !ok {
				return nil, fmt.Errorf("%s:%d: negative %q is not in the corpus; run mine again", path, row.Line(), n.ID)
			}
			negatives[from.Key] = append(negatives[from.Key], p)
		}
	}
}
