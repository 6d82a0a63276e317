// Package demo makes the data of `quarry demo`: school mathematics questions whose wrong answers come from named
// misconceptions, each applied to the numbers of the question by a function. The passages are the misconceptions; a
// query is a question with one wrong answer, and its positive is the misconception that led there.
package demo

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/draw"
)

// Options says how much data is made and how it is split.
type Options struct {
	Seed      uint64
	Questions int     // questions a kind; a question has one to four wrong answers, each a query
	DevShare  float64 // share of each kind's questions that go to dev, rounded to whole questions
}

// DefaultOptions returns the data of `quarry demo`: small enough for a tiny encoder on two cores.
func DefaultOptions() Options { return Options{Seed: 42, Questions: 8, DevShare: 0.25} }

// Validate reports options that make no data.
func (o Options) Validate() error {
	if o.Questions < 2 {
		return fmt.Errorf("questions: %d is too few to split, give at least 2 a kind", o.Questions)
	}
	if !(o.DevShare > 0 && o.DevShare < 1) {
		return fmt.Errorf("dev share: %v is not between 0 and 1", o.DevShare)
	}
	return nil
}

// Misconception is one belief of a pupil that gives wrong answers.
type Misconception struct {
	ID     string
	Topic  string
	Text   string // the passage
	Unseen bool   // kept out of train, so that dev also asks for passages that training never met
}

// Query is one row of train.jsonl or dev.jsonl.
type Query struct {
	ID         string // question id and the ordinal of the wrong answer
	QuestionID string // the group: rows with one question share it
	Text       string
	CorrectID  string // id of the misconception
}

// Dataset is the whole data of the demo.
type Dataset struct {
	Passages       []corpus.Passage
	Misconceptions []Misconception // in the order of Passages
	Train, Dev     []Query
}

// Generate makes the data. The same options give the same bytes. A question depends on the seed and its own kind alone:
// kinds added or changed later leave the questions of others as they were.
func Generate(o Options) (*Dataset, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	data := &Dataset{}
	unseen := map[string]bool{}
	for _, t := range topics() {
		for _, m := range t.misconceptions {
			m.Topic = t.name
			unseen[m.ID] = m.Unseen
			data.Misconceptions = append(data.Misconceptions, m)
			data.Passages = append(data.Passages, corpus.Passage{ID: m.ID, Text: m.Text})
		}
	}
	number := 0
	for _, t := range topics() {
		for _, k := range t.kinds {
			questions, err := k.questions(o)
			if err != nil {
				return nil, fmt.Errorf("kind %q: %w", k.name, err)
			}
			isDev := devOrdinals(o, k.name)
			for i, q := range questions {
				number++
				data.add(t.name, fmt.Sprintf("q%04d", number), q, isDev[i], unseen)
			}
		}
	}
	return data, nil
}

// topics lists all that the demo knows, in the order of the corpus.
func topics() []topic {
	return []topic{
		fractionSums(), fractionProducts(), operationOrder(), columnMethods(), roundingNumbers(), decimalNumbers(),
		percentagesOfAmounts(), negativeNumbers(), powersAndRoots(), expressions(), equations(), ratios(), measures(),
		shapes(), statistics(), graphsAndSequences(),
	}
}

// questions writes the questions of a kind: all different, every wrong answer telling one misconception.
func (k kind) questions(o Options) ([]*question, error) {
	const attempts = 1000 // the most that a kind needs is a few dozen
	asked := map[string]bool{}
	questions := make([]*question, 0, o.Questions)
	for ordinal := range o.Questions {
		dice := roll(o.Seed, k.name, ordinal)
		err := errors.New("no attempt made")
		for range attempts {
			q := k.write(dice)
			if err = q.check(); err == nil && asked[q.text] {
				err = fmt.Errorf("question %q was asked before", q.text)
			}
			if err == nil {
				asked[q.text] = true
				questions = append(questions, q)
				break
			}
		}
		if err != nil {
			return nil, fmt.Errorf("question %d: %d attempts failed, ask for fewer questions: %w", ordinal, attempts, err)
		}
	}
	return questions, nil
}

// devOrdinals draws which questions of a kind go to dev: at least one, and never all.
func devOrdinals(o Options, kind string) map[int]bool {
	n := int(math.Round(o.DevShare * float64(o.Questions)))
	n = min(max(n, 1), o.Questions-1)
	source := draw.New(o.Seed, draw.Split, 0, 0, kind)
	isDev := map[int]bool{}
	for _, i := range source.Sample(o.Questions, n) {
		isDev[i] = true
	}
	return isDev
}

// add turns a question into queries. A misconception that training must not meet is left out of train's questions.
func (d *Dataset) add(topic, id string, q *question, isDev bool, unseen map[string]bool) {
	for i, s := range q.slips {
		row := Query{ID: fmt.Sprintf("%s_%d", id, i+1), QuestionID: id, Text: queryText(topic, q, s), CorrectID: s.misconception}
		switch {
		case isDev:
			d.Dev = append(d.Dev, row)
		case !unseen[s.misconception]:
			d.Train = append(d.Train, row)
		}
	}
}

// queryText is what the encoder reads.
func queryText(topic string, q *question, s slip) string {
	return strings.Join([]string{
		"Topic: " + topic,
		"Question: " + q.text,
		"Correct answer: " + q.correct,
		"Wrong answer: " + s.answer,
		"Working: " + s.working,
	}, "\n")
}

// Find returns the misconception with an id.
func (d *Dataset) Find(id string) (Misconception, bool) {
	i := slices.IndexFunc(d.Misconceptions, func(m Misconception) bool { return m.ID == id })
	if i < 0 {
		return Misconception{}, false
	}
	return d.Misconceptions[i], true
}
