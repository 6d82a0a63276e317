package main

import (
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/ranking"
)

// storedSources makes candidates of stored ones: by sources of theirs alone, or fused anew. Nil leaves them as they are.
type storedSources struct {
	header candidates.Header // of the file
	places []int             // of the sources in it
	fuse   fuse.Options
	order  ranking.Order
}

// chosenSources are those of --source and --fuse beside --candidates; a fusion without --source is of all that the file has. The file
// holds every source's hits to its depth, so that this is what a search by these sources would have found.
func (o MineOptions) chosenSources(header candidates.Header, c *corpus.Corpus) (*storedSources, error) {
	set := o.Rank.Texts.set
	fusing := set["fuse"] || set["fuse-constant"] || set["fuse-weights"]
	names := o.Sources.Names
	if len(names) == 0 {
		if !fusing {
			return nil, nil
		}
		names = header.Names()
	}
	s := &storedSources{header: header, fuse: o.Sources.Fuse, order: c.Order()}
	for i, name := range names {
		place, err := header.Place(name)
		if err != nil {
			return nil, badInputf("--source %s: %s: %w; rank again for another", name, o.Candidates, err)
		}
		if slices.Contains(names[:i], name) {
			return nil, badInputf("--source %s is named twice", name)
		}
		s.places = append(s.places, place)
	}
	if len(names) > 1 {
		if err := s.fuse.Validate(len(names)); err != nil {
			return nil, badInputf("--%w", err)
		}
	} else if fusing {
		return nil, badInputf("--fuse and its constant and weights have no part in one source: %s is ranked by %s alone", o.Candidates, names[0])
	}
	return s, nil
}

// made is the header of what is made.
func (s *storedSources) made() candidates.Header {
	if len(s.places) == 1 {
		return s.header.Alone(s.places, "")
	}
	return s.header.Alone(s.places, s.fuse.String())
}

// candidates are what a search by the sources would have found for the query of a record.
func (s *storedSources) candidates(c ranking.Candidates) ranking.Candidates {
	if s == nil {
		return c
	}
	var positives []int32
	for _, p := range c.Positives {
		positives = append(positives, p.Passage)
	}
	slices.Sort(positives)
	var parts []ranking.Ranked
	for _, place := range s.places {
		parts = append(parts, s.header.Of(c, place))
	}
	return fuse.Candidates(c.Query, parts, s.header.Depth, s.order, positives, s.fuse)
}
