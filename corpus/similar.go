package corpus

import (
	"hash/fnv"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain drops what two writings of one text differ by: case, spaces, a final stop. Signs stay: "x = -3" is not "x = 3".
func Plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
	return strings.TrimSuffix(text, ".")
}

// Fingerprint is a text as near-duplicates are found by: the sorted set of the hashes of its pieces of three characters,
// case, spaces and a final stop aside.
type Fingerprint []uint64

const piece = 3 // characters of a piece; a shorter text is one piece

// NewFingerprint is the fingerprint of a text.
func NewFingerprint(text string) Fingerprint {
	runes := []rune(Plain(text))
	var pieces Fingerprint
	for i := 0; i == 0 || i+piece <= len(runes); i++ {
		h := fnv.New64a()
		var b [utf8.UTFMax]byte
		for _, r := range runes[i:min(i+piece, len(runes))] {
			h.Write(b[:utf8.EncodeRune(b[:], r)])
		}
		pieces = append(pieces, h.Sum64())
	}
	slices.Sort(pieces)
	return slices.Compact(pieces)
}

// Similarity is how nearly two texts are the same, from 0 to 1: the share of all their pieces that both have (Jaccard).
func (f Fingerprint) Similarity(other Fingerprint) float64 {
	both := 0
	for i, j := 0, 0; i < len(f) && j < len(other); {
		switch {
		case f[i] < other[j]:
			i++
		case f[i] > other[j]:
			j++
		default:
			both, i, j = both+1, i+1, j+1
		}
	}
	return float64(both) / float64(len(f)+len(other)-both)
}
