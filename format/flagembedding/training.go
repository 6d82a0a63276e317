package flagembedding

import (
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/trainingset"
)

// Holds is what of training rows this format holds beside the texts.
const Holds = trainingset.Prompts | trainingset.Types | trainingset.TeacherScores | trainingset.Fields | trainingset.NoPositives |
	trainingset.NoNegatives | trainingset.SeveralPositives | trainingset.Repeats | trainingset.CarriageReturns

var knownKeys = []string{"query", "pos", "neg", "pos_scores", "neg_scores", "prompt", "type"}

// Training is the row as training rows of every format are. Keys without a value are left out.
func (r *Row) Training() *trainingset.Row {
	row := &trainingset.Row{Query: r.query, Prompt: r.prompt, Type: r.kind, Line: r.line}
	row.Positives, row.Negatives = passages(r.pos, r.posScores), passages(r.neg, r.negScores)
	for _, field := range r.fields {
		if !slices.Contains(knownKeys, field.Key) && string(field.Value) != "null" {
			row.Fields = append(row.Fields, field)
		}
	}
	return row
}

func passages(texts []string, scores []float64) []trainingset.Passage {
	var found []trainingset.Passage
	for _, text := range texts {
		found = append(found, trainingset.Passage{Text: text})
	}
	trainingset.SetScores(found, slices.Clone(scores))
	return found
}

// FromTraining makes a row of a training row. Scores are written where every passage has one; other keys may not have the
// name of one of this format.
func FromTraining(from *trainingset.Row) (*Row, error) {
	r := NewRow(from.Query, texts(from.Positives))
	r.SetNeg(texts(from.Negatives))
	if all, _ := from.Scored(); all {
		if err := r.SetScores(trainingset.Scores(from.Positives), trainingset.Scores(from.Negatives)); err != nil {
			return nil, err
		}
	}
	if from.Prompt != "" {
		r.SetPrompt(from.Prompt)
	}
	if from.Type != "" {
		r.SetType(from.Type)
	}
	for _, field := range from.Fields {
		if err := r.Set(field.Key, field.Value); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func texts(passages []trainingset.Passage) []string {
	found := make([]string, len(passages))
	for i, p := range passages {
		found[i] = p.Plain()
	}
	return found
}

// Object is the row's keys in their order. It is not to be changed.
func (r *Row) Object() corpus.Object { return r.fields }
