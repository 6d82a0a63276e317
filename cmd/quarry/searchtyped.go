package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/ranking"
)

// typedDepth is how many hits are shown of a typed query unless --depth says otherwise.
const typedDepth = 10

// notBesideTyped are flags of quarry search that have no part where queries are typed.
var notBesideTyped = strings.Fields("queries corpus-vectors query-vectors corpus-ids query-ids group-field prompt-from-row output format tag")

// show prints the hits of typed queries.
func (o SearchOptions) show(ctx context.Context, h *host) error {
	given := o.Rank.Texts.set
	for _, flag := range notBesideTyped {
		if given[flag] {
			return badInputf("--%s has no part beside --query: hits of typed queries are shown, not written", flag)
		}
	}
	if !given["depth"] {
		o.Depth = typedDepth
	}
	if o.Depth < 1 {
		return badInputf("--depth %d: show at least one passage", o.Depth)
	}
	if err := need("corpus", o.Rank.Data.Corpus); err != nil {
		return err
	}
	var d data
	for i, text := range o.Typed {
		if strings.TrimSpace(text) == "" {
			return badInputf("--query: an empty text")
		}
		d.queries = append(d.queries, corpus.Query{Key: strconv.Itoa(i), Text: text})
	}
	h.process.hold(o.Rank.Engine.limit(h.machine))
	var err error
	if d.corpus, err = o.Rank.Data.readCorpus(h); err != nil {
		return err
	}
	return o.rank(ctx, h, d, func(query int, c ranking.Candidates) error {
		separator := ""
		if query > 0 {
			separator = "\n"
		}
		return h.printf("%s%s\n%s", separator, oneLine(o.Typed[query]), hitsTable(c.Hits, d.corpus))
	})
}

// hitsTable has a line for each hit: rank, score, passage and the beginning of its text.
func hitsTable(hits ranking.Ranking, c *corpus.Corpus) string {
	if len(hits) == 0 { // what compares vectors ranks every passage
		return "no passage shares a word with it\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i, hit := range hits {
		fmt.Fprintf(w, "%4d\t%.4f\t%s\t%s\n", i+1, hit.Score, oneLine(c.ID(hit.Passage)), beginning(c.Passages[hit.Passage].Full()))
	}
	_ = w.Flush() // a strings.Builder takes all
	return b.String()
}
