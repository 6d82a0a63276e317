package recipe

import (
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/prompt"
)

// Eval says what is measured after every epoch, over the whole corpus.
type Eval struct {
	// Measures of the table: map@k, recall@k, hit@k, mrr@k, ndcg@k, precision@k, r-precision.
	Metrics []eval.Measure `yaml:"metrics"`
	// Library whose definition the measures follow where libraries differ.
	Convention eval.Convention `yaml:"convention" in:"sentence-transformers|trec_eval|kaggle|ranx|beir"`
	// Hits kept of each ranking.
	Depth int `yaml:"depth" in:"[1,)" unset:"the largest k of the metrics, and no less than 100"`
}

// Prompts says what is put around texts: a template with one {}, or else a prefix. \n means a newline.
type Prompts struct {
	// Around queries; "" for nothing.
	Query *prompt.Template `yaml:"query" unset:"the prompt stored with the model"`
	// Behind queries, never cut off, such as '\n<response>'. It belongs to the query prompt: with prompts.query and without a
	// suffix there is none.
	Suffix *prompt.Template `yaml:"suffix" unset:"that of the prompt stored with the model"`
	// Around passages; "" for nothing.
	Passage *prompt.Template `yaml:"passage" unset:"the prompt stored with the model"`
	// Use each row's own prompt key in place of the query prompt.
	FromRow bool `yaml:"from_row"`
}
