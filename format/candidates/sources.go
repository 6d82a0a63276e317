package candidates

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/ranking"
)

// Is says whether a file holds candidates, by its first bytes, which it reads.
func Is(r io.Reader) bool {
	head := make([]byte, len(magic))
	_, err := io.ReadFull(r, head)
	return err == nil && string(head) == magic
}

// Names are those of the sources whose rankings the records hold, in their order. A file of one embedding model names none, and
// its source is called dense.
func (h Header) Names() []string {
	if len(h.Sources) == 0 {
		return []string{cmp.Or(h.Source, "dense")}
	}
	var names []string
	for _, s := range h.Sources {
		names = append(names, s.Name)
	}
	return names
}

// Place is that of a source among Names. A name that the file lacks is an error that lists those it has.
func (h Header) Place(name string) (int, error) {
	place := slices.Index(h.Names(), name)
	if place < 0 {
		return 0, fmt.Errorf("the file holds rankings of %s, not of %q", strings.Join(h.Names(), ", "), name)
	}
	return place, nil
}

// Of is what a source, by its place among Names, ranks for the query of a record: its own hits, to the depth of the file, and its own
// scores and ranks of the positives.
func (h Header) Of(c ranking.Candidates, place int) ranking.Ranked {
	if h.parts() == 0 {
		return ranking.Ranked{Hits: c.Hits, Positives: c.Positives}
	}
	return c.Sources[place]
}

// Alone is the header of candidates of some sources, by their places among Names, that fusion made one ranking of; of one source it is
// empty. What they were ranked of and for stays.
func (h Header) Alone(places []int, fusion string) Header {
	if len(h.Sources) == 0 {
		return h
	}
	all := h.Sources
	h.Source, h.Fusion, h.Sources = "fused", fusion, nil
	h.ModelDigest, h.Prompt, h.PassagePrompt, h.Identity = "", "", "", ""
	for _, place := range places {
		h.Sources = append(h.Sources, all[place])
	}
	if len(places) > 1 {
		return h
	}
	one := h.Sources[0]
	h.Source = one.Name
	if one.Name == "dense" { // as of a file that one model ranked
		h.ModelDigest, h.Prompt, h.PassagePrompt, h.Identity, h.Sources = one.ModelDigest, one.Prompt, one.PassagePrompt, one.Identity, nil
	}
	return h
}
