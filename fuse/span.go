package fuse

import (
	"cmp"

	"github.com/quarry-ml/quarry/ranking"
)

// spanQueries is the most queries of a span: what is ready can be kept behind one. It is seconds of searching in a million passages.
const spanQueries = 4096

// Span is how many queries, at least one, so many sources rank to a depth before their rankings are fused: most, where that is 0 as many
// as are worth it, and fewer where these take more than an eighth of a limited memory (above 0).
func Span(most int, memory int64, depth, sources int) int {
	span := cmp.Or(most, spanQueries)
	if memory > 0 {
		span = int(min(int64(span), memory/8/int64(hitBytes*max(1, depth*sources))))
	}
	return max(1, span)
}

// hitBytes is a ranking.Hit.
const hitBytes = 8

// Candidates are what is known of a query by its key: the ranking of its only source, or one made of several with theirs beside it.
func Candidates(query string, sources []ranking.Ranked, depth int, order ranking.Order, positives []int32, o Options) ranking.Candidates {
	c, whole := ranking.Candidates{Query: query}, sources[0]
	if len(sources) > 1 {
		c.Sources = sources
		whole = Fuse(sources, depth, order, positives, o)
	}
	c.Hits, c.Positives = whole.Hits, whole.Positives
	return c
}
