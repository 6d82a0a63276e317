package pipeline

import (
	"fmt"
	"time"

	"github.com/quarry-ml/quarry/rundir"
)

// Events are called as a run goes on, one at a time, those of Progress from other goroutines too; any may be nil. The engine of the
// loop never prints.
type Events struct {
	Note     func(line string)                                   // what is done and why, as the log has it
	Progress func(Progress)                                      // within long stages
	Step     func(round int, step rundir.Step)                   // each optimizer step of Quarry's own trainer
	Epoch    func(round int, scores *rundir.Scores, chosen *int) // the table of a round, whenever a row is added or chosen
	Mined    func(round int, samples []Sample)                   // what was mined for the queries of Show, for people
	Show     []string                                            // keys of train queries
}

// Progress is how far a long stage has come.
type Progress struct {
	Round       int
	Stage       string // "embed corpus", "finetune", …
	Done, Total int64
	Unit        string // texts, queries, steps
	Detail      string // such as the loss of the last step
}

func (p *Run) note(format string, args ...any) {
	p.tellUnchanged()
	p.say(fmt.Sprintf(format, args...))
}

// tellUnchanged says which stages were done before, as soon as there is anything else to say of the round. One in which there
// is not takes a single line.
func (p *Run) tellUnchanged() {
	p.told = p.told || len(p.unchanged) > 0
	lines := p.unchanged
	p.unchanged = nil
	for _, line := range lines {
		p.say(line)
	}
}

func (p *Run) say(line string) {
	if p.log != nil {
		p.log.line(line)
	}
	if p.events.Note != nil {
		p.events.Note(line)
	}
}

func (p *Run) progress(x Progress) {
	if p.events.Progress != nil {
		p.events.Progress(x)
	}
}

// journal is the run's log.txt and times.jsonl. A log that cannot be written does not stop a night's work: the first failure is reported at the end.
type journal struct {
	log, times *rundir.Lines
	failed     error
}

func openJournal(d *rundir.Dir) (*journal, error) {
	log, err := rundir.OpenLines(d.FS, d.Log())
	if err != nil {
		return nil, err
	}
	times, err := rundir.OpenLines(d.FS, d.Times())
	if err != nil {
		log.Close()
		return nil, err
	}
	return &journal{log: log, times: times}, nil
}

func (j *journal) line(text string) {
	j.keep(j.log.Line(time.Now().UTC().Format("2006-01-02T15:04:05Z ") + oneLine(text)))
}

func (j *journal) time(t rundir.StageTime) { j.keep(j.times.JSON(t)) }

func (j *journal) keep(err error) {
	if j.failed == nil {
		j.failed = err
	}
}

func (j *journal) close() error {
	j.keep(j.log.Close())
	j.keep(j.times.Close())
	return j.failed
}

func oneLine(text string) string {
	out := []rune(text)
	for i, r := range out {
		if r == '\n' || r == '\r' {
			out[i] = ' '
		}
	}
	return string(out)
}
