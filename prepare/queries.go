package prepare

import "strings"

// query is one wrong answer of one question: a row of the files written.
type query struct {
	id                           string // question id and option: 2_A
	question, construct, subject string
	group                        string // what must not lie in two splits: the text of the question
	text                         string
	positive, positiveText       string // the misconception; empty where none is known
}

func newQuery(q question, option int) query {
	return query{
		id:        q.id + "_" + letter(option),
		question:  q.id,
		construct: q.construct,
		subject:   q.subject,
		// A few questions are there twice under different ids. Were they split, dev would hold texts of train.
		group: strings.Join(strings.Fields(q.text), " "),
		text:  queryText(q, option),
	}
}

// queryText is the query of the reference pipeline, byte for byte.
func queryText(q question, option int) string {
	return "Question: " + q.text + "\nHint: " + q.constructName + "\nCorrect answer: " + q.answers[q.correct] + "\nWrong answer: " + q.answers[option]
}

// judged lists the wrong answers whose misconception is known, in file order.
func judged(questions []question, mapping *misconceptionMap) []query {
	var queries []query
	for _, q := range questions {
		for option, id := range q.misconceptions {
			if id == "" {
				continue
			}
			row := newQuery(q, option)
			row.positive, row.positiveText = id, mapping.text[id]
			queries = append(queries, row)
		}
	}
	return queries
}
