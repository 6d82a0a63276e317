package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/drift"
	"github.com/quarry-ml/quarry/format/candidates"
)

// lookedAt is which rankings of two rounds are compared, and what can be said of them.
type lookedAt struct {
	part   [2]int // of the sources that each round's records hold; -1 is what was mined from
	ranks  bool   // some are made of reciprocal ranks
	scales bool   // they score by different things
	note   string // why nothing is said of scores; may be empty
}

// lookAt finds a source in both rounds; empty is what was mined from.
func lookAt(source string, rounds [2]int, headers [2]candidates.Header) (l lookedAt, err error) {
	l.part = [2]int{-1, -1}
	if source != "" {
		for i, h := range headers {
			known := sourcesOf(h)
			at := slices.IndexFunc(known, func(s candidates.Source) bool { return s.Name == source })
			if at < 0 {
				return l, fmt.Errorf("--source %s: round %d is mined by %s: name a source that both rounds have", source, rounds[i], sourcesText(h))
			}
			if len(known) > 1 {
				l.part[i] = at
			}
			headers[i].Sources, headers[i].Fusion = known[at:at+1], ""
		}
	}
	for i, h := range headers {
		if !scored(h) {
			l.ranks = true
			l.note = fmt.Sprintf("round %d is mined by reciprocal ranks (%s of %s), which are no scores: what compares scores is left out; --source looks at one source that both rounds have", rounds[i], h.Fusion, sourcesText(h))
		}
	}
	if !l.ranks && !sameScale(headers[0], headers[1]) {
		l.scales = true
		l.note = fmt.Sprintf("round %d is mined by %s and round %d by %s, whose scores do not compare: how they moved is left out; --source looks at one source that both rounds have", rounds[0], scalesText(headers[0]), rounds[1], scalesText(headers[1]))
	}
	return l, nil
}

// sourcesOf are the sources of a file, the round's miner among them where it ranks alone.
func sourcesOf(h candidates.Header) []candidates.Source {
	if len(h.Sources) == 0 {
		return []candidates.Source{{Name: dense, Kind: dense}}
	}
	return h.Sources
}

// sourcesText names the sources of a file, and how they were fused.
func sourcesText(h candidates.Header) string {
	var names []string
	for _, s := range sourcesOf(h) {
		names = append(names, s.Name)
	}
	text := strings.Join(names, " and ")
	if h.Fusion != "" && scored(h) {
		text += " (" + h.Fusion + ")"
	}
	return text
}

// scalesText is sourcesText with the parameters of sources.
func scalesText(h candidates.Header) string {
	h.Sources = slices.Clone(sourcesOf(h))
	for i, s := range h.Sources {
		if s.Parameters != "" {
			h.Sources[i].Name += " (" + s.Parameters + ")"
		}
	}
	return sourcesText(h)
}

// byRun says whether a run alone ranked.
func byRun(h candidates.Header) bool { return len(h.Sources) == 1 && h.Sources[0].Kind == run }

// sameScale says whether scores of two files are of one kind: of the same sources, fused alike. Models may differ, as the miners of two
// rounds do.
func sameScale(a, b candidates.Header) bool {
	return a.Fusion == b.Fusion && slices.EqualFunc(sourcesOf(a), sourcesOf(b), func(a, b candidates.Source) bool {
		return a.Name == b.Name && a.Kind == b.Kind && a.Parameters == b.Parameters
	})
}

// bySource is a query by one of its sources, with the negatives that this one ranks; by what was mined from where part is -1.
func bySource(s drift.Side, part int) drift.Side {
	if part < 0 {
		return s
	}
	mined := make(map[int32]bool, len(s.Negatives))
	for _, rank := range s.Negatives {
		if rank < 0 || int(rank) >= len(s.Hits) {
			return s // drift tells of it
		}
		mined[s.Hits[rank].Passage] = true
	}
	source := s.Sources[part]
	s.Hits, s.Positives, s.Negatives = source.Hits, source.Positives, nil
	for rank, h := range s.Hits {
		if mined[h.Passage] {
			s.Negatives = append(s.Negatives, int32(rank))
		}
	}
	return s
}
