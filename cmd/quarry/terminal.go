package main

import (
	"fmt"
	"io"
	"slices"
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
	first  int64     // what was done when it began: a resumed training begins in the middle
	logged time.Time // the last line or drawing
}

// progress is how far a long piece of work has come.
type progress struct {
	Label       string // "embed corpus"
	Done, Total int64
	Unit        string // texts, queries, steps
	Detail      string // such as the loss of the last step; may be empty
}

// The least time between two lines of progress where nobody watches, and between two drawings of a bar.
const (
	logEvery  = 10 * time.Second
	drawEvery = 100 * time.Millisecond
)

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
		t.label, t.began, t.first, t.logged = p.Label, now, p.Done, now
	}
	pace := p.pace(p.Done-t.first, now.Sub(t.began))
	switch since := now.Sub(t.logged); {
	case t.watched && (t.bar == nil || since >= drawEvery):
		t.logged = now
		t.draw(p, pace)
	case !t.watched && since >= logEvery:
		t.logged = now
		fmt.Fprintln(t.err, p.line(pace))
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

func (t *terminal) draw(p progress, pace string) {
	heading := phrase(p.Label, pace, p.Detail)
	if t.bar == nil {
		// The bar's own rate and time would count what was done before it began.
		t.bar = progressbar.NewOptions64(p.Total,
			progressbar.OptionSetWriter(t.err), progressbar.OptionShowCount(), progressbar.OptionSetElapsedTime(false), progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetDescription(heading), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(20))
	}
	t.bar.Describe(heading)
	if t.bar.GetMax64() != p.Total { // of work that is found to be less as it goes on
		t.bar.ChangeMax64(p.Total)
	}
	_ = t.bar.Set64(p.Done) // a bar that cannot be drawn stops nothing
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

// line is progress in words: "embed corpus: 512 of 2587 texts (19 %), 210 texts/s, 10s left".
func (p progress) line(pace string) string {
	text := fmt.Sprintf("%s: %d of %d %s", p.Label, p.Done, p.Total, p.Unit)
	if p.Total > 0 {
		text += fmt.Sprintf(" (%d %%)", 100*p.Done/p.Total)
	}
	return phrase(text, pace, p.Detail)
}

// pace is the rate and the time left, "210 texts/s, 10s left", by what was done in a time; empty as long as that says nothing.
func (p progress) pace(done int64, elapsed time.Duration) string {
	if done <= 0 || elapsed <= 0 {
		return ""
	}
	rate := float64(done) / elapsed.Seconds()
	left := time.Duration(float64(p.Total-p.Done) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%.3g %s/s, %s left", rate, p.Unit, left)
}

func phrase(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}
