package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/quarry-ml/quarry/rundir"
)

// work is one stage of a round: what it depends on, what it leaves, and how it is done.
type work struct {
	rundir.Stage
	outputs []string // absolute paths of files and directories
	run     func(context.Context) error
	found   func() ([]string, error) // further outputs, known only when the stage has run; may be nil
	again   func() error             // called before a finished stage is done anew; may be nil
	undone  func() ([]string, error) // what a stage that has not ended left and does anew all the same, and why; may be nil
	apart   bool                     // no other stage depends on what it leaves
}

// do runs a stage unless its stamp says that it is done and unchanged, and stamps it.
func (p *Run) do(ctx context.Context, w work) error {
	fresh, err := p.dir.Check(ctx, w.Stage)
	if err != nil {
		return err
	}
	if fresh.New() && w.undone != nil {
		more, err := w.undone()
		if err != nil {
			return err
		}
		fresh.Reasons = append(fresh.Reasons, more...)
	}
	if p.plan != nil {
		return p.planned(w, fresh)
	}
	if fresh.Fresh() {
		p.unchanged = append(p.unchanged, fmt.Sprintf("round %d: %s: done before, unchanged", w.Round, w.Name))
		p.stamps = append(p.stamps, fresh.Stamp)
		return nil
	}
	why := strings.Join(fresh.Reasons, "; ")
	if fresh.New() {
		why = "starts"
	}
	p.note("round %d: %s: %s", w.Round, w.Name, why)
	if fresh.Stamp != nil && w.again != nil {
		if err := w.again(); err != nil {
			return err
		}
	}
	if err := p.dir.DropStamp(w.Round, w.Name); err != nil {
		return err
	}
	p.worked = true
	start, memory := time.Now(), watchMemory(p.options.MemoryNow)
	err = w.run(ctx)
	most := memory()
	if err != nil {
		return err
	}
	if w.found != nil {
		more, err := w.found()
		if err != nil {
			return err
		}
		w.outputs = append(w.outputs, more...)
	}
	stamp, err := p.dir.WriteStamp(ctx, w.Stage, w.outputs)
	if err != nil {
		return err
	}
	p.stamps = append(p.stamps, stamp)
	took := rundir.StageTime{Round: w.Round, Stage: w.Name, Seconds: time.Since(start).Seconds(), Start: start.UTC().Format(time.RFC3339), Memory: most}
	p.log.time(took)
	return nil
}

// made is an input that an earlier stage of this round left: its digest is the stamp's.
func (p *Run) made(path string) rundir.Input {
	name, err := p.dir.Relative(path)
	if err != nil {
		panic(err) // Only paths that the layout names come here.
	}
	for _, s := range p.stamps {
		if o, ok := s.Output(name); ok {
			return rundir.Input{Name: name, Digest: o.SHA256}
		}
	}
	return rundir.Input{Name: name, Digest: missing}
}

// outside is an input that the recipe gives, and that is neither data nor a model of the round: a guide, a teacher, a file, or
// the name of a field, which is its own digest. The manifest lists those that a stage has read.
func (p *Run) outside(name, digest string) rundir.Input {
	in := rundir.Input{Name: name, Digest: digest}
	p.foreign = append(p.foreign, in)
	return in
}

// missing is the digest of what no stage of this round has left.
const missing = "missing"

// writeIfChanged writes a file only where its content differs, so that an unchanged rerun leaves no trace.
func writeIfChanged(fsys rundir.FS, path string, content []byte) error {
	old, err := rundir.ReadFile(fsys, path)
	if err == nil && bytes.Equal(old, content) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return rundir.WriteFile(fsys, path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}
