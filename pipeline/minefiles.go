package pipeline

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/rundir"
)

// writeNegatives writes the rows of a split in FlagEmbedding's form.
func (r *round) writeNegatives(s rundir.Split, rows []minedRow) error {
	return rundir.WriteFile(r.dir.FS, r.files.Negatives(s), func(w io.Writer) error {
		out := flagembedding.NewWriter(w, flagembedding.WriterOptions{})
		for _, m := range rows {
			if err := out.Write(m.row); err != nil {
				return err
			}
		}
		return out.Flush()
	})
}

// writeProvenance writes the side file of a split, where the recipe asks for it.
func (r *round) writeProvenance(s rundir.Split, o mine.Options, rows []minedRow) error {
	if !r.stages.Mine.Provenance {
		return nil
	}
	return rundir.WriteFile(r.dir.FS, r.files.Provenance(s), func(w io.Writer) error {
		out, err := provenance.NewWriter(w, provenance.Header{Rules: o.Rules(), Seed: o.Seed, Sources: r.provenanceSources(), Fusion: r.fusion()})
		for _, m := range rows {
			if err == nil {
				err = out.Write(m.side)
			}
		}
		if err != nil {
			return err
		}
		return out.Flush()
	})
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
	rows, err := flagembedding.ReadAll(f, path)
	if err != nil {
		return nil, err
	}
	negatives := make(map[string][]int32, len(rows))
	for i, row := range rows {
		raw, ok := row.Get(provenance.Key)
		var from provenance.Row
		if !ok || json.Unmarshal(raw, &from) != nil {
			return nil, fmt.Errorf("%s:%d: no readable %q field; run mine again", path, i+1, provenance.Key)
		}
		for _, n := range from.Negatives {
			p, ok := r.data.corpus.ByID(n.ID)
			if !ok {
				return nil, fmt.Errorf("%s:%d: negative %q is not in the corpus; run mine again", path, i+1, n.ID)
			}
			negatives[from.Key] = append(negatives[from.Key], p)
		}
	}
	return negatives, nil
}
