package model

import (
	"fmt"

	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/transformer"
)

// roberta and xlmRoberta are transformers' RobertaModel and XLMRobertaModel, one network under two names. Without part are
// their pooler, buffers and heads.
var (
	roberta    = robertaFamily("roberta", "Roberta")
	xlmRoberta = robertaFamily("xlm-roberta", "XLMRoberta")
)

func robertaFamily(kind, stem string) *family {
	return &family{
		kind:        kind,
		classes:     withHeads(stem, "MaskedLM", "SequenceClassification", "TokenClassification", "QuestionAnswering", "MultipleChoice"),
		read:        readRoBERTa,
		first:       "embeddings.word_embeddings.weight",
		prefixes:    []string{"roberta."},
		withoutPart: []string{"pooler.", "embeddings.position_ids", "embeddings.token_type_ids", "lm_head.", "classifier.", "qa_outputs."},
		scorer: &scorer{class: stem + "ForSequenceClassification", head: func(_ string, hidden int) []transformer.Dense {
			return []transformer.Dense{layer("classifier.dense", hidden, hidden, tensor.Tanh, true), layer("classifier.out_proj", hidden, 1, tensor.Identity, true)}
		}},
	}
}

func readRoBERTa(c *Config, o *object) (transformer.Network, error) {
	b, err := readAbsolute(c, o)
	if err != nil {
		return nil, err
	}
	if b.Padding, err = o.takePadding(1, c.VocabSize); err != nil {
		return nil, err
	}
	if b.Padding < 0 {
		return nil, fmt.Errorf("%s: pad_token_id null is not supported: positions are counted from it", o.file)
	}
	b.Padded = true
	return b, c.positionsAfter(o, b.Padding)
}

// positionsAfter leaves of the table of positions those that a text can have: the rows after the padding token's.
func (c *Config) positionsAfter(o *object, padding int) error {
	c.MaxPositions -= padding + 1
	if c.MaxPositions < 1 {
		return fmt.Errorf("%s: max_position_embeddings %d leaves no position after that of pad_token_id %d", o.file, c.MaxPositions+padding+1, padding)
	}
	return nil
}
