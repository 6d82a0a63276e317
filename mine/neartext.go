package mine

import (
	"slices"

	"github.com/quarry-ml/quarry/corpus"
)

// nearTexts holds the fingerprints of passages that were met.
type nearTexts struct {
	text func(passage int32) string
	met  map[int32]corpus.Fingerprint
}

// nearMost is how many passages' fingerprints are held: with more, it begins anew.
const nearMost = 1 << 15

func (n *nearTexts) of(passage int32) corpus.Fingerprint {
	f, ok := n.met[passage]
	if !ok {
		if len(n.met) >= nearMost {
			clear(n.met)
		}
		f = corpus.NewFingerprint(n.text(passage))
		n.met[passage] = f
	}
	return f
}

// any reports whether a passage is at least so similar to one of the texts.
func (n *nearTexts) any(texts []corpus.Fingerprint, passage int32, least float64) bool {
	f := n.of(passage)
	return slices.ContainsFunc(texts, func(t corpus.Fingerprint) bool { return f.Similarity(t) >= least })
}
