package prepare

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
)

// options is the answers that a question offers.
const options = 4

// letter names an option as the CSV's columns do.
func letter(option int) string { return string(rune('A' + option)) }

// misconceptionMap is misconception_mapping.csv: texts by id, and the ids in file order.
type misconceptionMap struct {
	order []string
	text  map[string]string
}

// question is one row of train.csv or test.csv.
type question struct {
	id, construct, subject string
	constructName, text    string
	correct                int
	answers                [options]string
	misconceptions         [options]string // ids; empty where none is known
}

func readMisconceptions(ctx context.Context, in Input) (*misconceptionMap, error) {
	t, err := openTable(in, []string{"MisconceptionId", "MisconceptionName"})
	if err != nil {
		return nil, err
	}
	m := &misconceptionMap{text: map[string]string{}}
	lines := map[string]int{}
	for {
		if err := t.next(ctx); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		id, err := t.id("MisconceptionId")
		if err != nil {
			return nil, err
		}
		if line, twice := lines[id]; twice {
			return nil, t.errorf("MisconceptionId", "%q is already on line %d; ids must differ", id, line)
		}
		text := t.get("MisconceptionName")
		if text == "" {
			return nil, t.errorf("MisconceptionName", "misconception %q has no text", id)
		}
		lines[id] = t.line()
		m.text[id] = text
		m.order = append(m.order, id)
	}
	if len(m.order) == 0 {
		return nil, fmt.Errorf("%s: no misconceptions", in.Name)
	}
	return m, nil
}

// readQuestions reads train.csv, or with a nil mapping test.csv, which has no misconceptions.
func readQuestions(ctx context.Context, in Input, mapping *misconceptionMap) ([]question, error) {
	needed := []string{"QuestionId", "ConstructId", "ConstructName", "SubjectId", "CorrectAnswer", "QuestionText"}
	for option := range options {
		needed = append(needed, answerColumn(option))
	}
	if mapping != nil {
		for option := range options {
			needed = append(needed, misconceptionColumn(option))
		}
	}
	t, err := openTable(in, needed)
	if err != nil {
		return nil, err
	}
	var questions []question
	lines := map[string]int{}
	for {
		if err := t.next(ctx); err == io.EOF {
			return questions, nil
		} else if err != nil {
			return nil, err
		}
		q, err := t.question()
		if err == nil && mapping != nil {
			err = t.misconceptions(&q, mapping)
		}
		if err != nil {
			return nil, err
		}
		if line, twice := lines[q.id]; twice {
			return nil, t.errorf("QuestionId", "%q is already on line %d; ids must differ", q.id, line)
		}
		lines[q.id] = t.line()
		questions = append(questions, q)
	}
}

// question reads all of a row but its misconceptions.
func (t *table) question() (question, error) {
	var q question
	var err error
	if q.id, err = t.id("QuestionId"); err != nil {
		return q, err
	}
	if q.construct, err = t.id("ConstructId"); err != nil {
		return q, err
	}
	if q.subject, err = t.id("SubjectId"); err != nil {
		return q, err
	}
	q.constructName, q.text = t.get("ConstructName"), t.get("QuestionText")
	if q.text == "" {
		return q, t.errorf("QuestionText", "question %q has no text", q.id)
	}
	correct := t.get("CorrectAnswer")
	q.correct = slices.IndexFunc([]string{"A", "B", "C", "D"}, func(l string) bool { return l == correct })
	if q.correct < 0 {
		return q, t.errorf("CorrectAnswer", "want A, B, C or D, got %q", correct)
	}
	for option := range options {
		q.answers[option] = t.get(answerColumn(option))
	}
	return q, nil
}

// misconceptions reads which misconception each wrong answer comes from.
func (t *table) misconceptions(q *question, mapping *misconceptionMap) error {
	for option := range options {
		column := misconceptionColumn(option)
		if absent(t.get(column)) {
			continue
		}
		id, err := t.id(column)
		if err != nil {
			return err
		}
		if option == q.correct {
			return t.errorf(column, "misconception %q belongs to %s, the correct answer: empty the field or correct CorrectAnswer", id, letter(option))
		}
		if _, known := mapping.text[id]; !known {
			return t.errorf(column, "the mapping has no misconception %q", id)
		}
		q.misconceptions[option] = id
	}
	return nil
}

// id reads an id; numbers are written plainly, so that 1287.0, which pandas writes, is 1287.
func (t *table) id(column string) (string, error) {
	value := t.get(column)
	if absent(value) {
		return "", t.errorf(column, "the id is missing")
	}
	id, err := corpus.NumberID(value)
	if err != nil {
		return "", t.errorf(column, "%w", err)
	}
	return id, nil
}

// absent reports a field that pandas would read as missing.
func absent(value string) bool { return value == "" || strings.EqualFold(value, "nan") }

func answerColumn(option int) string { return "Answer" + letter(option) + "Text" }

func misconceptionColumn(option int) string { return "Misconception" + letter(option) + "Id" }
