package convert

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestRuns(t *testing.T) {
	const trecs = "q2 Q0 d 1 1.5 x\nq2 Q0 c 2 -2 x\nq1 Q0 é 1 0.1 x\n"
	const beirs = `{"q2": {"d": 1.5, "c": -2}, "q1": {"é": 0.1}}`
	for _, tc := range []struct{ name, from, to, file, want, losses string }{
		{"TREC's", TRECRun, BEIRRun, trecs, "{\n\"q2\": {\"d\": 1.5, \"c\": -2},\n\"q1\": {\"é\": 0.1}\n}\n", "the name of the system: left out (1)"},
		{"BEIR's", BEIRRun, TRECRun, beirs, trecs, ""},
		{"ranks that scores deny", TRECRun, TRECRun, "q Q0 a 2 5 x\nq Q0 b 1 4 x\n", "q Q0 b 1 4 x\nq Q0 a 2 5 x\n", "the name of the system: left out (1); ranks that are not the order of scores: left out (1)"},
		{"BEIR's again", BEIRRun, BEIRRun, beirs, "{\n\"q2\": {\"d\": 1.5, \"c\": -2},\n\"q1\": {\"é\": 0.1}\n}\n", ""},
		{"long scores, and none", BEIRRun, TRECRun, `{"q": {"a": 0.1234567890123, "b": 2}, "r": {}}`, "q Q0 b 1 2 x\nq Q0 a 2 0.12345679 x\n", "queries without a hit: left out (1); digits of scores: rounded to float32 (1)"},
	} {
		run, err := ReadRun(strings.NewReader(tc.file), "f", tc.from)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		var out bytes.Buffer
		if err := run.Write(&out, tc.to, "x", ""); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		for _, packing := range []string{"", "gzip", "zstd"} {
			var file, again bytes.Buffer
			if err := run.Write(&file, tc.to, "x", packing); err != nil {
				t.Fatalf("%s, %s: %v", tc.name, packing, err)
			}
			if packed := !bytes.Equal(file.Bytes(), out.Bytes()); packed != (packing != "") {
				t.Errorf("%s: packed %t, want %q", tc.name, packed, packing)
			}
			back, err := ReadRun(&file, "f", tc.to)
			if err != nil {
				t.Fatalf("%s, %s: %v", tc.name, packing, err)
			}
			if err := back.Write(&again, tc.to, "x", ""); err != nil || again.String() != out.String() {
				t.Errorf("%s, %s: comes back as %q, %v", tc.name, packing, again.String(), err)
			}
		}
		var losses []string
		for _, l := range run.Losses() {
			losses = append(losses, l.String())
		}
		if out.String() != tc.want || strings.Join(losses, "; ") != tc.losses {
			t.Errorf("%s: got %q, %v", tc.name, out.String(), losses)
		}
	}
	if _, err := ReadRun(strings.NewReader(""), "f", "ranx"); err == nil || !strings.Contains(err.Error(), "use trec-run or beir-run") {
		t.Errorf("got %v", err)
	}
	run := &Run{queries: []ranked{{query: "a b"}}}
	if err := run.Write(&bytes.Buffer{}, TRECRun, "x", ""); err == nil {
		t.Error("white space is written into a TREC run")
	}
	if err := run.Write(&bytes.Buffer{}, "x", "x", ""); err == nil || !slices.Equal(Runs(), []string{TRECRun, BEIRRun}) {
		t.Errorf("got %v", err)
	}
}
