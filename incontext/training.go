package incontext

import "github.com/quarry-ml/quarry/model"

// Training reads queries of a training step behind the examples that were drawn for them, as FlagEmbedding's
// decoder_only.icl does.
type Training struct {
	Model          *model.Model
	Query          func(query int) (text string, p model.Prompt)
	Passage        func(passage int32) string
	QueryTokens    int // of an example's query, its template included
	ResponseTokens int // of an example's response
	Tokens         int // of all examples before a query, special tokens included
	MaxLength      int // of a query with its examples
}

// FlagEmbeddingReserve is what FlagEmbedding keeps of a training query's length for the query itself.
const FlagEmbeddingReserve = 512

// Pair is an example: a query of the step and the passage that it was drawn to learn.
type Pair struct {
	Query   int
	Passage int32
	Text    string // in place of the passage's, where it is not empty
}

// Sequence reads a query behind examples, and says how many of them fit.
func (t Training) Sequence(query int, examples []Pair) (model.Sequence, int, error) {
	var texts []string
	for _, e := range examples {
		asked, p := t.Query(e.Query)
		response := e.Text
		if response == "" {
			response = t.Passage(e.Passage)
		}
		text, err := t.Model.ExampleText(asked, response, p, t.QueryTokens, t.ResponseTokens)
		if err != nil {
			return model.Sequence{}, 0, err
		}
		texts = append(texts, text)
	}
	text, p := t.Query(query)
	shown := 0
	p.Examples, shown = t.Model.FitExamples(texts, t.Tokens)
	s, err := t.Model.TrainingSequence(text, p, t.MaxLength)
	return s, shown, err
}
