package rerank

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
)

// Digest names a pair by its content. 128 bits make an accidental collision among billions of pairs out of the question.
type Digest = [16]byte

// Digest is the beginning of the SHA-256 of the query's length in bytes, as 8 bytes with the lowest first, the query and the
// passage.
func (p Pair) Digest() Digest {
	h := sha256.New()
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(p.Query)))
	h.Write(length[:])
	h.Write([]byte(p.Query))
	h.Write([]byte(p.Passage))
	return Digest(h.Sum(nil)[:16])
}

// Store holds what one teacher said of pairs.
type Store interface {
	// Get returns the score of a pair that is held.
	Get(d Digest) (float32, bool)
	// Put holds the scores of more pairs, and lasts when it returns.
	Put(digests []Digest, scores []float32) error
}

// Counts says where the scores of a call came from.
type Counts struct {
	Pairs  int // that differ in content
	Asked  int // of those, scored now
	Stored int // of those, found in the store
	Stats      // of what was scored now
}

// Scores returns the scores of pairs in their order. The teacher is asked once of each pair that the store lacks, and what it
// says is put into the store as it comes: an interrupted call costs no more than what was on its way. A Judge is asked
// first whether it may be asked of all pairs, those that the store has among them.
func Scores(ctx context.Context, t Teacher, pairs []Pair, s Store, o Options) ([]float32, Counts, error) {
	var counts Counts
	if j, ok := t.(Judge); ok {
		if err := j.MayJudge(pairs); err != nil {
			return nil, counts, err
		}
	}
	var missing []Pair
	var names []Digest // of what is missing
	seen := make(map[Digest]bool, len(pairs))
	for _, p := range pairs {
		d := p.Digest()
		if seen[d] {
			continue
		}
		seen[d] = true
		if _, ok := s.Get(d); !ok {
			missing, names = append(missing, p), append(names, d)
		}
	}
	counts.Pairs, counts.Asked, counts.Stored = len(seen), len(missing), len(seen)-len(missing)
	if len(missing) > 0 {
		var err error
		counts.Stats, err = t.Score(ctx, missing, o, func(first int, scores []float32) error {
			return s.Put(names[first:first+len(scores)], scores)
		})
		if err != nil {
			return nil, counts, err
		}
	}
	scores := make([]float32, len(pairs))
	for i, p := range pairs {
		scores[i], _ = s.Get(p.Digest()) // all are held by now
	}
	return scores, counts, nil
}
