package candidates

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/quarry-ml/quarry/ranking"
)

const (
	hitSize      = 8       // passage, score
	positiveSize = 12      // passage, score, rank
	maxKey       = 1 << 20 // bytes of a query's key
)

// check is what must hold of every record, written or read.
func (h Header) check(c ranking.Candidates) error {
	if c.Query == "" || len(c.Query) > maxKey {
		return fmt.Errorf("a key of %d bytes", len(c.Query))
	}
	if err := h.checkRanked(ranking.Ranked{Hits: c.Hits, Positives: c.Positives}); err != nil {
		return err
	}
	if len(c.Sources) != h.parts() {
		return fmt.Errorf("parts of %d sources, want %d", len(c.Sources), h.parts())
	}
	for i, source := range c.Sources {
		if err := h.checkRanked(source); err != nil {
			return fmt.Errorf("source %s: %w", h.Sources[i].Name, err)
		}
	}
	return nil
}

func (h Header) checkRanked(c ranking.Ranked) error {
	// A run or a fusion may know fewer hits than were asked for; a search over the corpus has them all.
	if len(c.Hits) > h.kept() || len(c.Hits) < h.kept() && len(h.Sources) == 0 {
		return fmt.Errorf("%d hits, want %d (depth %d, %d passages)", len(c.Hits), h.kept(), h.Depth, h.Passages)
	}
	seen := make(map[int32]bool, len(c.Hits))
	for rank, hit := range c.Hits {
		if err := h.checkHit(hit.Passage, hit.Score); err != nil {
			return fmt.Errorf("rank %d: %w", rank, err)
		}
		if seen[hit.Passage] {
			return fmt.Errorf("rank %d: passage %d was ranked before", rank, hit.Passage)
		}
		seen[hit.Passage] = true
		if rank > 0 && c.Hits[rank-1].Score < hit.Score {
			return fmt.Errorf("rank %d: score %v follows the lower score %v", rank, hit.Score, c.Hits[rank-1].Score)
		}
	}
	return h.checkPositives(c, seen)
}

func (h Header) checkPositives(c ranking.Ranked, ranked map[int32]bool) error {
	for i, p := range c.Positives {
		if err := h.checkHit(p.Passage, p.Score); err != nil {
			return fmt.Errorf("positive %d: %w", i, err)
		}
		if p.Rank == -1 && len(h.Sources) > 0 { // the source does not say
			if p.Score != 0 || ranked[p.Passage] {
				return fmt.Errorf("positive %d: passage %d has no rank, but a score of %v or a hit", i, p.Passage, p.Score)
			}
			continue
		}
		if p.Rank < 0 || int(p.Rank) >= h.Passages {
			return fmt.Errorf("positive %d: rank %d of %d passages", i, p.Rank, h.Passages)
		}
		if i > 0 && (c.Positives[i-1].Rank < 0 || c.Positives[i-1].Rank >= p.Rank) {
			return fmt.Errorf("positive %d: rank %d follows rank %d", i, p.Rank, c.Positives[i-1].Rank)
		}
		if int(p.Rank) < len(c.Hits) {
			if hit := c.Hits[p.Rank]; hit.Passage != p.Passage || hit.Score != p.Score {
				return fmt.Errorf("positive %d: passage %d with score %v at rank %d, where the hits have passage %d with score %v", i, p.Passage, p.Score, p.Rank, hit.Passage, hit.Score)
			}
		} else if ranked[p.Passage] {
			return fmt.Errorf("positive %d: passage %d is among the hits but its rank is %d", i, p.Passage, p.Rank)
		}
	}
	return nil
}

func (h Header) checkHit(passage int32, score float32) error {
	if passage < 0 || int(passage) >= h.Passages {
		return fmt.Errorf("passage %d of %d", passage, h.Passages)
	}
	if math.IsNaN(float64(score)) {
		return fmt.Errorf("passage %d: the score is not a number", passage)
	}
	return nil
}

// appendRecord lays a record out: key, hits, positives, each behind its count; then hits and positives of each source.
func appendRecord(b []byte, c ranking.Candidates) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.Query)))
	b = append(b, c.Query...)
	b = appendRanked(b, ranking.Ranked{Hits: c.Hits, Positives: c.Positives})
	for _, source := range c.Sources {
		b = appendRanked(b, source)
	}
	return b
}

func appendRanked(b []byte, c ranking.Ranked) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.Hits)))
	for _, h := range c.Hits {
		b = binary.LittleEndian.AppendUint32(b, uint32(h.Passage))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(h.Score))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.Positives)))
	for _, p := range c.Positives {
		b = binary.LittleEndian.AppendUint32(b, uint32(p.Passage))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(p.Score))
		b = binary.LittleEndian.AppendUint32(b, uint32(p.Rank))
	}
	return b
}

// parseRecord is appendRecord's inverse, for records of so many sources' parts.
func parseRecord(b []byte, parts int) (ranking.Candidates, error) {
	var c ranking.Candidates
	p := parser{b}
	n, err := p.count(1)
	if err != nil {
		return c, err
	}
	c.Query, p.b = string(p.b[:n]), p.b[n:]
	whole, err := p.ranked()
	if err != nil {
		return c, err
	}
	c.Hits, c.Positives = whole.Hits, whole.Positives
	for range parts {
		source, err := p.ranked()
		if err != nil {
			return c, err
		}
		c.Sources = append(c.Sources, source)
	}
	if len(p.b) != 0 {
		return c, fmt.Errorf("%d bytes behind the last positive", len(p.b))
	}
	return c, nil
}

// parser reads a record from its beginning.
type parser struct{ b []byte }

func (p *parser) next() uint32 {
	v := binary.LittleEndian.Uint32(p.b)
	p.b = p.b[4:]
	return v
}

// count reads how many parts of a size follow and makes sure that they do.
func (p *parser) count(size int) (int, error) {
	if len(p.b) < 4 {
		return 0, errShort
	}
	n := int(p.next())
	if n > len(p.b)/size {
		return 0, errShort
	}
	return n, nil
}

func (p *parser) ranked() (ranking.Ranked, error) {
	var c ranking.Ranked
	n, err := p.count(hitSize)
	if err != nil {
		return c, err
	}
	c.Hits = make(ranking.Ranking, n)
	for i := range c.Hits {
		c.Hits[i] = ranking.Hit{Passage: int32(p.next()), Score: math.Float32frombits(p.next())}
	}
	if n, err = p.count(positiveSize); err != nil {
		return c, err
	}
	c.Positives = make([]ranking.Positive, n)
	for i := range c.Positives {
		c.Positives[i] = ranking.Positive{Passage: int32(p.next()), Score: math.Float32frombits(p.next()), Rank: int32(p.next())}
	}
	return c, nil
}

var errShort = errors.New("the record is shorter than its counts say")

// maxRecord is the largest length that a record of this file can have.
func (h Header) maxRecord() int64 {
	return 4 + maxKey + int64(1+h.parts())*(8+int64(h.kept())*hitSize+int64(h.Passages)*positiveSize)
}

// readBytes reads n bytes; memory grows with what is there, since a length may lie.
func readBytes(r io.Reader, n int) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(min(n, 1<<16))
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
