package convert

import (
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/ranking"
)

// Candidates is the format of stored candidates. Rankings are written of them, and they of none.
const Candidates = "candidates"

// StoredOptions say which rankings of stored candidates are written, and how.
type StoredOptions struct {
	To, Tag, Packing string // as Run.Write has them
	Source           string // whose ranking; empty is the one that the candidates are in
}

// StoredLosses is what rankings do not hold of candidates.
func StoredLosses(h candidates.Header, o StoredOptions) []Loss {
	losses := []Loss{{What: "what ranked, for which round: left out"}, {What: "scores and ranks of positives behind the last hit: left out"}}
	switch {
	case len(h.Sources) < 2:
	case o.Source == "":
		losses = append(losses, Loss{What: "each source's own ranking: left out; --source names one to write"})
	default:
		losses = append(losses, Loss{What: "the rankings of other sources than " + o.Source + ", and the one made of all: left out"})
	}
	return losses
}

// WriteStored writes the rankings of candidates, query by query in their order, and says of how many queries, and how many have no
// hit and so no line. The queries' keys name them, id the passages.
func WriteStored(w io.Writer, file *candidates.Reader, id func(passage int32) string, o StoredOptions) (queries, empty int, err error) {
	h, place := file.Header(), 0
	if o.Source != "" {
		if place, err = h.Place(o.Source); err != nil {
			return 0, 0, err
		}
	}
	packed, err := corpus.Pack(w, o.Packing)
	if err != nil {
		return 0, 0, err
	}
	run, err := newRunWriter(packed, o.To, o.Tag)
	if err != nil {
		return 0, 0, err
	}
	for c, err := range file.All() {
		if err != nil {
			return queries, empty, err
		}
		hits := c.Hits
		if o.Source != "" {
			hits = h.Of(c, place).Hits
		}
		queries++
		if len(hits) == 0 {
			empty++
			continue
		}
		if err := run.Write(c.Query, hits, id); err != nil {
			return queries, empty, err
		}
	}
	if err := run.Flush(); err != nil {
		return queries, empty, err
	}
	return queries, empty, packed.Close()
}

// runWriter writes rankings query by query.
type runWriter interface {
	Write(query string, hits ranking.Ranking, id func(passage int32) string) error
	Flush() error
}
