package prepare

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
)

// shared reads a file of the real data beside the checkout, or skips.
func shared(t *testing.T, path ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "shared", "data", "eedi"}, path...)...))
	if err != nil {
		t.Skipf("shared data absent: %v", err)
	}
	return string(content)
}

// given is a row of the real data's own train.jsonl and dev.jsonl.
type given struct {
	Query      string   `json:"query"`
	Pos        []string `json:"pos"`
	CorrectID  int      `json:"correct_id"`
	ID         string   `json:"question_id_answer"`
	QuestionID string   `json:"question_id"`
	Subject    int      `json:"subject_id"`
	Construct  int      `json:"construct_id"`
}

func lines[T any](t *testing.T, content string) []T {
	t.Helper()
	var rows []T
	scanner := bufio.NewScanner(strings.NewReader(content))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var row T
		if err := json.Unmarshal(scanner.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

func realData(t *testing.T, o Options) (files, Report) {
	t.Helper()
	written, report, err := eedi(shared(t, "raw", "train.csv"), shared(t, "raw", "misconception_mapping.csv"), o)
	if err != nil {
		t.Fatal(err)
	}
	return written, report
}

// Each row made from the competition's CSV is the row that the reference pipeline made of it, whatever the split.
func TestRealRowsEqualTheGivenFiles(t *testing.T) {
	written, _ := realData(t, Options{Seed: 42, DevShare: 0.2, TestShare: 0.1, UnseenShare: 0.25})
	if diff := cmp.Diff(lines[passageRow](t, shared(t, "corpus.jsonl")), lines[passageRow](t, written["corpus.jsonl"])); diff != "" {
		t.Errorf("corpus (-given +prepared):\n%s", diff)
	}
	want := map[string]queryRow{}
	for _, g := range lines[given](t, shared(t, "train.jsonl")+shared(t, "dev.jsonl")) {
		want[g.ID] = queryRow{
			ID: g.ID, Query: g.Query, Pos: g.Pos, CorrectID: fmt.Sprint(g.CorrectID), QuestionIDAnswer: g.ID,
			QuestionID: g.QuestionID, SubjectID: fmt.Sprint(g.Subject), ConstructID: fmt.Sprint(g.Construct),
		}
	}
	got := map[string]queryRow{}
	for _, row := range lines[queryRow](t, written["train.jsonl"]+written["dev.jsonl"]+written["test.jsonl"]) {
		got[row.ID] = row
	}
	if len(got) != 3506 {
		t.Errorf("%d queries, want 3506", len(got))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queries (-given +prepared):\n%s", diff)
	}
}

// The files read back without leaks, and hold the shares asked for.
func TestRealSplit(t *testing.T) {
	o := Options{Seed: 42, DevShare: 0.2, TestShare: 0.1, UnseenShare: 0.25}
	written, report := realData(t, o)
	t.Logf("\n%s", report)
	c, _, err := corpus.ReadPassages(strings.NewReader(written["corpus.jsonl"]), "corpus.jsonl", corpus.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []corpus.Query {
		queries, warnings, err := corpus.ReadQueries(strings.NewReader(written[name]), name, c, corpus.ReadOptions{GroupField: "question_id"})
		if err != nil || len(warnings) > 0 {
			t.Fatal(err, warnings)
		}
		return queries
	}
	train, dev, test := read("train.jsonl"), read("dev.jsonl"), read("test.jsonl")
	for name, leaks := range map[string][]corpus.Leak{
		"dev in train": corpus.Leaks(train, dev), "test in train": corpus.Leaks(train, test), "test in dev": corpus.Leaks(dev, test),
	} {
		if len(leaks) > 0 {
			t.Errorf("%s: %d leaks, the first %+v", name, len(leaks), leaks[0])
		}
	}
	for _, tc := range []struct {
		name      string
		got, want float64
	}{
		{"dev", report.Dev.Share, 0.2}, {"test", report.Test.Share, 0.1},
		{"unseen in dev", report.Dev.UnseenShare(), 0.25}, {"unseen in test", report.Test.UnseenShare(), 0.25},
	} {
		if tc.got < tc.want-0.005 || tc.got > tc.want+0.005 {
			t.Errorf("share %s is %.4f, want about %v", tc.name, tc.got, tc.want)
		}
	}
}

// The queries of test.csv stand in the order of the sample submission.
func TestRealUnjudged(t *testing.T) {
	written := files{}
	if _, err := EediUnjudged(t.Context(), input("test.csv", shared(t, "raw", "test.csv")), written.sink); err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, row := range lines[queryRow](t, written["unjudged.jsonl"]) {
		got = append(got, row.ID)
	}
	submission, err := openTable(input("sample_submission.csv", shared(t, "raw", "sample_submission.csv")), []string{"QuestionId_Answer"})
	if err != nil {
		t.Fatal(err)
	}
	for {
		if err := submission.next(t.Context()); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		want = append(want, submission.get("QuestionId_Answer"))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-submission +unjudged:\n%s", diff)
	}
}
