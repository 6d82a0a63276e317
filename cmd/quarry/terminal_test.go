package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) forward(d time.Duration) { c.at = c.at.Add(d) }

func TestProgressLinesWhereNobodyWatches(t *testing.T) {
	var out, err bytes.Buffer
	c := &clock{time.Unix(1e9, 0)}
	term := newTerminal(&out, &err, false)
	term.now = c.now
	for done := range int64(5) {
		term.progress(progress{Label: "embed corpus", Done: done * 100, Total: 1000, Unit: "texts"})
		c.forward(4 * time.Second)
	}
	term.note("half time")
	term.progress(progress{Label: "finetune", Done: 1, Total: 9, Unit: "steps", Detail: "loss 2.5"})
	c.forward(20 * time.Second)
	term.progress(progress{Label: "finetune", Done: 3, Total: 9, Unit: "steps", Detail: "loss 2.0"})
	// What an earlier process or the time before an evaluation did says nothing of the rate.
	term.progress(progress{Label: "finetune again", Done: 60, Total: 90, Unit: "steps", Detail: "loss 2.5"})
	c.forward(20 * time.Second)
	term.progress(progress{Label: "finetune again", Done: 60, Total: 90, Unit: "steps"})
	c.forward(20 * time.Second)
	term.progress(progress{Label: "finetune again", Done: 70, Total: 90, Unit: "steps"})
	want := `embed corpus: 300 of 1000 texts (30 %), 25 texts/s, 28s left
half time
finetune: 3 of 9 steps (33 %), 0.1 steps/s, 1m0s left, loss 2.0
finetune again: 60 of 90 steps (66 %)
finetune again: 70 of 90 steps (77 %), 0.25 steps/s, 1m20s left
`
	if err.String() != want {
		t.Errorf("lines\n%s\nwant\n%s", err.String(), want)
	}
	if out.Len() > 0 {
		t.Errorf("progress on standard output: %q", out.String())
	}
}

func TestProgressBarWhereAPersonWatches(t *testing.T) {
	var out, err bytes.Buffer
	term := newTerminal(&out, &err, true)
	term.progress(progress{Label: "embed corpus", Done: 1, Total: 4, Unit: "texts"})
	time.Sleep(110 * time.Millisecond) // the bar is drawn no more often than every 100 ms
	term.progress(progress{Label: "embed corpus", Done: 2, Total: 4, Unit: "texts"})
	mustBe(t, term.printf("result\n"))
	term.note("a note")
	term.finish()
	for _, want := range []string{"embed corpus", "50%", "texts/s, 0s left", "a note\n"} {
		if !strings.Contains(err.String(), want) {
			t.Errorf("standard error %q, want %q in it", err.String(), want)
		}
	}
	if out.String() != "result\n" {
		t.Errorf("standard output %q, want the result alone", out.String())
	}
}

func TestProgressLineWithoutATotal(t *testing.T) {
	got := progress{Label: "read", Unit: "lines"}.line("")
	if want := "read: 0 of 0 lines"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
}
