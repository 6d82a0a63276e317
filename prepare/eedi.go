// Package prepare turns data as its publishers give it into Quarry's files: a corpus, and queries split so that no
// question lies in two splits.
package prepare

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Input is a file to read and the name that errors call it by.
type Input struct {
	Name   string
	Reader io.Reader
}

// Sink writes one file under a name of its own; write fills it. Wrap rundir.WriteFile to write below a folder.
type Sink func(name string, write func(w io.Writer) error) error

// Options says how judged queries are split. Shares are of queries; whole questions move, so they are met as nearly as
// questions allow, never exceeded.
type Options struct {
	Seed        uint64
	DevShare    float64
	TestShare   float64 // 0 makes no test split
	UnseenShare float64 // of dev and of test: queries whose misconception no train query has
}

// DefaultOptions holds out a fifth for dev, a quarter of it with misconceptions that train lacks: the competition's test
// set has such too, for its tail is long (706 of the 1,415 misconceptions of 1,496 questions label one answer only).
func DefaultOptions() Options { return Options{Seed: 42, DevShare: 0.2, UnseenShare: 0.25} }

// Validate reports shares that leave nothing to split.
func (o Options) Validate() error {
	switch {
	case !(o.DevShare > 0 && o.DevShare < 1):
		return fmt.Errorf("dev share: %v is not between 0 and 1", o.DevShare)
	case !(o.TestShare >= 0 && o.TestShare < 1):
		return fmt.Errorf("test share: %v is not 0 or between 0 and 1", o.TestShare)
	case o.DevShare+o.TestShare >= 1:
		return fmt.Errorf("dev share %v and test share %v leave nothing to train on", o.DevShare, o.TestShare)
	case !(o.UnseenShare >= 0 && o.UnseenShare <= 1):
		return fmt.Errorf("unseen share: %v is not from 0 to 1", o.UnseenShare)
	}
	return nil
}

// Eedi reads the CSV files of Kaggle's "Eedi - Mining Misconceptions in Mathematics" and writes corpus.jsonl,
// train.jsonl, dev.jsonl, test.jsonl when it has a share, and examples.jsonl (one train query and its misconception
// for each construct). Each wrong answer with a misconception is a query:
//
//	Question: {QuestionText}
//	Hint: {ConstructName}
//	Correct answer: {text}
//	Wrong answer: {text}
//
// Nothing is written unless both inputs are good. Errors name file and line.
func Eedi(ctx context.Context, train, misconceptions Input, o Options, sink Sink) (Report, error) {
	if err := o.Validate(); err != nil {
		return Report{}, err
	}
	mapping, err := readMisconceptions(ctx, misconceptions)
	if err != nil {
		return Report{}, err
	}
	questions, err := readQuestions(ctx, train, mapping)
	if err != nil {
		return Report{}, err
	}
	queries := judged(questions, mapping)
	if len(queries) == 0 {
		return Report{}, fmt.Errorf("%s: no wrong answer has a misconception: is this the competition's train.csv?", train.Name)
	}
	s := split(queries, o)
	if err := s.check(o); err != nil {
		return Report{}, fmt.Errorf("%s: %w", train.Name, err)
	}
	examples := examplesOf(s.train, o.Seed)
	if err := writeEedi(sink, mapping, s, examples); err != nil {
		return Report{}, err
	}
	return s.report(len(mapping.order), len(examples)), nil
}

// EediUnjudged reads the competition's test.csv, whose misconceptions nobody told, and writes unjudged.jsonl: a query
// without positives for each wrong answer, in the order of the submission file. It returns how many there are.
func EediUnjudged(ctx context.Context, test Input, sink Sink) (int, error) {
	questions, err := readQuestions(ctx, test, nil)
	if err != nil {
		return 0, err
	}
	var queries []query
	for _, q := range questions {
		for option := range options {
			if option != q.correct {
				queries = append(queries, newQuery(q, option))
			}
		}
	}
	if len(queries) == 0 {
		return 0, fmt.Errorf("%s: no questions", test.Name)
	}
	err = sink("unjudged.jsonl", func(w io.Writer) error { return writeQueries(w, queries) })
	return len(queries), err
}

// errNotSplit is told where shares and questions do not fit.
var errNotSplit = errors.New("too few questions for the shares asked for")
