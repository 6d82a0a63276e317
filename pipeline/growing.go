package pipeline

import (
	"cmp"
	"errors"
	"io"
	"time"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/rundir"
)

// growing is a split's candidates in the making: what is marked of them a later run goes on with.
type growing struct {
	split rundir.Split
	file  *rundir.Partial
	out   *candidates.Writer
	ready int // queries that an earlier run has searched for
	every time.Duration
}

// growCandidates opens what an earlier run has left of a split's candidates, or begins them. What it has left and cannot be read is
// made again.
func (r *round) growCandidates(of rundir.Stage, s rundir.Split, depth int) (*growing, error) {
	g, damaged, err := r.openCandidates(of, s, depth)
	if damaged != nil {
		r.note("round %d: %s: begins anew: %v", r.index, r.stageName(StageSearch), damaged)
		g, damaged, err = r.openCandidates(of, s, depth)
		err = errors.Join(err, damaged)
	}
	if err != nil {
		return nil, err
	}
	if g.ready > 0 {
		r.note("round %d: %s: goes on behind the first %d of %d queries, which are searched for already",
			r.index, r.label("search "+string(s)), g.ready, len(r.data.queries[s]))
	}
	return g, nil
}

// openCandidates is growCandidates but for what is damaged: that is gone then.
func (r *round) openCandidates(of rundir.Stage, s rundir.Split, depth int) (g *growing, damaged, err error) {
	g = &growing{split: s, every: cmp.Or(r.options.MarkEvery, rundir.MarkEvery)}
	if g.file, err = r.dir.OpenPartial(r.files.Candidates(s), of); err != nil {
		return nil, nil, err
	}
	done, err := r.dir.FS.Open(g.file.Name())
	if err != nil {
		return nil, nil, errors.Join(err, g.file.Close())
	}
	g.out, g.ready, damaged = candidates.Continue(g.file, io.LimitReader(done, g.file.Size()), r.candidatesHeader(s, depth), g.file.Name())
	err = done.Close()
	if damaged == nil && err == nil {
		return g, nil, nil
	}
	if damaged != nil {
		return nil, damaged, errors.Join(err, g.file.Discard())
	}
	return nil, nil, errors.Join(err, g.file.Close())
}

// due is to be called where what is written may be gone on from.
func (g *growing) due() error {
	if err := g.out.Flush(); err != nil {
		return err
	}
	return g.file.MarkDue(g.every)
}

// finish ends the candidates, which are whole, and gives the file its name.
func (g *growing) finish() error {
	if err := g.out.Close(); err != nil {
		return err
	}
	return g.file.Finish()
}
