package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// terminal is where a command talks: results go to out; notes and progress to err, as a bar where a person watches and
// as lines elsewhere. It may be used from several goroutines.
type terminal struct {
	out, err io.Writer
	watched  bool // err is a terminal
	now      func() time.Time

	mu     sync.Mutex
	label  string // of the progress that is shown
	bar    *progressbar.ProgressBar
	began  time.Time
	logged time.Time
}

// progress is how far a long piece of work has come.
type progress struct {
	Label       string // "embed corpus"
	Done, Total int64
	Unit        string // texts, queries, steps
	Detail      string // such as the loss of the last step; may be empty
}

// logEvery is the time between two lines of progress where nobody watches.
const logEvery = 10 * time.Second

func newTerminal(out, err io.Writer, watched bool) *terminal {
	return &terminal{out: out, err: err, watched: watched, now: time.Now}
}

// printf writes a result.
func (t *terminal) printf(format string, args ...any) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	_, err := fmt.Fprintf(t.out, format, args...)
	return err
}

// note writes a line for people. A note that cannot be written is lost: the work goes on.
func (t *terminal) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	fmt.Fprintln(t.err, fmt.Sprintf(format, args...))
}

// progress shows how far work has come; another label begins anew.
func (t *terminal) progress(p progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if p.Label != t.label {
		t.end()
		t.label, t.began, t.logged = p.Label, now, now
	}
	if t.watched {
		t.draw(p)
	} else if now.Sub(t.logged) >= logEvery {
		t.logged = now
		fmt.Fprintln(t.err, p.line(now.Sub(t.began)))
	}
	if p.Done >= p.Total {
		t.end()
	}
}

// finish takes away what progress is left on the screen.
func (t *terminal) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end()
}

func (t *terminal) draw(p progress) {
	if t.bar == nil {
		t.bar = progressbar.NewOptions64(p.Total,
			progressbar.OptionSetWriter(t.err), progressbar.OptionSetItsString(p.Unit), progressbar.OptionShowIts(), progressbar.OptionShowCount(),
			progressbar.OptionSetDescription(p.heading()), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(20))
	}
	_ = t.bar.Set64(p.Done) // a bar that cannot be drawn stops nothing
	t.bar.Describe(p.heading())
}

// clear makes room for a line; the bar is drawn again with the next progress.
func (t *terminal) clear() {
	if t.bar != nil {
		_ = t.bar.Clear()
	}
}

func (t *terminal) end() {
	t.clear()
	t.bar, t.label = nil, ""
}

func (p progress) heading() string { return strings.TrimSpace(p.Label + " " + p.Detail) }

// line is progress in words: "embed corpus: 512 of 2587 texts (19 %), 210 texts/s, 10s left".
func (p progress) line(elapsed time.Duration) string {
	text := fmt.Sprintf("%s: %d of %d %s", p.Label, p.Done, p.Total, p.Unit)
	if p.Total > 0 {
		text += fmt.Sprintf(" (%d %%)", 100*p.Done/p.Total)
	}
	if p.Done > 0 && elapsed > 0 {
		rate := float64(p.Done) / elapsed.Seconds()
		left := time.Duration(float64(p.Total-p.Done) / rate * float64(time.Second)).Round(time.Second)
		text += fmt.Sprintf(", %.3g %s/s, %s left", rate, p.Unit, left)
	}
	if p.Detail != "" {
		text += ", " + p.Detail
	}
	return text
}
