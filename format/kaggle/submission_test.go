package kaggle

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/ranking"
)

const submission = "QuestionId_Answer,MisconceptionId\n1869_B,3 1 2\n1869_C,7\n"

func number(p int32) string { return strconv.Itoa(int(p)) }

func TestReadAndWrite(t *testing.T) {
	want := []Row{{"1869_B", []string{"3", "1", "2"}, 2}, {"1869_C", []string{"7"}, 3}}
	for name, file := range map[string]string{
		"plain":           submission,
		"as Windows does": "\ufeff" + strings.ReplaceAll(submission, "\n", "\r\n"),
		"quoted":          "QuestionId_Answer,MisconceptionId\n\"1869_B\",\"3 1  2\"\n1869_C,7 \n",
	} {
		got, err := Read(strings.NewReader(file), "s.csv")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	var file bytes.Buffer
	w, err := NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range want {
		var hits ranking.Ranking
		for _, id := range row.Passages {
			n, _ := strconv.Atoi(id)
			hits = append(hits, ranking.Hit{Passage: int32(n)})
		}
		if err := w.Write(row.Query, hits, number); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil || file.String() != submission {
		t.Errorf("%v, %q", err, file.String())
	}
}

func TestReadErrors(t *testing.T) {
	const head = "QuestionId_Answer,MisconceptionId\n"
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "", "s.csv: the file is empty"},
		{"no rows", head, "s.csv: no rows"},
		{"another head", "id,predictions\n1,2\n", `s.csv:1: the head line is "id,predictions", want QuestionId_Answer,MisconceptionId`},
		{"no head", "1869_B,1 2\n", "s.csv:1: the head line is"},
		{"three columns", head + "1869_B,1,2\n", "s.csv:2: 3 columns, want 2"},
		{"no query", head + " ,1\n", `s.csv:2: QuestionId_Answer is " "`},
		{"no predictions", head + "1869_B, \n", `s.csv:2: query "1869_B" has no predictions`},
		{"twice", head + "a,1\nb,1\na,2\n", `s.csv:4: query "a" is already on line 2`},
		{"quote", head + "a,\"1\n", "s.csv: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Read(strings.NewReader(tc.file), "s.csv"); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestWriteErrors(t *testing.T) {
	blank := func(int32) string { return "a b" }
	one := ranking.Ranking{{Passage: 1}}
	w, err := NewWriter(&bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write("q", one, number); err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		`query "q" is in the submission already`: w.Write("q", one, number),
		`query "r" has no predictions`:           w.Write("r", nil, number),
		`query "s": passage "a b"`:               w.Write("s", one, blank),
		`query " t"`:                             w.Write(" t", one, number),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	full := errors.New("no space left on device")
	w, err = NewWriter(failing{full})
	if err = errors.Join(err, w.Write("q", one, number), w.Flush()); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestSample: the competition's own sample has a row for each wrong answer of its three test questions.
func TestSample(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "eedi", "raw", "sample_submission.csv"))
	if err != nil {
		t.Skipf("shared data absent: %v", err)
	}
	defer f.Close()
	rows, err := Read(f, "sample_submission.csv")
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 9 || rows[0].Query != "1869_B" || len(rows[8].Passages) != Predictions {
		t.Errorf("rows %v", rows)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{submission, "\ufeff" + submission, "QuestionId_Answer,MisconceptionId\r\na,\"1\n2\"\r\n", ",", "\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		rows, err := Read(strings.NewReader(file), "s.csv")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "s.csv:") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		var again bytes.Buffer
		w, err := NewWriter(&again)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			hits := make(ranking.Ranking, len(row.Passages))
			for i := range hits {
				hits[i].Passage = int32(i)
			}
			if err := w.Write(row.Query, hits, func(p int32) string { return row.Passages[p] }); err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		back, err := Read(&again, "again")
		if err != nil || len(back) != len(rows) {
			t.Fatalf("%d of %d rows came back: %v", len(back), len(rows), err)
		}
	})
}
