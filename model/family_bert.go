package model

import (
	"fmt"

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
	first:       "embeddings.word_embeddings.weight",
	prefixes:    []string{"bert."},
	withoutPart: []string{"pooler.", "embeddings.position_ids", "embeddings.token_type_ids", "cls.", "lm_head.", "classifier.", "qa_outputs."},
}

func readBERT(c *Config, o *object) (transformer.Network, error) {
	if err := o.only("position_embedding_type", "absolute"); err != nil {
		return nil, err
	}
	for _, key := range []string{"is_decoder", "add_cross_attention"} {
		set, err := o.takeFlag(key)
		if err != nil {
			return nil, err
		}
		if set {
			return nil, fmt.Errorf("%s: %s true is not supported: only encoders are", o.file, key)
		}
	}
	b := transformer.BERT{Types: 2}
	if err := o.takeSizes([]size{
		{"hidden_size", &c.HiddenSize},
		{"num_hidden_layers", &c.Layers},
		{"num_attention_heads", &b.Heads},
		{"intermediate_size", &b.Intermediate},
		{"vocab_size", &c.VocabSize},
		{"max_position_embeddings", &c.MaxPositions},
	}); err != nil {
		return nil, err
	}
	if c.HiddenSize%b.Heads != 0 {
		return nil, fmt.Errorf("%s: hidden_size %d is not a multiple of num_attention_heads %d", o.file, c.HiddenSize, b.Heads)
	}
	if err := o.takeSizes([]size{{"type_vocab_size", &b.Types}}); err != nil {
		return nil, err
	}
	if err := o.checkPadding(c.VocabSize); err != nil {
		return nil, err
	}
	epsilon, err := o.takeEpsilon("layer_norm_eps", 1e-12)
	if err != nil {
		return nil, err
	}
	if c.HiddenDropout, err = o.takeProbability("hidden_dropout_prob", 0.1); err != nil {
		return nil, err
	}
	if c.AttentionDropout, err = o.takeProbability("attention_probs_dropout_prob", 0.1); err != nil {
		return nil, err
	}
	if b.Activation, err = o.takeActivation("hidden_act", "gelu", plainActivations); err != nil {
		return nil, err
	}
	b.Hidden, b.Layers, b.Vocabulary, b.Positions = c.HiddenSize, c.Layers, c.VocabSize, c.MaxPositions
	b.Epsilon = float32(epsilon)
	return b, nil
}
