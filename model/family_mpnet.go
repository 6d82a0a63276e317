package model

import (
	"fmt"

	"github.com/quarry-ml/quarry/model/transformer"
)

// mpnet is transformers' MPNetModel. Without part are its pooler, buffers and heads.
var mpnet = &family{
	kind:        "mpnet",
	classes:     withHeads("MPNet", "MaskedLM", "SequenceClassification", "TokenClassification", "QuestionAnswering", "MultipleChoice"),
	read:        readMPNet,
	lowers:      true,
	first:       "embeddings.word_embeddings.weight",
	prefixes:    []string{"mpnet."},
	withoutPart: []string{"pooler.", "embeddings.position_ids", "lm_head.", "classifier.", "qa_outputs."},
}

func readMPNet(c *Config, o *object) (transformer.Network, error) {
	e, err := c.readEncoder(o, encoderDefaults{hiddenDropout: 0.1, attentionDropout: 0.1, activation: "gelu", allowed: plainActivations})
	if err != nil {
		return nil, err
	}
	buckets := transformer.MPNetBuckets
	if _, err := o.take("relative_attention_num_buckets", &buckets); err != nil {
		return nil, err
	}
	if buckets != transformer.MPNetBuckets {
		return nil, fmt.Errorf("%s: relative_attention_num_buckets %d is not supported; transformers computes with %d whatever it says", o.file, buckets, transformer.MPNetBuckets)
	}
	if c.VocabSize <= transformer.MPNetPadding {
		return nil, fmt.Errorf("%s: vocab_size %d has no padding token, which is %d", o.file, c.VocabSize, transformer.MPNetPadding)
	}
	m := transformer.MPNet{
		Hidden: c.HiddenSize, Layers: c.Layers, Heads: e.heads, Intermediate: e.intermediate,
		Vocabulary: c.VocabSize, Positions: c.MaxPositions, Activation: e.activation, Epsilon: e.epsilon,
	}
	return m, c.positionsAfter(o, transformer.MPNetPadding)
}
