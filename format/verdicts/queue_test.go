package verdicts

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/golden"
)

func asked(query, passage string) Suspect {
	score, rank, positive := float32(0.91), int32(2), float32(0.875)
	v := said("", query, passage)
	return Suspect{v, Evidence{
		Positives: []Positive{{ID: "p", Text: "the answer, \"quoted\""}}, Rank: &rank, Score: &score, PositiveScore: &positive,
		Sources: []Place{{"dense", 2, score}, {"bm25", 7, 4.5}}, Teacher: &score, TeacherPositive: &positive, Reasons: []string{"above the positive", "bm25 agrees"},
	}}
}

func queueFile(t testing.TB, form Form, queue ...Suspect) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteQueue(&out, form, queue); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestQueueRoundTrip: an empty queue says nothing; what is filled in is read, whatever a spreadsheet does to the file around it.
func TestQueueRoundTrip(t *testing.T) {
	queue := []Suspect{asked("a <b>", "1,\"x\"\nline"), asked("b", "2"), asked("ż", "3")}
	queue[2].Round, queue[2].Evidence = 2, Evidence{Positives: []Positive{}, Reasons: []string{}}
	for form, name := range map[Form]string{JSONL: "testdata/queue-2.jsonl", CSV: "testdata/queue-2.csv"} {
		t.Run(string(form), func(t *testing.T) {
			file := queueFile(t, form, queue...)
			golden.Check(t, name, []byte(file))
			if got, err := Read(strings.NewReader(file), "f"); err != nil || len(got) != 0 {
				t.Errorf("nothing was filled in: %v, %v", got, err)
			}
			filled := []Suspect{queue[0], queue[1], queue[2]}
			filled[0].Verdict.Verdict, filled[2].Verdict.Verdict = Promote, Keep
			want := []Verdict{filled[0].Verdict, filled[2].Verdict}
			file = queueFile(t, form, filled...)
			changed := map[string]string{"": file, "no last line end": strings.TrimSuffix(file, "\n")}
			if form == CSV {
				changed["a byte order mark and other line ends"] = "\ufeff" + strings.ReplaceAll(file, "\n", "\r\n")
				changed["capitals"] = strings.Replace(file, "promote", " Promote ", 1)
			}
			for how, file := range changed {
				got, err := Read(strings.NewReader(file), "f")
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%s: %v (-want +got):\n%s", how, err, diff)
				}
			}
		})
	}
}

func TestQueueErrors(t *testing.T) {
	one := asked("a", "1")
	line, table := queueFile(t, JSONL, one), queueFile(t, CSV, one)
	for _, tc := range []struct{ name, content, want string }{
		{"unknown verdict", strings.Replace(line, `"verdict":""`, `"verdict":"yes"`, 1), `f:1: verdict "yes" is unknown`},
		{"unknown key", strings.Replace(line, `"reasons"`, `"why"`, 1), `f:1: unknown key "why"`},
		{"a verdict without evidence may not be empty", strings.Replace(string(file(t, []Verdict{said(Drop, "a", "1")})), "drop", "", 1), `f:1: verdict "" is unknown`},
		{"cut short", line + line[:len(line)/2], "f:2: "},
		{"unknown verdict in a column", strings.Replace(table, "\n,2", "\nyes,2", 1), `f:2: verdict "yes" is unknown`},
		{"newer", strings.Replace(table, "\n,2", "\n,3", 1), "f:2: version 3 is newer"},
		{"older", strings.Replace(table, "\n,2", "\n,1", 1), "f:2: version 1, and this"},
		{"unknown column", strings.Replace(table, "reasons", "why", 1), `f:1: the column "why" is none`},
		{"a column twice", strings.Replace(table, "reasons", "query", 1), `f:1: the column "query" stands twice`},
		{"a column is missing", "verdict,version\n", `f:1: there is no column "query"`},
		{"semicolons", "\ufeff" + strings.ReplaceAll(table, ",", ";"), "f:1: columns are to be separated by commas"},
		{"tabs", strings.Replace(strings.ReplaceAll(table, ",", "\t"), "verdict", `"verdict"`, 1), "f:1: columns are to be separated by commas"},
		{"a cell too few", table + "drop,2\n", "f:3: wrong number of fields"},
		{"round", strings.Replace(table, ",0,p,", ",x,p,", 1), `f:2: round "x" is no number`},
		{"no text", strings.Replace(table, ",k-a,a,", ",k-a,,", 1), `f:2: "query_text" is empty`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Read(strings.NewReader(tc.content), "f"); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	one.Query = ""
	for _, form := range []Form{JSONL, CSV} {
		if err := WriteQueue(&bytes.Buffer{}, form, []Suspect{one}); err == nil {
			t.Errorf("%s: a suspect without a query was written", form)
		}
	}
}
