package corpus

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
)

// Digest is the SHA-256, in hex, of every passage's id, title and text in corpus order: equal digests mean equal corpora.
func (c *Corpus) Digest() string {
	h := newPartHash()
	h.number(len(c.Passages))
	for _, p := range c.Passages {
		h.text(p.ID)
		h.text(p.Title)
		h.text(p.Text)
	}
	return h.hex()
}

// textDigest identifies a text; 128 bits make an accidental collision among billions of texts out of the question.
type textDigest [16]byte

func digestText(text string) textDigest {
	sum := sha256.Sum256([]byte(text))
	return textDigest(sum[:16])
}

// setKeys gives every query its key. Rows that are equal in text and positives are told apart by an ordinal; what else they
// differ in sorts them first, so that the file's order never decides.
func setKeys(queries []Query, positives func(q Query) []string) {
	type twin struct {
		query int
		rest  string
	}
	twins := map[string][]twin{}
	var bases []string // in order of first appearance
	for i, q := range queries {
		if q.ID != "" {
			queries[i].Key = q.ID
			continue
		}
		base := keyBase(q.Text, positives(q))
		if twins[base] == nil {
			bases = append(bases, base)
		}
		twins[base] = append(twins[base], twin{i, restOf(q)})
	}
	for _, base := range bases {
		same := twins[base]
		slices.SortStableFunc(same, func(a, b twin) int { return strings.Compare(a.rest, b.rest) })
		for ordinal, t := range same {
			queries[t.query].Key = keyOf(base, ordinal)
		}
	}
}

// Keys makes keys for rows without ids that are read one by one, as a corpus without ids has them: by the row's text and
// the texts of its positives. Rows equal in both are told apart by their order.
type Keys struct{ seen map[string]int }

// NewKeys has seen no row.
func NewKeys() *Keys { return &Keys{map[string]int{}} }

// Of is the key of the next row.
func (k *Keys) Of(text string, positives []string) string {
	base := keyBase(text, positives)
	k.seen[base]++
	return keyOf(base, k.seen[base]-1)
}

func keyOf(base string, ordinal int) string {
	h := newPartHash()
	h.text(base)
	h.number(ordinal)
	return h.hex()[:32]
}

// keyBase is what rows share that differ at most in their ordinal.
func keyBase(text string, positives []string) string {
	positives = slices.Sorted(slices.Values(positives))
	h := newPartHash()
	h.text(text)
	h.texts(positives)
	return h.hex()
}

func restOf(q Query) string {
	h := newPartHash()
	h.text(q.Prompt)
	h.text(q.Group)
	h.texts(q.Negatives)
	return h.hex()
}

// partHash hashes parts with their lengths, so that no two lists of parts run together into the same bytes.
type partHash struct{ hash.Hash }

func newPartHash() partHash { return partHash{sha256.New()} }

func (h partHash) number(n int) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}

func (h partHash) text(s string) {
	h.number(len(s))
	h.Write([]byte(s))
}

func (h partHash) texts(list []string) {
	h.number(len(list))
	for _, s := range list {
		h.text(s)
	}
}

func (h partHash) hex() string { return hex.EncodeToString(h.Sum(nil)) }
