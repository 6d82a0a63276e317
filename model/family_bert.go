package model

import (
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/transformer"
)

// bert is transformers' BertModel. Without part are its pooler, the buffers that older versions of transformers saved,
// and the heads of BertForPreTraining, BertForMaskedLM, BertForSequenceClassification and BertForQuestionAnswering.
var bert = &family{
	kind: "bert",
	classes: []string{
		"BertModel", "BertForPreTraining", "BertForMaskedLM", "BertForNextSentencePrediction",
		"BertForSequenceClassification", "BertForTokenClassification", "BertForQuestionAnswering", "BertForMultipleChoice",
	},
	read:        readBERT,
	bos:         "[CLS]",
	eos:         "[SEP]",
	lowers:      true,
	first:       "embeddings.word_embeddings.weight",
	prefixes:    []string{"bert."},
	withoutPart: []string{"pooler.", "embeddings.position_ids", "embeddings.token_type_ids", "cls.", "lm_head.", "classifier.", "qa_outputs."},
	scorer: &scorer{class: "BertForSequenceClassification", types: true, head: func(prefix string, hidden int) []transformer.Dense {
		return []transformer.Dense{layer(prefix+"pooler.dense", hidden, hidden, tensor.Tanh, false), layer("classifier", hidden, 1, tensor.Identity, true)}
	}},
}

func readBERT(c *Config, o *object) (transformer.Network, error) {
	b, err := readAbsolute(c, o)
	if err != nil {
		return nil, err
	}
	return b, o.checkPadding(c.VocabSize)
}

// readAbsolute takes what BERT and RoBERTa have in common: an encoder with a table of positions.
func readAbsolute(c *Config, o *object) (transformer.BERT, error) {
	if err := o.only("position_embedding_type", "absolute"); err != nil {
		return transformer.BERT{}, err
	}
	if err := o.encodersOnly(); err != nil {
		return transformer.BERT{}, err
	}
	e, err := c.readEncoder(o, encoderDefaults{hiddenDropout: 0.1, attentionDropout: 0.1, activation: "gelu", allowed: plainActivations})
	if err != nil {
		return transformer.BERT{}, err
	}
	types := 2
	if err := o.takeSizes([]size{{"type_vocab_size", &types}}); err != nil {
		return transformer.BERT{}, err
	}
	c.tokenTypes = types
	if c.headDropout, err = o.takeProbability("classifier_dropout", c.HiddenDropout); err != nil {
		return transformer.BERT{}, err
	}
	return transformer.BERT{
		Hidden: c.HiddenSize, Layers: c.Layers, Heads: e.heads, Intermediate: e.intermediate,
		Vocabulary: c.VocabSize, Positions: c.MaxPositions, Types: types,
		Activation: e.activation, Epsilon: e.epsilon,
	}, nil
}
