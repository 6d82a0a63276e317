package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/audit"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

func auditOptions(path string) AuditOptions {
	return AuditOptions{Rows: path, Rules: audit.DefaultOptions()}
}

// TestAuditOfMinedRows: what quarry mines has no equal positives, no repeats and no conflicts of ids.
func TestAuditOfMinedRows(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	h, _ := p.mine(t, p.mineOptions())
	if !strings.Contains(h.err.String(), "audit of 30 rows: ") {
		t.Errorf("mining does not tell of its rows: %s", h.err.String())
	}
	o := auditOptions(p.path("mined.jsonl"))
	o.JSON = true
	o.Expect.Expect = []string{"equal_positive<=0", "repeated<=0", "id_conflicts<=0", "contradictory<=0", "short<=0", "unreadable<=0"}
	h = newTestHost()
	mustBe(t, runAudit(t.Context(), o, h.host))
	var printed struct {
		Schema int
		audit.Report
	}
	mustBe(t, json.Unmarshal(h.out.Bytes(), &printed))
	if printed.Schema != 1 || printed.Rows != 30 || printed.Negatives != 120 || printed.Get(audit.Hubs).Of == 0 {
		t.Errorf("as JSON: %s", h.out.String())
	}
}

// TestAuditFails with exit code 3 where a limit is exceeded, mining too; the rows are written nevertheless.
func TestAuditFails(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	rows := p.write(t, "rows.jsonl", `{"query":"q","pos":["a"],"neg":["a","b","b"],"pos_scores":[0.5],"neg_scores":[0.9,0.1,0.1]}`)
	o := auditOptions(rows)
	o.Expect.Expect = []string{"equal_positive<=0", "repeated<=40%", "above_positive<=33%", "hubs<=5"}
	h := newTestHost()
	err := runAudit(t.Context(), o, h.host)
	if !as[missedError](err) || exitCode(t.Context(), err) != exitMissed {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{`expected equal_positive<=0, got 1 of 3; line 1: negative 0, "a"`, "expected above_positive<=33%, got 1 of 3"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not contain %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "repeated") || !strings.Contains(h.out.String(), "repeated") || !strings.HasPrefix(h.out.String(), "1 rows, 3 negatives\n") {
		t.Errorf("%v\n%s", err, h.out.String())
	}
	m := p.mineOptions()
	m.Audit.Expect = []string{"above_positive<=0", "hubs<=0"}
	err = runMine(t.Context(), m, newTestHost().host)
	if !as[missedError](err) {
		t.Errorf("mining with a limit on hubs: %v", err)
	}
	if len(lines(p.read(t, "mined.jsonl"))) != 30 {
		t.Error("the rows to look at were not written")
	}
}

func TestAuditRefuses(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	for _, tc := range []struct {
		name, want string
		change     func(*AuditOptions)
	}{
		{"no rows", "--rows is needed", func(o *AuditOptions) { o.Rows = "" }},
		{"a limit", `--expect "few": write finding<=number`, func(o *AuditOptions) { o.Expect.Expect = []string{"few"} }},
		{"near-text", "near-text 3", func(o *AuditOptions) { o.Rules.NearText = 3 }},
		{"no such rows", "train.jsonl:1", func(o *AuditOptions) { o.Rows = p.path("train.jsonl") }},
		{"a row changed since", `names 1 positives and 2 negatives, the row has 1 and 1`, func(o *AuditOptions) {
			o.Rows = p.write(t, "changed.jsonl", `{"query":"q","pos":["a"],"neg":["b"],"quarry":{"key":"q","positives":["1"],"negatives":[{"id":"2"},{"id":"3"}]}}`)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := auditOptions(p.path("train.jsonl"))
			tc.change(&o)
			refused(t, runAudit(t.Context(), o, newTestHost().host), tc.want)
		})
	}
}

// TestAuditEndsBetweenRows: an interrupted audit looks at no further row, which here cannot be read.
func TestAuditEndsBetweenRows(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := AuditOptions{Rows: p.write(t, "rows.jsonl", `{"query":"q","pos":["a"],"neg":["b"]}`+"\nno row\n"), Rules: audit.DefaultOptions()}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := runAudit(ctx, o, newTestHost().host); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
