package prepare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const header = "QuestionId,ConstructId,ConstructName,SubjectId,SubjectName,CorrectAnswer,QuestionText," +
	"AnswerAText,AnswerBText,AnswerCText,AnswerDText,MisconceptionAId,MisconceptionBId,MisconceptionCId,MisconceptionDId\n"

const mapping = "MisconceptionId,MisconceptionName\n7,Adds the denominators\n8,\" Subtracts, then adds \"\n9.0,Halves it\n"

// small has three questions: one over several lines, one with a misconception twice, one with pandas' writing of ids.
const small = header +
	"1,10,Add fractions ,20,Fractions,B,\"What is\n\\( \\frac{1}{2}+\\frac{1}{3} \\) ?\n\",\\( \\frac{2}{5} \\),\\( \\frac{5}{6} \\),1,\"\"\"none\"\"\",7.0,,NaN,8\n" +
	"2,10,Add fractions,20,Fractions,A,1/2 + 1/2,1,2/4,1/4,2,,7,7,\n" +
	"3.0,11,Halve,21,Halves,D,Half of 8,2,16,8,4,9.0,,,\n"

// files collects what a preparation writes.
type files map[string]string

func (f files) sink(name string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	f[name] = b.String()
	return nil
}

func input(name, content string) Input { return Input{name, strings.NewReader(content)} }

// eedi prepares from texts.
func eedi(train, misconceptions string, o Options) (files, Report, error) {
	written := files{}
	report, err := Eedi(context.Background(), input("train.csv", train), input("mapping.csv", misconceptions), o, written.sink)
	return written, report, err
}

// half holds out about half, with any misconceptions.
var half = Options{Seed: 1, DevShare: 0.5, UnseenShare: 1}

func TestEediWritesRows(t *testing.T) {
	written, report, err := eedi(small, mapping, half)
	if err != nil {
		t.Fatal(err)
	}
	wantCorpus := `{"id":"7","text":"Adds the denominators"}
{"id":"8","text":"Subtracts, then adds"}
{"id":"9","text":"Halves it"}
`
	if diff := cmp.Diff(wantCorpus, written["corpus.jsonl"]); diff != "" {
		t.Error(diff)
	}
	rows := written["train.jsonl"] + written["dev.jsonl"]
	for _, want := range []string{
		`{"id":"1_A","query":"Question: What is\n\\( \\frac{1}{2}+\\frac{1}{3} \\) ?\nHint: Add fractions\nCorrect answer: \\( \\frac{5}{6} \\)\nWrong answer: \\( \\frac{2}{5} \\)",` +
			`"pos":["Adds the denominators"],"correct_id":"7","question_id_answer":"1_A","question_id":"1","subject_id":"20","construct_id":"10"}`,
		`{"id":"1_D","query":"Question: What is\n\\( \\frac{1}{2}+\\frac{1}{3} \\) ?\nHint: Add fractions\nCorrect answer: \\( \\frac{5}{6} \\)\nWrong answer: \"none\"",` +
			`"pos":["Subtracts, then adds"],"correct_id":"8","question_id_answer":"1_D","question_id":"1","subject_id":"20","construct_id":"10"}`,
		`{"id":"3_A","query":"Question: Half of 8\nHint: Halve\nCorrect answer: 4\nWrong answer: 2","pos":["Halves it"],"correct_id":"9","question_id_answer":"3_A","question_id":"3","subject_id":"21","construct_id":"11"}`,
	} {
		if !strings.Contains(rows, want+"\n") {
			t.Errorf("no row\n%s\nin\n%s", want, rows)
		}
	}
	if got := strings.Count(rows, "\n"); got != 5 {
		t.Errorf("%d queries, want 5: the five labelled wrong answers", got)
	}
	if _, ok := written["test.jsonl"]; ok {
		t.Error("test.jsonl was written without a test share")
	}
	if got := report.Train.Queries + report.Dev.Queries; got != 5 || report.Passages != 3 {
		t.Errorf("report %+v", report)
	}
}

// The same rows come from files as other programs save them.
func TestEediReadsQuirks(t *testing.T) {
	want, _, err := eedi(small, mapping, half)
	if err != nil {
		t.Fatal(err)
	}
	extra := strings.ReplaceAll(strings.ReplaceAll(small, "\n1,", "\n\n1,"), "SubjectName", "Whatever")
	for _, tc := range []struct{ name, train, mapping string }{
		{"byte order mark", "\ufeff" + small, "\ufeff" + mapping},
		{"CRLF", strings.ReplaceAll(small, "\n", "\r\n"), strings.ReplaceAll(mapping, "\n", "\r\n")},
		{"no newline at the end", strings.TrimSuffix(small, "\n"), strings.TrimSuffix(mapping, "\n")},
		{"blank line, other name of a column that is not used", extra, mapping},
		{"plain ids", strings.NewReplacer("7.0", "7", "9.0", "9", "3.0", "3").Replace(small), mapping},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, _, err := eedi(tc.train, tc.mapping, half)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEediRefuses(t *testing.T) {
	row := func(old, with string) string { return strings.Replace(small, old, with, 1) }
	for _, tc := range []struct{ name, train, mapping, want string }{
		{"empty train", "", mapping, "train.csv: the file is empty"},
		{"empty mapping", small, "", "mapping.csv: the file is empty"},
		{"no misconceptions", small, "MisconceptionId,MisconceptionName\n", "mapping.csv: no misconceptions"},
		{"files swapped", mapping, small, `mapping.csv:1: column "MisconceptionId" is missing (it has QuestionId, ConstructId,`},
		{"test.csv as train", strings.ReplaceAll(header, ",MisconceptionDId", ""), mapping, `train.csv:1: column "MisconceptionDId" is missing (it has QuestionId,`},
		{"column twice", row("SubjectName", "SubjectId"), mapping, `train.csv:1: column "SubjectId" is there twice`},
		{"too few fields", row("9.0,,,\n", "9.0,,\n"), mapping, "train.csv:6: the row does not have the header's 15 fields"},
		{"open quote", row("1/2 + 1/2", "\"1/2 + 1/2"), mapping, "train.csv:6: a quote is wrong in the row that begins on line 5"},
		{"bare quote", row("Half of 8", "Half \"of\" 8"), mapping, "train.csv:6: bare \""},
		{"not UTF-8", row("Half of 8", "Half of \xff"), mapping, "train.csv:6: the text is not UTF-8"},
		{"unknown misconception", row("9.0,,,\n", "12,,,\n"), mapping, `train.csv:6: MisconceptionAId: the mapping has no misconception "12"`},
		{"misconception is no number", row("9.0,,,\n", "nine,,,\n"), mapping, `train.csv:6: MisconceptionAId: "nine" is not a number`},
		{"misconception of the correct answer", row("9.0,,,\n", "9,,,9\n"), mapping, `train.csv:6: MisconceptionDId: misconception "9" belongs to D, the correct answer`},
		{"correct answer", row("21,Halves,D", "21,Halves,E"), mapping, `train.csv:6: CorrectAnswer: want A, B, C or D, got "E"`},
		{"no question id", row("3.0,11", ",11"), mapping, "train.csv:6: QuestionId: the id is missing"},
		{"no question", row("Half of 8", " "), mapping, `train.csv:6: QuestionText: question "3" has no text`},
		{"question twice", row("3.0,11", "2,11"), mapping, `train.csv:6: QuestionId: "2" is already on line 5; ids must differ`},
		{"misconception twice", small, mapping + "7.0,Again\n", `mapping.csv:5: MisconceptionId: "7" is already on line 2; ids must differ`},
		{"misconception without text", small, mapping + "10, \n", `mapping.csv:5: MisconceptionName: misconception "10" has no text`},
		{"nothing judged", header + "2,10,Add,20,F,A,1/2,1,2,3,4,,nan,,\n", mapping, "train.csv: no wrong answer has a misconception: is this the competition's train.csv?"},
		{"one question", header + "2,10,Add,20,F,A,1/2,1,2,3,4,,7,,\n", mapping, "train.csv: too few questions for the shares asked for: nothing is left to train on"},
		{"one question of three rows", header + "2,10,Add,20,F,A,1/2,1,2,3,4,,7,8,8\n", mapping, "train.csv: too few questions for the shares asked for: dev is empty; change the dev share (0.5)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			written, _, err := eedi(tc.train, tc.mapping, half)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v\nwant %s…", err, tc.want)
			}
			if len(written) > 0 {
				t.Errorf("%d files were written", len(written))
			}
		})
	}
}

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Options)
		want   string // empty: good
	}{
		{"default", func(*Options) {}, ""},
		{"with test", func(o *Options) { o.TestShare = 0.1 }, ""},
		{"no dev", func(o *Options) { o.DevShare = 0 }, "dev share: 0 is not between 0 and 1"},
		{"test below 0", func(o *Options) { o.TestShare = -0.1 }, "test share: -0.1 is not 0 or between 0 and 1"},
		{"nothing left", func(o *Options) { o.TestShare = 0.8 }, "dev share 0.2 and test share 0.8 leave nothing to train on"},
		{"unseen above 1", func(o *Options) { o.UnseenShare = 1.1 }, "unseen share: 1.1 is not from 0 to 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := DefaultOptions()
			tc.change(&o)
			if err := o.Validate(); fmt.Sprint(err) != tc.want && !(err == nil && tc.want == "") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestEediStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Eedi(ctx, input("train.csv", small), input("mapping.csv", mapping), half, files{}.sink)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	full := errors.New("disk full")
	_, err = Eedi(context.Background(), input("train.csv", small), input("mapping.csv", mapping), half, func(string, func(io.Writer) error) error { return full })
	if !errors.Is(err, full) || !strings.HasPrefix(err.Error(), "write corpus.jsonl: ") {
		t.Errorf("got %v, want it to name the file and wrap %v", err, full)
	}
}

func TestEediUnjudged(t *testing.T) {
	columns := strings.Split(strings.TrimSuffix(header, "\n"), ",")
	test := strings.Join(columns[:11], ",") + "\n5,10,Add,20,F,B,1 + 1,1,2,3,\"4\nor 5\"\n"
	written := files{}
	n, err := EediUnjudged(context.Background(), input("test.csv", test), written.sink)
	if err != nil || n != 3 {
		t.Fatalf("got %d, %v", n, err)
	}
	want := `{"id":"5_A","query":"Question: 1 + 1\nHint: Add\nCorrect answer: 2\nWrong answer: 1","question_id_answer":"5_A","question_id":"5","subject_id":"20","construct_id":"10"}
{"id":"5_C","query":"Question: 1 + 1\nHint: Add\nCorrect answer: 2\nWrong answer: 3","question_id_answer":"5_C","question_id":"5","subject_id":"20","construct_id":"10"}
{"id":"5_D","query":"Question: 1 + 1\nHint: Add\nCorrect answer: 2\nWrong answer: 4\nor 5","question_id_answer":"5_D","question_id":"5","subject_id":"20","construct_id":"10"}
`
	if diff := cmp.Diff(want, written["unjudged.jsonl"]); diff != "" {
		t.Error(diff)
	}
	if _, err := EediUnjudged(context.Background(), input("test.csv", strings.Join(columns[:11], ",")+"\n"), written.sink); err == nil || err.Error() != "test.csv: no questions" {
		t.Errorf("a header alone: got %v", err)
	}
}
