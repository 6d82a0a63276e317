package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/prepare"
)

// eediFiles writes the competition's two files, small: one question an asked misconception, two wrong answers each.
func eediFiles(t testing.TB, p project) PrepareEediOptions {
	t.Helper()
	var train, mapping, test strings.Builder
	mapping.WriteString("MisconceptionId,MisconceptionName\n")
	const columns = "QuestionId,ConstructId,ConstructName,SubjectId,SubjectName,CorrectAnswer,QuestionText,AnswerAText,AnswerBText,AnswerCText,AnswerDText"
	train.WriteString(columns + ",MisconceptionAId,MisconceptionBId,MisconceptionCId,MisconceptionDId\n")
	test.WriteString(columns + "\n")
	for i := range 30 {
		n := string(rune('a' + i%26))
		mapping.WriteString(strings.Join([]string{strconv.Itoa(i), "Believes " + n + strconv.Itoa(i)}, ",") + "\n")
		row := strings.Join([]string{strconv.Itoa(i), strconv.Itoa(i % 7), "Construct", "1", "Subject", "A", "What is " + strconv.Itoa(i) + "?", "w", "x", "y", "z"}, ",")
		train.WriteString(row + ",," + strconv.Itoa(i) + ".0," + strconv.Itoa((i+5)%30) + ".0,\n")
		if i < 2 {
			test.WriteString(row + "\n")
		}
	}
	o := PrepareEediOptions{Out: p.path("data"), Split: prepare.DefaultOptions()}
	o.Train, o.Misconceptions, o.Test = p.write(t, "train.csv", train.String()), p.write(t, "mapping.csv", mapping.String()), p.write(t, "test.csv", test.String())
	return o
}

func TestPrepareEedi(t *testing.T) {
	p := project(t.TempDir())
	o := eediFiles(t, p)
	h := newTestHost()
	mustBe(t, runPrepareEedi(t.Context(), o, h.host))
	if !strings.Contains(h.out.String(), "30 passages") || !strings.Contains(h.err.String(), "unjudged.jsonl: 6 queries") {
		t.Errorf("told %q and %q", h.out.String(), h.err.String())
	}
	if n := len(lines(p.read(t, "data/train.jsonl"))) + len(lines(p.read(t, "data/dev.jsonl"))); n != 60 {
		t.Errorf("%d queries, want 60", n)
	}
}

func TestPrepareEediLeavesNoTestFileOfAnotherSplit(t *testing.T) {
	p := project(t.TempDir())
	o := eediFiles(t, p)
	o.Split.TestShare = 0.2
	mustBe(t, runPrepareEedi(t.Context(), o, newTestHost().host))
	mustBe(t, runPrepareEedi(t.Context(), o, newTestHost().host)) // a test file of its own replaces it
	o.Split.TestShare = 0
	refused(t, runPrepareEedi(t.Context(), o, newTestHost().host), "test.jsonl is there from another split")
}

func TestPrepareEediKeepsAnotherSplit(t *testing.T) {
	p := project(t.TempDir())
	o := eediFiles(t, p)
	mustBe(t, runPrepareEedi(t.Context(), o, newTestHost().host))
	train := p.read(t, "data/train.jsonl")
	o.Split.Seed = 7
	refused(t, runPrepareEedi(t.Context(), o, newTestHost().host), "train.jsonl is there already with other content")
	if p.read(t, "data/train.jsonl") != train {
		t.Error("the old split was replaced")
	}
	o.Force = true
	mustBe(t, runPrepareEedi(t.Context(), o, newTestHost().host))
	if p.read(t, "data/train.jsonl") == train {
		t.Error("--force replaced nothing")
	}
}

func TestPrepareEediRefuses(t *testing.T) {
	p := project(t.TempDir())
	good := eediFiles(t, p)
	for _, tc := range []struct {
		name, want string
		change     func(*PrepareEediOptions)
	}{
		{"no output", "--out is needed", func(o *PrepareEediOptions) { o.Out = "" }},
		{"no such file", "--misconceptions: ", func(o *PrepareEediOptions) { o.Misconceptions = p.path("none.csv") }},
		{"files exchanged", `column "MisconceptionId" is missing`, func(o *PrepareEediOptions) { o.Train, o.Misconceptions = o.Misconceptions, o.Train }},
		{"packed", "packed.csv: the file is packed with gzip", func(o *PrepareEediOptions) { o.Train = p.write(t, "packed.csv", "\x1f\x8b\b\x00") }},
		{"an archive", "a.csv: the file is a zip archive", func(o *PrepareEediOptions) { o.Misconceptions = p.write(t, "a.csv", "PK\x03\x04") }},
		{"wide characters", "wide.csv: the file is UTF-16", func(o *PrepareEediOptions) { o.Train = p.write(t, "wide.csv", "\xff\xfeQ\x00") }},
		{"shares", "share", func(o *PrepareEediOptions) { o.Split.DevShare = 2 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := good
			tc.change(&o)
			refused(t, runPrepareEedi(t.Context(), o, newTestHost().host), tc.want)
		})
	}
	o := good
	o.Out = p.path("train.csv/data") // below a file
	if err := runPrepareEedi(t.Context(), o, newTestHost().host); err == nil || as[inputError](err) {
		t.Errorf("error %v, want a failure to write", err)
	}
}
