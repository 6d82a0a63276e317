package rerank

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/quarry-ml/quarry/format/teacherscores"
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

// Store holds what one teacher said of pairs, and need not have it in memory.
type Store interface {
	// Find returns the scores that are held of the pairs which wanted names. They belong to the caller.
	Find(wanted func(Digest) bool) (teacherscores.Scores, error)
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

// Scores hands the scores of pairs to sink, those of a query at a time and in order; the slices are sink's to keep. The teacher is asked once
// of each pair that the store lacks, of a block of queries at a time, and what it says is put into the store as it comes: an interrupted call
// costs no more than what was on its way. What is in memory of the pairs is a block, and of the others a text and a number for each query.
// A Judge is asked first whether it may be asked of all queries, those whose scores the store has among them.
func Scores(ctx context.Context, t Teacher, asked Asked, s Store, o Options, sink func(scores []float32) error) (Counts, error) {
	w, err := newAsking(t, asked, s, o)
	if err != nil {
		return Counts{}, err
	}
	err = eachBlock(ctx, asked, o, func(b *block) error {
		scores, err := w.score(ctx, b)
		if err != nil {
			return err
		}
		return b.each(func(first, end int) error {
			said := make([]float32, end-first)
			for i := range said {
				said[i] = scores[b.digests[first+i]]
			}
			return sink(said)
		})
	})
	return w.counts, err
}

// Find hands the scores that find has of pairs to sink, block by block, those of a query at a time and in order, and returns how many pairs
// that differ in content have one. known says of each pair whether it has a score. Both slices are sink's to keep.
func Find(ctx context.Context, asked Asked, o Options, find func(wanted func(Digest) bool) (teacherscores.Scores, error), sink func(scores []float32, known []bool) error) (pairs int, err error) {
	once, err := NewOnce(asked)
	if err != nil {
		return 0, err
	}
	err = eachBlock(ctx, asked, o, func(b *block) error {
		held, err := find(b.wanted().has)
		if err != nil {
			return err
		}
		return b.each(func(first, end int) error {
			scores, known := make([]float32, end-first), make([]bool, end-first)
			for i, came := range once.Next(b.pairs[first:end], b.digests[first:end]) {
				if scores[i], known[i] = held[b.digests[first+i]]; known[i] && came {
					pairs++
				}
			}
			return sink(scores, known)
		})
	})
	return pairs, err
}

// asking is a call of Scores.
type asking struct {
	teacher Teacher
	store   Store
	once    *Once
	counts  Counts
	shown   *shown
}

func newAsking(t Teacher, asked Asked, s Store, o Options) (*asking, error) {
	once, err := NewOnce(asked)
	if err != nil {
		return nil, err
	}
	if j, ok := t.(Judge); ok {
		if err := j.MayJudge(once.queries); err != nil {
			return nil, err
		}
	}
	return &asking{teacher: t, store: s, once: once, shown: &shown{options: o, asked: asked, pairs: once.pairs}}, nil
}

// score returns the scores of a block's pairs.
func (w *asking) score(ctx context.Context, b *block) (teacherscores.Scores, error) {
	wanted := b.wanted()
	scores, err := w.store.Find(wanted.has)
	if err != nil {
		return nil, err
	}
	var missing []Pair
	var names []Digest // of what is missing
	err = b.each(func(first, end int) error {
		came := w.once.Next(b.pairs[first:end], b.digests[first:end])
		for i, d := range b.digests[first:end] {
			if came[i] {
				w.counts.Pairs++
			}
			if !wanted[d] {
				continue
			}
			delete(wanted, d)
			if _, ok := scores[d]; !ok {
				missing, names = append(missing, b.pairs[first+i]), append(names, d)
			} else if came[i] {
				w.counts.Stored++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	w.counts.Asked += len(missing)
	w.shown.next(b)
	if len(missing) == 0 {
		return scores, nil
	}
	o, err := w.shown.of(w.teacher)
	if err != nil {
		return nil, err
	}
	stats, err := w.teacher.Score(ctx, missing, o, func(first int, some []float32) error {
		digests := names[first : first+len(some)]
		for i, d := range digests {
			scores[d] = some[i]
		}
		return w.store.Put(digests, some)
	})
	w.counts.add(stats)
	return scores, err
}
