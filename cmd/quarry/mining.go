package main

import (
	"context"
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/review"
)

// mining is one run of quarry mine.
type mining struct {
	o       MineOptions
	data    data
	ranked  rankedBy
	queries []mine.Query // what is known of each beside its candidates
	miner   *mine.Miner
	auditor *mine.Auditor
	rows    *rowAuditor
	said    *mine.Taught    // by the teacher, of queries; nil without one
	teacher *teacherSummary // nil without one
}

func (m *mining) run(ctx context.Context, h *host) error {
	var nothing error
	err := writeOutput(h, m.o.Output, func(w io.Writer) error {
		return m.writeProvenance(h, func(side *provenance.Writer) error {
			return m.writeCandidates(h, func(keep *candidates.Writer) error {
				out := flagembedding.NewWriter(w, flagembedding.WriterOptions{})
				if err := m.mine(ctx, h, out, side, keep); err != nil {
					return err
				}
				if nothing = m.auditor.Audit().CheckAny(m.o.Mine.Window, m.data.corpus.Len()); nothing != nil {
					return nothing
				}
				return out.Flush()
			})
		})
	})
	if nothing != nil {
		return badInputf("--%s: %w", flagOf(found[*mine.EmptyError](nothing).Rule), nothing)
	}
	if err != nil {
		return err
	}
	err = m.tell(h)
	m.ranked.work.end()
	return err
}

// mine hands what is mined to the writers; those of provenance and candidates may be nil.
func (m *mining) mine(ctx context.Context, h *host, out *flagembedding.Writer, side *provenance.Writer, keep *candidates.Writer) error {
	byKey := make(map[string]corpus.Query, len(m.data.queries))
	pass := m.miner.NewPass(m.again, func(c mine.Query, r mine.Result) error {
		q := byKey[c.Query]
		m.auditor.Add(c.Candidates, q.Text, r)
		row, err := m.miner.Row(q, m.ranked.by, r)
		if err != nil {
			return err
		}
		if side != nil {
			full := m.miner.Provenance(q, c.Candidates, m.ranked.by, r)
			full.Miner = minerOf(m.ranked.header)
			if err := side.Write(full); err != nil {
				return err
			}
		}
		if err := m.rows.add(row); err != nil {
			return err
		}
		m.teacher.add(row)
		return out.Write(row)
	})
	err := m.ranked.each(ctx, func(query int, c ranking.Candidates) error {
		q, asked := m.data.queries[query], m.queries[query]
		byKey[q.Key] = q
		if keep != nil {
			if err := keep.Write(c); err != nil {
				return err
			}
		}
		asked.Candidates, asked.Teacher = c, m.said.Of(query)
		if err := pass.Add(asked); err != nil {
			return badInputf("%s:%d: %w", m.o.Rank.Data.Queries, q.Line, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	pass.Progress = m.coupling(h)
	return pass.Close(ctx)
}

// coupling shows how far the pass of a rule that couples queries has come.
func (m *mining) coupling(h *host) func(step mine.Step, done, total int) {
	return func(step mine.Step, done, total int) {
		h.progress(progress{Label: string(step), Done: int64(done), Total: int64(total), Unit: "rows"})
	}
}

// again is a query as mine has added it.
func (m *mining) again(query int) (mine.Query, error) {
	asked := m.queries[query]
	asked.Teacher = m.said.Of(query)
	var err error
	asked.Candidates, err = m.ranked.again(query)
	return asked, err
}

func (m *mining) writeProvenance(h *host, write func(*provenance.Writer) error) error {
	if m.o.Provenance == "" {
		return write(nil)
	}
	return writeOutput(h, m.o.Provenance, func(w io.Writer) error {
		side, err := provenance.NewWriter(w, provenance.Header{Rules: m.o.Mine.Rules(), Seed: m.o.Mine.Seed, Sources: pipeline.ProvenanceSources(m.ranked.header), Fusion: m.ranked.header.Fusion})
		if err == nil {
			err = write(side)
		}
		if err != nil {
			return err
		}
		return side.Flush()
	})
}

func (m *mining) writeCandidates(h *host, write func(*candidates.Writer) error) error {
	if m.o.Save == "" {
		return write(nil)
	}
	return writeOutput(h, m.o.Save, func(w io.Writer) error {
		keep, err := candidates.NewWriter(w, m.ranked.header)
		if err == nil {
			err = write(keep)
		}
		if err != nil {
			return err
		}
		return keep.Close()
	})
}

func (m *mining) tell(h *host) error {
	audit := m.auditor.Audit()
	h.note("%s", audit)
	h.note("rules: %s", joined(m.o.Mine.Rules()))
	h.note("candidates dropped by %s", audit.Dropped)
	m.teacher.tell(h, audit)
	found := m.rows.findings()
	h.note("%s", found)
	if m.o.JSON {
		err := printJSON(h, struct {
			Schema   int             `json:"schema"`
			Audit    mine.Audit      `json:"audit"`
			Rules    []string        `json:"rules"`
			Verdicts *review.Counts  `json:"verdicts,omitempty"`
			Teacher  *teacherSummary `json:"teacher,omitempty"`
			Rows     any             `json:"rows"`
		}{schema, audit, m.o.Mine.Rules(), m.data.counts(), m.teacher, found})
		if err != nil {
			return err
		}
	}
	return m.rows.check()
}
