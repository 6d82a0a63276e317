package trec

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quarry-ml/quarry/ranking"
)

func TestReadRun(t *testing.T) {
	const file = "\xef\xbb\xbfq2 Q0 d1 2 0.5 tag\r\n\nq1\tQ0\td1\t0\t-1e-3\ttag\nq2  q0 d2   1  0.75 other"
	got, err := ReadRun(strings.NewReader(file), "x.run")
	if err != nil {
		t.Fatal(err)
	}
	want := Run{"tag", []QueryRun{
		{Query: "q2", Hits: []RunHit{{"d1", 2, 0.5, 1}, {"d2", 1, 0.75, 4}}},
		{Query: "q1", Hits: []RunHit{{"d1", 0, -0.001, 3}}},
	}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(QueryRun{})); diff != "" {
		t.Error(diff)
	}
}

func TestReadRunErrors(t *testing.T) {
	const good = "q Q0 d 1 0.5 tag\n"
	for _, tc := range []struct{ name, file, want string }{
		{"pair twice", good + "q Q0 e 2 0.4 tag\n\nq Q0 d 3 0.3 tag\n", `x.run:4: query "q", document "d": the pair is already on line 1`},
		{"NaN", good + "q Q0 e 2 NaN tag\n", `x.run:2: query "q", document "e": the score is NaN, want a finite number`},
		{"infinite", "q Q0 e 2 -inf tag\n", "x.run:1: query \"q\", document \"e\": the score is -inf"},
		{"too large", "q Q0 e 2 1e999 tag\n", `x.run:1: the score is "1e999", want a number`},
		{"score of letters", "q Q0 e 2 high tag\n", `x.run:1: the score is "high"`},
		{"rank of letters", "q Q0 e first 2 tag\n", `x.run:1: the rank is "first"`},
		{"too few columns", good + "q d 1 0.5\n", "x.run:2: 4 columns, want 6: query Q0 document rank score tag"},
		{"too many columns", "q Q0 d 1 0.5 my tag\n", "x.run:1: 7 columns, want 6"},
		{"columns in another order", "q d Q0 1 0.5 tag\n", `x.run:1: column 2 is "d", want Q0`},
		{"not UTF-8", "q Q0 \xff 1 0.5 tag\n", "x.run:1: byte 6 of the line"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ReadRun(strings.NewReader(tc.file), "x.run")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestRanking(t *testing.T) {
	run, err := ReadRun(strings.NewReader("q Q0 b 3 0.9 t\nq Q0 a 1 0.5 t\nq Q0 c 1 0.7 t\n"), "x.run")
	if err != nil {
		t.Fatal(err)
	}
	byID := func(id string) (int32, bool) { p := strings.Index("abc", id); return int32(p), p >= 0 }
	got, err := run.Queries[0].Ranking(byID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ranking.Ranking{{Passage: 0, Score: 0.5}, {Passage: 2, Score: 0.7}, {Passage: 1, Score: 0.9}}, got); diff != "" {
		t.Error(diff)
	}
	_, err = run.Queries[0].Ranking(func(id string) (int32, bool) { return 0, id != "c" })
	if want := `x.run:3: query "q": the corpus has no passage "c"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func writeRun(t *testing.T, query string, hits ranking.Ranking, ids []string) string {
	t.Helper()
	var file bytes.Buffer
	w, err := NewRunWriter(&file, "quarry")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(query, hits, func(p int32) string { return ids[p] }); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

func TestWriteRun(t *testing.T) {
	hits := ranking.Ranking{{Passage: 1, Score: 0.75}, {Passage: 0, Score: 0.1}, {Passage: 2, Score: -1e-7}}
	got := writeRun(t, "q", hits, []string{"a", "b", "ż"})
	want := "q Q0 b 1 0.75 quarry\nq Q0 a 2 0.1 quarry\nq Q0 ż 3 -0.0000001 quarry\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is written comes back with the same bits, for any float32.
func TestScoresSurvive(t *testing.T) {
	for _, score := range []float32{0.1, 1.0 / 3, math.MaxFloat32, math.SmallestNonzeroFloat32, -0.70710677, 16777217} {
		run, err := ReadRun(strings.NewReader(writeRun(t, "q", ranking.Ranking{{Passage: 0, Score: score}}, []string{"a"})), "x.run")
		if err != nil {
			t.Fatal(err)
		}
		if got := float32(run.Queries[0].Hits[0].Score); got != score {
			t.Errorf("wrote %v, read %v", score, got)
		}
	}
}

func TestWriteRunErrors(t *testing.T) {
	for _, tc := range []struct {
		name, tag, query, id string
		score                float32
		want                 string
	}{
		{"space in the tag", "my tag", "q", "a", 1, `tag "my tag" holds white space`},
		{"no tag", "", "q", "a", 1, "an empty tag cannot be written"},
		{"space in the query", "t", "q 1", "a", 1, `query "q 1" holds white space`},
		{"newline in the id", "t", "q", "a\nb", 1, `query "q": passage "a\nb" holds white space`},
		{"empty id", "t", "q", "", 1, `query "q": an empty passage`},
		{"NaN", "t", "q", "a", float32(math.NaN()), `query "q", passage "a": the score is NaN`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, err := NewRunWriter(&bytes.Buffer{}, tc.tag)
			if err == nil {
				err = w.Write(tc.query, ranking.Ranking{{Passage: 0, Score: tc.score}}, func(int32) string { return tc.id })
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	w, _ := NewRunWriter(&bytes.Buffer{}, "t")
	w.Write("q", nil, nil)
	if err := w.Write("q", nil, nil); err == nil || err.Error() != `query "q" is in the run already` {
		t.Errorf("a query twice: %v", err)
	}
	full := errors.New("no space left on device")
	w, _ = NewRunWriter(failing{full}, "t")
	w.Write("q", ranking.Ranking{{}}, func(int32) string { return "a" })
	if err := w.Flush(); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestQrels(t *testing.T) {
	got, err := ReadQrels(strings.NewReader("q1 0 d1 1\n\nq1 0 d2 0\nq2\tQ0\td1\t-1\r\n"), "x.qrels")
	if err != nil {
		t.Fatal(err)
	}
	want := []Judgment{{"q1", "d1", 1, 1}, {"q1", "d2", 0, 3}, {"q2", "d1", -1, 4}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var file bytes.Buffer
	if err := WriteQrels(&file, got); err != nil {
		t.Fatal(err)
	}
	if want := "q1 0 d1 1\nq1 0 d2 0\nq2 0 d1 -1\n"; file.String() != want {
		t.Errorf("got %q, want %q", file.String(), want)
	}
}

func TestQrelsErrors(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"pair twice", "q 0 d 1\nq 0 d 0\n", `x.qrels:2: query "q", document "d": the pair is already on line 1`},
		{"grade of a point", "q 0 d .0\n", `x.qrels:1: the grade is ".0", want a whole number`},
		{"grade with an exponent", "q 0 d 1e3\n", `x.qrels:1: the grade is "1e3", want a whole number`},
		{"grade with a fraction", "q 0 d 0.5\n", `x.qrels:1: the grade is "0.5", want a whole number`},
		{"three columns", "q d 1\n", "x.qrels:1: 3 columns, want 4: query iteration document grade"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ReadQrels(strings.NewReader(tc.file), "x.qrels")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	for want, judgments := range map[string][]Judgment{
		`query "q", document "d": judged twice`:       {{Query: "q", Document: "d"}, {Query: "q", Document: "d"}},
		`query "q": document "a b" holds white space`: {{Query: "q", Document: "a b"}},
	} {
		if err := WriteQrels(&bytes.Buffer{}, judgments); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// trec_eval's own test files: 3 topics with 500 documents each; it counts num_ret 1500.
func TestTrecEvalsFiles(t *testing.T) {
	open := func(name string) *os.File {
		f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "trec-eval", name))
		if err != nil {
			t.Skipf("shared data absent: %v", err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	run, err := ReadRun(open("results.test"), "results.test")
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Queries) != 3 || run.Tag != "STANDARD" {
		t.Errorf("got %d queries, tag %q", len(run.Queries), run.Tag)
	}
	for _, q := range run.Queries {
		if len(q.Hits) != 500 {
			t.Errorf("query %s: got %d hits, want 500", q.Query, len(q.Hits))
		}
	}
	qrels, err := ReadQrels(open("qrels.test"), "qrels.test")
	if err != nil {
		t.Fatal(err)
	}
	if len(qrels) != 3681 {
		t.Errorf("got %d judgments, want 3681", len(qrels))
	}
}

func FuzzRun(f *testing.F) {
	for _, seed := range []string{"q Q0 d 1 0.5 tag\n", "q\tQ0\td\t1\t-1e-9\ttag\r\n\n", "q Q0 d 1 NaN t", "q Q0 d 99999999999 1 t", "\x1f\x8b\x08"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		run, err := ReadRun(strings.NewReader(file), "x.run")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.run:") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for _, q := range run.Queries {
			documents := map[string]int32{}
			var ids []string
			for i, h := range q.Hits {
				documents[h.Document] = int32(i)
				ids = append(ids, h.Document)
			}
			ranked, err := q.Ranking(func(d string) (int32, bool) { p, ok := documents[d]; return p, ok })
			if err != nil || len(ranked) != len(ids) {
				t.Fatalf("%d of %d hits, %v", len(ranked), len(ids), err)
			}
		}
	})
}

func FuzzQrels(f *testing.F) {
	for _, seed := range []string{"q 0 d 1\n", "q\t0\td\t-1\r\n", "q 0 d x", strconv.Itoa(math.MaxInt32)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		judgments, err := ReadQrels(strings.NewReader(file), "x.qrels")
		if err != nil {
			return
		}
		var written bytes.Buffer
		if err := WriteQrels(&written, judgments); err != nil {
			// Other white space than blanks and tabs may be part of an id that is read, but is never written.
			if !strings.Contains(err.Error(), "white space") {
				t.Fatal(err)
			}
			return
		}
		again, err := ReadQrels(&written, "again")
		if err != nil || len(again) != len(judgments) {
			t.Fatalf("%d of %d judgments came back: %v", len(again), len(judgments), err)
		}
	})
}

// Grades of floats are what trec_eval's atol makes of them, where that loses nothing.
func TestReadQrelsOfFloats(t *testing.T) {
	got, err := ReadQrels(strings.NewReader("q 0 a 1.0\nq 0 b -2.00\nq 0 c 3.\nq 0 d +1\n"), "x.qrels")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, -2, 3, 1} {
		if got[i].Grade != want {
			t.Errorf("%s: %d, want %d", got[i].Document, got[i].Grade, want)
		}
	}
}
