package main

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/audit"
	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/lexical"
)

// TestQueueRoundTrip writes the queue of what was mined, fills in what a person would, and mines by it.
func TestQueueRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		name, queue string
		fused       bool
	}{{"of one source, as lines", "queue.jsonl", false}, {"of two fused, as a table", "queue.csv", true}} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProject(t, tinymodel.Options{})
			o := p.mineOptions()
			o.Window, o.Provenance = "0-12", p.path("side.jsonl")
			if tc.fused {
				o.Sources.Names, o.Sources.Fuse, o.Sources.BM25 = []string{"dense", "bm25"}, fuse.DefaultOptions(), lexical.DefaultOptions()
			}
			p.mine(t, o)
			h := newTestHost()
			a := AuditOptions{Rows: o.Output, Rules: audit.DefaultOptions(), Queue: p.path(tc.queue)}
			if tc.fused {
				a.Provenance = o.Provenance
			}
			mustBe(t, runAudit(t.Context(), a, h.host))
			if says := "ranks above the positive, by reciprocal ranks of "; strings.Contains(h.out.String(), says) != tc.fused {
				t.Errorf("%q where fused: %t:\n%s", says, tc.fused, h.out.String())
			}
			queue := p.queue(t, tc.queue)
			if len(queue) < 10 || !strings.Contains(h.err.String(), "may be answers: "+a.Queue) {
				t.Fatalf("%d suspects:\n%s", len(queue), h.err.String())
			}
			most := 0
			for i, s := range queue {
				most = max(most, len(s.Evidence.Reasons))
				if s.Verdict.Verdict != "" || len(s.Evidence.Reasons) == 0 || len(s.Evidence.Positives) != 1 || i > 0 && len(s.Evidence.Reasons) > len(queue[i-1].Evidence.Reasons) {
					t.Errorf("suspect %d: %+v", i, s)
				}
			}
			if want := map[bool]int{false: 1, true: 3}[tc.fused]; most != want {
				t.Errorf("the most suspicious has %d reasons, want %d", most, want)
			}
			queue[0].Verdict.Verdict, queue[1].Verdict.Verdict, queue[2].Verdict.Verdict = verdicts.Drop, verdicts.Promote, verdicts.Keep
			var filled strings.Builder
			mustBe(t, verdicts.WriteQueue(&filled, verdicts.Form(strings.TrimPrefix(tc.queue, "queue.")), queue))
			o.Verdicts, o.Output, o.Provenance = p.write(t, "filled-"+tc.queue, filled.String()), p.path("again.jsonl"), ""
			told, rows := p.mine(t, o)
			if !strings.Contains(told.err.String(), ": 1 drop, 1 promote, 1 keep; 0 of them judge nothing") {
				t.Errorf("verdicts are read otherwise:\n%s", told.err.String())
			}
			for _, row := range rows {
				if row.Query() == queue[0].QueryText && slices.Contains(row.Neg(), queue[0].PassageText) || row.Query() == queue[1].QueryText && !slices.Contains(row.Pos(), queue[1].PassageText) {
					t.Errorf("mined against a verdict: %s", row.Query())
				}
			}
			p.isNotAskedAgain(t, a, o.Verdicts, queue)
			a.Rows, a.Provenance, a.Queue = o.Output, p.path("side.jsonl"), p.path("other.csv")
			refused(t, runAudit(t.Context(), a, newTestHost().host), "it is of other rows")
		})
	}
}

// isNotAskedAgain holds that a queue of the same rows has what no verdict was given on, in the same order, tells of what was dropped
// and promoted, and stops where it is told to.
func (p project) isNotAskedAgain(t *testing.T, a AuditOptions, given string, queue []verdicts.Suspect) {
	t.Helper()
	a.Queue, a.Verdicts, a.TopK = p.path("next.jsonl"), given, 4
	h := newTestHost()
	mustBe(t, runAudit(t.Context(), a, h.host))
	var want, got []string
	for _, s := range queue[3:7] {
		want = append(want, s.Query+" "+s.Passage)
	}
	for _, s := range p.queue(t, "next.jsonl") {
		got = append(got, s.Query+" "+s.Passage)
	}
	if !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
	for _, told := range []string{", the first 4 of them in " + a.Queue, "3 more have a verdict in " + given, "2 negatives of the rows were dropped or promoted there"} {
		if !strings.Contains(h.err.String(), told) {
			t.Errorf("%q is not told:\n%s", told, h.err.String())
		}
	}
	a.Queue = given
	refused(t, runAudit(t.Context(), a, newTestHost().host), "is also --verdicts")
}

// queue reads a queue, of a table only what stands in its first columns and its reasons.
func (p project) queue(t *testing.T, name string) (queue []verdicts.Suspect) {
	t.Helper()
	if strings.HasSuffix(name, ".jsonl") {
		for _, line := range lines(p.read(t, name)) {
			var s verdicts.Suspect
			mustBe(t, json.Unmarshal([]byte(line), &s))
			queue = append(queue, s)
		}
		return queue
	}
	records, err := csv.NewReader(strings.NewReader(p.read(t, name))).ReadAll()
	mustBe(t, err)
	for _, r := range records[1:] {
		s := verdicts.Suspect{Verdict: verdicts.Verdict{Verdict: verdicts.Kind(r[0]), Query: r[2], QueryText: r[3], Passage: r[4], PassageText: r[5]}}
		s.Evidence.Positives, s.Evidence.Reasons = []verdicts.Positive{{ID: r[7], Text: r[8]}}, strings.Split(r[15], "; ")
		queue = append(queue, s)
	}
	return queue
}

func TestQueueIsRefused(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	rows := p.write(t, "rows.jsonl", `{"query":"q","pos":["p"],"neg":["n"]}`)
	for _, tc := range []struct {
		name, want string
		o          AuditOptions
	}{
		{"another ending", "ends in .jsonl or .csv", AuditOptions{Queue: p.path("queue.txt")}},
		{"the rows themselves", "--queue", AuditOptions{Queue: rows}},
		{"provenance alone", "--provenance has no part without --queue", AuditOptions{Provenance: rows}},
		{"verdicts alone", "--verdicts has no part without --queue", AuditOptions{Verdicts: rows}},
		{"a length alone", "--top-k has no part without --queue", AuditOptions{TopK: 3}},
		{"a negative length", "--top-k -1 is negative", AuditOptions{Queue: p.path("queue.csv"), TopK: -1}},
		{"rows of others", `rows.jsonl:1: the row has no "quarry"`, AuditOptions{Queue: p.path("queue.csv")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.Rows, tc.o.Rules = rows, audit.DefaultOptions()
			refused(t, runAudit(t.Context(), tc.o, newTestHost().host), tc.want)
		})
	}
}
