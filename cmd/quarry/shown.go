package main

import (
	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/incontext"
	"github.com/quarry-ml/quarry/model"
)

// ExampleOptions are the flags of how in-context examples are cut in training.
type ExampleOptions struct {
	QueryLength    int `json:"query_length"`
	ResponseLength int `json:"response_length"`
	Tokens         int `json:"tokens"` // 0 is what FlagEmbedding leaves
}

func defaultExamples() ExampleOptions { return ExampleOptions{QueryLength: 384, ResponseLength: 128} }

// AddFlags adds the flags to a command.
func (o *ExampleOptions) AddFlags(f *pflag.FlagSet) {
	f.IntVar(&o.QueryLength, "example-query-length", o.QueryLength, "`tokens` kept of an example's query, its prompt included")
	f.IntVar(&o.ResponseLength, "example-response-length", o.ResponseLength, "`tokens` kept of an example's answer")
	f.IntVar(&o.Tokens, "example-tokens", o.Tokens, "`tokens` of all examples before a query (the query's length less 512)")
}

// validate checks the flags of a training with so many examples.
func (o ExampleOptions) validate(given set, examples int) error {
	if examples == 0 {
		return given.needs("--examples", "example-query-length", "example-response-length", "example-tokens")
	}
	return given.atLeast(1, map[string]int{"example-query-length": o.QueryLength, "example-response-length": o.ResponseLength, "example-tokens": o.Tokens})
}

// showInTraining makes training read its queries as FlagEmbedding's decoder_only.icl does, where a suffix or examples
// say so.
func (t *training) showInTraining(d *finetune.Data, queries []corpus.Query) error {
	o := t.options
	if t.query.prompt.Suffix == "" && o.Tune.Examples == 0 {
		return nil
	}
	tokens := firstPositive(o.Examples.Tokens, t.query.maxLength-incontext.FlagEmbeddingReserve)
	if o.Tune.Examples > 0 && tokens < 1 {
		return badInputf("--examples: queries of %d tokens keep %d for themselves and leave none for examples: raise --query-max-length, or give --example-tokens", t.query.maxLength, incontext.FlagEmbeddingReserve)
	}
	reader := incontext.Training{
		Model:       t.model,
		Query:       func(i int) (string, model.Prompt) { return queries[i].Text, t.promptOf(queries[i]) },
		Passage:     func(p int32) string { return t.set.corpus.Passages[p].Full() },
		QueryTokens: o.Examples.QueryLength, ResponseTokens: o.Examples.ResponseLength, Tokens: tokens, MaxLength: t.query.maxLength,
	}
	d.Longest = max(d.Longest, t.query.maxLength)
	d.InContext = func(i int, shown []finetune.Shown) (model.Sequence, int, error) {
		pairs := make([]incontext.Pair, len(shown))
		for n, x := range shown {
			pairs[n] = incontext.Pair{Query: x.Example, Passage: x.Passage}
			if x.Chunks != nil {
				pairs[n].Text = shuffleText(t.set.corpus.Passages[x.Passage].Full(), x.Chunks)
			}
		}
		return reader.Sequence(i, pairs)
	}
	return nil
}
